//! `POST /tick`: a scheduler outside wakes a service that may sleep.
//!
//! What is due belongs to the engine.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::HttpState;
use crate::{
    domain::zone::Zone,
    wire::{people::Problem, run_view::local},
};

/// Does what is due and answers when it is done. The body is not looked at.
pub async fn post(State(state): State<Arc<HttpState>>) -> Result<Json<Value>, Problem> {
    state.engine.tick().await?;
    let next = state.engine.shared().store.next_wake_at().await?;
    let zone = state.zone();
    let next_wake_at = next.map(|at| local(&zone, at));
    Ok(Json(json!({"next_wake_at": next_wake_at})))
}

impl HttpState {
    /// The zone in which instants that belong to no handoff are written: the first handoff's.
    pub(super) fn zone(&self) -> Zone {
        let mut handoffs = self.engine.shared().handoffs.values();
        let first = handoffs.next().map(|handoff| handoff.policy.schedule.zone);
        first.unwrap_or(Zone::Named(chrono_tz::Tz::UTC))
    }
}
