//! When a message that a channel did not take is tried again, and how long a channel may take.
//!
//! Which channel is taken instead belongs to the routes.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;

use crate::domain::{Instant, ids::ChannelId};

/// The pause after the first failure; each further one doubles it.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
/// The longest pause; also the one after a refusal that no further try mends, for people may mend its cause.
const PAUSE_MAX: TimeDelta = TimeDelta::minutes(5);
/// A server's own wish is heeded up to this.
const WISH_MAX: TimeDelta = TimeDelta::hours(1);
/// The longest a channel may take.
const PATIENCE_MAX: TimeDelta = TimeDelta::seconds(60);
/// Doublings after which every pause is at its longest.
const DOUBLINGS_MAX: u32 = 16;

/// How a try failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub error: String,
    /// No further try can mend it by itself.
    pub permanent: bool,
    /// The message may have arrived all the same: the answer was lost.
    pub doubtful: bool,
    /// How long the server wants to be left alone.
    pub retry_after: Option<TimeDelta>,
}

/// When to try again after `attempts` failures, at least 1. `chance`, 0 to 1, spreads the tries of many messages over
/// 0.8 to 1.2 of the pause; a server's wish is never cut short.
pub fn retry_at(failure: &Failure, attempts: u32, chance: f64, now: Instant) -> Instant {
    let doubled = PAUSE * 2_i32.pow(attempts.saturating_sub(1).min(DOUBLINGS_MAX));
    let pause = if failure.permanent {
        PAUSE_MAX
    } else {
        doubled.min(PAUSE_MAX)
    };
    let spread = pause.num_milliseconds() as f64 * (0.8 + 0.4 * chance.clamp(0.0, 1.0));
    let wish = failure.retry_after.unwrap_or_default().min(WISH_MAX);
    now + TimeDelta::milliseconds(spread as i64).max(wish)
}

/// A number of a message's own, 0 to 1, another one for each channel and try: it spreads the tries of many messages as
/// chance would, and a night played again is the same night.
pub fn chance(notice_id: &str, channel: &ChannelId, attempts: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (notice_id, channel, attempts).hash(&mut hasher);
    f64::from((hasher.finish() >> 32) as u32) / f64::from(u32::MAX)
}

/// How long a channel may take for its next try: what is configured at first, then longer, for it may only be slow.
pub fn patience(first: TimeDelta, attempts: u32) -> TimeDelta {
    let doubled = first * 2_i32.pow(attempts.min(DOUBLINGS_MAX));
    doubled.min(PATIENCE_MAX.max(first))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Failure, chance, patience, retry_at};
    use crate::domain::{Instant, ids::ChannelId};

    fn failure(permanent: bool, retry_after: Option<i64>) -> Failure {
        Failure {
            error: "refused".to_owned(),
            permanent,
            doubtful: false,
            retry_after: retry_after.map(TimeDelta::seconds),
        }
    }

    fn pause(failure: &Failure, attempts: u32, chance: f64) -> i64 {
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        (retry_at(failure, attempts, chance, now) - now).num_milliseconds()
    }

    #[test]
    fn the_pause_doubles_from_a_second_to_five_minutes_and_chance_spreads_it() {
        let plain = failure(false, None);
        for (attempts, milliseconds) in [(1, 1_000), (2, 2_000), (9, 256_000), (10, 300_000)] {
            assert_eq!(pause(&plain, attempts, 0.5), milliseconds, "{attempts}");
        }
        assert_eq!(pause(&plain, u32::MAX, 0.5), 300_000);
        assert_eq!((pause(&plain, 1, 0.0), pause(&plain, 1, 1.0)), (800, 1_200));
        assert_eq!(
            (pause(&plain, 1, -9.0), pause(&plain, 1, 9.0)),
            (800, 1_200)
        );
    }

    #[test]
    fn the_tries_of_many_messages_are_spread_and_each_is_always_the_same() {
        let slack = ChannelId::new("slack");
        let chances: Vec<f64> = (0..1_000)
            .map(|number| chance(&format!("h/2026-01-19/{number}/0"), &slack, 1))
            .collect();
        let mean = chances.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        let low = chances.iter().filter(|it| **it < 0.1).count();
        assert!((60..140).contains(&low), "{low}");
        assert!(chances.iter().all(|it| (0.0..=1.0).contains(it)));
        assert_eq!(chance("one", &slack, 1), chance("one", &slack, 1));
        assert_ne!(chance("one", &slack, 1), chance("one", &slack, 2));
    }

    #[test]
    fn the_servers_wish_is_a_minimum_and_heeded_for_an_hour_at_most() {
        assert_eq!(pause(&failure(false, Some(30)), 1, 0.5), 30_000);
        assert_eq!(pause(&failure(false, Some(0)), 1, 0.5), 1_000);
        assert_eq!(pause(&failure(false, Some(90_000)), 1, 0.5), 3_600_000);
    }

    #[test]
    fn what_no_try_can_mend_is_tried_slowly_from_the_start() {
        assert_eq!(pause(&failure(true, None), 1, 0.5), 300_000);
    }

    #[test]
    fn patience_grows_with_each_failure_up_to_a_minute_or_what_is_configured() {
        let seconds = |first, attempts| patience(TimeDelta::seconds(first), attempts).num_seconds();
        assert_eq!((seconds(4, 0), seconds(4, 1), seconds(4, 9)), (4, 8, 60));
        assert_eq!((seconds(90, 0), seconds(90, u32::MAX)), (90, 90));
    }
}
