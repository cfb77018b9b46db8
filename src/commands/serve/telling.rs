//! The configured channels, heartbeat and summaries → their adapters and means.
//!
//! What is configured belongs to `config`, delivering to the engine.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;

use super::Setup;
use crate::{
    channels::{
        console::Console,
        email::{self, Email, EmailSettings, Password},
        heartbeat::HttpHeartbeat,
        slack::{self, Slack, SlackSettings},
        webhook::{Webhook, WebhookSettings},
    },
    clock::Clock,
    config::{self, ChannelKind, Config, Routing},
    domain::report::Timetable,
    engine::{Addresses, Beating, Means, Telling},
    ports::Channel,
    render::Zones,
};

/// How long connecting to a mail server may take; the channel's patience may end it earlier.
const CONNECT_SECONDS_MAX: u64 = 10;
/// How long a mail connection is kept for the next mail.
const KEPT_SECONDS: u64 = 60;

/// Everything about reaching people, as it is configured.
pub fn telling(
    setup: &Setup,
    (address, zones): (SocketAddr, Zones),
    client: &reqwest::Client,
) -> anyhow::Result<Telling> {
    let config = &setup.config;
    let mut channels = BTreeMap::new();
    for configured in &config.channels {
        let means = Means {
            channel: channel(setup, configured, (client, zones))
                .with_context(|| format!("channels.{}", configured.id))?,
            patience: configured.patience,
            messages_per_hour: match configured.kind {
                // The process's own output cannot be flooded away from anyone.
                ChannelKind::Console => usize::MAX,
                ChannelKind::Slack(_) | ChannelKind::Email(_) | ChannelKind::Webhook(_) => {
                    configured.messages_per_hour
                }
            },
            reaches_people: !matches!(configured.kind, ChannelKind::Console),
            live_every: configured.live_every,
        };
        channels.insert(configured.id.clone(), means);
    }
    Ok(Telling {
        channels,
        routes: config.routing.routes.clone(),
        addresses: Addresses {
            public: Some(config.links.public(address)),
            runbooks: Some(config.links.runbooks(address)),
        },
    })
}

/// When a handoff's summaries are made.
pub fn timetable(routing: &Routing) -> Timetable {
    Timetable {
        daily_at: routing.daily_at,
        weekly_on: routing.weekly_on,
        weekly_at: routing.weekly_at,
    }
}

/// The outgoing heartbeat, if one is configured.
pub fn beating(config: &Config, client: &reqwest::Client) -> anyhow::Result<Option<Beating>> {
    let Some(heartbeat) = &config.heartbeat else {
        return Ok(None);
    };
    let url = |secret: &config::Secret| {
        let parsed = secret.expose().parse::<reqwest::Url>();
        parsed.with_context(|| format!("heartbeat: the address from {}", secret.source()))
    };
    let fail_url = heartbeat.fail_url.as_ref().map(url).transpose()?;
    let adapter = HttpHeartbeat::new(client.clone(), url(&heartbeat.url)?, fail_url);
    Ok(Some(Beating {
        heartbeat: Arc::new(adapter),
        every: heartbeat.every,
    }))
}

fn channel(
    setup: &Setup,
    configured: &config::Channel,
    (client, zones): (&reqwest::Client, Zones),
) -> anyhow::Result<Arc<dyn Channel>> {
    let clock = setup.clock.clone();
    Ok(match &configured.kind {
        ChannelKind::Console => Arc::new(Console {
            zones,
            print: setup.print_alerts,
            clock,
        }),
        ChannelKind::Slack(settings) => Arc::new(slack(settings, client, clock)?),
        ChannelKind::Email(settings) => {
            let settings = email(settings);
            Arc::new(Email::new(configured.id.clone(), settings, clock)?)
        }
        ChannelKind::Webhook(settings) => {
            let settings = WebhookSettings {
                url: settings.url.expose().to_owned(),
                bearer_token: settings.token.as_ref().map(|it| it.expose().to_owned()),
                receiver: configured.id.as_str().to_owned(),
            };
            Arc::new(Webhook::new(&settings, client.clone(), clock)?)
        }
    })
}

fn slack(
    settings: &config::Slack,
    client: &reqwest::Client,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Slack> {
    let settings = match settings {
        config::Slack::Bot {
            channel,
            token,
            api_url,
        } => SlackSettings {
            way: slack::Way::Bot {
                token: token.expose().to_owned(),
                channel: channel.clone(),
            },
            api_url: api_url.clone(),
        },
        config::Slack::IncomingWebhook { url } => SlackSettings {
            way: slack::Way::Webhook {
                url: url.expose().to_owned(),
            },
            api_url: slack::API_URL.to_owned(),
        },
    };
    Ok(Slack::new(&settings, client.clone(), clock)?)
}

fn email(settings: &config::Email) -> EmailSettings {
    let account = |credentials: &config::Credentials| {
        let password = Password::new(credentials.password.expose());
        (credentials.username.clone(), password)
    };
    EmailSettings {
        host: settings.host.clone(),
        port: settings.port,
        security: match settings.security {
            config::Security::Tls => email::Security::Tls,
            config::Security::Starttls => email::Security::StartTls,
            config::Security::None => email::Security::None,
        },
        account: settings.credentials.as_ref().map(account),
        ca_file: settings.ca_file.clone(),
        from: settings.from.clone(),
        to: settings.to.clone(),
        connect_timeout: Duration::from_secs(CONNECT_SECONDS_MAX),
        kept_for: Duration::from_secs(KEPT_SECONDS),
    }
}
