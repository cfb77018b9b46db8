//! What a settled batch makes of the run, once rows have been compared, and what is published of it.
//!
//! When a batch settles belongs to `batch`; what comes after belongs to the state it led to.

use super::{Batch, Failure, State, draft::Draft, settled, verdict_text};
use crate::domain::{
    effect::{AnnouncedStatus, Announcement, Effect},
    reason::Code,
};

/// Concludes the batch. Claims within their grace are waited for.
pub fn conclude(draft: &mut Draft) {
    let open = draft.run.counts.claims_open();
    if open > 0 {
        draft.look_at_rows_later();
        let text = format!("{open} are said to be predicted; their rows are awaited");
        draft.says(Code::RowsAwaited, text);
        return;
    }
    let now = draft.now;
    if let Some(batch) = &mut draft.run.batch {
        batch.settled_at = Some(now);
    }
    let never_sent = draft.run.batch.as_ref().is_some_and(nothing_went_out);
    if draft.run.counts.gap() == 0 && draft.run.counts.ready > 0 {
        complete(draft);
    } else if never_sent && draft.run.start.dispatched_at.is_none() {
        draft.run.state = State::Failed;
        draft.run.failure = Some(Failure::Publish);
        let text = "nothing could be dispatched: every publish of the batch failed";
        draft.says(Code::PublishFailed, text);
        settled::plan_retry(draft);
    } else {
        partial(draft);
    }
    draft.wants(Effect::Record);
    if std::mem::take(&mut draft.run.asking.again) {
        draft.ask_readiness();
    }
}

fn nothing_went_out(batch: &Batch) -> bool {
    batch.sent + batch.spared == 0
}

fn complete(draft: &mut Draft) {
    let run = &mut draft.run;
    run.state = State::Complete;
    run.failure = None;
    run.retries.automatic_at = None;
    run.retries.pending = None;
    run.retries.remembered = false;
    let at = run.counts.latest_true_at.unwrap_or(draft.now);
    run.completed_at = Some(at);
    let ready = run.counts.ready;
    let late = verdict_text::late_by(run, at).map(|late| format!(", {late}"));
    let time = run.policy.schedule.zone.time_text(at);
    let noun = run.policy.unit_noun.clone();
    let text = format!(
        "complete: all {ready} ready {noun}s are predicted or skipped for good since {time}{}",
        late.unwrap_or_default()
    );
    draft.says(Code::Complete, text);
    announce(draft);
}

fn partial(draft: &mut Draft) {
    draft.run.state = State::Partial;
    draft.run.failure = None;
    let (gap, ready) = (draft.run.counts.gap(), draft.run.counts.ready);
    let accepted = draft.run.is_accepted();
    let word = if accepted { "within" } else { "outside" };
    let text = format!("settled with a gap: {gap} of {ready} ready need work, {word} tolerance");
    draft.says(Code::Partial, text);
    accept(draft);
    settled::plan_retry(draft);
    if draft.run.is_observing() {
        draft.look_at_rows_later();
    }
}

/// Publishes a gap that is within tolerance.
pub fn accept(draft: &mut Draft) {
    let accepted = draft.run.is_accepted();
    draft.run.completed_at = accepted.then_some(draft.now);
    if accepted {
        announce(draft);
    }
}

/// Publishes the downstream event, once per change of state.
fn announce(draft: &mut Draft) {
    let run = &draft.run;
    let status = if run.state == State::Complete {
        AnnouncedStatus::Success
    } else {
        AnnouncedStatus::Partial
    };
    let told = |last: &Announcement| {
        last.status == status && last.batch_id.as_ref() == draft.run.batch_id()
    };
    if run.announced.as_ref().is_some_and(told) {
        return;
    }
    let counts = &run.counts;
    let announcement = Announcement {
        status,
        batch_id: run.batch_id().cloned(),
        expected_units: counts.ready,
        completed_units: counts.plan.predicted(),
        skipped_units: counts.skipped(),
        failed_units: counts.failed(),
        completion_pct: counts.completion().unwrap_or(1.0) * 100.0,
        started_at: run.start.dispatched_at,
        finished_at: run.completed_at.unwrap_or(draft.now),
    };
    draft.run.announced = Some(announcement.clone());
    draft.wants(Effect::Announce(announcement));
}
