//! `POST /trigger`: the upstream's completion event, durable before the answer.
//!
//! Whether it starts a run belongs to the domain; nothing is waited for here.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::Uri,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    HttpState,
    answer::answer,
    push::{Delivery, Entry, Refused},
};
use crate::{
    domain::ids::RunKey,
    engine::{Receipt, TriggerMessage},
    wire::{
        people::Problem,
        push::Push,
        upstream::{self, EVENT_TYPE},
    },
};

/// Takes the event in. What is not understood is quarantined and acknowledged: sent again it would be no better.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    accept(&state, &parts.uri, body).await
}

/// Takes in a body that came to this address, pushed or pulled.
///
/// # Errors
///
/// When it is not durable: then it has to come again.
pub async fn accept(state: &HttpState, uri: &Uri, body: Body) -> Result<Response, Problem> {
    let delivery = match state.delivery(Entry::Trigger, uri, body).await? {
        Ok(delivery) => delivery,
        Err(refused) => return Ok(quarantined(&refused)),
    };
    match read(state, &delivery) {
        Ok(message) => {
            let (key, receipt) = take(state, message).await?;
            Ok(answer(&key, &receipt))
        }
        Err(refused) => {
            let body = delivery.body;
            state.quarantine(Entry::Trigger, &refused, body).await?;
            Ok(quarantined(&refused))
        }
    }
}

/// What the delivery says, and to which handoff.
pub fn read(state: &HttpState, delivery: &Delivery) -> Result<TriggerMessage, Refused> {
    let push = Push::read(&delivery.body).map_err(|error| delivery.malformed(&error, None))?;
    let said = Some(&push.message_id);
    let event = upstream::read(&push.data, EVENT_TYPE, push.true_at(delivery.received_at))
        .map_err(|error| delivery.malformed(&error, said))?;
    let handoff = state
        .whose_event(delivery.handoff.as_ref(), &push, &event)
        .map_err(|reason| Refused {
            message_id: delivery.refused_id(said),
            code: "unknown_handoff",
            reason,
        })?;
    Ok(TriggerMessage {
        id: delivery.message_id(&handoff, push.message_id.as_str()),
        handoff,
        event,
    })
}

/// Hands the event to the engine.
pub async fn take(
    state: &HttpState,
    message: TriggerMessage,
) -> Result<(RunKey, Receipt), Problem> {
    let key = RunKey {
        handoff: message.handoff.clone(),
        game_date: message.event.game_date,
    };
    let receipt = state.engine.inbox().trigger(message).await?;
    Ok((key, receipt))
}

fn quarantined(refused: &Refused) -> Response {
    let why = [json!({"code": refused.code, "text": refused.reason})];
    Json(json!({"quarantined": true, "why": why, "reason": refused.reason})).into_response()
}
