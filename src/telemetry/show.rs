//! How things stand: gauges set from what the store holds, so that a restart forgets nothing.
//!
//! What happened is counted by `record`. Which run is a handoff's current one is for the engine to say.

use super::{Metrics, catalogue, labels};
use crate::{
    domain::{
        Instant,
        alert::Kind,
        readiness::Readiness,
        run::{Purpose, Run, State, foresee},
        sla::Verdict,
        trigger::Source,
    },
    ports::store::QueueFigures,
};

/// Sets every gauge of the handoff's current run: the one of today's game date, until the next one opens.
/// A backfill is never shown.
pub fn show_run(metrics: &Metrics, run: &Run, now: Instant) {
    if run.purpose == Purpose::Backfill {
        return;
    }
    let handoff = run.key.handoff.as_str();
    for state in State::ALL {
        let holds = holds(run.state == state);
        metrics.set(&catalogue::RUN_STATE, &[handoff, state.name()], holds);
    }
    let verdict = run.verdict();
    for one in Verdict::ALL {
        let holds = holds(verdict == Some(one));
        metrics.set(&catalogue::RUN_VERDICT, &[handoff, one.name()], holds);
    }
    show_promises(metrics, run, now);
    show_units(metrics, run);
    show_reasons(metrics, run);
    show_instants(metrics, run, now);
    show_alerts(metrics, run);
}

/// Sets the gauges of the queues.
pub fn show_queues(metrics: &Metrics, queues: &QueueFigures, now: Instant) {
    let figures = [
        (&catalogue::OUTBOX_EFFECTS, queues.outbox as f64),
        (
            &catalogue::OUTBOX_OLDEST,
            since(queues.outbox_oldest_at, now),
        ),
        (&catalogue::OUTBOX_DEAD, queues.outbox_dead as f64),
        (&catalogue::INBOX_MESSAGES, queues.inbox as f64),
        (&catalogue::QUARANTINE_MESSAGES, queues.quarantine as f64),
        (
            &catalogue::QUARANTINE_OLDEST,
            since(queues.quarantine_oldest_at, now),
        ),
        (&catalogue::TIMERS_LATE, since(queues.next_wake_at, now)),
    ];
    for (entry, value) in figures {
        metrics.set(entry, &[], value);
    }
}

fn show_promises(metrics: &Metrics, run: &Run, now: Instant) {
    let counts = &run.counts;
    let (gap, ready) = (counts.gap() as f64, counts.ready as f64);
    let gap_ratio = if counts.ready > 0 { gap / ready } else { 0.0 };
    let readiness_gap = run.readiness.as_ref().map(Readiness::gap_share);
    let latency = run.start_latency_seconds(now);
    let figures = [
        (&catalogue::RUN_START_LATENCY, latency.unwrap_or(0.0)),
        (
            &catalogue::RUN_COMPLETION,
            counts.completion().unwrap_or(0.0),
        ),
        (&catalogue::RUN_GAP, gap),
        (&catalogue::RUN_GAP_RATIO, gap_ratio),
        (
            &catalogue::RUN_READINESS_GAP_RATIO,
            readiness_gap.unwrap_or(0.0),
        ),
    ];
    for (entry, value) in figures {
        metrics.set(entry, &[run.key.handoff.as_str()], value);
    }
}

fn show_units(metrics: &Metrics, run: &Run) {
    let counts = &run.counts;
    let units = [
        counts.expected,
        counts.ready,
        counts.dispatched,
        counts.plan.predicted(),
        counts.skipped(),
        counts.failed(),
        counts.outstanding(),
        counts.in_flight,
        counts.missing,
        counts.filtered,
    ];
    for (state, units) in labels::UNIT_STATES.into_iter().zip(units) {
        let labels = [run.key.handoff.as_str(), state];
        metrics.set(&catalogue::RUN_UNITS, &labels, units as f64);
    }
}

/// A reason of an earlier configuration counts as `other`, so these are added up before they are set.
fn show_reasons(metrics: &Metrics, run: &Run) {
    let known = metrics.unit_reasons();
    let mut other = 0;
    for (reason, units) in &run.counts.reasons {
        if reason == labels::OTHER || !known.contains(reason) {
            other += units;
        }
    }
    for reason in known {
        let units = match reason.as_str() {
            labels::OTHER => other,
            own => run.counts.reasons.get(own).copied().unwrap_or(0),
        };
        let labels = [run.key.handoff.as_str(), reason];
        metrics.set(&catalogue::RUN_REASON_UNITS, &labels, units as f64);
    }
}

fn show_instants(metrics: &Metrics, run: &Run, now: Instant) {
    let handoff = run.key.handoff.as_str();
    let forecast = foresee(run, now);
    let deadline_at = run.has_promises().then_some(run.instants.deadline_at);
    let instants = [
        (&catalogue::RUN_OPENS, Some(run.instants.opens_at)),
        (&catalogue::RUN_DEADLINE, deadline_at),
        (
            &catalogue::RUN_FORECAST_FINISH,
            forecast.map(|it| it.finish_at),
        ),
        (
            &catalogue::RUN_FORECAST_LATEST,
            forecast.and_then(|it| it.latest_at),
        ),
        (&catalogue::RUN_UPSTREAM_FINISHED, run.start.finished_at),
        (&catalogue::RUN_DISPATCHED, run.start.dispatched_at),
        (&catalogue::RUN_COMPLETED, run.completed_at),
        (&catalogue::RUN_NEXT_WAKE, run.next_wake(now)),
    ];
    for (entry, at) in instants {
        metrics.set(entry, &[handoff], at.map_or(0.0, unix_seconds));
    }
    if let Some(at) = run.start.event_at {
        let labels = [handoff, Source::Event.name()];
        metrics.raise(&catalogue::TRIGGER_HEARD, &labels, unix_seconds(at));
    }
}

fn show_alerts(metrics: &Metrics, run: &Run) {
    let open = || run.alerts.iter().filter(|alert| alert.is_open());
    for kind in Kind::ALL {
        for severity in labels::SEVERITIES {
            let count = open()
                .filter(|alert| (alert.kind, alert.severity) == (kind, severity))
                .count();
            let name = kind.name();
            let labels = [
                run.key.handoff.as_str(),
                labels::severity(severity),
                name.as_str(),
            ];
            metrics.set(&catalogue::OPEN_ALERTS, &labels, count as f64);
        }
    }
}

fn holds(it: bool) -> f64 {
    if it { 1.0 } else { 0.0 }
}

/// Seconds since then; 0 for none and for what is still to come.
fn since(at: Option<Instant>, now: Instant) -> f64 {
    at.map_or(0.0, |at| (unix_seconds(now) - unix_seconds(at)).max(0.0))
}

/// Seconds since 1970-01-01T00:00:00Z, to the microsecond.
pub fn unix_seconds(at: Instant) -> f64 {
    at.timestamp_micros() as f64 / 1e6
}
