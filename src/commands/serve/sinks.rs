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
            let _cloud = needed(cloud)?;
            bail!(
                "handoff {}: sink.pubsub.topic = {topic:?} is not built yet",
                handoff.id
            )
        }
    }
}

/// Where completions are announced.
pub fn announcer(config: &Config, cloud: Option<&Cloud>) -> Arc<dyn Announcer> {
    let _ = (config, cloud);
    Arc::new(LogAnnouncer)
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
