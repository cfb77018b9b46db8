//! Publishes messages in requests as large as Pub/Sub takes them, a few at once, and says of each whether it is confirmed.
//!
//! Trying again belongs to whoever publishes: a failure may hide a success, and the receiver drops the second.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::Instant};

use super::Name;
use crate::{
    domain::ids::MessageId,
    google::{Call, Endpoint, GoogleClient, GoogleError, Kind},
};

/// Most messages of a request (<https://cloud.google.com/pubsub/quotas#resource_limits>).
const MESSAGES_MAX: usize = 1_000;
/// Most bytes of a request as it is sent; Pub/Sub takes 10,000,000, the frame around the messages included.
const BYTES_MAX: usize = 9_900_000;
/// The longest that Google's wish to be left alone is heeded within one call; the caller has patience of its own.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// What it says.
    pub data: Vec<u8>,
    /// Its attributes; Pub/Sub takes 100 of at most 1,024 bytes each.
    pub attributes: BTreeMap<String, String>,
}

/// How much is published at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishLimits {
    /// How long one request may take, its token included.
    pub timeout: Duration,
    /// Most requests in the air, at least 1.
    pub requests_max: usize,
}

/// Publishes to the topics of Pub/Sub.
pub struct Publisher {
    client: GoogleClient,
    endpoint: Endpoint,
    limits: PublishLimits,
    in_the_air: Semaphore,
    quiet_until: Mutex<BTreeMap<Name, Instant>>,
}

impl Publisher {
    /// Publishes over this client.
    pub fn new(client: GoogleClient, endpoint: Endpoint, limits: PublishLimits) -> Arc<Self> {
        Arc::new(Self {
            client,
            endpoint,
            limits,
            in_the_air: Semaphore::new(limits.requests_max.max(1)),
            quiet_until: Mutex::default(),
        })
    }

    /// Publishes messages and says of each, in order, under which number it was taken. A request that is refused for
    /// one of its messages is halved until that one is alone.
    pub async fn publish(
        &self,
        topic: &Name,
        messages: &[Message],
    ) -> Vec<Result<MessageId, GoogleError>> {
        let bodies: Vec<Value> = messages.iter().map(body).collect();
        let requests = batches(&bodies)
            .into_iter()
            .map(|range| self.batch(topic, &bodies[range]));
        let answers: Vec<Vec<Result<MessageId, GoogleError>>> = stream::iter(requests)
            .buffered(self.limits.requests_max.max(1))
            .collect()
            .await;
        answers.into_iter().flatten().collect()
    }

    /// Publishes one message within `timeout`.
    ///
    /// # Errors
    ///
    /// When it is not confirmed; it may have been taken nevertheless.
    pub async fn publish_event(
        &self,
        topic: &Name,
        message: &Message,
        timeout: Duration,
    ) -> Result<MessageId, GoogleError> {
        let ids = self
            .request(topic, &[body(message)], timeout)
            .await?
            .into_iter();
        Ok(ids.last().unwrap_or_else(|| MessageId::new("")))
    }

    /// In order: the front of the queue always stands for the next messages without a result.
    async fn batch(&self, topic: &Name, bodies: &[Value]) -> Vec<Result<MessageId, GoogleError>> {
        let mut results = Vec::with_capacity(bodies.len());
        let mut open = VecDeque::new();
        open.push_back(0..bodies.len());
        while let Some(range) = open.pop_front() {
            let count = range.len();
            match self
                .request(topic, &bodies[range.clone()], self.limits.timeout)
                .await
            {
                Ok(ids) => results.extend(ids.into_iter().map(Ok)),
                Err(error) if error.kind == Kind::Invalid && count > 1 => {
                    let middle = range.start + count / 2;
                    open.push_front(middle..range.end);
                    open.push_front(range.start..middle);
                }
                Err(error) => results.extend(std::iter::repeat_n(Err(error), count)),
            }
        }
        results
    }

    async fn request(
        &self,
        topic: &Name,
        bodies: &[Value],
        timeout: Duration,
    ) -> Result<Vec<MessageId>, GoogleError> {
        let _permit = self
            .in_the_air
            .acquire()
            .await
            .expect("the semaphore is never closed");
        self.until_quiet_ends(topic).await;
        let doing = format!("publishing {} messages to {topic}", bodies.len());
        let call = Call {
            doing: &doing,
            timeout,
        };
        let asked = json!({"messages": bodies});
        let path = topic.path("publish");
        let answered = self.client.post(call, &self.endpoint, &path, &asked).await;
        let answer = answered.inspect_err(|error| self.heed(topic, error))?;
        ids(&doing, &answer, bodies.len())
    }

    async fn until_quiet_ends(&self, topic: &Name) {
        let until = self.quiet().get(topic).copied();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    fn heed(&self, topic: &Name, error: &GoogleError) {
        if let Some(asked) = error.retry_after.and_then(|it| it.to_std().ok()) {
            let until = Instant::now() + asked.min(QUIET_MAX);
            self.quiet().insert(topic.clone(), until);
        }
    }

    fn quiet(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Instant>> {
        self.quiet_until
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn body(message: &Message) -> Value {
    json!({"data": STANDARD.encode(&message.data), "attributes": message.attributes})
}

/// As many messages a request as both limits allow; one that is too large by itself goes alone, to be refused alone.
fn batches(bodies: &[Value]) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (at, body) in bodies.iter().enumerate() {
        let more = body.to_string().len() + 1;
        match batches.last_mut() {
            Some(last) if last.len() < MESSAGES_MAX && bytes + more <= BYTES_MAX => {
                last.end = at + 1;
                bytes += more;
            }
            Some(_) | None => {
                batches.push(at..at + 1);
                bytes = more;
            }
        }
    }
    batches
}

/// As many ids as messages, or nothing is known.
fn ids(doing: &str, answer: &Value, count: usize) -> Result<Vec<MessageId>, GoogleError> {
    let given = answer["messageIds"].as_array();
    let ids: Option<Vec<MessageId>> = given.and_then(|ids| {
        ids.iter()
            .map(|id| id.as_str().filter(|id| !id.is_empty()).map(MessageId::new))
            .collect()
    });
    match ids {
        Some(ids) if ids.len() == count => Ok(ids),
        Some(ids) => {
            let said = format!("{} message ids came back", ids.len());
            Err(GoogleError::new(doing, Kind::Unreadable, said))
        }
        None => {
            let said = "no message ids came back";
            Err(GoogleError::new(doing, Kind::Unreadable, said))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use serde_json::{Value, json};

    use super::{BYTES_MAX, MESSAGES_MAX, batches};

    #[test]
    fn a_message_too_large_by_itself_goes_alone() {
        let large = json!("x".repeat(BYTES_MAX));
        let bodies = [json!("a"), large, json!("b")];
        assert_eq!(batches(&bodies), [0..1, 1..2, 2..3]);
    }

    proptest! {
        #[test]
        fn every_message_is_in_one_request_within_both_limits(
            sizes in proptest::collection::vec(1usize..400_000, 0..60), small in 0usize..2_500,
        ) {
            let mut bodies: Vec<Value> = sizes.iter().map(|size| json!("x".repeat(*size))).collect();
            bodies.extend(std::iter::repeat_n(json!("y"), small));
            let batches = batches(&bodies);
            let mut next = 0;
            for batch in batches {
                prop_assert_eq!(batch.start, next);
                prop_assert!(batch.len() <= MESSAGES_MAX && !batch.is_empty());
                let bytes = Value::from(bodies[batch.clone()].to_vec()).to_string().len();
                prop_assert!(bytes <= BYTES_MAX + 1);
                next = batch.end;
            }
            prop_assert_eq!(next, bodies.len());
        }
    }
}
