//! The metadata server's access tokens, and the endpoint at which a service account's key is turned into one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

/// How many tokens were given out.
#[derive(Default)]
pub struct Metadata {
    given: AtomicUsize,
}

impl Metadata {
    /// How many tokens were given out.
    pub fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }

    fn token(&self) -> Response {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!("access-token-{number}");
        Json(json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}))
            .into_response()
    }
}

pub fn routes(metadata: Arc<Metadata>) -> Router {
    Router::new()
        .route(
            "/computeMetadata/v1/instance/service-accounts/default/token",
            get(of_machine),
        )
        .route("/token", post(of_key))
        .with_state(metadata)
}

async fn of_machine(State(metadata): State<Arc<Metadata>>, headers: HeaderMap) -> Response {
    if headers
        .get("metadata-flavor")
        .is_none_or(|value| value != "Google")
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    metadata.token()
}

async fn of_key(State(metadata): State<Arc<Metadata>>, body: String) -> Response {
    if !body.contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    metadata.token()
}
