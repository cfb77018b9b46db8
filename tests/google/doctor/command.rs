//! `tipoff doctor` as a process: what it prints, and how it ends.
//!
//! What is found is tested in the file above.

use std::{process::Output, sync::Arc};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::json;
use tipoff::{
    clock::SystemClock,
    commands::serve::{App, Setup},
    config::{self, Environment},
};

use super::{build, parsed, settings};
use crate::stand_in::Google;

/// A handoff whose season goes on for as long as the machine's clock is likely to.
const LONG: &str = "[[handoffs]]\nid = \"phase4-to-phase5\"\nseason_file = \"season.toml\"\n";
const SEASON: &str = "from = 2025-10-01\nuntil = 2099-12-31\nwithout_games = []\n";

/// A service that knows of its channels and of nothing wrong.
async fn service() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let now = tipoff::clock::Clock::now(&tipoff::clock::SystemClock);
    let known = json!({"heard": {}, "channels": [["console", null]], "installed_at": now});
    let answer = json!({"examined": null, "known": known});
    let router = Router::new().route("/doctor", get(async move || Json(answer)));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn doctor(google: &str, url: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tipoff.toml");
    std::fs::write(&path, settings(google, LONG)).unwrap();
    std::fs::write(folder.path().join("season.toml"), SEASON).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tipoff"));
    command.env_clear().current_dir(folder.path());
    command.args(["doctor", "--url", url, "--config"]);
    command.arg(&path).args(more);
    let ended = tokio::task::spawn_blocking(move || command.output());
    let ended = ended.await.unwrap().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&ended.stderr));
    ended
}

#[tokio::test]
async fn it_ends_with_0_where_all_is_well_and_with_1_and_the_mend_where_something_is_wrong() {
    let google = Google::start().await;
    build(&google, &parsed(&settings(&google.base(), "")));
    let url = service().await;
    let well = doctor(&google.base(), &url, &[]).await;
    let text = String::from_utf8(well.stdout).unwrap();
    assert_eq!(well.status.code(), Some(0), "{text}");
    assert!(text.ends_with("All is well.\n"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    google
        .pubsub
        .delete("projects/p/subscriptions/nba-phase5-trigger-sub");
    let broken = doctor(&google.base(), &url, &[]).await;
    let text = String::from_utf8(broken.stdout).unwrap();
    assert_eq!(broken.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("WRONG (1)\n  subscriptions  nba-phase5-trigger-sub\n"),
        "{text}"
    );
    assert!(
        text.contains("\n    gcloud pubsub subscriptions create nba-phase5-trigger-sub "),
        "{text}"
    );
    let json = doctor(&google.base(), &url, &["--json"]).await;
    let read: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json.status.code(), Some(1));
    assert!(
        read["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["standing"] == "wrong")
    );
}

#[tokio::test]
async fn it_ends_with_2_where_nothing_answers() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let alone = doctor(&base, &base, &[]).await;
    let text = String::from_utf8(alone.stdout).unwrap();
    assert_eq!(alone.status.code(), Some(2), "{text}");
    assert!(text.starts_with("COULD NOT ASK ("), "{text}");
}

/// A service with one channel: a webhook that somebody has taken away.
async fn service_with_a_dead_webhook(folder: &std::path::Path) -> App {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(|| async { StatusCode::GONE }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let text = format!(
        "[channels.hook]\nkind = \"webhook\"\nurl = \"{hook}\"\n[doctor]\nenabled = false\n\
         [[handoffs]]\nid = \"phase4-to-phase5\"\nseason = \"none\"\n"
    );
    let mut config = config::parse(&text, folder, &Environment::default()).unwrap();
    config.listen.set_port(0);
    config.data_dir = folder.join("data");
    App::open(Setup::of(config, Arc::new(SystemClock)))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_found_by_a_test_message_over_it() {
    let google = Google::start().await;
    build(&google, &parsed(&settings(&google.base(), "")));
    let folder = tempfile::tempdir().unwrap();
    let app = service_with_a_dead_webhook(folder.path()).await;
    let url = format!("http://{}", app.address);
    let broken = doctor(&google.base(), &url, &["--test-channels"]).await;
    app.stop().await;
    let text = String::from_utf8(broken.stdout).unwrap();
    assert_eq!(broken.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("WRONG (1)\n  channels       hook\n"),
        "{text}"
    );
    assert!(text.contains("410"), "{text}");
    assert!(text.contains("tipoff alerts test"), "{text}");
}
