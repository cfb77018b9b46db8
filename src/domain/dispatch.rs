//! How fast units are sent: a ramp, a pace and a cap in flight.
//!
//! Sending belongs to the engine; the set to send belongs to `plan`.

use chrono::TimeDelta;

use super::{
    Instant,
    ids::{RequestId, RunKey, UnitId},
    policy::Pace,
};

/// The idempotency key of one unit's one attempt.
pub fn request_id(run: &RunKey, unit: &UnitId, attempt: u32) -> RequestId {
    RequestId::new(format!(
        "{}/{}/{unit}/{attempt}",
        run.handoff, run.game_date
    ))
}

/// The attempt that a key names, if it is one of this run's unit.
pub fn attempt_of(request: &RequestId, run: &RunKey, unit: &UnitId) -> Option<u32> {
    let prefix = format!("{}/{}/{unit}/", run.handoff, run.game_date);
    request.as_str().strip_prefix(&prefix)?.parse().ok()
}

/// When the next unit may be sent. It begins at the ramp's start and never sends in a burst what it could not send
/// while it was held back.
#[derive(Debug, Clone, PartialEq)]
pub struct Pacer {
    pace: Pace,
    started_at: Instant,
    noted_at: Instant,
    next_at: Instant,
}

impl Pacer {
    /// A pacer whose ramp starts now.
    pub fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            started_at: now,
            noted_at: now,
            next_at: now,
        }
    }

    /// Units a second at this instant.
    pub fn rate(&self, now: Instant) -> f64 {
        let ramp = self.pace.ramp.num_milliseconds() as f64;
        let passed = (now - self.started_at).num_milliseconds() as f64;
        let share = if ramp > 0.0 {
            (passed / ramp).clamp(0.0, 1.0)
        } else {
            1.0
        };
        let climb = self.pace.full_per_second - self.pace.start_per_second;
        (self.pace.start_per_second + share * climb).max(f64::MIN_POSITIVE)
    }

    /// How many may be sent now, at most `most`, given how many are in flight.
    pub fn allowance(&self, in_flight: u64, most: u64, now: Instant) -> u64 {
        if now < self.next_at(now) {
            return 0;
        }
        let room = u64::from(self.pace.in_flight_max).saturating_sub(in_flight);
        // A tick's worth: what the pace allows in a tenth of a second, at least one.
        let tick = ((self.rate(now) * TICK_SECONDS) as u64).max(1);
        room.min(tick).min(most)
    }

    /// When the next unit may be sent: at once where the clock has been set back since the last one, or sending would
    /// stand still until it has caught up.
    pub fn next_at(&self, now: Instant) -> Instant {
        if now < self.noted_at {
            now
        } else {
            self.next_at
        }
    }

    /// Takes note that `units` were sent now, and says when the next may be.
    pub fn note(&mut self, units: u64, now: Instant) -> Instant {
        let micros = (units as f64 / self.rate(now) * 1e6).min(MICROS_MAX);
        let late = now - TimeDelta::milliseconds(CREDIT_MS);
        self.next_at = self.next_at(now).max(late) + TimeDelta::microseconds(micros as i64);
        self.started_at = self.started_at.min(now);
        self.noted_at = now;
        self.next_at
    }
}

/// A tick's length: sending goes in small groups, so that a fast pace needs no timer a unit.
const TICK_SECONDS: f64 = 0.1;
/// Time a late timer may make good, in milliseconds.
const CREDIT_MS: i64 = 200;
/// Longest pause between two units: a day, in microseconds.
const MICROS_MAX: f64 = 86_400e6;

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::{Pacer, attempt_of, request_id};
    use crate::domain::{
        ids::{GameDate, HandoffId, RequestId, RunKey, UnitId},
        policy::Pace,
    };

    fn run() -> RunKey {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 1, 11).unwrap();
        RunKey {
            handoff: HandoffId::new("a"),
            game_date: GameDate(date),
        }
    }

    #[test]
    fn a_key_names_its_attempt_also_for_odd_units() {
        for name in ["lebronjames", "karl-anthony", "o'neal/2", "🏀", ""] {
            let unit = UnitId::new(name);
            let key = request_id(&run(), &unit, 3);
            assert_eq!(attempt_of(&key, &run(), &unit), Some(3), "{name}");
        }
        assert_eq!(
            attempt_of(
                &RequestId::new("a/2026-01-11/x/soon"),
                &run(),
                &UnitId::new("x")
            ),
            None
        );
        assert_eq!(
            attempt_of(
                &RequestId::new("b/2026-01-11/x/1"),
                &run(),
                &UnitId::new("x")
            ),
            None
        );
    }

    /// Sends `units` on a clock that moves in milliseconds and returns how many went in each second.
    fn sent_by_second(units: u64, in_flight_max: u32) -> Vec<u64> {
        let start = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let mut pacer = Pacer::new(
            Pace {
                in_flight_max,
                ..Pace::default()
            },
            start,
        );
        let mut seconds = vec![0; 40];
        let mut sent = 0;
        for millis in 0..40_000 {
            let now = start + TimeDelta::milliseconds(millis);
            let allowed = pacer.allowance(sent, units - sent, now);
            if allowed > 0 {
                pacer.note(allowed, now);
                seconds[(millis / 1_000) as usize] += allowed;
                sent += allowed;
            }
        }
        seconds
    }

    #[test]
    fn incident_41_sending_ramps_up_from_ten_to_fifty_a_second_in_ten_seconds() {
        let seconds = sent_by_second(100_000, 100_000);
        assert!((10..=15).contains(&seconds[0]), "{seconds:?}");
        assert!((28..=36).contains(&seconds[5]), "{seconds:?}");
        assert!(
            seconds[12..].iter().all(|sent| (45..=55).contains(sent)),
            "{seconds:?}"
        );
    }

    #[test]
    fn incident_09_no_more_are_in_flight_than_the_cap() {
        assert_eq!(sent_by_second(450, 100).iter().sum::<u64>(), 100);
    }

    #[test]
    fn what_was_held_back_does_not_go_out_in_a_burst() {
        let start = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let mut pacer = Pacer::new(Pace::default(), start);
        pacer.note(1, start);
        let later = start + TimeDelta::minutes(10);
        let mut burst = 0;
        for _ in 0..100 {
            let allowed = pacer.allowance(0, 1_000, later);
            if allowed == 0 {
                break;
            }
            pacer.note(allowed, later);
            burst += allowed;
        }
        assert!(burst <= 15, "{burst} at once after ten minutes");
    }

    #[test]
    fn without_a_ramp_the_pace_is_full_at_once() {
        let start = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let pacer = Pacer::new(
            Pace {
                ramp: TimeDelta::zero(),
                ..Pace::default()
            },
            start,
        );
        assert_eq!(pacer.rate(start), 50.0);
    }

    #[test]
    fn the_next_unit_waits_for_the_instant_that_the_last_one_left() {
        let start = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let mut pacer = Pacer::new(Pace::default(), start);
        assert_eq!(pacer.next_at(start), start, "the first goes at once");
        let next_at = pacer.note(1, start);
        assert_eq!(pacer.next_at(start), next_at);
        let just_before = next_at - TimeDelta::microseconds(1);
        assert_eq!(pacer.allowance(0, 1, just_before), 0);
        assert_eq!(pacer.allowance(0, 1, next_at), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_and_the_ramp_begins_anew() {
        let start = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let mut pacer = Pacer::new(Pace::default(), start);
        pacer.note(1, start + TimeDelta::seconds(20));
        let back = start - TimeDelta::hours(3);
        assert_eq!(pacer.next_at(back), back);
        assert_eq!(pacer.allowance(0, 1, back), 1);
        let next_at = pacer.note(1, back);
        assert_eq!(next_at, back + TimeDelta::milliseconds(100), "ten a second");
        assert_eq!(pacer.allowance(0, 1, back), 0);
        let later = back + TimeDelta::seconds(10);
        assert_eq!(pacer.rate(later), 50.0);
    }
}
