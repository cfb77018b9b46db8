//! How a night begins: with its promises, its instants and what is known of other nights, frozen.
//!
//! What may open it is the calendar's and the triggers' business.

use super::{Asking, Looks, Purpose, Retries, Risk, Run, Start, State};
use crate::domain::{
    Instant,
    baseline::Baseline,
    calendar::Expectation,
    completion::Counts,
    ids::RunKey,
    policy::Policy,
    reason::{Code, Reason},
};

/// What is known when a run opens.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// Whose run.
    pub key: RunKey,
    /// Tonight's, or a backfill.
    pub purpose: Purpose,
    /// The handoff's promises as configured now.
    pub policy: Policy,
    /// What nights usually look like.
    pub baseline: Baseline,
    /// What the calendar says of the date.
    pub expectation: Expectation,
}

impl Run {
    /// Opens a run: `NotExpected` where the season file says there are no games, else `Expected`.
    pub fn open(opening: Opening, now: Instant) -> Self {
        let mut instants = opening.policy.instants(opening.key.game_date);
        if opening.purpose == Purpose::Backfill {
            // It has no deadline; it is open as long after its start as a night is after its own.
            instants.closes_at = now + opening.policy.schedule.closes_after;
        }
        let idle =
            opening.expectation == Expectation::NoGames && opening.purpose == Purpose::Tonight;
        let looks = Looks {
            catch_up_at: (!idle).then_some(now),
            ..Looks::default()
        };
        Self {
            key: opening.key,
            purpose: opening.purpose,
            state: if idle {
                State::NotExpected
            } else {
                State::Expected
            },
            failure: None,
            policy: opening.policy,
            instants,
            baseline: opening.baseline,
            expectation: opening.expectation,
            opened_at: now,
            steps: 0,
            start: Start::default(),
            wait: None,
            asking: Asking::default(),
            readiness: None,
            counts: Counts::default(),
            batch: None,
            staging: None,
            batches: 0,
            waves: 0,
            retries: Retries::default(),
            ruling: None,
            judging_since: None,
            risk: Risk::default(),
            alerts: Vec::new(),
            completed_at: None,
            announced: None,
            looks,
            closed_at: None,
        }
    }

    /// Opens a closed run again, for a person who starts a past date: a backfill, without promises or alerts.
    pub fn reopen_as_backfill(&mut self, now: Instant) {
        self.purpose = Purpose::Backfill;
        self.closed_at = None;
        // What was being asked when it closed has been answered to nobody.
        self.asking = Asking::default();
        self.staging = None;
        // Its retries are over: the person who opens it says how far to go.
        self.retries.pending = None;
        self.retries.automatic_at = None;
        self.retries.remembered = false;
        // What was written since is seen, and what was still in flight is given up.
        self.looks.rows_at = (self.batches > 0).then_some(now);
        self.looks.give_up_at = (self.counts.in_flight > 0).then_some(now);
        self.instants.closes_at = now + self.policy.schedule.closes_after;
        if self.state == State::NotExpected {
            // As a backfill that is opened anew: the person who asks for it knows better than the season file.
            self.state = State::Expected;
        }
    }

    /// What the night begins with, to be told once.
    pub fn opening(&self) -> Reason {
        let zone = self.policy.schedule.zone;
        let deadline = zone.time_text(self.instants.deadline_at);
        let text = match (self.purpose, self.expectation) {
            (Purpose::Backfill, _) => {
                "opened for a past date: a backfill, without promises or alerts".to_owned()
            }
            (Purpose::Tonight, Expectation::NoGames) => {
                "the season file says there are no games: nothing is expected or promised"
                    .to_owned()
            }
            (Purpose::Tonight, Expectation::Games) => {
                format!("the night opens, promised by {deadline}")
            }
            (Purpose::Tonight, Expectation::Unknown) => format!(
                "the night opens, promised by {deadline}; no season file speaks of this date, so games are expected"
            ),
        };
        Reason::new(Code::Opened, text)
    }
}

#[cfg(test)]
mod tests {
    use super::Opening;
    use crate::domain::{
        Instant,
        calendar::Expectation,
        run::{Purpose, Run, sample},
    };

    fn told(purpose: Purpose, expectation: Expectation) -> String {
        let opening = Opening {
            purpose,
            expectation,
            ..sample::opening()
        };
        let now: Instant = "2026-01-19T05:00:00Z".parse().unwrap();
        Run::open(opening, now).opening().text
    }

    #[test]
    fn a_night_opens_with_its_promise_and_says_what_is_known_of_its_games() {
        let tonight = |expectation| told(Purpose::Tonight, expectation);
        assert_eq!(
            tonight(Expectation::Games),
            "the night opens, promised by 07:00 PST"
        );
        assert_eq!(
            tonight(Expectation::Unknown),
            "the night opens, promised by 07:00 PST; no season file speaks of this date, so games are expected"
        );
        assert_eq!(
            tonight(Expectation::NoGames),
            "the season file says there are no games: nothing is expected or promised"
        );
    }

    #[test]
    fn a_past_date_opens_without_a_promise_whatever_the_season_file_says() {
        for expectation in [
            Expectation::Games,
            Expectation::Unknown,
            Expectation::NoGames,
        ] {
            assert_eq!(
                told(Purpose::Backfill, expectation),
                "opened for a past date: a backfill, without promises or alerts"
            );
        }
    }
}
