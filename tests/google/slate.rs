//! A small slate: forty players of four games, listed and ready.
//!
//! Which tables hold them belongs to each test.

use serde_json::{Value, json};

/// How many players there are.
pub const PLAYERS: usize = 40;

/// Their contexts and their features, ready at this instant.
pub fn rows(game_date: &str, at: &str) -> (Vec<Value>, Vec<Value>) {
    let players = (0..PLAYERS).map(|n| (format!("player{n:02}"), format!("game{}", n % 4)));
    players
        .map(|(player, game)| {
            let context = json!({
                "player_lookup": player, "game_id": game, "game_date": game_date, "team_abbr": "LAL",
                "opponent_team_abbr": "BOS", "avg_minutes_per_game_last_7": 30.0,
            });
            let feature = json!({
                "player_lookup": player, "game_date": game_date, "game_id": game, "is_production_ready": true,
                "feature_quality_score": 90.0, "updated_at": at,
            });
            (context, feature)
        })
        .unzip()
}
