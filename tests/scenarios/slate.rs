//! Rows of both phases' tables, for as many players and games as a night needs.
//!
//! When they are written belongs to the scenarios.

use tipoff::{
    domain::{
        Instant,
        ids::{GameDate, GameId, UnitId},
    },
    warehouse::{ContextRow, FeatureRow, PredictionRow, RunHistoryRow},
};

/// Names of so many players.
pub fn players(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("player{number:03}"))
        .collect()
}

/// The game of the player of that number; every game has as many players, give or take one.
pub fn game(number: usize, games: usize) -> GameId {
    GameId::new(format!("game{}", number % games.max(1)))
}

/// Players of a date as the context table lists them, spread over so many games.
pub fn contexts(players: &[String], games: usize, game_date: GameDate) -> Vec<ContextRow> {
    let row = |(number, player): (usize, &String)| ContextRow {
        player_lookup: UnitId::new(player),
        game_id: game(number, games),
        game_date,
        team_abbr: "LAL".to_owned(),
        opponent_team_abbr: "BOS".to_owned(),
        home_game: true,
        has_prop_line: true,
        current_points_line: Some(24.5),
        avg_minutes_per_game_last_7: Some(32.0),
        player_status: "active".to_owned(),
    };
    players.iter().enumerate().map(row).collect()
}

/// Feature rows of listed players, ready or not, written at that instant.
pub fn features(contexts: &[ContextRow], ready: bool, updated_at: Instant) -> Vec<FeatureRow> {
    let row = |context: &ContextRow| FeatureRow {
        player_lookup: context.player_lookup.clone(),
        game_date: context.game_date,
        game_id: context.game_id.clone(),
        is_production_ready: ready,
        feature_quality_score: Some(if ready { 91.0 } else { 60.0 }),
        feature_version: "v2".to_owned(),
        data_quality_issues: Vec::new(),
        circuit_breaker_active: false,
        updated_at,
    };
    contexts.iter().map(row).collect()
}

/// A prediction row of each player.
pub fn predictions(
    players: &[String],
    game_date: GameDate,
    created_at: Instant,
) -> Vec<PredictionRow> {
    let row = |player: &String| PredictionRow {
        prediction_id: format!("{game_date}/{player}"),
        system_id: "ensemble_v1".to_owned(),
        player_lookup: UnitId::new(player),
        game_date,
        game_id: GameId::new("game0"),
        is_active: true,
        created_at,
    };
    players.iter().map(row).collect()
}

/// The upstream's run of that date, ended well at that instant.
pub fn upstream_run(game_date: GameDate, processed_at: Instant) -> RunHistoryRow {
    RunHistoryRow {
        processor_name: "MLFeatureStoreProcessor".to_owned(),
        run_id: format!("ml/{game_date}"),
        data_date: game_date,
        status: "success".to_owned(),
        records_processed: Some(100),
        started_at: processed_at - chrono::TimeDelta::minutes(10),
        processed_at: Some(processed_at),
        triggered_by: None,
        trigger_source: None,
        trigger_message_id: None,
        duration_seconds: Some(600.0),
        phase: "phase_4_precompute".to_owned(),
        summary: serde_json::Value::Null,
        errors: serde_json::Value::Null,
    }
}
