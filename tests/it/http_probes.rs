//! Probes: what they ask, and that they never make up an answer.
//!
//! What each metric means is tested in `telemetry`.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_service_whose_parts_answer_is_ready() {
    let app = TestApp::start().await;
    let ready = app.get("/ready").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let expected =
        json!({"status": "ready", "store": "ok", "warehouses": {"phase4-to-phase5": "ok"}});
    assert_eq!(ready.json(), expected);
    let version = app.get("/version").await.json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["zone_database"].as_str().unwrap().starts_with("20"));
    assert_eq!(app.get("/health").await.json(), json!({"status": "ok"}));
}

#[tokio::test]
async fn incident_83_a_warehouse_that_cannot_be_asked_is_not_an_empty_one() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/ready").await.status, 200);
    app.warehouse.close().await;
    app.clock.advance(TimeDelta::seconds(11));
    let ready = app.get("/ready").await;
    assert_eq!(ready.status, 503);
    let body = ready.json();
    assert_eq!(body["store"], "ok");
    assert_eq!(body["warehouses"]["phase4-to-phase5"], "could not ask");
    assert_eq!(app.get("/health").await.status, 200, "the process lives");
}

#[tokio::test]
async fn incident_83_a_store_that_cannot_be_asked_shows_no_metrics_instead_of_zeros() {
    let app = TestApp::start().await;
    assert!(
        app.get("/metrics")
            .await
            .text
            .contains("tipoff_quarantine_messages 0")
    );
    app.run_sql("ALTER TABLE quarantine RENAME TO away").await;
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 503);
    assert!(!metrics.text.contains("tipoff_"), "{}", metrics.text);
    let ready = app.get("/ready").await;
    assert_eq!(
        (ready.status, &ready.json()["store"]),
        (503, &json!("could not ask"))
    );
}

#[tokio::test]
async fn probes_never_count_as_errors_and_calls_do() {
    let app = TestApp::start().await;
    app.warehouse.close().await;
    assert_eq!(app.get("/ready").await.status, 503);
    assert_eq!(app.get("/health").await.status, 200);
    assert_eq!(app.post("/start", "{").await.status, 400);
    let text = app.get("/metrics").await.text;
    let count = |route: &str, status: &str| {
        let series = |line: &&str| {
            line.starts_with("tipoff_http_requests_total{")
                && line.contains(&format!("route=\"{route}\""))
                && line.contains(&format!("status=\"{status}\""))
        };
        let lines = text.lines().filter(series);
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        lines.map(value).sum::<u64>()
    };
    assert_eq!(count("/ready", "5xx"), 0);
    assert_eq!(count("/health", "2xx"), 1);
    assert_eq!(count("/start", "4xx"), 1);
}
