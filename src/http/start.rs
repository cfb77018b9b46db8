//! `POST /start`: the backup schedule or a person asks for a run.
//!
//! What a start does to a run belongs to the domain; a dry run to `dry_run`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use super::{Caller, HttpState, answer::answer, body, dry_run};
use crate::{
    domain::{event::Event, trigger::Trigger},
    wire::people::{Problem, Start},
};

/// Starts the run, adds to what is under way, or says why there is nothing to do; it never waits for the work.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let start = Start::read(&body::read(request).await?)?;
    let meant = state.meant_by_tomorrow(&start.target)?;
    if start.dry_run {
        return dry_run::answer(&state, meant, &start).await;
    }
    let trigger = Trigger {
        force: start.force,
        min_minutes: start.min_minutes,
        by: caller.asked_as(start.source),
        ..Trigger::of(start.source)
    };
    let inbox = state.engine.inbox();
    let receipt = inbox
        .ask(meant.key.clone(), Event::Triggered(trigger))
        .await?;
    Ok(answer(&meant.key, &receipt))
}
