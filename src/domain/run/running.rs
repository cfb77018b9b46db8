//! `Running`: a batch is sent; answers are awaited, and then the rows that they claim.
//!
//! When a batch settles and what that makes of the run belongs to `batches`.

use super::{batches, draft::Draft};
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
        Event::Answered(_) | Event::Ordered(Done::GivenUp { .. }) => batches::settle_if_due(draft),
        Event::Reconciled(answer) => reconciled(draft, matches!(answer, Asked::Known(_))),
        Event::Staged { wave, to_send } => staged(draft, *wave, to_send),
        Event::Ordered(Done::Frozen(tally)) if tally.to_send > 0 => batches::dispatch(draft),
        Event::Ordered(Done::Frozen(_)) => remember(draft),
        Event::Sent(_) => draft.says(Code::Outdated, "everything has been sent"),
        Event::ReadinessAnswered { .. }
        | Event::Ordered(Done::Released)
        | Event::Ticked
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. } => {}
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
                "a batch is under way; newly ready units follow when it settles",
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

/// A retry falls into the batch: what is no longer in flight is sent again now, else it is remembered.
fn retry(draft: &mut Draft) {
    let sending = draft
        .run
        .batch
        .as_ref()
        .is_some_and(|batch| batch.settling_at.is_none());
    if sending && draft.run.counts.gap() > 0 {
        draft.says(Code::RetryDue, "what is no longer in flight is sent again");
        batches::stage(draft, Source::Retry, batches::Reach::Fixed);
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

/// Rows were compared, or could not be: then it stays, and asks again.
fn reconciled(draft: &mut Draft, known: bool) {
    let settling = draft
        .run
        .batch
        .as_ref()
        .is_none_or(|batch| batch.settling_at.is_some());
    let again = draft.now + draft.run.policy.completion.reconcile_every;
    if settling && known {
        batches::conclude(draft);
    } else if settling || draft.run.is_observing() {
        draft.run.looks.rows_at = Some(again);
    }
    if !settling {
        batches::settle_if_due(draft);
    }
}
