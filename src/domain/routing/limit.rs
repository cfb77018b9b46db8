//! How many messages a channel takes in an hour, and what becomes of those beyond: a digest, never silence.
//!
//! Which messages are sent at all is not decided here.

use chrono::TimeDelta;

use crate::domain::{Instant, alert::Severity};

/// Over which time messages are counted.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// What a waiting message may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Leave by itself.
    Now,
    /// Leave together with all that wait: it is the hour's last.
    Digest,
    /// Wait until then.
    Hold(Instant),
}

/// What a message of this severity may do on a channel that has sent at these instants, latest first, and sends at
/// most `most` an hour (at least 2). Critical messages are outside the limit and do not count towards it.
pub fn slot(sent: &[Instant], severity: Severity, most: usize, now: Instant) -> Slot {
    if severity == Severity::Critical {
        return Slot::Now;
    }
    let recent = sent.iter().filter(|at| **at > now - HOUR);
    let recent: Vec<&Instant> = recent.take(most).collect();
    match recent.get(most.saturating_sub(1)) {
        Some(oldest) => Slot::Hold(**oldest + HOUR),
        None if recent.len() + 1 == most => Slot::Digest,
        None => Slot::Now,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Slot, slot};
    use crate::domain::{Instant, alert::Severity};

    fn now() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    /// So many messages, a minute apart, the latest a minute ago.
    fn sent(messages: i64) -> Vec<Instant> {
        (1..=messages)
            .map(|minutes| now() - TimeDelta::minutes(minutes))
            .collect()
    }

    #[test]
    fn the_last_of_an_hour_is_a_digest_and_what_comes_then_waits_for_the_first_to_be_an_hour_old() {
        let judged = |messages| slot(&sent(messages), Severity::Warning, 20, now());
        assert_eq!(judged(0), Slot::Now);
        assert_eq!(judged(18), Slot::Now);
        assert_eq!(judged(19), Slot::Digest);
        assert_eq!(judged(20), Slot::Hold(now() + TimeDelta::minutes(40)));
        assert_eq!(judged(30), Slot::Hold(now() + TimeDelta::minutes(40)));
    }

    #[test]
    fn what_is_an_hour_old_counts_no_more_and_critical_is_outside() {
        let at_the_hour = [now() - TimeDelta::hours(1)];
        assert_eq!(slot(&at_the_hour, Severity::Info, 2, now()), Slot::Now);
        let within = [now() - TimeDelta::hours(1) + TimeDelta::microseconds(1)];
        assert_eq!(slot(&within, Severity::Info, 2, now()), Slot::Digest);
        assert_eq!(slot(&sent(99), Severity::Critical, 20, now()), Slot::Now);
    }
}
