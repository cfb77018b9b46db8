//! Sentences about the promise that alerts share: every number and instant in them is the run's own, and none of
//! them changes while nothing happens.
//!
//! Layout, zones for readers and links belong to `render`.

use chrono::TimeDelta;

use super::{Run, settled};
use crate::domain::{Instant, sla::Ruling};

/// How late an instant is, where it is past the deadline of a run with promises.
pub fn late_by(run: &Run, at: Instant) -> Option<String> {
    let late = at - run.instants.deadline_at;
    (late > TimeDelta::zero() && run.has_promises())
        .then(|| format!("late by {} min", (late.num_seconds() + 59) / 60))
}

/// The broken promise.
pub fn breached(run: &Run, ruling: &Ruling) -> String {
    let (gap, ready) = (run.counts.needing_work(), run.counts.ready);
    let zone = run.policy.schedule.zone;
    let deadline = zone.time_text(run.instants.deadline_at);
    let late = if ruling.late {
        ", found when the service came back"
    } else {
        ""
    };
    match run.start.triggered_at {
        None => format!("nothing asked for the run by {deadline}{late}"),
        Some(_) => format!("{gap} of {ready} ready still need work, due {deadline}{late}"),
    }
}

/// A broken promise that needs nobody any more: finished after all, or judged anew.
pub fn recovered(run: &Run) -> String {
    let zone = run.policy.schedule.zone;
    match run.completed_at {
        Some(at) => {
            let time = zone.time_text(at);
            let late = late_by(run, at).unwrap_or_else(|| "in time after all".to_owned());
            format!("finished at {time}, {late}")
        }
        None => "the verdict was corrected: the promise was met".to_owned(),
    }
}

/// The promise in danger.
pub fn at_risk(run: &Run) -> String {
    let zone = run.policy.schedule.zone;
    let deadline = zone.time_text(run.instants.deadline_at);
    match run.risk.latest_at {
        Some(latest_at) => {
            let latest = zone.time_text(latest_at);
            format!("the deadline of {deadline} is at risk: it may take until {latest}")
        }
        None => format!("the deadline of {deadline} is at risk: no finish is in sight"),
    }
}

/// What happens to the gap next, promised only if it will.
pub fn next_retry(run: &Run) -> String {
    let zone = run.policy.schedule.zone;
    let fixed = run.instants.retries_at.get(run.retries.fixed_done).copied();
    let fixed = fixed.filter(|_| settled::retry_to_come(run));
    match run.retries.automatic_at.or(fixed) {
        Some(at) => format!("will retry at {}", zone.time_text(at)),
        None => "no retry is left".to_owned(),
    }
}
