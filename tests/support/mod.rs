//! The service as a test meets it: the real router on a real socket, the real engine, store and warehouse in a folder
//! of its own, a clock that stands until it is moved, and a sink that records.
//!
//! No test belongs here, and nothing that decides.

pub mod slack;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tipoff::{
    channels::console::{Console, LogAnnouncer},
    clock::{Clock, ManualClock},
    config::{self, Environment},
    domain::{
        Instant,
        ids::{GameDate, HandoffId, RunKey},
        routing::Person,
        run::{Run, State},
    },
    engine::{Engine, Handoff, Parts, Telling},
    http::{self, Callers, HandoffRoute, HttpState},
    ports::{Channel, PortError, Request, Sink, store::Store},
    render::Zones,
    store::SqliteStore,
    telemetry::Metrics,
    warehouse::{ContextRow, EmbeddedWarehouse, FeatureRow},
};
use tokio::{net::TcpListener, task::JoinHandle};

mod people;
pub mod rows;
pub mod smtp;

use people::telling_people;
pub use people::{RecordingChannel, routes_over, telling_over};

/// The night of most tests: a game date of the shipped season.
pub const TONIGHT: &str = "2026-01-19";
/// When most tests begin: an hour after the date opened, eight before its deadline.
pub const BEGIN: &str = "2026-01-19T07:00:00Z";
/// The token of services that have one.
pub const TOKEN: &str = "0123456789abcdef";
/// Without a backup a night without data fails half an hour after its trigger, long before the deadline.
pub const EARLY: &str = "[[handoffs]]\nid = \"phase4-to-phase5\"\n[handoffs.schedule]\nbackup = \"none\"\nretries = []\n";
/// How long a test waits for a run's state, on the machine's clock: a disk may stand still for seconds.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn instant(text: &str) -> Instant {
    text.parse().unwrap()
}

pub fn date(text: &str) -> GameDate {
    GameDate(text.parse().unwrap())
}

/// The run of tonight.
pub fn tonight() -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: date(TONIGHT),
    }
}

/// Confirms every request and keeps it.
#[derive(Default)]
pub struct RecordingSink(Mutex<Vec<Request>>);

impl RecordingSink {
    pub fn sent(&self) -> Vec<Request> {
        self.0.lock().unwrap().clone()
    }

    /// What it was sent since the last time, and forgets it.
    #[allow(dead_code)] // Only a long test has to forget.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Sink for RecordingSink {
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>> {
        self.0.lock().unwrap().extend_from_slice(requests);
        requests.iter().map(|_| Ok(())).collect()
    }
}

/// How a service differs from the shipped one.
#[derive(Default)]
pub struct Differs<'a> {
    /// Its configuration file.
    pub config: &'a str,
    /// Whether calls need [`TOKEN`].
    pub token: bool,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The codes of the reasons it gives.
    pub fn codes(&self) -> Vec<String> {
        let why = self.json()["why"].clone();
        let reasons = why.as_array().cloned().unwrap_or_default();
        let code = |reason: &Value| reason["code"].as_str().unwrap_or_default().to_owned();
        reasons.iter().map(code).collect()
    }
}

/// A running service and what it is made of.
pub struct TestApp {
    pub clock: Arc<ManualClock>,
    pub engine: Arc<Engine>,
    pub store: Arc<SqliteStore>,
    pub warehouse: EmbeddedWarehouse,
    pub sink: Arc<RecordingSink>,
    pub folder: TempDir,
    client: reqwest::Client,
    url: String,
    server: JoinHandle<()>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_as(Differs::default()).await
    }

    pub async fn start_as(differs: Differs<'_>) -> Self {
        Self::start_with(differs, None).await
    }

    /// A service that tells its people over these channels, all of them at once, with links that lead to it.
    pub async fn start_telling(
        config: &str,
        channels: &[(&str, Arc<dyn Channel>)],
        people: Vec<Person>,
    ) -> Self {
        let telling = telling_people(channels, people);
        let differs = Differs {
            config,
            token: false,
        };
        Self::start_with(differs, Some(telling)).await
    }

    async fn start_with(differs: Differs<'_>, telling: Option<Telling>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(instant(BEGIN)));
        let token = differs
            .token
            .then(|| ("TIPOFF_TOKEN".to_owned(), TOKEN.to_owned()));
        let config = config::parse(differs.config, folder.path(), &Environment::of(token)).unwrap();
        let store = Arc::new(
            SqliteStore::open(&folder.path().join("state.sqlite"))
                .await
                .unwrap(),
        );
        let warehouse = EmbeddedWarehouse::open(&folder.path().join("warehouse"))
            .await
            .unwrap();
        let sink = Arc::new(RecordingSink::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut parts = parts(&config, (&store, &warehouse, &sink), clock.clone());
        if let Some(telling) = telling {
            parts.telling = telling;
            parts.telling.addresses.public = Some(url.clone());
            for handoff in &mut parts.handoffs {
                handoff.routes = parts.telling.routes.clone();
            }
        }
        let engine = Arc::new(Engine::start(parts).await.unwrap());
        // Tonight is open before the first call.
        engine.tick().await.unwrap();
        let routes = config.handoffs.iter().map(HandoffRoute::from).collect();
        let callers = Callers {
            token: config.token,
            tokens: config.tokens,
            accounts: None,
        };
        let router = http::router(HttpState::new(engine.clone(), routes, callers));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            clock,
            engine,
            store,
            warehouse,
            sink,
            folder,
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            url,
            server,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Posts these bytes and says nothing of their type.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.answer(self.request(Method::POST, path).body(body))
            .await
    }

    pub async fn post_json(&self, path: &str, body: Value) -> Answer {
        self.post(path, body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.answer(self.request(Method::DELETE, path)).await
    }

    /// The quarantine as it is listed.
    pub async fn quarantine(&self) -> Vec<Value> {
        let listed = self.get("/quarantine").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.json().as_array().unwrap().clone()
    }

    /// The reasons of a night's history, by name.
    pub async fn history_codes(&self, game_date: &str) -> Vec<String> {
        let history = self
            .get(&format!("/history?game_date={game_date}"))
            .await
            .json();
        let entries = history["entries"].as_array().cloned().unwrap_or_default();
        let reasons = entries.iter().flat_map(|entry| {
            let why = entry["why"].as_array().cloned().unwrap_or_default();
            why.into_iter()
                .map(|reason| reason["code"].as_str().unwrap().to_owned())
        });
        reasons.collect()
    }

    /// Tonight's run.
    pub async fn run(&self) -> Run {
        self.store.run(&tonight()).await.unwrap().unwrap()
    }

    /// Lets time pass until tonight's run is in this state.
    pub async fn until(&self, state: State) -> Run {
        self.until_so(|run| run.state == state).await
    }

    /// Lets time pass until this holds of tonight's run.
    pub async fn until_so(&self, holds: impl Fn(&Run) -> bool) -> Run {
        self.until_of(&tonight(), holds).await
    }

    /// Lets time pass until there is this run and this holds of it.
    pub async fn until_of(&self, key: &RunKey, holds: impl Fn(&Run) -> bool) -> Run {
        let reached = async {
            loop {
                let run = self.store.run(key).await.unwrap();
                if let Some(run) = run.filter(&holds) {
                    return run;
                }
                self.pass().await;
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(run) => run,
            Err(_) => panic!(
                "what is waited for never holds: {:?}",
                self.store.run(key).await
            ),
        }
    }

    /// Lets a fifth of a second pass, once the engine has done what was due: a commit may take as long as an hour of
    /// looks.
    pub async fn pass(&self) {
        let next_wake_at = self.store.queues().await.unwrap().next_wake_at;
        if next_wake_at.is_none_or(|at| at > self.clock.now()) {
            self.clock.advance(TimeDelta::milliseconds(200));
        }
        tokio::task::yield_now().await;
    }

    /// Does something to the store's file behind its back.
    pub async fn run_sql(&self, statement: &'static str) {
        let options = SqliteConnectOptions::new().filename(self.folder.path().join("state.sqlite"));
        let mut connection = options.connect().await.unwrap();
        connection.execute(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Lists these players for tonight with a ready feature row each.
    pub async fn list(&self, players: &[&str]) {
        let contexts: Vec<ContextRow> = players.iter().map(|player| context(player)).collect();
        let features: Vec<FeatureRow> = players
            .iter()
            .map(|player| feature(player, self.clock.now()))
            .collect();
        self.warehouse.put_contexts(&contexts).await.unwrap();
        self.warehouse.put_features(&features).await.unwrap();
    }

    /// Starts tonight for these players and lets it go until all are sent.
    pub async fn send_out(&self, players: &[&str]) -> Run {
        self.list(players).await;
        let started = self.post("/trigger", event().to_string()).await;
        assert_eq!(started.status, 202, "{started:?}");
        self.until(State::Running).await
    }
}

fn parts(
    config: &config::Config,
    (store, warehouse, sink): (&Arc<SqliteStore>, &EmbeddedWarehouse, &Arc<RecordingSink>),
    clock: Arc<ManualClock>,
) -> Parts {
    let handoffs: Vec<Handoff> = config
        .handoffs
        .iter()
        .map(|handoff| Handoff {
            id: handoff.id.clone(),
            policy: handoff.policy.clone(),
            season: handoff.season.clone(),
            warehouse: Arc::new(warehouse.clone()),
            sink: sink.clone(),
            routes: routes_over("console"),
            timetable: None,
        })
        .collect();
    let ids: Vec<HandoffId> = handoffs.iter().map(|handoff| handoff.id.clone()).collect();
    let first = &handoffs[0].policy;
    let zones = Zones {
        schedule: first.schedule.zone,
        calendar: first.calendar_zone,
    };
    Parts {
        store: store.clone(),
        clock: clock.clone(),
        handoffs,
        announcer: Arc::new(LogAnnouncer),
        telling: telling_over(
            "console",
            Arc::new(Console {
                zones,
                print: false,
                clock: clock.clone(),
            }),
        ),
        examining: None,
        beating: None,
        metrics: Arc::new(Metrics::new(&ids, &[])),
    }
}

/// A player who is listed for tonight.
pub fn context(player: &str) -> ContextRow {
    rows::context(player, date(TONIGHT))
}

/// A player's ready features.
pub fn feature(player: &str, updated_at: Instant) -> FeatureRow {
    rows::feature(&context(player), updated_at)
}

/// The upstream's completion in the platform's envelope, for tonight.
pub fn event() -> Value {
    json!({
        "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
        "game_date": TONIGHT, "status": "success", "timestamp": "2026-01-19T06:58:00Z",
    })
}

/// The event with one field changed.
pub fn event_with(field: &str, value: Value) -> Value {
    let mut event = event();
    event[field] = value;
    event
}

/// A completion of tonight.
pub fn completion(player: &str) -> Value {
    json!({"player_lookup": player, "game_date": TONIGHT, "predictions_generated": 5})
}

/// A Pub/Sub push of these bytes.
pub fn push(message_id: &str, subscription: &str, data: &[u8]) -> Value {
    json!({
        "message": {
            "data": STANDARD.encode(data), "messageId": message_id, "publishTime": "2026-01-19T06:59:00Z",
            "attributes": {},
        },
        "subscription": format!("projects/nba-props-platform/subscriptions/{subscription}"),
    })
}

/// The push that starts tonight.
pub fn trigger_push(message_id: &str, event: &Value) -> Value {
    push(
        message_id,
        "nba-phase5-trigger-sub",
        event.to_string().as_bytes(),
    )
}

/// Whether the sender of a push takes this answer for "do not send it again".
pub fn acknowledges(answer: &Answer) -> bool {
    // https://cloud.google.com/pubsub/docs/push#receive_push: these and no other.
    [102, 200, 201, 202, 204].contains(&answer.status)
}
