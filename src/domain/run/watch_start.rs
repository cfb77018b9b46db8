//! Alert conditions of a night's beginning: the upstream, the trigger, and what the run started with.
//!
//! What is sent and answered belongs to `watch`.

use super::{Failure, Run, State, outlook, watch};
use crate::domain::{
    Instant,
    alert::{Condition, Kind, Severity},
    trigger::Source,
};

/// Before ten nights are known: two teams of five starters. Fewer than half of them are no slate.
const STARTERS_PER_GAME: f64 = 10.0;

/// When the upstream is late: exactly then it is.
pub fn late_at(run: &Run) -> Instant {
    outlook::usual_finish_at(run) + run.policy.upstream.late_after
}

/// Trying again is no recovery: once it is open it stays so until something has gone out.
pub fn nothing_dispatched(run: &Run, _now: Instant) -> Option<Condition> {
    let (ready, expected) = (run.counts.ready, run.counts.expected);
    let failure = run.failure.filter(|_| run.state == State::Failed);
    let under_way = [State::Waiting, State::Dispatching, State::Running];
    let tries = under_way.contains(&run.state);
    let text = match (failure, watch::told_text(run, Kind::NothingDispatched)) {
        (Some(Failure::InsufficientData), _) => {
            format!("nothing was dispatched: only {ready} of {expected} were ready")
        }
        (Some(Failure::Publish), _) => {
            format!("nothing was dispatched: every publish failed, {ready} are ready")
        }
        (None, Some(told)) if tries && run.start.dispatched_at.is_none() => told.to_owned(),
        (None, _) => return None,
    };
    Condition::of(Kind::NothingDispatched, Severity::Critical, text)
}

pub fn event_path_silent(run: &Run, _now: Instant) -> Option<Condition> {
    let source = run.start.by?;
    if !matches!(source, Source::CatchUp | Source::Backup) || run.start.event_at.is_some() {
        return None;
    }
    let (severity, second) = match run.baseline.last_without_event {
        true => (Severity::Critical, ", the second game night in a row"),
        false => (Severity::Warning, ""),
    };
    let name = source.name();
    let text = format!("no upstream event came; the run was started by {name}{second}");
    Condition::of(Kind::EventPathSilent, severity, text)
}

pub fn upstream_late(run: &Run, now: Instant) -> Option<Condition> {
    let at_backup = run.instants.backups_at.first().is_some_and(|at| now >= *at);
    let unfinished = !run.upstream_finished() && run.start.dispatched_at.is_none();
    if !unfinished || (now < late_at(run) && !at_backup) {
        return None;
    }
    let zone = run.policy.schedule.zone;
    let usual = zone.time_text(outlook::usual_finish_at(run));
    match &run.policy.upstream.handoff {
        // Its own run tells people why it is late; here it is only shown.
        Some(handoff) => {
            let text = format!(
                "{handoff} has not completed, usually by {usual}; its own alerts tell of it"
            );
            Condition::of(Kind::UpstreamLate, Severity::Info, text)
        }
        None => {
            let text = format!("the upstream has not finished; it usually has by {usual}");
            Condition::of(Kind::UpstreamLate, Severity::Warning, text)
        }
    }
}

pub fn started_degraded(run: &Run, _now: Instant) -> Option<Condition> {
    run.start.dispatched_at.filter(|_| run.start.degraded)?;
    let readiness = run.readiness.as_ref()?;
    let text = format!(
        "started with {} ready of {} feature rows",
        readiness.ready, readiness.feature_rows
    );
    Condition::of(Kind::StartedDegraded, Severity::Warning, text)
}

pub fn features_stale(run: &Run, _now: Instant) -> Option<Condition> {
    let stale = run.readiness.as_ref().map(|readiness| readiness.stale)?;
    let hours = run.policy.readiness.freshness.num_hours();
    let text = format!(
        "{stale} feature rows are older than {hours} h before the deadline and are not used"
    );
    Condition::of(Kind::FeaturesStale, Severity::Warning, text).filter(|_| stale > 0)
}

pub fn slate_mismatch(run: &Run, _now: Instant) -> Option<Condition> {
    run.start.dispatched_at?;
    let text = small_slate(run).or_else(|| fast_night(run))?;
    Condition::of(Kind::SlateMismatch, Severity::Warning, text)
}

fn small_slate(run: &Run) -> Option<String> {
    let listed = run.readiness.as_ref().map_or(0, |ready| ready.games.len());
    let games = listed.max(run.counts.games.len());
    let ready = run.counts.ready;
    let per_game = ready as f64 / (games.max(1)) as f64;
    let known_min = run.policy.readiness.nights_known_min;
    let usual = run.baseline.trusted(run.baseline.ready_per_game, known_min);
    let usual = usual.unwrap_or(STARTERS_PER_GAME);
    let small = games > 0 && per_game < usual * run.policy.alerts.slate_small_share;
    small.then(|| {
        format!("{ready} ready for {games} games: {per_game:.1} a game where {usual:.0} are usual")
    })
}

fn fast_night(run: &Run) -> Option<String> {
    let took = run.night().seconds_per_unit.filter(|_| run.is_settled())?;
    let known_min = run.policy.readiness.nights_known_min;
    let usual = run
        .baseline
        .trusted(run.baseline.seconds_per_unit, known_min)?;
    (took < usual * run.policy.alerts.slate_fast_share).then(|| {
        let noun = &run.policy.unit_noun;
        format!("the night took {took:.2} s a {noun} where {usual:.2} s are usual: far too fast")
    })
}

pub fn start_latency_high(run: &Run, now: Instant) -> Option<Condition> {
    let latency = run.start_latency(now)?;
    let limits = &run.policy.sla.latency;
    let severity = match latency {
        long if long > limits.critical => Severity::Critical,
        long if long > limits.warning => Severity::Warning,
        _ => return None,
    };
    let zone = run.policy.schedule.zone;
    let finished = zone.time_text(run.start.finished_at?);
    let text = match run.start.dispatched_at {
        Some(at) => {
            let dispatched = zone.time_text(at);
            let minutes = latency.num_minutes();
            format!(
                "{minutes} min from the upstream's finish at {finished} to the first dispatch at {dispatched}"
            )
        }
        None => format!("the upstream finished at {finished} and nothing has been dispatched"),
    };
    Condition::of(Kind::StartLatencyHigh, severity, text)
}

/// Above which readiness gap people are warned: the configured share, or less where that is unusual.
pub fn readiness_gap_warning(run: &Run) -> f64 {
    let limits = &run.policy.sla.readiness_gap;
    let known_min = run.policy.readiness.nights_known_min;
    let usual = run.baseline.trusted(run.baseline.readiness_gap, known_min);
    let unusual = usual.map(|usual| usual * limits.warning_times_median);
    unusual.unwrap_or(limits.warning).min(limits.warning)
}

pub fn readiness_gap(run: &Run, _now: Instant) -> Option<Condition> {
    run.start.dispatched_at?;
    let expected = run.counts.expected;
    let missing = expected.saturating_sub(run.counts.ready);
    let share = missing as f64 / expected.max(1) as f64;
    let severity = match share {
        high if high > readiness_gap_warning(run) => Severity::Warning,
        high if high > run.policy.sla.readiness_gap.info => Severity::Info,
        _ => return None,
    };
    let percent = share * 100.0;
    let text =
        format!("{missing} of {expected} expected are not ready ({percent:.0} %): the upstream's");
    Condition::of(Kind::ReadinessGap, severity, text)
}

pub fn units_on_empty_date(run: &Run, _now: Instant) -> Option<Condition> {
    let text = "the season file calls this date empty, and the run was opened all the same";
    Condition::of(Kind::UnitsOnEmptyDate, Severity::Warning, text)
        .filter(|_| run.start.on_empty_date)
}
