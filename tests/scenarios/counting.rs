//! Counts that came out wrong, and things that happened twice: many at once on one row.
//!
//! Which answer counts as what belongs to `answers`.

use futures::future::join_all;
use tipoff::{
    domain::effect::AnnouncedStatus,
    sinks::local::{Behaviour, Share},
};

use super::night::{Night, Plan};

#[tokio::test]
async fn incident_11_a_hundred_completions_at_once_are_counted_exactly() {
    let night = Night::begin_alone().await;
    let players = night.send_out(100, 10).await;
    night.store_rows(&players).await;
    // Every one is delivered twice, all at the same time.
    let calls = players.iter().chain(&players).map(|player| {
        let completion = night.completion(player);
        let night = &night;
        async move { night.post("/complete", completion).await }
    });
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let sum = |name: &str| -> u64 {
        let counts = answers
            .iter()
            .map(|answer| answer.json()[name].as_u64().unwrap());
        counts.sum()
    };
    assert_eq!(
        (sum("accepted"), sum("duplicate"), sum("unknown")),
        (100, 100, 0)
    );
    let status = night.until_state("complete").await;
    let counts = &status["counts"];
    let shown = ["dispatched", "predicted", "outstanding", "gap", "duplicate"]
        .map(|name| counts[name].as_u64());
    assert_eq!(shown, [100, 100, 0, 0, 100].map(Some), "{counts}");
}

#[tokio::test]
async fn incident_28_two_last_completions_at_once_complete_the_batch_once() {
    let night = Night::begin_alone().await;
    let players = night.send_out(12, 2).await;
    night.answer_for(&players[..10]).await;
    night.store_rows(&players[10..]).await;
    let (one, other) = tokio::join!(
        night.post("/complete", night.completion(&players[10])),
        night.post("/complete", night.completion(&players[11])),
    );
    assert_eq!((one.status, other.status), (200, 200));
    night.until_state("complete").await;
    night.pass(chrono::TimeDelta::minutes(30)).await;
    assert_eq!(night.times("complete").await, 1);
    assert_eq!(night.times("all_answered").await, 1);
    let announced = night.downstream.announced();
    assert_eq!(announced.len(), 1, "{announced:?}");
    assert_eq!(
        (announced[0].status, announced[0].completed_units),
        (AnnouncedStatus::Success, 12)
    );
}

#[tokio::test]
async fn incident_78_a_run_has_one_row_in_the_run_history_brought_up_to_date() {
    let night = Night::begin_as(Plan {
        workers: Some(Behaviour {
            failures: vec![Share {
                reason: "worker_error".to_owned(),
                share: 0.5,
            }],
            attempts_max: Some(1),
            ..Behaviour::default()
        }),
        ..Plan::default()
    })
    .await;
    night.send_out(40, 4).await;
    assert_eq!(night.own_rows().await, ["running"]);
    night.until_state("partial").await;
    assert_eq!(night.own_rows().await, ["partial"]);
    night.until_state("complete").await;
    assert_eq!(
        night.own_rows().await,
        ["success"],
        "one row, one terminal state"
    );
}

#[tokio::test]
async fn incident_16_a_run_record_that_is_refused_holds_nothing_up() {
    let night = Night::begin().await;
    night.tables.refuse_records();
    night.send_out(20, 2).await;
    let status = night.until_state("complete").await;
    assert_eq!(status["verdict"], "met");
    assert_eq!(night.own_rows().await.len(), 0);
}

#[tokio::test]
async fn incident_89_the_start_latency_is_measured_from_the_runs_own_history() {
    let night = Night::begin().await;
    night.fill(20, 2).await;
    night.pass(chrono::TimeDelta::minutes(3)).await;
    assert_eq!(
        night
            .metric("tipoff_start_latency_seconds_count", &[])
            .await,
        0.0
    );
    let mut event = night.event();
    event["timestamp"] = "2026-01-19T07:00:00Z".into();
    night.post("/trigger", event).await;
    let status = night.until_state("complete").await;
    let first = night.post.sent()[0].0;
    let finished = crate::support::instant("2026-01-19T07:00:00Z");
    let taken = (first - finished).num_milliseconds() as f64 / 1e3;
    assert!((180.0..182.0).contains(&taken), "{taken}");
    let shown = status["latency_seconds"].as_f64().unwrap();
    assert!((shown - taken).abs() < 1.0, "{shown} {taken}");
    let shown = night.metric("tipoff_run_start_latency_seconds", &[]).await;
    assert!((shown - taken).abs() < 1.0, "{shown} {taken}");
    assert_eq!(
        night
            .metric("tipoff_start_latency_seconds_count", &[])
            .await,
        1.0
    );
}
