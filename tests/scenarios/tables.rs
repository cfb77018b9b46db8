//! Nights in which the tables and the answers disagreed, or the tables were all there was.
//!
//! Tables that are not ready yet belong to `start`.

use std::sync::atomic::Ordering;

use serde_json::json;
use tipoff::{
    domain::alert::{Kind, Severity},
    sinks::local::Behaviour,
};

use super::night::{Night, Plan};
use crate::support::instant;

#[tokio::test]
async fn incident_08_claims_without_a_row_are_critical_and_retried() {
    let night = Night::begin_as(Plan {
        workers: Some(Behaviour {
            claimed_without_row: 0.35,
            attempts_max: Some(1),
            ..Behaviour::default()
        }),
        ..Plan::default()
    })
    .await;
    night.send_out(100, 8).await;
    let status = night.until_state("partial").await;
    let missing = status["counts"]["claimed_missing"].as_u64().unwrap();
    assert!((20..50).contains(&missing), "{missing}");
    assert_eq!(status["counts"]["gap"], missing);
    // The first claims to be overdue may be few; all of them are too many.
    let told = night.told(Kind::ClaimedMissing).pop().unwrap();
    assert_eq!(told.severity, Severity::Critical);
    let status = night.until_state("complete").await;
    assert_eq!(
        night.post.sent().len() as u64,
        100 + missing,
        "only those were sent again"
    );
    assert_eq!(
        (&status["counts"]["claimed_missing"], &status["verdict"]),
        (&json!(0), &json!("met"))
    );
}

#[tokio::test]
async fn incident_83_what_could_not_be_asked_is_never_zero() {
    let night = Night::begin_alone().await;
    let players = night.send_out(20, 2).await;
    night.tables.closed.store(true, Ordering::SeqCst);
    night.answer_for(&players).await;
    night.pass_until("2026-01-19T15:05:00Z").await;
    let status = night.status().await;
    let counts = &status["counts"];
    let shown = ["ready", "predicted", "claimed_missing"].map(|name| counts[name].as_u64());
    assert_eq!(
        shown,
        [20, 20, 0].map(Some),
        "neither lost nor declared missing: {counts}"
    );
    assert_eq!(
        status["state"], "running",
        "and not declared complete either"
    );
    assert!(night.times("could_not_ask").await > 0);
    let told = night.opened(Kind::VerdictUnconfirmed).unwrap();
    assert_eq!(told.severity, Severity::Critical);
    assert!(told.at <= instant("2026-01-19T15:01:00Z"), "{told:?}");
    assert!(night.opened(Kind::WarehouseUnreachable).is_some());
    let failed = night
        .metric("tipoff_warehouse_questions_total", &["could_not_ask"])
        .await;
    assert!(failed > 0.0);

    night.tables.closed.store(false, Ordering::SeqCst);
    let status = night.until_state("complete").await;
    assert_eq!(status["verdict"], "met");
}

#[tokio::test]
async fn a_handoff_that_only_observes_judges_the_night_and_sends_nothing() {
    let night = Night::begin_as(Plan {
        config: "[[handoffs]]\nid = \"phase4-to-phase5\"\nmode = \"observe\"\n",
        ..Plan::default()
    })
    .await;
    let players = night.fill(40, 4).await;
    night.post("/trigger", night.event()).await;
    night.until_state("running").await;
    // The coordinator beside it does its work.
    night.pass_until("2026-01-19T07:10:00Z").await;
    night.store_rows(&players[..30]).await;
    night.pass_until("2026-01-19T07:20:00Z").await;
    assert_eq!(night.count("predicted").await, 30);
    night.store_rows(&players[30..]).await;
    let status = night.until_state("complete").await;
    assert_eq!(
        (&status["counts"]["predicted"], &status["verdict"]),
        (&json!(40), &json!("met"))
    );
    assert_eq!(
        (night.post.sent().len(), night.downstream.announced().len()),
        (0, 0)
    );
    assert_eq!(night.told(Kind::WorkersSilent), []);
}
