//! Topics and subscriptions, with the options of each.
//!
//! Who may use them belongs to `access`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Reach, Refused, request_topic};
use crate::config::{Google, Handoff, Intake};

/// The platform's table of Google objects: the upstream's completions are kept a day.
const RETENTION_SECONDS: u32 = 24 * 60 * 60;
/// The platform's table of Google objects.
const ACK_DEADLINE_SECONDS: u32 = 60;
/// The platform's table of Google objects.
const RETRY_SECONDS: [u32; 2] = [10, 600];

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// Its name, without the project.
    pub name: String,
    /// How long it keeps messages, in seconds; `None`: Pub/Sub's own default, not at all.
    pub retention_seconds: Option<u32>,
}

/// Whose a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionOwner {
    /// This plan creates it.
    Ours,
    /// The workers': it has to be there, whatever its name, and this plan leaves it alone.
    Workers,
}

/// How messages leave a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Pub/Sub calls.
    Push {
        /// The address with its path.
        endpoint: String,
        /// The account whose identity the call carries.
        account: String,
        /// What the identity is made for.
        audience: String,
    },
    /// Someone fetches them.
    Pull,
}

/// Where messages go that were delivered too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The topic.
    pub topic: String,
    /// Deliveries before that, 5 to 100.
    pub deliveries_max: u32,
}

/// A subscription; it never expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// Its name, without the project; `None` for one that belongs to the workers.
    pub name: Option<String>,
    /// Its topic.
    pub topic: String,
    /// Whose it is.
    pub owner: SubscriptionOwner,
    /// How messages leave it.
    pub delivery: Delivery,
    /// How long a delivery may take until it counts as lost, in seconds.
    pub ack_deadline_seconds: u32,
    /// The shortest and the longest pause before another delivery, in seconds; `None`: at once.
    pub retry_seconds: Option<[u32; 2]>,
    /// Where messages go that were delivered too often.
    pub dead_letter: Option<DeadLetter>,
}

/// Every topic once; one that is named twice keeps the longer retention.
pub(super) fn topics(google: &Google, handoffs: &[Handoff]) -> Vec<Topic> {
    let mut topics: Vec<Topic> = Vec::new();
    let mut add = |name: Option<&str>, retention_seconds: Option<u32>| {
        let Some(name) = name else { return };
        match topics.iter_mut().find(|topic| topic.name == name) {
            Some(topic) => topic.retention_seconds = topic.retention_seconds.max(retention_seconds),
            None => topics.push(Topic {
                name: name.to_owned(),
                retention_seconds,
            }),
        }
    };
    add(Some(&google.dead_letters.topic), None);
    for handoff in handoffs {
        add(handoff.upstream_topic.as_deref(), Some(RETENTION_SECONDS));
        add(request_topic(handoff), None);
        add(handoff.completion_topic.as_deref(), None);
        add(handoff.downstream_topic.as_deref(), None);
    }
    topics
}

pub(super) fn subscriptions(
    google: &Google,
    handoffs: &[Handoff],
    reach: Reach<'_>,
) -> Vec<Subscription> {
    let dead = &google.dead_letters;
    let mut subscriptions = vec![plain(Some(&dead.subscription), &dead.topic)];
    for handoff in handoffs {
        let uses = [
            (
                &handoff.trigger_subscription,
                &handoff.upstream_topic,
                "/trigger",
            ),
            (
                &handoff.completion_subscription,
                &handoff.completion_topic,
                "/complete",
            ),
        ];
        for (name, topic, path) in uses {
            let (Some(name), Some(topic)) = (name, topic) else {
                continue;
            };
            let delivery = match handoff.intake {
                Intake::Pull => Delivery::Pull,
                Intake::Push => Delivery::Push {
                    endpoint: format!("{}{path}", reach.url),
                    account: reach.push_account.to_owned(),
                    audience: reach.audience.to_owned(),
                },
            };
            subscriptions.push(Subscription {
                delivery,
                retry_seconds: Some(RETRY_SECONDS),
                dead_letter: Some(DeadLetter {
                    topic: dead.topic.clone(),
                    deliveries_max: dead.deliveries_max,
                }),
                ..plain(Some(name), topic)
            });
        }
        if let Some(topic) = request_topic(handoff) {
            subscriptions.push(Subscription {
                owner: SubscriptionOwner::Workers,
                ..plain(None, topic)
            });
        }
    }
    subscriptions
}

fn plain(name: Option<&str>, topic: &str) -> Subscription {
    Subscription {
        name: name.map(str::to_owned),
        topic: topic.to_owned(),
        owner: SubscriptionOwner::Ours,
        delivery: Delivery::Pull,
        ack_deadline_seconds: ACK_DEADLINE_SECONDS,
        retry_seconds: None,
        dead_letter: None,
    }
}

/// One name, one subscription.
pub(super) fn check_names(subscriptions: &[Subscription]) -> Result<(), Refused> {
    let mut seen = BTreeMap::new();
    for subscription in subscriptions {
        let Some(name) = &subscription.name else {
            continue;
        };
        if let Some(first) = seen.insert(name, &subscription.topic) {
            return Err(Refused::Twice {
                name: name.clone(),
                first: format!("a subscription to {first}"),
                second: format!("one to {}", subscription.topic),
            });
        }
    }
    Ok(())
}
