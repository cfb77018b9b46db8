//! `tipoff publish` as an upstream calls it: confirmed by the topic, else told to the service, else told to people, and
//! never a failure of its caller unless that is asked for.

use std::{
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tipoff::{
    domain::run::State,
    warehouse::{EmbeddedWarehouse, Format},
};

use crate::{
    stand_in::{Google, faults::Fault},
    support::{TONIGHT, TestApp},
};

const TOPIC: &str = "projects/p/topics/nba-phase4-precompute-complete";
const PUBLISH: &str = "nba-phase4-precompute-complete:publish";

struct Scene {
    google: Google,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let google = Google::start().await;
        google.pubsub.create_topic(TOPIC);
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "data = \"data\"\n[google]\nproject = \"p\"\ncredentials = \"none\"\n\
             [google.endpoints]\npubsub = \"{}/v1\"\n",
            google.base()
        );
        std::fs::write(folder.path().join("tipoff.toml"), config).unwrap();
        Self { google, folder }
    }

    /// The command as a process, which finds no service unless an address is given.
    async fn publish(&self, more: &[&str]) -> (Output, Value) {
        let more = more.iter().map(|it| (*it).to_owned()).collect();
        publish(self.folder.path().to_owned(), more).await
    }
}

async fn publish(folder: std::path::PathBuf, more: Vec<String>) -> (Output, Value) {
    let call = move || {
        Command::new(env!("CARGO_BIN_EXE_tipoff"))
            .args([
                "publish",
                "--json",
                "--config",
                "tipoff.toml",
                "--game-date",
                TONIGHT,
            ])
            .args(["--timestamp", "2026-01-19T06:58:00Z"])
            .args(&more)
            .current_dir(&folder)
            .env_clear()
            .env("TIPOFF_DATA", folder.join("data"))
            .env("TIPOFF_URL", "http://127.0.0.1:1")
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(call).await.unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, said)
}

/// Three players with rows, one of them not ready.
async fn fill(folder: &Path) {
    let warehouse = EmbeddedWarehouse::open(&folder.join("data/warehouse"))
        .await
        .unwrap();
    let row = |player: &str, ready: bool| {
        json!({
            "player_lookup": player, "game_date": TONIGHT, "game_id": "g", "is_production_ready": ready,
            "feature_quality_score": 90.0, "updated_at": "2026-01-19T06:50:00Z",
        })
        .to_string()
    };
    let rows = [row("a", true), row("b", true), row("c", false)].join("\n");
    warehouse
        .load("nba_predictions.ml_feature_store_v2", Format::Ndjson, &rows)
        .await
        .unwrap();
    warehouse.close().await;
}

#[tokio::test]
async fn the_event_is_counted_confirmed_and_has_every_field() {
    let scene = Scene::new().await;
    fill(scene.folder.path()).await;
    let (output, said) = scene.publish(&["--correlation-id", "c1"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said["published"], true, "{said}");
    let published = scene.google.pubsub.published(TOPIC);
    assert_eq!(published.len(), 1);
    let event: Value = serde_json::from_slice(&published[0].data).unwrap();
    assert_eq!(event["event_type"], "phase4_complete");
    assert_eq!(event["processor"], "ml_feature_store_v2");
    assert_eq!(event["timestamp"], "2026-01-19T06:58:00Z");
    assert_eq!(event["correlation_id"], "c1");
    let counts =
        ["players_processed", "players_ready", "players_failed"].map(|it| event[it].as_u64());
    assert_eq!(counts, [Some(3), Some(2), Some(1)], "{event}");
}

#[tokio::test]
async fn what_could_not_be_counted_is_published_without_counts() {
    let scene = Scene::new().await;
    let (output, said) = scene.publish(&[]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(
        said["uncounted"]
            .as_str()
            .unwrap()
            .contains("no embedded warehouse"),
        "{said}"
    );
    let event: Value =
        serde_json::from_slice(&scene.google.pubsub.published(TOPIC)[0].data).unwrap();
    assert!(event.get("players_ready").is_none(), "{event}");
}

#[tokio::test]
async fn a_topic_that_is_busy_for_a_moment_is_tried_again() {
    let scene = Scene::new().await;
    scene
        .google
        .faults
        .add(PUBLISH, 2, Fault::Status(503, "later".to_owned()));
    let (output, said) = scene.publish(&["--strict"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said["published"], true, "{said}");
    assert_eq!(scene.google.pubsub.published(TOPIC).len(), 1);
}

#[tokio::test]
async fn a_topic_that_is_gone_fails_only_a_caller_who_wants_to_know() {
    let scene = Scene::new().await;
    scene.google.pubsub.delete(TOPIC);
    let (output, said) = scene.publish(&[]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(said["published"], false, "{said}");
    assert!(said["error"].as_str().unwrap().contains("404"), "{said}");
    let instead = said["instead"].to_string();
    assert!(instead.contains("no service answers"), "{instead}");
    assert!(
        instead.contains("no channel that leads to people"),
        "{instead}"
    );
    let (output, _) = scene.publish(&["--strict"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[tokio::test]
async fn an_unreachable_topic_is_given_up_within_the_time() {
    let scene = Scene::new().await;
    scene
        .google
        .faults
        .add(PUBLISH, 9, Fault::Slow(Duration::from_secs(60)));
    let began = Instant::now();
    let (output, said) = scene.publish(&["--within", "1"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said["published"], false, "{said}");
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn the_service_takes_an_event_that_the_topic_did_not_take_and_warns_people() {
    let scene = Scene::new().await;
    scene.google.pubsub.delete(TOPIC);
    let app = TestApp::start().await;
    let (output, said) = scene.publish(&["--url", app.url()]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(
        said["instead"].to_string().contains("took the event"),
        "{said}"
    );
    assert_eq!(app.run().await.state, State::Waiting);
    let alerts = app.get("/alerts").await.text;
    assert!(
        alerts.contains("upstream_publish_failed") && alerts.contains("404"),
        "{alerts}"
    );
}

#[tokio::test]
async fn without_a_project_the_service_is_the_way() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tipoff.toml"), "").unwrap();
    let app = TestApp::start().await;
    let url = vec!["--url".to_owned(), app.url().to_owned()];
    let (output, said) = publish(folder.path().to_owned(), url).await;
    assert!(output.status.success(), "{output:?}");
    assert!(
        said["confirmed_by"]
            .as_str()
            .unwrap()
            .contains("the service at"),
        "{said}"
    );
    assert_eq!(app.run().await.state, State::Waiting);
}

#[tokio::test]
async fn a_broken_configuration_fails_only_a_caller_who_wants_to_know() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tipoff.toml"), "nonsense = 1").unwrap();
    let (output, _) = publish(folder.path().to_owned(), Vec::new()).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("nonsense"),
        "{output:?}"
    );
    let (output, _) = publish(folder.path().to_owned(), vec!["--strict".to_owned()]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
