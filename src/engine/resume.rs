//! Takes every open night over from the last process, and what waits for channels that are gone.
//!
//! Going on needs nothing else from here: whatever is due is found by the waker and the outbox. What it means for a night
//! that another process goes on is the domain's.

use super::{EngineError, Shared, apply, telling};
use crate::domain::event::Event;

/// Has each open night know that the service is back.
pub async fn take_over(shared: &Shared) -> Result<(), EngineError> {
    for handoff in shared.handoffs.keys() {
        for run in shared.store.open_runs(handoff).await? {
            apply::apply_alone(shared, &run.key, Event::Resumed).await?;
        }
    }
    telling::leave_removed(shared).await?;
    Ok(())
}
