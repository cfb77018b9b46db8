//! One night around the program: its tables, its sink, its event.
//!
//! What the answers cost belongs to `completions`.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use chrono::{TimeDelta, Timelike};
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, SystemClock},
    domain::{
        ids::{GameDate, GameId, UnitId},
        zone::Zone,
    },
    warehouse::{ContextRow, EmbeddedWarehouse, FeatureRow, RunHistoryRow},
};
use tokio::{net::TcpListener, sync::Notify};

use super::{load::Connection, program::Program};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Games of a night.
const GAMES: usize = 12;

/// What the sink has taken.
#[derive(Default)]
pub struct Taken {
    first_at: Mutex<Option<Instant>>,
    requests: Mutex<Vec<Value>>,
    came: Notify,
}

/// A night whose upstream has finished and said nothing yet.
pub struct Night {
    /// The program.
    pub program: Program,
    game_date: GameDate,
    taken: Arc<Taken>,
    _folder: TempDir,
}

async fn take(State(taken): State<Arc<Taken>>, body: Bytes) {
    let mut first_at = taken.first_at.lock().expect("the sink's time");
    first_at.get_or_insert_with(Instant::now);
    drop(first_at);
    let mut requests = taken.requests.lock().expect("the sink's requests");
    requests.extend(
        body.split(|byte| *byte == b'\n')
            .flat_map(serde_json::from_slice),
    );
    drop(requests);
    taken.came.notify_one();
}

async fn sink(taken: Arc<Taken>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("a bound socket");
    let router = Router::new().route("/", post(take)).with_state(taken);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

/// The configuration: the shipped handoff past noon, with no pace.
fn config(zone: &str, sink: &str) -> String {
    format!(
        r#"
[listen]
port = 0
[doctor]
enabled = false
[[handoffs]]
id = "phase4-to-phase5"
calendar_zone = "{zone}"
season = "none"
sink = {{ http = {{ url = "{sink}" }} }}
[handoffs.schedule]
zone = "{zone}"
deadline = "17:00"
backup = "16:00"
retries = ["16:15", "16:30"]
[handoffs.pace]
start_per_second = 1000000.0
full_per_second = 1000000.0
in_flight_max = 2000000
"#
    )
}

fn context(number: usize, game_date: GameDate) -> ContextRow {
    ContextRow {
        player_lookup: UnitId::new(format!("player{number:07}")),
        game_id: GameId::new(format!("game{}", number % GAMES)),
        game_date,
        team_abbr: "LAL".to_owned(),
        opponent_team_abbr: "DEN".to_owned(),
        home_game: true,
        has_prop_line: true,
        current_points_line: Some(24.5),
        avg_minutes_per_game_last_7: Some(31.0),
        player_status: "active".to_owned(),
    }
}

fn feature(context: &ContextRow) -> FeatureRow {
    FeatureRow {
        player_lookup: context.player_lookup.clone(),
        game_date: context.game_date,
        game_id: context.game_id.clone(),
        is_production_ready: true,
        feature_quality_score: Some(88.0),
        feature_version: "v2".to_owned(),
        data_quality_issues: Vec::new(),
        circuit_breaker_active: false,
        updated_at: SystemClock.now(),
    }
}

fn upstream_run(units: usize, game_date: GameDate) -> RunHistoryRow {
    let now = SystemClock.now();
    RunHistoryRow {
        processor_name: "MLFeatureStoreProcessor".to_owned(),
        run_id: "upstream-1".to_owned(),
        data_date: game_date,
        status: "success".to_owned(),
        records_processed: Some(units as u64),
        started_at: now - TimeDelta::minutes(20),
        processed_at: Some(now),
        triggered_by: None,
        trigger_source: None,
        trigger_message_id: None,
        duration_seconds: Some(1_200.0),
        phase: "phase_4_precompute".to_owned(),
        summary: Value::Null,
        errors: Value::Null,
    }
}

impl Night {
    /// A night of so many ready units.
    pub async fn begin(units: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hours = 12 - i64::from(SystemClock.now().hour());
        let zone = format!("{hours:+03}:00");
        let taken = Arc::new(Taken::default());
        let config = config(&zone, &sink(taken.clone()).await);
        std::fs::write(folder.path().join("tipoff.toml"), config).expect("a configuration");
        let zone: Zone = zone.parse().expect("a zone");
        let game_date = zone.date(SystemClock.now());
        let warehouse = EmbeddedWarehouse::open(&folder.path().join("data/warehouse")).await;
        let warehouse = warehouse.expect("a warehouse");
        let contexts: Vec<_> = (0..units).map(|it| context(it, game_date)).collect();
        let features: Vec<_> = contexts.iter().map(feature).collect();
        warehouse.put_contexts(&contexts).await.expect("contexts");
        warehouse.put_features(&features).await.expect("features");
        let run = upstream_run(units, game_date);
        warehouse.put_run_history(&[run]).await.expect("its run");
        warehouse.close().await;
        Self {
            program: Program::start(folder.path()),
            game_date,
            taken,
            _folder: folder,
        }
    }

    /// Asks for something and returns what it says.
    pub async fn get(&self, path: &str) -> String {
        let mut connection = Connection::open(&self.program.address).await;
        connection.get(path).await
    }

    /// Says that the upstream is complete; returns what was sent to the sink, in order, once all of it was, and how
    /// long the durable answer, the first unit and the last one took.
    pub async fn send(&self, units: usize) -> (Vec<Value>, [Duration; 3]) {
        let event = json!({
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
            "game_date": self.game_date, "status": "success", "timestamp": SystemClock.now().to_rfc3339(),
        });
        let mut connection = Connection::open(&self.program.address).await;
        let since = Instant::now();
        connection
            .post("/trigger", event.to_string().as_bytes())
            .await;
        let answered = since.elapsed();
        let all = async {
            while self.taken.requests.lock().expect("requests").len() < units {
                self.taken.came.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .expect("all units sent");
        let last = since.elapsed();
        let first_at = self
            .taken
            .first_at
            .lock()
            .expect("the first")
            .expect("a first");
        let requests = self.taken.requests.lock().expect("requests").clone();
        (requests, [answered, first_at - since, last])
    }

    /// The whole night: event, units, answers, until the run waits for none.
    pub async fn play(&self) -> (Duration, Duration, Duration) {
        let since = Instant::now();
        let (requests, [answered, first, _]) = self.send(super::NIGHT_UNITS).await;
        let body: Vec<_> = requests.iter().map(completion).collect();
        let mut connection = Connection::open(&self.program.address).await;
        connection
            .post("/complete", body.join("\n").as_bytes())
            .await;
        loop {
            let path = format!("/status?date={}", self.game_date);
            let status: Value = serde_json::from_str(&connection.get(&path).await).expect("JSON");
            let counts = &status["counts"];
            if counts["outstanding"] == 0 && counts["predicted"] == requests.len() {
                return (answered, first, since.elapsed());
            }
            assert!(since.elapsed() < PATIENCE, "never answered: {status:#}");
        }
    }
}

/// The answer to a request, as a worker writes it.
pub fn completion(request: &Value) -> String {
    json!({
        "player_lookup": request["player_lookup"], "game_date": request["game_date"],
        "predictions_generated": 2, "batch_id": request["batch_id"],
        "timestamp": SystemClock.now().to_rfc3339(), "request_id": request["request_id"],
    })
    .to_string()
}
