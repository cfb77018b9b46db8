//! The people of a night: an endpoint that takes every message and keeps it.
//!
//! What has to be true of the messages is in `told`.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use tokio::net::TcpListener;

use super::super::told::Copy;

/// Every message so far.
pub type Messages = Arc<Mutex<Vec<Copy>>>;

/// Starts it, and says where it takes messages.
pub async fn start() -> (Messages, SocketAddr) {
    let messages = Messages::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/", post(take))
        .with_state(messages.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (messages, address)
}

async fn take(State(messages): State<Messages>, headers: HeaderMap, text: String) {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    messages.lock().unwrap().push(Copy {
        channel: "hook",
        notice_id: key.clone(),
        known_by: key,
        text,
    });
}
