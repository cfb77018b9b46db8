//! Alerts, and how people are told of them.
//!
//! Which alerts there are is decided in `domain`.

use crate::telemetry::{
    entry::{Entry, Kind, Unit},
    labels::Label,
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

/// Messages that wait to be delivered over a channel.
pub const CHANNEL_WAITING: Entry = Entry {
    name: "tipoff_channel_waiting_deliveries",
    kind: Kind::Gauge,
    unit: Unit::Count("deliveries"),
    labels: &[Label::Channel],
    help: "Messages that wait to be delivered over a channel",
};

/// How long ago the oldest of them was decided; 0 while none waits.
pub const CHANNEL_OLDEST: Entry = Entry {
    name: "tipoff_channel_oldest_age_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[Label::Channel],
    help: "How long ago the oldest of them was decided; 0 while none waits",
};

/// When the channel last took a message; 0: not yet.
pub const CHANNEL_DONE: Entry = Entry {
    name: "tipoff_channel_done_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[Label::Channel],
    help: "When the channel last took a message; 0: not yet",
};

/// Whether the channel does not take messages.
pub const CHANNEL_FAILING: Entry = Entry {
    name: "tipoff_channel_failing",
    kind: Kind::Gauge,
    unit: Unit::Flag,
    labels: &[Label::Channel],
    help: "Whether the channel does not take messages",
};

/// Channels that lead to people, the console excepted, and do not fail; 0: the service tells nobody.
pub const REACHING_CHANNELS: Entry = Entry {
    name: "tipoff_reaching_channels",
    kind: Kind::Gauge,
    unit: Unit::Count("channels"),
    labels: &[],
    help: "Channels that lead to people, the console excepted, and do not fail; 0: the service tells nobody",
};

/// How long the oldest message has waited that reached nobody over any channel; 0: none does, or only what a channel that
/// takes messages holds back for its number an hour.
pub const UNHEARD_AGE: Entry = Entry {
    name: "tipoff_unheard_age_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    labels: &[],
    help: "How long the oldest message has waited that reached nobody over any channel; 0: none does, or only until its channel's hour is over",
};

/// When the outgoing heartbeat last got through; 0: not since the start, or none is configured.
pub const HEARTBEAT_DONE: Entry = Entry {
    name: "tipoff_heartbeat_done_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[],
    help: "When the outgoing heartbeat last got through; 0: not since the start, or none is configured",
};
