//! The rows that are written into the embedded warehouse, one struct a table.
//!
//! How they are written belongs to `write`; rows read for the engine are the ports' own types.

use serde::Serialize;

use super::text::{serialize_instant, serialize_instant_maybe};
use crate::domain::{
    Instant,
    ids::{GameDate, GameId, UnitId},
};

/// One system's prediction for one player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PredictionRow {
    /// The row's id; a row whose id is there already is not written again.
    pub prediction_id: String,
    /// The prediction system.
    pub system_id: String,
    /// The player.
    pub player_lookup: UnitId,
    /// The date.
    pub game_date: GameDate,
    /// The game.
    pub game_id: GameId,
    /// `false` for a superseded row.
    pub is_active: bool,
    /// When it was written.
    #[serde(serialize_with = "serialize_instant")]
    pub created_at: Instant,
}

/// One player's features for a date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureRow {
    /// The player.
    pub player_lookup: UnitId,
    /// The date.
    pub game_date: GameDate,
    /// The game.
    pub game_id: GameId,
    /// Whether predictions may use it.
    pub is_production_ready: bool,
    /// 0 to 100; `None` where it could not be computed.
    pub feature_quality_score: Option<f64>,
    /// The version of the feature set.
    pub feature_version: String,
    /// What is wrong with it.
    pub data_quality_issues: Vec<String>,
    /// Whether the upstream has given up on the player for now.
    pub circuit_breaker_active: bool,
    /// When it was written.
    #[serde(serialize_with = "serialize_instant")]
    pub updated_at: Instant,
}

/// One player of one game of a date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContextRow {
    /// The player.
    pub player_lookup: UnitId,
    /// The game.
    pub game_id: GameId,
    /// The date.
    pub game_date: GameDate,
    /// The player's team.
    pub team_abbr: String,
    /// The team it meets.
    pub opponent_team_abbr: String,
    /// Whether it plays at home.
    pub home_game: bool,
    /// Whether a betting line exists.
    pub has_prop_line: bool,
    /// The current line in points.
    pub current_points_line: Option<f64>,
    /// Average minutes over the last seven games; `None` for a player back from a break.
    pub avg_minutes_per_game_last_7: Option<f64>,
    /// For example `active`, `questionable`, `out`.
    pub player_status: String,
}

/// One run of one processor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunHistoryRow {
    /// The processor.
    pub processor_name: String,
    /// The run; a row of the same processor and run is replaced.
    pub run_id: String,
    /// The date the run was for.
    pub data_date: GameDate,
    /// `running`, `success`, `failed`, `partial` or `skipped`.
    pub status: String,
    /// Rows processed.
    pub records_processed: Option<u64>,
    /// When it started.
    #[serde(serialize_with = "serialize_instant")]
    pub started_at: Instant,
    /// When it ended; `None` while running.
    #[serde(serialize_with = "serialize_instant_maybe")]
    pub processed_at: Option<Instant>,
    /// Who started it.
    pub triggered_by: Option<String>,
    /// What started it.
    pub trigger_source: Option<String>,
    /// The message that started it.
    pub trigger_message_id: Option<String>,
    /// How long it ran, in seconds.
    pub duration_seconds: Option<f64>,
    /// For example `phase_4_precompute`.
    pub phase: String,
    /// Its own summary.
    pub summary: serde_json::Value,
    /// What went wrong in it.
    pub errors: serde_json::Value,
}
