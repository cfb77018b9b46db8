//! Pushes what is due, and lets leases end.
//!
//! What a delivery leads to belongs to `state`.

use std::sync::{Arc, atomic::Ordering};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Pubsub, scaled,
    state::{Handed, parse},
};

/// Most pushes that are out at once.
const PUSHES_MAX: usize = 100;
/// These acknowledge a push (<https://cloud.google.com/pubsub/docs/push#receive_push>).
const ACKNOWLEDGING: [u16; 5] = [102, 200, 201, 202, 204];

/// One push on its way.
struct Push {
    subscription: String,
    endpoint: String,
    token: Option<String>,
    handed: Handed,
    timeout: std::time::Duration,
}

/// Delivers until it is dropped.
pub async fn run(pubsub: Arc<Pubsub>) {
    loop {
        let mut changed = std::pin::pin!(pubsub.changed.notified());
        changed.as_mut().enable();
        for push in pubsub.due() {
            pubsub.pushing.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(send(pubsub.clone(), push));
        }
        let next_at = pubsub.state().next_at().filter(|at| *at > Instant::now());
        match next_at {
            Some(at) => tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = &mut changed => {}
            },
            None => changed.await,
        }
    }
}

impl Pubsub {
    /// Takes what is to be pushed now; pulled subscriptions only have their leases ended.
    fn due(&self) -> Vec<Push> {
        let now = Instant::now();
        let mut state = self.state();
        let mut pushes = Vec::new();
        let names: Vec<String> = state.subscriptions.keys().cloned().collect();
        for name in names {
            let subscription = &state.subscriptions[&name];
            let Some(endpoint) = subscription.endpoint().map(str::to_owned) else {
                if state.expire(&name, now) {
                    self.changed.notify_waiters();
                }
                continue;
            };
            let timeout = scaled(subscription.deadline_seconds(), state.scale);
            let oidc = &subscription.body["pushConfig"]["oidcToken"];
            let audience = oidc["audience"].as_str().unwrap_or(&endpoint);
            let token = match (oidc["serviceAccountEmail"].as_str(), &state.signer) {
                (Some(account), Some(sign)) => Some(sign(account, audience)),
                (Some(_), None) | (None, _) => None,
            };
            let room =
                PUSHES_MAX.saturating_sub(self.pushing.load(Ordering::SeqCst) + pushes.len());
            for handed in state.hand_out(&name, room, now) {
                pushes.push(Push {
                    subscription: name.clone(),
                    endpoint: endpoint.clone(),
                    token: token.clone(),
                    handed,
                    timeout,
                });
            }
        }
        pushes
    }
}

async fn send(pubsub: Arc<Pubsub>, push: Push) {
    let mut request = pubsub
        .http
        .post(&push.endpoint)
        .timeout(push.timeout)
        .json(&envelope(&push));
    if let Some(token) = &push.token {
        request = request.bearer_auth(token);
    }
    let answered = request.send().await;
    let taken = answered.is_ok_and(|answer| ACKNOWLEDGING.contains(&answer.status().as_u16()));
    pubsub.pushing.fetch_sub(1, Ordering::SeqCst);
    {
        let mut state = pubsub.state();
        let ack_id = &push.handed.ack_id;
        if taken {
            state.acknowledge(&push.subscription, ack_id);
        } else if let Some((number, _)) = parse(ack_id) {
            state.give_back(&push.subscription, number, Instant::now());
        }
    }
    pubsub.changed.notify_waiters();
}

/// The push request's body, with both spellings of the names as the real one writes it.
fn envelope(push: &Push) -> Value {
    let message = &push.handed.message;
    let mut body = json!({
        "message": {
            "data": STANDARD.encode(&message.data), "attributes": message.attributes,
            "messageId": message.message_id, "message_id": message.message_id,
            "publishTime": message.publish_time, "publish_time": message.publish_time,
        },
        "subscription": push.subscription,
    });
    if let Some(attempt) = push.handed.attempt {
        body["deliveryAttempt"] = json!(attempt);
    }
    body
}
