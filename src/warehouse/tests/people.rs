//! Text that people load and questions they ask.
//!
//! The engine's questions are tested one file up.

use serde_json::json;

use super::{CONTEXTS, FEATURES, context, load, open};
use crate::warehouse::{Fault, Format, WarehouseError};

#[tokio::test]
async fn loading_refuses_unknown_tables_and_columns_by_name() {
    let (_directory, warehouse) = open().await;
    let error = warehouse
        .load("nba_predictions.nothing", Format::Csv, "a\n1")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("nba_predictions.nothing"),
        "{error}"
    );
    let text = "player_lookup,game_date,points\nx,2026-01-19,1\n";
    let error = warehouse
        .load(CONTEXTS, Format::Csv, text)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no column points"), "{error}");
    let text = r#"{"player_lookup":"x","game_date":"2026-01-19","points":1}"#;
    let error = warehouse
        .load(CONTEXTS, Format::Ndjson, text)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no column points"), "{error}");
}

#[tokio::test]
async fn loading_tells_every_fault_by_line_and_loads_nothing() {
    let (_directory, warehouse) = open().await;
    let text = "player_lookup,game_date,home_game,current_points_line\n\
        good,2026-01-19,true,20.5\n\
        bad,19.01.2026,maybe,NaN\n\
        ,2026-01-19,,\n\
        short,2026-01-19\n";
    let error = warehouse
        .load(CONTEXTS, Format::Csv, text)
        .await
        .unwrap_err();
    let WarehouseError::Rows { faults, .. } = error else {
        panic!("{error}");
    };
    let told: Vec<_> = faults
        .first
        .iter()
        .map(|fault| (fault.line, fault.column.as_deref()))
        .collect();
    let expected = [
        (3, Some("game_date")),
        (3, Some("home_game")),
        (3, Some("current_points_line")),
        (4, Some("player_lookup")),
        (5, None),
    ];
    assert_eq!(told, expected);
    let answer = warehouse
        .query(&format!("SELECT player_lookup FROM {CONTEXTS}"))
        .await
        .unwrap();
    assert!(answer.rows.is_empty());
}

#[tokio::test]
async fn loading_ndjson_tells_a_broken_line_and_more_faults_than_it_names() {
    let (_directory, warehouse) = open().await;
    let error = warehouse
        .load(FEATURES, Format::Ndjson, "\n{\"player_lookup\":")
        .await
        .unwrap_err();
    let WarehouseError::Rows { faults, .. } = error else {
        panic!("{error}");
    };
    assert!(matches!(
        &faults.first[..],
        [Fault {
            line: 2,
            column: None,
            ..
        }]
    ));
    let error = warehouse
        .load(FEATURES, Format::Ndjson, &"[]\n".repeat(25))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("and 5 more"), "{error}");
}

#[tokio::test]
async fn csv_and_ndjson_load_the_same_rows() {
    let (_directory, warehouse) = open().await;
    let csv = "player_lookup,game_date,is_production_ready,data_quality_issues,updated_at\n\
        \"o'neal, \"\"jr\"\"\",2026-01-19,TRUE,\"[\"\"late\"\"]\",2026-01-19 00:10:00-08:00\n";
    assert_eq!(warehouse.load(FEATURES, Format::Csv, csv).await.unwrap(), 1);
    let row = json!({"player_lookup": "o'neal, \"jr\"", "game_date": "2026-01-19", "is_production_ready": true,
        "data_quality_issues": ["late"], "updated_at": "2026-01-19T08:10:00Z"});
    load(&warehouse, FEATURES, &[row]).await;
    let sql = format!("SELECT DISTINCT player_lookup, is_production_ready, data_quality_issues, updated_at, game_id
        FROM {FEATURES}");
    let answer = warehouse.query(&sql).await.unwrap();
    let row = json!([
        "o'neal, \"jr\"",
        1,
        "[\"late\"]",
        "2026-01-19T08:10:00.000000Z",
        null
    ]);
    assert_eq!(json!(answer.rows), json!([row]));
}

#[tokio::test]
async fn a_query_cannot_write() {
    let (_directory, warehouse) = open().await;
    load(&warehouse, CONTEXTS, &[context("x", json!(20))]).await;
    for sql in [
        "DELETE FROM nba_analytics.upcoming_player_game_context",
        "PRAGMA query_only = OFF",
        "",
    ] {
        let error = warehouse.query(sql).await.unwrap_err();
        assert!(matches!(error, WarehouseError::NotReadOnly), "{sql}");
    }
    for sql in [
        "WITH x AS (SELECT 1) DELETE FROM nba_analytics.upcoming_player_game_context",
        "SELECT 1; PRAGMA query_only = OFF; DELETE FROM nba_analytics.upcoming_player_game_context",
    ] {
        assert!(warehouse.query(sql).await.is_err(), "{sql}");
    }
    let answer = warehouse
        .query(&format!("-- who\nSELECT player_lookup FROM {CONTEXTS}"))
        .await
        .unwrap();
    assert_eq!(answer.rows.len(), 1);
    let answer = warehouse
        .query(&format!("SELECT game_id FROM {CONTEXTS} WHERE FALSE"))
        .await
        .unwrap();
    assert_eq!(
        (answer.columns, answer.rows.len()),
        (vec!["game_id".to_owned()], 0)
    );
}
