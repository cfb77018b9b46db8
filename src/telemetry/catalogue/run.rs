//! The current run of a handoff: how it stands, and what was promised.
//!
//! Nights that are over belong to `nights`, what happened to `work`.

use crate::telemetry::{
    entry::{Entry, Kind, Unit},
    labels::Label,
};

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

/// Ready units that still need work; those in flight excepted until the verdict falls.
pub const RUN_GAP: Entry = Entry {
    name: "tipoff_run_gap_units",
    kind: Kind::Gauge,
    unit: Unit::Count("units"),
    labels: BY_HANDOFF,
    help: "Ready units that still need work; those in flight excepted until the verdict falls",
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

/// What led to the dispatch of the current run; none before it.
pub const RUN_STARTED_BY: Entry = Entry {
    name: "tipoff_run_started_by",
    kind: Kind::Gauge,
    unit: Unit::OneOf,
    labels: &[Label::Handoff, Label::StartedBy],
    help: "What led to the dispatch of the current run; none before it",
};

/// Whether completion and gap of the current run are final for now: settled, or past the deadline; never while answers come in on time.
pub const RUN_JUDGED: Entry = Entry {
    name: "tipoff_run_judged",
    kind: Kind::Gauge,
    unit: Unit::Flag,
    labels: BY_HANDOFF,
    help: "Whether completion and gap of the current run are final for now: settled, or past the deadline; never while answers come in on time",
};

/// The promised start latency of the current run: in time below the target, told above the others.
pub const RUN_LATENCY_LIMIT: Entry = Entry {
    name: "tipoff_run_start_latency_limit_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[Label::Handoff, Label::Limit],
    help: "The promised start latency of the current run: in time below the target, told above the others",
};

/// The promised completion of the current run: in order above the target, told below the others.
pub const RUN_COMPLETION_LIMIT: Entry = Entry {
    name: "tipoff_run_completion_limit_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: &[Label::Handoff, Label::Limit],
    help: "The promised completion of the current run: in order above the target, told below the others",
};

/// The gap that the current run tolerates; more is told.
pub const RUN_GAP_LIMIT: Entry = Entry {
    name: "tipoff_run_gap_limit_units",
    kind: Kind::Gauge,
    unit: Unit::Count("units"),
    labels: BY_HANDOFF,
    help: "The gap that the current run tolerates; more is told",
};

/// The share of the ready units that the gap may be; more is told.
pub const RUN_GAP_LIMIT_RATIO: Entry = Entry {
    name: "tipoff_run_gap_limit_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: BY_HANDOFF,
    help: "The share of the ready units that the gap may be; more is told",
};

/// The readiness gap above which the current run tells people, what is usual taken into account.
pub const RUN_READINESS_GAP_LIMIT_RATIO: Entry = Entry {
    name: "tipoff_run_readiness_gap_limit_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: &[Label::Handoff, Label::ReadinessLimit],
    help: "The readiness gap above which the current run tells people, what is usual taken into account",
};
