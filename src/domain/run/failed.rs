//! `Failed`: nothing could be dispatched. Later readiness, a trigger or a person re-opens it.
//!
//! Why it failed is decided where it fails: `waiting` and `batches`.

use super::{Failure, batches, draft::Draft, settled, waiting};
use crate::domain::{
    Asked,
    event::{Done, Event, FrozenTally},
    readiness::Readiness,
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to a failed run.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) => triggered(draft, trigger),
        Event::ReadinessAnswered { answer, .. } => readiness_answered(draft, answer),
        Event::Staged { wave, to_send } => waiting::staged(draft, *wave, to_send),
        Event::Ordered(Done::Frozen(tally)) => frozen(draft, tally),
        Event::Reconciled(answer) => settled::reconciled(draft, answer),
        Event::Sent(_) => draft.says(Code::Outdated, "nothing is being sent"),
        Event::Answered(_)
        | Event::Ordered(Done::GivenUp { .. } | Done::Released)
        | Event::Ticked
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. } => {}
    }
}

fn triggered(draft: &mut Draft, trigger: &Trigger) {
    let name = trigger.source.name();
    match (trigger.source, draft.run.failure) {
        (Source::Retry, Some(Failure::Publish)) => settled::retry(draft, batches::Reach::Fixed),
        (Source::Retry, Some(Failure::InsufficientData) | None) => {
            draft.says(Code::Accepted, "retry: readiness is asked now");
            draft.ask_readiness();
        }
        (Source::Event | Source::CatchUp | Source::Backup | Source::Manual, _) => {
            draft.says(
                Code::Accepted,
                format!("{name} re-opens the run; readiness is asked"),
            );
            draft.take(trigger);
            draft.wait(trigger.force);
        }
    }
}

/// Enough became ready after all: the run starts. Otherwise it is asked again later.
fn readiness_answered(draft: &mut Draft, answer: &Asked<Readiness>) {
    draft.run.looks.catch_up_at = Some(draft.now + draft.run.policy.catch_up.poll);
    let Asked::Known(readiness) = answer else {
        return;
    };
    let policy = &draft.run.policy.readiness;
    let floor = policy.floor(readiness.expected);
    let ready = readiness.ready;
    if ready < floor {
        let text = format!("{ready} are ready, at least {floor} are needed");
        draft.says(Code::NotReady, text);
        return;
    }
    let enough = readiness.share() >= policy.share_min || ready >= policy.ready_units;
    let finished = draft.run.upstream_finished();
    draft.run.start.degraded |= !(finished && enough);
    draft.says(Code::Ready, format!("{ready} are ready after all"));
    let source = draft.run.start.by.unwrap_or(Source::CatchUp);
    batches::stage(draft, source, batches::Reach::Fixed);
}

/// The plan is frozen. After publishes that all failed, nothing to send means that nothing may be sent again.
fn frozen(draft: &mut Draft, tally: &FrozenTally) {
    let spent = draft.run.failure == Some(Failure::Publish) && tally.to_send == 0;
    if spent && draft.run.counts.gap() > 0 {
        let text = "nothing may be sent again: attempts or budget are used up";
        draft.says(Code::NoRetry, text);
        return;
    }
    waiting::frozen(draft, tally);
}
