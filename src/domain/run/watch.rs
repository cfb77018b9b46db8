//! Which alerts ought to be open: each a plain condition over the run and the time.
//!
//! Opening, worsening and resolving belongs to `alert`; telling people belongs to the engine.

use chrono::TimeDelta;

use super::{Run, State, draft::Draft, verdict_text, watch_start};
use crate::domain::{
    Instant,
    alert::{self, Condition, Kind, Rules, Severity},
    effect::Effect,
    policy,
};

/// Brings the alerts up to date and wants people told of what changed.
pub fn watch(draft: &mut Draft) {
    if draft.run.closed_at.is_some() {
        return;
    }
    let conditions = conditions(&draft.run, draft.now);
    tell_recovery(&mut draft.run, &conditions);
    let run = &mut draft.run;
    let rules = rules(&run.policy.alerts, run.instants.deadline_at);
    let told = alert::fold(&mut run.alerts, &conditions, &rules, draft.now);
    if !told.is_empty() {
        draft.wants(Effect::Tell(told));
    }
}

/// A breach that needs nobody any more says how it ended.
fn tell_recovery(run: &mut Run, conditions: &[Condition]) {
    let breached = |kind: Kind| kind == Kind::DeadlineBreached;
    if conditions.iter().any(|held| breached(held.kind)) {
        return;
    }
    let text = verdict_text::recovered(run);
    let mut alerts = run.alerts.iter_mut();
    if let Some(alert) = alerts.find(|alert| alert.is_open() && breached(alert.kind)) {
        alert.text = text;
    }
}

/// What holds now.
fn conditions(run: &Run, now: Instant) -> Vec<Condition> {
    if !run.has_promises() {
        return Vec::new();
    }
    let all: [fn(&Run, Instant) -> Option<Condition>; 20] = [
        deadline_breached,
        watch_start::nothing_dispatched,
        nothing_predicted,
        completion_low,
        gap_exceeded,
        verdict_unconfirmed,
        watch_start::event_path_silent,
        watch_start::upstream_late,
        watch_start::started_degraded,
        watch_start::features_stale,
        watch_start::slate_mismatch,
        watch_start::start_latency_high,
        workers_silent,
        batch_stalled,
        deadline_at_risk,
        game_without_predictions,
        claimed_missing,
        watch_start::readiness_gap,
        warehouse_unreachable,
        watch_start::units_on_empty_date,
    ];
    all.iter().filter_map(|holds| holds(run, now)).collect()
}

/// Instants at which a condition may begin to hold though nothing happens.
pub fn thresholds(run: &Run) -> Vec<Instant> {
    if !run.has_promises() {
        return Vec::new();
    }
    let mut at = Vec::new();
    let latency = &run.policy.sla.latency;
    if let (Some(finished_at), None) = (run.start.finished_at, run.start.dispatched_at) {
        // Past its limit, not at it: a microsecond later it holds.
        at.extend([latency.warning, latency.critical].map(|limit| finished_at + limit + MOMENT));
    }
    if let Some(failing_since) = run.asking.failing_since {
        at.push(failing_since + run.policy.alerts.could_not_ask_after);
        at.push(run.instants.deadline_at - run.policy.alerts.could_not_ask_critical_within);
    }
    if run.start.finished_at.is_none() {
        at.extend([watch_start::late_at(run)]);
        at.extend(run.instants.backups_at.first());
    }
    if let Some(batch) = run.batch.as_ref().filter(|_| !run.is_settled()) {
        at.extend(
            batch
                .first_sent_at
                .map(|sent_at| sent_at + run.policy.alerts.no_answer_after),
        );
        at.push(batch.last_moved_at() + run.policy.dispatch.stalled_after);
        at.push(batch.last_moved_at() + run.policy.completion.settle_quiet);
    }
    let doubted = run.risk.past_since.filter(|_| !run.risk.at_risk);
    at.extend(doubted.map(|since| since + run.policy.forecast.at_risk_after));
    let rules = rules(&run.policy.alerts, run.instants.deadline_at);
    if is_finished(run) {
        let breaches = run
            .alerts
            .iter()
            .filter(|alert| alert.is_open() && alert.kind == Kind::DeadlineBreached);
        at.extend(breaches.map(|alert| alert.opened_at + MOMENT));
    }
    for alert in &run.alerts {
        at.extend(rules.remind_at(alert));
        at.extend(rules.escalate_at(alert));
    }
    at
}

fn rules(policy: &policy::Alerts, deadline_at: Instant) -> Rules<'_> {
    Rules {
        policy,
        deadline_at: Some(deadline_at),
    }
}

/// The smallest step of an instant.
const MOMENT: TimeDelta = TimeDelta::microseconds(1);

fn is_open(run: &Run, kind: Kind) -> bool {
    told_text(run, kind).is_some()
}

/// What an open alert of this kind says.
pub fn told_text(run: &Run, kind: Kind) -> Option<&str> {
    let mut alerts = run.alerts.iter();
    let open = alerts.find(|alert| alert.kind == kind && alert.is_open());
    open.map(|alert| alert.text.as_str())
}

/// Gap and completion are judged at settling and the deadline, never while answers arrive on time; an alert that is
/// open stays as long as its numbers are bad.
fn is_judged_for(run: &Run, kind: Kind, now: Instant) -> bool {
    is_settled(run, now) || is_open(run, kind)
}

/// Whether completion and gap are judged, one or the other.
pub fn is_judged(run: &Run, now: Instant) -> bool {
    let kinds = [Kind::CompletionLow, Kind::GapExceeded];
    is_settled(run, now) || kinds.into_iter().any(|kind| is_open(run, kind))
}

fn is_settled(run: &Run, now: Instant) -> bool {
    matches!(run.state, State::Complete | State::Partial) || is_past(run, now)
}

/// Past the deadline, once the verdict is known: before it nobody is told twice.
fn is_past(run: &Run, now: Instant) -> bool {
    now >= run.instants.deadline_at && run.ruling.is_some()
}

fn is_finished(run: &Run) -> bool {
    run.state == State::Complete || (run.is_accepted() && run.completed_at.is_some())
}

/// A broken promise is told, also where the night has finished by the time it is known to be broken: then it is over with
/// the next look.
fn deadline_breached(run: &Run, _now: Instant) -> Option<Condition> {
    let broken = run.ruling.as_ref().filter(|ruling| !ruling.kept)?;
    let is_told = run
        .alerts
        .iter()
        .any(|alert| alert.kind == Kind::DeadlineBreached);
    let text = match (is_finished(run), is_told) {
        (true, true) => return None,
        (true, false) => verdict_text::recovered(run),
        (false, _) => verdict_text::breached(run, broken),
    };
    Condition::of(Kind::DeadlineBreached, Severity::Critical, text)
}

fn nothing_predicted(run: &Run, now: Instant) -> Option<Condition> {
    let nothing = is_past(run, now) && run.counts.plan.predicted() == 0;
    let text = format!(
        "no {} has a prediction, {} are ready",
        run.policy.unit_noun, run.counts.ready
    );
    if nothing {
        Condition::of(Kind::NothingPredicted, Severity::Critical, text)
    } else {
        None
    }
}

fn completion_low(run: &Run, now: Instant) -> Option<Condition> {
    let ratio = run
        .counts
        .completion()
        .filter(|_| is_judged_for(run, Kind::CompletionLow, now))?;
    let promise = &run.policy.sla.completion;
    let severity = match ratio {
        low if low < promise.critical => Severity::Critical,
        low if low < promise.warning => Severity::Warning,
        _ => return None,
    };
    let dispatched = run.counts.dispatched;
    let satisfied = run
        .counts
        .sent
        .satisfied()
        .saturating_sub(run.counts.missing);
    let text = format!(
        "{satisfied} of {dispatched} dispatched are answered for ({:.0} %)",
        ratio * 100.0
    );
    Condition::of(Kind::CompletionLow, severity, text)
}

/// Ready units that still need work; what is in flight is excepted while it is on time.
pub fn gap(run: &Run, now: Instant) -> u64 {
    if is_past(run, now) {
        run.counts.needing_work()
    } else {
        run.counts.gap()
    }
}

fn gap_exceeded(run: &Run, now: Instant) -> Option<Condition> {
    if !is_judged_for(run, Kind::GapExceeded, now) || run.counts.ready == 0 {
        return None;
    }
    let past = is_past(run, now);
    // Being sent again is no recovery.
    let gap = match is_open(run, Kind::GapExceeded) {
        true => run.counts.needing_work(),
        false => gap(run, now),
    };
    let ready = run.counts.ready;
    if run.policy.sla.tolerates(gap, ready) {
        return None;
    }
    let severity = if past {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let text = format!(
        "{gap} of {ready} ready still need work; {}",
        verdict_text::next_retry(run)
    );
    Condition::of(Kind::GapExceeded, severity, text)
}

fn verdict_unconfirmed(run: &Run, _now: Instant) -> Option<Condition> {
    run.ruling
        .as_ref()
        .filter(|ruling| !ruling.confirmed && run.asking.failing_since.is_some())?;
    let text = "the verdict follows the answers alone: the warehouse could not be asked".to_owned();
    Condition::of(Kind::VerdictUnconfirmed, Severity::Critical, text)
}

/// Once it is open it stays so until an answer comes: a batch that settles without one, or is sent anew, says nothing
/// of the workers.
fn workers_silent(run: &Run, now: Instant) -> Option<Condition> {
    let batch = run.batch.as_ref().filter(|batch| {
        batch.answered == 0 && !run.is_observing() && run.state != State::Complete
    })?;
    let limit = run.policy.alerts.no_answer_after;
    let overdue = |at: &Instant| batch.settled_at.is_none() && now >= *at + limit;
    let told = told_text(run, Kind::WorkersSilent);
    let text = match (batch.first_sent_at.filter(overdue), told) {
        (_, Some(told)) => told.to_owned(),
        (Some(sent_at), None) => {
            let (sent, since) = (batch.sent, run.policy.schedule.zone.time_text(sent_at));
            format!("{sent} are sent since {since} and no worker has answered")
        }
        (None, None) => return None,
    };
    Condition::of(Kind::WorkersSilent, Severity::Critical, text)
}

fn batch_stalled(run: &Run, now: Instant) -> Option<Condition> {
    let batch = run
        .batch
        .as_ref()
        .filter(|batch| batch.settling_at.is_none() && !run.is_observing())
        .filter(|_| matches!(run.state, State::Dispatching | State::Running))?;
    let limit = if run.state == State::Dispatching {
        run.policy.dispatch.stalled_after
    } else {
        run.policy.completion.settle_quiet
    };
    if now < batch.last_moved_at() + limit {
        return None;
    }
    let (closed, frozen, left) = (batch.closed(), batch.frozen, batch.left_to_send());
    let since = run.policy.schedule.zone.time_text(batch.last_moved_at());
    let text = format!(
        "nothing has moved since {since}: {closed} of {frozen} have answered, {left} are not sent"
    );
    Condition::of(Kind::BatchStalled, Severity::Warning, text)
}

fn deadline_at_risk(run: &Run, _now: Instant) -> Option<Condition> {
    if !run.risk.at_risk || run.ruling.is_some() || is_finished(run) {
        return None;
    }
    Condition::of(
        Kind::DeadlineAtRisk,
        Severity::Warning,
        verdict_text::at_risk(run),
    )
}

fn game_without_predictions(run: &Run, now: Instant) -> Option<Condition> {
    let judged =
        is_judged_for(run, Kind::GameWithoutPredictions, now) && run.start.dispatched_at.is_some();
    let listed = run.readiness.as_ref().filter(|_| judged)?;
    let predicted = |game| {
        run.counts
            .games
            .get(game)
            .is_some_and(|counts| counts.predicted > 0)
    };
    let bare: Vec<&str> = listed
        .games
        .iter()
        .filter(|game| !predicted(game))
        .map(|game| game.as_str())
        .collect();
    if bare.is_empty() {
        return None;
    }
    let text = format!(
        "{} of {} games have no prediction: {}",
        bare.len(),
        listed.games.len(),
        bare.join(", ")
    );
    Condition::of(Kind::GameWithoutPredictions, Severity::Warning, text)
}

fn claimed_missing(run: &Run, _now: Instant) -> Option<Condition> {
    let (missing, ready) = (run.counts.missing, run.counts.ready);
    if missing == 0 {
        return None;
    }
    let tolerable = run.policy.sla.tolerates(missing, ready);
    let severity = if tolerable {
        Severity::Warning
    } else {
        Severity::Critical
    };
    let text = format!("{missing} of {ready} were claimed as predicted and have no row");
    Condition::of(Kind::ClaimedMissing, severity, text)
}

fn warehouse_unreachable(run: &Run, now: Instant) -> Option<Condition> {
    let since = run.asking.failing_since?;
    let unsure = run.ruling.as_ref().is_some_and(|ruling| !ruling.confirmed);
    let needed = run.state != State::Complete || unsure;
    if !needed || now < since + run.policy.alerts.could_not_ask_after {
        return None;
    }
    let near = now >= run.instants.deadline_at - run.policy.alerts.could_not_ask_critical_within;
    let severity = if near {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let since = run.policy.schedule.zone.time_text(since);
    let error = run.asking.error.as_deref().unwrap_or("no answer");
    let text = format!("the warehouse could not be asked since {since}: {error}");
    Condition::of(Kind::WarehouseUnreachable, severity, text)
}
