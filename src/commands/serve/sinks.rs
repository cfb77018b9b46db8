//! Where a handoff's units and its completion go.
//!
//! How they travel belongs to the adapters.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};

use super::{
    Setup,
    cloud::{Cloud, needed},
};
use crate::{
    channels::console::LogAnnouncer,
    config::{self, Config},
    ports::{Announcer, Sink},
    pubsub::{Name, PublishLimits, Publisher, TopicAnnouncer, TopicSink},
    sinks::{
        http::{Grouping, HttpSettings, HttpSink},
        local::LocalWorkers,
    },
    wire::request,
};

/// How long an endpoint may take to accept a request.
const SINK_SECONDS_MAX: u64 = 10;
/// Most calls to an endpoint at the same time.
const SINK_CALLS_MAX: usize = 16;
/// How long Pub/Sub may take to confirm a request; it usually takes less than a second.
const PUBLISH_SECONDS_MAX: u64 = 10;
/// Most publish requests of a handoff in the air.
const PUBLISH_REQUESTS_MAX: usize = 4;

/// Where the units of one handoff are sent.
pub fn of(
    setup: &Setup,
    handoff: &config::Handoff,
    (workers, client, cloud): (&Arc<LocalWorkers>, &reqwest::Client, Option<&Cloud>),
) -> anyhow::Result<Arc<dyn Sink>> {
    match &handoff.sink {
        config::Sink::Local => Ok(workers.clone()),
        config::Sink::Http { url, batch } => http_sink(setup, url, *batch, client),
        config::Sink::Pubsub { topic } => {
            let cloud = needed(cloud)?;
            Ok(Arc::new(TopicSink {
                publisher: publisher(cloud),
                topic: Name::topic(&cloud.google.project, topic),
                clock: setup.clock.clone(),
            }))
        }
    }
}

/// Where completions are announced.
pub fn announcer(config: &Config, cloud: Option<&Cloud>) -> Arc<dyn Announcer> {
    let Some(cloud) = cloud else {
        return Arc::new(LogAnnouncer);
    };
    let project = &cloud.google.project;
    let topic = |handoff: &config::Handoff| {
        let name = handoff.downstream_topic.as_ref()?;
        Some((handoff.id.clone(), Name::topic(project, name)))
    };
    Arc::new(TopicAnnouncer {
        publisher: publisher(cloud),
        topics: config.handoffs.iter().filter_map(topic).collect(),
        otherwise: Arc::new(LogAnnouncer),
    })
}

/// The way to the project's topics.
fn publisher(cloud: &Cloud) -> Arc<Publisher> {
    let limits = PublishLimits {
        timeout: Duration::from_secs(PUBLISH_SECONDS_MAX),
        requests_max: PUBLISH_REQUESTS_MAX,
    };
    let endpoint = cloud.google.endpoints.pubsub.clone();
    Publisher::new(cloud.client.clone(), endpoint, limits)
}

fn http_sink(
    setup: &Setup,
    url: &str,
    batch: u32,
    client: &reqwest::Client,
) -> anyhow::Result<Arc<dyn Sink>> {
    let url: reqwest::Url = url
        .parse()
        .with_context(|| format!("sink.http.url `{url}`"))?;
    if !matches!(url.scheme(), "http" | "https") {
        bail!("sink.http.url `{url}`: write an http:// or https:// address");
    }
    let settings = HttpSettings {
        url,
        grouping: if batch > 1 {
            Grouping::Array(batch as usize)
        } else {
            Grouping::Single
        },
        timeout: Duration::from_secs(SINK_SECONDS_MAX),
        calls_max: SINK_CALLS_MAX,
    };
    let clock = setup.clock.clone();
    let body = Arc::new(move |sent: &crate::ports::Request| {
        serde_json::from_slice(&request::write(sent, clock.now()).data).unwrap_or_default()
    });
    Ok(Arc::new(HttpSink::new(client.clone(), settings, body)))
}
