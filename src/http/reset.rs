//! `POST /reset`: a person ends the current batch and returns the run to Waiting.
//!
//! What is kept belongs to the domain.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use super::{Caller, HttpState, answer::answer, body, people::no_run, problem::problem};
use crate::{
    domain::{event::Event, reason::Code},
    wire::people::{Problem, Reset},
};

/// Resets the run; 409 while units are in flight and it is not forced.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let reset = Reset::read(&body::read(request).await?)?;
    let key = state.meant(&reset.target)?.key;
    let event = Event::Reset {
        by: caller.name().to_owned(),
        force: reset.force,
    };
    let receipt = state.engine.inbox().command(key.clone(), event).await?;
    if receipt.run.is_none() {
        return Err(no_run(&key));
    }
    let in_flight = receipt
        .why
        .iter()
        .any(|reason| reason.code == Code::InFlight);
    if in_flight {
        return Err(problem(
            StatusCode::CONFLICT,
            "units_in_flight",
            receipt.text(),
        ));
    }
    Ok(answer(&key, &receipt))
}
