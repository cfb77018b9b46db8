//! Answers of the built-in workers, delivered by HTTP as Pub/Sub pushes them: wrapped in its envelope, and again
//! until they are taken.
//!
//! What is answered is drawn in `behaviour`; how an answer is read belongs to `wire`.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::behaviour::first_number;
use crate::clock::Clock;

/// First pause before an answer is delivered again; doubled each time up to [`RETRY_DELAY_SECONDS_MAX`].
const RETRY_DELAY_SECONDS_MIN: i64 = 1;

/// Longest pause before an answer is delivered again.
const RETRY_DELAY_SECONDS_MAX: i64 = 60;

/// Most deliveries of one message; a subscription with a dead-letter topic gives up then too.
const DELIVERIES_MAX: u32 = 100;

/// Longest wait for the service to take a message: the acknowledgement deadline of the real subscription.
const ACK_DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

/// Where answers are delivered.
#[derive(Clone)]
pub struct Destination {
    /// The service's completion endpoint.
    pub url: reqwest::Url,
    /// The subscription's name, as the envelope gives it.
    pub subscription: String,
    /// The token that the service asks for, if it does.
    pub token: Option<String>,
}

/// One message to deliver.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The answer.
    pub body: Value,
    /// The message's attributes, an object of text.
    pub attributes: Value,
    /// Whether it is delivered once more after it was taken.
    pub redelivered: bool,
}

/// Delivers messages in the background until they are taken.
#[derive(Clone)]
pub(super) struct Delivery {
    /// Carries the messages.
    pub client: reqwest::Client,
    /// Dates the messages and times the pauses.
    pub clock: Arc<dyn Clock>,
    /// Where to, now.
    pub destination: Arc<RwLock<Destination>>,
    /// Everything under way, the workers too.
    pub tasks: TaskTracker,
    /// Ends everything under way.
    pub stop: CancellationToken,
    published: Arc<AtomicU64>,
}

impl Delivery {
    /// Delivers nothing yet.
    pub fn new(client: reqwest::Client, clock: Arc<dyn Clock>, destination: Destination) -> Self {
        Self {
            client,
            clock,
            destination: Arc::new(RwLock::new(destination)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            published: Arc::default(),
        }
    }

    /// Publishes a message under an id of its own and returns at once.
    pub fn publish(&self, message: Message) {
        let delivery = self.clone();
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(delivery.deliver(message)).await;
        });
    }

    async fn deliver(&self, message: Message) {
        let envelope = self.envelope(&message);
        let times = if message.redelivered { 2 } else { 1 };
        for _ in 0..times {
            self.deliver_once(&envelope).await;
        }
    }

    async fn deliver_once(&self, envelope: &Value) {
        let mut delay_seconds = RETRY_DELAY_SECONDS_MIN;
        for _ in 0..DELIVERIES_MAX {
            if self.taken(envelope).await {
                return;
            }
            let next_at = self.clock.now() + TimeDelta::seconds(delay_seconds);
            self.clock.sleep_until(next_at).await;
            delay_seconds = (delay_seconds * 2).min(RETRY_DELAY_SECONDS_MAX);
        }
        tracing::warn!(
            deliveries = DELIVERIES_MAX,
            "a built-in worker's answer was never taken and is given up"
        );
    }

    /// Whether the service took it: any 2xx acknowledges, everything else asks for redelivery.
    async fn taken(&self, envelope: &Value) -> bool {
        let Destination { url, token, .. } = self.destination();
        let post = self.client.post(url).timeout(ACK_DEADLINE).json(envelope);
        let post = match token {
            Some(token) => post.bearer_auth(token),
            None => post,
        };
        post.send()
            .await
            .is_ok_and(|response| response.status().is_success())
    }

    fn destination(&self) -> Destination {
        self.destination
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The body of a push: cloud.google.com/pubsub/docs/push, "Receive push messages".
    fn envelope(&self, message: &Message) -> Value {
        let published_at = self
            .clock
            .now()
            .to_rfc3339_opts(SecondsFormat::Micros, true);
        let message_id = self.message_id(message, &published_at);
        json!({
            "message": {
                "attributes": message.attributes,
                "data": STANDARD.encode(message.body.to_string()),
                "messageId": message_id,
                "message_id": message_id,
                "publishTime": published_at,
                "publish_time": published_at,
            },
            "subscription": self.destination().subscription,
        })
    }

    /// Unlike any other also after a restart: the content and the instant tell processes apart, the number messages.
    fn message_id(&self, message: &Message, published_at: &str) -> String {
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        let mut hash = Sha256::new();
        hash.update(message.body.to_string());
        hash.update(published_at);
        hash.update(number.to_be_bytes());
        first_number(&hash.finalize()).to_string()
    }
}
