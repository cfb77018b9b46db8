//! The one place where the wall clock is read. Everything else is handed a [`Clock`].
//!
//! What time means (game dates, schedules, deadlines) belongs to `domain`.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DurationRound, TimeDelta, Utc};
use tokio::sync::watch;

use crate::domain::Instant;

/// Longest uninterrupted sleep, so that a stepped system clock is noticed within a minute.
const SLEEP_SECONDS_MAX: u64 = 60;

/// The current instant and waiting for a later one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current instant, to the microsecond.
    fn now(&self) -> Instant;

    /// Returns at `at` or soon after; at once if `at` is past, and where the clock is set back meanwhile: whoever sleeps
    /// looks again, or would sleep until it has caught up.
    async fn sleep_until(&self, at: Instant);
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn read() -> Instant {
        let now = Utc::now();
        now.duration_trunc(TimeDelta::microseconds(1))
            .unwrap_or(now)
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Self::read()
    }

    async fn sleep_until(&self, at: Instant) {
        let longest = Duration::from_secs(SLEEP_SECONDS_MAX);
        sleep_until(at, longest, Self::read).await;
    }
}

/// Looks at the clock at least this often.
async fn sleep_until(at: Instant, longest: Duration, read: impl Fn() -> Instant) {
    let mut now = read();
    while let Ok(left) = (at - now).to_std()
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(longest)).await;
        let before = std::mem::replace(&mut now, read());
        if now < before {
            return;
        }
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Instant>,
}

impl ManualClock {
    /// A clock standing at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves the clock to `to`, also backwards, and wakes those whose instant has come.
    pub fn set(&self, to: Instant) {
        self.now.send_replace(to);
    }

    /// Moves the clock on by `by`.
    pub fn advance(&self, by: TimeDelta) {
        self.now.send_modify(|now| *now += by);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Instant) {
        let mut latest = self.now();
        // The sender lives as long as `self`, so the channel cannot close while this waits.
        let is_over = |now: &Instant| {
            let is_back = *now < latest;
            latest = *now;
            is_back || *now >= at
        };
        let _ = self.now.subscribe().wait_for(is_over).await;
    }
}

/// A clock that runs faster than the machine's: for the demo. With `never_past_real` it falls in with the
/// machine's clock when it has caught up and then runs at its pace.
#[derive(Debug)]
pub struct WarpClock {
    pace: Mutex<Pace>,
    changed: watch::Sender<()>,
    never_past_real: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    real: Instant,
    shown: Instant,
    speed: f64,
    until: Option<Instant>,
}

impl WarpClock {
    /// A clock that shows `shown` now and runs `speed` times as fast as the machine's.
    pub fn new(shown: Instant, speed: f64, never_past_real: bool) -> Self {
        let pace = Pace {
            real: SystemClock::read(),
            shown,
            speed,
            until: None,
        };
        Self {
            pace: Mutex::new(pace),
            changed: watch::Sender::new(()),
            never_past_real,
        }
    }

    /// Runs `speed` times as fast as the machine's clock from now on.
    pub fn set_speed(&self, speed: f64) {
        self.change(|pace| pace.speed = speed);
    }

    /// Stands still at `until` if it gets there, until it is told another instant; `None`: runs on.
    pub fn hold_at(&self, until: Option<Instant>) {
        self.change(|pace| pace.until = until);
    }

    /// Changes the pace from now on: what was shown is neither repeated nor left out.
    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let shown = self.now();
        let mut pace = self.lock();
        pace.real = SystemClock::read();
        pace.shown = shown;
        change(&mut pace);
        drop(pace);
        self.changed.send_replace(());
    }

    /// Whether it has fallen in with the machine's clock and runs at its pace.
    pub fn has_caught_up(&self) -> bool {
        self.read().1
    }

    /// What it shows, and whether that is the machine's own time.
    fn read(&self) -> (Instant, bool) {
        let pace = *self.lock();
        let real = SystemClock::read();
        let passed = (real - pace.real).num_microseconds().unwrap_or(i64::MAX) as f64 * pace.speed;
        let runs = pace.shown + TimeDelta::microseconds(passed as i64);
        // A clock that is already past the instant does not turn back to it.
        let shown = pace
            .until
            .map_or(runs, |until| runs.min(until.max(pace.shown)));
        if self.caught_up(shown, real) {
            (real, true)
        } else {
            (shown, false)
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn caught_up(&self, shown: Instant, real: Instant) -> bool {
        self.never_past_real && shown >= real
    }
}

#[async_trait]
impl Clock for WarpClock {
    fn now(&self) -> Instant {
        self.read().0
    }

    async fn sleep_until(&self, at: Instant) {
        let mut changed = self.changed.subscribe();
        loop {
            let now = self.now();
            let Ok(left) = (at - now).to_std() else {
                return;
            };
            if left.is_zero() {
                return;
            }
            let speed = if self.caught_up(now, SystemClock::read()) {
                1.0
            } else {
                self.lock().speed
            };
            let nap = left.div_f64(speed).clamp(
                Duration::from_micros(200),
                Duration::from_secs(SLEEP_SECONDS_MAX),
            );
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                _ = changed.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicI64, Ordering},
        },
        time::Duration,
    };

    use chrono::TimeDelta;

    use super::{Clock, ManualClock, SystemClock, WarpClock};
    use crate::domain::Instant;

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn the_machines_clock_counts_whole_microseconds_and_runs_forward() {
        let earlier = SystemClock.now();
        assert_eq!(earlier.timestamp_subsec_nanos() % 1_000, 0);
        assert!(SystemClock.now() >= earlier);
    }

    #[tokio::test]
    async fn a_past_instant_is_not_waited_for_on_any_clock() {
        let past = instant("2020-01-01T00:00:00Z");
        SystemClock.sleep_until(past).await;
        let now = instant("2026-01-19T15:00:00Z");
        ManualClock::new(now).sleep_until(now).await;
        WarpClock::new(now, 0.001, false).sleep_until(now).await;
    }

    #[tokio::test]
    async fn the_machines_clock_wakes_at_the_instant_and_not_before() {
        let at = SystemClock.now() + TimeDelta::milliseconds(5);
        SystemClock.sleep_until(at).await;
        assert!(SystemClock.now() >= at);
    }

    #[tokio::test]
    async fn a_sleeper_notices_that_the_clock_was_set_back() {
        let start = instant("2026-01-19T15:00:00Z");
        let at = start + TimeDelta::hours(1);
        let reads = AtomicI64::new(0);
        let set_back = || start - TimeDelta::hours(reads.fetch_add(1, Ordering::Relaxed));
        let asleep = super::sleep_until(at, Duration::from_millis(1), set_back);
        tokio::time::timeout(Duration::from_secs(20), asleep)
            .await
            .unwrap();
        let clock = ManualClock::new(start);
        let back = async { clock.set(start - TimeDelta::hours(1)) };
        let both = async { tokio::join!(clock.sleep_until(at), back) };
        tokio::time::timeout(Duration::from_secs(20), both)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_exactly_when_its_instant_has_come() {
        let start = instant("2026-01-19T15:00:00Z");
        let clock = Arc::new(ManualClock::new(start));
        let at = start + TimeDelta::minutes(1);
        let sleeper = clock.clone();
        let slept = tokio::spawn(async move {
            sleeper.sleep_until(at).await;
            sleeper.now()
        });
        clock.advance(TimeDelta::seconds(59));
        tokio::task::yield_now().await;
        assert!(!slept.is_finished(), "a second is left");
        clock.set(at);
        assert_eq!(slept.await.unwrap(), at);
        clock.set(start);
        assert_eq!(clock.now(), start, "it may be set back");
    }

    #[test]
    fn a_fast_clock_that_may_not_overtake_the_machines_falls_in_with_it() {
        let behind = SystemClock.now() - TimeDelta::hours(1);
        assert!(!WarpClock::new(behind, 1.0, true).has_caught_up());
        let clock = WarpClock::new(behind, 1e12, true);
        for _ in 0..1_000 {
            let shown = clock.now();
            assert!(shown <= SystemClock.now());
            assert!(shown >= behind);
        }
        std::hint::black_box(SystemClock.now());
        let caught_up = clock.now();
        assert!(SystemClock.now() - caught_up < TimeDelta::seconds(30));
        assert!(clock.has_caught_up());
        clock.set_speed(1e12);
        assert!(
            clock.now() <= SystemClock.now(),
            "nor after a change of pace"
        );
    }

    #[test]
    fn a_fast_clock_that_may_overtake_does() {
        let start = SystemClock.now();
        let clock = WarpClock::new(start, 1e9, false);
        let made = SystemClock.now();
        while SystemClock.now() == made {}
        assert!(clock.now() > SystemClock.now());
        assert!(!clock.has_caught_up(), "it never falls in with it");
    }

    #[test]
    fn a_change_of_speed_neither_jumps_nor_turns_back() {
        let clock = WarpClock::new(instant("2026-01-19T05:00:00Z"), 1_800.0, false);
        let mut before = clock.now();
        for speed in [20.0, 1_800.0, 90.0, 0.0, 1_800.0] {
            clock.set_speed(speed);
            let after = clock.now();
            assert!(after >= before, "{speed}");
            // At most what a slow machine may need between two readings, at the faster speed.
            assert!(after - before < TimeDelta::hours(2), "{speed}");
            before = after;
        }
        clock.set_speed(0.0);
        let still = clock.now();
        assert_eq!(clock.now(), still, "at no speed it stands");
    }

    #[test]
    fn a_held_clock_stands_at_its_instant_and_goes_on_from_there() {
        let start = instant("2026-01-19T05:00:00Z");
        let clock = WarpClock::new(start, 0.0, false);
        let at = start + TimeDelta::minutes(1);
        clock.hold_at(Some(at));
        clock.set_speed(1e12);
        while clock.now() < at {}
        assert_eq!(clock.now(), at);
        clock.set_speed(1e9);
        assert_eq!(clock.now(), at, "a change of pace does not free it");
        clock.hold_at(Some(at - TimeDelta::hours(1)));
        assert_eq!(clock.now(), at, "it never turns back");
        clock.set_speed(0.0);
        clock.hold_at(None);
        assert_eq!(clock.now(), at, "what it was held for is not made up for");
    }

    #[tokio::test]
    async fn a_sleeper_notices_that_the_clock_was_made_faster() {
        let start = instant("2026-01-19T05:00:00Z");
        let clock = Arc::new(WarpClock::new(start, 0.001, false));
        let at = start + TimeDelta::hours(8);
        let sleeper = clock.clone();
        let slept = tokio::spawn(async move {
            sleeper.sleep_until(at).await;
            sleeper.now()
        });
        tokio::task::yield_now().await;
        clock.set_speed(1e9);
        assert!(slept.await.unwrap() >= at);
    }
}
