//! The nights that are over: the last 7, the last 30, the season, and each of the last 30.
//!
//! The current run belongs to `run`.

use crate::telemetry::{
    entry::{Entry, Kind, Unit},
    labels::Label,
};

const BY_HANDOFF: &[Label] = &[Label::Handoff];

/// Nights with a verdict, by it.
pub const NIGHTS: Entry = Entry {
    name: "tipoff_nights",
    kind: Kind::Gauge,
    unit: Unit::Count("nights"),
    labels: &[Label::Handoff, Label::Window, Label::NightVerdict],
    help: "Nights with a verdict, by it",
};

/// Nights with a verdict by what led to their dispatch; none: nothing was dispatched.
pub const STARTED_NIGHTS: Entry = Entry {
    name: "tipoff_started_nights",
    kind: Kind::Gauge,
    unit: Unit::Count("nights"),
    labels: &[Label::Handoff, Label::Window, Label::StartedBy],
    help: "Nights with a verdict by what led to their dispatch; none: nothing was dispatched",
};

/// Nights with a verdict that have no start latency: not dispatched, or the upstream finish is not known.
pub const UNMEASURED_NIGHTS: Entry = Entry {
    name: "tipoff_unmeasured_nights",
    kind: Kind::Gauge,
    unit: Unit::Count("nights"),
    labels: &[Label::Handoff, Label::Window],
    help: "Nights with a verdict that have no start latency: not dispatched, or the upstream finish is not known",
};

/// The start latency of the nights that have one; 0 where none has.
pub const NIGHTS_LATENCY: Entry = Entry {
    name: "tipoff_nights_start_latency_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[Label::Handoff, Label::Window, Label::Statistic],
    help: "The start latency of the nights that have one; 0 where none has",
};

/// The completion of the nights with a verdict, 0 where nothing was dispatched.
pub const NIGHTS_COMPLETION: Entry = Entry {
    name: "tipoff_nights_completion_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: &[Label::Handoff, Label::Window, Label::Statistic],
    help: "The completion of the nights with a verdict, 0 where nothing was dispatched",
};

/// Nights on which an alert of this kind opened.
pub const ALERTED_NIGHTS: Entry = Entry {
    name: "tipoff_alerted_nights",
    kind: Kind::Gauge,
    unit: Unit::Count("nights"),
    labels: &[Label::Handoff, Label::Window, Label::AlertKind],
    help: "Nights on which an alert of this kind opened",
};

/// Breached nights that 30 nights may have by the configured target.
pub const BUDGET_NIGHTS: Entry = Entry {
    name: "tipoff_budget_nights",
    kind: Kind::Gauge,
    unit: Unit::Count("nights"),
    labels: BY_HANDOFF,
    help: "Breached nights that 30 nights may have by the configured target",
};

/// The deadline of the latest nights with a verdict, 1 is the latest; 0: there is no such night.
pub const NIGHT_DEADLINE: Entry = Entry {
    name: "tipoff_night_deadline_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[Label::Handoff, Label::NightsAgo],
    help: "The deadline of the latest nights with a verdict, 1 is the latest; 0: there is no such night",
};

/// Whether the promise of that night was met; look at its deadline first.
pub const NIGHT_MET: Entry = Entry {
    name: "tipoff_night_met",
    kind: Kind::Gauge,
    unit: Unit::Flag,
    labels: &[Label::Handoff, Label::NightsAgo],
    help: "Whether the promise of that night was met; look at its deadline first",
};

/// The start latency of that night; 0: it has none.
pub const NIGHT_LATENCY: Entry = Entry {
    name: "tipoff_night_start_latency_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[Label::Handoff, Label::NightsAgo],
    help: "The start latency of that night; 0: it has none",
};

/// The completion of that night; 0 where nothing was dispatched.
pub const NIGHT_COMPLETION: Entry = Entry {
    name: "tipoff_night_completion_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    labels: &[Label::Handoff, Label::NightsAgo],
    help: "The completion of that night; 0 where nothing was dispatched",
};
