//! Stub.
use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};

use crate::{
    clock::Clock as _,
    config::Token,
    domain::ids::{HandoffId, MessageId},
    engine::{AnswerMessage, Engine, TriggerMessage},
    wire::{completion, push::Push, upstream},
};

/// x
pub struct HandoffRoute {
    pub id: HandoffId,
    pub upstream_topic: Option<String>,
    pub trigger_subscription: Option<String>,
    pub completion_subscription: Option<String>,
    pub final_processor_names: Vec<String>,
}
/// x
#[derive(Clone)]
pub struct HttpState {
    engine: Arc<Engine>,
}
impl HttpState {
    /// x
    pub fn new(engine: Arc<Engine>, _routes: Vec<HandoffRoute>, _token: Option<Token>) -> Self {
        Self { engine }
    }
}
/// x
pub fn router(state: HttpState) -> Router {
    Router::new()
        .route("/trigger", post(trigger))
        .route("/complete", post(complete))
        .route("/metrics", get(|| async { "" }))
        .with_state(state)
}
async fn trigger(State(s): State<HttpState>, body: Bytes) -> (StatusCode, String) {
    let now = s.engine.shared().clock.now();
    let p = Push::read(&body).unwrap();
    let e = upstream::read(&p.data, upstream::EVENT_TYPE, p.true_at(now)).unwrap();
    let h = s.engine.shared().handoffs.keys().next().unwrap().clone();
    let r = s
        .engine
        .inbox()
        .trigger(TriggerMessage {
            id: p.message_id.clone(),
            handoff: h,
            event: e,
        })
        .await;
    match r {
        Ok(r) => (StatusCode::OK, r.text()),
        Err(e) => (StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
    }
}
async fn complete(State(s): State<HttpState>, body: Bytes) -> (StatusCode, String) {
    let now = s.engine.shared().clock.now();
    let p = Push::read(&body).unwrap();
    let a = completion::read(&p.data, p.true_at(now)).unwrap();
    let h = s.engine.shared().handoffs.keys().next().unwrap().clone();
    let id: MessageId = p.message_id.clone();
    let r = s
        .engine
        .inbox()
        .answers(vec![AnswerMessage {
            id,
            handoff: h,
            answer: a,
            body: body.to_vec(),
        }])
        .await;
    match r {
        Ok(r) => (StatusCode::OK, format!("{r:?}")),
        Err(e) => (StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
    }
}
