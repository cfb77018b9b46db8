//! All alerting lived in the process that had died: the outgoing heartbeat stops when the service cannot do its job.
//!
//! What counts as ill is tested in the domain.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::TimeDelta;
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};
use tipoff::{
    clock::ManualClock,
    commands::serve::{App, Setup},
    config::{self, Environment},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::support::instant;

async fn open(folder: &Path, switch: &MockServer, clock: &Arc<ManualClock>) -> App {
    let url = switch.uri();
    let text = format!(
        "[[handoffs]]\nid = \"phase4-to-phase5\"\n[heartbeat]\nurl = \"{url}/alive\"\nfail_url = \"{url}/ill\"\n"
    );
    let mut config = config::parse(&text, folder, &Environment::default()).unwrap();
    config.data_dir = folder.to_owned();
    config.listen.set_port(0);
    App::open(Setup::of(config, clock.clone())).await.unwrap()
}

/// Does something to the store's file behind its back. A write that failed keeps its lock until the next one begins.
async fn behind(app: &App, folder: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join("state.sqlite"));
    let options = options.busy_timeout(Duration::from_millis(200));
    let mut connection = options.connect().await.unwrap();
    for _ in 0..50 {
        if connection.execute(statement).await.is_ok() {
            return;
        }
        let next = app.engine.shared().store.begin().await.unwrap();
        next.commit().await.unwrap();
    }
    panic!("the file stays locked: {statement}");
}

/// Lets minutes pass until one brings a call: its path and what it says.
async fn beat(switch: &MockServer, clock: &ManualClock) -> (String, String) {
    let before = switch.received_requests().await.unwrap().len();
    for look in 0..10_000 {
        if look % 100 == 0 {
            clock.advance(TimeDelta::minutes(1));
        }
        let calls = switch.received_requests().await.unwrap();
        if calls.len() > before {
            let last = calls.last().unwrap();
            let said = String::from_utf8_lossy(&last.body).into_owned();
            return (last.url.path().to_owned(), said);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("no beat");
}

#[tokio::test]
async fn incident_25_the_heartbeat_stops_when_the_store_takes_nothing_or_timers_are_late() {
    let switch = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .mount(&switch)
        .await;
    let clock = Arc::new(ManualClock::new(instant("2026-01-19T07:00:00Z")));
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path(), &switch, &clock).await;
    assert_eq!(beat(&switch, &clock).await.0, "/alive");

    let full =
        "CREATE TRIGGER full BEFORE UPDATE ON alive BEGIN SELECT RAISE(FAIL, 'disk full'); END";
    behind(&app, folder.path(), full).await;
    let (path, said) = beat(&switch, &clock).await;
    assert_eq!(path, "/ill");
    assert!(said.contains("its store does not work"), "{said}");
    behind(&app, folder.path(), "DROP TRIGGER full").await;
    assert_eq!(beat(&switch, &clock).await.0, "/alive");

    // Nights cannot be moved on: their timers come and nothing is done.
    let stuck = "CREATE TRIGGER stuck BEFORE UPDATE ON runs BEGIN SELECT RAISE(FAIL, 'stuck'); END";
    behind(&app, folder.path(), stuck).await;
    let late = "UPDATE service SET next_wake_at = NULL";
    behind(&app, folder.path(), late).await;
    clock.advance(TimeDelta::hours(9));
    beat(&switch, &clock).await;
    let (path, said) = beat(&switch, &clock).await;
    assert_eq!(path, "/ill", "{said}");
    assert!(said.contains("timers are late"), "{said}");
    behind(&app, folder.path(), "DROP TRIGGER stuck").await;
    for _ in 0..10 {
        if beat(&switch, &clock).await.0 == "/alive" {
            app.stop().await;
            return;
        }
    }
    panic!("it never recovered");
}
