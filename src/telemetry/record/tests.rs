//! Steps of a real night, counted and logged.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Level, subscriber};

use super::{Moved, log_step, record_step};
use crate::{
    domain::{
        Asked, Instant,
        alert::{Alert, Change, Kind, Severity, Told},
        calendar::Expectation,
        completion::{Move, Standing, Tally},
        effect::Effect,
        event::{Done, Event, FrozenTally, SentTally},
        ids::{GameId, HandoffId},
        readiness::Readiness,
        reason::{Code, Reason},
        run::{Purpose, Run, State, sample, step},
        trigger::{Source, Trigger},
    },
    ports::store::HistoryEntry,
    telemetry::{Metrics, expose},
};

fn instant(text: &str) -> Instant {
    text.parse().unwrap()
}

fn run() -> Run {
    let mut opening = sample::opening();
    opening.key.handoff = HandoffId::new("one");
    Run::open(opening, instant("2026-01-19T05:00:00Z"))
}

fn metrics() -> Metrics {
    Metrics::new(&[HandoffId::new("one")], &[])
}

fn entry(run: &Run, event: Option<Event>, why: Vec<Reason>) -> HistoryEntry {
    HistoryEntry {
        key: run.key.clone(),
        at: instant("2026-01-19T07:00:00Z"),
        step: event.as_ref().map(|_| run.steps + 1),
        state: event.as_ref().map(|_| run.state),
        event,
        why,
        effects: Vec::new(),
    }
}

/// Takes the run one step further and counts it, as the engine does.
fn take(metrics: &Metrics, before: Run, event: Event, at: &str) -> Run {
    let taken = step(before.clone(), &event, instant(at));
    let entry = HistoryEntry {
        key: before.key.clone(),
        at: instant(at),
        step: Some(taken.run.steps),
        event: Some(event),
        state: Some(taken.run.state),
        why: taken.why,
        effects: taken.effects,
    };
    let moved = Moved {
        entry: &entry,
        before: Some(&before),
        after: Some(&taken.run),
    };
    record_step(metrics, &moved);
    taken.run
}

fn count(metrics: &Metrics, entry: HistoryEntry) {
    let run = run();
    let moved = Moved {
        entry: &entry,
        before: Some(&run),
        after: Some(&run),
    };
    record_step(metrics, &moved);
}

#[track_caller]
fn assert_shows(metrics: &Metrics, lines: &[&str]) {
    let text = expose(metrics);
    for line in lines {
        assert!(text.contains(&format!("\n{line}\n")), "no `{line}`");
    }
}

#[test]
fn an_event_is_accepted_and_a_second_one_merges() {
    let metrics = metrics();
    let event = || Event::Triggered(Trigger::of(Source::Event));
    let waiting = take(&metrics, run(), event(), "2026-01-19T07:00:00Z");
    assert_eq!(waiting.state, State::Waiting);
    take(&metrics, waiting, event(), "2026-01-19T07:00:10Z");
    let lines = [
        "tipoff_triggers_total{handoff=\"one\",outcome=\"accepted\",source=\"event\"} 1",
        "tipoff_triggers_total{handoff=\"one\",outcome=\"merged\",source=\"event\"} 1",
        "tipoff_trigger_heard_timestamp_seconds{handoff=\"one\",source=\"event\"} 1768806010",
        "tipoff_steps_total{handoff=\"one\"} 2",
    ];
    assert_shows(&metrics, &lines);
}

#[test]
fn the_backup_of_the_runs_own_schedule_is_a_trigger_too() {
    let metrics = metrics();
    let run = take(&metrics, run(), Event::Ticked, "2026-01-19T13:59:00Z");
    let run = take(&metrics, run, Event::Ticked, "2026-01-19T14:00:00Z");
    assert_eq!(run.state, State::Waiting);
    let line = "tipoff_triggers_total{handoff=\"one\",outcome=\"accepted\",source=\"backup\"} 1";
    assert_shows(&metrics, &[line]);
}

#[test]
fn a_catch_up_is_the_trigger_of_a_run_that_no_event_started() {
    let metrics = metrics();
    let readiness = Readiness {
        upstream_finished_at: Some(instant("2026-01-19T06:50:00Z")),
        expected: 200,
        feature_rows: 200,
        ready: 190,
        stale: 0,
        filtered: 0,
        quality: Vec::new(),
        quality_scores_distinct: 0,
        newest_feature_at: None,
        games: Vec::new(),
    };
    let answered = Event::ReadinessAnswered {
        answer: Asked::Known(readiness),
        expectation: Expectation::Games,
    };
    let run = take(&metrics, run(), Event::Ticked, "2026-01-19T06:55:00Z");
    let run = take(&metrics, run, answered.clone(), "2026-01-19T06:55:00Z");
    take(&metrics, run, answered, "2026-01-19T06:55:01Z");
    let lines = [
        "tipoff_triggers_total{handoff=\"one\",outcome=\"accepted\",source=\"catch-up\"} 1",
        "tipoff_trigger_heard_timestamp_seconds{handoff=\"one\",source=\"catch-up\"} 1768805700",
    ];
    assert_shows(&metrics, &lines);
}

#[test]
fn a_retry_before_anything_was_sent_has_nothing_to_do_and_says_why() {
    let metrics = metrics();
    let retry = Event::Triggered(Trigger::of(Source::Retry));
    take(&metrics, run(), retry, "2026-01-19T07:00:00Z");
    let lines = [
        "tipoff_triggers_total{handoff=\"one\",outcome=\"nothing_to_do\",source=\"retry\"} 1",
        "tipoff_refusals_total{code=\"nothing_to_retry\",handoff=\"one\"} 1",
    ];
    assert_shows(&metrics, &lines);
}

#[test]
fn an_event_refused_before_any_run_counts_as_refused_and_is_no_sign_of_life() {
    let metrics = metrics();
    let why = vec![Reason::new(Code::Backfill, "the event is a backfill")];
    let entry = entry(&run(), None, why);
    let moved = Moved {
        entry: &entry,
        before: None,
        after: None,
    };
    record_step(&metrics, &moved);
    let lines = [
        "tipoff_triggers_total{handoff=\"one\",outcome=\"refused\",source=\"event\"} 1",
        "tipoff_refusals_total{code=\"backfill\",handoff=\"one\"} 1",
        "tipoff_trigger_heard_timestamp_seconds{handoff=\"one\",source=\"event\"} 0",
        "tipoff_steps_total{handoff=\"one\"} 0",
    ];
    assert_shows(&metrics, &lines);
}

#[test]
fn answers_are_counted_by_kind_and_their_units_by_outcome() {
    let metrics = metrics();
    let change = |to: Standing, units: u64| Move {
        from: Standing::Unanswered,
        from_reason: None,
        to,
        to_reason: None,
        game_id: GameId::new("LAL-BOS"),
        dispatched: true,
        was_missing: false,
        in_time: true,
        was_in_time: false,
        units,
    };
    let tally = Tally {
        moves: vec![change(Standing::Claimed, 3), change(Standing::Failed, 2)],
        duplicates: 4,
        unknown: 1,
        ..Tally::default()
    };
    count(
        &metrics,
        entry(&run(), Some(Event::Answered(tally)), Vec::new()),
    );
    let lines = [
        "tipoff_answers_total{handoff=\"one\",kind=\"new\"} 5",
        "tipoff_answers_total{handoff=\"one\",kind=\"duplicate\"} 4",
        "tipoff_answers_total{handoff=\"one\",kind=\"late\"} 0",
        "tipoff_answers_total{handoff=\"one\",kind=\"unknown\"} 1",
        "tipoff_answered_units_total{handoff=\"one\",outcome=\"predicted\"} 3",
        "tipoff_answered_units_total{handoff=\"one\",outcome=\"failed\"} 2",
    ];
    assert_shows(&metrics, &lines);
}

#[test]
fn the_first_confirmed_publish_is_a_latency_of_tonight_and_of_no_backfill() {
    for (purpose, observed) in [(Purpose::Tonight, 1), (Purpose::Backfill, 0)] {
        let metrics = metrics();
        let mut before = run();
        before.purpose = purpose;
        before.start.finished_at = Some(instant("2026-01-19T06:58:00Z"));
        let mut after = before.clone();
        let at = instant("2026-01-19T07:00:00Z");
        after.start.dispatched_at = Some(at);
        let sent = SentTally {
            sent: 50,
            refused: 1,
            at: Some(at),
            ..SentTally::default()
        };
        let entry = entry(&after, Some(Event::Sent(sent)), Vec::new());
        for before in [&before, &after] {
            let after = Some(&after);
            let before = Some(before);
            record_step(
                &metrics,
                &Moved {
                    entry: &entry,
                    before,
                    after,
                },
            );
        }
        let latency = "tipoff_start_latency_seconds";
        let lines = [
            format!("{latency}_bucket{{handoff=\"one\",le=\"60\"}} 0"),
            format!("{latency}_bucket{{handoff=\"one\",le=\"120\"}} {observed}"),
            format!("{latency}_count{{handoff=\"one\"}} {observed}"),
            "tipoff_publishes_total{handoff=\"one\",outcome=\"sent\"} 100".to_owned(),
            "tipoff_publishes_total{handoff=\"one\",outcome=\"refused\"} 2".to_owned(),
        ];
        assert_shows(&metrics, &lines.each_ref().map(String::as_str));
    }
}

#[test]
fn units_sent_again_and_alerts_told_are_counted() {
    let metrics = metrics();
    let frozen = FrozenTally {
        to_send: 9,
        retried: 7,
        ..FrozenTally::default()
    };
    let event = Event::Ordered(Done::Frozen(frozen));
    let alert = Alert {
        kind: Kind::GapExceeded,
        severity: Severity::Warning,
        text: "25 of 300 are missing".to_owned(),
        opened_at: instant("2026-01-19T07:00:00Z"),
        subject: None,
        critical_since: None,
        told_up_to: None,
        told_at: None,
        acknowledged: None,
        resolved_at: None,
    };
    let told = Told {
        change: Change::Worsened,
        alert,
        known_up_to: None,
    };
    let mut entry = entry(&run(), Some(event), Vec::new());
    entry.effects = vec![Effect::Record, Effect::Tell(vec![told])];
    count(&metrics, entry);
    let lines = [
        "tipoff_retried_units_total{handoff=\"one\"} 7",
        "tipoff_alert_changes_total{change=\"worsened\",handoff=\"one\",severity=\"warning\"} 1",
    ];
    assert_shows(&metrics, &lines);
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(moved: &Moved<'_>) -> serde_json::Value {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    subscriber::with_default(subscriber, || log_step(moved));
    let bytes = kept.0.lock().unwrap();
    serde_json::from_slice(&bytes).expect("one line of JSON")
}

#[test]
fn a_change_of_state_is_info_readable_alone_and_has_fields() {
    let mut before = run();
    before.steps = 1;
    let mut entry = entry(
        &before,
        Some(Event::Triggered(Trigger::of(Source::Event))),
        vec![Reason::new(Code::Accepted, "asked for by event")],
    );
    entry.state = Some(State::Waiting);
    let line = logged(&Moved {
        entry: &entry,
        before: Some(&before),
        after: None,
    });
    assert_eq!(line["level"], "INFO");
    let message = "one 2026-01-19: expected → waiting: asked for by event";
    assert_eq!(line["message"], message);
    assert_eq!(line["handoff"], "one");
    assert_eq!(line["game_date"], "2026-01-19");
    assert_eq!(line["state"], "waiting");
    assert_eq!(line["why"], "asked for by event");
}

#[test]
fn could_not_ask_warns_and_what_changes_no_state_is_a_detail() {
    let mut run = run();
    run.steps = 1;
    for (code, level) in [(Code::CouldNotAsk, "WARN"), (Code::NothingDue, "DEBUG")] {
        let answer = Event::Reconciled(Asked::CouldNotAsk("timed out".to_owned()));
        let entry = entry(&run, Some(answer), vec![Reason::new(code, "so it is")]);
        let line = logged(&Moved {
            entry: &entry,
            before: Some(&run),
            after: Some(&run),
        });
        assert_eq!(line["level"], level);
        assert_eq!(line["message"], "one 2026-01-19 is expected: so it is");
    }
}

#[test]
fn a_run_that_opens_is_info_once() {
    let run = run();
    let why = vec![Reason::new(Code::Opened, "the calendar opens it")];
    let mut entry = entry(&run, Some(Event::Ticked), why);
    for before in [None, Some(&run)] {
        let after = Some(&run);
        let line = logged(&Moved {
            entry: &entry,
            before,
            after,
        });
        assert_eq!(line["level"], "INFO");
        let message = "one 2026-01-19: opened → expected: the calendar opens it";
        assert_eq!(line["message"], message);
    }
    entry.step = None;
    let unmoved = Moved {
        entry: &entry,
        before: Some(&run),
        after: Some(&run),
    };
    assert_eq!(logged(&unmoved)["level"], "DEBUG");
}
