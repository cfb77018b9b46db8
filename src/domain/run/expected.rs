//! `Expected`: open, and nothing has asked for the run yet. The run history is asked in case an event was lost.
//!
//! Waiting for readiness belongs to `waiting`.

use super::draft::Draft;
use crate::domain::{
    Asked,
    event::Event,
    readiness::Readiness,
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to an expected run.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) => triggered(draft, trigger),
        Event::ReadinessAnswered {
            answer: Asked::Known(readiness),
            ..
        } => catch_up(draft, readiness),
        Event::ReadinessAnswered {
            answer: Asked::CouldNotAsk(_),
            ..
        } => {
            draft.run.looks.catch_up_at = Some(draft.now + draft.run.policy.catch_up.poll);
        }
        Event::Staged { .. } | Event::Sent(_) => {
            draft.says(Code::Outdated, "nothing is being sent")
        }
        Event::Ordered(_)
        | Event::Answered(_)
        | Event::Reconciled(_)
        | Event::Ticked
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. } => {}
    }
}

/// What a trigger does to a run that nothing has asked for; `NotExpected` opens with it, too.
pub fn triggered(draft: &mut Draft, trigger: &Trigger) {
    match trigger.source {
        Source::Retry => draft.says(
            Code::NothingToRetry,
            "nothing was sent yet, so there is nothing to retry",
        ),
        Source::Event | Source::CatchUp | Source::Backup | Source::Manual => {
            let by = trigger
                .by
                .as_deref()
                .map(|by| format!(" by {by}"))
                .unwrap_or_default();
            let forced = if trigger.force { ", forced" } else { "" };
            draft.says(
                Code::Accepted,
                format!(
                    "asked for by {}{by}{forced}; readiness is asked",
                    trigger.source.name()
                ),
            );
            draft.take(trigger);
            draft.wait(trigger.force);
        }
    }
}

/// The upstream finished and no event came within the grace: the run starts without it.
fn catch_up(draft: &mut Draft, readiness: &Readiness) {
    let policy = &draft.run.policy.catch_up;
    let Some(finished_at) = readiness.upstream_finished_at else {
        draft.run.looks.catch_up_at = Some(draft.now + policy.poll);
        draft.says(
            Code::UpstreamNotFinished,
            "the run history does not show the upstream as finished",
        );
        return;
    };
    if draft.now < finished_at + policy.grace {
        draft.run.looks.catch_up_at = Some(finished_at + policy.grace);
        draft.says(
            Code::EventAwaited,
            "the upstream has finished; its event may still arrive",
        );
        return;
    }
    let trigger = Trigger {
        finished_at: Some(finished_at),
        ..Trigger::of(Source::CatchUp)
    };
    triggered(draft, &trigger);
}
