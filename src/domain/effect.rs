//! What a step wants done: effects after the commit, orders inside it.
//!
//! Doing them belongs to the engine; an effect is delivered at least once under the id (run, step, index).

use serde::{Deserialize, Serialize};

use super::{Instant, alert::Told, ids::BatchId};

/// Something to be done in the world after the step is committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Ask the warehouse how ready the date is; the answer comes back as `ReadinessAnswered`.
    AskReadiness,
    /// List the ready units and stage those that need work; comes back as `Staged`.
    Stage(StageOrder),
    /// Send what the current wave froze; comes back as `Sent`.
    Send {
        /// The batch.
        batch_id: BatchId,
    },
    /// Compare the rows of the prediction table with the answers; comes back as `Reconciled`.
    Reconcile,
    /// Publish the downstream event.
    Announce(Announcement),
    /// Bring the run's own row in the warehouse's run history up to date.
    Record,
    /// Tell people.
    Tell(Vec<Told>),
}

/// Which units a wave may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageOrder {
    /// The batch they are for.
    pub batch_id: BatchId,
    /// The wave, counted through the run from 1.
    pub wave: u32,
    /// Only units with fewer attempts than this.
    pub attempts_max: u32,
    /// At most this many units; `None`: all.
    pub units_max: Option<u64>,
}

/// A set operation on the units, done in the step's own transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Make the staged wave the batch's.
    Freeze {
        /// The batch.
        batch_id: BatchId,
        /// The wave.
        wave: u32,
    },
    /// Give up units in flight that were published before this instant, or exactly then.
    GiveUp {
        /// The instant.
        sent_until: Instant,
    },
    /// End a batch: what it has not sent is free again.
    Release {
        /// The batch.
        batch_id: BatchId,
    },
}

/// The downstream event's truthful status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnouncedStatus {
    /// Complete, and only then.
    Success,
    /// Accepted with a gap.
    Partial,
}

/// The downstream event's content, as it was when the run changed its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Truthful status.
    pub status: AnnouncedStatus,
    /// The batch that settled.
    pub batch_id: Option<BatchId>,
    /// Ready units.
    pub expected_units: u64,
    /// Units with a prediction.
    pub completed_units: u64,
    /// Units skipped.
    pub skipped_units: u64,
    /// Units failed.
    pub failed_units: u64,
    /// 0 to 100.
    pub completion_pct: f64,
    /// The first dispatch.
    pub started_at: Option<Instant>,
    /// When it was true.
    pub finished_at: Instant,
}
