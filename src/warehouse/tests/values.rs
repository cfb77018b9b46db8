//! What a unit's columns may hold, on their way out of the tables.
//!
//! Which units are ready is tested one file up.

use serde_json::{Value, json};
use sqlx::Executor;

use super::{CONTEXTS, FEATURES, FRESH, context, feature, load, names, open, scope};
use crate::{
    domain::plan::ListedUnit,
    ports::{Page, Warehouse},
    warehouse::EmbeddedWarehouse,
};

const FIRST_PAGE: Page<'_> = Page {
    after: None,
    limit: 5_000,
};

async fn listed(warehouse: &EmbeddedWarehouse) -> Vec<ListedUnit> {
    warehouse.ready_units(&scope(), FIRST_PAGE).await.unwrap()
}

async fn with_lines(lines: &[f64]) -> (tempfile::TempDir, EmbeddedWarehouse) {
    let (directory, warehouse) = open().await;
    let players: Vec<String> = (0..lines.len()).map(|at| format!("p{at:04}")).collect();
    let features: Vec<Value> = players
        .iter()
        .map(|player| feature(player, json!(true), FRESH))
        .collect();
    load(&warehouse, FEATURES, &features).await;
    let with_line = |(player, line): (&String, &f64)| {
        let mut row = context(player, json!(30.0));
        row["current_points_line"] = json!(line);
        row
    };
    let contexts: Vec<Value> = players.iter().zip(lines).map(with_line).collect();
    load(&warehouse, CONTEXTS, &contexts).await;
    (directory, warehouse)
}

#[tokio::test]
async fn a_number_comes_out_to_its_last_digit() {
    let sevenths = (1..2_000).map(|seventh| f64::from(seventh) / 7.0);
    let lines = [
        0.1 + 0.2,
        -0.0,
        1.0 / 3.0,
        22.5,
        9_007_199_254_740_993.0,
        f64::MIN_POSITIVE,
        f64::MAX,
        5e-324,
    ];
    let lines: Vec<f64> = lines.into_iter().chain(sevenths).collect();
    let (_directory, warehouse) = with_lines(&lines).await;
    let units = listed(&warehouse).await;
    let came: Vec<f64> = units
        .iter()
        .map(|unit| unit.actual_prop_line.unwrap())
        .collect();
    assert_eq!(came, lines);
}

#[tokio::test]
async fn an_infinite_line_costs_no_other_unit() {
    let (_directory, warehouse) = with_lines(&[20.5, 21.5, 22.5]).await;
    let infinite = "UPDATE nba_analytics.upcoming_player_game_context
        SET current_points_line = CASE player_lookup WHEN 'p0000' THEN 9e999 ELSE -9e999 END
        WHERE player_lookup < 'p0002'";
    warehouse.writer.execute(infinite).await.unwrap();
    let lines = listed(&warehouse).await;
    let lines: Vec<_> = lines.iter().map(|unit| unit.actual_prop_line).collect();
    assert_eq!(
        lines,
        [Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(22.5)]
    );
}

#[tokio::test]
async fn text_comes_out_as_it_went_in_and_in_its_order() {
    let (_directory, warehouse) = open().await;
    let players = [
        "\"quoted\"",
        "o'neal",
        "back\\slash",
        "tab\there",
        "ÿ🏀\u{1}",
    ];
    let features = players.map(|player| feature(player, json!(true), FRESH));
    load(&warehouse, FEATURES, &features).await;
    let mut sorted = players;
    sorted.sort_unstable();
    assert_eq!(names(&warehouse, 2).await, sorted);
}
