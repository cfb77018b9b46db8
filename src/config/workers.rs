//! The built-in workers' settings: how many there are, how long they take, and what goes wrong with them.
//!
//! What they do with a request belongs to the sink that runs them.

use serde::Deserialize;

/// Section `[workers]`: the built-in workers, which stand in for the real ones.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    /// How many work at once, at least 1.
    pub count: u32,
    /// The quickest answer, in seconds; recorded nights of 81 to 141 units took 1 to 2 s a unit on few workers.
    pub answer_seconds_min: f64,
    /// The slowest answer, in seconds.
    pub answer_seconds_max: f64,
    /// A worker's first answer takes up to this much longer, in seconds; 3 to 5 were measured.
    pub cold_start_seconds: f64,
    /// Share of units skipped for a permanent reason, 0 to 1.
    pub skip_share: f64,
    /// Share of units that fail, 0 to 1.
    pub failure_share: f64,
    /// Share of units never answered, 0 to 1.
    pub silence_share: f64,
    /// Share of answers sent twice, 0 to 1.
    pub duplicate_share: f64,
    /// Share of units claimed as predicted without a row in the table, 0 to 1.
    pub claim_without_row_share: f64,
    /// Where their chances start, so that a night can be had again.
    pub seed: u64,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            count: 100,
            answer_seconds_min: 25.0,
            answer_seconds_max: 45.0,
            cold_start_seconds: 5.0,
            skip_share: 0.12,
            failure_share: 0.0,
            silence_share: 0.0,
            duplicate_share: 0.0,
            claim_without_row_share: 0.0,
            seed: 1,
        }
    }
}
