//! What came in and went out, and when it was last heard of.
//!
//! How the current run stands belongs to `run`.

use crate::telemetry::{
    entry::{Entry, Kind, Unit},
    labels::Label,
};

const LATENCY_EDGES: &[f64] = &[60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
const BY_HANDOFF: &[Label] = &[Label::Handoff];

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

/// The latest occurrence of the own schedule that was done or passed over; 0: none yet.
pub const SCHEDULE_DONE: Entry = Entry {
    name: "tipoff_schedule_done_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[Label::Handoff, Label::Schedule],
    help: "The latest occurrence of the own schedule that was done or passed over; 0: none yet",
};
