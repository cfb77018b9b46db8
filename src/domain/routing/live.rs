//! When a night's live message is brought up to date: often while it matters, seldom otherwise, never for nothing.
//!
//! What it shows belongs to the channel.

use chrono::TimeDelta;

use crate::domain::{Instant, run::Snapshot};

/// The least time between two edits: Slack takes about fifty a minute.
const GAP: TimeDelta = TimeDelta::seconds(3);
/// How long before the deadline the countdown is followed closely.
const CLOSE: TimeDelta = TimeDelta::hours(2);
/// How much more seldom it is followed before that.
const SELDOM: i32 = 10;

/// When the live message is to be edited, if it shows `shown` and the night stands as `night`: at an instant that may
/// be past, or never.
pub fn edit_at(shown: Option<&Snapshot>, night: &Snapshot, every: TimeDelta) -> Option<Instant> {
    let Some(shown) = shown else {
        return Some(night.at);
    };
    if differs(shown, night) {
        return Some(shown.at + GAP);
    }
    let deadline_at = night.deadline_at.filter(|at| *at > shown.at)?;
    let pause = if shown.at + CLOSE >= deadline_at {
        every
    } else {
        every * SELDOM
    };
    Some((shown.at + pause).min(deadline_at))
}

/// Whether anything but the time has changed. A forecast moves with the time as long as nothing happens.
fn differs(shown: &Snapshot, night: &Snapshot) -> bool {
    let still = |snapshot: &Snapshot| Snapshot {
        at: night.at,
        forecast: None,
        latency_seconds: None,
        ..snapshot.clone()
    };
    still(shown) != still(night)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::edit_at;
    use crate::domain::{
        Instant,
        run::{Run, Snapshot, State, sample},
    };

    fn at(time: &str) -> Instant {
        format!("2026-01-19T{time}-08:00").parse().unwrap()
    }

    fn night(time: &str) -> Snapshot {
        Run::open(sample::opening(), at("00:00:00")).snapshot(at(time))
    }

    fn edit(shown: Option<&Snapshot>, night: &Snapshot) -> Option<Instant> {
        edit_at(shown, night, TimeDelta::minutes(1))
    }

    #[test]
    fn it_is_shown_at_once_and_edited_soon_after_a_change() {
        assert_eq!(edit(None, &night("01:00:00")), Some(at("01:00:00")));
        let moved = Snapshot {
            state: State::Running,
            ..night("01:00:01")
        };
        assert_eq!(edit(Some(&night("01:00:00")), &moved), Some(at("01:00:03")));
    }

    #[test]
    fn the_countdown_is_followed_each_minute_in_its_last_two_hours_and_seldom_before() {
        let shown = |time: &str| edit(Some(&night(time)), &night("06:59:00"));
        assert_eq!(shown("04:59:59"), Some(at("05:09:59")));
        assert_eq!(shown("05:00:00"), Some(at("05:01:00")));
        assert_eq!(
            shown("06:59:30"),
            Some(at("07:00:00")),
            "not past the deadline"
        );
        assert_eq!(shown("07:00:00"), None, "nothing counts down any more");
    }
}
