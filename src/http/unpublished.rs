//! `POST /unpublished`: an upstream that could not publish its completion says it here instead, and why.
//!
//! The completion goes the way of every other; what the failure means to people belongs to `domain::service`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use super::{
    HttpState,
    answer::answer,
    body,
    problem::bad_field,
    push::{Delivery, Entry, named_handoff},
    trigger,
};
use crate::{
    domain::service::Happened,
    wire::{finished::Unpublished, people::Problem},
};

/// Takes the completion for the event it is, then keeps that it could not be published.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    request: Request,
) -> Result<Response, Problem> {
    let named = named_handoff(request.uri());
    let Unpublished {
        handoff,
        error,
        event,
    } = Unpublished::read(&body::read(request).await?)?;
    let delivery = Delivery {
        entry: Entry::Trigger,
        body: event.to_string().into_bytes(),
        handoff: handoff.or(named),
        received_at: state.now(),
        suffix: String::new(),
    };
    let message =
        trigger::read(&state, &delivery).map_err(|refused| bad_field("event", refused.reason))?;
    let (key, receipt) = trigger::take(&state, message).await?;
    let night = format!("{}/{}", key.handoff, key.game_date);
    let happened = Happened::Unpublished { night, error };
    state.engine.inbox().happened(happened).await?;
    Ok(answer(&key, &receipt))
}
