//! Pub/Sub as its REST interface behaves: topics, publishing, subscriptions that are pulled or that push, acknowledging
//! with deadlines, redelivery that grows, dead letters, and permissions (<https://cloud.google.com/pubsub/docs/reference/rest>).
//!
//! True to the real one: the limits of a publish request, all or nothing; 404 for what is not there; a topic without
//! subscriptions takes everything; a message without an acknowledgement comes again, after the subscription's backoff
//! where it has one; `deliveryAttempt` and the dead-letter topic where there is a policy; pushes with both spellings
//! and, where the subscription has an account and [`Pubsub::sign_with`] was called, a bearer token; a push is
//! acknowledged by 102, 200, 201, 202 or 204 alone. Not here: ordering, filters, exactly once, snapshots, slow start of
//! pushes (at most a hundred are out at once), streaming pull. [`Pubsub::scale`] makes all its delays shorter.
//!
//! In a test:
//!
//! ```ignore
//! let google = Google::start().await;
//! google.pubsub.create_topic("projects/p/topics/t");
//! google.pubsub.subscribe("projects/p/topics/t", "projects/p/subscriptions/s");        // to be pulled
//! google.pubsub.push("projects/p/topics/t", "projects/p/subscriptions/u", "http://…"); // pushes there
//! google.pubsub.publish("projects/p/topics/t", b"{}", &[("key", "value")]);
//! google.pubsub.until_depth("projects/p/subscriptions/u", 0).await;                    // all acknowledged
//! assert_eq!(google.pubsub.published("projects/p/topics/t").len(), 1);
//! ```

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicUsize},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::Notify;

mod deliver;
mod refuse;
mod routes;
mod state;

pub use routes::routes;
pub use state::Published;
use state::{State, Subscription, Topic};

/// How long a test waits for something that ought to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the bearer token of a push from the account's address and the audience.
pub type Signer = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;

/// Everything Pub/Sub holds. Names are whole: `projects/P/topics/T`, `projects/P/subscriptions/S`.
pub struct Pubsub {
    state: Mutex<State>,
    changed: Notify,
    http: reqwest::Client,
    pushing: AtomicUsize,
}

impl Default for Pubsub {
    fn default() -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            http,
            pushing: AtomicUsize::new(0),
        }
    }
}

impl Pubsub {
    /// Makes a topic.
    pub fn create_topic(&self, topic: &str) {
        let body = json!({"name": topic});
        self.state()
            .topics
            .insert(topic.to_owned(), Topic::of(body));
    }

    /// Makes a subscription that is pulled, with a deadline of 10 s.
    pub fn subscribe(&self, topic: &str, subscription: &str) {
        self.subscribe_as(subscription, json!({"topic": topic}));
    }

    /// Makes a subscription that pushes, with a deadline of 60 s and a backoff of 10 to 600 s.
    pub fn push(&self, topic: &str, subscription: &str, endpoint: &str) {
        let body = json!({
            "topic": topic, "ackDeadlineSeconds": 60, "pushConfig": {"pushEndpoint": endpoint},
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
        });
        self.subscribe_as(subscription, body);
    }

    /// Makes a subscription as its REST body says.
    pub fn subscribe_as(&self, subscription: &str, body: Value) {
        let mut body = body;
        body["name"] = json!(subscription);
        let made = Subscription::of(body);
        self.state()
            .subscriptions
            .insert(subscription.to_owned(), made);
        self.changed.notify_waiters();
    }

    /// Publishes a message and gives its id.
    pub fn publish(&self, topic: &str, data: &[u8], attributes: &[(&str, &str)]) -> String {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let id = self.state().publish(topic, data.to_vec(), attributes);
        self.changed.notify_waiters();
        id.expect("the topic is there")
    }

    /// What was published to a topic, in order.
    pub fn published(&self, topic: &str) -> Vec<Published> {
        let state = self.state();
        state
            .topics
            .get(topic)
            .map(|it| it.published.clone())
            .unwrap_or_default()
    }

    /// How many messages of a subscription are not acknowledged.
    pub fn depth(&self, subscription: &str) -> usize {
        let state = self.state();
        state
            .subscriptions
            .get(subscription)
            .map_or(0, |it| it.messages.len())
    }

    /// How often messages of a subscription were handed out, a message handed out twice counting twice.
    pub fn deliveries(&self, subscription: &str) -> u64 {
        let state = self.state();
        state
            .subscriptions
            .get(subscription)
            .map_or(0, |it| it.deliveries)
    }

    /// How many messages of a subscription somebody holds under a lease.
    pub fn leased(&self, subscription: &str) -> usize {
        let state = self.state();
        let held = state.subscriptions.get(subscription);
        held.map_or(0, |it| {
            it.messages
                .values()
                .filter(|it| it.leased_until.is_some())
                .count()
        })
    }

    /// How often leases of a subscription were extended, counted by message.
    pub fn extensions(&self, subscription: &str) -> u64 {
        let state = self.state();
        state
            .subscriptions
            .get(subscription)
            .map_or(0, |it| it.extensions)
    }

    /// A topic or subscription as its REST body, `None` where it is not there.
    pub fn resource(&self, name: &str) -> Option<Value> {
        let state = self.state();
        let topic = state.topics.get(name).map(|it| it.body.clone());
        topic.or_else(|| state.subscriptions.get(name).map(|it| it.body.clone()))
    }

    /// Takes a topic or a subscription away.
    pub fn delete(&self, name: &str) {
        self.state().delete(name);
        self.changed.notify_waiters();
    }

    /// Pushes of subscriptions with an account carry what this makes of the account and the audience.
    pub fn sign_with(&self, signer: impl Fn(&str, &str) -> String + Send + Sync + 'static) {
        self.state().signer = Some(Arc::new(signer));
    }

    /// What the caller may do with a topic or subscription, for `testIamPermissions`; everything where nothing is said.
    pub fn permit(&self, resource: &str, permissions: &[&str]) {
        let permissions = permissions.iter().map(|it| (*it).to_owned()).collect();
        self.state()
            .permitted
            .insert(resource.to_owned(), permissions);
    }

    /// Lets all deadlines, backoffs and waits take this share of their length from now on.
    pub fn scale(&self, share: f64) {
        self.state().scale = share;
    }

    /// Waits until so many messages were published to a topic.
    pub async fn until_published(&self, topic: &str, count: usize) -> Vec<Published> {
        self.until(&format!("{count} messages on {topic}"), || {
            self.published(topic).len() >= count
        })
        .await;
        self.published(topic)
    }

    /// Waits until exactly so many messages of a subscription are not acknowledged.
    pub async fn until_depth(&self, subscription: &str, depth: usize) {
        self.until(
            &format!("{depth} messages waiting in {subscription}"),
            || self.depth(subscription) == depth,
        )
        .await;
    }

    /// Waits until something that Pub/Sub shows is so; looked at after each change.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let seen = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if is_so() {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, seen).await.is_err() {
            panic!("waited in vain for {what}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// The attributes of a message by name.
type Attributes = BTreeMap<String, String>;

fn seconds(text: Option<&str>) -> Option<f64> {
    text?.strip_suffix('s')?.parse().ok()
}

fn scaled(seconds: f64, scale: f64) -> Duration {
    Duration::from_secs_f64(seconds * scale)
}
