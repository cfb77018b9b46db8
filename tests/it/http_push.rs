//! The table of push answers, row by row: what the status says of redelivery, what is kept, what the history says.
//!
//! Completions have their own file.

use futures::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use tipoff::domain::run::State;

use crate::support::{
    Differs, TONIGHT, TestApp, acknowledges, event, event_with, push, trigger_push,
};

#[tokio::test]
async fn an_event_is_accepted_and_moves_the_run() {
    let app = TestApp::start().await;
    let answer = app
        .post("/trigger", trigger_push("1", &event()).to_string())
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["handoff"], "phase4-to-phase5");
    assert_eq!(body["game_date"], TONIGHT);
    assert_eq!(body["state"], "waiting");
    assert_eq!(body["batch_id"], Value::Null);
    assert_eq!(app.run().await.state, State::Waiting);
}

#[tokio::test]
async fn the_same_message_again_is_acknowledged_and_does_nothing() {
    let app = TestApp::start().await;
    let message = trigger_push("1", &event()).to_string();
    app.post("/trigger", message.clone()).await;
    let again = app.post("/trigger", message).await;
    assert!(acknowledges(&again), "{again:?}");
    assert_eq!(again.status, 200);
    assert_eq!(again.codes(), ["nothing_to_do"]);
    let codes = app.history_codes(TONIGHT).await;
    let taken = |code: &&String| ["accepted", "merged"].contains(&code.as_str());
    assert_eq!(codes.iter().filter(taken).count(), 1, "{codes:?}");
}

#[tokio::test]
async fn of_the_same_message_many_times_at_once_one_is_accepted() {
    let app = TestApp::start().await;
    let message = trigger_push("1", &event()).to_string();
    let posts = (0..8).map(|_| app.post("/trigger", message.clone()));
    let statuses: Vec<u16> = join_all(posts).await.iter().map(|it| it.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1);
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 202)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_service_that_is_stopping_wants_the_message_again() {
    let app = TestApp::start().await;
    app.engine.stop().await;
    for path in ["/trigger", "/complete"] {
        let answer = app.post(path, event().to_string()).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("retry-after"), "5");
    }
}

#[tokio::test]
async fn another_message_is_merged() {
    let app = TestApp::start().await;
    app.post("/trigger", trigger_push("1", &event()).to_string())
        .await;
    let other = app
        .post("/trigger", trigger_push("2", &event()).to_string())
        .await;
    assert_eq!(other.status, 202, "{other:?}");
    assert!(
        other.codes().contains(&"merged".to_owned()),
        "{:?}",
        other.codes()
    );
}

#[rstest]
#[case("processor_name", json!("PlayerDailyCacheProcessor"), "not_final_processor")]
#[case("status", json!("failed"), "upstream_status")]
#[case("status", json!("no_data"), "upstream_status")]
#[case("backfill_mode", json!(true), "backfill")]
#[case("skip_downstream_trigger", json!(true), "skip_requested")]
#[tokio::test]
async fn an_event_that_is_not_for_us_is_acknowledged_and_the_history_says_why(
    #[case] field: &str,
    #[case] value: Value,
    #[case] code: &str,
) {
    let app = TestApp::start().await;
    let event = event_with(field, value);
    let answer = app.post("/trigger", event.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.codes(), [code]);
    assert!(!answer.json()["reason"].as_str().unwrap().is_empty());
    assert!(app.history_codes(TONIGHT).await.contains(&code.to_owned()));
    assert!(app.quarantine().await.is_empty());
    assert!(app.sink.sent().is_empty());
}

#[rstest]
#[case("2026-01-10", "past_date")]
#[case("2026-02-10", "future_date")]
#[tokio::test]
async fn a_date_that_is_not_open_is_acknowledged_and_opens_nothing(
    #[case] game_date: &str,
    #[case] code: &str,
) {
    let app = TestApp::start().await;
    let event = event_with("game_date", json!(game_date));
    let answer = app.post("/trigger", event.to_string()).await;
    assert_eq!(
        (answer.status, answer.codes()),
        (200, vec![code.to_owned()])
    );
    assert_eq!(answer.json()["state"], Value::Null);
    assert_eq!(app.history_codes(game_date).await, [code]);
    let status = app.get(&format!("/status?game_date={game_date}")).await;
    assert_eq!(status.status, 404);
}

#[rstest]
#[case(b"not json at all", "not_json")]
#[case(b"", "empty")]
#[case(b"[1, 2]", "not_an_object")]
#[case(b"{\"hello\": 1}", "unknown_shape")]
#[case(
    b"{\"processor_name\": \"MLFeatureStoreProcessor\", \"status\": \"success\"}",
    "missing_field"
)]
#[case(
    b"{\"message\": {\"messageId\": \"9\"}, \"subscription\": \"s\"}",
    "missing_field"
)]
#[case(
    b"{\"message\": {\"messageId\": \"9\", \"data\": \"%%%\"}, \"subscription\": \"s\"}",
    "not_base64"
)]
#[case(b"\xff\xfe\x00binary", "not_json")]
#[tokio::test]
async fn incident_39_a_malformed_message_is_acknowledged_and_quarantined_with_its_bytes(
    #[case] body: &'static [u8],
    #[case] code: &str,
) {
    let app = TestApp::start().await;
    let answer = app.post("/trigger", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["quarantined"], true);
    assert_eq!(answer.codes(), [code]);
    let kept = app.quarantine().await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["code"], code);
    assert_eq!(kept[0]["source"], "trigger");
    assert_eq!(kept[0]["bytes"], body.len());
    let path = format!("/quarantine/{}", kept[0]["id"]);
    let whole = app.get(&path).await.json();
    let encoded = whole["body_base64"].as_str().unwrap().to_owned();
    let push = push("1", "s", body);
    assert_eq!(push["message"]["data"], encoded);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_acknowledged_and_its_head_and_hash_are_kept() {
    let app = TestApp::start().await;
    let limit = 16 * 1024 * 1024;
    let body = vec![b'{'; limit + 1];
    for path in ["/trigger", "/complete"] {
        let answer = app.post(path, body.clone()).await;
        assert!(acknowledges(&answer), "{}", answer.status);
    }
    let kept = app.quarantine().await;
    assert_eq!(kept.len(), 2);
    for message in kept {
        assert_eq!(message["code"], "too_large");
        assert_eq!(message["bytes"], limit + 1);
        assert_eq!(message["whole"], false);
        assert_eq!(message["sha256"].as_str().unwrap().len(), 64);
    }
}

#[rstest]
#[case("text/plain")]
#[case("application/x-www-form-urlencoded")]
#[case("image/png")]
#[tokio::test]
async fn incident_45_the_content_type_of_a_push_is_not_looked_at(#[case] media_type: &str) {
    let app = TestApp::start().await;
    let body = trigger_push("1", &event()).to_string();
    let request = app
        .request(reqwest::Method::POST, "/trigger")
        .header("content-type", media_type)
        .body(body);
    assert_eq!(app.answer(request).await.status, 202);
}

#[tokio::test]
async fn what_cannot_be_made_durable_is_wanted_again_and_then_accepted() {
    let app = TestApp::start().await;
    app.run_sql("ALTER TABLE inbox RENAME TO away").await;
    let message = trigger_push("1", &event()).to_string();
    let answer = app.post("/trigger", message.clone()).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(!answer.text.contains("inbox"), "{}", answer.text);
    app.run_sql("ALTER TABLE away RENAME TO inbox").await;
    assert_eq!(app.post("/trigger", message).await.status, 202);
}

#[tokio::test]
async fn a_number_is_its_topics_so_a_completion_with_a_triggers_number_is_no_duplicate() {
    let app = TestApp::start().await;
    app.list(&["lebronjames"]).await;
    let answer = app
        .post("/trigger", trigger_push("7", &event()).to_string())
        .await;
    assert_eq!(answer.status, 202);
    app.until(State::Running).await;
    let completion = crate::support::completion("lebronjames").to_string();
    let message = push("7", "prediction-ready-prod-sub", completion.as_bytes());
    let counted = app.post_json("/complete", message).await.json();
    assert_eq!(counted["accepted"], 1, "{counted}");
}

const TWO: &str = r#"
[[handoffs]]
id = "phase4-to-phase5"
[[handoffs]]
id = "phase3-to-phase4"
upstream_topic = "phase3-complete"
trigger_subscription = "phase4-trigger-sub"
[handoffs.upstream]
final_processor_names = ["Phase3Processor"]
processor_names = ["Phase3Processor"]
"#;

#[rstest]
#[case("", "phase4-trigger-sub", "Phase3Processor", Some("phase3-to-phase4"))]
#[case(
    "",
    "nba-phase5-trigger-sub",
    "MLFeatureStoreProcessor",
    Some("phase4-to-phase5")
)]
#[case(
    "?handoff=phase3-to-phase4",
    "nba-phase5-trigger-sub",
    "Phase3Processor",
    Some("phase3-to-phase4")
)]
#[case("", "renamed-sub", "Phase3Processor", Some("phase3-to-phase4"))]
#[case("", "renamed-sub", "SomebodyElse", None)]
#[case(
    "?handoff=phase9",
    "nba-phase5-trigger-sub",
    "MLFeatureStoreProcessor",
    None
)]
#[tokio::test]
async fn address_then_subscription_then_processor_say_whose_a_push_is(
    #[case] query: &str,
    #[case] subscription: &str,
    #[case] processor: &str,
    #[case] handoff: Option<&str>,
) {
    let config = Differs {
        config: TWO,
        token: false,
    };
    let app = TestApp::start_as(config).await;
    let event = event_with("processor_name", json!(processor)).to_string();
    let message = push("1", subscription, event.as_bytes());
    let answer = app.post_json(&format!("/trigger{query}"), message).await;
    assert!(acknowledges(&answer), "{answer:?}");
    match handoff {
        Some(handoff) => {
            assert_eq!(answer.status, 202, "{answer:?}");
            assert_eq!(answer.json()["handoff"], handoff);
        }
        None => {
            assert_eq!(answer.codes(), ["unknown_handoff"]);
            assert_eq!(app.quarantine().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_push_is_never_answered_408_413_or_415() {
    let app = TestApp::start().await;
    for path in ["/trigger", "/complete"] {
        for body in [&b""[..], b"\x00", b"{", b"[]", b"null", b"{\"message\": 5}"] {
            let request = app
                .request(reqwest::Method::POST, path)
                .header("content-type", "multipart/form-data")
                .body(body);
            let answer = app.answer(request).await;
            assert!(acknowledges(&answer), "{path} {body:?}: {answer:?}");
        }
    }
}
