//! `/health`, `/ready`, `/version` and `/metrics`: open to all, without anything that is nobody's business.
//!
//! What is measured belongs to `telemetry`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::{sync::Mutex, time::timeout};

use super::HttpState;
use crate::{
    domain::{Instant, zone},
    engine::Handoff,
    ports::{Page, chain},
    telemetry::{
        expose,
        measure::{record_store_error, show_identity_keys},
    },
    wire::people::Problem,
};

/// How long a dependency may take to answer a probe.
const ANSWER_SECONDS_MAX: u64 = 3;
/// For how long the warehouses' answers are used again: asking may cost money, and anyone may probe.
const ASKED_AGE_MAX: TimeDelta = TimeDelta::seconds(10);
/// The exposition format of Prometheus (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const METRICS_MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// When the warehouses were last asked, and which answered.
#[derive(Default)]
pub struct LastAsked(Mutex<Option<(Instant, Answered)>>);

/// Each handoff with whether its warehouse answered.
type Answered = Vec<(String, bool)>;

/// The process answers.
pub async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The store can be read and written and every warehouse answers; 503 says which could not be asked.
pub async fn ready(State(state): State<Arc<HttpState>>) -> Response {
    let (store, warehouses) = tokio::join!(ask_store(&state), ask_warehouses(&state));
    let ready = store && warehouses.iter().all(|(_, answered)| *answered);
    let told: Map<String, Value> = warehouses
        .into_iter()
        .map(|(name, answered)| (name, word(answered).into()))
        .collect();
    let (status, text) = if ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let body = json!({"status": text, "store": word(store), "warehouses": told});
    (status, Json(body)).into_response()
}

/// Which version this is, and whose clock changes it knows.
pub async fn version() -> Json<Value> {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "zone_database": zone::DATABASE_VERSION,
    }))
}

/// The metrics as Prometheus reads them; 503 where the store cannot be asked, since old figures would look like new.
pub async fn metrics(State(state): State<Arc<HttpState>>) -> Result<Response, Problem> {
    let shared = state.engine.shared();
    if let Err(error) = state.engine.refresh_gauges().await {
        record_store_error(&shared.metrics);
        return Err(error.into());
    }
    if let Some(at) = state.callers.keys_fetched_at() {
        show_identity_keys(&shared.metrics, at);
    }
    let text = expose(&shared.metrics);
    Ok(([(CONTENT_TYPE, METRICS_MEDIA_TYPE)], text).into_response())
}

/// Could not ask is said as that, never as an empty answer.
fn word(answered: bool) -> &'static str {
    if answered { "ok" } else { "could not ask" }
}

async fn ask_store(state: &HttpState) -> bool {
    let store = &state.engine.shared().store;
    let asked = async {
        store.queues().await?;
        store.can_write().await
    };
    match timeout(Duration::from_secs(ANSWER_SECONDS_MAX), asked).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(error = chain(&error), "the store cannot be read or written");
            false
        }
        Err(_) => {
            tracing::warn!("the store did not answer a probe within {ANSWER_SECONDS_MAX} s");
            false
        }
    }
}

/// One probe asks; those that come meanwhile wait for its answer.
async fn ask_warehouses(state: &HttpState) -> Answered {
    let mut last = state.asked.0.lock().await;
    let now = state.now();
    if let Some((at, answered)) = &*last
        && (now - *at).abs() < ASKED_AGE_MAX
    {
        return answered.clone();
    }
    let handoffs = state.engine.shared().handoffs.values();
    let answered = join_all(handoffs.map(|handoff| ask_warehouse(handoff, now))).await;
    *last = Some((now, answered.clone()));
    answered
}

/// Asks for one row of today's: the cheapest question that reads a table.
async fn ask_warehouse(handoff: &Handoff, now: Instant) -> (String, bool) {
    let page = Page {
        after: None,
        limit: 1,
    };
    let asked = handoff.warehouse.stored_rows(handoff.today(now), page);
    let answered = match timeout(Duration::from_secs(ANSWER_SECONDS_MAX), asked).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            let (handoff, error) = (handoff.id.as_str(), chain(&error));
            tracing::warn!(handoff, error, "the warehouse could not be asked");
            false
        }
        Err(_) => {
            let handoff = handoff.id.as_str();
            tracing::warn!(handoff, "the warehouse did not answer a probe in time");
            false
        }
    };
    (handoff.id.to_string(), answered)
}
