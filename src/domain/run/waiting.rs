//! `Waiting`: asked for, and the upstream's rows are not ready. Its wait is a durable instant, never a held request.
//!
//! What counts as ready belongs to `readiness`; which units are sent belongs to `batches`.

use super::{Failure, Staging, State, batches, conclude, draft::Draft};
use crate::domain::{
    Asked,
    effect::Effect,
    event::{Done, Event, FrozenTally},
    readiness::{self, Decision, Readiness, Rules, Waited},
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to a waiting run.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) => merge(draft, trigger),
        Event::ReadinessAnswered {
            answer: Asked::Known(readiness),
            ..
        } => consider(draft, readiness),
        Event::ReadinessAnswered {
            answer: Asked::CouldNotAsk(_),
            ..
        } => poll_later(draft),
        Event::Staged { wave, to_send } => staged(draft, *wave, to_send),
        Event::Ordered(Done::Frozen(tally)) => frozen(draft, tally),
        Event::Sent(_) => draft.says(Code::Outdated, "nothing is being sent"),
        Event::Ordered(Done::GivenUp { .. } | Done::Released)
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

/// One more trigger: it may prolong the wait, and readiness is asked now, not skipped.
fn merge(draft: &mut Draft, trigger: &Trigger) {
    let name = trigger.source.name();
    draft.says(
        Code::Merged,
        format!("{name} joins what is under way; readiness is asked now"),
    );
    match trigger.source {
        Source::Retry => draft.ask_readiness(),
        Source::Event | Source::CatchUp | Source::Backup | Source::Manual => {
            draft.take(trigger);
            draft.wait(trigger.force);
        }
    }
}

/// Starts, goes on waiting or gives up, as readiness says.
fn consider(draft: &mut Draft, answer: &Readiness) {
    if draft.run.staging.is_some() {
        draft.says(Code::Ready, "what is ready is being collected already");
        return;
    }
    let wait = draft.run.wait.as_mut();
    let Some(wait) = wait else { return };
    // Force is for what is ready now; with nothing ready the run waits like any other.
    let force = std::mem::take(&mut wait.force);
    let (since, until) = (wait.since, wait.until);
    let source = draft.run.start.by.unwrap_or(Source::Manual);
    if force && answer.ready > 0 {
        let text = format!(
            "forced by a person: the {} that are ready go now",
            answer.ready
        );
        draft.says(Code::Forced, text);
        batches::stage(draft, source, batches::Reach::Forced);
        return;
    }
    let run = &draft.run;
    let finished_at = answer.upstream_finished_at.max(run.start.finished_at);
    let finished = run.upstream_finished();
    let policy = &run.policy.readiness;
    let usual_share = run
        .baseline
        .trusted(run.baseline.ready_share, policy.nights_known_min);
    let waited = Waited {
        since: finished_at.map_or(since, |at| at.max(since)),
        until,
    };
    let rules = Rules {
        policy,
        usual_share,
    };
    match readiness::decide(answer, finished, &rules, waited, draft.now) {
        Decision::Start(reason) => {
            draft.gives(reason);
            batches::stage(draft, source, batches::Reach::Fixed);
        }
        Decision::StartDegraded(reason) => {
            draft.gives(reason);
            draft.run.start.degraded = true;
            batches::stage(draft, source, batches::Reach::Fixed);
        }
        Decision::Wait(reason) => {
            draft.gives(reason);
            poll_later(draft);
        }
        Decision::GiveUp(reason) => {
            draft.gives(reason);
            give_up(draft);
        }
    }
}

fn give_up(draft: &mut Draft) {
    draft.run.state = State::Failed;
    draft.run.failure = Some(Failure::InsufficientData);
    draft.run.wait = None;
    draft.run.looks.catch_up_at = Some(draft.now + draft.run.policy.catch_up.poll);
    draft.wants(Effect::Record);
}

/// Asks again in a while, or when the wait ends, if that is sooner. Past its end it keeps asking.
fn poll_later(draft: &mut Draft) {
    let next = draft.now + draft.run.policy.readiness.poll;
    if let Some(wait) = &mut draft.run.wait {
        wait.poll_at = Some(if wait.until > draft.now {
            next.min(wait.until)
        } else {
            next
        });
    }
}

/// A wave was staged while waiting or after a failure.
pub fn staged(draft: &mut Draft, wave: u32, to_send: &Asked<u64>) {
    match to_send {
        Asked::Known(_) => batches::order_freeze(draft, wave),
        Asked::CouldNotAsk(_) => {
            let forced = |staging: Staging| staging.reach == batches::Reach::Forced;
            let force = draft.run.staging.take().is_some_and(forced);
            if let Some(wait) = &mut draft.run.wait {
                wait.force |= force;
            }
            poll_later(draft);
            if draft.run.state == State::Failed {
                draft.run.looks.catch_up_at = Some(draft.now + draft.run.policy.catch_up.poll);
            }
        }
    }
}

/// The plan is frozen. With nothing to send, every ready unit has its row, is in flight or may not be sent again.
pub fn frozen(draft: &mut Draft, tally: &FrozenTally) {
    if tally.to_send > 0 {
        batches::dispatch(draft);
        return;
    }
    if tally.plan.total() == 0 {
        draft.says(Code::NotReady, "nothing is ready any more");
        poll_later(draft);
        return;
    }
    let text =
        "nothing is to be sent: what is ready has its row, is in flight or has no attempt left";
    draft.says(Code::NothingToDo, text);
    draft.run.state = State::Running;
    draft.run.failure = None;
    draft.run.wait = None;
    draft.run.looks.catch_up_at = None;
    if draft.run.counts.in_flight == 0 {
        conclude::conclude(draft);
    } else if let Some(batch) = &mut draft.run.batch {
        batch.settling_at = None;
        batch.settled_at = None;
    }
}
