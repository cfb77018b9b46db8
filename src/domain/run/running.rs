//! `Running`: a batch is sent; answers are awaited, and then the rows that they claim.
//!
//! When a batch settles belongs to `batch`, what that makes of the run to `conclude`.

use super::{batch, batches, batches::Reach, conclude, draft::Draft};
use crate::domain::{
    Asked,
    event::{Done, Event},
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to a run whose batch is sent.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) if trigger.source == Source::Retry => retry(draft),
        Event::Triggered(trigger) => merge(draft, trigger),
        Event::Answered(_) | Event::Ordered(Done::GivenUp { .. }) => batch::settle_if_due(draft),
        Event::Reconciled(answer) => reconciled(draft, matches!(answer, Asked::Known(_))),
        Event::Staged { wave, to_send } => staged(draft, *wave, to_send),
        Event::Ordered(Done::Frozen(tally)) if tally.to_send > 0 => batches::dispatch(draft),
        Event::Ordered(Done::Frozen(_)) => remember(draft),
        Event::Sent(_) => draft.says(Code::Outdated, "everything has been sent"),
        Event::ReadinessAnswered { .. } => ask_again(draft),
        Event::Ordered(Done::Released)
        | Event::Ticked
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. } => {}
    }
}

/// An answer to a trigger that a batch has overtaken: it is asked again when the batch settles.
pub fn ask_again(draft: &mut Draft) {
    if draft.run.asking.trigger.take().is_some() {
        draft.run.asking.again = true;
    }
}

/// A trigger while a batch is under way: an event is kept in mind, the rest has nothing to do.
pub fn merge(draft: &mut Draft, trigger: &Trigger) {
    match trigger.source {
        Source::Event => {
            draft.take(trigger);
            draft.run.asking.again = true;
            draft.says(
                Code::Merged,
                "a batch is under way; what is newly ready follows when it settles",
            );
        }
        Source::CatchUp | Source::Backup | Source::Manual | Source::Retry => {
            let name = trigger.source.name();
            draft.says(
                Code::NothingToDo,
                format!("{name} has nothing to do: a batch is under way"),
            );
        }
    }
}

/// A retry falls into the batch: once rows are compared, what is no longer in flight is sent again; else it is
/// remembered.
fn retry(draft: &mut Draft) {
    let awaited = draft
        .run
        .batch
        .as_ref()
        .is_some_and(|batch| batch.settling_at.is_none());
    if awaited && draft.run.counts.gap() > 0 {
        draft.says(
            Code::RetryDue,
            "what is no longer in flight is sent again, once rows are compared",
        );
        draft.run.retries.pending = Some(Reach::Fixed);
        draft.reconcile();
    } else {
        remember(draft);
    }
}

/// Keeps a retry in mind until the batch settles.
pub fn remember(draft: &mut Draft) {
    draft.run.retries.remembered = true;
    draft.says(
        Code::RetryRemembered,
        "nothing can be sent again now; the retry is kept until the batch settles",
    );
}

fn staged(draft: &mut Draft, wave: u32, to_send: &Asked<u64>) {
    match to_send {
        Asked::Known(_) => batches::order_freeze(draft, wave),
        Asked::CouldNotAsk(_) => {
            draft.run.staging = None;
            remember(draft);
        }
    }
}

/// Rows were compared, or could not be: then they are asked for again.
fn reconciled(draft: &mut Draft, known: bool) {
    let settling = draft
        .run
        .batch
        .as_ref()
        .is_none_or(|batch| batch.settling_at.is_some());
    if settling && known {
        conclude::conclude(draft);
        return;
    }
    if draft.run.is_observing() {
        draft.look_at_rows_later();
    }
    batch::settle_if_due(draft);
    let awaited = draft
        .run
        .batch
        .as_ref()
        .is_some_and(|batch| batch.settling_at.is_none());
    if known
        && awaited
        && draft.run.counts.gap() > 0
        && let Some(reach) = draft.run.retries.pending.take()
    {
        batches::stage(draft, Source::Retry, reach);
    }
}
