//! One night of the whole service: put together on a socket of its own, and moved through time step by step.
//!
//! What happens in it, and what is expected of it, belongs to the scenarios.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{
    ConnectOptions, Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, ManualClock},
    config::{self, Environment},
    domain::{
        Instant,
        alert::{Change, Kind},
        ids::{GameDate, HandoffId},
    },
    engine::{Engine, Parts, Telling},
    http::{self, Callers, HandoffRoute, HttpState},
    sinks::local::{Behaviour, LocalWorkers},
    store::SqliteStore,
    telemetry::Metrics,
    warehouse::{ContextRow, EmbeddedWarehouse},
};
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

use super::{
    parts::{handoffs, workers},
    slate,
    witness::{Downstream, Ears, Heard, Post, Tables},
};
use crate::support::{Answer, date, instant, rows, telling_over};

/// The night of most scenarios: a Monday in January, its deadline at 15:00 UTC.
pub const TONIGHT: &str = "2026-01-19";
/// When most of them begin: 23:00 Pacific, two hours after the date opened.
const BEGIN: &str = "2026-01-19T07:00:00Z";
/// What counts as work under way, beside sending, which waits for the clock.
const BUSY: &str = "
    SELECT (SELECT count(*) FROM runs WHERE next_wake_at <= $1)
        + (SELECT count(*) FROM outbox
            WHERE dead = 0 AND due_at <= $1 AND json_type(body, '$.effect.send') IS NULL)
        + (SELECT count(*) FROM deliveries WHERE state = 'waiting' AND due_at <= $1)
        + (SELECT count(*) FROM units WHERE lease_until > 0) AS busy";
/// When something is due next, and how closely time has to be watched until then.
const NEXT: &str = "
    SELECT (SELECT min(at) FROM (
            SELECT next_wake_at AS at FROM runs UNION ALL SELECT due_at FROM outbox WHERE dead = 0)
            WHERE at > $1) AS next_at,
        (SELECT count(*) FROM runs WHERE state = 'dispatching') AS sending,
        (SELECT count(*) FROM units WHERE phase = 'sent') AS flying";
/// Looks at a service that does not come to rest: half a minute, for a disk may stand still for seconds.
const LOOKS_MAX: usize = 30_000;

/// How a night differs from the usual one.
pub struct Plan<'a> {
    /// The service's configuration file.
    pub config: &'a str,
    /// The game date.
    pub game_date: &'a str,
    /// When the service starts.
    pub begin: &'a str,
    /// How the built-in workers behave; `None`: requests are only kept, and the scenario answers.
    pub workers: Option<Behaviour>,
    /// How people are reached; `None`: over the ears.
    pub telling: Option<Telling>,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            config: "",
            game_date: TONIGHT,
            begin: BEGIN,
            workers: None,
            telling: None,
        }
    }
}

/// A service in its night.
pub struct Night {
    pub clock: Arc<ManualClock>,
    pub tables: Arc<Tables>,
    pub post: Arc<Post>,
    pub ears: Arc<Ears>,
    pub downstream: Arc<Downstream>,
    pub game_date: GameDate,
    /// Kept for the scenarios that change how they behave.
    pub workers: Option<Arc<LocalWorkers>>,
    pub engine: Arc<Engine>,
    store_file: Mutex<SqliteConnection>,
    client: reqwest::Client,
    url: String,
    server: JoinHandle<()>,
    folder: TempDir,
}

impl Drop for Night {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Night {
    /// The usual night, with built-in workers that do what they should.
    pub async fn begin() -> Self {
        Self::begin_as(Plan {
            workers: Some(Behaviour::default()),
            ..Plan::default()
        })
        .await
    }

    /// The usual night; the scenario answers for the workers.
    pub async fn begin_alone() -> Self {
        Self::begin_as(Plan::default()).await
    }

    pub async fn begin_as(plan: Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(instant(plan.begin)));
        let config = config::parse(plan.config, folder.path(), &Environment::default()).unwrap();
        let file = folder.path().join("state.sqlite");
        let store = Arc::new(SqliteStore::open(&file).await.unwrap());
        let inner = EmbeddedWarehouse::open(&folder.path().join("warehouse"))
            .await
            .unwrap();
        let tables = Arc::new(Tables::new(inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let workers = plan
            .workers
            .map(|behaviour| Arc::new(workers(behaviour, &url, (&tables, &clock))));
        let post = Arc::new(Post::new(clock.clone(), workers.clone()));
        let (ears, downstream) = (Arc::new(Ears::default()), Arc::new(Downstream::default()));
        let ids: Vec<HandoffId> = config.handoffs.iter().map(|it| it.id.clone()).collect();
        let metrics = Arc::new(Metrics::new(&ids, &["player_injury_out".to_owned()]));
        let telling = plan.telling;
        let telling = telling.unwrap_or_else(|| telling_over("ears", ears.clone()));
        let parts = Parts {
            store,
            clock: clock.clone(),
            handoffs: handoffs(&config, (&tables, &post, &metrics), &telling.routes),
            announcer: downstream.clone(),
            telling,
            examining: None,
            beating: None,
            metrics,
        };
        let engine = Arc::new(Engine::start(parts).await.unwrap());
        let routes = config.handoffs.iter().map(HandoffRoute::from).collect();
        let callers = Callers {
            token: config.token,
            tokens: config.tokens,
            accounts: None,
        };
        let router = http::router(HttpState::new(engine.clone(), routes, callers));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let night = Self {
            clock,
            tables,
            post,
            ears,
            downstream,
            game_date: date(plan.game_date),
            workers,
            engine,
            store_file: Mutex::new(open(&file).await),
            client: reqwest::Client::new(),
            url,
            server,
            folder,
        };
        night.engine.tick().await.unwrap();
        night.rest().await;
        night
    }

    // What the upstream does.

    /// Lists so many players in so many games, each with a ready feature row, and records the upstream's finish now.
    pub async fn fill(&self, count: usize, games: usize) -> Vec<String> {
        let players = slate::players(count);
        let contexts = self.list(&players, games).await;
        self.feature(&contexts, true).await;
        self.finish_upstream().await;
        players
    }

    /// Lists players of the night.
    pub async fn list(&self, players: &[String], games: usize) -> Vec<ContextRow> {
        let contexts = slate::contexts(players, games, self.game_date);
        self.tables.inner.put_contexts(&contexts).await.unwrap();
        contexts
    }

    /// Writes feature rows of listed players now.
    pub async fn feature(&self, contexts: &[ContextRow], ready: bool) {
        let rows = slate::features(contexts, ready, self.clock.now());
        self.tables.inner.put_features(&rows).await.unwrap();
    }

    /// Records in the run history that the upstream finished now.
    pub async fn finish_upstream(&self) {
        let row = rows::upstream_run(self.game_date, self.clock.now());
        self.tables.inner.put_run_history(&[row]).await.unwrap();
    }

    /// Stores prediction rows of these players now.
    pub async fn store_rows(&self, players: &[String]) {
        let rows = slate::predictions(players, self.game_date, self.clock.now());
        self.tables.inner.insert_predictions(&rows).await.unwrap();
    }

    /// The upstream's event, as of now.
    pub fn event(&self) -> Value {
        json!({
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
            "game_date": self.game_date.to_string(), "status": "success",
            "timestamp": self.clock.now().to_rfc3339(),
        })
    }

    /// Fills the tables, lets the event come, and goes on until everything is sent.
    pub async fn send_out(&self, count: usize, games: usize) -> Vec<String> {
        let players = self.fill(count, games).await;
        let answer = self.post("/trigger", self.event()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        self.until_state("running").await;
        players
    }

    // What workers and people do.

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.client.request(Method::POST, self.path(path));
        let response = request.body(body.to_string()).send().await.unwrap();
        read(response).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        read(self.client.get(self.path(path)).send().await.unwrap()).await
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// One completion as a worker posts it.
    pub fn completion(&self, player: &str) -> Value {
        json!({
            "player_lookup": player, "game_date": self.game_date.to_string(), "predictions_generated": 5,
        })
    }

    /// A skip for that reason.
    pub fn skip(&self, player: &str, reason: &str) -> Value {
        let mut completion = self.completion(player);
        completion["predictions_generated"] = json!(0);
        completion["outcome"] = json!("skipped");
        completion["reason"] = json!(reason);
        completion
    }

    /// Stores a row of each player and answers for all of them in one body.
    pub async fn answer_for(&self, players: &[String]) -> Value {
        self.store_rows(players).await;
        let lines: Vec<String> = players
            .iter()
            .map(|player| self.completion(player).to_string())
            .collect();
        let request = self.client.post(self.path("/complete"));
        let answer = read(request.body(lines.join("\n")).send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.rest().await;
        answer.json()
    }

    // What a person sees.

    /// The time.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The states of the service's own rows in the run history of the night.
    pub async fn own_rows(&self) -> Vec<String> {
        let sql = format!(
            "SELECT status FROM nba_reference.processor_run_history
            WHERE processor_name = 'phase5_coordinator' AND data_date = '{}'",
            self.game_date
        );
        let rows = self.tables.inner.query(&sql).await.unwrap().rows;
        rows.iter()
            .map(|row| row[0].as_str().unwrap().to_owned())
            .collect()
    }

    /// Where the tables are kept.
    pub fn warehouse_folder(&self) -> PathBuf {
        self.folder.path().join("warehouse")
    }

    pub async fn status(&self) -> Value {
        let answer = self
            .get(&format!("/status?game_date={}", self.game_date))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// One of the counts of `/status`.
    pub async fn count(&self, name: &str) -> u64 {
        let status = self.status().await;
        status["counts"][name].as_u64().unwrap()
    }

    /// The reasons of the night's history with their texts, earliest first.
    pub async fn why(&self) -> Vec<(String, String)> {
        let path = format!("/history?game_date={}", self.game_date);
        let history = self.get(&path).await.json();
        let entries = history["entries"].as_array().cloned().unwrap_or_default();
        let reasons = entries.iter().flat_map(|entry| {
            let why = entry["why"].as_array().cloned().unwrap_or_default();
            why.into_iter().map(|reason| {
                let text = |name: &str| reason[name].as_str().unwrap().to_owned();
                (text("code"), text("text"))
            })
        });
        reasons.collect()
    }

    /// How often that reason stands in the history.
    pub async fn times(&self, code: &str) -> usize {
        let why = self.why().await;
        why.iter().filter(|(given, _)| given == code).count()
    }

    /// A metric's value, by its name and part of its labels; the sum over all that fit.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.get("/metrics").await.text;
        let fits = |line: &&str| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label))
        };
        let values: Vec<f64> = text
            .lines()
            .filter(fits)
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        assert!(!values.is_empty(), "no {name} with {labels:?}");
        values.iter().sum()
    }

    /// What people were told of one kind of alert.
    pub fn told(&self, kind: Kind) -> Vec<Heard> {
        let mut heard = self.ears.heard();
        heard.retain(|heard| heard.kind == kind);
        heard
    }

    /// When an alert of that kind was first told, with what severity, if it was.
    pub fn opened(&self, kind: Kind) -> Option<Heard> {
        let mut told = self.told(kind).into_iter();
        told.find(|heard| heard.change == Change::Opened)
    }

    // How time passes.

    /// Lets so much time pass, stopping wherever something is due.
    pub async fn pass(&self, time: TimeDelta) {
        self.pass_to(self.clock.now() + time).await;
    }

    /// Lets time pass until that instant.
    pub async fn pass_until(&self, text: &str) {
        self.pass_to(instant(text)).await;
    }

    async fn pass_to(&self, at: Instant) {
        self.rest().await;
        while self.clock.now() < at {
            self.step(at).await;
        }
    }

    /// Lets time pass until the night is in that state: for twelve hours at most. Looks into the store on the way,
    /// as `/status` with its whole history takes longer.
    pub async fn until_state(&self, state: &str) -> Value {
        let end = self.clock.now() + TimeDelta::hours(12);
        self.rest().await;
        while self.state().await != state {
            let passed = self.clock.now() >= end;
            assert!(!passed, "never {state}: {:#?}", self.why().await);
            self.step(end).await;
        }
        self.status().await
    }

    async fn state(&self) -> String {
        let mut connection = self.store_file.lock().await;
        let query = sqlx::query("SELECT state FROM runs WHERE game_date = $1");
        let query = query.bind(self.game_date.to_string());
        let row = query.fetch_one(&mut *connection).await.unwrap();
        row.get("state")
    }

    /// Lets time pass until `/status` is as wanted: for twelve hours at most.
    pub async fn until(&self, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let end = self.clock.now() + TimeDelta::hours(12);
        self.rest().await;
        while self.clock.now() < end {
            let status = self.status().await;
            if wanted(&status) {
                return status;
            }
            self.step(end).await;
        }
        panic!("it never came to that: {:#?}", self.why().await);
    }

    /// Moves the clock to where something may happen next, and waits until it has.
    async fn step(&self, end: Instant) {
        let now = self.clock.now();
        let row = self.ask(NEXT, now).await;
        let next: Option<i64> = row.get("next_at");
        let (sending, flying): (i64, i64) = (row.get("sending"), row.get("flying"));
        let longest = if sending > 0 {
            TimeDelta::milliseconds(500)
        } else if flying > 0 && self.workers.is_some() {
            TimeDelta::seconds(5)
        } else {
            TimeDelta::minutes(10)
        };
        let due = next.and_then(DateTime::from_timestamp_micros);
        let next = due.unwrap_or(end).min(now + longest).min(end);
        self.clock.set(next);
        self.rest().await;
    }

    /// Waits until nothing is under way: the one place that waits for real time.
    pub async fn rest(&self) {
        let mut quiet = 0;
        for _ in 0..LOOKS_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let busy: i64 = self.ask(BUSY, self.clock.now()).await.get("busy");
            quiet = if busy == 0 { quiet + 1 } else { 0 };
            if quiet == 2 {
                return;
            }
        }
        panic!("no rest at {}: {:#?}", self.clock.now(), self.why().await);
    }

    async fn ask(&self, sql: &'static str, now: Instant) -> sqlx::sqlite::SqliteRow {
        let mut connection = self.store_file.lock().await;
        let query = sqlx::query(sql).bind(now.timestamp_micros());
        query.fetch_one(&mut *connection).await.unwrap()
    }

    /// How many units the store knows.
    pub async fn units(&self) -> i64 {
        let sql = "SELECT count(*) AS units FROM units WHERE $1 IS NOT NULL";
        self.ask(sql, self.clock.now()).await.get("units")
    }

    /// Does something to the store's file behind its back.
    pub async fn run_sql(&self, statement: &'static str) {
        let mut connection = self.store_file.lock().await;
        connection.execute(statement).await.unwrap();
    }
}

async fn open(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(Duration::from_secs(10));
    let mut connection = options.connect().await.unwrap();
    connection.ping().await.unwrap();
    connection
}

async fn read(response: reqwest::Response) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}
