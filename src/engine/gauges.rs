//! Brings the gauges up to date from what the store holds now, so that a restart forgets nothing.
//!
//! What each gauge says belongs to `telemetry`; who asks for them does not matter here.

use super::{Engine, Handoff, Shared};
use crate::{
    domain::{Instant, ids::RunKey, run::Run},
    ports::store::StoreError,
    telemetry::{show_queues, show_run},
};

impl Engine {
    /// Sets every gauge that follows from the store.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked; the gauges are then partly old.
    pub async fn refresh_gauges(&self) -> Result<(), StoreError> {
        let shared = self.shared();
        let now = shared.clock.now();
        show_queues(&shared.metrics, &shared.store.queues().await?, now);
        for handoff in shared.handoffs.values() {
            if let Some(run) = current_run(shared, handoff, now).await? {
                show_run(&shared.metrics, &run, now);
            }
        }
        Ok(())
    }
}

/// Today's run, and until it opens the latest one.
async fn current_run(
    shared: &Shared,
    handoff: &Handoff,
    now: Instant,
) -> Result<Option<Run>, StoreError> {
    let key = |game_date| RunKey {
        handoff: handoff.id.clone(),
        game_date,
    };
    let today = shared.store.run(&key(handoff.today(now))).await?;
    if today.is_some() {
        return Ok(today);
    }
    match shared.store.latest_date(&handoff.id).await? {
        Some(latest) => shared.store.run(&key(latest)).await,
        None => Ok(None),
    }
}
