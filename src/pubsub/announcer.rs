//! Publishes the downstream event to the handoff's topic.
//!
//! The event's shape belongs to `wire`; trying again, to the engine.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{Message, Name, Publisher};
use crate::{
    domain::{
        effect::Announcement,
        ids::{HandoffId, RunKey},
    },
    ports::{Announcer, PortError},
    wire::downstream::{self, Complete, Sender},
};

/// Announces each handoff on its own topic. The attribute `id` tells the receiver a repeat.
pub struct TopicAnnouncer {
    /// The way there.
    pub publisher: Arc<Publisher>,
    /// The topics of handoffs that have one.
    pub topics: BTreeMap<HandoffId, Name>,
    /// Where the others' completion goes.
    pub otherwise: Arc<dyn Announcer>,
}

#[async_trait]
impl Announcer for TopicAnnouncer {
    async fn announce(
        &self,
        id: &str,
        key: &RunKey,
        announcement: &Announcement,
    ) -> Result<(), PortError> {
        let Some(topic) = self.topics.get(&key.handoff) else {
            return self.otherwise.announce(id, key, announcement).await;
        };
        let attributes = [
            ("id", id.to_owned()),
            ("game_date", key.game_date.to_string()),
            ("handoff", key.handoff.to_string()),
        ];
        let message = Message {
            data: downstream::write(&Complete::of(key, announcement), &Sender::default()),
            attributes: attributes.map(|(name, it)| (name.to_owned(), it)).into(),
        };
        let published = self.publisher.publish(topic, &[message]).await;
        published
            .into_iter()
            .try_for_each(|it| it.map(drop).map_err(PortError::from))
    }
}
