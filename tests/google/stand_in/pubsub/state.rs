//! What Pub/Sub holds, and what becomes of a message: handed out, acknowledged, again due, given up.
//!
//! How it is asked belongs to `routes`, pushing to `deliver`.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Attributes, Signer, scaled, seconds};

/// A published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub message_id: String,
    /// What was sent.
    pub data: Vec<u8>,
    /// Its attributes.
    pub attributes: Attributes,
    /// When it was published, RFC 3339.
    pub publish_time: String,
}

impl Published {
    /// As REST writes it.
    pub fn body(&self) -> Value {
        json!({
            "data": STANDARD.encode(&self.data), "attributes": self.attributes, "messageId": self.message_id,
            "publishTime": self.publish_time,
        })
    }
}

/// A topic.
pub struct Topic {
    pub body: Value,
    pub published: Vec<Published>,
}

impl Topic {
    pub fn of(body: Value) -> Self {
        Self {
            body,
            published: Vec::new(),
        }
    }
}

/// A message of a subscription that is not acknowledged.
pub struct Held {
    pub message: Published,
    /// How often it was handed out.
    pub attempts: u32,
    /// Handed out until then; `None`: nobody has it.
    pub leased_until: Option<Instant>,
    /// Not handed out before this instant.
    pub due_at: Instant,
}

/// A subscription.
pub struct Subscription {
    pub body: Value,
    /// By number, so that the oldest goes out first.
    pub messages: BTreeMap<u64, Held>,
    pub deliveries: u64,
    pub extensions: u64,
}

impl Subscription {
    /// With the real one's defaults.
    pub fn of(body: Value) -> Self {
        let mut whole = json!({
            "pushConfig": {}, "ackDeadlineSeconds": 10, "messageRetentionDuration": "604800s",
            "expirationPolicy": {"ttl": "2678400s"}, "state": "ACTIVE",
        });
        for (name, value) in body.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        if whole["ackDeadlineSeconds"] == 0 {
            whole["ackDeadlineSeconds"] = json!(10);
        }
        Self {
            body: whole,
            messages: BTreeMap::new(),
            deliveries: 0,
            extensions: 0,
        }
    }

    pub fn endpoint(&self) -> Option<&str> {
        self.body["pushConfig"]["pushEndpoint"]
            .as_str()
            .filter(|it| !it.is_empty())
    }

    pub fn deadline_seconds(&self) -> f64 {
        self.body["ackDeadlineSeconds"].as_f64().unwrap_or(10.0)
    }

    /// The backoff after so many deliveries: twice as long each time, within the policy's limits; none without one.
    fn backoff_seconds(&self, attempts: u32) -> f64 {
        let policy = &self.body["retryPolicy"];
        if policy.is_null() {
            return 0.0;
        }
        let min = seconds(policy["minimumBackoff"].as_str()).unwrap_or(10.0);
        let max = seconds(policy["maximumBackoff"].as_str()).unwrap_or(600.0);
        (min * 2f64.powi(attempts.saturating_sub(1).min(30) as i32)).min(max)
    }

    /// The dead-letter topic, and after how many deliveries.
    fn dead_letters(&self) -> Option<(String, u32)> {
        let policy = &self.body["deadLetterPolicy"];
        let topic = policy["deadLetterTopic"].as_str()?.to_owned();
        Some((
            topic,
            policy["maxDeliveryAttempts"].as_u64().unwrap_or(5) as u32,
        ))
    }
}

/// Everything there is.
pub struct State {
    pub topics: BTreeMap<String, Topic>,
    pub subscriptions: BTreeMap<String, Subscription>,
    pub permitted: BTreeMap<String, Vec<String>>,
    pub policies: BTreeMap<String, Value>,
    pub signer: Option<Signer>,
    pub scale: f64,
    number: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            topics: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            permitted: BTreeMap::new(),
            policies: BTreeMap::new(),
            signer: None,
            scale: 1.0,
            number: 10_000_000_000,
        }
    }
}

/// A message as it is handed out.
pub struct Handed {
    pub ack_id: String,
    pub message: Published,
    /// Set where the subscription has a dead-letter policy.
    pub attempt: Option<u32>,
}

impl State {
    /// Takes a message in for every subscription of the topic; `None` without the topic.
    pub fn publish(
        &mut self,
        topic: &str,
        data: Vec<u8>,
        attributes: Attributes,
    ) -> Option<String> {
        self.number += 1;
        let at: DateTime<Utc> = tipoff::clock::Clock::now(&tipoff::clock::SystemClock);
        let message = Published {
            message_id: self.number.to_string(),
            data,
            attributes,
            publish_time: at.to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        let found = self.topics.get_mut(topic)?;
        found.published.push(message.clone());
        let subscribed = self.subscriptions.values_mut();
        for subscription in subscribed.filter(|it| it.body["topic"] == topic) {
            let held = Held {
                message: message.clone(),
                attempts: 0,
                leased_until: None,
                due_at: Instant::now(),
            };
            subscription.messages.insert(self.number, held);
        }
        Some(message.message_id)
    }

    /// Hands out what is due.
    pub fn hand_out(&mut self, name: &str, max: usize, now: Instant) -> Vec<Handed> {
        self.expire(name, now);
        let scale = self.scale;
        let Some(subscription) = self.subscriptions.get_mut(name) else {
            return Vec::new();
        };
        let until = now + scaled(subscription.deadline_seconds(), scale);
        let counted = subscription.dead_letters().is_some();
        let due = subscription
            .messages
            .iter_mut()
            .filter(|(_, held)| held.leased_until.is_none() && held.due_at <= now);
        let handed: Vec<Handed> = due
            .take(max)
            .map(|(number, held)| {
                held.attempts += 1;
                held.leased_until = Some(until);
                Handed {
                    ack_id: format!("{number}-{}", held.attempts),
                    message: held.message.clone(),
                    attempt: counted.then_some(held.attempts),
                }
            })
            .collect();
        subscription.deliveries += handed.len() as u64;
        handed
    }

    /// An acknowledgement of an earlier delivery is void once the message was handed out again.
    pub fn acknowledge(&mut self, name: &str, ack_id: &str) {
        let Some(subscription) = self.subscriptions.get_mut(name) else {
            return;
        };
        if let Some((number, attempts)) = parse(ack_id)
            && subscription
                .messages
                .get(&number)
                .is_some_and(|held| held.attempts == attempts)
        {
            subscription.messages.remove(&number);
        }
    }

    /// Sets how long a delivery is leased from now on; 0 gives it back.
    pub fn extend(&mut self, name: &str, ack_id: &str, seconds: f64, now: Instant) {
        let scale = self.scale;
        let Some((number, attempts)) = parse(ack_id) else {
            return;
        };
        let Some(subscription) = self.subscriptions.get_mut(name) else {
            return;
        };
        let Some(held) = subscription
            .messages
            .get_mut(&number)
            .filter(|held| held.attempts == attempts)
        else {
            return;
        };
        if held.leased_until.is_none() {
            return;
        }
        if seconds == 0.0 {
            self.give_back(name, number, now);
        } else {
            held.leased_until = Some(now + scaled(seconds, scale));
            subscription.extensions += 1;
        }
    }

    /// Gives a message back: due again after its backoff, or given up.
    pub fn give_back(&mut self, name: &str, number: u64, now: Instant) {
        let scale = self.scale;
        let Some(subscription) = self.subscriptions.get_mut(name) else {
            return;
        };
        let Some(held) = subscription.messages.get(&number) else {
            return;
        };
        let attempts = held.attempts;
        let backoff = scaled(subscription.backoff_seconds(attempts), scale);
        let dead = subscription
            .dead_letters()
            .filter(|(_, max)| attempts >= *max);
        if let Some((topic, _)) = dead
            && self.topics.contains_key(&topic)
        {
            self.bury(name, number, &topic);
            return;
        }
        if let Some(held) = self
            .subscriptions
            .get_mut(name)
            .and_then(|it| it.messages.get_mut(&number))
        {
            held.leased_until = None;
            held.due_at = now + backoff;
        }
    }

    /// To the dead-letter topic, with the attributes that say where from
    /// (<https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic>).
    fn bury(&mut self, name: &str, number: u64, topic: &str) {
        let Some(held) = self
            .subscriptions
            .get_mut(name)
            .and_then(|it| it.messages.remove(&number))
        else {
            return;
        };
        let mut attributes = held.message.attributes;
        let mut say = |key: &str, value: String| {
            attributes.insert(format!("CloudPubSubDeadLetterSource{key}"), value);
        };
        let parts: Vec<&str> = name.split('/').collect();
        say("DeliveryCount", held.attempts.to_string());
        say("Subscription", parts[3].to_owned());
        say("SubscriptionProject", parts[1].to_owned());
        say("TopicPublishTime", held.message.publish_time);
        self.publish(topic, held.message.data, attributes);
    }

    /// What was handed out and not acknowledged in time is given back; whether there was any.
    pub fn expire(&mut self, name: &str, now: Instant) -> bool {
        let Some(subscription) = self.subscriptions.get(name) else {
            return false;
        };
        let over = |held: &Held| held.leased_until.is_some_and(|until| until <= now);
        let expired: Vec<u64> = subscription
            .messages
            .iter()
            .filter(|(_, held)| over(held))
            .map(|(number, _)| *number)
            .collect();
        for number in &expired {
            self.give_back(name, *number, now);
        }
        !expired.is_empty()
    }

    /// Of a subscription whose topic is gone the real one says `_deleted-topic_`.
    pub fn delete(&mut self, name: &str) -> bool {
        if self.topics.remove(name).is_some() {
            for subscription in self
                .subscriptions
                .values_mut()
                .filter(|it| it.body["topic"] == name)
            {
                subscription.body["topic"] = json!("_deleted-topic_");
            }
            return true;
        }
        self.subscriptions.remove(name).is_some()
    }

    /// The next instant at which a lease ends or a message becomes due.
    pub fn next_at(&self) -> Option<Instant> {
        let messages = self
            .subscriptions
            .values()
            .flat_map(|it| it.messages.values());
        messages
            .map(|held| held.leased_until.unwrap_or(held.due_at))
            .min()
    }
}

/// The number and the delivery that an acknowledgement id stands for.
pub fn parse(ack_id: &str) -> Option<(u64, u32)> {
    let (number, attempts) = ack_id.split_once('-')?;
    Some((number.parse().ok()?, attempts.parse().ok()?))
}
