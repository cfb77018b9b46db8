//! Handoffs whose messages are fetched → one puller a subscription, into the same ways in as pushes.
//!
//! Fetching belongs to `pubsub`, taking in to `http`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::anyhow;
use async_trait::async_trait;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::cloud::{Cloud, needed};
use crate::{
    config::{Config, Intake as Way},
    http::{Entry, Intake},
    ports::PortError,
    pubsub::{Name, PullLimits, Puller, Receiver},
};

/// As many messages as share a commit or two; a night has a few hundred.
const MESSAGES_MAX: usize = 1_000;
/// Fits a small instance's memory a few times.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// The deadline of the shipped subscriptions.
const LEASE_SECONDS: u64 = 60;
/// How long an acknowledgement may take.
const ACKNOWLEDGE_SECONDS_MAX: u64 = 10;

/// The pullers at work.
pub struct Pulls {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Pulls {
    /// Begins to fetch for every handoff that wants it.
    ///
    /// # Errors
    ///
    /// When a handoff wants it and there is no project.
    pub fn start(config: &Config, cloud: Option<&Cloud>, intake: &Intake) -> anyhow::Result<Self> {
        let pulls = Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let mut subscriptions = BTreeMap::new();
        for handoff in config.handoffs.iter().filter(|it| it.intake == Way::Pull) {
            let project = &needed(cloud)?.google.project;
            let of_handoff = [
                (&handoff.trigger_subscription, Entry::Trigger),
                (&handoff.completion_subscription, Entry::Complete),
            ];
            for (subscription, entry) in of_handoff {
                if let Some(name) = subscription {
                    subscriptions.insert(Name::subscription(project, name), entry);
                }
            }
        }
        for (subscription, entry) in subscriptions {
            let cloud = needed(cloud)?;
            let way = (cloud.client.clone(), cloud.google.endpoints.pubsub.clone());
            let receiver = Arc::new(ToIntake {
                entry,
                intake: intake.clone(),
            });
            let puller = Puller::new(way, subscription, limits(), receiver);
            pulls.tasks.spawn(puller.run(pulls.stop.clone()));
        }
        Ok(pulls)
    }

    /// Fetches no more, finishes what is held and hands back the rest, within seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn limits() -> PullLimits {
    PullLimits {
        messages_max: MESSAGES_MAX,
        bytes_max: BYTES_MAX,
        lease: Duration::from_secs(LEASE_SECONDS),
        timeout: Duration::from_secs(ACKNOWLEDGE_SECONDS_MAX),
    }
}

struct ToIntake {
    entry: Entry,
    intake: Intake,
}

#[async_trait]
impl Receiver for ToIntake {
    async fn receive(&self, envelope: Vec<u8>) -> Result<(), PortError> {
        let taken = self.intake.take(self.entry, envelope).await;
        taken.map_err(|problem| {
            PortError::transient("taking in a pulled message", anyhow!("{}", problem.detail))
        })
    }
}
