//! The messages that are held: their leases are extended, and their end is told to Pub/Sub, many at a time.
//!
//! What they say and what becomes of them belongs to the receiver.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{PullLimits, doubled};
use crate::{
    google::{Call, Endpoint, GoogleClient, GoogleError},
    pubsub::Name,
};

/// Most acknowledgement ids of one request: each has up to some 200 characters, a request 512 KiB.
const IDS_MAX: usize = 1_000;
/// Tries to acknowledge; after the last the message comes again, and is known by its id.
const TRIES_MAX: u32 = 4;

/// What is held of one subscription.
pub struct Leases {
    client: GoogleClient,
    endpoint: Endpoint,
    subscription: Name,
    limits: PullLimits,
    held: Mutex<Held>,
    ended: Notify,
    freed: Notify,
}

#[derive(Default)]
struct Held {
    /// Messages being taken in, with their bytes.
    open: BTreeMap<String, usize>,
    bytes: usize,
    /// Durable, to be acknowledged.
    taken: Vec<String>,
    /// To be handed back.
    refused: Vec<String>,
}

impl Leases {
    /// Nothing is held yet.
    pub fn new(
        (client, endpoint): (GoogleClient, Endpoint),
        subscription: Name,
        limits: PullLimits,
    ) -> Self {
        Self {
            client,
            endpoint,
            subscription,
            limits,
            held: Mutex::default(),
            ended: Notify::new(),
            freed: Notify::new(),
        }
    }

    /// A message came.
    pub fn hold(&self, ack_id: &str, bytes: usize) {
        let mut held = self.held();
        held.bytes += bytes;
        held.open.insert(ack_id.to_owned(), bytes);
    }

    /// A message is durable, or is to be handed back.
    pub fn end(&self, ack_id: String, taken: bool) {
        let mut held = self.held();
        let bytes = held.open.remove(&ack_id).unwrap_or_default();
        held.bytes = held.bytes.saturating_sub(bytes);
        match taken {
            true => held.taken.push(ack_id),
            false => held.refused.push(ack_id),
        }
        drop(held);
        self.ended.notify_one();
        self.freed.notify_one();
    }

    /// Waits until the messages held have fewer bytes than this.
    pub async fn until_fewer_bytes(&self, bytes_max: usize) {
        while self.held().bytes >= bytes_max.max(1) {
            self.freed.notified().await;
        }
    }

    /// Tells Pub/Sub what ended, until all is done and nothing is left.
    pub async fn answer(self: Arc<Self>, done: CancellationToken) {
        loop {
            let stopping = done.run_until_cancelled(self.ended.notified()).await;
            self.tell().await;
            if stopping.is_none() {
                return;
            }
        }
    }

    /// Extends all leases again and again. A failure is made good by the next time, or the message comes again.
    pub async fn extend(self: Arc<Self>, done: CancellationToken) {
        let every = tokio::time::sleep;
        while done
            .run_until_cancelled(every(self.limits.lease / 3))
            .await
            .is_some()
        {
            let open: Vec<String> = self.held().open.keys().cloned().collect();
            for ids in open.chunks(IDS_MAX) {
                if let Err(error) = self.lease(ids, self.limits.lease.as_secs()).await {
                    tracing::warn!(%error, "leases could not be extended; their messages may come again");
                }
            }
        }
    }

    async fn tell(&self) {
        let (taken, refused) = {
            let mut held = self.held();
            (
                std::mem::take(&mut held.taken),
                std::mem::take(&mut held.refused),
            )
        };
        for ids in taken.chunks(IDS_MAX) {
            self.acknowledge(ids).await;
        }
        for ids in refused.chunks(IDS_MAX) {
            if let Err(error) = self.lease(ids, 0).await {
                tracing::debug!(%error, "messages were not handed back; they come again when their lease ends");
            }
        }
    }

    async fn acknowledge(&self, ids: &[String]) {
        for failures in 1..=TRIES_MAX {
            let asked = self.ask("acknowledge", json!({"ackIds": ids})).await;
            match asked {
                Ok(()) => return,
                Err(error) if failures == TRIES_MAX || !error.is_transient() => {
                    tracing::warn!(%error, "messages were not acknowledged; they come again and are known by their ids");
                    return;
                }
                Err(_) => tokio::time::sleep(doubled(failures)).await,
            }
        }
    }

    /// 0 s hands back.
    async fn lease(&self, ids: &[String], seconds: u64) -> Result<(), GoogleError> {
        let body = json!({"ackIds": ids, "ackDeadlineSeconds": seconds});
        self.ask("modifyAckDeadline", body).await
    }

    async fn ask(&self, verb: &str, body: serde_json::Value) -> Result<(), GoogleError> {
        let doing = format!("telling {} to {verb}", self.subscription);
        let call = Call {
            doing: &doing,
            timeout: self.limits.timeout,
        };
        let path = self.subscription.path(verb);
        self.client
            .post(call, &self.endpoint, &path, &body)
            .await
            .map(drop)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
