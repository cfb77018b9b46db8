//! Sends the outgoing heartbeat as long as the service does its job: it can write, its timers are on time, and its
//! messages reach someone.
//!
//! Whether it does belongs to `domain::alive`, the way out to an adapter.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;

use super::{EngineError, Shared};
use crate::{
    domain::alive::{self, Pulse},
    ports::Heartbeat,
    telemetry::measure::record_heartbeat,
};

/// How long a beat may take.
const BEAT_SECONDS_MAX: u64 = 10;

/// The heartbeat as it is configured.
pub struct Beating {
    /// Where it goes.
    pub heartbeat: Arc<dyn Heartbeat>,
    /// How often.
    pub every: TimeDelta,
}

/// Beats until the engine stops.
pub async fn work(shared: Arc<Shared>, beating: Beating) {
    let limit = Duration::from_secs(BEAT_SECONDS_MAX);
    loop {
        let well = match look(&shared).await {
            Ok(well) => well,
            Err(error) => Err(format!("its store does not work: {error}")),
        };
        if let Err(reason) = &well {
            tracing::error!(reason, "the heartbeat is held back");
        }
        let beat = beating
            .heartbeat
            .beat(well.as_ref().err().map(String::as_str));
        match tokio::time::timeout(limit, beat).await {
            Ok(Ok(())) if well.is_ok() => record_heartbeat(&shared.metrics, shared.clock.now()),
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the heartbeat did not get through"),
            Err(_) => tracing::warn!("the heartbeat had no answer in time"),
        }
        tokio::select! {
            biased;
            () = shared.clock.sleep_until(shared.clock.now() + beating.every) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

async fn look(shared: &Shared) -> Result<Result<(), String>, EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    transaction.note_alive(now).await?;
    transaction.commit().await?;
    let pulse = Pulse {
        next_wake_at: shared.store.next_wake_at().await?,
        unheard_since: shared.store.unheard_since(now).await?,
    };
    Ok(alive::judge(&pulse, now))
}
