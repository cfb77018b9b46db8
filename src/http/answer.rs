//! Answers to calls about a run: 202 where it was taken up, else 200 with why.
//!
//! Whole runs are shown by `wire::run_view`; errors belong to `problem`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    domain::{
        ids::{BatchId, GameDate, HandoffId, RunKey},
        reason::Reason,
        run::{Run, State},
    },
    engine::Receipt,
};

/// What became of a call about a run.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    handoff: &'a HandoffId,
    game_date: GameDate,
    /// `None` where there is no run.
    state: Option<State>,
    /// `None` until a batch is frozen.
    batch_id: Option<&'a BatchId>,
    /// Why, for programs.
    why: &'a [Reason],
    /// Why, for people.
    reason: String,
}

/// The answer to a call about this run.
pub fn answer(key: &RunKey, receipt: &Receipt) -> Response {
    let run = receipt.run.as_ref();
    let answer = Answer {
        handoff: &key.handoff,
        game_date: key.game_date,
        state: run.map(|run| run.state),
        batch_id: run.and_then(Run::batch_id),
        why: &receipt.why,
        reason: receipt.text(),
    };
    let status = if receipt.is_accepted() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    (status, Json(answer)).into_response()
}

/// 200: there is nothing to do, and why.
pub fn nothing(key: &RunKey, reason: Reason) -> Response {
    let receipt = Receipt {
        run: None,
        why: vec![reason],
        duplicate: false,
    };
    answer(key, &receipt)
}
