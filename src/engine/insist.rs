//! Keeps what happened outside although the store fails: only this process knows it, so it tries again while it may.
//!
//! What is kept belongs to the callers. What nobody would lose is left to whoever looks into the store next.

use chrono::TimeDelta;

use super::{EngineError, Shared};
use crate::domain::Instant;

/// The pause between two tries: short, since a disk that failed once is asked again at little cost.
const PAUSE: TimeDelta = TimeDelta::milliseconds(250);

/// Does it, and does it again while the store fails, up to this instant, when another may take over, or until the
/// engine stops.
///
/// # Errors
///
/// What went wrong the last time; anything but the store's error at once.
pub async fn insist<T, F>(
    shared: &Shared,
    until: Instant,
    keep: impl Fn() -> F + Send,
) -> Result<T, EngineError>
where
    F: Future<Output = Result<T, EngineError>> + Send,
{
    loop {
        let error = match keep().await {
            Err(EngineError::Store(error)) => error,
            kept => return kept,
        };
        let again_at = shared.clock.now() + PAUSE;
        if again_at >= until || shared.stop.is_cancelled() {
            return Err(error.into());
        }
        tracing::warn!(%error, "what happened could not be kept; trying again");
        let pause = shared.clock.sleep_until(again_at);
        shared.stop.run_until_cancelled(pause).await;
    }
}
