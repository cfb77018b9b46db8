//! `POST /quarantine/{id}/replay`: a person sends a quarantined message in again, on the path it first came by.
//!
//! It leaves the quarantine only when it is accepted.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
};
use serde::{Deserialize, Serialize};

use super::{
    Caller, HttpState, complete,
    push::{Delivery, Entry, named_handoff},
    trigger,
};
use crate::{
    ports::store::Quarantined,
    wire::{people::Problem, quarantine::is_whole},
};

/// Among how many of the latest messages the copy of one that is unknown again is looked for.
const COPIES_LOOKED_AT: u32 = 100;

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The message.
    pub id: i64,
    /// Whether it was accepted, and so has left the quarantine.
    pub accepted: bool,
    /// Why.
    pub why: String,
}

/// Sends the message in again, `?handoff=` to the handoff of that name: 202 where it was accepted, else 200 with why.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let Path(id) = id?;
    let message = state.quarantined(&id).await?;
    let (accepted, why) = replay(&state, &message, &uri).await?;
    let (by, id) = (caller.name(), message.id);
    tracing::info!(by, id, accepted, "{by} replayed message {id}: {why}");
    if accepted {
        state.engine.inbox().release(id).await?;
    }
    let status = if accepted {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(Replayed { id, accepted, why })))
}

async fn replay(
    state: &HttpState,
    message: &Quarantined,
    uri: &Uri,
) -> Result<(bool, String), Problem> {
    if !is_whole(message) {
        let why = "only the head of the message was kept; have it sent again";
        return Ok((false, why.to_owned()));
    }
    let Some(entry) = Entry::of(&message.source) else {
        let why = format!("nothing takes messages of {:?} any more", message.source);
        return Ok((false, why));
    };
    let delivery = Delivery {
        entry,
        body: message.body.clone(),
        handoff: named_handoff(uri),
        received_at: message.received_at,
        suffix: format!("/replay-{}-{}", message.id, state.now().timestamp_micros()),
    };
    match entry {
        Entry::Trigger => replay_trigger(state, &delivery).await,
        Entry::Complete => replay_completions(state, delivery).await,
    }
}

async fn replay_trigger(state: &HttpState, delivery: &Delivery) -> Result<(bool, String), Problem> {
    match trigger::read(state, delivery) {
        Ok(message) => {
            let (_, receipt) = trigger::take(state, message).await?;
            Ok((receipt.is_accepted(), receipt.text()))
        }
        Err(refused) => Ok((false, refused.reason)),
    }
}

async fn replay_completions(
    state: &HttpState,
    delivery: Delivery,
) -> Result<(bool, String), Problem> {
    let suffix = delivery.suffix.clone();
    let read = complete::read(state, delivery).await?;
    if let Some((refused, _)) = read.malformed.first() {
        let why = format!("{} malformed: {}", read.malformed.len(), refused.reason);
        return Ok((false, why));
    }
    let receipt = complete::take(state, read.messages).await?;
    if receipt.unknown > 0 {
        drop_copies(state, &suffix).await?;
    }
    let why = format!(
        "{} accepted, {} duplicate, {} unknown",
        receipt.accepted, receipt.duplicate, receipt.unknown
    );
    Ok((receipt.unknown == 0, why))
}

/// What is unknown again is quarantined again; the first copy is enough.
async fn drop_copies(state: &HttpState, suffix: &str) -> Result<(), Problem> {
    let latest = state.engine.shared().store.quarantined(COPIES_LOOKED_AT);
    for copy in latest.await? {
        if copy.message_id.as_str().ends_with(suffix) {
            state.engine.inbox().release(copy.id).await?;
        }
    }
    Ok(())
}
