//! Fetches the messages of a subscription, has each taken in, and acknowledges it once it is durable.
//!
//! What is taken in and how belongs to the receiver. Leases and acknowledgements are in `leases`.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Name;
use crate::{
    google::{Call, Endpoint, GoogleClient, GoogleError, Kind},
    ports::PortError,
};

mod leases;

use leases::Leases;

/// How long a pull may take: Pub/Sub itself ends one that finds nothing earlier (it says "a bounded time", and 90 s
/// were seen).
const PULL_TIMEOUT: Duration = Duration::from_secs(120);
/// Most messages one pull asks for.
const PULL_MESSAGES_MAX: usize = 1_000;
/// The wait after the first failure in a row; each further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How long what is being taken in may go on when the service stops; what is left then is handed back.
const STOPPING_MAX: Duration = Duration::from_secs(3);

/// Takes messages in.
#[async_trait]
pub trait Receiver: Send + Sync {
    /// Takes in the body that a push of the message would have; done once it cannot be lost.
    async fn receive(&self, envelope: Vec<u8>) -> Result<(), PortError>;
}

/// How much is held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullLimits {
    /// Most messages held, at least 1.
    pub messages_max: usize,
    /// Nothing more is fetched while the messages held have at least this many bytes.
    pub bytes_max: usize,
    /// How long messages are leased at a time, 10 to 600 s (Pub/Sub's own range); extended after a third of it.
    pub lease: Duration,
    /// How long an acknowledgement may take.
    pub timeout: Duration,
}

/// One subscription and where its messages go.
pub struct Puller {
    client: GoogleClient,
    endpoint: Endpoint,
    subscription: Name,
    limits: PullLimits,
    receiver: Arc<dyn Receiver>,
    room: Arc<Semaphore>,
    leases: Arc<Leases>,
    refusals: AtomicU32,
    tasks: TaskTracker,
    hand_back: CancellationToken,
}

impl Puller {
    /// Fetches from a subscription over this client.
    pub fn new(
        (client, endpoint): (GoogleClient, Endpoint),
        subscription: Name,
        limits: PullLimits,
        receiver: Arc<dyn Receiver>,
    ) -> Arc<Self> {
        let way = (client.clone(), endpoint.clone());
        Arc::new(Self {
            leases: Arc::new(Leases::new(way, subscription.clone(), limits)),
            client,
            endpoint,
            subscription,
            limits,
            receiver,
            room: Arc::new(Semaphore::new(limits.messages_max.max(1))),
            refusals: AtomicU32::new(0),
            tasks: TaskTracker::new(),
            hand_back: CancellationToken::new(),
        })
    }

    /// Fetches until it is told to stop; then what it holds is finished within a few seconds or handed back. What an
    /// unfinished pull may have been given comes again when its lease ends.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let done = CancellationToken::new();
        let answering = tokio::spawn(self.leases.clone().answer(done.clone()));
        let extending = tokio::spawn(self.leases.clone().extend(done.clone()));
        let fetching = self.fetch(&stop);
        stop.run_until_cancelled(fetching).await;
        self.tasks.close();
        if tokio::time::timeout(STOPPING_MAX, self.tasks.wait())
            .await
            .is_err()
        {
            self.hand_back.cancel();
            self.tasks.wait().await;
        }
        done.cancel();
        for mut task in [answering, extending] {
            if tokio::time::timeout(STOPPING_MAX, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    async fn fetch(self: &Arc<Self>, stop: &CancellationToken) {
        let mut failures = 0;
        loop {
            let permits = self.wait_for_room().await;
            match self.pull(permits.num_permits()).await {
                Ok(received) => {
                    if failures > 0 {
                        tracing::info!(subscription = %self.subscription, "messages are fetched again");
                    }
                    failures = 0;
                    self.start(received, permits, stop);
                }
                Err(error) => {
                    drop(permits);
                    if failures == 0 {
                        let subscription = &self.subscription;
                        tracing::warn!(%subscription, %error, "no messages can be fetched; trying again until they can");
                    }
                    failures += 1;
                    tokio::time::sleep(wait(failures, &error)).await;
                }
            }
        }
    }

    /// Room for at least one message and for as many as one pull may bring.
    async fn wait_for_room(&self) -> OwnedSemaphorePermit {
        self.leases.until_fewer_bytes(self.limits.bytes_max).await;
        let open = "the semaphore is never closed";
        let mut permits = self.room.clone().acquire_owned().await.expect(open);
        let more = self.room.available_permits().min(PULL_MESSAGES_MAX - 1);
        if let Ok(more) = self.room.clone().try_acquire_many_owned(more as u32) {
            permits.merge(more);
        }
        permits
    }

    async fn pull(&self, max: usize) -> Result<Vec<Value>, GoogleError> {
        let doing = format!("pulling from {}", self.subscription);
        let call = Call {
            doing: &doing,
            timeout: PULL_TIMEOUT,
        };
        let path = self.subscription.path("pull");
        let asked = json!({"maxMessages": max});
        let answer = self
            .client
            .post(call, &self.endpoint, &path, &asked)
            .await?;
        match &answer["receivedMessages"] {
            Value::Null => Ok(Vec::new()),
            Value::Array(received) => Ok(received.clone()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                let said = "receivedMessages is no list";
                Err(GoogleError::new(doing, Kind::Unreadable, said))
            }
        }
    }

    /// Begins to take in what came; room that is not needed is given back.
    fn start(
        self: &Arc<Self>,
        received: Vec<Value>,
        mut permits: OwnedSemaphorePermit,
        stop: &CancellationToken,
    ) {
        for one in received {
            let Some(ack_id) = one["ackId"].as_str().map(str::to_owned) else {
                continue;
            };
            let envelope = self.envelope(&one);
            self.leases.hold(&ack_id, envelope.len());
            let permit = permits.split(1);
            let (puller, stop) = (self.clone(), stop.clone());
            self.tasks.spawn(async move {
                let taken = puller.take(envelope, &stop).await;
                puller.leases.end(ack_id, taken);
                drop(permit);
            });
        }
    }

    /// Whether the message cannot be lost any more. One that is refused is kept for a while before it is handed back,
    /// so that a store in trouble is not asked all the faster.
    async fn take(&self, envelope: Vec<u8>, stop: &CancellationToken) -> bool {
        let receiving = AssertUnwindSafe(self.receiver.receive(envelope)).catch_unwind();
        let why = match self.hand_back.run_until_cancelled(receiving).await {
            Some(Ok(Ok(()))) => {
                self.refusals.store(0, Ordering::Relaxed);
                return true;
            }
            None => return false,
            Some(Ok(Err(error))) => error.to_string(),
            Some(Err(_)) => "taking it in panicked; please report it".to_owned(),
        };
        let refusals = self
            .refusals
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if refusals == 1 {
            let subscription = &self.subscription;
            tracing::warn!(%subscription, "a pulled message could not be taken in and comes again: {why}");
        }
        let kept = tokio::time::sleep(doubled(refusals.min(7)));
        stop.run_until_cancelled(kept).await;
        false
    }

    /// The body that a push of the message has.
    fn envelope(&self, received: &Value) -> Vec<u8> {
        let mut body = json!({
            "message": received["message"],
            "subscription": self.subscription.to_string(),
        });
        if let Some(attempt) = received["deliveryAttempt"].as_u64() {
            body["deliveryAttempt"] = json!(attempt);
        }
        body.to_string().into_bytes()
    }
}

fn wait(failures: u32, error: &GoogleError) -> Duration {
    let asked = error.retry_after.and_then(|it| it.to_std().ok());
    let asked = asked.unwrap_or_default().min(BACKOFF_MAX);
    doubled(failures).max(asked)
}

fn doubled(failures: u32) -> Duration {
    let factor = 2u32.saturating_pow(failures.saturating_sub(1).min(10));
    BACKOFF_FIRST.saturating_mul(factor).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::doubled;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let waits = [1, 2, 3, 7, 8, u32::MAX].map(doubled);
        let wanted = [500, 1_000, 2_000, 30_000, 30_000, 30_000].map(Duration::from_millis);
        assert_eq!(waits, wanted);
    }
}
