//! `POST /adopt`: a person moves an open run to the promises that are configured now.
//!
//! What that changes in the run belongs to the domain; its history keeps both.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use super::{Caller, HttpState, answer::answer, body, people::no_run};
use crate::{
    domain::event::Event,
    wire::people::{Problem, Retry},
};

/// Moves the run; a body such as that of a retry names it.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let body = Retry::read(&body::read(request).await?)?;
    let meant = state.meant(&body.target)?;
    let key = meant.key;
    let policy = state
        .handoff(&key.handoff)
        .map(|handoff| Box::new(handoff.policy.clone()));
    let Some(policy) = policy else {
        return Err(no_run(&key));
    };
    let event = Event::Adopted {
        by: caller.name().to_owned(),
        policy,
    };
    let receipt = state.engine.inbox().command(key.clone(), event).await?;
    if receipt.run.is_none() {
        return Err(no_run(&key));
    }
    Ok(answer(&key, &receipt))
}
