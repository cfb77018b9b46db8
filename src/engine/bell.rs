//! When a loop looks into the store next: when it planned to, or as early as somebody rings for.
//!
//! What it looks for belongs to the loop. Whoever rings has committed what is to be found.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokio::sync::Notify;

use crate::{clock::Clock, domain::Instant};

/// The longest that a loop plans ahead.
pub const AHEAD_MAX: TimeDelta = TimeDelta::minutes(10);

/// The bell of one loop.
pub struct Bell {
    /// `None`: it is looking.
    next: Mutex<Option<Instant>>,
    earlier: Notify,
}

impl Default for Bell {
    /// The first look is long due: nothing that is rung before it puts it off.
    fn default() -> Self {
        Self {
            next: Mutex::new(Some(Instant::UNIX_EPOCH)),
            earlier: Notify::new(),
        }
    }
}

impl Bell {
    fn next(&self) -> MutexGuard<'_, Option<Instant>> {
        // What is behind the lock is whole after every statement.
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the loop look at this instant at the latest.
    pub fn ring_by(&self, at: Instant) {
        let mut next = self.next();
        if next.is_none_or(|planned| at < planned) {
            *next = Some(at);
            self.earlier.notify_one();
        }
    }

    /// Whether it is time to look, or the clock was set back since it was planned; then what is rung from now on is
    /// about the look after this one.
    pub fn is_due(&self, now: Instant) -> bool {
        let mut next = self.next();
        let due = next.is_none_or(|at| at <= now || at > now + AHEAD_MAX);
        if due {
            *next = None;
        }
        due
    }

    /// Plans the next look, unless somebody rang for an earlier one meanwhile.
    pub fn plan(&self, at: Instant) {
        let mut next = self.next();
        *next = Some(next.map_or(at, |rung| rung.min(at)));
    }

    /// Waits for the planned instant, or until somebody rings for an earlier one.
    pub async fn wait(&self, clock: &dyn Clock) {
        let Some(until) = *self.next() else {
            return;
        };
        tokio::select! {
            biased;
            () = clock.sleep_until(until) => {}
            () = self.earlier.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use futures::FutureExt;

    use super::Bell;
    use crate::{clock::ManualClock, domain::Instant};

    fn at(minutes: i64) -> Instant {
        let start: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        start + TimeDelta::minutes(minutes)
    }

    #[test]
    fn it_looks_at_once_then_when_planned_exactly_then_included() {
        let bell = Bell::default();
        assert!(bell.is_due(at(0)));
        bell.plan(at(10));
        assert!(!bell.is_due(at(9)));
        assert!(bell.is_due(at(10)));
    }

    #[test]
    fn what_is_rung_before_the_first_look_does_not_put_it_off() {
        let bell = Bell::default();
        bell.ring_by(at(10));
        assert!(bell.is_due(at(0)));
    }

    #[test]
    fn it_looks_where_the_clock_was_set_back_by_more_than_it_plans_ahead() {
        let bell = Bell::default();
        assert!(bell.is_due(at(0)));
        bell.plan(at(10));
        assert!(!bell.is_due(at(0)));
        assert!(bell.is_due(at(-1)));
    }

    #[test]
    fn an_earlier_ring_counts_and_a_later_one_does_not() {
        let bell = Bell::default();
        assert!(bell.is_due(at(0)));
        bell.plan(at(10));
        bell.ring_by(at(12));
        assert!(!bell.is_due(at(9)));
        bell.ring_by(at(5));
        assert!(bell.is_due(at(5)));
    }

    #[test]
    fn what_is_rung_during_a_look_is_not_lost() {
        let bell = Bell::default();
        assert!(bell.is_due(at(0)));
        bell.ring_by(at(1));
        bell.plan(at(10));
        assert!(bell.is_due(at(1)));
    }

    #[test]
    fn a_ring_wakes_whoever_waits_for_later() {
        let (bell, clock) = (Bell::default(), ManualClock::new(at(0)));
        assert!(bell.is_due(at(0)));
        bell.plan(at(10));
        assert!(bell.wait(&clock).now_or_never().is_none());
        bell.ring_by(at(5));
        assert!(bell.wait(&clock).now_or_never().is_some());
    }
}
