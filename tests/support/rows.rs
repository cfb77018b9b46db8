//! One row of each table of the warehouse, as of a usual night; what differs is for whoever writes it to say.

use chrono::TimeDelta;
use serde_json::Value;
use tipoff::{
    domain::{
        Instant,
        ids::{GameDate, GameId, UnitId},
    },
    warehouse::{ContextRow, FeatureRow, PredictionRow, RunHistoryRow},
};

/// A player who is listed.
pub fn context(player: &str, game_date: GameDate) -> ContextRow {
    ContextRow {
        player_lookup: UnitId::new(player),
        game_id: GameId::new("0022500601"),
        game_date,
        team_abbr: "LAL".to_owned(),
        opponent_team_abbr: "BOS".to_owned(),
        home_game: true,
        has_prop_line: true,
        current_points_line: Some(24.5),
        avg_minutes_per_game_last_7: Some(32.0),
        player_status: "active".to_owned(),
    }
}

/// The ready features of a listed player.
pub fn feature(context: &ContextRow, updated_at: Instant) -> FeatureRow {
    FeatureRow {
        player_lookup: context.player_lookup.clone(),
        game_date: context.game_date,
        game_id: context.game_id.clone(),
        is_production_ready: true,
        feature_quality_score: Some(91.0),
        feature_version: "v2".to_owned(),
        data_quality_issues: Vec::new(),
        circuit_breaker_active: false,
        updated_at,
    }
}

/// The row that a worker writes before it says that it predicted.
pub fn prediction(player: &str, game_date: GameDate, created_at: Instant) -> PredictionRow {
    PredictionRow {
        prediction_id: format!("{game_date}/{player}"),
        system_id: "ensemble".to_owned(),
        player_lookup: UnitId::new(player),
        game_date,
        game_id: GameId::new("0022500601"),
        is_active: true,
        created_at,
    }
}

/// The upstream's run of a date, ended well at that instant.
pub fn upstream_run(game_date: GameDate, processed_at: Instant) -> RunHistoryRow {
    RunHistoryRow {
        processor_name: "MLFeatureStoreProcessor".to_owned(),
        run_id: format!("ml/{game_date}"),
        data_date: game_date,
        status: "success".to_owned(),
        records_processed: Some(100),
        started_at: processed_at - TimeDelta::minutes(10),
        processed_at: Some(processed_at),
        triggered_by: None,
        trigger_source: None,
        trigger_message_id: None,
        duration_seconds: Some(600.0),
        phase: "phase_4_precompute".to_owned(),
        summary: Value::Null,
        errors: Value::Null,
    }
}
