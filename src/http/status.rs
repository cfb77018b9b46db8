//! `GET /status` and `GET /history`: a run as it stands, and everything that happened to it.
//!
//! How a run is written belongs to `wire::run_view`.

use std::sync::Arc;

use axum::{Json, extract::State, http::Uri};

use super::{
    HttpState,
    people::{no_run, query},
    problem::not_known,
};
use crate::{
    domain::ids::RunKey,
    wire::{
        people::{Problem, Question},
        run_view::{HistoryView, RunView},
    },
};

/// Shows the run of a date, today's if none is named, or of a batch.
pub async fn get(State(state): State<Arc<HttpState>>, uri: Uri) -> Result<Json<RunView>, Problem> {
    let key = meant(&state, &uri).await?;
    let store = &state.engine.shared().store;
    let Some(run) = store.run(&key).await? else {
        return Err(no_run(&key));
    };
    let history = store.history(&key).await?;
    Ok(Json(RunView::of(&run, &history, state.now())))
}

/// Lists what happened on a night, earliest first, with every reason.
pub async fn history(
    State(state): State<Arc<HttpState>>,
    uri: Uri,
) -> Result<Json<HistoryView>, Problem> {
    let key = meant(&state, &uri).await?;
    let store = &state.engine.shared().store;
    let run = store.run(&key).await?;
    let entries = store.history(&key).await?;
    // A message that was refused has a history without a run.
    let policy = match (&run, state.handoff(&key.handoff)) {
        (Some(run), _) => &run.policy,
        (None, Some(handoff)) if !entries.is_empty() => &handoff.policy,
        (None, _) => return Err(no_run(&key)),
    };
    Ok(Json(HistoryView {
        schedule_zone: policy.schedule.zone,
        calendar_zone: policy.calendar_zone,
        entries,
    }))
}

async fn meant(state: &HttpState, uri: &Uri) -> Result<RunKey, Problem> {
    let question = Question::read(query(uri))?;
    let Some(batch_id) = &question.batch_id else {
        return Ok(state.meant(&question.target)?.key);
    };
    let key = state.engine.shared().store.run_of_batch(batch_id).await?;
    key.ok_or_else(|| not_known(format!("no run has a batch {:?}", batch_id.as_str())))
}
