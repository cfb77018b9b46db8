//! The embedded warehouse against real SQLite files.
//!
//! How text is read and written in detail is tested beside it.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor;
use tempfile::TempDir;

use super::{
    EmbeddedWarehouse, Format, PredictionRow, WarehouseError, packed::packed, questions::Query,
    read_instant,
};
use crate::{
    domain::{
        Instant,
        ids::{GameDate, GameId, HandoffId, UnitId},
        readiness::QualityBucket,
    },
    ports::{Page, PortError, RunRecord, Scope, Warehouse},
};

mod cancelled;
mod people;
mod values;

const FEATURES: &str = "nba_predictions.ml_feature_store_v2";
const CONTEXTS: &str = "nba_analytics.upcoming_player_game_context";
const PREDICTIONS: &str = "nba_predictions.player_prop_predictions";
const RUN_HISTORY: &str = "nba_reference.processor_run_history";

fn at(text: &str) -> Instant {
    read_instant(text).unwrap()
}

fn night() -> GameDate {
    GameDate("2026-01-19".parse().unwrap())
}

fn scope() -> Scope {
    Scope {
        game_date: night(),
        processor_names: vec![
            "ml_feature_store_v2".into(),
            "MLFeatureStoreProcessor".into(),
        ],
        fresh_since: at("2026-01-18T15:00:00Z"),
        min_minutes: 15.0,
    }
}

async fn open() -> (TempDir, EmbeddedWarehouse) {
    let directory = TempDir::new().unwrap();
    let warehouse = EmbeddedWarehouse::open(directory.path()).await.unwrap();
    (directory, warehouse)
}

async fn load(warehouse: &EmbeddedWarehouse, table: &str, rows: &[Value]) {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let text = lines.join("\n");
    let loaded = warehouse.load(table, Format::Ndjson, &text);
    assert_eq!(loaded.await.unwrap(), rows.len() as u64);
}

fn feature(player: &str, ready: Value, updated_at: &str) -> Value {
    json!({"player_lookup": player, "game_date": "2026-01-19", "game_id": "g1", "is_production_ready": ready,
        "feature_quality_score": 87.5, "updated_at": updated_at})
}

fn context(player: &str, minutes: Value) -> Value {
    json!({"player_lookup": player, "game_date": "2026-01-19", "game_id": "g1", "team_abbr": "LAL",
        "avg_minutes_per_game_last_7": minutes})
}

fn prediction(player: &str, system: &str, active: Value, created_at: Value) -> Value {
    json!({"prediction_id": format!("{player}-{system}-{active}"), "system_id": system, "player_lookup": player,
        "game_date": "2026-01-19", "is_active": active, "created_at": created_at})
}

async fn names(warehouse: &EmbeddedWarehouse, limit: u32) -> Vec<String> {
    let mut names = Vec::new();
    let mut after: Option<UnitId> = None;
    loop {
        let page = Page {
            after: after.as_ref(),
            limit,
        };
        let units = warehouse.ready_units(&scope(), page).await.unwrap();
        names.extend(units.iter().map(|unit| unit.unit.to_string()));
        match units.last() {
            Some(last) => after = Some(last.unit.clone()),
            None => return names,
        }
    }
}

const FRESH: &str = "2026-01-19T08:10:00Z";

#[tokio::test]
async fn an_empty_date_is_counted_as_nothing_and_its_games_are_unknown() {
    let (_directory, warehouse) = open().await;
    let readiness = warehouse.readiness(&scope()).await.unwrap();
    assert_eq!(readiness.upstream_finished_at, None);
    assert_eq!(
        (readiness.expected, readiness.feature_rows, readiness.ready),
        (0, 0, 0)
    );
    assert!(readiness.games.is_empty() && readiness.quality.is_empty());
}

#[tokio::test]
async fn a_missing_table_could_not_be_asked_and_is_named() {
    let (_directory, warehouse) = open().await;
    warehouse
        .writer
        .execute("DROP TABLE nba_predictions.ml_feature_store_v2")
        .await
        .unwrap();
    let error = warehouse.readiness(&scope()).await.unwrap_err();
    assert!(!error.is_permanent());
    assert!(error.to_string().contains(FEATURES), "{error}");
}

#[tokio::test]
async fn a_missing_column_could_not_be_asked_and_is_named() {
    let (_directory, warehouse) = open().await;
    let rename =
        "ALTER TABLE nba_analytics.upcoming_player_game_context RENAME COLUMN game_id TO game_key";
    warehouse.writer.execute(rename).await.unwrap();
    let error = warehouse.readiness(&scope()).await.unwrap_err();
    assert!(!error.is_permanent());
    assert!(error.to_string().contains("game_id"), "{error}");
}

#[tokio::test]
async fn a_locked_file_could_not_be_asked() {
    let (directory, holder) = open().await;
    let waiting = EmbeddedWarehouse::open_with(directory.path(), Duration::from_millis(20))
        .await
        .unwrap();
    let _lock = holder.begin_write().await.unwrap();
    let error = waiting
        .record_run(&record("running", None))
        .await
        .unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }));
    assert!(error.to_string().contains(RUN_HISTORY), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_at_opening() {
    let directory = TempDir::new().unwrap();
    std::fs::write(
        directory.path().join("nba_reference.sqlite"),
        "x".repeat(5000),
    )
    .unwrap();
    let error = EmbeddedWarehouse::open(directory.path()).await.unwrap_err();
    let WarehouseError::Open { source, .. } = error else {
        panic!("{error}");
    };
    assert!(source.to_string().contains("not a database"), "{source}");
}

#[tokio::test]
async fn the_upstream_finished_by_the_latest_success_or_partial_row_of_its_names_on_the_date() {
    let (_directory, warehouse) = open().await;
    let row = |name: &str, date: &str, status: &str, processed_at: Value| json!({"processor_name": name, "data_date": date, "status": status, "processed_at": processed_at});
    let rows = [
        row("ml_feature_store_v2", "2026-01-19", "running", Value::Null),
        row(
            "ml_feature_store_v2",
            "2026-01-19",
            "failed",
            json!("2026-01-19T09:30:00Z"),
        ),
        row(
            "player_daily_cache",
            "2026-01-19",
            "success",
            json!("2026-01-19T09:31:00Z"),
        ),
        row(
            "ml_feature_store_v2",
            "2026-01-20",
            "success",
            json!("2026-01-20T08:01:00Z"),
        ),
    ];
    load(&warehouse, RUN_HISTORY, &rows).await;
    assert_eq!(
        warehouse
            .readiness(&scope())
            .await
            .unwrap()
            .upstream_finished_at,
        None
    );

    let rows = [
        row(
            "ml_feature_store_v2",
            "2026-01-19",
            "partial",
            json!("2026-01-19T08:05:00Z"),
        ),
        row(
            "MLFeatureStoreProcessor",
            "2026-01-19",
            "success",
            json!("2026-01-19T08:07:00.5Z"),
        ),
    ];
    load(&warehouse, RUN_HISTORY, &rows).await;
    let finished = warehouse
        .readiness(&scope())
        .await
        .unwrap()
        .upstream_finished_at;
    assert_eq!(finished, Some(at("2026-01-19T08:07:00.5Z")));
}

#[tokio::test]
async fn missing_minutes_pass_the_filter_and_so_does_exactly_the_limit() {
    let (_directory, warehouse) = open().await;
    let contexts = [
        context("back-from-a-break", Value::Null),
        context("at-the-limit", json!(15)),
        context("on-the-bench", json!(14.9)),
    ];
    load(&warehouse, CONTEXTS, &contexts).await;
    let features = [
        "back-from-a-break",
        "at-the-limit",
        "on-the-bench",
        "listed-nowhere",
    ]
    .map(|player| feature(player, json!(true), FRESH));
    load(&warehouse, FEATURES, &features).await;
    let readiness = warehouse.readiness(&scope()).await.unwrap();
    assert_eq!((readiness.expected, readiness.filtered), (2, 1));
    // Ready above expected: the tables disagree, and both are shown as they are.
    assert_eq!((readiness.feature_rows, readiness.ready), (3, 3));
    assert_eq!(
        names(&warehouse, 10).await,
        ["at-the-limit", "back-from-a-break", "listed-nowhere"]
    );
}

#[tokio::test]
async fn rows_not_marked_stale_or_without_a_time_are_not_ready() {
    let (_directory, warehouse) = open().await;
    let mut untimed = feature("untimed", json!(true), FRESH);
    untimed["updated_at"] = Value::Null;
    let features = [
        feature("exactly-fresh", json!(true), "2026-01-18T15:00:00Z"),
        feature("just-stale", json!(true), "2026-01-18T14:59:59.999999Z"),
        feature("not-marked", json!(false), FRESH),
        feature("mark-missing", Value::Null, FRESH),
        untimed,
    ];
    load(&warehouse, FEATURES, &features).await;
    let readiness = warehouse.readiness(&scope()).await.unwrap();
    assert_eq!(
        (readiness.feature_rows, readiness.ready, readiness.stale),
        (5, 1, 2)
    );
    assert_eq!(readiness.newest_feature_at, Some(at(FRESH)));
    assert_eq!(names(&warehouse, 10).await, ["exactly-fresh"]);
}

#[tokio::test]
async fn a_unit_listed_twice_is_one_unit_with_its_own_games_context() {
    let (_directory, warehouse) = open().await;
    let mut other_game = context("twice", json!(30));
    other_game["game_id"] = json!("g2");
    other_game["team_abbr"] = json!("BOS");
    load(
        &warehouse,
        CONTEXTS,
        &[
            other_game,
            context("twice", json!(30)),
            context("zlast", json!(30)),
        ],
    )
    .await;
    let features = [
        feature("twice", json!(true), FRESH),
        feature("twice", json!(false), FRESH),
        feature("twice", json!(true), "2026-01-19T08:11:00Z"),
        feature("zlast", json!(true), FRESH),
    ];
    load(&warehouse, FEATURES, &features).await;
    let readiness = warehouse.readiness(&scope()).await.unwrap();
    assert_eq!(
        (readiness.expected, readiness.feature_rows, readiness.ready),
        (2, 2, 2)
    );
    let page = Page {
        after: None,
        limit: 2,
    };
    let units = warehouse.ready_units(&scope(), page).await.unwrap();
    assert_eq!(
        units.len(),
        2,
        "a page is full although units have several rows"
    );
    assert_eq!(units[0].team_abbr.as_deref(), Some("LAL"));
}

#[tokio::test]
async fn pages_hold_every_unit_once_whatever_their_size_and_names() {
    let (_directory, warehouse) = open().await;
    let mut players: Vec<String> = (0..23).map(|number| format!("player{number:02}")).collect();
    players.extend(["karl-anthony", "o'neal\"; DROP", "Żółty", "100%", "a_b"].map(String::from));
    let features: Vec<Value> = players
        .iter()
        .map(|player| feature(player, json!(true), FRESH))
        .collect();
    load(&warehouse, FEATURES, &features).await;
    players.sort();
    for limit in [1, 2, 7, 28, 1000] {
        assert_eq!(names(&warehouse, limit).await, players, "pages of {limit}");
    }
}

async fn predicted_night(warehouse: &EmbeddedWarehouse) {
    let players = ["has-rows", "only-superseded", "activity-unknown", "none"];
    let features = players.map(|player| feature(player, json!(true), FRESH));
    load(warehouse, FEATURES, &features).await;
    let rows = [
        prediction(
            "has-rows",
            "xgboost",
            json!(true),
            json!("2026-01-19T08:21:00Z"),
        ),
        prediction(
            "has-rows",
            "ensemble",
            json!(true),
            json!("2026-01-19T08:20:00Z"),
        ),
        prediction(
            "has-rows",
            "similarity",
            json!(false),
            json!("2026-01-19T08:00:00Z"),
        ),
        prediction("only-superseded", "xgboost", json!(false), json!(FRESH)),
        prediction("activity-unknown", "xgboost", Value::Null, json!(FRESH)),
        prediction("unasked", "xgboost", json!(true), Value::Null),
    ];
    load(warehouse, PREDICTIONS, &rows).await;
}

#[tokio::test]
async fn only_units_with_an_active_row_are_marked_as_having_one() {
    let (_directory, warehouse) = open().await;
    predicted_night(&warehouse).await;
    let page = Page {
        after: None,
        limit: 10,
    };
    let units = warehouse.ready_units(&scope(), page).await.unwrap();
    let marked: Vec<&str> = units
        .iter()
        .filter(|unit| unit.has_row)
        .map(|unit| unit.unit.as_str())
        .collect();
    assert_eq!((units.len(), marked), (4, vec!["has-rows"]));
}

#[tokio::test]
async fn several_systems_rows_are_one_unit_dated_by_the_first_active_one() {
    let (_directory, warehouse) = open().await;
    predicted_night(&warehouse).await;
    let page = Page {
        after: None,
        limit: 10,
    };
    let stored = warehouse.stored_rows(night(), page).await.unwrap();
    let stored: Vec<_> = stored
        .iter()
        .map(|row| (row.unit.as_str(), row.created_at))
        .collect();
    let has_rows = ("has-rows", at("2026-01-19T08:20:00Z"));
    // One that does not say when it was written is there all the same.
    assert_eq!(stored, [has_rows, ("unasked", at("2026-01-19T00:00:00Z"))]);

    let after = UnitId::new("has-rows");
    let page = Page {
        after: Some(&after),
        limit: 1,
    };
    assert_eq!(warehouse.stored_rows(night(), page).await.unwrap().len(), 1);
    let other = GameDate("2026-01-20".parse().unwrap());
    let page = Page {
        after: None,
        limit: 1,
    };
    assert!(warehouse.stored_rows(other, page).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_score_for_all_shows_in_the_quality_spread() {
    let (_directory, warehouse) = open().await;
    let scored = |player: &str, score: Value| {
        let mut row = feature(player, json!(false), FRESH);
        row["feature_quality_score"] = score;
        row
    };
    load(
        &warehouse,
        FEATURES,
        &["a", "b", "c"].map(|player| scored(player, json!(69))),
    )
    .await;
    let readiness = warehouse.readiness(&scope()).await.unwrap();
    assert_eq!(readiness.quality_scores_distinct, 1);
    assert_eq!(
        readiness.quality,
        [QualityBucket {
            from: 60,
            to: 70,
            units: 3
        }]
    );

    let rows = [
        scored("d", json!(100)),
        scored("e", json!(90)),
        scored("f", json!(0)),
        scored("g", Value::Null),
    ];
    load(&warehouse, FEATURES, &rows).await;
    let readiness = warehouse.readiness(&scope()).await.unwrap();
    assert_eq!(readiness.quality_scores_distinct, 4);
    let spread: Vec<_> = readiness
        .quality
        .iter()
        .map(|bucket| (bucket.from, bucket.to, bucket.units))
        .collect();
    assert_eq!(spread, [(0, 10, 1), (60, 70, 3), (90, 101, 2)]);
}

fn record(status: &str, processed_at: Option<Instant>) -> RunRecord {
    RunRecord {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: night(),
        status: status.into(),
        records_processed: 51,
        started_at: at("2026-01-19T08:10:00Z"),
        processed_at,
        trigger_source: Some("event".into()),
        summary: json!({"ready": 51}),
    }
}

#[tokio::test]
async fn a_run_is_recorded_as_one_row_brought_up_to_date_in_place() {
    let (_directory, warehouse) = open().await;
    warehouse
        .record_run(&record("running", None))
        .await
        .unwrap();
    warehouse
        .record_run(&record("success", Some(at("2026-01-19T08:13:00Z"))))
        .await
        .unwrap();
    let sql = "SELECT processor_name, status, duration_seconds, processed_at, summary ->> 'ready'
        FROM nba_reference.processor_run_history";
    let answer = warehouse.query(sql).await.unwrap();
    let row = json!([
        "phase5_coordinator",
        "success",
        180.0,
        "2026-01-19T08:13:00.000000Z",
        51
    ]);
    assert_eq!(json!(answer.rows), json!([row]));
}

#[tokio::test]
async fn a_prediction_row_with_a_known_id_is_not_written_again() {
    let (_directory, warehouse) = open().await;
    let row = PredictionRow {
        prediction_id: "p1".into(),
        system_id: "xgboost".into(),
        player_lookup: UnitId::new("o'neal-\"x\""),
        game_date: night(),
        game_id: GameId::new("g1"),
        is_active: true,
        created_at: at(FRESH),
    };
    warehouse
        .insert_predictions(std::slice::from_ref(&row))
        .await
        .unwrap();
    warehouse
        .insert_predictions(std::slice::from_ref(&row))
        .await
        .unwrap();
    let page = Page {
        after: None,
        limit: 10,
    };
    let stored = warehouse.stored_rows(night(), page).await.unwrap();
    assert_eq!((stored.len(), &stored[0].unit), (1, &row.player_lookup));
    let answer = warehouse
        .query(&format!("SELECT COUNT(*) AS rows_total FROM {PREDICTIONS}"))
        .await
        .unwrap();
    assert_eq!(
        (answer.columns, answer.rows),
        (vec!["rows_total".to_owned()], vec![vec![json!(1)]])
    );
}

#[tokio::test]
async fn every_question_with_a_date_goes_through_the_date_index() {
    let (_directory, warehouse) = open().await;
    for query in [
        Query::ReadyUnits,
        Query::StoredRows,
        Query::StoredBetween,
        Query::Features,
        Query::Listed,
    ] {
        let plan = plan(&warehouse, query.text()).await;
        let reads = |step: &&String| {
            step.contains("SCAN")
                && !["SCAN units", "SCAN listed"]
                    .iter()
                    .any(|it| step.contains(it))
        };
        assert_eq!(plan.iter().find(reads), None, "{plan:?}");
        assert!(
            !plan.iter().any(|step| step.contains("FOR ORDER BY")),
            "{plan:?}"
        );
        assert_eq!(packed_plan(&warehouse, query).await, plan);
    }
}

/// How a question is asked, but for what gathers its rows into one.
async fn packed_plan(warehouse: &EmbeddedWarehouse, query: Query) -> Vec<String> {
    let mut plan = plan(warehouse, &packed(query)).await;
    plan.retain(|step| {
        !["CO-ROUTINE (subquery", "SCAN (subquery"]
            .iter()
            .any(|it| step.contains(it))
    });
    plan
}

async fn plan(warehouse: &EmbeddedWarehouse, sql: &str) -> Vec<String> {
    let sql = without_comments(sql);
    let plan = warehouse.query(&format!("EXPLAIN QUERY PLAN {sql}")).await;
    plan.unwrap()
        .rows
        .iter()
        .map(|row| row[3].to_string())
        .collect()
}

fn without_comments(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
    lines.join("\n")
}
