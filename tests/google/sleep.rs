//! A service that sleeps: it is there only while a call is answered, and a scheduler's tick every five minutes is all
//! that lets time pass. What it loses is at most those five minutes.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::WarpClock,
    commands::serve::{App, Setup},
    config::{self, Environment},
    domain::Instant,
    warehouse::{EmbeddedWarehouse, Format},
};
use tokio::net::TcpListener;

use crate::slate;

const NIGHT: &str = "2026-01-19";
/// The first and the last tick of the frugal profile: every five minutes from 0 to 7 o'clock Pacific.
const FIRST_TICK: &str = "2026-01-19T08:00:00Z";
const LAST_TICK: &str = "2026-01-19T15:55:00Z";
const DEADLINE: &str = "2026-01-19T15:00:00Z";

fn instant(text: &str) -> Instant {
    text.parse().unwrap()
}

type Sent = Arc<Mutex<Vec<Value>>>;

/// Workers that take requests and are asked later what they answer.
async fn workers() -> (String, Sent) {
    let sent = Sent::default();
    let take = |State(sent): State<Sent>, Json(batch): Json<Vec<Value>>| async move {
        sent.lock().unwrap().extend(batch);
        StatusCode::OK
    };
    let router = Router::new()
        .route("/requests", post(take))
        .with_state(sent.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/requests", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, sent)
}

struct Sleeper {
    folder: TempDir,
    text: String,
    warehouse: EmbeddedWarehouse,
    sent: Sent,
}

impl Sleeper {
    async fn new() -> Self {
        let (url, sent) = workers().await;
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[[handoffs]]\nid = \"phase4-to-phase5\"\n\
             sink = {{ http = {{ url = \"{url}\", batch = 100 }} }}\n\
             [handoffs.pace]\nstart_per_second = 1000.0\nfull_per_second = 1000.0\n"
        );
        Self {
            warehouse: EmbeddedWarehouse::open(&folder.path().join("warehouse"))
                .await
                .unwrap(),
            folder,
            text,
            sent,
        }
    }

    /// Forty players of four games, ready at this instant, at which the upstream finishes.
    async fn upstream_finishes(&self, at: &str) {
        let (contexts, features) = slate::rows(NIGHT, at);
        self.load("nba_analytics.upcoming_player_game_context", &contexts)
            .await;
        self.load("nba_predictions.ml_feature_store_v2", &features)
            .await;
        let run = json!({
            "processor_name": "ml_feature_store_v2", "run_id": "1", "data_date": NIGHT, "status": "success",
            "started_at": at, "processed_at": at,
        });
        self.load("nba_reference.processor_run_history", &[run])
            .await;
    }

    async fn load(&self, table: &str, rows: &[Value]) {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        self.warehouse
            .load(table, Format::Ndjson, &lines.join("\n"))
            .await
            .unwrap();
    }

    /// The service is there for one tick and for what the workers answer to it, and gone again.
    async fn tick(&self, at: Instant, answering: bool) -> Value {
        // Time goes its usual way while the service is there.
        let clock = Arc::new(WarpClock::new(at, 1.0, false));
        let variables = [
            ("TIPOFF_DATA", self.folder.path().to_str().unwrap()),
            ("PORT", "0"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config =
            config::parse(&self.text, self.folder.path(), &Environment::of(variables)).unwrap();
        let app = App::open(Setup::of(config, clock)).await.unwrap();
        let client = reqwest::Client::new();
        let base = format!("http://{}", app.address);
        let ticked = client.post(format!("{base}/tick")).send().await.unwrap();
        assert_eq!(ticked.status(), 200);
        if answering {
            let requests = std::mem::take(&mut *self.sent.lock().unwrap());
            self.answer(&client, &base, (requests, at)).await;
        }
        let status = client
            .get(format!("{base}/status?game_date={NIGHT}"))
            .send()
            .await
            .unwrap();
        let status = status.json().await.unwrap();
        app.stop().await;
        status
    }

    async fn answer(
        &self,
        client: &reqwest::Client,
        base: &str,
        (requests, at): (Vec<Value>, Instant),
    ) {
        if requests.is_empty() {
            return;
        }
        let rows: Vec<Value> = requests.iter().map(|request| row(request, at)).collect();
        self.load("nba_predictions.player_prop_predictions", &rows)
            .await;
        let lines: Vec<String> = requests
            .iter()
            .map(|it| completion(it, at).to_string())
            .collect();
        let sent = client
            .post(format!("{base}/complete"))
            .body(lines.join("\n"))
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 200);
    }

    /// Ticks from the first to the last of the night, and says how it stood after each.
    async fn night(&self, answering: bool) -> Vec<(Instant, Value)> {
        let mut at = instant(FIRST_TICK);
        let mut stood = Vec::new();
        while at <= instant(LAST_TICK) {
            stood.push((at, self.tick(at, answering).await));
            at += TimeDelta::minutes(5);
        }
        stood
    }
}

fn row(request: &Value, at: Instant) -> Value {
    json!({
        "prediction_id": request["request_id"], "system_id": "s", "player_lookup": request["player_lookup"],
        "game_date": NIGHT, "game_id": request["game_id"], "is_active": true, "created_at": at,
    })
}

fn completion(request: &Value, at: Instant) -> Value {
    json!({
        "player_lookup": request["player_lookup"], "game_date": NIGHT, "predictions_generated": 5,
        "batch_id": request["batch_id"], "correlation_id": request["correlation_id"], "timestamp": at,
        "worker_instance": "w", "request_id": request["request_id"],
    })
}

#[tokio::test]
async fn ticks_alone_start_a_night_within_two_ticks_of_its_time_and_bring_it_to_its_end() {
    let sleeper = Sleeper::new().await;
    let finished_at = instant("2026-01-19T08:32:00Z");
    sleeper.upstream_finishes("2026-01-19T08:32:00Z").await;
    let stood = sleeper.night(true).await;
    let (complete_at, run) = stood
        .iter()
        .find(|(_, run)| run["state"] == "complete")
        .unwrap_or_else(|| panic!("never complete: {:#}", stood.last().unwrap().1));
    assert_eq!(run["verdict"], "met", "{run:#}");
    assert_eq!(run["started_by"], "catch-up", "{run:#}");
    assert_eq!(run["counts"]["predicted"], 40, "{run:#}");
    let sent = |run: &Value| run["counts"]["dispatched"] == 40;
    let (sent_at, _) = stood.iter().find(|(_, run)| sent(run)).unwrap();
    // Five minutes' grace for the event, and the two ticks after it.
    assert!(
        *sent_at - finished_at <= TimeDelta::minutes(15),
        "{sent_at}"
    );
    // Answers, rows and settling may each wait for a tick.
    assert!(
        *complete_at - *sent_at <= TimeDelta::minutes(20),
        "{complete_at}: {run:#}"
    );
    let last = &stood.last().unwrap().1;
    assert_eq!(
        (&last["state"], &last["verdict"]),
        (&json!("complete"), &json!("met"))
    );
}

#[tokio::test]
async fn a_night_that_nobody_answers_is_breached_by_the_tick_after_its_deadline() {
    let sleeper = Sleeper::new().await;
    sleeper.upstream_finishes("2026-01-19T08:32:00Z").await;
    let stood = sleeper.night(false).await;
    let (judged_at, run) = stood
        .iter()
        .find(|(_, run)| run["verdict"] == "breached")
        .unwrap();
    let late = *judged_at - instant(DEADLINE);
    assert!(
        late >= TimeDelta::zero() && late <= TimeDelta::minutes(5),
        "{judged_at}: {run:#}"
    );
    let alerts = run["alerts"].to_string();
    assert!(alerts.contains("deadline_breached"), "{alerts}");
    assert!(
        sleeper.sent.lock().unwrap().len() > 40,
        "it was tried again"
    );
}
