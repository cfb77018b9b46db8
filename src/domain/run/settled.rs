//! `Complete` and `Partial`: settled, and still open to late answers, retries and new units.
//!
//! What settles a batch belongs to `batch`, what that makes of the run to `conclude`.

use super::{Failure, Run, State, batches, batches::Reach, conclude, draft::Draft, verdict};
use crate::domain::{
    Asked, Instant,
    completion::Tally,
    effect::Effect,
    event::{Done, Event},
    readiness::Readiness,
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to a run that settled, complete or with a gap.
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
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. } => {}
    }
}

/// A trigger after settling: readiness is asked, and what is new or needs work makes the next batch.
fn triggered(draft: &mut Draft, trigger: &Trigger) {
    let name = trigger.source.name();
    draft.says(
        Code::Accepted,
        format!("{name} asks again; readiness is asked"),
    );
    draft.take(trigger);
    draft.run.asking.trigger = Some(trigger.clone());
    draft.ask_readiness();
}

/// Is anything newly ready, or in need of work? A person who forces it may also send again what was skipped for good.
fn readiness_answered(draft: &mut Draft, answer: &Asked<Readiness>) {
    let trigger = draft.run.asking.trigger.take();
    let source = trigger
        .as_ref()
        .map_or(Source::Event, |trigger| trigger.source);
    let reach = trigger.as_ref().map_or(Reach::Automatic, Reach::of);
    let counts = &draft.run.counts;
    // A ready count that is not the plan's: units were postponed or came anew, so the plan is frozen anew.
    let moved = counts.ready != counts.plan.total();
    let needed = counts.gap() > 0 || moved || reach == Reach::Forced;
    match answer {
        Asked::Known(_) if needed => batches::stage(draft, source, reach),
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

/// A wave was staged after settling; where that could not be asked, it is tried again once rows are compared.
fn staged(draft: &mut Draft, wave: u32, to_send: &Asked<u64>) {
    match to_send {
        Asked::Known(_) => batches::order_freeze(draft, wave),
        Asked::CouldNotAsk(_) => {
            let reach = draft.run.staging.take().map(|staging| staging.reach);
            draft.run.retries.pending = draft.run.retries.pending.or(reach);
            draft.look_at_rows_later();
        }
    }
}

/// The plan is frozen anew. With nothing to send, rows have turned up, or attempts or budget are used up.
fn frozen(draft: &mut Draft, to_send: u64) {
    if to_send > 0 {
        batches::dispatch(draft);
        return;
    }
    match draft.run.counts.gap() {
        0 => draft.says(Code::NothingNew, "nothing is left to be sent"),
        gap => {
            let text = format!(
                "nothing may be sent again: attempts or budget are used up; {gap} still need work"
            );
            draft.says(Code::NoRetry, text);
            if draft.run.state == State::Complete {
                verdict::reopen(draft);
                conclude::conclude(draft);
            }
        }
    }
    reassess(draft);
}

/// Retries the gap, once rows are compared; without a gap it asks whether anything is newly ready.
pub fn retry(draft: &mut Draft, reach: Reach) {
    let gap = draft.run.counts.gap();
    if gap == 0 {
        let trigger = Trigger::of(Source::Retry);
        draft.says(
            Code::NothingToRetry,
            "nothing needs work; readiness is asked for what is new",
        );
        draft.run.asking.trigger.get_or_insert(trigger);
        draft.ask_readiness();
        return;
    }
    let text = format!("{gap} need work; rows are compared before they are sent again");
    draft.says(Code::RetryDue, text);
    draft.run.retries.automatic_at = None;
    draft.run.retries.pending = Some(reach);
    draft.reconcile();
}

/// Rows were compared, or could not be.
pub fn reconciled(draft: &mut Draft, answer: &Asked<Tally>) {
    let Asked::Known(tally) = answer else { return };
    let pending = draft.run.retries.pending.take();
    match pending.filter(|_| draft.run.counts.gap() > 0) {
        Some(reach) => batches::stage(draft, Source::Retry, reach),
        None => reassess(draft),
    }
    if draft.run.state == State::Partial && tally.newly_missing > 0 && !retry_under_way(&draft.run)
    {
        plan_retry(draft);
    }
    if draft.run.is_observing() && draft.run.state == State::Partial {
        draft.look_at_rows_later();
    }
}

fn retry_under_way(run: &Run) -> bool {
    run.retries.automatic_at.is_some() || run.retries.pending.is_some() || run.staging.is_some()
}

/// What late rows and answers make of a settled run.
fn reassess(draft: &mut Draft) {
    let run = &draft.run;
    let closed = run.counts.gap() == 0 && run.counts.ready > 0;
    let unsettled = closed && run.state != State::Complete;
    if unsettled || run.counts.claims_open() > 0 {
        conclude::conclude(draft);
    } else if run.is_accepted() && run.completed_at.is_none() {
        draft.says(Code::Partial, "what is left of the gap is within tolerance");
        conclude::accept(draft);
        draft.wants(Effect::Record);
    }
}

/// Plans the next retry of a run that settled with a gap: a remembered one now, else the automatic one.
pub fn plan_retry(draft: &mut Draft) {
    let remembered = std::mem::take(&mut draft.run.retries.remembered);
    if remembered || draft.run.retries.pending.take().is_some() {
        retry(draft, Reach::Fixed);
        return;
    }
    match no_automatic_retry(&draft.run, draft.now) {
        Some(why) => draft.says(Code::NoRetry, format!("no retry by itself: {why}")),
        None => {
            let at = draft.now + draft.run.policy.retry.automatic_delay;
            let time = draft.run.policy.schedule.zone.time_text(at);
            draft.says(
                Code::RetryPlanned,
                format!("what needs work is sent again at {time}"),
            );
            draft.run.retries.automatic_at = Some(at);
        }
    }
}

fn no_automatic_retry(run: &Run, now: Instant) -> Option<String> {
    let policy = &run.policy.retry;
    let short = run.has_promises() && run.instants.deadline_at - now < policy.time_left_min;
    let again = |batch: &super::Batch| batch.frozen > 0 && batch.retried >= batch.frozen;
    if run.is_observing() {
        Some("the handoff only observes".to_owned())
    } else if run.retry_budget(Reach::Automatic) == Some(0) {
        Some("its share of the night's budget is used up".to_owned())
    } else if short {
        let minutes = policy.time_left_min.num_minutes();
        Some(format!(
            "fewer than {minutes} min are left before the deadline"
        ))
    } else if policy.automatic_attempts_max < 2 || run.batch.as_ref().is_some_and(again) {
        Some("further attempts are left to the fixed times and to people".to_owned())
    } else {
        None
    }
}

/// Whether a retry is surely still to come: one is planned, or a fixed time lies ahead and every unit has an attempt
/// and the night a budget left.
pub fn retry_to_come(run: &Run) -> bool {
    let attempts = run.retries.waves_sent < run.policy.retry.attempts_max;
    let left = attempts && run.retry_budget(Reach::Fixed) != Some(0);
    let fixed = left && run.instants.retries_at.len() > run.retries.fixed_done;
    let failed = run.failure == Some(Failure::InsufficientData);
    let under_way =
        run.staging.is_some() || run.asking.trigger.is_some() || run.retries.pending.is_some();
    run.retries.automatic_at.is_some() || under_way || (fixed && !failed)
}
