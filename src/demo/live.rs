//! A night moved to now, for a play at the real clock's speed: its instants and its zones shifted together.
//!
//! The zones become fixed offsets, so that the deadline still reads 07:00 and 10:00 and no midnight is crossed.

use chrono::{FixedOffset, TimeDelta, Timelike};

use super::slate::Slate;
use crate::config::Routing;
use crate::domain::{
    Instant,
    calendar::{Expectation, Season},
    ids::GameDate,
    policy::Policy,
    schedule::WallTime,
    zone::Zone,
};

/// Seconds from the schedule's zone to the calendar's: New York is three hours ahead of Los Angeles all year.
const SECONDS_BETWEEN: i32 = 3 * 3_600;
const HALF_DAY: i32 = 12 * 3_600;

/// A night's dates and zones moved so that its deadline falls on a given instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The date it is played on.
    pub game_date: GameDate,
    /// How far its instants move.
    pub by: TimeDelta,
    schedule: Zone,
    calendar: Zone,
}

impl Shift {
    /// The shift that makes `policy`'s deadline of `night` fall on `deadline_at`.
    pub fn to(deadline_at: Instant, night: GameDate, policy: &Policy) -> Self {
        let wanted = policy.schedule.deadline.at.num_seconds_from_midnight() as i32;
        let is = deadline_at.time().num_seconds_from_midnight() as i32;
        // Half a day to either side of UTC, so that both zones are among those that may exist.
        let east = (wanted - is + HALF_DAY).rem_euclid(2 * HALF_DAY) - HALF_DAY;
        let offset =
            |east: i32| FixedOffset::east_opt(east).map_or(policy.schedule.zone, Zone::Fixed);
        let schedule = offset(east);
        Self {
            game_date: schedule.date(deadline_at),
            by: deadline_at - policy.instants(night).deadline_at,
            schedule,
            calendar: offset(east + SECONDS_BETWEEN),
        }
    }

    /// The policy with its zones shifted; its times of day stay what they are.
    pub fn policy(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        let moved = |time: &WallTime| self.moved(time);
        policy.calendar_zone = self.calendar;
        policy.schedule.zone = self.schedule;
        policy.schedule.deadline = moved(&policy.schedule.deadline);
        policy.schedule.backup = policy.schedule.backup.as_ref().map(moved);
        policy.schedule.retries = policy.schedule.retries.iter().map(moved).collect();
        policy.upstream.usual_finish = moved(&policy.upstream.usual_finish);
        policy
    }

    /// The summaries' times of day in the shifted zone.
    pub fn routing(&self, routing: &Routing) -> Routing {
        Routing {
            daily_at: self.moved(&routing.daily_at),
            weekly_at: self.moved(&routing.weekly_at),
            ..routing.clone()
        }
    }

    fn moved(&self, time: &WallTime) -> WallTime {
        WallTime {
            zone: self.schedule,
            ..*time
        }
    }

    /// A season file that says of the new date what was said of the night's own.
    pub fn season(&self, expectation: Expectation) -> Option<Season> {
        let GameDate(date) = self.game_date;
        let without_games = match expectation {
            Expectation::NoGames => [date].into(),
            Expectation::Games => Default::default(),
            Expectation::Unknown => return None,
        };
        Some(Season {
            from: date,
            until: date,
            without_games,
        })
    }

    /// The night's tables and upstream on the new date.
    pub fn slate(&self, mut slate: Slate) -> Slate {
        for context in &mut slate.contexts {
            context.game_date = self.game_date;
        }
        for feature in &mut slate.features {
            feature.game_date = self.game_date;
            feature.updated_at += self.by;
        }
        if let Some(upstream) = &mut slate.upstream {
            upstream.game_date = self.game_date;
            upstream.started_at += self.by;
            upstream.finished_at += self.by;
        }
        slate
    }
}

#[cfg(test)]
mod tests;
