//! Takes effects out of the outbox: leases them, has them done, and keeps how it ended.
//!
//! Doing one belongs to `deliver`. A restart, a lost nudge and a second replica are the same path.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use futures::future::join_all;
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use super::{EngineError, Shared, bell::AHEAD_MAX, deliver};
use crate::{
    domain::{Instant, run::Run},
    ports::store::OutboxItem,
};

/// How long an effect is this process's before another may take it.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Most effects leased in one go.
const ITEMS_MAX: u32 = 64;
const REST: TimeDelta = TimeDelta::seconds(1);
/// Rounds of [`drain`]: an effect's answer may want the next one, and so on to the end of a night.
const ROUNDS_MAX: usize = 64;

/// Works until the engine stops; each effect is done in a task of its own, so that none waits for another.
pub async fn work(shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        // Those at work are counted before anything is taken up, so that it is never taken for nothing to do.
        let doing = shared.delivering.begin();
        start(&shared, &tasks, &doing, shared.delivering.take());
        if shared.outbox.is_due(shared.clock.now()) {
            let until = look(&shared, &tasks, &doing).await;
            shared.outbox.plan(until.unwrap_or_else(|error| {
                tracing::error!(%error, "could not look into the outbox; trying again");
                shared.clock.now() + REST
            }));
        }
        drop(doing);
        tokio::select! {
            biased;
            () = shared.outbox.wait(&*shared.clock) => {}
            () = shared.delivering.came.notified() => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

fn start(shared: &Arc<Shared>, tasks: &TaskTracker, doing: &Doing, items: Vec<Handed>) {
    for handed in items {
        let (shared, doing) = (shared.clone(), doing.clone());
        tasks.spawn(async move {
            deliver::deliver(&shared, handed).await;
            drop(doing);
        });
    }
}

/// Takes up what is due and nobody's, and says when to look again.
async fn look(
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
    doing: &Doing,
) -> Result<Instant, EngineError> {
    let now = shared.clock.now();
    let mut next = shared.store.next_outbox_at().await?;
    if next.is_some_and(|at| at <= now) {
        start(shared, tasks, doing, lease(shared).await?);
        next = shared.store.next_outbox_at().await?;
    }
    Ok(next.unwrap_or(now + AHEAD_MAX).clamp(now, now + AHEAD_MAX))
}

async fn lease(shared: &Shared) -> Result<Vec<Handed>, EngineError> {
    let now = shared.clock.now();
    let items = shared
        .store
        .lease_outbox(now, now + LEASE, ITEMS_MAX)
        .await?;
    Ok(items.into_iter().map(Handed::from).collect())
}

/// Does what is due until nothing more is, and waits for what is being done already.
pub async fn drain(shared: &Shared) -> Result<(), EngineError> {
    for _ in 0..ROUNDS_MAX {
        let mut items = shared.delivering.take();
        items.extend(lease(shared).await?);
        if items.is_empty() && shared.delivering.is_idle() {
            return Ok(());
        }
        join_all(items.into_iter().map(|item| deliver::deliver(shared, item))).await;
        shared.delivering.until_idle().await;
    }
    Ok(())
}

/// An effect leased by this process, and what it knows of its run.
#[derive(Clone)]
pub struct Handed {
    /// The effect.
    pub item: OutboxItem,
    /// The run as the step left it that wanted the effect; it may have moved on since.
    pub run: Option<Arc<Run>>,
}

impl From<OutboxItem> for Handed {
    fn from(item: OutboxItem) -> Self {
        Self { item, run: None }
    }
}

/// What this process decided and is about to do, and who works on effects in the background. These are counted from
/// before effects are leased until they are done or given up, however that ends, so that what is leased is never
/// taken for nothing to do.
pub struct Delivering {
    at_work: watch::Sender<()>,
    /// Committed and leased. Lost with the process, whose successor frees the leases.
    handed: Mutex<Vec<Handed>>,
    /// Rung when something was handed over.
    came: Notify,
}

/// One that works on effects.
#[derive(Clone)]
struct Doing(#[expect(dead_code, reason = "it is there to be dropped")] watch::Receiver<()>);

impl Delivering {
    /// Nobody yet.
    pub fn new() -> Self {
        Self {
            at_work: watch::Sender::new(()),
            handed: Mutex::default(),
            came: Notify::new(),
        }
    }

    /// Hands over effects that were committed with a lease of this process.
    pub fn hand(&self, items: &[OutboxItem], run: &Run) {
        let run = Arc::new(run.clone());
        let handed = |item: &OutboxItem| Handed {
            item: item.clone(),
            run: Some(run.clone()),
        };
        self.handed().extend(items.iter().map(handed));
        self.came.notify_one();
    }

    fn take(&self) -> Vec<Handed> {
        std::mem::take(&mut *self.handed())
    }

    fn handed(&self) -> MutexGuard<'_, Vec<Handed>> {
        // What is behind the lock is whole after every statement.
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Doing {
        Doing(self.at_work.subscribe())
    }

    fn is_idle(&self) -> bool {
        self.at_work.receiver_count() == 0 && self.handed().is_empty()
    }

    async fn until_idle(&self) {
        self.at_work.closed().await;
    }
}
