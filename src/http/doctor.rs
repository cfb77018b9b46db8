//! `GET /doctor`: the last examination of the surroundings; `POST /doctor`: another one, now.
//!
//! Examining belongs to the engine; the body is not looked at.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;

use super::HttpState;
use crate::{domain::wiring::Examination, ports::Known, wire::people::Problem};

/// What was found last, and what the service knows by itself.
#[derive(Serialize)]
pub struct Shown {
    /// `null`: there was none.
    examined: Option<Examination>,
    known: Known,
}

/// Shows the last examination.
pub async fn get(State(state): State<Arc<HttpState>>) -> Result<Json<Shown>, Problem> {
    let service = state.engine.shared().store.service().await?;
    let known = state.engine.known(&service);
    Ok(Json(Shown {
        examined: service.examined,
        known,
    }))
}

/// Examines now and shows what was found.
pub async fn post(State(state): State<Arc<HttpState>>) -> Result<Json<Shown>, Problem> {
    state.engine.examine().await?;
    get(State(state)).await
}
