//! The service under attack, and the good messages beside the bad ones: each is accepted and counted exactly once.
//!
//! What is bad belongs to `attack`, `large` and `wild`.

use std::{
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use tipoff::domain::{
    ids::{HandoffId, RunKey},
    run::State,
};
use tokio::sync::Mutex;

use super::call::{self, Answer};
use crate::support::{Differs, TONIGHT, TestApp, date, event, push};

/// Two handoffs: hostile calls name the first, good messages are for the second.
const CONFIG: &str = r#"
[[handoffs]]
id = "phase4-to-phase5"
[[handoffs]]
id = "beside"
upstream_topic = "beside"
[handoffs.pace]
start_per_second = 1000000.0
full_per_second = 1000000.0
in_flight_max = 1000000
"#;
const COMPLETE: &str = "/complete?handoff=beside";
const TRIGGER: &str = "/trigger?handoff=beside";
/// Good lines sent again in one body.
const LINES: usize = 5_000;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Panics so far, of any task or thread of the process; the first call begins counting.
pub fn panics() -> usize {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(panic);
        }));
    });
    PANICS.load(Ordering::SeqCst)
}

/// The service, with a night under way whose units wait to be answered.
pub struct Beside {
    pub app: TestApp,
    /// Where it listens, without the scheme.
    pub address: String,
    units: usize,
    used: AtomicUsize,
    triggers: AtomicUsize,
    store: Mutex<SqliteConnection>,
}

fn unit(number: usize) -> String {
    format!("good{number:06}")
}

/// A good completion, as one line.
pub fn line(number: usize) -> String {
    json!({"player_lookup": unit(number), "game_date": TONIGHT, "predictions_generated": 5})
        .to_string()
}

impl Beside {
    /// Starts it with so many units for good messages.
    pub async fn start(units: usize) -> Self {
        panics();
        let app = TestApp::start_as(Differs {
            config: CONFIG,
            token: false,
        })
        .await;
        let names: Vec<String> = (0..units).map(unit).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        app.list(&names).await;
        let file = app.folder.path().join("state.sqlite");
        let store = SqliteConnectOptions::new().filename(file).connect().await;
        let beside = Self {
            address: app.url().trim_start_matches("http://").to_owned(),
            app,
            units,
            used: AtomicUsize::new(0),
            triggers: AtomicUsize::new(0),
            store: Mutex::new(store.expect("the store's file")),
        };
        beside.trigger().await.expect("the night starts");
        let key = Self::key();
        beside
            .app
            .until_of(&key, |run| run.state == State::Running)
            .await;
        beside
    }

    fn key() -> RunKey {
        RunKey {
            handoff: HandoffId::new("beside"),
            game_date: date(TONIGHT),
        }
    }

    /// The next good completion, for whoever sends it in a body of their own.
    pub fn next(&self) -> String {
        let number = self.used.fetch_add(1, Ordering::SeqCst);
        assert!(number < self.units, "more good messages than units");
        line(number)
    }

    /// Posts a body of completions for the good handoff.
    pub async fn complete(&self, body: &[u8]) -> Option<Answer> {
        call::post(&self.address, COMPLETE, body).await
    }

    /// Sends the next good completion by itself.
    ///
    /// # Errors
    ///
    /// When it is not accepted.
    pub async fn completion(&self) -> Result<(), String> {
        let answer = self.complete(self.next().as_bytes()).await;
        match answer.as_ref().map(Answer::counts) {
            Some([1, 0, 0, 0]) => Ok(()),
            _ => Err(format!("a good completion beside it: {answer:?}")),
        }
    }

    /// Sends another good event, which adds itself to the night under way, and then the same once more.
    ///
    /// # Errors
    ///
    /// When it is not accepted once.
    pub async fn trigger(&self) -> Result<(), String> {
        let number = self.triggers.fetch_add(1, Ordering::SeqCst);
        let data = event().to_string();
        let body = push(&format!("good-{number}"), "s", data.as_bytes()).to_string();
        let first = call::post(&self.address, TRIGGER, body.as_bytes()).await;
        let again = call::post(&self.address, TRIGGER, body.as_bytes()).await;
        match (&first, &again) {
            (Some(first), Some(again))
                if first.status == 202
                    && again.status == 200
                    && again.body.contains("nothing_to_do") =>
            {
                Ok(())
            }
            _ => Err(format!("a good event beside it: {first:?}, then {again:?}")),
        }
    }

    /// The bytes counted and the head kept of the quarantined message with this hash.
    pub async fn quarantined(&self, sha256: &str) -> Option<(usize, Vec<u8>)> {
        let text = "SELECT bytes, body FROM quarantine WHERE sha256 = $1";
        let mut store = self.store.lock().await;
        let row = sqlx::query(text)
            .bind(sha256)
            .fetch_optional(&mut *store)
            .await
            .expect("the quarantine");
        row.map(|row| (row.get::<i64, _>(0) as usize, row.get(1)))
    }

    /// Every good message was counted once, the night goes on to its end, and nothing ever panicked. Returns how
    /// many good messages there were.
    pub async fn finish(self) -> usize {
        let used = self.used.load(Ordering::SeqCst);
        let status = self.status().await;
        assert_eq!(status["counts"]["predicted"], used, "{status:#}");
        let again: Vec<String> = (0..used).map(line).collect();
        for lines in again.chunks(LINES) {
            let answer = self.complete(lines.join("\n").as_bytes()).await;
            let counts = answer.expect("an answer").counts();
            assert_eq!(counts, [0, lines.len() as u64, 0, 0], "sent again");
        }
        let events = self.triggers.load(Ordering::SeqCst);
        assert_eq!(
            self.taken_events().await,
            events,
            "events of the good night"
        );
        self.end_night().await;
        assert_eq!(panics(), 0, "something panicked");
        used + events
    }

    /// Two days pass: every timer of the night fires, and what hostile calls began goes on or ends.
    async fn end_night(&self) {
        for _ in 0..2 * 24 * 4 {
            self.app.clock.advance(TimeDelta::minutes(15));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn status(&self) -> Value {
        let path = format!("/status?handoff=beside&game_date={TONIGHT}");
        self.app.get(&path).await.json()
    }

    async fn taken_events(&self) -> usize {
        let path = format!("/history?handoff=beside&game_date={TONIGHT}");
        let history = self.app.get(&path).await.json();
        let entries = history["entries"].as_array().cloned().unwrap_or_default();
        let whys = entries.iter().filter_map(|entry| entry["why"].as_array());
        let codes = whys.flatten().map(|reason| reason["code"].clone());
        codes
            .filter(|code| ["accepted", "merged"].iter().any(|it| code == it))
            .count()
    }
}
