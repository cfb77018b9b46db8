//! Whether the service can do its job: what its outgoing heartbeat depends on. It stops when something here is wrong,
//! not only when the process is gone.
//!
//! A warehouse that cannot be asked is not here: people are told of it. This is for what they could not be told.

use chrono::TimeDelta;

use super::{Instant, seconds};

/// A timer that is later than this was not just busy: a minute.
const TIMERS_LATE: TimeDelta = TimeDelta::seconds(60);
/// An alert that has reached nobody for this long.
const UNHEARD: TimeDelta = TimeDelta::minutes(5);

/// What is known of the service's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The earliest due instant of any run or of the service itself.
    pub next_wake_at: Option<Instant>,
    /// When the oldest message was decided that has reached nobody over any channel.
    pub unheard_since: Option<Instant>,
}

/// Whether the service does its job; otherwise why not.
///
/// # Errors
///
/// What is wrong, as a sentence without a full stop.
pub fn judge(pulse: &Pulse, now: Instant) -> Result<(), String> {
    if let Some(at) = pulse.next_wake_at.filter(|at| now - *at > TIMERS_LATE) {
        let late = seconds::text(now - at);
        return Err(format!("its timers are late by {late}"));
    }
    if let Some(since) = pulse.unheard_since.filter(|at| now - *at > UNHEARD) {
        let passed = seconds::text(now - since);
        return Err(format!("a message has reached nobody for {passed}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Pulse, judge};
    use crate::domain::Instant;

    #[test]
    fn timers_may_be_late_by_a_minute_and_messages_unheard_for_five() {
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        let ago = |seconds| Some(now - TimeDelta::seconds(seconds));
        let judged = |timers, unheard| {
            let pulse = Pulse {
                next_wake_at: ago(timers),
                unheard_since: ago(unheard),
            };
            judge(&pulse, now)
        };
        assert_eq!(judged(60, 300), Ok(()));
        assert_eq!(judged(-600, 0), Ok(()));
        let late = judged(61, 0).unwrap_err();
        assert!(late.starts_with("its timers are late by"), "{late}");
        let unheard = judged(0, 301).unwrap_err();
        assert!(
            unheard.starts_with("a message has reached nobody for"),
            "{unheard}"
        );
        let nothing = Pulse {
            next_wake_at: None,
            unheard_since: None,
        };
        assert_eq!(judge(&nothing, now), Ok(()));
    }
}
