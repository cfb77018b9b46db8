//! Nights that went wrong before anything was sent: no trigger, a gate in the way, inputs that were not ready.
//!
//! Two triggers at once belong to `triggers`, calendar and zones too.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use serde_json::json;
use tipoff::domain::alert::{Change, Kind, Severity};

use super::{
    night::{Night, Plan},
    slate,
};
use crate::support::{date, instant};

#[tokio::test]
async fn incident_02_a_night_without_its_event_is_started_and_says_so_more_loudly_the_second_time()
{
    let mut night = Night::begin().await;
    night.pass_until("2026-01-19T08:00:00Z").await;
    night.fill(20, 2).await;
    let status = night.until_state("complete").await;
    assert_eq!(status["started_by"], "catch-up");
    let told = night.opened(Kind::EventPathSilent).unwrap();
    assert_eq!(told.severity, Severity::Warning);
    assert_eq!(
        told.text,
        "no upstream event came; the run was started by catch-up"
    );

    night.pass_until("2026-01-20T08:00:00Z").await;
    night.game_date = date("2026-01-20");
    night.fill(20, 2).await;
    night.until_state("complete").await;
    let told = night.told(Kind::EventPathSilent);
    let last = told.iter().rfind(|told| told.change == Change::Opened);
    assert_eq!(last.unwrap().severity, Severity::Critical, "{told:?}");
}

#[tokio::test]
async fn incident_02_the_backup_starts_what_nothing_else_has_and_says_so() {
    let night = Night::begin().await;
    let contexts = night.list(&slate::players(20), 2).await;
    night.feature(&contexts, true).await;
    night.pass_until("2026-01-19T13:59:59Z").await;
    assert_eq!(night.status().await["state"], "expected");
    let status = night.until_state("complete").await;
    assert_eq!(status["started_by"], "backup");
    assert!(night.opened(Kind::EventPathSilent).is_some());
    assert!(night.opened(Kind::StartedDegraded).is_some());
    let heard = night
        .metric("tipoff_trigger_heard_timestamp_seconds", &["event"])
        .await;
    assert_eq!(heard, 0.0, "the page shows that no event was heard");
}

#[tokio::test]
async fn incident_04_only_an_accepted_trigger_moves_the_run_and_a_gate_is_no_dispatch() {
    let night = Night::begin().await;
    let contexts = night.list(&slate::players(20), 2).await;
    night.feature(&contexts, false).await;
    let mut other = night.event();
    other["processor_name"] = json!("PlayerCompositeFactorsProcessor");
    let refused = night.post("/trigger", other).await;
    assert_eq!(
        (refused.status, refused.codes()),
        (200, vec!["not_final_processor".to_owned()])
    );
    assert_eq!(night.status().await["state"], "expected");
    let refusals = night.metric("tipoff_refusals_total", &["not_final_processor"]);
    assert_eq!(refusals.await, 1.0);

    let accepted = night.post("/trigger", night.event()).await;
    assert_eq!(
        (accepted.status, &accepted.json()["batch_id"]),
        (202, &json!(null))
    );
    night.pass(TimeDelta::minutes(20)).await;
    let status = night.status().await;
    assert_eq!(status["state"], "waiting", "blocked, not triggered");
    assert_eq!(status["counts"]["dispatched"], 0);
    assert!(
        night.times("not_ready").await > 0,
        "it says what is missing"
    );

    night.feature(&contexts, true).await;
    let status = night.until_state("complete").await;
    assert_eq!(status["counts"]["predicted"], 20, "it went on asking");
}

#[tokio::test]
async fn incident_05_a_date_that_nothing_asked_for_is_told_early_breaches_and_pages() {
    let night = Night::begin().await;
    night.pass_until("2026-01-19T14:59:59Z").await;
    assert_eq!(night.told(Kind::DeadlineBreached), []);
    assert_eq!(
        night.opened(Kind::UpstreamLate).unwrap().at,
        instant("2026-01-19T09:30:00Z"),
        "an hour after its usual time"
    );
    let failed = night.opened(Kind::NothingDispatched).unwrap();
    assert_eq!(
        (failed.severity, failed.at),
        (Severity::Critical, instant("2026-01-19T14:30:00Z"))
    );
    night.pass_until("2026-01-19T15:00:00Z").await;
    assert_eq!(night.status().await["verdict"], "breached");
    let breached = night.opened(Kind::DeadlineBreached).unwrap();
    assert_eq!(
        (breached.severity, breached.at),
        (Severity::Critical, instant("2026-01-19T15:00:00Z"))
    );
    assert_eq!(night.metric("tipoff_run_verdict", &["breached"]).await, 1.0);
}

#[tokio::test]
async fn incident_12_a_batch_that_cannot_be_sent_ends_and_the_next_date_is_free() {
    let mut night = Night::begin().await;
    night.post.closed.store(true, Ordering::SeqCst);
    night.fill(20, 2).await;
    assert_eq!(night.post("/trigger", night.event()).await.status, 202);
    let status = night.until_state("failed").await;
    assert_eq!(status["counts"]["failed"], 20, "{status}");
    assert_eq!(status["reasons"]["publish"], 20);
    assert_eq!(
        night.opened(Kind::NothingDispatched).unwrap().severity,
        Severity::Critical
    );

    night.pass_until("2026-01-20T08:00:00Z").await;
    night.post.closed.store(false, Ordering::SeqCst);
    let stuck = night.status().await;
    assert_eq!(
        (&stuck["state"], &stuck["verdict"]),
        (&json!("failed"), &json!("breached"))
    );
    night.game_date = date("2026-01-20");
    night.send_out(20, 2).await;
    assert_eq!(night.until_state("complete").await["verdict"], "met");
}

#[tokio::test]
async fn incident_24_the_upstreams_finish_starts_a_clock_that_alerts_by_itself() {
    let night = Night::begin().await;
    let contexts = night.list(&slate::players(20), 2).await;
    night.feature(&contexts, false).await;
    night.post("/trigger", night.event()).await;
    night.pass(TimeDelta::minutes(10)).await;
    assert_eq!(
        night.told(Kind::StartLatencyHigh),
        [],
        "exactly ten minutes are not above them"
    );
    night.pass(TimeDelta::minutes(55)).await;
    let told = night.told(Kind::StartLatencyHigh);
    let steps: Vec<_> = told
        .iter()
        .map(|told| (told.change, told.severity))
        .collect();
    assert_eq!(
        steps,
        [
            (Change::Opened, Severity::Warning),
            (Change::Worsened, Severity::Critical)
        ]
    );
    let over = TimeDelta::microseconds(1);
    assert_eq!(told[0].at, instant("2026-01-19T07:10:00Z") + over);
    assert_eq!(told[1].at, instant("2026-01-19T08:00:00Z") + over);
    assert_eq!(night.status().await["latency_seconds"], 3900.0);
}

#[tokio::test]
async fn incident_30_stale_features_are_not_used_and_the_run_says_what_it_used() {
    let night = Night::begin_as(Plan {
        begin: "2026-01-19T05:30:00Z",
        ..Plan::default()
    })
    .await;
    let players = slate::players(20);
    let contexts = night.list(&players, 2).await;
    let old = slate::features(&contexts, true, instant("2026-01-18T14:59:59Z"));
    night.tables.inner.put_features(&old).await.unwrap();
    night.finish_upstream().await;
    night.post("/trigger", night.event()).await;
    night.pass(TimeDelta::minutes(30)).await;
    let status = night.status().await;
    assert_eq!(
        (&status["state"], &status["counts"]["ready"]),
        (&json!("waiting"), &json!(0))
    );
    let told = night.opened(Kind::FeaturesStale).unwrap();
    assert!(
        told.text.starts_with("20 feature rows are older than 24 h"),
        "{told:?}"
    );
    assert_eq!(night.post.sent().len(), 0);

    night.feature(&contexts, true).await;
    night.until_state("running").await;
    assert_eq!(night.post.sent().len(), 20);
    let why = night.why().await;
    let ready = why.iter().find(|(code, _)| code == "ready").unwrap();
    assert_eq!(ready.1, "20 of 20 feature rows are ready, 20 expected");
}

#[tokio::test]
async fn incident_31_tables_that_cannot_be_asked_are_not_ready_and_nothing_is_sent() {
    let night = Night::begin().await;
    night.fill(20, 2).await;
    night.tables.closed.store(true, Ordering::SeqCst);
    let answer = night.post("/trigger", night.event()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    night.pass_until("2026-01-19T14:45:00Z").await;
    let status = night.status().await;
    assert_eq!(
        status["state"], "waiting",
        "past its wait, and still no failure"
    );
    assert_eq!(night.post.sent().len(), 0);
    let told = night.told(Kind::WarehouseUnreachable);
    let first = (told[0].severity, told[0].at);
    assert_eq!(first, (Severity::Warning, instant("2026-01-19T07:10:00Z")));
    let worse = told
        .iter()
        .find(|told| told.change == Change::Worsened)
        .unwrap();
    assert_eq!(
        (worse.severity, worse.at),
        (Severity::Critical, instant("2026-01-19T14:00:00Z"))
    );

    night.tables.closed.store(false, Ordering::SeqCst);
    let status = night.until_state("complete").await;
    assert_eq!(
        (&status["verdict"], night.post.sent().len()),
        (&json!("met"), 20)
    );
}

#[tokio::test]
async fn incident_36_the_denominator_is_what_was_frozen_after_filtering() {
    let night = Night::begin().await;
    let players = slate::players(20);
    let mut contexts = slate::contexts(&players, 2, night.game_date);
    for context in &mut contexts[..5] {
        context.avg_minutes_per_game_last_7 = Some(14.9);
    }
    contexts[5].avg_minutes_per_game_last_7 = None;
    night.tables.inner.put_contexts(&contexts).await.unwrap();
    night.feature(&contexts, true).await;
    night.finish_upstream().await;
    night.post("/trigger", night.event()).await;
    let status = night.until_state("complete").await;
    let counts = &status["counts"];
    assert_eq!(
        (&counts["expected"], &counts["ready"]),
        (&json!(15), &json!(15))
    );
    assert_eq!(
        (&counts["dispatched"], &counts["predicted"]),
        (&json!(15), &json!(15))
    );
    assert_eq!(
        (&status["filtered"], &counts["gap"]),
        (&json!(5), &json!(0))
    );
    assert_eq!(night.metric("tipoff_run_completion_ratio", &[]).await, 1.0);
}
