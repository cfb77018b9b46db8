//! `GET /runbooks/{name}`: what an alert means and what to do, open to all: a runbook holds no secrets.
//!
//! The texts belong to `render::runbooks`.

use axum::{
    extract::{Path, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::html;

use super::{
    problem::not_known,
    respond::{document, with_headers},
};
use crate::{render::runbooks::runbook, wire::people::Problem};

/// Shows the runbook as it is written.
pub async fn get(name: Result<Path<String>, PathRejection>) -> Response {
    let name = match name {
        Ok(Path(name)) => name,
        Err(rejection) => return Problem::from(rejection).into_response(),
    };
    // The same address works where the runbooks are read as files.
    let Some(text) = runbook(name.strip_suffix(".md").unwrap_or(&name)) else {
        return not_known(format!("no runbook is called {name:?}")).into_response();
    };
    let body = html! { main { pre.runbook { (text) } } };
    with_headers(StatusCode::OK, document(&format!("Runbook: {name}"), &body))
}
