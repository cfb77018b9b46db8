//! How fast the demo's clock runs: slowly where something happens, fast where a night only waits.
//!
//! It changes nothing but the speed: every timer and time-out is the service's own.

use chrono::TimeDelta;

use crate::domain::{
    Instant,
    run::{Run, State},
};

/// While units go out and answers come in.
const BUSY: f64 = 20.0;
/// While something is about to happen.
const NEAR: f64 = 90.0;
/// While nothing is.
const IDLE: f64 = 1_800.0;
/// How long after the last movement a batch still counts as busy.
const MOVING: TimeDelta = TimeDelta::seconds(90);
/// How near an instant has to be.
const SOON: TimeDelta = TimeDelta::seconds(60);

/// How many times faster than a wall clock the night may run now. `events` are instants at which the night's own
/// script does something.
pub fn speed(run: Option<&Run>, events: &[Instant], now: Instant) -> f64 {
    let near = |at: &Instant| *at - SOON <= now && now <= *at + SOON;
    let soon = events.iter().any(near);
    let Some(run) = run else {
        return if soon { NEAR } else { IDLE };
    };
    let moved = run
        .batch
        .as_ref()
        .is_some_and(|batch| now < batch.last_moved_at() + MOVING);
    let batch = matches!(run.state, State::Dispatching | State::Running) && moved;
    let staging = run.staging.is_some() || run.asking.rows_since.is_some();
    let retry = run.retries.automatic_at.is_some_and(|at| near(&at));
    let fixed = &run.instants;
    let scheduled = fixed
        .backups_at
        .iter()
        .chain(&fixed.retries_at)
        .chain([&fixed.check_at, &fixed.deadline_at]);
    let due = scheduled.into_iter().any(near);
    let starting = run.start.finished_at.is_some()
        && run.start.dispatched_at.is_none()
        && run.state == State::Waiting;
    match () {
        () if batch || staging => BUSY,
        () if soon || retry || due || starting => NEAR,
        () => IDLE,
    }
}
