//! `POST /check-stalled`: a person gives up what has been in flight for too long.
//!
//! What settles then belongs to the domain.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use super::{Caller, HttpState, answer::answer, body, people::no_run};
use crate::{
    domain::{event::Event, run::Run},
    wire::people::{CheckStalled, Problem},
};

/// Settles now what is in flight longer than given, else longer than the run's answer time-out.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let check = CheckStalled::read(&body::read(request).await?)?;
    let key = state.meant(&check.target)?.key;
    let Some(run) = state.engine.shared().store.run(&key).await? else {
        return Err(no_run(&key));
    };
    let older_than_seconds = check
        .older_than_minutes
        .map_or_else(|| timeout_seconds(&run), |it| it.saturating_mul(60));
    let event = Event::SettleStalled {
        by: caller.name().to_owned(),
        older_than_seconds,
    };
    let receipt = state.engine.inbox().command(key.clone(), event).await?;
    Ok(answer(&key, &receipt))
}

fn timeout_seconds(run: &Run) -> u32 {
    let seconds = run.policy.completion.answer_timeout.num_seconds();
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
