//! The quarantine over HTTP: listed, shown, replayed on the path it came by, dropped.
//!
//! What gets there is tested with the pushes.

use serde_json::{Value, json};
use tipoff::domain::run::State;

use crate::support::{Differs, TestApp, completion, event};

async fn only(app: &TestApp) -> Value {
    let kept = app.quarantine().await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept[0].clone()
}

async fn replay(app: &TestApp, message: &Value, query: &str) -> crate::support::Answer {
    app.post(&format!("/quarantine/{}/replay{query}", message["id"]), "")
        .await
}

#[tokio::test]
async fn what_is_still_malformed_stays_and_is_not_kept_twice() {
    let app = TestApp::start().await;
    app.post("/trigger", "nonsense").await;
    app.post("/complete", "{\"player_lookup\": 5}").await;
    let kept = app.quarantine().await;
    for message in &kept {
        let answer = replay(&app, message, "").await;
        assert_eq!(
            (answer.status, &answer.json()["accepted"]),
            (200, &json!(false))
        );
        assert!(!answer.json()["why"].as_str().unwrap().is_empty());
    }
    assert_eq!(app.quarantine().await, kept);
}

#[tokio::test]
async fn an_event_for_nobody_is_accepted_once_its_handoff_is_named() {
    let config = "[[handoffs]]\nid = \"phase4-to-phase5\"\n[[handoffs]]\nid = \"other\"\nupstream_topic = \"t\"\n";
    let app = TestApp::start_as(Differs {
        config,
        token: false,
    })
    .await;
    app.post("/trigger", event().to_string()).await;
    let message = only(&app).await;
    assert_eq!(message["code"], "unknown_handoff");
    assert_eq!(replay(&app, &message, "").await.status, 200);
    let answer = replay(&app, &message, "?handoff=phase4-to-phase5").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(app.quarantine().await.is_empty());
    assert_eq!(app.run().await.state, State::Waiting);
}

#[tokio::test]
async fn an_answer_that_came_too_early_is_accepted_when_its_unit_is_there() {
    let app = TestApp::start().await;
    let early = app
        .post("/complete", completion("lebronjames").to_string())
        .await;
    assert_eq!(early.json()["unknown"], 1);
    let message = only(&app).await;
    let answer = replay(&app, &message, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(only(&app).await, message, "the first copy is enough");
    app.send_out(&["lebronjames", "stephencurry"]).await;
    let answer = replay(&app, &message, "").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(app.quarantine().await.is_empty());
    assert_eq!(app.run().await.counts.plan.predicted(), 1);
}

#[tokio::test]
async fn a_head_cannot_be_replayed() {
    let app = TestApp::start().await;
    app.post("/complete", vec![b'x'; 17 * 1024 * 1024]).await;
    let message = only(&app).await;
    let answer = replay(&app, &message, "").await;
    assert_eq!(
        (answer.status, &answer.json()["accepted"]),
        (200, &json!(false))
    );
    assert_eq!(app.quarantine().await.len(), 1);
}

#[tokio::test]
async fn a_message_is_dropped_once() {
    let app = TestApp::start().await;
    app.post("/trigger", "nonsense").await;
    let path = format!("/quarantine/{}", only(&app).await["id"]);
    assert_eq!(app.get(&path).await.json()["body_text"], "nonsense");
    assert_eq!(app.delete(&path).await.status, 204);
    assert!(app.quarantine().await.is_empty());
    assert_eq!(app.delete(&path).await.status, 404);
    assert_eq!(app.get(&path).await.status, 404);
    assert_eq!(app.get("/quarantine/x").await.status, 404);
    assert_eq!(app.get("/quarantine?most=0").await.status, 400);
}
