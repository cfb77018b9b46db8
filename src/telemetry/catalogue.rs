//! Every metric, once: its name, kind, unit, labels and help. docs/metrics.md is generated from this.
//!
//! When a metric is counted or set belongs to `record`, `show` and `measure`.

use super::{
    entry::{Entry, Kind, Unit},
    labels::Label,
};

/// Most series without any handoff: a histogram counts one for each edge, and three.
pub const SERIES_FIXED_MAX: usize = 580;
/// Most series that one handoff adds, with the shipped unit reasons.
pub const SERIES_A_HANDOFF_MAX: usize = 200;

const LATENCY_EDGES: &[f64] = &[60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
const TRANSACTION_EDGES: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0];
const QUESTION_EDGES: &[f64] = &[0.1, 0.5, 2.0, 5.0, 10.0, 30.0, 60.0];
const REQUEST_EDGES: &[f64] = &[0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

const BY_HANDOFF: &[Label] = &[Label::Handoff];

/// From the upstream's finish to the first dispatch, or until now while it grows; 0 before a finish.
pub const RUN_START_LATENCY: Entry = Entry {
    name: "tipoff_run_start_latency_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: BY_HANDOFF,
    help: "From the upstream's finish to the first dispatch, or until now while it grows; 0 before a finish",
};

/// Predicted and permanently skipped units of the dispatched ones; 0 before anything was dispatched.
pub const RUN_COMPLETION: Entry = Entry {
    name: "tipoff_run_completion_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: BY_HANDOFF,
    help: "Predicted and permanently skipped units of the dispatched ones; 0 before anything was dispatched",
};

/// Ready units that still need work, those in flight excepted.
pub const RUN_GAP: Entry = Entry {
    name: "tipoff_run_gap_units",
    kind: Kind::Gauge,
    unit: Unit::Count("units"),
    labels: BY_HANDOFF,
    help: "Ready units that still need work, those in flight excepted",
};

/// The gap as a share of the ready units; 0 while nothing is ready.
pub const RUN_GAP_RATIO: Entry = Entry {
    name: "tipoff_run_gap_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: BY_HANDOFF,
    help: "The gap as a share of the ready units; 0 while nothing is ready",
};

/// Expected units that are not ready, as a share of the expected ones; 0 before readiness is known.
pub const RUN_READINESS_GAP_RATIO: Entry = Entry {
    name: "tipoff_run_readiness_gap_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: BY_HANDOFF,
    help: "Expected units that are not ready, as a share of the expected ones; 0 before readiness is known",
};

/// Units of the current run by count; a unit is in more than one.
pub const RUN_UNITS: Entry = Entry {
    name: "tipoff_run_units",
    kind: Kind::Gauge,
    unit: Unit::Count("units"),
    labels: &[Label::Handoff, Label::UnitState],
    help: "Units of the current run by count; a unit is in more than one",
};

/// Skipped and failed units of the current run by reason.
pub const RUN_REASON_UNITS: Entry = Entry {
    name: "tipoff_run_reason_units",
    kind: Kind::Gauge,
    unit: Unit::Count("units"),
    labels: &[Label::Handoff, Label::UnitReason],
    help: "Skipped and failed units of the current run by reason",
};

/// Where the current run stands.
pub const RUN_STATE: Entry = Entry {
    name: "tipoff_run_state",
    kind: Kind::Gauge,
    unit: Unit::OneOf,
    labels: &[Label::Handoff, Label::RunState],
    help: "Where the current run stands",
};

/// How the current run stands against its promise; all 0 on a date without games.
pub const RUN_VERDICT: Entry = Entry {
    name: "tipoff_run_verdict",
    kind: Kind::Gauge,
    unit: Unit::OneOf,
    labels: &[Label::Handoff, Label::Verdict],
    help: "How the current run stands against its promise; all 0 on a date without games",
};

/// When the current run opens: says which game date the run gauges are about.
pub const RUN_OPENS: Entry = Entry {
    name: "tipoff_run_opens_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "When the current run opens: says which game date the run gauges are about",
};

/// The promise of the current run; exactly then is in time; 0 on a date without games.
pub const RUN_DEADLINE: Entry = Entry {
    name: "tipoff_run_deadline_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "The promise of the current run; exactly then is in time; 0 on a date without games",
};

/// When the current run will most likely be finished; 0 where nothing is left to finish.
pub const RUN_FORECAST_FINISH: Entry = Entry {
    name: "tipoff_run_forecast_finish_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "When the current run will most likely be finished; 0 where nothing is left to finish",
};

/// When it will be finished at the latest; 0 beside a forecast finish: no end is in sight.
pub const RUN_FORECAST_LATEST: Entry = Entry {
    name: "tipoff_run_forecast_latest_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "When it will be finished at the latest; 0 beside a forecast finish: no end is in sight",
};

/// When the upstream finished; 0: it has not.
pub const RUN_UPSTREAM_FINISHED: Entry = Entry {
    name: "tipoff_run_upstream_finished_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "When the upstream finished; 0: it has not",
};

/// The first confirmed publish; 0: there was none.
pub const RUN_DISPATCHED: Entry = Entry {
    name: "tipoff_run_dispatched_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "The first confirmed publish; 0: there was none",
};

/// When the current run was complete or accepted; 0: it is not.
pub const RUN_COMPLETED: Entry = Entry {
    name: "tipoff_run_completed_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "When the current run was complete or accepted; 0: it is not",
};

/// When something is next due without anything arriving; 0 once closed.
pub const RUN_NEXT_WAKE: Entry = Entry {
    name: "tipoff_run_next_wake_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: BY_HANDOFF,
    help: "When something is next due without anything arriving; 0 once closed",
};

/// From the upstream's finish to the first dispatch, once a run, backfills excepted.
pub const START_LATENCY: Entry = Entry {
    name: "tipoff_start_latency_seconds",
    kind: Kind::Histogram(LATENCY_EDGES),
    unit: Unit::Seconds,
    labels: BY_HANDOFF,
    help: "From the upstream's finish to the first dispatch, once a run, backfills excepted",
};

/// What asked for runs, and what became of it.
pub const TRIGGERS: Entry = Entry {
    name: "tipoff_triggers_total",
    kind: Kind::Counter,
    unit: Unit::Count("triggers"),
    labels: &[Label::Handoff, Label::Source, Label::TriggerOutcome],
    help: "What asked for runs, and what became of it",
};

/// When a trigger was last heard and not refused; 0: not yet.
pub const TRIGGER_HEARD: Entry = Entry {
    name: "tipoff_trigger_heard_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[Label::Handoff, Label::Source],
    help: "When a trigger was last heard and not refused; 0: not yet",
};

/// Every "no", by its reason.
pub const REFUSALS: Entry = Entry {
    name: "tipoff_refusals_total",
    kind: Kind::Counter,
    unit: Unit::Count("refusals"),
    labels: &[Label::Handoff, Label::Refusal],
    help: "Every \"no\", by its reason",
};

/// Steps that moved a run.
pub const STEPS: Entry = Entry {
    name: "tipoff_steps_total",
    kind: Kind::Counter,
    unit: Unit::Count("steps"),
    labels: BY_HANDOFF,
    help: "Steps that moved a run",
};

/// Units whose publish was confirmed, or failed for good.
pub const PUBLISHES: Entry = Entry {
    name: "tipoff_publishes_total",
    kind: Kind::Counter,
    unit: Unit::Count("publishes"),
    labels: &[Label::Handoff, Label::PublishOutcome],
    help: "Units whose publish was confirmed, or failed for good",
};

/// Units frozen to be sent again.
pub const RETRIED_UNITS: Entry = Entry {
    name: "tipoff_retried_units_total",
    kind: Kind::Counter,
    unit: Unit::Count("units"),
    labels: BY_HANDOFF,
    help: "Units frozen to be sent again",
};

/// Answers of workers; a late one that changes its unit is new, too.
pub const ANSWERS: Entry = Entry {
    name: "tipoff_answers_total",
    kind: Kind::Counter,
    unit: Unit::Count("answers"),
    labels: &[Label::Handoff, Label::AnswerKind],
    help: "Answers of workers; a late one that changes its unit is new, too",
};

/// Units that a new answer gave this outcome.
pub const ANSWERED_UNITS: Entry = Entry {
    name: "tipoff_answered_units_total",
    kind: Kind::Counter,
    unit: Unit::Count("units"),
    labels: &[Label::Handoff, Label::AnswerOutcome],
    help: "Units that a new answer gave this outcome",
};

/// Open alerts of the current run, those that another one covers included.
pub const OPEN_ALERTS: Entry = Entry {
    name: "tipoff_open_alerts",
    kind: Kind::Gauge,
    unit: Unit::Count("alerts"),
    labels: &[Label::Handoff, Label::Severity, Label::AlertKind],
    help: "Open alerts of the current run, those that another one covers included",
};

/// Changes of alerts that people were to be told.
pub const ALERT_CHANGES: Entry = Entry {
    name: "tipoff_alert_changes_total",
    kind: Kind::Counter,
    unit: Unit::Count("changes"),
    labels: &[Label::Handoff, Label::Change, Label::Severity],
    help: "Changes of alerts that people were to be told",
};

/// Tries to deliver an alert message: done, to be tried later, or given up.
pub const DELIVERIES: Entry = Entry {
    name: "tipoff_deliveries_total",
    kind: Kind::Counter,
    unit: Unit::Count("deliveries"),
    labels: &[Label::Channel, Label::EffectOutcome],
    help: "Tries to deliver an alert message: done, to be tried later, or given up",
};

/// Tries to do an effect: done, to be tried later, or given up.
pub const EFFECTS: Entry = Entry {
    name: "tipoff_effects_total",
    kind: Kind::Counter,
    unit: Unit::Count("effects"),
    labels: &[Label::EffectKind, Label::EffectOutcome],
    help: "Tries to do an effect: done, to be tried later, or given up",
};

/// Effects that wait to be done.
pub const OUTBOX_EFFECTS: Entry = Entry {
    name: "tipoff_outbox_effects",
    kind: Kind::Gauge,
    unit: Unit::Count("effects"),
    labels: &[],
    help: "Effects that wait to be done",
};

/// How long ago the oldest waiting effect was decided; 0 while none waits.
pub const OUTBOX_OLDEST: Entry = Entry {
    name: "tipoff_outbox_oldest_age_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[],
    help: "How long ago the oldest waiting effect was decided; 0 while none waits",
};

/// Effects given up.
pub const OUTBOX_DEAD: Entry = Entry {
    name: "tipoff_outbox_dead_effects",
    kind: Kind::Gauge,
    unit: Unit::Count("effects"),
    labels: &[],
    help: "Effects given up",
};

/// Messages accepted so far, as the store knows them: a restart forgets none.
pub const INBOX_MESSAGES: Entry = Entry {
    name: "tipoff_inbox_messages",
    kind: Kind::Gauge,
    unit: Unit::Count("messages"),
    labels: &[],
    help: "Messages accepted so far, as the store knows them: a restart forgets none",
};

/// Messages in quarantine.
pub const QUARANTINE_MESSAGES: Entry = Entry {
    name: "tipoff_quarantine_messages",
    kind: Kind::Gauge,
    unit: Unit::Count("messages"),
    labels: &[],
    help: "Messages in quarantine",
};

/// How long the oldest message has been in quarantine; 0 while it is empty.
pub const QUARANTINE_OLDEST: Entry = Entry {
    name: "tipoff_quarantine_oldest_age_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[],
    help: "How long the oldest message has been in quarantine; 0 while it is empty",
};

/// Messages put into quarantine, by what is wrong with them.
pub const QUARANTINED_MESSAGES: Entry = Entry {
    name: "tipoff_quarantined_messages_total",
    kind: Kind::Counter,
    unit: Unit::Count("messages"),
    labels: &[Label::QuarantineCode],
    help: "Messages put into quarantine, by what is wrong with them",
};

/// How long the earliest timer of any run has been overdue; 0: none is.
pub const TIMERS_LATE: Entry = Entry {
    name: "tipoff_timers_late_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[],
    help: "How long the earliest timer of any run has been overdue; 0: none is",
};

/// How long a writing transaction took from begin to end.
pub const STORE_TRANSACTION: Entry = Entry {
    name: "tipoff_store_transaction_seconds",
    kind: Kind::Histogram(TRANSACTION_EDGES),
    unit: Unit::Seconds,
    labels: &[Label::TransactionOutcome],
    help: "How long a writing transaction took from begin to end",
};

/// Times that the store could not do what it was asked.
pub const STORE_ERRORS: Entry = Entry {
    name: "tipoff_store_errors_total",
    kind: Kind::Counter,
    unit: Unit::Count("errors"),
    labels: &[],
    help: "Times that the store could not do what it was asked",
};

/// Questions to the warehouse.
pub const WAREHOUSE_QUESTIONS: Entry = Entry {
    name: "tipoff_warehouse_questions_total",
    kind: Kind::Counter,
    unit: Unit::Count("questions"),
    labels: &[Label::Question, Label::QuestionOutcome],
    help: "Questions to the warehouse",
};

/// How long a question to the warehouse took, answered or not.
pub const WAREHOUSE_QUESTION: Entry = Entry {
    name: "tipoff_warehouse_question_seconds",
    kind: Kind::Histogram(QUESTION_EDGES),
    unit: Unit::Seconds,
    labels: &[Label::Question],
    help: "How long a question to the warehouse took, answered or not",
};

/// HTTP requests answered.
pub const HTTP_REQUESTS: Entry = Entry {
    name: "tipoff_http_requests_total",
    kind: Kind::Counter,
    unit: Unit::Count("requests"),
    labels: &[Label::Route, Label::Method, Label::Status],
    help: "HTTP requests answered",
};

/// How long an HTTP request took to be answered.
pub const HTTP_REQUEST: Entry = Entry {
    name: "tipoff_http_request_seconds",
    kind: Kind::Histogram(REQUEST_EDGES),
    unit: Unit::Seconds,
    labels: &[Label::Route],
    help: "How long an HTTP request took to be answered",
};

/// Which version this is.
pub const BUILD: Entry = Entry {
    name: "tipoff_build_info",
    kind: Kind::Gauge,
    unit: Unit::Info,
    labels: &[Label::Version],
    help: "Which version this is",
};

/// Every metric, in the order of the document.
pub const ALL: [Entry; 45] = [
    RUN_START_LATENCY,
    RUN_COMPLETION,
    RUN_GAP,
    RUN_GAP_RATIO,
    RUN_READINESS_GAP_RATIO,
    RUN_UNITS,
    RUN_REASON_UNITS,
    RUN_STATE,
    RUN_VERDICT,
    RUN_OPENS,
    RUN_DEADLINE,
    RUN_FORECAST_FINISH,
    RUN_FORECAST_LATEST,
    RUN_UPSTREAM_FINISHED,
    RUN_DISPATCHED,
    RUN_COMPLETED,
    RUN_NEXT_WAKE,
    START_LATENCY,
    TRIGGERS,
    TRIGGER_HEARD,
    REFUSALS,
    STEPS,
    PUBLISHES,
    RETRIED_UNITS,
    ANSWERS,
    ANSWERED_UNITS,
    OPEN_ALERTS,
    ALERT_CHANGES,
    DELIVERIES,
    EFFECTS,
    OUTBOX_EFFECTS,
    OUTBOX_OLDEST,
    OUTBOX_DEAD,
    INBOX_MESSAGES,
    QUARANTINE_MESSAGES,
    QUARANTINE_OLDEST,
    QUARANTINED_MESSAGES,
    TIMERS_LATE,
    STORE_TRANSACTION,
    STORE_ERRORS,
    WAREHOUSE_QUESTIONS,
    WAREHOUSE_QUESTION,
    HTTP_REQUESTS,
    HTTP_REQUEST,
    BUILD,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;
    use crate::telemetry::entry::{Entry, Kind, Unit};

    fn ending(entry: &Entry) -> String {
        let unit = match entry.unit {
            Unit::Seconds => "seconds",
            Unit::Timestamp => "timestamp_seconds",
            Unit::Ratio => "ratio",
            Unit::Count(noun) => noun,
            Unit::OneOf => entry.labels.last().unwrap().name(),
            Unit::Info => "info",
        };
        match entry.kind {
            Kind::Counter => format!("_{unit}_total"),
            Kind::Gauge | Kind::Histogram(_) => format!("_{unit}"),
        }
    }

    fn is_snake_case(name: &str) -> bool {
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.contains("__")
    }

    #[test]
    fn every_name_follows_the_conventions() {
        for entry in &ALL {
            let name = entry.name;
            assert!(name.starts_with("tipoff_") && is_snake_case(name), "{name}");
            assert!(name.ends_with(&ending(entry)), "{name}: {}", ending(entry));
            let total = name.ends_with("_total");
            assert_eq!(total, entry.kind == Kind::Counter, "{name}");
            let timestamp = name.ends_with("_timestamp_seconds");
            assert_eq!(timestamp, entry.unit == Unit::Timestamp, "{name}");
            assert!(!entry.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_label_follows_the_conventions() {
        for entry in &ALL {
            let names: Vec<&str> = entry.labels.iter().map(|label| label.name()).collect();
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(distinct.len(), names.len(), "{}", entry.name);
            assert!(names.iter().all(|name| is_snake_case(name)), "{names:?}");
            // Prometheus keeps these for buckets and for what it adds itself.
            for kept in ["le", "quantile", "job", "instance"] {
                assert!(!names.contains(&kept), "{}", entry.name);
            }
        }
    }

    #[test]
    fn edges_of_histograms_grow() {
        for entry in &ALL {
            if let Kind::Histogram(edges) = entry.kind {
                assert!(
                    edges.windows(2).all(|pair| pair[0] < pair[1]),
                    "{}",
                    entry.name
                );
                assert_eq!(entry.unit, Unit::Seconds, "{}", entry.name);
            }
        }
    }

    #[test]
    fn every_metric_of_this_file_is_listed_once() {
        let declared = include_str!("catalogue.rs")
            .matches(": Entry = Entry {")
            .count();
        // This test's own text holds the pattern, too.
        assert_eq!(declared - 1, ALL.len());
        let names: BTreeSet<&str> = ALL.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
