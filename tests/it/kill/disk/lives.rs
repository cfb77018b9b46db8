//! A night on a disk of its own, and the lives of the service in it: each lasts until the disk ends it, or the night is
//! over.
//!
//! When a life ends and what the disk does belongs to the tests; what has to be true afterwards to `proof` and `told`.

use std::time::{Duration, Instant as Watch};

use serde_json::{Value, json};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use super::{
    super::{data::Plan, night::Night, proof, push::Subscription, service::serve_in, told},
    hook::{self, Messages},
    shim::{Disk, Kind},
};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(90);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(30);
/// A night that is complete and still for this long is over.
const QUIET: Duration = Duration::from_millis(250);
/// What is in a push that nobody can read, which people are told of.
pub const UNREADABLE: &str = "unreadable0001";

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The service died, or did not come up.
    Died,
    /// The night is over, and the service runs.
    Over,
}

/// The night.
pub struct Lives {
    pub night: Night,
    pub disk: Disk,
    /// How long a life may take before the test gives up.
    pub patience: Duration,
    messages: Messages,
    client: reqwest::Client,
}

/// A small night with everything in it: units that fail at first, units skipped for good, a retry, something to tell.
pub fn plan() -> Plan {
    Plan {
        units: 20,
        never_ready: 2,
        filtered: 3,
        failing: true,
        retry_seconds: 0,
        ..Plan::default()
    }
}

impl Lives {
    /// A night whose upstream has finished; its pushes are on their way, and the service has not been started.
    pub async fn prepare(plan: Plan) -> Self {
        let (messages, hook) = hook::start().await;
        let plan = Plan {
            hook: Some(hook),
            ..plan
        };
        let night = Night::prepare(plan).await;
        let disk = Disk::new(night.folder.path());
        night.finish_upstream().await;
        for body in [night.event(), json!({ UNREADABLE: 1 })] {
            let pubsub = night.pubsub.clone();
            tokio::spawn(async move { pubsub.publish(Subscription::Trigger, &body).await });
        }
        Self {
            night,
            disk,
            patience: PATIENCE,
            messages,
            client: reqwest::Client::new(),
        }
    }

    /// Starts the service; `false`: it did not come up.
    pub fn start(&mut self) -> bool {
        let mut command = serve_in(self.night.folder.path(), &self.night.data);
        self.disk.under(&mut command);
        self.night.start_by(command)
    }

    /// Starts the service, and returns once it died or the night is over.
    pub async fn live(&mut self) -> End {
        if self.start() {
            self.see_end().await
        } else {
            End::Died
        }
    }

    /// Returns once the service died or the night is over.
    pub async fn see_end(&mut self) -> End {
        let since = Watch::now();
        loop {
            if self.night.has_ended() {
                return End::Died;
            }
            if self.is_over().await {
                return End::Over;
            }
            let log = || self.night.log.lock().unwrap().clone();
            assert!(since.elapsed() < self.patience, "never over: {:#?}", log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lives until the night is over; a life that dies now dies of the disk.
    pub async fn live_on(&mut self) {
        let since = Watch::now();
        while self.live().await == End::Died {
            let log = || self.night.log.lock().unwrap().clone();
            assert!(
                since.elapsed() < self.patience,
                "it dies again and again: {:#?}",
                log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Complete by the service's own word, and nothing more is done.
    async fn is_over(&self) -> bool {
        let work = || Kind::ALL.map(|kind| self.disk.count(kind));
        let before = work();
        if self.night.pubsub.pending() > 0 || !self.is_complete().await {
            return false;
        }
        tokio::time::sleep(QUIET).await;
        work() == before && self.night.pubsub.pending() == 0 && self.is_complete().await
    }

    /// Asked over HTTP: who reads the store's files while the power goes out would keep what is in shared memory.
    async fn is_complete(&self) -> bool {
        let url = format!("{}/status", self.night.pubsub.url());
        let Ok(answer) = self.client.get(url).send().await else {
            return false;
        };
        let status: Result<Value, _> = answer.json().await;
        status.is_ok_and(|it| it["state"] == "complete")
    }

    /// What `/ready` answers; 0 where nobody does.
    pub async fn ready(&self) -> u16 {
        let url = format!("{}/ready", self.night.pubsub.url());
        let answer = self.client.get(url).send().await;
        answer.map_or(0, |it| it.status().as_u16())
    }

    /// Waits until it is so.
    pub async fn see(&self, what: &str, is: impl AsyncFn(&Self) -> bool) {
        let since = Watch::now();
        while !is(self).await {
            let log = || self.night.log.lock().unwrap().clone();
            assert!(
                since.elapsed() < self.patience,
                "never {what}: {:#?}",
                log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The night came to its end, and people were told.
    pub async fn prove(&mut self) {
        self.disk.spare();
        self.disk.mend();
        self.night.uncounted = self.night.kills;
        self.night.faults = self.disk.failed();
        proof::prove(&self.night).await;
        self.see_told().await;
        let copies = std::mem::take(&mut *self.messages.lock().unwrap());
        told::prove_copies(&self.night.file(), &copies).await;
        assert!(
            copies.iter().any(|it| it.text.contains(UNREADABLE)),
            "{copies:#?}"
        );
    }

    /// Waits until nothing waits to be told.
    async fn see_told(&self) {
        let options = SqliteConnectOptions::new().filename(self.night.file());
        let mut connection = options.read_only(true).connect().await.unwrap();
        let since = Watch::now();
        loop {
            let waiting = "SELECT count(*) FROM deliveries WHERE state = 'waiting'";
            let waiting = sqlx::query_scalar(waiting).fetch_one(&mut connection).await;
            if waiting.is_ok_and(|waiting: i64| waiting == 0) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "never told");
            tokio::time::sleep(LOOK).await;
        }
    }
}
