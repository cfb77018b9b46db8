//! Which alerts ought to be open: each a plain condition over the run and the time.
//!
//! Opening, worsening and resolving belongs to `alert`; telling people belongs to the engine.

use chrono::TimeDelta;

use super::{Failure, Run, State, draft::Draft, verdict_text};
use crate::domain::{
    Instant,
    alert::{self, Condition, Kind, Reminders, Severity},
    effect::Effect,
    trigger::Source,
};

/// How long an unacknowledged alert waits before people are told again.
const REMINDERS: Reminders = Reminders {
    critical: TimeDelta::minutes(30),
    warning: TimeDelta::hours(4),
};

/// Brings the alerts up to date and wants people told of what changed.
pub fn watch(draft: &mut Draft) {
    if draft.run.closed_at.is_some() {
        return;
    }
    let conditions = conditions(&draft.run, draft.now);
    let told = alert::fold(&mut draft.run.alerts, &conditions, &REMINDERS, draft.now);
    if !told.is_empty() {
        draft.wants(Effect::Tell(told));
    }
}

/// What holds now.
fn conditions(run: &Run, now: Instant) -> Vec<Condition> {
    if !run.has_promises() {
        return Vec::new();
    }
    let all: [fn(&Run, Instant) -> Option<Condition>; 20] = [
        deadline_breached,
        nothing_dispatched,
        nothing_predicted,
        completion_low,
        gap_exceeded,
        verdict_unconfirmed,
        event_path_silent,
        upstream_late,
        started_degraded,
        features_stale,
        slate_mismatch,
        start_latency_high,
        workers_silent,
        batch_stalled,
        deadline_at_risk,
        game_without_predictions,
        claimed_missing,
        readiness_gap,
        warehouse_unreachable,
        units_on_empty_date,
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
        at.extend([late_at(run)]);
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
    at.extend(
        run.alerts
            .iter()
            .filter_map(|alert| alert.remind_at(&REMINDERS)),
    );
    at
}

/// The smallest step of an instant.
const MOMENT: TimeDelta = TimeDelta::microseconds(1);

fn holds(kind: Kind, severity: Severity, text: String) -> Option<Condition> {
    Some(Condition {
        kind,
        severity,
        text,
    })
}

fn is_open(run: &Run, kind: Kind) -> bool {
    run.alerts
        .iter()
        .any(|alert| alert.kind == kind && alert.is_open())
}

/// Gap and completion are judged at settling and the deadline, never while answers arrive on time; an alert that is
/// open stays as long as its numbers are bad.
fn is_judged(run: &Run, kind: Kind, now: Instant) -> bool {
    matches!(run.state, State::Complete | State::Partial)
        || now >= run.instants.deadline_at
        || is_open(run, kind)
}

fn is_finished(run: &Run) -> bool {
    run.state == State::Complete || run.is_accepted()
}

fn deadline_breached(run: &Run, _now: Instant) -> Option<Condition> {
    let broken = run
        .ruling
        .as_ref()
        .filter(|ruling| !ruling.kept && !is_finished(run))?;
    holds(
        Kind::DeadlineBreached,
        Severity::Critical,
        verdict_text::breached(run, broken),
    )
}

fn nothing_dispatched(run: &Run, _now: Instant) -> Option<Condition> {
    let failure = run.failure.filter(|_| run.state == State::Failed)?;
    let (ready, expected) = (run.counts.ready, run.counts.expected);
    let text = match failure {
        Failure::InsufficientData => {
            format!("nothing was dispatched: only {ready} of {expected} were ready")
        }
        Failure::Publish => {
            format!("nothing was dispatched: every publish failed, {ready} are ready")
        }
    };
    holds(Kind::NothingDispatched, Severity::Critical, text)
}

fn nothing_predicted(run: &Run, now: Instant) -> Option<Condition> {
    let nothing =
        now >= run.instants.deadline_at && run.ruling.is_some() && run.counts.plan.predicted() == 0;
    let text = format!(
        "no {} has a prediction, {} are ready",
        run.policy.unit_noun, run.counts.ready
    );
    if nothing {
        holds(Kind::NothingPredicted, Severity::Critical, text)
    } else {
        None
    }
}

fn completion_low(run: &Run, now: Instant) -> Option<Condition> {
    let ratio = run
        .counts
        .completion()
        .filter(|_| is_judged(run, Kind::CompletionLow, now))?;
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
    holds(Kind::CompletionLow, severity, text)
}

fn gap_exceeded(run: &Run, now: Instant) -> Option<Condition> {
    if !is_judged(run, Kind::GapExceeded, now) || run.counts.ready == 0 {
        return None;
    }
    let (gap, ready) = (run.counts.gap(), run.counts.ready);
    if run.policy.sla.tolerates(gap, ready) {
        return None;
    }
    let past = now >= run.instants.deadline_at;
    let severity = if past {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let text = format!(
        "{gap} of {ready} ready still need work; {}",
        verdict_text::next_retry(run)
    );
    holds(Kind::GapExceeded, severity, text)
}

fn verdict_unconfirmed(run: &Run, _now: Instant) -> Option<Condition> {
    run.ruling
        .as_ref()
        .filter(|ruling| !ruling.confirmed && run.asking.failing_since.is_some())?;
    let text = "the verdict follows the answers alone: the warehouse could not be asked".to_owned();
    holds(Kind::VerdictUnconfirmed, Severity::Critical, text)
}

fn event_path_silent(run: &Run, _now: Instant) -> Option<Condition> {
    let source = run.start.by?;
    if !matches!(source, Source::CatchUp | Source::Backup) || run.start.event_at.is_some() {
        return None;
    }
    let again = run.baseline.last_without_event;
    let severity = if again {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let second = if again {
        ", the second game night in a row"
    } else {
        ""
    };
    let text = format!(
        "no upstream event came; the run was started by {}{second}",
        source.name()
    );
    holds(Kind::EventPathSilent, severity, text)
}

fn late_at(run: &Run) -> Instant {
    let usual = match run
        .baseline
        .trusted(Some(0.0), run.policy.readiness.nights_known_min)
    {
        Some(_) => run
            .baseline
            .usual_finish
            .map(|after| run.instants.opens_at + after),
        None => None,
    };
    let usual = usual.unwrap_or_else(|| {
        run.policy
            .upstream
            .usual_finish
            .instant_on(run.key.game_date.0)
    });
    usual + run.policy.upstream.late_after
}

fn upstream_late(run: &Run, now: Instant) -> Option<Condition> {
    let at_backup = run.instants.backups_at.first().is_some_and(|at| now >= *at);
    let unfinished = run.start.finished_at.is_none() && run.start.dispatched_at.is_none();
    if !unfinished || (now < late_at(run) && !at_backup) {
        return None;
    }
    let zone = run.policy.schedule.zone;
    let limit = zone.time_text(late_at(run));
    let text = format!("the upstream has not finished; it usually has, an hour before {limit}");
    holds(Kind::UpstreamLate, Severity::Warning, text)
}

fn started_degraded(run: &Run, _now: Instant) -> Option<Condition> {
    run.start.dispatched_at.filter(|_| run.start.degraded)?;
    let readiness = run.readiness.as_ref()?;
    let text = format!(
        "started with {} ready of {} feature rows",
        readiness.ready, readiness.feature_rows
    );
    holds(Kind::StartedDegraded, Severity::Warning, text)
}

fn features_stale(run: &Run, _now: Instant) -> Option<Condition> {
    let readiness = run
        .readiness
        .as_ref()
        .filter(|readiness| readiness.stale > 0)?;
    let hours = run.policy.readiness.freshness.num_hours();
    let text = format!(
        "{} feature rows are older than {hours} h before the deadline and are not used",
        readiness.stale
    );
    holds(Kind::FeaturesStale, Severity::Warning, text)
}

fn slate_mismatch(run: &Run, _now: Instant) -> Option<Condition> {
    run.start.dispatched_at?;
    let games = run
        .readiness
        .as_ref()
        .map_or(0, |readiness| readiness.games.len())
        .max(run.counts.games.len());
    let per_game = run.counts.ready as f64 / (games.max(1)) as f64;
    let trusted = |figure| {
        run.baseline
            .trusted(figure, run.policy.readiness.nights_known_min)
    };
    let usual = trusted(run.baseline.ready_per_game).unwrap_or(STARTERS_PER_GAME);
    if games > 0 && per_game < usual * run.policy.alerts.slate_small_share {
        let text = format!(
            "{} ready for {games} games: {per_game:.1} a game where {usual:.0} are usual",
            run.counts.ready
        );
        return holds(Kind::SlateMismatch, Severity::Warning, text);
    }
    let took = run.night().seconds_per_unit.filter(|_| run.is_settled())?;
    let usual = trusted(run.baseline.seconds_per_unit)?;
    let text =
        format!("the night took {took:.2} s a unit where {usual:.2} s are usual: far too fast");
    let fast = took < usual * run.policy.alerts.slate_fast_share;
    if fast {
        holds(Kind::SlateMismatch, Severity::Warning, text)
    } else {
        None
    }
}

/// Before ten nights are known: two teams of five starters. Fewer than half of them are no slate.
const STARTERS_PER_GAME: f64 = 10.0;

fn start_latency_high(run: &Run, now: Instant) -> Option<Condition> {
    let seconds = run.start_latency_seconds(now)?;
    let latency = &run.policy.sla.latency;
    let severity = match TimeDelta::milliseconds((seconds * 1e3) as i64) {
        long if long > latency.critical => Severity::Critical,
        long if long > latency.warning => Severity::Warning,
        _ => return None,
    };
    let minutes = seconds / 60.0;
    let text = match run.start.dispatched_at {
        Some(_) => format!("{minutes:.0} min between the upstream's finish and the first dispatch"),
        None => {
            format!("the upstream finished {minutes:.0} min ago and nothing has been dispatched")
        }
    };
    holds(Kind::StartLatencyHigh, severity, text)
}

fn workers_silent(run: &Run, now: Instant) -> Option<Condition> {
    let batch = run
        .batch
        .as_ref()
        .filter(|batch| batch.answered == 0 && batch.settled_at.is_none())?;
    let sent_at = batch
        .first_sent_at
        .filter(|at| now >= *at + run.policy.alerts.no_answer_after)?;
    let (sent, minutes) = (batch.sent, (now - sent_at).num_minutes());
    let text = format!("{sent} sent, no worker has answered for {minutes} min");
    holds(Kind::WorkersSilent, Severity::Critical, text)
}

fn batch_stalled(run: &Run, now: Instant) -> Option<Condition> {
    let batch = run
        .batch
        .as_ref()
        .filter(|batch| batch.settling_at.is_none() && !run.is_settled())?;
    let limit = match run.state {
        State::Dispatching => run.policy.dispatch.stalled_after,
        State::Running => run.policy.completion.settle_quiet,
        State::Expected
        | State::Waiting
        | State::Complete
        | State::Partial
        | State::Failed
        | State::NotExpected => {
            return None;
        }
    };
    if now < batch.last_moved_at() + limit {
        return None;
    }
    let (closed, frozen, left) = (batch.closed(), batch.frozen, batch.left_to_send());
    let minutes = (now - batch.last_moved_at()).num_minutes();
    let text =
        format!("nothing moved for {minutes} min: {closed} of {frozen} answered, {left} not sent");
    holds(Kind::BatchStalled, Severity::Warning, text)
}

fn deadline_at_risk(run: &Run, now: Instant) -> Option<Condition> {
    if !run.risk.at_risk || is_finished(run) {
        return None;
    }
    holds(
        Kind::DeadlineAtRisk,
        Severity::Warning,
        verdict_text::at_risk(run, now),
    )
}

fn game_without_predictions(run: &Run, now: Instant) -> Option<Condition> {
    let judged =
        is_judged(run, Kind::GameWithoutPredictions, now) && run.start.dispatched_at.is_some();
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
    holds(Kind::GameWithoutPredictions, Severity::Warning, text)
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
    holds(Kind::ClaimedMissing, severity, text)
}

fn readiness_gap(run: &Run, _now: Instant) -> Option<Condition> {
    run.start.dispatched_at?;
    let counts = &run.counts;
    let share = counts.expected.saturating_sub(counts.ready) as f64 / counts.expected.max(1) as f64;
    let limits = &run.policy.sla.readiness_gap;
    let usual = run.baseline.trusted(
        run.baseline.readiness_gap,
        run.policy.readiness.nights_known_min,
    );
    let unusual =
        usual.is_some_and(|usual| share > usual * limits.warning_times_median && share > 0.0);
    let severity = match share {
        high if high > limits.warning || unusual => Severity::Warning,
        high if high > limits.info => Severity::Info,
        _ => return None,
    };
    let missing = counts.expected.saturating_sub(counts.ready);
    let text = format!(
        "{missing} of {} expected are not ready ({:.0} %): upstream's",
        counts.expected,
        share * 100.0
    );
    holds(Kind::ReadinessGap, severity, text)
}

fn warehouse_unreachable(run: &Run, now: Instant) -> Option<Condition> {
    let since = run.asking.failing_since?;
    let needed = run.state != State::Complete;
    if !needed || now < since + run.policy.alerts.could_not_ask_after {
        return None;
    }
    let near = now >= run.instants.deadline_at - run.policy.alerts.could_not_ask_critical_within;
    let severity = if near {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let minutes = (now - since).num_minutes();
    let error = run.asking.error.as_deref().unwrap_or("no answer");
    let text = format!("the warehouse could not be asked for {minutes} min: {error}");
    holds(Kind::WarehouseUnreachable, severity, text)
}

fn units_on_empty_date(run: &Run, _now: Instant) -> Option<Condition> {
    let text = "the season file calls this date empty, but units are listed on it".to_owned();
    if run.start.on_empty_date {
        holds(Kind::UnitsOnEmptyDate, Severity::Warning, text)
    } else {
        None
    }
}
