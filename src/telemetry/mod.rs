//! Stub until the catalogue lands.

use crate::{domain::run::Run, ports::store::HistoryEntry};

/// Metrics.
pub struct Metrics;

/// Records.
pub fn record_step(_metrics: &Metrics, _entry: &HistoryEntry, _run: &Run) {}

/// Logs.
pub fn log_step(_entry: &HistoryEntry) {}
