//! `Partial`, and what it shares with `Complete`: settled, and still open to late answers, retries and new units.
//!
//! What settles a batch belongs to `batches`.

use super::{Failure, State, batches, batches::Reach, draft::Draft};
use crate::domain::{
    Asked,
    completion::Tally,
    event::{Done, Event},
    readiness::Readiness,
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to a run that settled with a gap.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) if trigger.source == Source::Retry => retry(draft, Reach::Fixed),
        Event::Triggered(trigger) => triggered(draft, trigger),
        Event::ReadinessAnswered { answer, .. } => readiness_answered(draft, answer),
        Event::Staged { wave, to_send } => staged(draft, *wave, to_send),
        Event::Ordered(Done::Frozen(tally)) => frozen(draft, tally.to_send),
        Event::Answered(tally) if tally.changed() > 0 => draft.reconcile(),
        Event::Reconciled(answer) => reconciled(draft, answer),
        Event::Sent(_) => draft.says(Code::Outdated, "nothing is being sent"),
        Event::Answered(_)
        | Event::Ordered(Done::GivenUp { .. } | Done::Released)
        | Event::Ticked
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. } => {}
    }
}

/// A trigger after settling: readiness is asked, and what is new or needs work makes the next batch.
pub fn triggered(draft: &mut Draft, trigger: &Trigger) {
    let name = trigger.source.name();
    draft.says(
        Code::Accepted,
        format!("{name} asks again; readiness is asked"),
    );
    draft.take(trigger);
    draft.run.asking.trigger = Some(trigger.clone());
    draft.ask_readiness();
}

/// Is anything newly ready, or in need of work?
pub fn readiness_answered(draft: &mut Draft, answer: &Asked<Readiness>) {
    let trigger = draft.run.asking.trigger.take();
    let source = trigger
        .as_ref()
        .map_or(Source::Event, |trigger| trigger.source);
    let reach = trigger.as_ref().map_or(Reach::Automatic, Reach::of);
    match answer {
        Asked::Known(_) if draft.run.counts.gap() > 0 => batches::stage(draft, source, reach),
        Asked::Known(_) => draft.says(
            Code::NothingNew,
            "nothing is newly ready and nothing needs work",
        ),
        Asked::CouldNotAsk(_) => {
            draft.run.asking.trigger = trigger;
            draft.run.looks.catch_up_at = Some(draft.now + draft.run.policy.readiness.poll);
        }
    }
}

/// A wave was staged after settling.
pub fn staged(draft: &mut Draft, wave: u32, to_send: &Asked<u64>) {
    match to_send {
        Asked::Known(_) => batches::order_freeze(draft, wave),
        Asked::CouldNotAsk(_) => {
            let reach = draft.run.staging.take().map(|staging| staging.reach);
            draft.run.retries.pending = draft.run.retries.pending.or(reach);
            draft.run.looks.rows_at = Some(draft.now + draft.run.policy.completion.reconcile_every);
        }
    }
}

/// The plan is frozen anew. With nothing to send, attempts or budget are used up, or rows have turned up.
pub fn frozen(draft: &mut Draft, to_send: u64) {
    if to_send > 0 {
        batches::dispatch(draft);
        return;
    }
    let gap = draft.run.counts.gap();
    draft.says(
        Code::NoRetry,
        format!("nothing can be sent again: attempts or budget are used up; {gap} stay open"),
    );
    reassess(draft);
}

/// Retries the gap, once the rows have been compared.
pub fn retry(draft: &mut Draft, reach: Reach) {
    let gap = draft.run.counts.gap();
    if gap == 0 {
        draft.says(Code::NothingToRetry, "nothing needs work");
        return;
    }
    draft.says(
        Code::RetryDue,
        format!("{gap} need work; rows are compared before they are sent again"),
    );
    draft.run.retries.automatic_at = None;
    draft.run.retries.pending = Some(reach);
    draft.reconcile();
}

/// Rows were compared, or could not be.
pub fn reconciled(draft: &mut Draft, answer: &Asked<Tally>) {
    let Asked::Known(tally) = answer else {
        if draft.run.retries.pending.is_some() || draft.run.counts.claims_open() > 0 {
            draft.run.looks.rows_at = Some(draft.now + draft.run.policy.completion.reconcile_every);
        }
        return;
    };
    if let Some(reach) = draft.run.retries.pending.take()
        && draft.run.counts.gap() > 0
    {
        batches::stage(draft, Source::Retry, reach);
    } else if tally.changed() > 0 || draft.run.counts.claims_open() > 0 {
        reassess(draft);
    }
}

/// What late rows make of a settled run.
fn reassess(draft: &mut Draft) {
    let better = draft.run.counts.gap() == 0 && draft.run.state == State::Partial;
    let accepted = draft.run.is_accepted() && draft.run.completed_at.is_none();
    let claims = draft.run.counts.claims_open();
    if claims > 0 || better || accepted {
        batches::conclude(draft);
    }
}

/// Plans the next retry of a run that settled with a gap: a remembered one now, else the automatic one.
pub fn plan_retry(draft: &mut Draft) {
    let run = &draft.run;
    let policy = &run.policy.retry;
    let time_left = run.instants.deadline_at - draft.now;
    if draft.run.retries.remembered {
        draft.run.retries.remembered = false;
        retry(draft, Reach::Fixed);
    } else if run.retry_budget(Reach::Automatic) == Some(0) {
        draft.says(
            Code::NoRetry,
            "no automatic retry: its half of the night's budget is used up",
        );
    } else if time_left < policy.time_left_min {
        let minutes = policy.time_left_min.num_minutes();
        draft.says(
            Code::NoRetry,
            format!("no automatic retry: fewer than {minutes} min are left"),
        );
    } else {
        let at = draft.now + policy.automatic_delay;
        let zone = run.policy.schedule.zone;
        draft.says(
            Code::RetryPlanned,
            format!("the gap is retried at {}", zone.time_text(at)),
        );
        draft.run.retries.automatic_at = Some(at);
    }
}

/// Whether any retry is still to come before the deadline.
pub fn retry_to_come(run: &super::Run) -> bool {
    let fixed = run.instants.retries_at.len() > run.retries.fixed_done
        && run.retry_budget(Reach::Fixed) != Some(0);
    let failed = run.failure == Some(Failure::InsufficientData);
    run.retries.automatic_at.is_some() || run.retries.pending.is_some() || (fixed && !failed)
}
