//! What stands in the tables of a night, and the configuration of the service that reads them.
//!
//! What happens in the night belongs to `night`.

use chrono::TimeDelta;
use serde_json::Value;
use tipoff::{
    clock::{Clock, SystemClock},
    domain::ids::{GameDate, GameId, UnitId},
    warehouse::{ContextRow, EmbeddedWarehouse, FeatureRow, PredictionRow, RunHistoryRow},
};

/// Games of a night.
const GAMES: usize = 12;
/// Units written in one commit.
const CHUNK: usize = 50_000;

/// The name of the shipped handoff, and of further ones like it on the same tables.
pub fn handoff(number: usize) -> String {
    match number {
        0 => "phase4-to-phase5".to_owned(),
        _ => format!("handoff-{number}"),
    }
}

/// The configuration: so many handoffs like the shipped one past noon, whose upstream usually finishes at one, so that no
/// alarm is open when it does, and of which no night is too small; with no pace, and so many requests to a call.
pub fn config(zone: &str, sink: &str, (handoffs, batch): (usize, usize)) -> String {
    let head = "[listen]\nport = 0\n[doctor]\nenabled = false\n".to_owned();
    let all = (0..handoffs).map(|number| one_handoff(number, zone, (sink, batch)));
    head + &all.collect::<String>()
}

fn one_handoff(number: usize, zone: &str, (sink, batch): (&str, usize)) -> String {
    let id = handoff(number);
    format!(
        r#"
[[handoffs]]
id = "{id}"
upstream_topic = "{id}-upstream"
completion_topic = "{id}-answers"
calendar_zone = "{zone}"
season = "none"
sink = {{ http = {{ url = "{sink}", batch = {batch} }} }}
[handoffs.upstream]
usual_finish = "13:00 {zone}"
[handoffs.alerts]
slate_small_share = 0.0
[handoffs.schedule]
zone = "{zone}"
deadline = "23:00"
backup = "22:00"
retries = ["22:15", "22:30"]
[handoffs.pace]
start_per_second = 1000000.0
full_per_second = 1000000.0
in_flight_max = 2000000
"#
    )
}

/// The name of a unit.
fn name(number: usize) -> UnitId {
    UnitId::new(format!("player{number:07}"))
}

fn context(number: usize, game_date: GameDate) -> ContextRow {
    ContextRow {
        player_lookup: name(number),
        game_id: GameId::new(format!("game{}", number % GAMES)),
        game_date,
        team_abbr: "LAL".to_owned(),
        opponent_team_abbr: "DEN".to_owned(),
        home_game: true,
        has_prop_line: true,
        current_points_line: Some(24.5),
        avg_minutes_per_game_last_7: Some(31.0),
        player_status: "active".to_owned(),
    }
}

fn feature(context: &ContextRow) -> FeatureRow {
    FeatureRow {
        player_lookup: context.player_lookup.clone(),
        game_date: context.game_date,
        game_id: context.game_id.clone(),
        is_production_ready: true,
        feature_quality_score: Some(88.0),
        feature_version: "v2".to_owned(),
        data_quality_issues: Vec::new(),
        circuit_breaker_active: false,
        updated_at: SystemClock.now(),
    }
}

fn upstream_run(units: usize, game_date: GameDate) -> RunHistoryRow {
    let now = SystemClock.now();
    RunHistoryRow {
        processor_name: "MLFeatureStoreProcessor".to_owned(),
        run_id: "upstream-1".to_owned(),
        data_date: game_date,
        status: "success".to_owned(),
        records_processed: Some(units as u64),
        started_at: now - TimeDelta::minutes(20),
        processed_at: Some(now),
        triggered_by: None,
        trigger_source: None,
        trigger_message_id: None,
        duration_seconds: Some(1_200.0),
        phase: "phase_4_precompute".to_owned(),
        summary: Value::Null,
        errors: Value::Null,
    }
}

/// Fills the tables with so many ready units, and says that the upstream has finished.
pub async fn fill(warehouse: &EmbeddedWarehouse, units: usize, game_date: GameDate) {
    for first in (0..units).step_by(CHUNK) {
        let numbers = first..units.min(first + CHUNK);
        let contexts: Vec<_> = numbers.map(|it| context(it, game_date)).collect();
        let features: Vec<_> = contexts.iter().map(feature).collect();
        warehouse.put_contexts(&contexts).await.expect("contexts");
        warehouse.put_features(&features).await.expect("features");
    }
    let run = upstream_run(units, game_date);
    warehouse.put_run_history(&[run]).await.expect("its run");
}

/// The row that a worker writes before it says that it predicted.
pub fn prediction(unit: &str, game_date: GameDate) -> PredictionRow {
    PredictionRow {
        prediction_id: format!("{unit}/1"),
        system_id: "ensemble".to_owned(),
        player_lookup: UnitId::new(unit),
        game_date,
        game_id: GameId::new("game0"),
        is_active: true,
        created_at: SystemClock.now(),
    }
}
