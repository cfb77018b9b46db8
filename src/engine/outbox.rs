//! Takes effects out of the outbox: leases them, has them done, and keeps how it ended.
//!
//! Doing one belongs to `deliver`. A restart, a lost nudge and a second replica are the same path.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use futures::future::join_all;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{EngineError, Shared, deliver};
use crate::{
    domain::{Instant, run::Run},
    ports::store::OutboxItem,
};

/// How long an effect is this process's before another may take it.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Most effects leased in one go.
const ITEMS_MAX: u32 = 64;
const REST: TimeDelta = TimeDelta::seconds(1);
const REST_MAX: TimeDelta = TimeDelta::minutes(10);
/// Rounds of [`drain`]: an effect's answer may want the next one, and so on to the end of a night.
const ROUNDS_MAX: usize = 64;

/// Works until the engine stops; each effect is done in a task of its own, so that none waits for another.
pub async fn work(shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        let until = match once(&shared, &tasks).await {
            Ok(until) => until,
            Err(error) => {
                tracing::error!(%error, "could not look into the outbox; trying again");
                shared.clock.now() + REST
            }
        };
        tokio::select! {
            biased;
            () = shared.clock.sleep_until(until) => {}
            () = shared.deliver.notified() => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

async fn once(shared: &Arc<Shared>, tasks: &TaskTracker) -> Result<Instant, EngineError> {
    let doing = shared.delivering.begin();
    let start = |items: Vec<Handed>| {
        for handed in items {
            let (shared, doing) = (shared.clone(), doing.clone());
            tasks.spawn(async move {
                deliver::deliver(&shared, handed).await;
                drop(doing);
            });
        }
    };
    start(shared.delivering.take());
    let now = shared.clock.now();
    let mut next = shared.store.next_outbox_at().await?;
    if next.is_some_and(|at| at <= now) {
        start(lease(shared).await?);
        next = shared.store.next_outbox_at().await?;
    }
    Ok(next.unwrap_or(now + REST_MAX).clamp(now, now + REST_MAX))
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
        }
    }

    /// Hands over effects that were committed with a lease of this process; a nudge has to follow.
    pub fn hand(&self, items: &[OutboxItem], run: &Run) {
        if items.is_empty() {
            return;
        }
        let run = Arc::new(run.clone());
        let handed = |item: &OutboxItem| Handed {
            item: item.clone(),
            run: Some(run.clone()),
        };
        self.handed().extend(items.iter().map(handed));
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
