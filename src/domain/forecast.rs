//! When a night will be finished, simply: what is left, divided by how fast it goes.
//!
//! What is known of the night is put together by `run::outlook`; whether it is dangerous is held there, too.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::Instant;

/// What is left to do and how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// What the upstream usually still needs.
    pub upstream: TimeDelta,
    /// What it needs at most, as far as nights are known; `None`: no limit is known any more.
    pub upstream_slowest: Option<TimeDelta>,
    /// Units left.
    pub units: u64,
    /// Units a second, usually; above 0.
    pub rate: f64,
    /// Units a second in the slowest minute; 0: nothing came.
    pub rate_slowest: f64,
    /// Units a second in the fastest minute.
    pub rate_fastest: f64,
    /// What a retry adds, if a gap is likely.
    pub retry: TimeDelta,
}

/// When a night will be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Most likely.
    pub finish_at: Instant,
    /// At the earliest.
    pub earliest_at: Instant,
    /// At the latest; `None`: no end is in sight.
    pub latest_at: Option<Instant>,
}

/// Longest time a forecast speaks of; beyond it no end is in sight.
const SECONDS_MAX: f64 = 7.0 * 86_400.0;

/// The forecast for what is left.
pub fn forecast(outlook: &Outlook, now: Instant) -> Forecast {
    let work = |rate: f64| {
        let seconds = if outlook.units == 0 {
            0.0
        } else {
            outlook.units as f64 / rate
        };
        (seconds <= SECONDS_MAX).then(|| TimeDelta::milliseconds((seconds * 1e3) as i64))
    };
    let usual = work(outlook.rate).unwrap_or(TimeDelta::seconds(SECONDS_MAX as i64));
    let fastest = work(outlook.rate_fastest).unwrap_or(usual);
    let finish_at = now + outlook.upstream + usual + outlook.retry;
    let earliest_at = (now + outlook.upstream + fastest).min(finish_at);
    let latest_at = outlook
        .upstream_slowest
        .zip(work(outlook.rate_slowest))
        .map(|(upstream, slowest)| (now + upstream + slowest + outlook.retry).max(finish_at));
    Forecast {
        finish_at,
        earliest_at,
        latest_at,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::{Outlook, forecast};

    const CALM: Outlook = Outlook {
        upstream: TimeDelta::minutes(10),
        upstream_slowest: Some(TimeDelta::minutes(30)),
        units: 120,
        rate: 2.0,
        rate_slowest: 1.0,
        rate_fastest: 4.0,
        retry: TimeDelta::zero(),
    };

    #[test]
    fn the_finish_is_what_is_left_divided_by_the_rate() {
        let now = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let calm = forecast(&CALM, now);
        assert_eq!(calm.finish_at, now + TimeDelta::minutes(11));
        assert_eq!(calm.earliest_at, now + TimeDelta::seconds(630));
        assert_eq!(calm.latest_at, Some(now + TimeDelta::minutes(32)));
    }

    #[test]
    fn without_a_rate_or_a_known_upstream_no_end_is_in_sight() {
        let now = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        assert_eq!(
            forecast(
                &Outlook {
                    rate_slowest: 0.0,
                    ..CALM
                },
                now
            )
            .latest_at,
            None
        );
        assert_eq!(
            forecast(
                &Outlook {
                    upstream_slowest: None,
                    ..CALM
                },
                now
            )
            .latest_at,
            None
        );
        let done = Outlook {
            units: 0,
            rate_slowest: 0.0,
            upstream: TimeDelta::zero(),
            ..CALM
        };
        assert_eq!(forecast(&done, now).finish_at, now);
    }

    #[test]
    fn a_retry_is_added_where_a_gap_is_likely() {
        let now = Utc.with_ymd_and_hms(2026, 1, 11, 8, 0, 0).unwrap();
        let calm = forecast(&CALM, now);
        let gap = forecast(
            &Outlook {
                retry: TimeDelta::minutes(3),
                ..CALM
            },
            now,
        );
        assert_eq!(gap.finish_at - calm.finish_at, TimeDelta::minutes(3));
        assert_eq!(
            gap.latest_at.unwrap() - calm.latest_at.unwrap(),
            TimeDelta::minutes(3)
        );
        assert_eq!(gap.earliest_at, calm.earliest_at);
    }
}
