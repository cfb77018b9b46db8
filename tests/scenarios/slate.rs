//! Rows of both phases' tables, for as many players and games as a night needs.
//!
//! When they are written belongs to the scenarios.

use tipoff::{
    domain::{
        Instant,
        ids::{GameDate, GameId},
    },
    warehouse::{ContextRow, FeatureRow, PredictionRow},
};

use crate::support::rows;

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
        game_id: game(number, games),
        ..rows::context(player, game_date)
    };
    players.iter().enumerate().map(row).collect()
}

/// Feature rows of listed players, ready or not, written at that instant.
pub fn features(contexts: &[ContextRow], ready: bool, updated_at: Instant) -> Vec<FeatureRow> {
    let row = |context: &ContextRow| FeatureRow {
        is_production_ready: ready,
        feature_quality_score: Some(if ready { 91.0 } else { 60.0 }),
        ..rows::feature(context, updated_at)
    };
    contexts.iter().map(row).collect()
}

/// A prediction row of each player.
pub fn predictions(
    players: &[String],
    game_date: GameDate,
    created_at: Instant,
) -> Vec<PredictionRow> {
    let row = |player: &String| rows::prediction(player, game_date, created_at);
    players.iter().map(row).collect()
}
