//! Nights whose answers were strange: none, malformed, not written, late, repeated, from nobody.
//!
//! Counting many at once belongs to `counting`, sending again to `retries`.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tipoff::{
    domain::alert::{Change, Kind, Severity},
    sinks::local::Behaviour,
};

use super::{
    night::{Night, Plan},
    slate,
};
use crate::support::acknowledges;

#[tokio::test]
async fn incident_01_no_answer_five_minutes_after_dispatch_is_critical() {
    let night = Night::begin_as(Plan {
        workers: Some(Behaviour {
            silent: 1.0,
            attempts_max: Some(1),
            ..Behaviour::default()
        }),
        ..Plan::default()
    })
    .await;
    night.send_out(20, 2).await;
    let first = night.post.sent()[0].0;
    night
        .pass(first + TimeDelta::seconds(299) - night.now())
        .await;
    assert_eq!(night.told(Kind::WorkersSilent), []);
    assert_eq!(
        night.status().await["counts"]["dispatched"],
        20,
        "every publish succeeded"
    );
    night.pass(TimeDelta::seconds(2)).await;
    let told = night.opened(Kind::WorkersSilent).unwrap();
    assert_eq!(told.severity, Severity::Critical);
    assert!(
        told.at - first - TimeDelta::minutes(5) < TimeDelta::seconds(1),
        "{told:?}"
    );
    assert!(told.text.starts_with("20 are sent since 23:00"), "{told:?}");
    assert_eq!(
        night
            .metric("tipoff_open_alerts", &["workers_silent", "critical"])
            .await,
        1.0
    );
    night.until_state("complete").await;
    let last = night.told(Kind::WorkersSilent).pop().unwrap();
    assert_eq!(last.change, Change::Resolved, "the workers came back");
}

#[tokio::test]
async fn incident_14_a_hyphen_in_an_id_is_data_and_a_failed_write_is_not_acknowledged() {
    let night = Night::begin_alone().await;
    let odd = ["karl-anthony-towns", "o'neal", "dončić;--"].map(str::to_owned);
    let contexts = night.list(&odd, 1).await;
    night.feature(&contexts, true).await;
    night.finish_upstream().await;
    night.post("/trigger", night.event()).await;
    night.until_state("running").await;
    night.store_rows(&odd).await;

    night.run_sql("ALTER TABLE units RENAME TO away").await;
    let failed = night.post("/complete", night.completion(&odd[0])).await;
    assert!(failed.status >= 500 && !acknowledges(&failed), "{failed:?}");
    night.run_sql("ALTER TABLE away RENAME TO units").await;
    assert_eq!(night.count("predicted").await, 0);
    for player in &odd {
        let taken = night.post("/complete", night.completion(player)).await;
        assert_eq!(
            (taken.status, &taken.json()["accepted"]),
            (200, &json!(1)),
            "{taken:?}"
        );
    }
    let status = night.until_state("complete").await;
    assert_eq!(status["counts"]["predicted"], 3);
}

#[tokio::test]
async fn incident_23_a_count_under_another_name_is_quarantined_and_not_zero() {
    let night = Night::begin_alone().await;
    let players = night.send_out(3, 1).await;
    let mut renamed = night.completion(&players[0]);
    renamed["prediction_count"] = renamed["predictions_generated"].take();
    renamed
        .as_object_mut()
        .unwrap()
        .remove("predictions_generated");
    let answer = night.post("/complete", renamed).await;
    assert_eq!(
        (answer.status, &answer.json()["malformed"]),
        (200, &json!(1)),
        "{answer:?}"
    );
    let counts = night.status().await["counts"].clone();
    assert_eq!(
        (&counts["skipped"], &counts["predicted"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(counts["outstanding"], 3, "nothing was read as zero");
    let quarantine = night.get("/quarantine").await.json();
    let reason = quarantine[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("`predictions_generated` is missing"),
        "{quarantine}"
    );
    assert_eq!(night.metric("tipoff_quarantine_messages", &[]).await, 1.0);
}

#[tokio::test]
async fn answers_late_repeated_unknown_and_out_of_order_leave_the_right_counts_and_a_story() {
    let night = Night::begin_alone().await;
    let players = night.send_out(10, 2).await;
    // The skip overtakes nothing: the prediction that came first outranks it.
    night.answer_for(&players[..8]).await;
    let lower = night
        .post("/complete", night.skip(&players[0], "low_minutes"))
        .await;
    assert_eq!(lower.json()["duplicate"], 1, "{lower:?}");
    // A failure first and its prediction after it.
    let mut failed = night.completion(&players[8]);
    failed["outcome"] = json!("failed");
    assert_eq!(night.post("/complete", failed).await.json()["accepted"], 1);
    night.answer_for(&players[8..9]).await;
    let again = night.post("/complete", night.completion(&players[1])).await;
    assert_eq!(again.json()["duplicate"], 1);
    let unknown = night.post("/complete", night.completion("nobody")).await;
    assert_eq!(
        (unknown.status, &unknown.json()["unknown"]),
        (200, &json!(1))
    );

    // The tenth answers long after its time-out.
    night.pass(TimeDelta::minutes(11)).await;
    night.answer_for(&players[9..]).await;
    let status = night.until_state("complete").await;
    let counts = &status["counts"];
    let shown = [
        "predicted",
        "skipped",
        "failed",
        "outstanding",
        "late",
        "unknown",
    ]
    .map(|name| counts[name].as_u64());
    assert_eq!(shown, [10, 0, 0, 0, 1, 1].map(Some), "{counts}");
    assert!(counts["duplicate"].as_u64() >= Some(2), "{counts}");
    let quarantine = night.get("/quarantine").await.json();
    assert_eq!(codes(&quarantine), ["unknown_unit"], "{quarantine}");
    assert!(night.times("answers").await > 0);
    let story = night.why().await;
    assert!(
        story.iter().any(|(code, _)| code == "timed_out"),
        "{story:#?}"
    );
}

fn codes(quarantine: &Value) -> Vec<&str> {
    let listed = quarantine.as_array().unwrap();
    listed
        .iter()
        .map(|message| message["code"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn incident_77_one_game_of_seven_without_a_prediction_is_told_and_is_no_success() {
    let night = Night::begin_alone().await;
    let players = night.send_out(140, 7).await;
    let dark = |number: usize| slate::game(number, 7) == slate::game(6, 7);
    let lit: Vec<String> = (0..140)
        .filter(|number| !dark(*number))
        .map(|number| players[number].clone())
        .collect();
    night.answer_for(&lit).await;
    for number in (0..140).filter(|number| dark(*number)) {
        let skip = night.skip(&players[number], "lines_not_there_yet");
        assert_eq!(night.post("/complete", skip).await.status, 200);
    }
    let status = night.until_state("partial").await;
    assert_eq!(status["games"]["game6"]["predicted"], 0);
    let told = night.opened(Kind::GameWithoutPredictions).unwrap();
    assert_eq!(told.text, "1 of 7 games have no prediction: game6");
    assert_eq!(
        night.downstream.announced(),
        [],
        "nobody is told of a success"
    );
}
