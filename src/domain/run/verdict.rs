//! When the ruling on a run's promise is made, confirmed and, once, corrected.
//!
//! What the counts say of the promise belongs to `sla`.

use super::{Run, State, draft::Draft};
use crate::domain::{
    Asked, Instant,
    effect::Effect,
    event::Event,
    reason::Code,
    sla::{self, Judgement, Ruling},
};

/// Judged this long after the deadline, the service had been down through it: a minute.
const LATE_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// Looks after each event whether there is something to rule, confirm or correct; rows were being compared since then.
pub fn judge(draft: &mut Draft, event: &Event, comparing_since: Option<Instant>) {
    let run = &draft.run;
    if !run.has_promises() {
        return;
    }
    let is_judging = run.ruling.is_none() && run.judging_since.is_some();
    let is_open = run.ruling.as_ref().map_or(is_judging, |it| !it.confirmed);
    let compared = matches!(event, Event::Reconciled(Asked::Known(_)));
    // Begun before the deadline, it may have missed rows that were written up to it.
    let too_early = compared && comparing_since < Some(run.instants.deadline_at);
    if is_open && too_early {
        draft.reconcile();
    } else if is_judging && compared {
        rule(draft, true);
    } else if run.ruling.is_none() && !is_judging {
        met_early(draft);
    } else if compared || matches!(event, Event::Answered(_)) {
        correct(draft, compared);
    }
}

/// Kept the moment the run is complete in time.
fn met_early(draft: &mut Draft) {
    let deadline_at = draft.run.instants.deadline_at;
    let complete = draft.run.state == State::Complete;
    let in_time = draft.run.completed_at.filter(|at| *at <= deadline_at);
    let Some(at) = in_time.filter(|_| complete) else {
        return;
    };
    draft.run.ruling = Some(Ruling {
        kept: true,
        dated_at: at,
        made_at: draft.now,
        late: false,
        compared: true,
        open_until: None,
        confirmed: true,
        corrected: false,
    });
    let zone = draft.run.policy.schedule.zone;
    let text = format!("the promise is met: complete at {}", zone.time_text(at));
    draft.says(Code::Met, text);
}

/// A run that is re-opened before its deadline loses an early "met": it is judged again.
pub fn reopen(draft: &mut Draft) {
    draft.run.completed_at = None;
    if !draft.run.looks.deadline_done && draft.now <= draft.run.instants.deadline_at {
        draft.run.ruling = None;
    }
}

/// The deadline has come. What was sent is compared with the rows once more before the ruling.
pub fn deadline(draft: &mut Draft, at: Instant) {
    draft.run.looks.deadline_done = true;
    if draft.run.ruling.is_some() {
        return;
    }
    draft.run.judging_since = Some(draft.now);
    let time = draft.run.policy.schedule.zone.time_text(at);
    if was_down(&draft.run) {
        let text = format!("the deadline of {time} passed while the service was down");
        draft.says(Code::Judging, text);
    }
    if draft.run.batches == 0 {
        rule(draft, true);
    } else {
        let text = format!("the deadline of {time} has come; rows are compared before the verdict");
        draft.says(Code::Judging, text);
        draft.reconcile();
    }
}

/// Until when a run may not close: its verdict is being looked into, has just been made and is told with this step, or
/// may still be corrected.
pub fn awaited_until(run: &Run, now: Instant) -> Option<Instant> {
    let judging = run.judging_since.filter(|_| run.ruling.is_none());
    let ruling = run.ruling.as_ref();
    let awaited = [
        judging.map(|since| since + run.policy.sla.judging_max),
        ruling.map(|it| it.made_at).filter(|at| *at == now),
        ruling.and_then(|it| it.open_until).filter(|at| *at > now),
    ];
    let last = awaited.into_iter().flatten().max()?;
    Some(last.max(now + LATE_AFTER))
}

fn was_down(run: &Run) -> bool {
    run.judging_since
        .is_some_and(|since| since > run.instants.deadline_at + LATE_AFTER)
}

/// No reconciliation has answered in time: the verdict follows the answers, unconfirmed.
pub fn judging_ends(draft: &mut Draft) {
    rule(draft, false);
    draft.look_at_rows_later();
}

fn rule(draft: &mut Draft, compared: bool) {
    let run = &draft.run;
    let late = was_down(run);
    let judgement = judgement(run, late);
    let made_at = draft.now;
    let missing = run.counts.gap_in_time();
    let ready = run.counts.ready;
    let unsure = if compared {
        ""
    } else {
        "; unconfirmed, as the rows could not be compared"
    };
    let told = if late { "; judged late" } else { "" };
    let (code, word) = match judgement.kept {
        true => (Code::Met, "met"),
        false => (Code::Breached, "broken"),
    };
    let text = format!(
        "the promise is {word}: {missing} of {ready} ready were open at the deadline{unsure}{told}"
    );
    draft.run.ruling = Some(Ruling {
        kept: judgement.kept,
        dated_at: judgement.dated_at,
        made_at,
        late,
        compared,
        open_until: late.then(|| made_at + run.policy.sla.late_correction),
        confirmed: compared && !late,
        corrected: false,
    });
    draft.run.judging_since = None;
    draft.says(code, text);
    draft.wants(Effect::Record);
}

/// What the counts say; a ruling made late is dated with the deadline.
fn judgement(run: &Run, late: bool) -> Judgement {
    let deadline_at = run.instants.deadline_at;
    let judgement = sla::judge(&run.counts, &run.policy.sla, deadline_at);
    Judgement {
        dated_at: if late {
            deadline_at
        } else {
            judgement.dated_at
        },
        ..judgement
    }
}

/// An unconfirmed ruling is corrected once, either way. The first successful reconciliation confirms it, unless it
/// was made late: then answers that were true in time may still be on their way.
fn correct(draft: &mut Draft, reconciled: bool) {
    let Some(ruling) = draft.run.ruling.clone() else {
        return;
    };
    if ruling.confirmed || (!reconciled && ruling.open_until.is_none()) {
        return;
    }
    let judgement = judgement(&draft.run, ruling.late);
    let changes = judgement.kept != ruling.kept;
    let compared = ruling.compared || reconciled;
    let corrected = Ruling {
        kept: judgement.kept,
        dated_at: judgement.dated_at,
        compared,
        confirmed: changes || (compared && ruling.open_until.is_none()),
        corrected: changes,
        ..ruling
    };
    if changes {
        let word = if judgement.kept { "met" } else { "broken" };
        let text = format!("the verdict is corrected: the promise was {word}");
        draft.says(Code::Corrected, text);
        draft.wants(Effect::Record);
    } else if corrected.confirmed {
        draft.says(Code::Reconciled, "the rows confirm the verdict");
    }
    draft.run.ruling = Some(corrected);
}

/// The longest push retry is over: a ruling made late stands, once rows have been compared.
pub fn late_answers_end(draft: &mut Draft) {
    if let Some(ruling) = &mut draft.run.ruling {
        ruling.open_until = None;
        ruling.confirmed = ruling.compared;
    }
    draft.says(
        Code::Judging,
        "no answer from before the deadline can still be on its way",
    );
}
