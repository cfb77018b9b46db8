//! What the upstream's tables say of a date, and whether that is enough to start.
//!
//! Asking the tables belongs to the warehouse; waiting belongs to the run.

use serde::{Deserialize, Serialize};

use super::{Instant, ids::GameId};

/// One bucket of the feature quality spread: scores from `from` (included) up to `to` (excluded; 100 included).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityBucket {
    /// Lowest score of the bucket, 0 to 100.
    pub from: u32,
    /// First score past the bucket, up to 101.
    pub to: u32,
    /// Units in it.
    pub units: u64,
}

/// What the warehouse answered about a date. Counts are taken after the configured filters, except `filtered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// The instant the upstream finished by its run history (status success or partial); `None`: not finished.
    pub upstream_finished_at: Option<Instant>,
    /// Units the context table lists that pass the filters.
    pub expected: u64,
    /// Units with a feature row, passing the filters.
    pub feature_rows: u64,
    /// Units with a production-ready, fresh feature row, passing the filters.
    pub ready: u64,
    /// Production-ready but older than the freshness limit: counted in `feature_rows`, not in `ready`.
    pub stale: u64,
    /// Listed units the filters took out.
    pub filtered: u64,
    /// Feature rows' quality scores in ten-point buckets, lowest first; empty buckets are left out.
    pub quality: Vec<QualityBucket>,
    /// How many different quality scores there are; 1 over many units looks systematic.
    pub quality_scores_distinct: u64,
    /// When the newest feature row was written.
    pub newest_feature_at: Option<Instant>,
    /// The games the context table knows; empty is "unknown", not "none".
    pub games: Vec<GameId>,
}
