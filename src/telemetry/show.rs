//! How things stand: gauges set from what the store holds, so that a restart forgets nothing.
//!
//! What happened is counted by `record`. Which run is a handoff's current one is for the engine to say.

use chrono::TimeDelta;

use super::{Metrics, catalogue, labels};
use crate::{
    domain::{
        Instant,
        alert::{Alert, Kind, Severity},
        readiness::Readiness,
        run::{Purpose, Run, State, foresee},
        service::Service,
        sla::Verdict,
        trigger::Source,
        wiring::{Check, Examination, Standing},
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
    show_start(metrics, run);
    show_limits(metrics, run);
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

/// Sets the gauges of the last examination.
pub fn show_examination(metrics: &Metrics, examination: &Examination) {
    for check in Check::ALL {
        for standing in Standing::ALL {
            let labels = [check.name(), standing.name()];
            let count = examination.count(check, standing) as f64;
            metrics.set(&catalogue::DOCTOR_FINDINGS, &labels, count);
        }
    }
    metrics.set(
        &catalogue::DOCTOR_EXAMINED,
        &[],
        unix_seconds(examination.at),
    );
}

/// Shows the completions that the upstream could not publish, which are alerts of the service, at their handoff.
pub fn show_unpublished(metrics: &Metrics, service: &Service, handoff: &str) {
    let kind = Kind::UpstreamPublishFailed;
    let of_handoff = |alert: &&Alert| {
        let night = alert.subject.as_deref().and_then(|it| it.split_once('/'));
        night.is_some_and(|(id, _)| id == handoff)
    };
    let open = service.alerts.iter().filter(|it| it.is_open());
    let count = open.filter(|it| it.kind == kind).filter(of_handoff).count();
    let labels = [handoff, labels::severity(Severity::Warning), &kind.name()];
    metrics.set(&catalogue::OPEN_ALERTS, &labels, count as f64);
}

/// What led to the dispatch; before it, and without any, `none`.
fn show_start(metrics: &Metrics, run: &Run) {
    let handoff = run.key.handoff.as_str();
    let by = run.start.dispatched_at.and(run.start.by);
    for source in Source::ALL.map(Some).into_iter().chain([None]) {
        let labels = [handoff, source.map_or(labels::NONE, Source::name)];
        metrics.set(&catalogue::RUN_STARTED_BY, &labels, holds(by == source));
    }
}

fn show_limits(metrics: &Metrics, run: &Run) {
    let handoff = run.key.handoff.as_str();
    let sla = &run.policy.sla;
    let seconds = |length: TimeDelta| length.as_seconds_f64();
    let limits = [
        ("target", seconds(sla.latency.target), sla.completion.target),
        (
            "warning",
            seconds(sla.latency.warning),
            sla.completion.warning,
        ),
        (
            "critical",
            seconds(sla.latency.critical),
            sla.completion.critical,
        ),
    ];
    for (limit, latency, completion) in limits {
        let labels = [handoff, limit];
        metrics.set(&catalogue::RUN_LATENCY_LIMIT, &labels, latency);
        metrics.set(&catalogue::RUN_COMPLETION_LIMIT, &labels, completion);
    }
    let units = sla.gap_units_max as f64;
    metrics.set(&catalogue::RUN_GAP_LIMIT, &[handoff], units);
    metrics.set(
        &catalogue::RUN_GAP_LIMIT_RATIO,
        &[handoff],
        sla.gap_share_max,
    );
    let gaps = [
        ("info", sla.readiness_gap.info),
        ("warning", run.readiness_gap_warning()),
    ];
    for (limit, share) in gaps {
        let labels = [handoff, limit];
        metrics.set(&catalogue::RUN_READINESS_GAP_LIMIT_RATIO, &labels, share);
    }
}

fn show_promises(metrics: &Metrics, run: &Run, now: Instant) {
    let counts = &run.counts;
    let (gap, ready) = (run.gap(now) as f64, counts.ready as f64);
    let gap_ratio = if counts.ready > 0 { gap / ready } else { 0.0 };
    let readiness_gap = run.readiness.as_ref().map(Readiness::gap_share);
    let latency = run.start_latency_seconds(now);
    let figures = [
        (&catalogue::RUN_START_LATENCY, latency.unwrap_or(0.0)),
        (
            &catalogue::RUN_COMPLETION,
            counts.completion().unwrap_or(0.0),
        ),
        (&catalogue::RUN_JUDGED, holds(run.is_judged(now))),
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

pub(super) fn holds(it: bool) -> f64 {
    if it { 1.0 } else { 0.0 }
}

/// Seconds since then; 0 for none and for what is still to come.
pub(super) fn since(at: Option<Instant>, now: Instant) -> f64 {
    at.map_or(0.0, |at| (unix_seconds(now) - unix_seconds(at)).max(0.0))
}

/// Seconds since 1970-01-01T00:00:00Z, to the microsecond.
pub fn unix_seconds(at: Instant) -> f64 {
    at.timestamp_micros() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{show_queues, show_run};
    use crate::{
        domain::{
            Instant,
            alert::{Alert, Kind, Severity},
            calendar::Expectation,
            completion::Standing,
            ids::HandoffId,
            run::{Opening, Purpose, Run, State, sample},
            trigger::Source,
        },
        ports::store::QueueFigures,
        telemetry::{Metrics, expose},
    };

    fn now() -> Instant {
        "2026-01-19T07:00:00Z".parse().unwrap()
    }

    fn run(expectation: Expectation) -> Run {
        let mut opening = Opening {
            expectation,
            ..sample::opening()
        };
        opening.key.handoff = HandoffId::new("one");
        Run::open(opening, "2026-01-19T05:00:00Z".parse().unwrap())
    }

    fn metrics() -> Metrics {
        Metrics::new(&[HandoffId::new("one")], &["publish".to_owned()])
    }

    #[track_caller]
    fn assert_shows(metrics: &Metrics, lines: &[&str]) {
        let text = expose(metrics);
        for line in lines {
            assert!(text.contains(&format!("\n{line}\n")), "no `{line}`");
        }
    }

    fn ours(metrics: &Metrics) -> Vec<String> {
        let text = expose(metrics);
        let ours = text.lines().filter(|line| line.starts_with("tipoff_"));
        ours.map(str::to_owned).collect()
    }

    #[test]
    fn a_run_with_a_gap_shows_it() {
        let metrics = metrics();
        let mut run = run(Expectation::Unknown);
        run.state = State::Running;
        run.start.finished_at = Some(now() - TimeDelta::seconds(90));
        run.counts.ready = 200;
        run.counts.dispatched = 200;
        run.counts.in_flight = 10;
        for standings in [&mut run.counts.plan, &mut run.counts.sent] {
            standings.add(Standing::Stored, 150);
            standings.add(Standing::SkippedForGood, 10);
            standings.add(Standing::Unanswered, 40);
        }
        run.counts.reasons = [("publish", 3), ("once configured", 4), ("other", 5)]
            .map(|(reason, units)| (reason.to_owned(), units))
            .into();
        show_run(&metrics, &run, now());
        let lines = [
            "tipoff_run_gap_units{handoff=\"one\"} 30",
            "tipoff_run_gap_ratio{handoff=\"one\"} 0.15",
            "tipoff_run_completion_ratio{handoff=\"one\"} 0.8",
            "tipoff_run_start_latency_seconds{handoff=\"one\"} 90",
            "tipoff_run_units{handoff=\"one\",state=\"predicted\"} 150",
            "tipoff_run_units{handoff=\"one\",state=\"outstanding\"} 40",
            "tipoff_run_units{handoff=\"one\",state=\"in_flight\"} 10",
            "tipoff_run_reason_units{handoff=\"one\",reason=\"publish\"} 3",
            "tipoff_run_reason_units{handoff=\"one\",reason=\"other\"} 9",
            "tipoff_run_state{handoff=\"one\",state=\"running\"} 1",
            "tipoff_run_state{handoff=\"one\",state=\"expected\"} 0",
            "tipoff_run_verdict{handoff=\"one\",verdict=\"on_track\"} 1",
            "tipoff_run_deadline_timestamp_seconds{handoff=\"one\"} 1768834800",
            "tipoff_run_dispatched_timestamp_seconds{handoff=\"one\"} 0",
            "tipoff_run_started_by{handoff=\"one\",started_by=\"none\"} 1",
            "tipoff_run_started_by{handoff=\"one\",started_by=\"event\"} 0",
            "tipoff_run_judged{handoff=\"one\"} 0",
        ];
        assert_shows(&metrics, &lines);
    }

    #[test]
    fn the_promised_limits_are_shown_as_they_are_configured() {
        let metrics = metrics();
        let mut run = run(Expectation::Unknown);
        run.policy.sla.completion.warning = 0.8;
        run.policy.readiness.nights_known_min = 3;
        run.baseline.nights = 3;
        run.baseline.readiness_gap = Some(0.1);
        show_run(&metrics, &run, now());
        let readiness = run.readiness_gap_warning();
        assert!((readiness - 0.3).abs() < 1e-9, "three times the usual 0.1");
        let lines = [
            "tipoff_run_start_latency_limit_seconds{handoff=\"one\",limit=\"target\"} 300",
            "tipoff_run_start_latency_limit_seconds{handoff=\"one\",limit=\"warning\"} 600",
            "tipoff_run_start_latency_limit_seconds{handoff=\"one\",limit=\"critical\"} 3600",
            "tipoff_run_completion_limit_ratio{handoff=\"one\",limit=\"warning\"} 0.8",
            "tipoff_run_completion_limit_ratio{handoff=\"one\",limit=\"critical\"} 0.5",
            "tipoff_run_gap_limit_units{handoff=\"one\"} 20",
            "tipoff_run_gap_limit_ratio{handoff=\"one\"} 0.05",
            "tipoff_run_readiness_gap_limit_ratio{handoff=\"one\",limit=\"info\"} 0.2",
        ];
        assert_shows(&metrics, &lines);
        // Unusual only where that is stricter.
        run.baseline.readiness_gap = Some(0.3);
        show_run(&metrics, &run, now());
        let line = "tipoff_run_readiness_gap_limit_ratio{handoff=\"one\",limit=\"warning\"} 0.5";
        assert_shows(&metrics, &[line]);
    }

    #[test]
    fn a_settled_run_is_judged_and_says_what_started_it() {
        let metrics = metrics();
        let mut run = run(Expectation::Unknown);
        run.state = State::Partial;
        run.start.by = Some(Source::Backup);
        run.start.dispatched_at = Some(now());
        show_run(&metrics, &run, now());
        let lines = [
            "tipoff_run_judged{handoff=\"one\"} 1",
            "tipoff_run_started_by{handoff=\"one\",started_by=\"backup\"} 1",
            "tipoff_run_started_by{handoff=\"one\",started_by=\"none\"} 0",
        ];
        assert_shows(&metrics, &lines);
    }

    #[test]
    fn the_next_run_leaves_nothing_of_the_last_one() {
        let (used, fresh) = (metrics(), metrics());
        let mut last = run(Expectation::Unknown);
        last.state = State::Partial;
        last.completed_at = Some(now());
        last.start.finished_at = Some(now());
        last.counts.missing = 3;
        last.counts.reasons = [("publish".to_owned(), 3)].into();
        last.alerts = vec![Alert {
            kind: Kind::GapExceeded,
            severity: Severity::Warning,
            text: "25 of 300 are missing".to_owned(),
            opened_at: now(),
            subject: None,
            critical_since: None,
            told_up_to: None,
            told_at: None,
            acknowledged: None,
            resolved_at: None,
        }];
        show_run(&used, &last, now());
        let open = "tipoff_open_alerts{handoff=\"one\",kind=\"gap_exceeded\",severity=\"warning\"}";
        assert_shows(&used, &[&format!("{open} 1")]);
        for metrics in [&used, &fresh] {
            show_run(metrics, &run(Expectation::Unknown), now());
        }
        assert_eq!(ours(&used), ours(&fresh));
    }

    #[test]
    fn a_date_without_games_has_neither_verdict_nor_deadline() {
        let metrics = metrics();
        show_run(&metrics, &run(Expectation::NoGames), now());
        let lines = [
            "tipoff_run_state{handoff=\"one\",state=\"not_expected\"} 1",
            "tipoff_run_verdict{handoff=\"one\",verdict=\"on_track\"} 0",
            "tipoff_run_deadline_timestamp_seconds{handoff=\"one\"} 0",
            "tipoff_run_forecast_finish_timestamp_seconds{handoff=\"one\"} 0",
            "tipoff_run_opens_timestamp_seconds{handoff=\"one\"} 1768798800",
        ];
        assert_shows(&metrics, &lines);
    }

    #[test]
    fn a_backfill_is_never_shown() {
        let metrics = metrics();
        let before = ours(&metrics);
        let mut backfill = run(Expectation::Unknown);
        backfill.purpose = Purpose::Backfill;
        backfill.counts.ready = 40;
        show_run(&metrics, &backfill, now());
        assert_eq!(ours(&metrics), before);
    }

    #[test]
    fn queues_show_depth_age_and_lateness_and_nothing_to_come_is_late() {
        let metrics = metrics();
        let mut queues = QueueFigures {
            outbox: 2,
            outbox_oldest_at: Some(now() - TimeDelta::milliseconds(1_500)),
            outbox_dead: 1,
            quarantine: 3,
            quarantine_oldest_at: None,
            inbox: 400,
            next_wake_at: Some(now() + TimeDelta::minutes(5)),
        };
        show_queues(&metrics, &queues, now());
        let lines = [
            "tipoff_outbox_effects 2",
            "tipoff_outbox_oldest_age_seconds 1.5",
            "tipoff_outbox_dead_effects 1",
            "tipoff_quarantine_messages 3",
            "tipoff_quarantine_oldest_age_seconds 0",
            "tipoff_inbox_messages 400",
            "tipoff_timers_late_seconds 0",
        ];
        assert_shows(&metrics, &lines);
        queues.next_wake_at = Some(now() - TimeDelta::seconds(61));
        show_queues(&metrics, &queues, now());
        assert_shows(&metrics, &["tipoff_timers_late_seconds 61"]);
    }
}
