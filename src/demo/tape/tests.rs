//! A tape written and read again: what is kept, what is left out, how it is spelt.
//!
//! Whether Prometheus reads it is tested in `tests/monitoring`.

use chrono::TimeDelta;
use prometheus::proto::MetricFamily;

use super::Tape;
use crate::{
    domain::{Instant, ids::HandoffId},
    telemetry::{Metrics, catalogue, gather},
};

fn start() -> Instant {
    "2026-01-19T05:00:00Z".parse().unwrap()
}

fn metrics() -> Metrics {
    Metrics::new(&[HandoffId::new("one")], &[])
}

/// What there is of these metrics alone: the process's own differ from run to run.
fn ours(metrics: &Metrics, names: &[&str]) -> Vec<MetricFamily> {
    let mut families = gather(metrics);
    families.retain(|family| names.contains(&family.name()));
    families
}

fn text(tape: &Tape) -> String {
    let mut bytes = Vec::new();
    tape.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Samples of the number of dead effects, seconds after the start.
fn dead_effects(samples: &[(i64, f64)]) -> Tape {
    let metrics = metrics();
    let mut tape = Tape::default();
    for (seconds, value) in samples {
        metrics.set(&catalogue::OUTBOX_DEAD, &[], *value);
        let families = ours(&metrics, &["tipoff_outbox_dead_effects"]);
        tape.take(&families, start() + TimeDelta::seconds(*seconds));
    }
    tape
}

/// Seconds after the start and value of each sample that is written.
fn samples(tape: &Tape) -> Vec<(i64, String)> {
    let text = text(tape);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.rsplit(' ');
            let at: f64 = words.next().unwrap().parse().unwrap();
            let value = words.next().unwrap().to_owned();
            ((at - start().timestamp() as f64).round() as i64, value)
        })
        .collect()
}

#[test]
fn a_tape_without_a_sample_is_still_a_whole_file() {
    assert_eq!(text(&Tape::default()), "# EOF\n");
    assert_eq!(Tape::default().last_at(), None);
}

#[test]
fn a_series_is_written_with_its_family_its_labels_and_what_a_scrape_adds() {
    let metrics = metrics();
    metrics.add(&catalogue::STEPS, &["one"], 3);
    let mut tape = Tape::default();
    let at = start() + TimeDelta::milliseconds(250);
    tape.take(&ours(&metrics, &["tipoff_steps_total"]), at);
    assert_eq!(
        text(&tape),
        "# HELP tipoff_steps Steps that moved a run\n\
         # TYPE tipoff_steps counter\n\
         tipoff_steps_total{handoff=\"one\",job=\"tipoff\",instance=\"127.0.0.1:8080\"} 3 1768798800.250\n\
         # EOF\n"
    );
}

#[test]
fn a_histogram_has_its_edges_as_prometheus_reads_them_from_the_service() {
    let metrics = metrics();
    metrics.observe(&catalogue::START_LATENCY, &["one"], 61.5);
    let mut tape = Tape::default();
    let families = ours(&metrics, &["tipoff_start_latency_seconds"]);
    tape.take(&families, start());
    let text = text(&tape);
    assert!(text.contains("# TYPE tipoff_start_latency_seconds histogram\n"));
    let exposed = crate::telemetry::expose(&metrics);
    let edges = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("tipoff_start_latency_seconds"))
            .map(|line| {
                let line = line.replace(",job=\"tipoff\",instance=\"127.0.0.1:8080\"", "");
                line.replace(" 1768798800.000", "")
            })
            .collect()
    };
    assert_eq!(edges(&text), edges(&exposed));
    assert_eq!(edges(&text).len(), 10);
}

#[test]
fn changes_are_written_with_what_was_before_and_nothing_else_oftener_than_needed() {
    let tape = dead_effects(&[
        (0, 0.0),
        (10, 0.0),
        (20, 0.0),
        (120, 0.0),
        (130, 0.0),
        (140, 1.0),
        (150, 1.0),
        (160, 1.0),
    ]);
    let expected = [(0, "0"), (120, "0"), (130, "0"), (140, "1"), (160, "1")];
    let expected = expected.map(|(at, value)| (at, value.to_owned()));
    assert_eq!(samples(&tape), expected);
}

#[test]
fn samples_two_minutes_apart_are_all_written() {
    let every: Vec<(i64, f64)> = (0..10).map(|pair| (pair * 120, 4.0)).collect();
    assert_eq!(samples(&dead_effects(&every)).len(), 10);
}

#[test]
fn a_stretch_ends_and_begins_with_a_sample_and_counts_from_its_own_start() {
    let metrics = metrics();
    let mut tape = Tape::default();
    let families = ours(&metrics, &["tipoff_outbox_effects", "tipoff_steps_total"]);
    for seconds in [0, 10, 20] {
        tape.take(&families, start() + TimeDelta::seconds(seconds));
    }
    tape.cut();
    assert_eq!(tape.last_at(), None, "the next sample is due at once");
    // The next process has lost one series and has another.
    let families = ours(
        &metrics,
        &["tipoff_outbox_effects", "tipoff_inbox_messages"],
    );
    for seconds in [900, 910, 920] {
        tape.take(&families, start() + TimeDelta::seconds(seconds));
    }
    assert_eq!(tape.last_at(), Some(start() + TimeDelta::seconds(920)));
    let all = samples(&tape);
    let instants: Vec<i64> = all.iter().map(|(at, _)| *at).collect();
    // inbox messages, outbox effects, steps: in the order of their names.
    assert_eq!(instants, [900, 920, 0, 20, 900, 920, 0, 20]);
}

#[test]
fn what_people_named_is_escaped() {
    let metrics = Metrics::new(&[HandoffId::new("a \"b\" \\c")], &[]);
    let mut tape = Tape::default();
    tape.take(&ours(&metrics, &["tipoff_steps_total"]), start());
    assert!(text(&tape).contains(r#"{handoff="a \"b\" \\c",job"#));
}
