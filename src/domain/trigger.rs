//! What asks for a run, and whether an upstream event may.
//!
//! The wire shapes of an event belong to `wire`; what a trigger does to a run belongs to `run`.

use serde::{Deserialize, Serialize};

use super::{Instant, ids::GameDate};

/// What asked for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The upstream's completion event.
    Event,
    /// The run history said the upstream had finished and no event came.
    CatchUp,
    /// The backup schedule.
    Backup,
    /// A retry schedule.
    Retry,
    /// A person.
    Manual,
}

/// The upstream's word on how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamStatus {
    /// All of it.
    Success,
    /// Part of it.
    Partial,
    /// Nothing to do.
    NoData,
    /// It failed.
    Failed,
}

/// An upstream-complete event, whichever of the two wire shapes it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpstreamComplete {
    /// The date it is for.
    pub game_date: GameDate,
    /// The processor that sent it; `None` means the configured final one.
    pub processor: Option<String>,
    /// How it ended.
    pub status: UpstreamStatus,
    /// When the upstream finished: its own timestamp, never later than the message's publish time.
    pub finished_at: Option<Instant>,
    /// Units it says it processed.
    pub processed: Option<u64>,
    /// Units it says are ready.
    pub ready: Option<u64>,
    /// A backfill: not tonight's work.
    pub backfill_mode: bool,
    /// The sender asks that nothing be started.
    pub skip_downstream_trigger: bool,
    /// The upstream's own id of its run.
    pub run_id: Option<String>,
    /// The id that follows the work through the phases.
    pub correlation_id: Option<String>,
}
