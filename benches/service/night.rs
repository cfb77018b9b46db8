//! One night around the program: its tables, its sink, its event, its answers, its end.
//!
//! What stands in the tables belongs to `tables`; what the answers cost to `completions`.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use chrono::Timelike;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, SystemClock},
    domain::{ids::GameDate, zone::Zone},
    warehouse::EmbeddedWarehouse,
};
use tokio::{net::TcpListener, sync::Notify};

use super::{load::Connection, program::Program, rows, tables};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// Completions of a body.
pub const BODY: usize = 1_000;

/// What an answer needs of a request.
#[derive(Debug, Clone, Deserialize)]
pub struct Asked {
    player_lookup: Box<str>,
    batch_id: Box<str>,
    request_id: Box<str>,
}

/// What the sink has taken.
#[derive(Default)]
pub struct Taken {
    first_at: Mutex<Option<Instant>>,
    requests: Mutex<Vec<Asked>>,
    came: Notify,
}

/// A night whose upstream has finished and said nothing yet.
pub struct Night {
    /// The program.
    pub program: Program,
    /// Its files.
    pub folder: TempDir,
    /// Its date.
    pub game_date: GameDate,
    warehouse: EmbeddedWarehouse,
    taken: Arc<Taken>,
}

/// How long after the event was posted something had happened.
pub struct Times {
    /// The durable answer.
    pub answered: Duration,
    /// The first unit at the sink.
    pub first: Duration,
    /// The last one.
    pub last: Duration,
}

async fn take(State(taken): State<Arc<Taken>>, body: Bytes) {
    let mut first_at = taken.first_at.lock().expect("the sink's time");
    first_at.get_or_insert_with(Instant::now);
    drop(first_at);
    let came: Vec<Asked> = match body.first() {
        Some(b'[') => serde_json::from_slice(&body).expect("requests"),
        _ => vec![serde_json::from_slice(&body).expect("a request")],
    };
    taken.requests.lock().expect("requests").extend(came);
    taken.came.notify_one();
}

async fn sink(taken: Arc<Taken>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("a bound socket");
    let router = Router::new().route("/", post(take)).with_state(taken);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

impl Night {
    /// A night of so many ready units, with so many requests to a call.
    pub async fn begin(units: usize, batch: usize) -> Self {
        Self::of_many(units, (1, batch)).await
    }

    /// The same with so many handoffs on the same tables.
    pub async fn of_many(units: usize, (handoffs, batch): (usize, usize)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hours = 12 - i64::from(SystemClock.now().hour());
        let zone = format!("{hours:+03}:00");
        let taken = Arc::new(Taken::default());
        let config = tables::config(&zone, &sink(taken.clone()).await, (handoffs, batch));
        std::fs::write(folder.path().join("tipoff.toml"), config).expect("a configuration");
        let zone: Zone = zone.parse().expect("a zone");
        let game_date = zone.date(SystemClock.now());
        let warehouse = EmbeddedWarehouse::open(&folder.path().join("data/warehouse")).await;
        let warehouse = warehouse.expect("a warehouse");
        tables::fill(&warehouse, units, game_date).await;
        Self {
            program: Program::start(folder.path()).await,
            folder,
            game_date,
            warehouse,
            taken,
        }
    }

    /// Connects to the program.
    pub async fn connect(&self) -> Connection {
        Connection::open(&self.program.address).await
    }

    /// Says that the upstream is complete; returns what was sent to the sink once all of it was, and how long things
    /// took since the event was posted.
    pub async fn send(&self, units: usize) -> (Vec<Asked>, Times) {
        self.send_of(0, units).await
    }

    /// The same of the handoff of this number.
    pub async fn send_of(&self, number: usize, units: usize) -> (Vec<Asked>, Times) {
        let path = format!("/trigger?handoff={}", tables::handoff(number));
        *self.taken.first_at.lock().expect("the first") = None;
        let event = json!({
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
            "game_date": self.game_date, "status": "success", "timestamp": SystemClock.now().to_rfc3339(),
        });
        let mut connection = self.connect().await;
        let since = Instant::now();
        connection.post(&path, event.to_string().as_bytes()).await;
        let answered = since.elapsed();
        let all = async {
            while self.taken.requests.lock().expect("requests").len() < units {
                self.taken.came.notified().await;
            }
        };
        let all = tokio::time::timeout(PATIENCE, all).await;
        all.expect("all units sent");
        let last = since.elapsed();
        let first_at = self.taken.first_at.lock().expect("the first");
        let first = first_at.expect("a first") - since;
        drop(first_at);
        let requests = std::mem::take(&mut *self.taken.requests.lock().expect("requests"));
        let times = Times {
            answered,
            first,
            last,
        };
        (requests, times)
    }

    /// What the workers write before they answer: every other unit gets a row.
    pub async fn write_rows(&self, requests: &[Asked]) {
        let predicted = requests.iter().step_by(2);
        let rows: Vec<_> = predicted
            .map(|asked| rows::prediction(&asked.player_lookup, self.game_date, SystemClock.now()))
            .collect();
        let written = self.warehouse.insert_predictions(&rows).await;
        written.expect("rows");
    }

    /// The answers to requests, a line each: every other unit is predicted, the rest skipped for good.
    pub fn answers(&self, requests: &[Asked]) -> Vec<String> {
        let lines = requests.iter().enumerate();
        let line = |(place, asked): (usize, &Asked)| {
            let (count, outcome) = match place % 2 {
                0 => (2, "predicted"),
                _ => (0, "skipped"),
            };
            json!({
                "player_lookup": asked.player_lookup, "game_date": self.game_date,
                "predictions_generated": count, "outcome": outcome, "reason": SKIP,
                "batch_id": asked.batch_id, "request_id": asked.request_id,
                "timestamp": SystemClock.now().to_rfc3339(),
            })
            .to_string()
        };
        lines.map(line).collect()
    }

    /// The whole night: event, units, rows, answers in bodies, until the run is complete.
    pub async fn play(&self, units: usize) -> (Times, Duration) {
        let since = Instant::now();
        let (requests, times) = self.send(units).await;
        for part in requests.chunks(50 * BODY) {
            self.write_rows(part).await;
            let mut connection = self.connect().await;
            for lines in self.answers(part).chunks(BODY) {
                let body = lines.join("\n");
                connection.post("/complete", body.as_bytes()).await;
            }
        }
        self.until_complete(units, since).await;
        (times, since.elapsed())
    }

    async fn until_complete(&self, units: usize, since: Instant) {
        let mut connection = self.connect().await;
        let path = format!("/status?date={}", self.game_date);
        loop {
            let status = connection.get(&path).await;
            let status: Value = serde_json::from_str(&status).expect("JSON");
            if status["state"] == "complete" {
                let counts = &status["counts"];
                assert_eq!(counts["dispatched"], units, "all were sent: {status:#}");
                let done = counts["predicted"].as_u64().unwrap_or_default()
                    + counts["skipped"].as_u64().unwrap_or_default();
                assert_eq!(done, units as u64, "all were answered: {status:#}");
                return;
            }
            assert!(since.elapsed() < PATIENCE, "never complete: {status:#}");
            let pause = if units > BODY { 50 } else { 1 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Ends the program and the night's connections; the files stay.
    pub async fn end(self) -> TempDir {
        drop(self.program);
        self.warehouse.close().await;
        self.folder
    }
}

/// A reason for which no further try makes sense.
const SKIP: &str = "no_historical_data";
