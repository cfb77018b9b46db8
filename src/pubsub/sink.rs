//! Sends units as messages of a topic.
//!
//! The message's shape belongs to `wire`; trying again, to the engine.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Message, Name, Publisher};
use crate::{
    clock::Clock,
    ports::{PortError, Request, Sink},
    wire::request,
};

/// A topic that workers are subscribed to. The attribute `request_id` tells them a repeat.
pub struct TopicSink {
    /// The way there.
    pub publisher: Arc<Publisher>,
    /// The topic.
    pub topic: Name,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Sink for TopicSink {
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>> {
        let now = self.clock.now();
        let message = |sent: &Request| {
            let written = request::write(sent, now);
            let attributes = written.attributes.into_iter();
            Message {
                data: written.data,
                attributes: attributes.map(|(name, it)| (name.to_owned(), it)).collect(),
            }
        };
        let messages: Vec<Message> = requests.iter().map(message).collect();
        let published = self.publisher.publish(&self.topic, &messages).await;
        published
            .into_iter()
            .map(|it| it.map(drop).map_err(PortError::from))
            .collect()
    }
}
