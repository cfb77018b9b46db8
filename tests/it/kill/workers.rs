//! The workers as an HTTP endpoint: every request is recorded, worked on, stored and answered, each step behind a gate
//! that a test can close.
//!
//! How an answer reaches the service belongs to `push`.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use tipoff::{
    clock::{Clock, SystemClock},
    domain::ids::{GameDate, GameId},
    warehouse::{EmbeddedWarehouse, PredictionRow},
};
use tokio::{net::TcpListener, sync::Semaphore};

use super::{
    data::{Fate, fate},
    push::{PubSub, Subscription},
};
use crate::support::rows;

/// As many as will ever be asked for.
const ALL: usize = 1_000_000;
/// How much later the late workers answer.
const LATE: Duration = Duration::from_millis(300);
/// Prediction systems that write a row each.
const SYSTEMS: [&str; 2] = ["ensemble", "baseline"];

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Call {
    /// The header.
    pub key: String,
    /// The body's own words.
    pub unit: String,
    pub attempt: u64,
    pub batch_id: String,
}

/// Gates: a closed one lets nobody pass, one with a number lets so many pass.
pub struct Gates {
    /// Before the request is acknowledged; the work has begun by then.
    pub confirm: Semaphore,
    /// Before the work on a first attempt.
    pub first: Semaphore,
    /// Before the work on a later attempt.
    pub later: Semaphore,
    /// Before the row is written. Who finds it closed answers first, and writes once it opens.
    pub rows: Semaphore,
}

impl Default for Gates {
    fn default() -> Self {
        let open = || Semaphore::new(ALL);
        Self {
            confirm: open(),
            first: open(),
            later: open(),
            rows: open(),
        }
    }
}

/// Lets so many pass, and closes behind them.
pub fn let_pass(gate: &Semaphore, units: usize) {
    gate.forget_permits(usize::MAX);
    gate.add_permits(units);
}

/// Opens the gate for all who wait and come.
pub fn open(gate: &Semaphore) {
    gate.add_permits(ALL);
}

/// The workers of a night.
pub struct Workers {
    pub gates: Gates,
    calls: Mutex<Vec<Call>>,
    pubsub: PubSub,
    warehouse: EmbeddedWarehouse,
    /// Whether some units fail at their first attempt.
    failing: bool,
}

impl Workers {
    /// Starts them, and says where they take requests.
    pub async fn start(
        pubsub: PubSub,
        warehouse: EmbeddedWarehouse,
        failing: bool,
    ) -> (Arc<Self>, SocketAddr) {
        let workers = Arc::new(Self {
            gates: Gates::default(),
            calls: Mutex::default(),
            pubsub,
            warehouse,
            failing,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", post(take))
            .with_state(workers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (workers, address)
    }

    /// Every request so far, in the order they came.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    async fn work(self: Arc<Self>, call: Call, request: Value) {
        let gate = if call.attempt == 1 {
            &self.gates.first
        } else {
            &self.gates.later
        };
        gate.acquire().await.unwrap().forget();
        match fate(&call.unit, self.failing && call.attempt == 1) {
            Fate::Skips(reason) => {
                self.answer(&call, &request, Some(("skipped", reason)))
                    .await
            }
            Fate::Fails => {
                let failed = ("failed", "worker_error");
                self.answer(&call, &request, Some(failed)).await;
            }
            Fate::Predicts { late } => {
                if late {
                    tokio::time::sleep(LATE).await;
                }
                self.predict(&call, &request).await;
            }
        }
    }

    async fn predict(&self, call: &Call, request: &Value) {
        if let Ok(pass) = self.gates.rows.try_acquire() {
            pass.forget();
            self.store(call, request).await;
            self.answer(call, request, None).await;
        } else {
            self.answer(call, request, None).await;
            self.gates.rows.acquire().await.unwrap().forget();
            self.store(call, request).await;
        }
    }

    /// A repeated request writes the same rows again, which changes nothing: that is what its key is for.
    async fn store(&self, call: &Call, request: &Value) {
        let text = |name: &str| request[name].as_str().unwrap().to_owned();
        let game_date = GameDate(text("game_date").parse().unwrap());
        let row = |system: &str| PredictionRow {
            prediction_id: format!("{}/{system}", call.key),
            system_id: system.to_owned(),
            game_id: GameId::new(text("game_id")),
            ..rows::prediction(&call.unit, game_date, SystemClock.now())
        };
        let rows = SYSTEMS.map(row);
        self.warehouse.insert_predictions(&rows).await.unwrap();
    }

    async fn answer(&self, call: &Call, request: &Value, without: Option<(&str, &str)>) {
        let mut completion = json!({
            "player_lookup": call.unit,
            "game_date": request["game_date"],
            "predictions_generated": if without.is_some() { 0 } else { SYSTEMS.len() },
            "batch_id": call.batch_id,
            "timestamp": SystemClock.now().to_rfc3339(),
            "request_id": request["request_id"],
        });
        if let Some((outcome, reason)) = without {
            completion["outcome"] = outcome.into();
            completion["reason"] = reason.into();
        }
        self.pubsub
            .publish(Subscription::Completion, &completion)
            .await;
    }
}

async fn take(
    State(workers): State<Arc<Workers>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> StatusCode {
    let call = Call {
        key: headers["idempotency-key"].to_str().unwrap().to_owned(),
        unit: request["player_lookup"].as_str().unwrap().to_owned(),
        attempt: request["prediction_attempt"].as_u64().unwrap(),
        batch_id: request["batch_id"].as_str().unwrap().to_owned(),
    };
    workers.calls.lock().unwrap().push(call.clone());
    tokio::spawn(workers.clone().work(call, request));
    workers.gates.confirm.acquire().await.unwrap().forget();
    StatusCode::OK
}
