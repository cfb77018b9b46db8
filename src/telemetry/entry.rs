//! What the catalogue says of one metric.
//!
//! The metrics themselves belong to the catalogue.

use super::labels::Label;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Counts up to each of these upper edges, each included.
    Histogram(&'static [f64]),
}

/// What is measured; every name ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A length of time in seconds.
    Seconds,
    /// An instant in seconds since 1970-01-01T00:00:00Z; 0: there is none.
    Timestamp,
    /// A share of a whole, 0 to 1.
    Ratio,
    /// A number of these.
    Count(&'static str),
    /// 1 for the value that holds, 0 for the others; the last label has the values.
    OneOf,
    /// 1 where it holds, 0 where it does not; named after what holds.
    Flag,
    /// Always 1; the labels say it.
    Info,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Its name, `tipoff_<noun>_<unit>[_total]`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What is measured.
    pub unit: Unit,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [Label],
    /// What it says, as one sentence without a full stop.
    pub help: &'static str,
}
