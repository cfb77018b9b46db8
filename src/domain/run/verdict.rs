//! When the ruling on a run's promise is made, confirmed and, once, corrected.
//!
//! What the counts say of the promise belongs to `sla`.

use super::{State, draft::Draft};
use crate::domain::{
    Asked, Instant,
    event::Event,
    reason::Code,
    sla::{self, Ruling},
};

/// Judged this long after the deadline, the service had been down through it: a minute.
const LATE_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// Looks after each event whether there is something to rule, confirm or correct.
pub fn judge(draft: &mut Draft, event: &Event) {
    if !draft.run.has_promises() {
        return;
    }
    let reconciled = matches!(event, Event::Reconciled(Asked::Known(_)));
    if draft.run.ruling.is_none() && draft.run.judging_since.is_none() {
        met_early(draft);
    } else if draft.run.ruling.is_none() && reconciled {
        rule(draft, true);
    } else if reconciled || matches!(event, Event::Answered(_)) {
        correct(draft, reconciled);
    }
}

/// Kept the moment the run is complete in time.
fn met_early(draft: &mut Draft) {
    let deadline_at = draft.run.instants.deadline_at;
    let complete = draft.run.state == State::Complete;
    if let Some(at) = draft
        .run
        .completed_at
        .filter(|at| complete && *at <= deadline_at)
    {
        let ruling = Ruling {
            kept: true,
            dated_at: at,
            made_at: draft.now,
            late: false,
            confirmed: true,
            corrected: false,
        };
        draft.run.ruling = Some(ruling);
        let zone = draft.run.policy.schedule.zone;
        draft.says(
            Code::Met,
            format!("the promise is met: complete at {}", zone.time_text(at)),
        );
    }
}

/// The deadline has come. What was sent is compared with the rows once more before the ruling.
pub fn deadline(draft: &mut Draft, at: Instant) {
    draft.run.looks.deadline_done = true;
    if draft.run.ruling.is_some() {
        return;
    }
    let late = draft.now > at + LATE_AFTER;
    draft.run.judging_since = Some(draft.now);
    if late {
        let minutes = (draft.now - at).num_minutes();
        draft.says(
            Code::Judging,
            format!("the deadline passed {minutes} min ago while nobody was here to judge"),
        );
    }
    if draft.run.batches == 0 {
        rule(draft, true);
    } else {
        draft.says(
            Code::Judging,
            "the deadline has come; rows are compared before the verdict",
        );
        draft.reconcile();
    }
}

/// No reconciliation has answered in time: the verdict follows the answers, unconfirmed.
pub fn judging_ends(draft: &mut Draft) {
    if draft.run.ruling.is_none() {
        rule(draft, false);
        draft.run.looks.rows_at = Some(draft.now + draft.run.policy.completion.reconcile_every);
    }
}

fn rule(draft: &mut Draft, tables_agree: bool) {
    let run = &draft.run;
    let deadline_at = run.instants.deadline_at;
    let judgement = sla::judge(&run.counts, &run.policy.sla, deadline_at);
    let late = draft.now > deadline_at + LATE_AFTER + run.policy.sla.judging_max;
    let ruling = Ruling {
        kept: judgement.kept,
        dated_at: judgement.dated_at,
        made_at: draft.now,
        late,
        confirmed: tables_agree && !late,
        corrected: false,
    };
    let missing = run.counts.gap_in_time();
    let ready = run.counts.ready;
    let sure = if tables_agree {
        ""
    } else {
        ", unconfirmed: the warehouse could not be asked"
    };
    let told = if late { ", judged late" } else { "" };
    draft.run.judging_since = None;
    draft.run.ruling = Some(ruling);
    match judgement.kept {
        true => draft.says(Code::Met, format!("the promise is met: {missing} of {ready} open at the deadline{sure}{told}")),
        false => draft.says(
            Code::Breached,
            format!("the promise is broken: {missing} of {ready} ready units open at the deadline{sure}{told}"),
        ),
    }
}

/// An unconfirmed ruling is corrected once, either way. The first successful reconciliation confirms it, unless it
/// was made late: then answers that were true in time may still be on their way.
fn correct(draft: &mut Draft, reconciled: bool) {
    let deadline_at = draft.run.instants.deadline_at;
    let judgement = sla::judge(&draft.run.counts, &draft.run.policy.sla, deadline_at);
    let Some(ruling) = &mut draft.run.ruling else {
        return;
    };
    if ruling.confirmed || (!reconciled && !ruling.late) {
        return;
    }
    let changes = judgement.kept != ruling.kept;
    if changes {
        ruling.kept = judgement.kept;
        ruling.dated_at = judgement.dated_at;
        ruling.corrected = true;
    }
    ruling.confirmed = changes || !ruling.late;
    if changes {
        let word = if judgement.kept { "met" } else { "broken" };
        draft.says(
            Code::Corrected,
            format!("the verdict is corrected: the promise was {word}"),
        );
    }
}

/// The longest push retry is over: a ruling made late stands.
pub fn confirm(draft: &mut Draft) {
    if let Some(ruling) = &mut draft.run.ruling {
        ruling.confirmed = true;
    }
}
