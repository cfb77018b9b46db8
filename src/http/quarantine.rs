//! `GET /quarantine`, `GET /quarantine/{id}` and `DELETE /quarantine/{id}`: what was not understood, for a person.
//!
//! Sending it in again belongs to `replay`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
};

use super::{
    Caller, HttpState,
    people::query,
    problem::{bad_field, not_known},
};
use crate::{
    ports::store::Quarantined,
    wire::{
        people::Problem,
        quarantine::{QuarantinedBody, QuarantinedView},
    },
};

/// Messages listed where nothing is said, and at most.
const LISTED: u32 = 100;
const LISTED_MAX: u32 = 1_000;

/// Lists messages, latest first, `?most=` of them.
pub async fn list(
    State(state): State<Arc<HttpState>>,
    uri: Uri,
) -> Result<Json<Vec<QuarantinedView>>, Problem> {
    let asked = query(&uri).into_iter().find(|(name, _)| name == "most");
    let most = match asked {
        None => LISTED,
        Some((_, text)) => text
            .parse()
            .ok()
            .filter(|most| (1..=LISTED_MAX).contains(most))
            .ok_or_else(|| bad_field("most", format!("write a number from 1 to {LISTED_MAX}")))?,
    };
    let messages = state.engine.shared().store.quarantined(most).await?;
    let zone = state.zone();
    let views = messages
        .iter()
        .map(|message| QuarantinedView::of(message, &zone));
    Ok(Json(views.collect()))
}

/// Shows one message with its bytes.
pub async fn show(
    State(state): State<Arc<HttpState>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<QuarantinedBody>, Problem> {
    let Path(id) = id?;
    let message = state.quarantined(&id).await?;
    Ok(Json(QuarantinedBody::of(&message, &state.zone())))
}

/// Drops one message for good.
pub async fn drop(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(id) = id?;
    let message = state.quarantined(&id).await?;
    if !state.engine.inbox().release(message.id).await? {
        return Err(not_quarantined(&id));
    }
    let (by, message_id) = (caller.name(), message.message_id.as_str());
    tracing::info!(
        by,
        id = message.id,
        message_id,
        "{by} dropped message {} from quarantine",
        message.id
    );
    Ok(StatusCode::NO_CONTENT)
}

impl HttpState {
    /// The quarantined message of this number.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) async fn quarantined(&self, id: &str) -> Result<Quarantined, Problem> {
        let number: i64 = id.parse().map_err(|_| not_quarantined(id))?;
        let message = self
            .engine
            .shared()
            .store
            .quarantined_message(number)
            .await?;
        message.ok_or_else(|| not_quarantined(id))
    }
}

fn not_quarantined(id: &str) -> Problem {
    not_known(format!("no message {id:?} is in quarantine"))
}
