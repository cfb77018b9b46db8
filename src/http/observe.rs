//! What holds for every request: how long it may take, what is counted and logged of it, what browsers are told.
//!
//! Addresses, tokens and bodies are never logged.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header::CACHE_CONTROL},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, timeout};

use super::{HttpState, problem};
use crate::telemetry::measure::{Exchange, record_request};

/// The paths that are asked all the time; what they answer is no error of the service's users.
const PROBES: [&str; 4] = ["/health", "/ready", "/version", "/metrics"];

/// Answers 503 when the time is up. What the engine has taken in by then is done all the same.
pub async fn bound(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    match timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem::timed_out(longest).into_response(),
    }
}

/// Counts and logs the request.
pub async fn record(
    State(state): State<Arc<HttpState>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let response = next.run(request).await;
    let exchange = Exchange {
        route: path.as_ref().map_or("other", MatchedPath::as_str),
        method: method.as_str(),
        status: response.status().as_u16(),
        took: began.elapsed(),
    };
    log(&exchange);
    if !is_failed_probe(&exchange) {
        record_request(&state.engine.shared().metrics, exchange);
    }
    response
}

/// Answers hold the state of this moment: nobody between may keep them.
pub async fn plain(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_failed_probe(exchange: &Exchange<'_>) -> bool {
    exchange.status >= 400 && PROBES.contains(&exchange.route)
}

fn log(exchange: &Exchange<'_>) {
    let Exchange {
        route,
        method,
        status,
        ..
    } = exchange;
    let took_milliseconds = exchange.took.as_millis() as u64;
    tracing::debug!(
        route,
        method,
        status,
        took_milliseconds,
        "{method} {route} was answered {status}"
    );
}
