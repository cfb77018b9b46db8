//! What is decided: pure functions and plain data. No async, no I/O, no clock, no logging, no counting.
//!
//! What touches the world does not belong here; it is described by an [`effect::Effect`] and done by the engine.

pub mod alert;
pub mod alive;
pub mod baseline;
pub mod calendar;
pub mod completion;
pub mod dispatch;
pub mod effect;
pub mod event;
pub mod feasibility;
pub mod forecast;
pub mod ids;
pub mod nights;
pub mod plan;
pub mod policy;
pub mod readiness;
pub mod reason;
pub mod report;
pub mod routing;
pub mod run;
pub mod schedule;
pub mod seconds;
pub mod service;
pub mod sla;
pub mod trigger;
pub mod wiring;
pub mod zone;

/// A point in time, always UTC, kept to the microsecond. A zone appears only in schedules and in text for people.
pub type Instant = chrono::DateTime<chrono::Utc>;

/// A fact of the outside world: known, or could not be asked. "Not there" is a known fact.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked<T> {
    /// The question was answered.
    Known(T),
    /// The question could not be asked or was not answered; the text is for operators.
    CouldNotAsk(String),
}
