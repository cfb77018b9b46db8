//! `Dispatching`: a frozen batch is being sent.
//!
//! Answers that come meanwhile are counted like any others; nothing settles while units are still to be sent.

use super::{State, batch, draft::Draft, running};
use crate::domain::{event::Event, reason::Code, trigger::Source};

/// Decides what an event does to a run that is sending.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) if trigger.source == Source::Retry => running::remember(draft),
        Event::Triggered(trigger) => running::merge(draft, trigger),
        Event::Sent(_) => sent(draft),
        Event::ReadinessAnswered { .. } => running::ask_again(draft),
        Event::Staged { .. } => draft.says(Code::Outdated, "a batch is being sent already"),
        Event::Reconciled(_)
        | Event::Ordered(_)
        | Event::Answered(_)
        | Event::Ticked
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. } => {}
    }
}

/// Units went out; when none is left, answers are awaited.
fn sent(draft: &mut Draft) {
    let timeout = draft.run.policy.completion.answer_timeout;
    let batch = draft.run.batch.as_ref();
    let Some(batch) = batch else { return };
    let (left, sent, refused, frozen) = (
        batch.left_to_send(),
        batch.sent,
        batch.refused,
        batch.frozen,
    );
    if let Some(first) = batch.first_sent_at {
        draft.run.looks.give_up_at = draft.run.looks.give_up_at.or(Some(first + timeout));
    }
    let lost = if refused > 0 {
        format!(", {refused} could not be sent")
    } else {
        String::new()
    };
    draft.says(Code::Sent, format!("{sent} of {frozen} are sent{lost}"));
    if left > 0 {
        return;
    }
    draft.run.state = State::Running;
    if draft.run.is_observing() {
        draft.run.looks.rows_at = Some(draft.now);
    }
    batch::settle_if_due(draft);
}
