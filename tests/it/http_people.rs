//! What people and schedules ask for: start, retry, status, reset, check-stalled, tick, and their problems.
//!
//! What a command does to a run is tested in the domain.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tipoff::{clock::Clock, domain::run::State};

use crate::support::{Differs, TONIGHT, TestApp, completion, event, instant};

const PLAYERS: [&str; 3] = ["karl-anthonytowns", "lebronjames", "stephencurry"];

#[tokio::test]
async fn incident_44_a_start_is_answered_at_once_and_the_work_goes_on_without_the_caller() {
    let app = TestApp::start().await;
    app.list(&PLAYERS).await;
    let answer = app.post_json("/start", json!({"force": true})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["handoff"], "phase4-to-phase5");
    assert_eq!(body["game_date"], TONIGHT);
    assert_eq!(
        (&body["state"], &body["batch_id"]),
        (&json!("waiting"), &Value::Null)
    );
    app.until(State::Running).await;
    assert_eq!(app.sink.sent().len(), PLAYERS.len());
    let status = app.get("/status").await.json();
    assert_eq!(status["started_by"], "manual");
}

#[rstest]
#[case(None, "")]
#[case(Some("application/octet-stream"), "")]
#[case(Some("text/plain"), "{\"trigger_source\":\"scheduler_backup\"}")]
#[case(Some("application/json"), "null")]
#[tokio::test]
async fn incident_45_a_scheduler_without_body_or_content_type_is_heard(
    #[case] media_type: Option<&str>,
    #[case] body: &'static str,
) {
    let app = TestApp::start().await;
    for path in ["/start", "/retry", "/tick"] {
        let mut request = app.request(reqwest::Method::POST, path).body(body);
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let answer = app.answer(request).await;
        assert!(matches!(answer.status, 200 | 202), "{path}: {answer:?}");
    }
}

#[rstest]
#[case("/start", json!({"game_date": "19.01.2026"}), 400, "game_date")]
#[case("/start", json!({"game_date": "2026-02-01"}), 400, "game_date")]
#[case("/start", json!({"force": "yes"}), 400, "force")]
#[case("/start", json!({"min_minutes": -1}), 400, "min_minutes")]
#[case("/start", json!({"handoff": "phase9"}), 404, "handoff")]
#[case("/retry", json!({"game_date": "2026-02-01"}), 400, "game_date")]
#[case("/check-stalled", json!({"older_than_minutes": "x"}), 400, "older_than_minutes")]
#[case("/reset", json!({"force": 1}), 400, "force")]
#[tokio::test]
async fn bad_input_is_a_problem_that_names_the_field(
    #[case] path: &str,
    #[case] body: Value,
    #[case] status: u16,
    #[case] field: &str,
) {
    let app = TestApp::start().await;
    let answer = app.post_json(path, body).await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["field"], field);
    assert_eq!(problem["status"], status);
    assert!(!problem["detail"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_known_handoffs_are_named_where_none_or_another_is_meant() {
    let config = "[[handoffs]]\nid = \"phase4-to-phase5\"\n[[handoffs]]\nid = \"other\"\nupstream_topic = \"t\"\n";
    let app = TestApp::start_as(Differs {
        config,
        token: false,
    })
    .await;
    let unnamed = app.post("/start", "").await;
    assert_eq!(
        (unnamed.status, &unnamed.json()["field"]),
        (400, &json!("handoff"))
    );
    let unknown = app.get("/status?handoff=third").await;
    assert_eq!(unknown.status, 404);
    for answer in [unnamed, unknown] {
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("other, phase4-to-phase5"), "{detail}");
    }
    let named = app.post_json("/start", json!({"handoff": "other"})).await;
    assert_eq!(named.status, 202, "{named:?}");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_sent_and_changes_nothing() {
    let app = TestApp::start().await;
    app.list(&PLAYERS).await;
    let answer = app.post_json("/start", json!({"dry_run": true})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (&body["would"], &body["units_to_send"]),
        (&json!("wait"), &json!(3))
    );
    assert_eq!(body["units"], json!(PLAYERS));
    assert_eq!(answer.codes(), ["upstream_not_finished"]);
    let forced = app
        .post_json(
            "/start",
            json!({"dry_run": true, "force": true, "min_minutes": 40}),
        )
        .await
        .json();
    assert_eq!(
        (&forced["would"], &forced["units_to_send"]),
        (&json!("start"), &json!(0))
    );
    let run = app.run().await;
    assert_eq!((run.state, run.start.triggered_at), (State::Expected, None));
    assert!(
        !app.history_codes(TONIGHT)
            .await
            .contains(&"accepted".to_owned())
    );
    assert!(app.sink.sent().is_empty());
}

#[tokio::test]
async fn a_dry_run_that_cannot_ask_says_so() {
    let app = TestApp::start().await;
    app.warehouse.close().await;
    let answer = app.post_json("/start", json!({"dry_run": true})).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["type"], "urn:tipoff:problem:could_not_ask");
}

#[tokio::test]
async fn a_past_date_is_a_backfill_for_people() {
    let app = TestApp::start().await;
    let answer = app
        .post_json("/start", json!({"game_date": "2026-01-12"}))
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let status = app.get("/status?game_date=2026-01-12").await.json();
    assert_eq!(
        (&status["verdict"], &status["deadline_at"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn a_night_that_has_closed_is_started_again_as_a_backfill_and_its_history_says_so() {
    let app = TestApp::start().await;
    // At its deadline, and exactly 24 hours after it.
    for time in ["2026-01-19T15:00:00Z", "2026-01-20T15:00:00Z"] {
        app.clock.set(instant(time));
        assert_eq!(app.post("/tick", "").await.status, 200);
    }
    assert!(app.run().await.closed_at.is_some());
    let answer = app.post_json("/start", json!({"game_date": TONIGHT})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(app.run().await.closed_at.is_none());
    let status = app.get(&format!("/status?game_date={TONIGHT}")).await;
    assert_eq!(status.json()["verdict"], Value::Null);
    let codes = app.history_codes(TONIGHT).await;
    let opened = codes.iter().filter(|code| *code == "opened").count();
    assert_eq!(opened, 2, "{codes:?}");
}

#[tokio::test]
async fn a_retry_without_anything_to_retry_says_why() {
    let app = TestApp::start().await;
    let answer = app.post("/retry", "").await;
    assert_eq!(
        (answer.status, answer.codes()),
        (200, vec!["nothing_to_retry".to_owned()])
    );
    let past = app
        .post_json("/retry", json!({"game_date": "2026-01-12"}))
        .await;
    assert_eq!(
        (past.status, past.codes()),
        (200, vec!["nothing_to_retry".to_owned()])
    );
    assert_eq!(app.get("/status?game_date=2026-01-12").await.status, 404);
}

#[tokio::test]
async fn the_status_has_the_promised_names_and_is_found_by_date_and_batch() {
    let app = TestApp::start().await;
    let run = app.send_out(&PLAYERS).await;
    let by_date = app.get("/status?game_date=TODAY").await.json();
    let batch_id = run.batch_id().unwrap().as_str();
    let by_batch = app
        .get(&format!("/status?batch_id={batch_id}"))
        .await
        .json();
    assert_eq!(by_date["batch_id"], batch_id);
    assert_eq!(by_batch["game_date"], TONIGHT);
    assert_eq!(by_date["state"], "running");
    assert_eq!(by_date["deadline_at"], "2026-01-19T07:00:00-08:00");
    assert_eq!(by_date["started_at"], "2026-01-18T23:00:00-08:00");
    assert_eq!(by_date["counts"]["dispatched"], 3);
    assert_eq!(by_date["counts"]["outstanding"], 3);
    assert!(by_date["latency_seconds"].as_f64().unwrap() >= 120.0);
    assert!(!by_date["why"].as_array().unwrap().is_empty());
    assert!(by_date["forecast"]["finish_at"].is_string());
    for unknown in ["batch_id=nothing", "game_date=2026-01-01"] {
        let answer = app.get(&format!("/status?{unknown}")).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.json()["type"], "urn:tipoff:problem:not_known");
    }
    assert_eq!(app.get("/status?game_date=soon").await.status, 400);
}

#[tokio::test]
async fn a_reset_with_units_in_flight_is_refused_unless_forced_and_names_who() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    app.post("/complete", completion("lebronjames").to_string())
        .await;
    let refused = app.post("/reset", "").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("2 units are in flight")
    );
    let request = app
        .request(reqwest::Method::POST, "/reset")
        .header("tipoff-by", "jane")
        .body("{\"force\": true}");
    let done = app.answer(request).await;
    assert_eq!(
        (done.status, &done.json()["state"]),
        (202, &json!("waiting")),
        "{done:?}"
    );
    assert!(done.json()["reason"].as_str().unwrap().contains("jane"));
    let status = app.get("/status").await.json();
    assert_eq!(status["counts"]["predicted"], 1, "answers are kept");
}

#[tokio::test]
async fn commands_for_a_date_without_a_run_are_404() {
    let app = TestApp::start().await;
    for path in ["/reset", "/check-stalled"] {
        let answer = app
            .post_json(path, json!({"game_date": "2026-01-05"}))
            .await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    assert_eq!(app.get("/history?game_date=2026-01-05").await.status, 404);
}

#[tokio::test]
async fn check_stalled_gives_up_what_is_older_than_said_else_than_the_time_out() {
    let app = TestApp::start().await;
    let nothing = app.post("/check-stalled", "").await;
    assert_eq!(
        (nothing.status, nothing.codes()),
        (200, vec!["nothing_to_do".to_owned()])
    );
    app.send_out(&PLAYERS).await;
    app.clock.advance(TimeDelta::minutes(2));
    app.post("/check-stalled", "").await;
    assert_eq!(
        app.run().await.counts.in_flight,
        3,
        "ten minutes are not over"
    );
    let answer = app
        .post_json("/check-stalled", json!({"older_than_minutes": 1}))
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(app.run().await.counts.in_flight, 0);
}

/// The way out of a night whose workers were silent, as its runbook has it.
#[tokio::test]
async fn a_retry_kept_in_mind_follows_at_once_when_the_silent_are_given_up() {
    let app = TestApp::start().await;
    app.send_out(&PLAYERS).await;
    app.clock.advance(TimeDelta::minutes(2));
    app.post("/retry", "").await;
    let given_up = app
        .post_json("/check-stalled", json!({"older_than_minutes": 0}))
        .await;
    assert_eq!(given_up.status, 202, "{given_up:?}");
    let begun = app.clock.now();
    let is_out = || app.sink.sent().len() == 2 * PLAYERS.len();
    app.until_so(|run| run.state == State::Running && is_out())
        .await;
    // Sooner than it would be retried by itself, and than an answer is waited for.
    assert!(app.clock.now() - begun < TimeDelta::seconds(100));
}

#[tokio::test]
async fn a_tick_does_what_is_due_before_it_answers() {
    let app = TestApp::start().await;
    app.post("/trigger", event().to_string()).await;
    app.clock.advance(TimeDelta::hours(1));
    let answer = app.post("/tick", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let next_wake_at = answer.json()["next_wake_at"].as_str().unwrap().to_owned();
    assert!(instant(&next_wake_at) > app.clock.now(), "{next_wake_at}");
}

#[tokio::test]
async fn what_is_not_there_or_called_otherwise_is_a_problem() {
    let app = TestApp::start().await;
    let nowhere = app.get("/nowhere").await;
    assert_eq!(
        (nowhere.status, &nowhere.json()["status"]),
        (404, &json!(404))
    );
    let wrong = app.get("/start").await;
    assert_eq!(wrong.status, 405);
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    assert!(wrong.header("allow").contains("POST"), "{wrong:?}");
    let long = app.post("/start", vec![b' '; 2 * 1024 * 1024]).await;
    assert_eq!(long.status, 400);
}
