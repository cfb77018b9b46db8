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

    /// Returns at `at` or soon after; at once if `at` is past.
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
        while let Ok(left) = (at - self.now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(Duration::from_secs(SLEEP_SECONDS_MAX))).await;
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
        // The sender lives as long as `self`, so the channel cannot close while this waits.
        let _ = self.now.subscribe().wait_for(|now| *now >= at).await;
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
}

impl WarpClock {
    /// A clock that shows `shown` now and runs `speed` times as fast as the machine's.
    pub fn new(shown: Instant, speed: f64, never_past_real: bool) -> Self {
        let pace = Pace {
            real: SystemClock::read(),
            shown,
            speed,
        };
        Self {
            pace: Mutex::new(pace),
            changed: watch::Sender::new(()),
            never_past_real,
        }
    }

    /// Runs `speed` times as fast as the machine's clock from now on.
    pub fn set_speed(&self, speed: f64) {
        let shown = self.now();
        *self.lock() = Pace {
            real: SystemClock::read(),
            shown,
            speed,
        };
        self.changed.send_replace(());
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
        let pace = *self.lock();
        let real = SystemClock::read();
        let passed = (real - pace.real).num_microseconds().unwrap_or(i64::MAX) as f64 * pace.speed;
        let shown = pace.shown + TimeDelta::microseconds(passed as i64);
        if self.caught_up(shown, real) {
            real
        } else {
            shown
        }
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
