//! The service itself: its queues, store, warehouse questions and requests.
//!
//! Nothing here is about a night.

use crate::telemetry::{
    entry::{Entry, Kind, Unit},
    labels::Label,
};

const TRANSACTION_EDGES: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0];
const QUESTION_EDGES: &[f64] = &[0.1, 0.5, 2.0, 5.0, 10.0, 30.0, 60.0];
const REQUEST_EDGES: &[f64] = &[0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

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

/// What the last examination of the surroundings found.
pub const DOCTOR_FINDINGS: Entry = Entry {
    name: "tipoff_doctor_findings",
    kind: Kind::Gauge,
    unit: Unit::Count("findings"),
    labels: &[Label::Check, Label::Standing],
    help: "What the last examination of the surroundings found, by what was looked at and how it stands",
};

/// When the surroundings were last examined; 0: never.
pub const DOCTOR_EXAMINED: Entry = Entry {
    name: "tipoff_doctor_examined_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[],
    help: "When the surroundings were last examined; 0: never",
};

/// Which version this is.
pub const BUILD: Entry = Entry {
    name: "tipoff_build_info",
    kind: Kind::Gauge,
    unit: Unit::Info,
    labels: &[Label::Version],
    help: "Which version this is",
};

/// Calls that were not heard, by why.
pub const IDENTITY_REFUSED: Entry = Entry {
    name: "tipoff_identity_refusals_total",
    kind: Kind::Counter,
    unit: Unit::Count("refusals"),
    labels: &[Label::IdentityRefusal],
    help: "Calls that were not heard, by why",
};

/// When the keys of Google's identities were fetched last; 0: never, or none are needed.
pub const IDENTITY_KEYS: Entry = Entry {
    name: "tipoff_identity_keys_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::Timestamp,
    labels: &[],
    help: "When the keys of Google's identities were fetched last; 0: never, or none are needed",
};
