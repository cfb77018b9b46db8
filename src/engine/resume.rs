//! Tells every open night, once, that the service was started again.
//!
//! Going on needs nothing from here: whatever is due is found by the waker and the outbox.

use super::{EngineError, Shared};
use crate::{
    domain::reason::{Code, Reason},
    ports::store::HistoryEntry,
};

/// Adds to the history of each open night that the service is back.
pub async fn tell(shared: &Shared) -> Result<(), EngineError> {
    let now = shared.clock.now();
    for handoff in shared.handoffs.keys() {
        for run in shared.store.open_runs(handoff).await? {
            let text = format!(
                "the service was started again and goes on; the night is {}",
                run.state.name()
            );
            let entry = HistoryEntry {
                key: run.key,
                at: now,
                step: None,
                event: None,
                state: Some(run.state),
                why: vec![Reason::new(Code::Resumed, text)],
                effects: Vec::new(),
            };
            let mut transaction = shared.begin().await?;
            transaction.append(&entry).await?;
            transaction.commit().await?;
        }
    }
    Ok(())
}
