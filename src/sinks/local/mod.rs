//! Workers built into the service, for demos and tests: they take requests, let simulated time pass, store
//! prediction rows in the embedded warehouse and answer over HTTP like real ones.
//!
//! Real workers are reached over a topic or an HTTP endpoint.

mod behaviour;
mod delivery;
mod storing;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use self::{
    delivery::{Delivery, Message},
    storing::RowWriter,
};
use crate::{
    clock::Clock,
    domain::ids::GameDate,
    ports::{PortError, Request, Sink},
    warehouse::{EmbeddedWarehouse, PredictionRow},
};

pub use behaviour::{Behaviour, Draw, Fate, Override, Share};
pub use delivery::Destination;

/// The prediction systems; each writes one row a player.
pub const SYSTEMS: [&str; 5] = [
    "moving_average",
    "zone_matchup_v1",
    "similarity_balanced_v1",
    "xgboost_v1",
    "ensemble_v1",
];

/// How many workers there are and how long they take.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalSettings {
    /// Requests worked on at the same time, at least 1.
    pub workers: usize,
    /// Requests that may wait for a worker, at least 1; more are not taken, and may be when tried again.
    pub waiting_units_max: usize,
    /// Least simulated seconds a request.
    pub seconds_min: f64,
    /// Most simulated seconds a request, at least `seconds_min`.
    pub seconds_max: f64,
    /// What all draws start from.
    pub seed: u64,
}

impl Default for LocalSettings {
    /// 100 workers at 20 to 50 s a request: about 3 min for a night of 420, as the designed night takes.
    fn default() -> Self {
        Self {
            workers: 100,
            waiting_units_max: 10_000,
            seconds_min: 20.0,
            seconds_max: 50.0,
            seed: 0,
        }
    }
}

/// What the workers need of the world.
#[derive(Clone)]
pub struct Surroundings {
    /// Where rows are stored.
    pub warehouse: EmbeddedWarehouse,
    /// The clock on which simulated time passes.
    pub clock: Arc<dyn Clock>,
    /// Carries the answers.
    pub client: reqwest::Client,
}

/// The built-in workers. They stop when this is dropped; requests not yet answered are then lost, as they are when a
/// real worker dies.
pub struct LocalWorkers {
    requests: mpsc::Sender<Request>,
    behaviours: Arc<RwLock<Behaviours>>,
    delivery: Delivery,
}

#[derive(Debug, Default)]
struct Behaviours {
    usual: Behaviour,
    by_date: BTreeMap<GameDate, Behaviour>,
}

impl LocalWorkers {
    /// Starts the workers, which behave well until told otherwise.
    pub fn start(
        settings: LocalSettings,
        destination: Destination,
        surroundings: Surroundings,
    ) -> Self {
        let Surroundings {
            warehouse,
            clock,
            client,
        } = surroundings;
        let (sender, receiver) = mpsc::channel(settings.waiting_units_max.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let delivery = Delivery::new(client, Arc::clone(&clock), destination);
        let behaviours = Arc::new(RwLock::new(Behaviours::default()));
        let row_writer = RowWriter::start(warehouse);
        let workers_total = settings.workers.max(1);
        let settings = Arc::new(settings);
        for number in 1..=workers_total {
            let worker = Worker {
                name: format!("local-worker-{number:05}"),
                settings: Arc::clone(&settings),
                behaviours: Arc::clone(&behaviours),
                clock: Arc::clone(&clock),
                row_writer: row_writer.clone(),
                delivery: delivery.clone(),
                warm: false,
            };
            let stop = delivery.stop.clone();
            let receiver = Arc::clone(&receiver);
            delivery.tasks.spawn(async move {
                stop.run_until_cancelled(worker.work(receiver)).await;
            });
        }
        Self {
            requests: sender,
            behaviours,
            delivery,
        }
    }

    /// Sets how the workers behave on dates that have no behaviour of their own, from the next request on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.write_behaviours().usual = behaviour;
    }

    /// Sets how the workers behave for one date, from the next request on.
    pub fn set_behaviour_on(&self, game_date: GameDate, behaviour: Behaviour) {
        self.write_behaviours().by_date.insert(game_date, behaviour);
    }

    /// Delivers answers there from now on, also those that were not taken yet.
    pub fn set_destination(&self, destination: Destination) {
        *self
            .delivery
            .destination
            .write()
            .unwrap_or_else(PoisonError::into_inner) = destination;
    }

    /// Stops the workers and waits until they have.
    pub async fn stop(&self) {
        self.delivery.stop.cancel();
        self.delivery.tasks.close();
        self.delivery.tasks.wait().await;
    }

    fn write_behaviours(&self) -> std::sync::RwLockWriteGuard<'_, Behaviours> {
        self.behaviours
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalWorkers {
    fn drop(&mut self) {
        self.delivery.stop.cancel();
    }
}

#[async_trait]
impl Sink for LocalWorkers {
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>> {
        let take = |request: &Request| {
            self.requests
                .try_send(request.clone())
                .map_err(|_| refused())
        };
        requests.iter().map(take).collect()
    }
}

fn refused() -> PortError {
    let problem = anyhow::anyhow!("too many requests wait for a worker");
    PortError::transient("sending to the built-in workers", problem)
}

/// One worker: one request at a time.
struct Worker {
    name: String,
    settings: Arc<LocalSettings>,
    behaviours: Arc<RwLock<Behaviours>>,
    clock: Arc<dyn Clock>,
    row_writer: RowWriter,
    delivery: Delivery,
    warm: bool,
}

impl Worker {
    async fn work(mut self, requests: Arc<Mutex<mpsc::Receiver<Request>>>) {
        loop {
            let next = requests.lock().await.recv().await;
            let Some(request) = next else {
                return;
            };
            self.handle(&request).await;
        }
    }

    async fn handle(&mut self, request: &Request) {
        let (draw, cold_start_seconds) = self.draw(request);
        let LocalSettings {
            seconds_min,
            seconds_max,
            ..
        } = *self.settings;
        let mut seconds = seconds_min + draw.pace * (seconds_max - seconds_min);
        if !self.warm {
            seconds += cold_start_seconds;
            self.warm = true;
        }
        let done_at = self.clock.now() + TimeDelta::microseconds((seconds * 1e6) as i64);
        self.clock.sleep_until(done_at).await;
        if let Some(answer) = self.answer(request, &draw).await {
            self.publish(&answer, request, &draw);
        }
    }

    fn draw(&self, request: &Request) -> (Draw, f64) {
        let behaviours = self
            .behaviours
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let behaviour = behaviours
            .by_date
            .get(&request.game_date)
            .unwrap_or(&behaviours.usual);
        (
            behaviour.draw(self.settings.seed, request),
            behaviour.cold_start_seconds,
        )
    }

    /// Stores what the draw says and makes the answer; `None` where none comes.
    async fn answer(&self, request: &Request, draw: &Draw) -> Option<Value> {
        let predictions = SYSTEMS.len();
        match &draw.fate {
            Fate::Predicted if self.store(request, draw).await => {
                Some(self.completion(request, predictions, ("predicted", None)))
            }
            Fate::Predicted => {
                let outcome = ("failed", Some("rows_not_stored"));
                Some(self.completion(request, 0, outcome))
            }
            Fate::ClaimedWithoutRow => {
                Some(self.completion(request, predictions, ("predicted", None)))
            }
            Fate::Skipped(reason) => Some(self.completion(request, 0, ("skipped", Some(reason)))),
            Fate::Failed(reason) => Some(self.completion(request, 0, ("failed", Some(reason)))),
            Fate::StoredSilently => {
                self.store(request, draw).await;
                None
            }
            Fate::Silent => None,
        }
    }

    async fn store(&self, request: &Request, draw: &Draw) -> bool {
        let row = |system: &str, is_active: bool| PredictionRow {
            // From the request alone, so that a worker asked twice stores once.
            prediction_id: match is_active {
                true => format!("{}/{system}", request.request_id),
                false => format!("{}/{system}/superseded", request.request_id),
            },
            system_id: system.to_owned(),
            player_lookup: request.unit.unit.clone(),
            game_date: request.game_date,
            game_id: request.unit.game_id.clone(),
            is_active,
            created_at: self.clock.now(),
        };
        let mut rows: Vec<PredictionRow> = SYSTEMS
            .into_iter()
            .map(|system| row(system, true))
            .collect();
        if draw.superseded {
            rows.push(row(SYSTEMS[0], false));
        }
        self.row_writer.store(rows).await
    }

    fn completion(
        &self,
        request: &Request,
        predictions_generated: usize,
        (outcome, reason): (&str, Option<&str>),
    ) -> Value {
        json!({
            "player_lookup": request.unit.unit,
            "game_date": request.game_date,
            "predictions_generated": predictions_generated,
            "batch_id": request.batch_id,
            "correlation_id": request.batch_id,
            "timestamp": self.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true),
            "worker_instance": self.name,
            "outcome": outcome,
            "reason": reason,
            "request_id": request.request_id,
        })
    }

    fn publish(&self, answer: &Value, request: &Request, draw: &Draw) {
        let message = |redelivered: bool| Message {
            body: answer.clone(),
            attributes: json!({"request_id": request.request_id}),
            redelivered,
        };
        self.delivery.publish(message(draw.redelivered));
        if draw.repeated {
            self.delivery.publish(message(false));
        }
    }
}

#[cfg(test)]
mod tests;
