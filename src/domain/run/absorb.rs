//! What an event makes true whatever the state: counts, answers to questions, alerts seen.
//!
//! What follows from it belongs to the state's own function.

use super::draft::Draft;
use crate::domain::{
    Asked,
    alert::{Acknowledgement, Kind},
    completion::Tally,
    event::{Done, Event, SentTally},
    readiness::Readiness,
    reason::Code,
};

/// Takes in the facts of an event.
pub fn absorb(draft: &mut Draft, event: &Event) {
    match event {
        Event::ReadinessAnswered {
            answer,
            expectation,
        } => {
            draft.run.asking.readiness_since = None;
            draft.run.expectation = *expectation;
            readiness(draft, answer);
        }
        Event::Staged { to_send, .. } => heard(draft, to_send),
        Event::Ordered(Done::Frozen(tally)) => super::batches::freeze(draft, tally),
        Event::Ordered(Done::GivenUp { units }) => given_up(draft, *units),
        Event::Sent(tally) => sent(draft, tally),
        Event::Answered(tally) => answered(draft, tally),
        Event::Reconciled(answer) => {
            draft.run.asking.rows_since = None;
            heard(draft, answer);
            match answer {
                Asked::Known(tally) => {
                    draft.run.counts.fold(tally);
                    rows(draft, tally);
                }
                // Whatever asked for it, it is asked again until it is answered.
                Asked::CouldNotAsk(_) => draft.look_at_rows_later(),
            }
        }
        Event::Acknowledged { by, kinds } => acknowledged(draft, by, kinds),
        Event::Triggered(_)
        | Event::Ordered(Done::Released)
        | Event::Ticked
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Adopted { .. } => {}
    }
}

/// Keeps whether the warehouse could be asked.
fn heard<T>(draft: &mut Draft, answer: &Asked<T>) {
    let asking = &mut draft.run.asking;
    match answer {
        Asked::Known(_) => {
            asking.failing_since = None;
            asking.error = None;
        }
        Asked::CouldNotAsk(error) => {
            asking.failing_since = asking.failing_since.or(Some(draft.now));
            asking.error = Some(error.clone());
            draft.says(
                Code::CouldNotAsk,
                format!("the warehouse could not be asked: {error}"),
            );
        }
    }
}

fn readiness(draft: &mut Draft, answer: &Asked<Readiness>) {
    heard(draft, answer);
    if let Asked::Known(readiness) = answer {
        let counts = &mut draft.run.counts;
        counts.expected = readiness.expected;
        counts.ready = readiness.ready;
        counts.filtered = readiness.filtered;
        if draft.run.start.dispatched_at.is_none() && draft.run.start.event_at.is_none() {
            draft.run.start.finished_at = readiness
                .upstream_finished_at
                .or(draft.run.start.finished_at);
        }
        draft.run.readiness = Some(readiness.clone());
    }
}

fn sent(draft: &mut Draft, tally: &SentTally) {
    let run = &mut draft.run;
    run.counts.in_flight += tally.sent;
    run.counts.fold(&tally.changes);
    if let Some(batch) = &mut run.batch {
        batch.sent += tally.sent;
        batch.refused += tally.refused;
        batch.spared += tally.spared;
        // After a reset, what was on its way out still belongs to the batch.
        batch.frozen = batch.frozen.max(batch.sent + batch.refused + batch.spared);
        // Answers that overtook the confirmation of their own publish.
        batch.answered += tally.changes.answered;
        if tally.sent > 0 {
            batch.first_sent_at = batch.first_sent_at.or(tally.at);
            batch.last_sent_at = batch.last_sent_at.max(tally.at);
        }
    }
    if tally.sent > 0 && !run.is_observing() {
        run.start.dispatched_at = run.start.dispatched_at.or(tally.at);
    }
}

fn answered(draft: &mut Draft, tally: &Tally) {
    draft.run.counts.fold(tally);
    if let Some(batch) = &mut draft.run.batch {
        batch.answered += tally.answered + tally.answered_late;
        batch.given_up = batch.given_up.saturating_sub(tally.answered_late);
        if tally.answered + tally.answered_late + tally.changed() > 0 {
            batch.note_answers(tally.answered + tally.answered_late, draft.now);
        }
    }
    if tally.changed() == 0 && tally.answered + tally.answered_late == 0 {
        let (duplicates, late, unknown) = (tally.duplicates, tally.late, tally.unknown);
        let text = format!(
            "answers that change nothing: {duplicates} duplicate, {late} late, {unknown} for nothing known"
        );
        draft.says(Code::NothingChanged, text);
    } else {
        draft.says(Code::Answers, answers_text(draft));
    }
}

fn answers_text(draft: &Draft) -> String {
    let counts = &draft.run.counts;
    format!(
        "{} of {} ready are predicted or skipped for good",
        counts.plan.satisfied(),
        counts.ready
    )
}

fn given_up(draft: &mut Draft, units: u64) {
    if units > 0 {
        let counts = &mut draft.run.counts;
        counts.in_flight = counts.in_flight.saturating_sub(units);
        if let Some(batch) = &mut draft.run.batch {
            batch.given_up += units;
        }
        let text = format!("{units} are no longer waited for: their answer did not come in time");
        draft.says(Code::TimedOut, text);
    }
}

/// Rows are true whoever wrote them; a handoff that only observes has no other answers.
fn rows(draft: &mut Draft, tally: &Tally) {
    let observing = draft.run.is_observing();
    let run = &mut draft.run;
    if let Some(batch) = &mut run.batch {
        batch.answered += tally.answered + tally.answered_late;
        batch.given_up = batch.given_up.saturating_sub(tally.answered_late);
        if observing && tally.changed() > 0 {
            batch.note_answers(tally.answered + tally.answered_late, draft.now);
            run.start.dispatched_at = run.start.dispatched_at.or(tally.earliest_true_at);
        }
    }
    if !tally.is_empty() {
        let (stored, missing) = (tally.changed(), tally.newly_missing);
        let lost = match missing {
            0 => String::new(),
            _ => format!(", {missing} said to be predicted have none"),
        };
        draft.says(
            Code::Reconciled,
            format!("rows compared: {stored} newly seen{lost}"),
        );
    }
}

fn acknowledged(draft: &mut Draft, by: &str, kinds: &[Kind]) {
    let at = draft.now;
    let open = draft
        .run
        .alerts
        .iter_mut()
        .filter(|alert| alert.is_open() && alert.acknowledged.is_none())
        .filter(|alert| kinds.is_empty() || kinds.contains(&alert.kind));
    let mut acknowledged = 0;
    for alert in open {
        alert.acknowledged = Some(Acknowledgement {
            by: by.to_owned(),
            at,
        });
        acknowledged += 1;
    }
    draft.says(
        Code::Acknowledged,
        format!("{by} acknowledged {acknowledged} alerts"),
    );
}
