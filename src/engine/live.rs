//! Keeps each open night's live message up to date on the channels that have one.
//!
//! When it is edited belongs to `domain::routing`, what it shows to the channel. Nothing waits for it, and what it
//! cannot show now it shows later: alarms do not depend on it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio_util::task::TaskTracker;

use super::{EngineError, Shared};
use crate::{
    domain::{
        Instant,
        ids::{ChannelId, RunKey},
        routing,
        run::{Run, Snapshot},
    },
    ports::{Live, notice::Links},
};

/// Units named in a live message.
const NAMED_UNITS_MAX: u32 = 10;
/// How long it waits after the channel or the store failed, and at most while nothing changes.
const REST: TimeDelta = TimeDelta::seconds(30);
const REST_MAX: TimeDelta = TimeDelta::minutes(10);
/// How often it looks for changes while nights are open.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(3);
/// The least time between two looks: Slack takes about fifty edits a minute.
const BREATH: Duration = Duration::from_millis(1_200);

/// Starts it for every channel that has a live message.
pub fn start(shared: &Arc<Shared>, tasks: &TaskTracker) {
    for (channel, means) in &shared.telling.channels {
        if let Some(every) = means.live_every {
            let board = Board {
                shared: shared.clone(),
                channel: channel.clone(),
                every,
                shown: BTreeMap::new(),
            };
            tasks.spawn(board.work());
        }
    }
}

/// The live messages of one channel.
struct Board {
    shared: Arc<Shared>,
    channel: ChannelId,
    every: TimeDelta,
    /// What each open night's message shows.
    shown: BTreeMap<RunKey, Snapshot>,
}

impl Board {
    async fn work(mut self) {
        let shared = self.shared.clone();
        loop {
            let until = match self.once().await {
                Ok(until) => until,
                Err(error) => {
                    tracing::warn!(%error, channel = %self.channel, "the live message could not be shown; trying again");
                    shared.clock.now() + REST
                }
            };
            // However fast the service's own clock runs, Slack's limits are those of the world's.
            tokio::select! {
                biased;
                () = async {
                    tokio::time::sleep(BREATH).await;
                    shared.clock.sleep_until(until).await;
                } => {}
                () = shared.stop.cancelled() => return,
            }
        }
    }

    async fn once(&mut self) -> Result<Instant, EngineError> {
        let shared = self.shared.clone();
        let mut next = shared.clock.now() + REST_MAX;
        let mut open = Vec::new();
        for handoff in shared.handoffs.values() {
            let routed = handoff.routes.all().contains(&&self.channel);
            if routed {
                open.extend(shared.store.open_runs(&handoff.id).await?);
            }
        }
        self.shown
            .retain(|key, _| open.iter().any(|run| run.key == *key));
        for run in open.iter().filter(|run| run.has_promises()) {
            let now = shared.clock.now();
            let night = run.snapshot(now);
            let edit_at = routing::edit_at(self.shown.get(&run.key), &night, self.every);
            next = next.min(now + LOOK_EVERY);
            if edit_at.is_some_and(|at| at <= now) {
                self.show(run, night).await?;
            }
        }
        Ok(next)
    }

    async fn show(&mut self, run: &Run, night: Snapshot) -> Result<(), EngineError> {
        let shared = &self.shared;
        let Some(means) = shared.telling.channels.get(&self.channel) else {
            return Ok(());
        };
        let thread = format!("{}/{}", run.key.handoff, run.key.game_date);
        let name = format!("live/{thread}");
        let known = shared.store.thread(&self.channel, &name).await?;
        let live = Live {
            units: shared.store.open_units(&run.key, NAMED_UNITS_MAX).await?,
            links: Links {
                runbooks: shared.telling.addresses.runbooks.clone(),
                ..Links::default()
            },
            night: night.clone(),
        };
        let limit = routing::patience(means.patience, 1)
            .to_std()
            .unwrap_or_default();
        let showing = means.channel.show(&live, known.as_deref());
        let shown = match tokio::time::timeout(limit, showing).await {
            Ok(Ok(shown)) => shown,
            Ok(Err(failure)) => return Err(EngineError::Channel(failure.error)),
            Err(_) => return Err(EngineError::Channel("no answer in time".to_owned())),
        };
        if let Some(shown) = shown.filter(|shown| known.as_ref() != Some(shown)) {
            let mut transaction = shared.begin().await?;
            transaction
                .keep_thread(&self.channel, &name, &shown)
                .await?;
            transaction
                .keep_thread(&self.channel, &thread, &shown)
                .await?;
            transaction.commit().await?;
        }
        self.shown.insert(run.key.clone(), night);
        Ok(())
    }
}
