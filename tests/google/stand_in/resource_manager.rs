//! Cloud Resource Manager as far as it is asked: what the caller may do with the project.
//!
//! What may be done with a topic is Pub/Sub's own answer.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

/// What the caller may not do.
#[derive(Default)]
pub struct ResourceManager(Mutex<BTreeSet<String>>);

impl ResourceManager {
    /// Takes a permission away.
    pub fn revoke(&self, permission: &str) {
        self.0.lock().unwrap().insert(permission.to_owned());
    }
}

pub fn routes(manager: Arc<ResourceManager>) -> Router {
    // The verb stands behind the project's name, in one segment.
    Router::new()
        .route("/manager/v1/projects/{project}", post(test))
        .with_state(manager)
}

async fn test(State(manager): State<Arc<ResourceManager>>, Json(body): Json<Value>) -> Json<Value> {
    let revoked = manager.0.lock().unwrap();
    let asked = body["permissions"].as_array().cloned().unwrap_or_default();
    let given: Vec<Value> = asked
        .into_iter()
        .filter(|it| !revoked.contains(it.as_str().unwrap_or_default()))
        .collect();
    Json(if given.is_empty() {
        json!({})
    } else {
        json!({ "permissions": given })
    })
}
