//! The event to its topic: tried again until it is confirmed or the time is over.
//!
//! How a message travels belongs to `pubsub`.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    commands::serve::Cloud,
    pubsub::{Message, Name, PublishLimits, Publisher},
};

/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Publishes the event; says where it was confirmed, or how the last try failed.
pub async fn publish(
    cloud: &Cloud,
    topic: &str,
    message: Message,
    within: Duration,
) -> Result<String, String> {
    let until = Instant::now() + within;
    let topic = Name::topic(&cloud.google.project, topic);
    let mut last = format!("publishing to {topic}: not confirmed within {within:?}");
    match timeout_at(
        until,
        try_until_confirmed(cloud, (&topic, message, within), &mut last),
    )
    .await
    {
        Ok(Some(id)) => Ok(format!("{topic} as message {id}")),
        Ok(None) | Err(_) => Err(last),
    }
}

async fn try_until_confirmed(
    cloud: &Cloud,
    (topic, message, within): (&Name, Message, Duration),
    last: &mut String,
) -> Option<String> {
    let limits = PublishLimits {
        timeout: within,
        requests_max: 1,
    };
    let endpoint = cloud.google.endpoints.pubsub.clone();
    let publisher = Publisher::new(cloud.client.clone(), endpoint, limits);
    let mut pause = PAUSE;
    loop {
        let error = match publisher.publish_event(topic, &message, within).await {
            Ok(id) => return Some(id.to_string()),
            Err(error) => error,
        };
        *last = error.to_string();
        if !error.is_transient() {
            return None;
        }
        sleep(pause).await;
        pause *= 2;
    }
}
