//! The store on disk and the model beside it, behind the gate: each operation is done on both, and both must agree.
//!
//! Transactions belong to `transaction`, what is compared with what to the files below.

use std::{
    fmt::Debug,
    future::Future,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tipoff::{
    domain::{
        Instant,
        baseline::Night,
        ids::{BatchId, GameDate, HandoffId, RunKey},
        run::Run,
    },
    ports::{
        OpenUnit,
        store::{
            HistoryEntry, NightsBefore, OutboxItem, Quarantined, QueueFigures, Store, StoreError,
            Transaction,
        },
    },
    store::SqliteStore,
};

use crate::{
    faults::Planted,
    gate::{Gate, Kind, Pass},
    health::Health,
    model::Model,
};

mod deliveries;
mod transaction;

use transaction::Draft;

/// A failure of the store that was thrown with the dice.
pub fn thrown(doing: &'static str) -> StoreError {
    StoreError {
        doing,
        source: "thrown with the dice".into(),
    }
}

/// What the store under test is made of.
pub struct Pair {
    pub disk: SqliteStore,
    model: Arc<Mutex<Model>>,
    pub gate: Arc<Gate>,
    pub health: Arc<Health>,
    pub planted: Option<Planted>,
    reader: tokio::sync::Mutex<SqliteConnection>,
}

/// The store under test.
#[derive(Clone)]
pub struct PairedStore(pub Arc<Pair>);

impl PairedStore {
    pub async fn open(
        file: &Path,
        model: Arc<Mutex<Model>>,
        (gate, health): (Arc<Gate>, Arc<Health>),
        planted: Option<Planted>,
    ) -> Self {
        let disk = SqliteStore::open(file).await.expect("the file");
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let reader = options.connect().await.expect("a reader");
        Self(Arc::new(Pair {
            disk,
            model,
            gate,
            health,
            planted,
            reader: tokio::sync::Mutex::new(reader),
        }))
    }
}

impl Pair {
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// Holds what the disk said against what the model says.
    pub fn agree<T: PartialEq + Debug>(&self, what: &str, disk: &T, model: &T) {
        if disk != model {
            let finding = format!("{what}: the store says {disk:?}, the model {model:?}");
            self.health.find(finding);
        }
    }

    /// Holds all of the file against all of the model.
    pub async fn compare(&self, what: &str) {
        let mut reader = self.reader.lock().await;
        let dump: String = sqlx::query_scalar(crate::model::DUMP)
            .fetch_one(&mut *reader)
            .await
            .expect("a dump");
        let model = self.model().dump();
        if dump != model {
            let differs = dump
                .lines()
                .zip(model.lines())
                .find(|(one, other)| one != other);
            let lines = (dump.lines().count(), model.lines().count());
            let finding =
                format!("after {what}: store and model differ in {differs:?} of {lines:?} lines");
            self.health.find(finding);
        }
    }

    async fn enter(&self, kind: Kind) -> Option<Pass> {
        self.gate.enter(kind).await
    }

    /// Asks both.
    async fn ask<T: PartialEq + Debug>(
        &self,
        what: &'static str,
        disk: impl Future<Output = Result<T, StoreError>>,
        model: impl FnOnce(&Model) -> T,
    ) -> Result<T, StoreError> {
        let pass = self.enter(Kind::Other).await;
        self.health.note(what);
        if pass.is_some() && self.health.ails(|it| it.store) {
            return Err(thrown(what));
        }
        let said = disk.await?;
        // Inside a transaction of the same task the model's draft is asked nothing: readers see what is committed.
        let expected = model(&self.model());
        self.agree(what, &said, &expected);
        Ok(said)
    }

    /// Asks the disk alone: what the model does not hold.
    async fn ask_disk<T>(
        &self,
        what: &'static str,
        disk: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let pass = self.enter(Kind::Other).await;
        self.health.note(what);
        if pass.is_some() && self.health.ails(|it| it.store) {
            return Err(thrown(what));
        }
        disk.await
    }

    /// Changes both, outside a transaction.
    async fn change<T: PartialEq + Debug>(
        &self,
        what: &'static str,
        disk: impl Future<Output = Result<T, StoreError>>,
        model: impl FnOnce(&mut Model) -> T,
    ) -> Result<T, StoreError> {
        let _pass = self.enter(Kind::Write).await;
        self.health.note(what);
        if self.health.ails(|it| it.store) {
            return Err(thrown(what));
        }
        let said = disk.await?;
        let expected = model(&mut self.model());
        self.agree(what, &said, &expected);
        Ok(said)
    }

    /// How long a lease holds: not at all where that defence is off.
    fn effect_lease(&self, until: Instant, now: Instant) -> Instant {
        match self.planted {
            Some(Planted::EffectLeaseOff) => now,
            _ => until,
        }
    }
}

#[async_trait]
impl Store for PairedStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let pass = self.0.enter(Kind::Write).await;
        self.0.health.note("begin");
        if self.0.health.ails(|it| it.store) {
            return Err(thrown("begin"));
        }
        let disk = self.0.disk.begin().await?;
        Ok(Box::new(Draft::begin(self.0.clone(), disk, pass)))
    }

    async fn can_write(&self) -> Result<(), StoreError> {
        self.0.disk.can_write().await
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        let it = &self.0;
        it.change("take over", it.disk.take_over(), |it| it.take_over())
            .await
    }

    async fn close(&self) {
        self.0.disk.close().await;
    }

    async fn run(&self, key: &RunKey) -> Result<Option<Run>, StoreError> {
        let it = &self.0;
        it.ask("a run", it.disk.run(key), |it| it.run(key)).await
    }

    async fn run_of_batch(&self, batch_id: &BatchId) -> Result<Option<RunKey>, StoreError> {
        let it = &self.0;
        let disk = it.disk.run_of_batch(batch_id);
        it.ask("a batch's run", disk, |it| it.run_of_batch(batch_id))
            .await
    }

    async fn due_runs(&self, now: Instant, most: u32) -> Result<Vec<RunKey>, StoreError> {
        let it = &self.0;
        it.ask("due runs", it.disk.due_runs(now, most), |it| {
            it.due_runs(now, most)
        })
        .await
    }

    async fn next_wake_at(&self) -> Result<Option<Instant>, StoreError> {
        let it = &self.0;
        it.ask_disk("the next wake", it.disk.next_wake_at()).await
    }

    async fn latest_date(&self, handoff: &HandoffId) -> Result<Option<GameDate>, StoreError> {
        let it = &self.0;
        let disk = it.disk.latest_date(handoff);
        it.ask("the latest date", disk, |it| it.latest_date(handoff))
            .await
    }

    async fn open_runs(&self, handoff: &HandoffId) -> Result<Vec<Run>, StoreError> {
        let it = &self.0;
        it.ask("open runs", it.disk.open_runs(handoff), |it| {
            it.open_runs(handoff)
        })
        .await
    }

    async fn nights(&self, before: NightsBefore<'_>) -> Result<Vec<Night>, StoreError> {
        let it = &self.0;
        let disk = it.disk.nights(before.clone());
        it.ask("nights", disk, |it| it.nights(&before)).await
    }

    async fn history(&self, key: &RunKey) -> Result<Vec<HistoryEntry>, StoreError> {
        let it = &self.0;
        it.ask("a history", it.disk.history(key), |it| it.history(key))
            .await
    }

    async fn open_units(&self, key: &RunKey, most: u32) -> Result<Vec<OpenUnit>, StoreError> {
        let it = &self.0;
        it.ask("open units", it.disk.open_units(key, most), |it| {
            it.open_units(key, most)
        })
        .await
    }

    async fn lease_outbox(
        &self,
        now: Instant,
        lease_until: Instant,
        most: u32,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let it = &self.0;
        let until = it.effect_lease(lease_until, now);
        let disk = it.disk.lease_outbox(now, until, most);
        it.change("lease effects", disk, |it| {
            it.lease_outbox(now, until, most)
        })
        .await
    }

    async fn prolong_lease(&self, id: &str, lease_until: Instant) -> Result<bool, StoreError> {
        let it = &self.0;
        let disk = it.disk.prolong_lease(id, lease_until);
        it.change("prolong a lease", disk, |it| {
            it.prolong_lease(id, lease_until)
        })
        .await
    }

    async fn next_outbox_at(&self) -> Result<Option<Instant>, StoreError> {
        let it = &self.0;
        it.ask("the next effect", it.disk.next_outbox_at(), |it| {
            it.next_outbox_at()
        })
        .await
    }

    async fn quarantined(&self, most: u32) -> Result<Vec<Quarantined>, StoreError> {
        let it = &self.0;
        it.ask("the quarantine", it.disk.quarantined(most), |it| {
            it.quarantined(most)
        })
        .await
    }

    async fn quarantined_message(&self, id: i64) -> Result<Option<Quarantined>, StoreError> {
        let it = &self.0;
        let disk = it.disk.quarantined_message(id);
        it.ask("a quarantined message", disk, |it| {
            it.quarantined_message(id)
        })
        .await
    }

    async fn queues(&self) -> Result<QueueFigures, StoreError> {
        let it = &self.0;
        it.ask_disk("the queues", it.disk.queues()).await
    }

    async fn last_instant(&self) -> Result<Option<Instant>, StoreError> {
        let it = &self.0;
        it.ask("the last instant", it.disk.last_instant(), |it| {
            it.last_instant()
        })
        .await
    }
}
