//! People are told directly where neither the topic nor the service took the word: over the configured channels.
//!
//! Which channels those are belongs to `domain::routing`, what the message says to `render`.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::{Clock, SystemClock},
    commands::serve::{Setup, telling},
    config::Config,
    domain::{
        alert::Severity,
        ids::ChannelId,
        policy,
        routing::{self, Situation},
        service::{self, Happened, Service},
    },
    engine::Telling,
    ports::{
        chain,
        notice::{About, Content, Links, Notice, Parcel, Way},
    },
    render::Zones,
};

/// How long one channel may take.
const CHANNEL_SECONDS_MAX: u64 = 10;

/// Tells people over the channels of a warning until one takes it; says what came of it.
pub async fn tell(config: &Config, night: String, error: String) -> String {
    let telling = match telling_of(config) {
        Ok(telling) => telling,
        Err(error) => return format!("people could not be told: {}", chain(&*error)),
    };
    let (parcel, routed) = parcel(&telling, night, error);
    let mut taken: Vec<ChannelId> = Vec::new();
    let mut failures = Vec::new();
    while let Some(channel) = next(&telling, &routed, &taken) {
        taken.push(channel.clone());
        let Some(means) = telling
            .channels
            .get(&channel)
            .filter(|means| means.reaches_people)
        else {
            continue;
        };
        let longest = Duration::from_secs(CHANNEL_SECONDS_MAX);
        match tokio::time::timeout(longest, means.channel.deliver(&parcel)).await {
            Ok(Ok(_)) => return format!("people were told over {channel}"),
            Ok(Err(failure)) => failures.push(format!("{channel}: {}", failure.error)),
            Err(_) => failures.push(format!("{channel}: no answer within {longest:?}")),
        }
    }
    match failures.is_empty() {
        true => "no channel that leads to people is configured".to_owned(),
        false => format!("nobody could be told: {}", failures.join("; ")),
    }
}

/// The channel to try next: those of the route, then any other.
fn next(telling: &Telling, routed: &[ChannelId], taken: &[ChannelId]) -> Option<ChannelId> {
    let first = routed.iter().find(|channel| !taken.contains(channel));
    first
        .or_else(|| telling.routes.next(Severity::Warning, taken))
        .cloned()
}

fn telling_of(config: &Config) -> anyhow::Result<Telling> {
    let first = config
        .handoffs
        .first()
        .map(|it| it.policy.clone())
        .unwrap_or_default();
    let zones = Zones {
        schedule: first.schedule.zone,
        calendar: first.calendar_zone,
    };
    let setup = Setup::of(config.clone(), Arc::new(SystemClock));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    telling::telling(&setup, (config.listen, zones), &client)
}

/// The message that a running service would send, and the channels it would take first.
fn parcel(telling: &Telling, night: String, error: String) -> (Parcel, Vec<ChannelId>) {
    let now = SystemClock.now();
    let id = format!("unpublished/{night}/{}", now.timestamp_micros());
    let happened = Happened::Unpublished { night, error };
    let stepped = service::step(
        Service::default(),
        &happened,
        &policy::Alerts::default(),
        now,
    );
    let situation = Situation {
        handoff: None,
        routes: &telling.routes,
        reached: &[],
        silences: &[],
        failing: &[],
    };
    let plan = routing::plan(&stepped.told, situation, now);
    let audience = telling
        .routes
        .audience(&plan.heard)
        .into_iter()
        .cloned()
        .collect();
    let routed = plan
        .deliveries
        .into_iter()
        .map(|planned| planned.channel)
        .collect();
    let parcel = Parcel {
        notices: vec![Notice {
            id,
            about: About::Service,
            at: now,
            content: Content::Alerts {
                told: plan.heard,
                night: None,
                units: Vec::new(),
            },
        }],
        audience,
        way: Way::default(),
        thread: None,
        links: Links {
            runbooks: telling.addresses.runbooks.clone(),
            ..Links::default()
        },
    };
    (parcel, routed)
}
