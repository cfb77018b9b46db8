//! Cloud Monitoring as far as it is asked: the latest numbers of topics and subscriptions.
//!
//! Like the real one it leaves out `timeSeries` where it has none, and writes an int64 as a text.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};

/// What was measured: publish requests by topic, waiting messages by subscription.
#[derive(Default)]
pub struct Monitoring {
    /// Publish requests of late, by the topic's name.
    pub published: Mutex<BTreeMap<String, i64>>,
    /// Waiting messages, by the subscription's name.
    pub waiting: Mutex<BTreeMap<String, i64>>,
}

pub fn routes(monitoring: Arc<Monitoring>) -> Router {
    Router::new()
        .route("/monitoring/v3/projects/{project}/timeSeries", get(list))
        .with_state(monitoring)
}

async fn list(
    State(monitoring): State<Arc<Monitoring>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let asked = |name: &str| query.get(name).cloned().ok_or(StatusCode::BAD_REQUEST);
    let filter = asked("filter")?;
    for name in ["interval.startTime", "interval.endTime"] {
        let instant = chrono::DateTime::parse_from_rfc3339(&asked(name)?);
        instant.map_err(|_| StatusCode::BAD_REQUEST)?;
    }
    let (label, numbers) = if filter.contains("topic/send_request_count") {
        ("topic_id", &monitoring.published)
    } else if filter.contains("subscription/num_undelivered_messages") {
        ("subscription_id", &monitoring.waiting)
    } else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let numbers = numbers.lock().unwrap();
    let narrowed = filter.contains(label);
    let passes = |name: &str| !narrowed || filter.contains(&format!("{label}=\"{name}\""));
    let series: Vec<Value> = numbers
        .iter()
        .filter(|(name, _)| passes(name))
        .map(|(name, number)| {
            json!({"resource": {"labels": {label: name}},
                "points": [{"value": {"int64Value": number.to_string()}}]})
        })
        .collect();
    Ok(Json(if series.is_empty() {
        json!({})
    } else {
        json!({ "timeSeries": series })
    }))
}
