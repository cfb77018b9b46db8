//! A stand-in for Pub/Sub: pushes each message until it is acknowledged, to wherever the service listens now.
//!
//! What a message says belongs to whoever publishes it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tipoff::clock::{Clock, SystemClock};

/// The pause before a message is pushed again. Pub/Sub takes 10 s at least; a test has less time.
const AGAIN: Duration = Duration::from_millis(25);
/// How long one push may take.
const PUSH_MAX: Duration = Duration::from_secs(10);

/// A subscription that pushes.
#[derive(Clone, Copy)]
pub enum Subscription {
    /// The upstream's completion.
    Trigger,
    /// The workers' answers.
    Completion,
}

impl Subscription {
    fn path(self) -> &'static str {
        match self {
            Self::Trigger => "/trigger",
            Self::Completion => "/complete",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Trigger => "nba-phase5-trigger-sub",
            Self::Completion => "prediction-ready-prod-sub",
        }
    }
}

/// The topics of a night and what is still to be delivered.
#[derive(Clone, Default)]
pub struct PubSub {
    client: reqwest::Client,
    url: Arc<Mutex<Option<String>>>,
    numbered: Arc<AtomicU64>,
    pending: Arc<AtomicU64>,
}

impl PubSub {
    /// Where the service listens from now on; `None`: nowhere.
    pub fn connect(&self, url: Option<String>) {
        *self.url.lock().unwrap() = url;
    }

    /// Where the service listens.
    pub fn url(&self) -> String {
        self.url.lock().unwrap().clone().unwrap_or_default()
    }

    /// Messages that nobody has acknowledged yet.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::SeqCst)
    }

    /// Publishes a message and pushes it, under one number, until it is acknowledged; then returns.
    pub async fn publish(&self, subscription: Subscription, data: &Value) {
        let number = self.numbered.fetch_add(1, Ordering::SeqCst);
        self.pending.fetch_add(1, Ordering::SeqCst);
        let envelope = json!({
            "message": {
                "data": STANDARD.encode(data.to_string()),
                "messageId": number.to_string(),
                "publishTime": SystemClock.now().to_rfc3339(),
                "attributes": {},
            },
            "subscription": format!("projects/p/subscriptions/{}", subscription.name()),
        });
        while !self.push(subscription, &envelope).await {
            tokio::time::sleep(AGAIN).await;
        }
        // One in eight is delivered again although it was acknowledged: at least once is all that is promised.
        if number.is_multiple_of(8) {
            while !self.push(subscription, &envelope).await {
                tokio::time::sleep(AGAIN).await;
            }
        }
        self.pending.fetch_sub(1, Ordering::SeqCst);
    }

    async fn push(&self, subscription: Subscription, envelope: &Value) -> bool {
        let url = format!("{}{}", self.url(), subscription.path());
        let pushed = self.client.post(url).timeout(PUSH_MAX).json(envelope);
        let Ok(answer) = pushed.send().await else {
            return false;
        };
        answer.status().is_success()
    }
}
