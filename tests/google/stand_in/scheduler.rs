//! Cloud Scheduler as far as it is asked: jobs by their whole name (<https://cloud.google.com/scheduler/docs/reference/rest>).
//!
//! No job ever runs here.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};

/// Its jobs.
#[derive(Default)]
pub struct Scheduler(Mutex<BTreeMap<String, Value>>);

impl Scheduler {
    /// Makes a job, or changes it whole.
    pub fn put(&self, name: &str, mut body: Value) {
        body["name"] = json!(name);
        self.0.lock().unwrap().insert(name.to_owned(), body);
    }

    /// Changes one job.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        change(
            self.0
                .lock()
                .unwrap()
                .get_mut(name)
                .expect("the job is there"),
        );
    }

    /// Takes a job away.
    pub fn delete(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

pub fn routes(scheduler: Arc<Scheduler>) -> Router {
    let path = "/scheduler/v1/projects/{project}/locations/{region}/jobs/{job}";
    Router::new().route(path, get(show)).with_state(scheduler)
}

async fn show(
    State(scheduler): State<Arc<Scheduler>>,
    Path((project, region, job)): Path<(String, String, String)>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let name = format!("projects/{project}/locations/{region}/jobs/{job}");
    let found = scheduler.0.lock().unwrap().get(&name).cloned();
    let missing =
        json!({"error": {"code": 404, "message": "Job not found.", "status": "NOT_FOUND"}});
    found
        .map(Json)
        .ok_or((StatusCode::NOT_FOUND, Json(missing)))
}
