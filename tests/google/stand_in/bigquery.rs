//! A scripted BigQuery: what is asked is kept, and answered from a list; an empty list answers no rows of the right
//! columns.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::HeaderMap,
    routing::{get, post},
};
use serde_json::{Value, json};

/// What was asked, and what is answered next.
#[derive(Default)]
pub struct BigQuery {
    answers: Mutex<VecDeque<Value>>,
    asked: Mutex<Vec<Value>>,
    tokens: Mutex<Vec<String>>,
}

impl BigQuery {
    /// The next answer that is not given yet; each is used up.
    pub fn answer(&self, answer: Value) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// The queries that came through.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// What each of them was sent with.
    pub fn tokens(&self) -> Vec<String> {
        self.tokens.lock().unwrap().clone()
    }

    fn next(&self, headers: &HeaderMap) -> Json<Value> {
        let token = headers.get("authorization");
        let token = token.map_or("", |value| value.to_str().unwrap());
        self.tokens.lock().unwrap().push(token.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        Json(answer.unwrap_or_else(|| rows(&[])))
    }
}

/// A whole answer to which units have rows.
pub fn rows(units: &[&str]) -> Value {
    let rows: Vec<Value> = units
        .iter()
        .map(|unit| json!({"f": [{"v": unit}, {"v": "1768838201250000"}]}))
        .collect();
    json!({"jobComplete": true, "jobReference": {"jobId": "job-1", "projectId": "p", "location": "US"},
        "schema": {"fields": [{"name": "player_lookup", "type": "STRING"}, {"name": "created_at", "type": "TIMESTAMP"}]},
        "rows": rows, "totalRows": units.len().to_string()})
}

pub fn routes(bigquery: Arc<BigQuery>) -> Router {
    Router::new()
        .route("/bigquery/v2/projects/{project}/queries", post(query))
        .route(
            "/bigquery/v2/projects/{project}/queries/{job}",
            get(results),
        )
        .with_state(bigquery)
}

async fn query(
    State(bigquery): State<Arc<BigQuery>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Json<Value> {
    bigquery.asked.lock().unwrap().push(body);
    bigquery.next(&headers)
}

async fn results(State(bigquery): State<Arc<BigQuery>>, headers: HeaderMap) -> Json<Value> {
    bigquery.next(&headers)
}
