//! One night around a service that is killed: its tables, its workers, its pushes, and the lives of the service.
//!
//! When it is killed belongs to the tests, what has to be true afterwards to `proof`.

use std::{
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant as Watch},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, SystemClock},
    domain::{
        ids::{HandoffId, RunKey},
        zone::Zone,
    },
    warehouse::EmbeddedWarehouse,
};

use super::{
    data::{self, Plan},
    push::{PubSub, Subscription},
    service::{Log, Service},
    sight::{Reader, Sight},
    workers::Workers,
};
use crate::support::rows;

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// A night.
pub struct Night {
    pub plan: Plan,
    pub key: RunKey,
    pub folder: TempDir,
    /// Where the service keeps its files.
    pub data: PathBuf,
    pub warehouse: EmbeddedWarehouse,
    pub workers: Arc<Workers>,
    pub pubsub: PubSub,
    pub log: Log,
    /// How often it was killed, or ended by itself.
    pub kills: u64,
    /// Kills after which the night may not say that the service is back: there was no night yet, or the next life was
    /// as short.
    pub uncounted: u64,
    /// Writes and syncs that the disk refused.
    pub faults: u64,
    service: Option<Service>,
}

impl Night {
    /// A night on which the players are listed and nothing is ready; the service runs.
    pub async fn begin(plan: Plan) -> Self {
        let mut night = Self::prepare(plan).await;
        night.start();
        night
    }

    /// The same night before the service is started for the first time.
    pub async fn prepare(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = EmbeddedWarehouse::open(&folder.path().join("data/warehouse"))
            .await
            .unwrap();
        let pubsub = PubSub::default();
        let (workers, address) =
            Workers::start(pubsub.clone(), warehouse.clone(), plan.failing).await;
        let zone = data::zone();
        let config = data::config(&plan, &zone, address);
        std::fs::write(folder.path().join("tipoff.toml"), config).unwrap();
        let zone: Zone = zone.parse().unwrap();
        let key = RunKey {
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: zone.date(SystemClock.now()),
        };
        let contexts = data::contexts(&plan, key.game_date);
        warehouse.put_contexts(&contexts).await.unwrap();
        Self {
            plan,
            key,
            data: folder.path().join("data"),
            folder,
            warehouse,
            workers,
            pubsub,
            log: Log::default(),
            kills: 0,
            uncounted: 0,
            faults: 0,
            service: None,
        }
    }

    /// The store's file.
    pub fn file(&self) -> PathBuf {
        self.data.join("state.sqlite")
    }

    /// Starts the service on the folder, as it is.
    pub fn start(&mut self) {
        let service = Service::start(self.folder.path(), &self.log);
        self.pubsub.connect(Some(service.url.clone()));
        self.service = Some(service);
    }

    /// Starts the service by this command; `false`: it ended before it listened, which counts as a kill.
    pub fn start_by(&mut self, command: Command) -> bool {
        self.service = Service::spawn(command, &self.log);
        let url = self.service.as_ref().map(|it| it.url.clone());
        self.kills += u64::from(url.is_none());
        self.pubsub.connect(url);
        self.service.is_some()
    }

    /// Whether the service has ended without having been killed from here; then it is one kill more.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.service.as_mut().is_some_and(Service::has_ended);
        if ended {
            self.kill();
        }
        ended
    }

    /// Kills the service where it stands.
    pub fn kill(&mut self) {
        self.service.take().unwrap().kill();
        self.pubsub.connect(None);
        self.kills += 1;
    }

    /// The upstream finishes: its rows are there.
    pub async fn finish_upstream(&self) {
        let (date, now) = (self.key.game_date, SystemClock.now());
        let features = data::features(&self.plan, date, now);
        self.warehouse.put_features(&features).await.unwrap();
        let run = rows::upstream_run(date, now);
        self.warehouse.put_run_history(&[run]).await.unwrap();
    }

    /// The upstream's event.
    pub fn event(&self) -> Value {
        json!({
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
            "game_date": self.key.game_date, "status": "success", "timestamp": SystemClock.now().to_rfc3339(),
        })
    }

    /// Publishes the event; returns once the service has acknowledged it.
    pub async fn send_event(&self) {
        self.pubsub
            .publish(Subscription::Trigger, &self.event())
            .await;
    }

    /// Looks at the store, about every millisecond, until it is so.
    pub async fn see(&self, what: &str, is: impl Fn(&Sight) -> bool) -> Sight {
        let mut reader = Reader::open(&self.file()).await;
        let since = Watch::now();
        let mut last = None;
        while since.elapsed() < PATIENCE {
            last = reader.look(&self.key).await;
            match last {
                Some(sight) if is(&sight) => return sight,
                Some(_) | None => tokio::time::sleep(LOOK).await,
            }
        }
        panic!("never {what}: {last:#?}\n{:#?}", self.log.lock().unwrap());
    }

    /// Waits until the workers have taken so many requests.
    pub async fn see_calls(&self, calls: usize) {
        let since = Watch::now();
        while self.workers.calls().len() < calls {
            assert!(since.elapsed() < PATIENCE, "the workers were never asked");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Kills the service as soon as it is so, and looks again: the files of the dead say that it was.
    pub async fn kill_when(&mut self, what: &str, is: impl Fn(&Sight) -> bool) {
        self.see(what, &is).await;
        self.kill();
        let mut reader = Reader::open(&self.file()).await;
        let dead = reader.look(&self.key).await.unwrap();
        assert!(is(&dead), "it went on before it died: {what}: {dead:#?}");
    }

    /// What the service says of the night.
    pub async fn status(&self) -> Value {
        let url = format!("{}/status", self.pubsub.url());
        let answer = reqwest::get(url).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.json().await.unwrap()
    }
}
