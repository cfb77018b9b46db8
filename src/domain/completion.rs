//! A unit's answer, which answer replaces which, and the counts that follow.
//!
//! The rows themselves belong to the store; when a batch settles belongs to `run`.

use serde::{Deserialize, Serialize};

use super::{
    Instant,
    ids::{BatchId, GameDate, RequestId, UnitId},
};

/// What became of a unit, as the worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// At least one prediction was made.
    Predicted,
    /// Nothing was predicted, for the reason given.
    Skipped(String),
    /// It went wrong, for the reason given.
    Failed(String),
}

/// One worker's answer for one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The unit.
    pub unit: UnitId,
    /// The date it was asked for.
    pub game_date: GameDate,
    /// The batch the worker was asked in, if it says.
    pub batch_id: Option<BatchId>,
    /// The attempt it answers, if it says.
    pub request_id: Option<RequestId>,
    /// What became of the unit.
    pub outcome: Outcome,
    /// How many predictions it says it made.
    pub predictions_generated: u64,
    /// When it was true: the message's publish time, or the receipt where there is none.
    pub answered_at: Instant,
    /// Which worker answered.
    pub worker: Option<String>,
}
