//! `Complete`: every ready unit is predicted with a row, or permanently skipped.
//!
//! What it shares with `Partial` is in `settled`.

use super::{draft::Draft, settled};
use crate::domain::{
    Asked,
    event::{Done, Event},
    reason::Code,
    trigger::Source,
};

/// Decides what an event does to a complete run.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) if trigger.source == Source::Retry => {
            draft.says(Code::NothingToRetry, "the run is complete");
        }
        Event::Triggered(trigger) => settled::triggered(draft, trigger),
        Event::ReadinessAnswered { answer, .. } => settled::readiness_answered(draft, answer),
        Event::Staged { wave, to_send } => settled::staged(draft, *wave, to_send),
        Event::Ordered(Done::Frozen(tally)) if tally.to_send > 0 => {
            settled::frozen(draft, tally.to_send)
        }
        Event::Ordered(Done::Frozen(_)) => {
            draft.says(Code::NothingNew, "nothing new is to be sent")
        }
        Event::Reconciled(Asked::Known(_)) => {}
        Event::Reconciled(answer) => settled::reconciled(draft, answer),
        Event::Sent(_) => draft.says(Code::Outdated, "nothing is being sent"),
        Event::Answered(_)
        | Event::Ordered(Done::GivenUp { .. } | Done::Released)
        | Event::Ticked
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. } => {}
    }
}
