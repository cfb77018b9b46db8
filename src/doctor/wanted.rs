//! What a configuration needs to be there, as far as an examination can ask for it: names, addresses, accounts.
//!
//! Nothing is asked here, and nothing is made: the texts that make the objects belong to `infra`.

use crate::{
    config::{Config, Google, Handoff, Intake, Sink, Tables},
    domain::policy::Mode,
    infra::{
        Plan,
        plan::{Job, Refused},
    },
};

/// A topic, and what is needed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name, without its project.
    pub name: String,
    /// Others publish to it: where nobody does, the name is wrong.
    pub published_by_others: bool,
    /// Others have to be subscribed to it.
    pub needs_readers: bool,
    /// The service publishes to it.
    pub published_by_us: bool,
}

/// A subscription of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its name, without its project.
    pub name: String,
    /// Its topic's name.
    pub topic: String,
    /// Where it has to push; `None`: it is pulled.
    pub endpoint: Option<String>,
    /// Whose messages it carries.
    pub handoff: String,
}

/// Everything that is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Topics, each once.
    pub topics: Vec<Topic>,
    /// Subscriptions of ours.
    pub subscriptions: Vec<Subscription>,
    /// Jobs of Cloud Scheduler; none where nobody can call the service.
    pub jobs: Vec<Job>,
    /// Why there can be none, and what to write.
    pub refused: Option<Refused>,
    /// Whether queries are billed to the project.
    pub queries: bool,
}

impl Wanted {
    /// What this configuration needs of its project.
    pub fn of(config: &Config, google: &Google) -> Self {
        let mut wanted = Self::default();
        let base = config.links.public_url.as_deref();
        for handoff in &config.handoffs {
            wanted.add(handoff, base);
            wanted.queries |= handoff.tables == Tables::Bigquery;
        }
        match Plan::jobs_of(config, google) {
            Ok(jobs) => wanted.jobs = jobs,
            Err(Refused::NoAddress { .. }) => {}
            Err(refused) => wanted.refused = Some(refused),
        }
        wanted
    }

    fn add(&mut self, handoff: &Handoff, base: Option<&str>) {
        let sends = handoff.policy.mode == Mode::Dispatch;
        let mut subscribe = |topic: &Option<String>, name: &Option<String>, path: &str| {
            let (Some(topic), Some(name)) = (topic, name) else {
                return;
            };
            let push = (handoff.intake == Intake::Push).then_some(base).flatten();
            self.subscriptions.push(Subscription {
                name: name.clone(),
                topic: topic.clone(),
                endpoint: push.map(|base| format!("{base}{path}")),
                handoff: handoff.id.as_str().to_owned(),
            });
        };
        subscribe(
            &handoff.upstream_topic,
            &handoff.trigger_subscription,
            "/trigger",
        );
        let mut topics = vec![handoff.upstream_topic.as_ref().map(|name| Topic {
            published_by_others: true,
            ..Topic::named(name)
        })];
        if let (Sink::Pubsub { topic }, true) = (&handoff.sink, sends) {
            subscribe(
                &handoff.completion_topic,
                &handoff.completion_subscription,
                "/complete",
            );
            topics.push(handoff.completion_topic.as_deref().map(Topic::named));
            topics.push(Some(Topic {
                needs_readers: true,
                published_by_us: true,
                ..Topic::named(topic)
            }));
        }
        let downstream = handoff.downstream_topic.as_ref().filter(|_| sends);
        topics.push(downstream.map(|name| Topic {
            published_by_us: true,
            ..Topic::named(name)
        }));
        for topic in topics.into_iter().flatten() {
            self.merge(topic);
        }
    }

    /// Two handoffs may share a topic: it is needed for both uses.
    fn merge(&mut self, topic: Topic) {
        match self.topics.iter_mut().find(|it| it.name == topic.name) {
            Some(known) => {
                known.published_by_others |= topic.published_by_others;
                known.needs_readers |= topic.needs_readers;
                known.published_by_us |= topic.published_by_us;
            }
            None => self.topics.push(topic),
        }
    }
}

impl Topic {
    fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            published_by_others: false,
            needs_readers: false,
            published_by_us: false,
        }
    }
}
