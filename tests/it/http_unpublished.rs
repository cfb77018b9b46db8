//! `POST /unpublished`: the completion counts as the event it is, and people hear that its topic did not take it.

use rstest::rstest;
use serde_json::{Value, json};
use tipoff::domain::run::State;

use crate::support::{Differs, TOKEN, TestApp, event};

fn word() -> Value {
    json!({"error": "topic nba-phase4-precompute-complete: answered 404", "event": event()})
}

#[tokio::test]
async fn the_completion_starts_the_night_and_a_warning_says_why_it_came_this_way() {
    let app = TestApp::start().await;
    let answer = app.post("/unpublished", word().to_string()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(app.run().await.state, State::Waiting);
    let alerts = app.get("/alerts").await.json();
    let text = alerts.to_string();
    assert!(text.contains("upstream_publish_failed"), "{text}");
    assert!(text.contains("answered 404"), "{text}");
    let again = app.post("/unpublished", word().to_string()).await;
    assert_eq!(again.codes(), ["nothing_to_do"], "{again:?}");
}

#[rstest]
#[case(json!({"event": {}}), "error")]
#[case(json!({"error": "404"}), "event")]
#[case(json!({"error": "404", "event": {"event_type": "other"}}), "event")]
#[case(json!({"error": "404", "event": {"event_type": "phase4_complete"}}), "event")]
#[tokio::test]
async fn a_word_that_cannot_be_read_names_its_field_and_does_nothing(
    #[case] body: Value,
    #[case] field: &str,
) {
    let app = TestApp::start().await;
    let answer = app.post("/unpublished", body.to_string()).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.json()["field"], field, "{answer:?}");
    let alerts = app.get("/alerts").await.text;
    assert!(!alerts.contains("upstream_publish_failed"), "{alerts}");
}

#[tokio::test]
async fn nobody_is_heard_without_the_token() {
    let app = TestApp::start_as(Differs {
        config: "",
        token: true,
    })
    .await;
    let answer = app.post("/unpublished", word().to_string()).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(!answer.text.contains(TOKEN));
}
