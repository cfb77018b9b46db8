//! `POST /alerts/silence`: a person has nothing sent of a kind of alert for a while; it is still stored and shown.
//!
//! What a silence holds back is decided by `domain::routing`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
};
use serde::Serialize;

use super::{Caller, HttpState, body, problem::not_known};
use crate::{
    domain::{ids::HandoffId, routing::Silence},
    render::Zones,
    wire::{alert_view::SilenceView, alerts::Hush, people::Problem},
};

/// What came of it.
#[derive(Serialize)]
pub struct Silenced {
    silence: SilenceView,
    /// What it means, for people.
    reason: String,
}

/// Sets the silence.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<(StatusCode, Json<Silenced>), Problem> {
    let now = state.now();
    let order = Hush::read(&body::read(request).await?, now)?;
    state.check_handoff(order.handoff.as_ref())?;
    let silence = Silence {
        handoff: order.handoff,
        kind: order.kind,
        by: caller.speaking_as(Some(order.by)),
        since: now,
        until: order.until,
        reason: order.reason,
    };
    state.engine.inbox().silence(silence.clone()).await?;
    let zones = state.zones_of(silence.handoff.as_ref());
    let answer = Silenced {
        silence: SilenceView::of(&silence, &zones.schedule),
        reason: sentence(&silence, &zones),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// What a silence means, as a sentence without a full stop.
fn sentence(silence: &Silence, zones: &Zones) -> String {
    let kind = silence.kind.map_or_else(
        || "nothing".to_owned(),
        |kind| format!("no {}", kind.name()),
    );
    let whose = silence
        .handoff
        .as_ref()
        .map_or_else(|| "the service itself".to_owned(), HandoffId::to_string);
    let until = zones.schedule.text(silence.until);
    format!(
        "{kind} of {whose} is sent until {until}, by {}; what is over is still told",
        silence.by
    )
}

impl HttpState {
    fn check_handoff(&self, handoff: Option<&HandoffId>) -> Result<(), Problem> {
        match handoff.filter(|id| self.handoff(id).is_none()) {
            None => Ok(()),
            Some(id) => Err(Problem {
                field: Some("handoff".to_owned()),
                ..not_known(format!(
                    "no handoff is called {:?}; there is {}, and \"service\"",
                    id.as_str(),
                    self.handoff_names()
                ))
            }),
        }
    }
}
