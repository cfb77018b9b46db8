//! Completions over HTTP: one or many, counted as what they are, durable before the answer.
//!
//! Which answer replaces which is tested in the domain and the store.

use serde_json::{Value, json};
use tipoff::domain::run::State;

use crate::support::{TestApp, completion, push};

const PLAYERS: [&str; 3] = ["karl-anthonytowns", "lebronjames", "stephencurry"];

fn counts(answer: &Value) -> [u64; 4] {
    ["accepted", "duplicate", "unknown", "malformed"].map(|name| answer[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_completion_changes_the_counts_once() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    let body = completion("lebronjames").to_string();
    let message = push("1", "prediction-ready-prod-sub", body.as_bytes());
    let first = app.post_json("/complete", message.clone()).await;
    assert_eq!(first.status, 200);
    assert_eq!(counts(&first.json()), [1, 0, 0, 0]);
    let again = app.post_json("/complete", message).await;
    assert_eq!(counts(&again.json()), [0, 1, 0, 0]);
    let status = app.get("/status").await.json();
    assert_eq!(status["counts"]["predicted"], 1);
    assert_eq!(status["counts"]["outstanding"], 2);
}

#[tokio::test]
async fn a_body_of_lines_is_counted_line_by_line_and_a_bad_line_spoils_no_other() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    let lines = [
        completion("lebronjames").to_string(),
        completion("lebronjames").to_string(),
        completion("nobody").to_string(),
        "{\"player_lookup\": \"stephencurry\"}".to_owned(),
        completion("karl-anthonytowns").to_string(),
    ];
    let answer = app.post("/complete", lines.join("\n")).await;
    assert_eq!((answer.status, counts(&answer.json())), (200, [2, 1, 1, 1]));
    let kept = app.quarantine().await;
    let codes: Vec<&str> = kept.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["missing_field", "unknown_unit"]);
    let status = app.get("/status").await.json();
    assert_eq!(status["counts"]["predicted"], 2);
    assert_eq!(status["counts"]["unknown"], 1);
}

#[tokio::test]
async fn ten_thousand_lines_are_taken_and_one_more_is_quarantined() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    let line = completion("lebronjames").to_string();
    let most = vec![line.clone(); 10_000].join("\n");
    let answer = app.post("/complete", most.clone()).await;
    assert_eq!(counts(&answer.json()), [1, 9_999, 0, 0]);
    let answer = app.post("/complete", format!("{most}\n{line}")).await;
    assert_eq!((answer.status, counts(&answer.json())), (200, [0, 0, 0, 1]));
    assert_eq!(app.quarantine().await[0]["code"], "too_many_lines");
}

#[tokio::test]
async fn completions_of_a_date_without_a_run_are_unknown_and_the_first_hundred_are_kept() {
    let app = TestApp::start().await;
    let line = |number: usize| {
        json!({
            "player_lookup": format!("player{number}"), "game_date": "2026-01-05", "predictions_generated": 1,
        })
        .to_string()
    };
    let lines: Vec<String> = (0..150).map(line).collect();
    let answer = app.post("/complete", lines.join("\n")).await;
    assert_eq!(counts(&answer.json()), [0, 0, 150, 0]);
    // One in its envelope counts towards the same hundred.
    let message = push("1", "prediction-ready-prod-sub", line(200).as_bytes());
    let answer = app.post_json("/complete", message).await;
    assert_eq!(counts(&answer.json()), [0, 0, 1, 0]);
    assert_eq!(app.quarantine().await.len(), 100);
}

#[tokio::test]
async fn completions_are_not_answered_before_they_are_durable() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    app.run_sql("ALTER TABLE units RENAME TO away").await;
    let body = completion("lebronjames").to_string();
    assert_eq!(app.post("/complete", body.clone()).await.status, 503);
    app.run_sql("ALTER TABLE away RENAME TO units").await;
    let answer = app.post("/complete", body).await;
    assert_eq!(counts(&answer.json()), [1, 0, 0, 0], "{answer:?}");
    assert_eq!(app.run().await.state, State::Running);
}

#[tokio::test]
async fn the_last_completion_settles_the_batch() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    let lines: Vec<String> = PLAYERS
        .iter()
        .map(|player| {
            let mut said = completion(player);
            said["predictions_generated"] = json!(0);
            said["reason"] = json!("player_injury_out");
            said.to_string()
        })
        .collect();
    app.post("/complete", lines.join("\n")).await;
    app.until(State::Complete).await;
    let status = app.get("/status").await.json();
    assert_eq!(status["verdict"], "met");
    assert_eq!(status["reasons"]["player_injury_out"], 3);
}

#[tokio::test]
async fn with_several_handoffs_the_request_or_the_batch_says_whose_an_answer_is() {
    let config = "[[handoffs]]\nid = \"phase4-to-phase5\"\n[[handoffs]]\nid = \"other\"\nupstream_topic = \"t\"\n";
    let app = TestApp::start_as(crate::support::Differs {
        config,
        token: false,
    })
    .await;
    app.list(&PLAYERS).await;
    let event = crate::support::event().to_string();
    app.post("/trigger?handoff=phase4-to-phase5", event).await;
    let run = app.until(State::Running).await;
    let mut by_batch = completion("lebronjames");
    by_batch["batch_id"] = json!(run.batch_id().unwrap().as_str());
    let mut by_request = completion("stephencurry");
    by_request["request_id"] = json!("phase4-to-phase5/2026-01-19/stephencurry/1");
    let by_nothing = completion("karl-anthonytowns");
    let lines = [by_batch, by_request, by_nothing].map(|line| line.to_string());
    let answer = app.post("/complete", lines.join("\n")).await;
    assert_eq!(counts(&answer.json()), [2, 0, 1, 0]);
}
