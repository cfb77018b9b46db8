//! `POST /retry`: a retry schedule or a person asks that what needs work is sent again.
//!
//! Which units these are and whether they may be sent belongs to the domain.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use super::{
    Caller, HttpState,
    answer::{answer, nothing},
    body,
};
use crate::{
    domain::{
        event::Event,
        reason::{Code, Reason},
        trigger::{Source, Trigger},
    },
    wire::people::{Problem, Retry},
};

/// Retries, or says why there is nothing to retry. A date without a run stays without one.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let retry = Retry::read(&body::read(request).await?)?;
    let key = state.meant_by_tomorrow(&retry.target)?.key;
    let trigger = Trigger {
        by: caller.asked_as(retry.source),
        ..Trigger::of(Source::Retry)
    };
    let inbox = state.engine.inbox();
    let receipt = inbox
        .command(key.clone(), Event::Triggered(trigger))
        .await?;
    if receipt.run.is_none() {
        let text = "the date has no run, so nothing can be sent again";
        return Ok(nothing(&key, Reason::new(Code::NothingToRetry, text)));
    }
    Ok(answer(&key, &receipt))
}
