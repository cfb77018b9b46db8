//! Sentences about the promise that alerts share: every number and instant in them is the run's own.
//!
//! Layout, zones for readers and links belong to `render`.

use super::{Run, outlook, settled};
use crate::domain::{Instant, sla::Ruling};

/// The broken promise.
pub fn breached(run: &Run, ruling: &Ruling) -> String {
    let (gap, ready) = (run.counts.gap(), run.counts.ready);
    let zone = run.policy.schedule.zone;
    let deadline = zone.time_text(run.instants.deadline_at);
    let late = if ruling.late {
        ", found when the service came back"
    } else {
        ""
    };
    match run.start.triggered_at {
        None => format!("nothing asked for the run by {deadline}{late}"),
        Some(_) => format!("{gap} of {ready} ready still need work at {deadline}{late}"),
    }
}

/// The promise in danger.
pub fn at_risk(run: &Run, now: Instant) -> String {
    let zone = run.policy.schedule.zone;
    let deadline = zone.time_text(run.instants.deadline_at);
    match outlook::foresee(run, now) {
        Some(forecast) => match forecast.latest_at {
            Some(latest_at) => format!(
                "may finish as late as {}, the deadline is {deadline}",
                zone.time_text(latest_at)
            ),
            None => format!("no finish is in sight, the deadline is {deadline}"),
        },
        None => format!("the deadline is {deadline}"),
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
