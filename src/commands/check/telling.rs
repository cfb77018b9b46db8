//! How people are told, as `check` shows it: who hears what, over which way, after how long; and what looks forgotten.
//!
//! What is refused outright is refused in `config`. Secrets are named by their place and never shown.

use chrono::Weekday;
use serde_json::json;

use super::{
    Checked,
    text::{self, labelled},
};
use crate::{
    config::{CONSOLE, Channel, ChannelKind, Config, Routing, Secret, Security, Slack},
    domain::{
        alert::Role,
        ids::ChannelId,
        policy::Alerts,
        routing::{Person, Route},
        seconds,
    },
};

/// Columns of a label.
const LABEL: usize = 13;

/// How people hear of the service, and of every handoff that says nothing of its own.
pub(super) fn lines(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(first) = config.handoffs.first() {
        lines = routing_lines(&config.routing, &first.policy.alerts);
    }
    for channel in &config.channels {
        if channel.id.as_str() != CONSOLE {
            let text = format!("{}: {}", channel.id, channel_text(channel));
            lines.extend(labelled("channel", LABEL, &text));
        }
    }
    let heartbeat = heartbeat_text(config).unwrap_or_else(|| "none".to_owned());
    lines.extend(labelled("heartbeat", LABEL, &heartbeat));
    let links = format!(
        "to {}, runbooks below {}",
        config.links.public(config.listen),
        config.links.runbooks(config.listen)
    );
    lines.extend(labelled("links", LABEL, &links));
    lines
}

/// How people hear of a handoff, where that is different.
pub(super) fn own_lines(config: &Config, checked: &Checked<'_>) -> Vec<String> {
    let handoff = checked.handoff;
    let shared = lines(config);
    let mut own = routing_lines(&handoff.routing, &handoff.policy.alerts);
    own.retain(|line| !shared.contains(line));
    own
}

fn routing_lines(routing: &Routing, alerts: &Alerts) -> Vec<String> {
    let routes = &routing.routes;
    let mut told = vec![
        ("critical", route_text(&routes.critical)),
        ("warning", route_text(&routes.warning)),
        ("daily", daily_text(routing)),
        ("weekly", weekly_text(routing)),
        ("reminders", reminders_text(alerts)),
    ];
    let roles = Role::ALL.map(|role| (role_name(role), role_text(role, &routes.people, alerts)));
    if routes.people.is_empty() {
        told.push(("people", "nobody is named".to_owned()));
    } else {
        told.extend(roles);
    }
    told.into_iter()
        .flat_map(|(label, text)| labelled(label, LABEL, &text))
        .collect()
}

/// `slack and email at once; if that fails hook`.
fn route_text(route: &Route) -> String {
    let at_once = joined(&route.at_once, " and ");
    let together = if route.at_once.len() > 1 {
        " at once"
    } else {
        ""
    };
    if route.otherwise.is_empty() {
        return format!("{at_once}{together}");
    }
    let otherwise = joined(&route.otherwise, ", then ");
    format!("{at_once}{together}; if that fails {otherwise}")
}

fn daily_text(routing: &Routing) -> String {
    if routing.routes.daily.is_empty() {
        return "nowhere".to_owned();
    }
    let channels = joined(&routing.routes.daily, " and ");
    format!("{channels}, at {}", routing.daily_at)
}

fn weekly_text(routing: &Routing) -> String {
    if routing.routes.weekly.is_empty() {
        return "nowhere".to_owned();
    }
    let channels = joined(&routing.routes.weekly, " and ");
    let day = day_name(routing.weekly_on);
    format!("{channels}, {day} at {}", routing.weekly_at)
}

fn reminders_text(alerts: &Alerts) -> String {
    format!(
        "of what nobody acknowledged: critical every {}, warnings every {}",
        seconds::text(alerts.remind_critical_after),
        seconds::text(alerts.remind_warning_after)
    )
}

fn role_text(role: Role, people: &[Person], alerts: &Alerts) -> String {
    let of_role = people.iter().filter(|person| person.role == role);
    let names: Vec<String> = of_role.map(person_text).collect();
    if names.is_empty() {
        return "nobody".to_owned();
    }
    let after = |length| format!("after {} of a critical alert", seconds::text(length));
    let when = match role {
        Role::Developer => "at once".to_owned(),
        Role::OnCall => after(alerts.escalate_on_call_after),
        Role::Lead => format!(
            "{}; everyone at once within {} of the deadline",
            after(alerts.escalate_lead_after),
            seconds::text(alerts.escalate_all_within)
        ),
    };
    format!("{}: {when}", names.join(", "))
}

/// `Dana (email, slack)`.
fn person_text(person: &Person) -> String {
    let email = person.email.as_ref().map(|_| "email");
    let slack = person.slack.as_ref().map(|_| "slack");
    let ways: Vec<&str> = email.into_iter().chain(slack).collect();
    format!("{} ({})", person.name, ways.join(", "))
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Developer => "developer",
        Role::OnCall => "on call",
        Role::Lead => "lead",
    }
}

fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

fn joined(channels: &[ChannelId], between: &str) -> String {
    let names: Vec<&str> = channels.iter().map(ChannelId::as_str).collect();
    names.join(between)
}

/// What a channel is and where its secrets come from.
fn channel_text(channel: &Channel) -> String {
    let what = match &channel.kind {
        ChannelKind::Slack(Slack::Bot { channel, token, .. }) => {
            format!("Slack bot in {channel}, token from {}", token.source())
        }
        ChannelKind::Slack(Slack::IncomingWebhook { url }) => {
            format!("Slack webhook, address from {}", url.source())
        }
        ChannelKind::Email(email) => {
            let security = match email.security {
                Security::Tls => "TLS",
                Security::Starttls => "STARTTLS",
                Security::None => "not encrypted",
            };
            let password = email.credentials.as_ref().map_or(String::new(), |it| {
                format!(", password from {}", it.password.source())
            });
            format!(
                "mail from {} over {}:{} ({security}){password}",
                email.from, email.host, email.port
            )
        }
        ChannelKind::Webhook(webhook) => format!("posts to {}", place(&webhook.url)),
        ChannelKind::Console => "the service's own output".to_owned(),
    };
    format!(
        "{what}; {} messages an hour, {} s patience",
        channel.messages_per_hour,
        channel.patience.num_milliseconds() as f64 / 1_000.0
    )
}

/// The host of a secret address, and where it comes from.
fn place(url: &Secret) -> String {
    let parsed = url.expose().parse::<reqwest::Url>().ok();
    let host = parsed.as_ref().and_then(|url| url.host_str());
    let source = match url.source() {
        "url" => String::new(),
        elsewhere => format!(", address from {elsewhere}"),
    };
    format!("{}{source}", host.unwrap_or("an unknown host"))
}

/// Who hears that the service is alive; `None`: nobody.
pub(super) fn heartbeat_text(config: &Config) -> Option<String> {
    let heartbeat = config.heartbeat.as_ref()?;
    let every = seconds::text(heartbeat.every);
    let failing = match heartbeat.fail_url {
        Some(_) => ", told when it cannot work",
        None => "",
    };
    Some(format!(
        "every {every} to {}{failing}",
        place(&heartbeat.url)
    ))
}

/// The channels as data, without their secrets.
pub(super) fn channels_json(config: &Config) -> serde_json::Value {
    let channels = config.channels.iter().map(|channel| {
        json!({
            "channel": channel.id,
            "kind": channel.kind.name(),
            "what": channel_text(channel),
            "patience_seconds": channel.patience.num_milliseconds() as f64 / 1_000.0,
            "messages_per_hour": channel.messages_per_hour,
        })
    });
    channels.collect()
}

/// How people hear of one handoff, as data.
pub(super) fn json(routing: &Routing, alerts: &Alerts) -> serde_json::Value {
    let routes = &routing.routes;
    let route = |it: &Route| json!({ "at_once": it.at_once, "otherwise": it.otherwise });
    json!({
        "critical": route(&routes.critical),
        "warning": route(&routes.warning),
        "daily": routes.daily,
        "daily_at": routing.daily_at,
        "weekly": routes.weekly,
        "weekly_on": day_name(routing.weekly_on),
        "weekly_at": routing.weekly_at,
        "people": routes.people,
        "alerts": alerts,
    })
}

/// What may be meant otherwise: nobody to tell, nothing to fall back to, links that lead nowhere.
pub(super) fn warnings(config: &Config, checked: &[Checked<'_>]) -> Vec<String> {
    let mut warnings = ways(config);
    warnings.extend(readers(config));
    if config.links.public_url.is_none() && !config.listen.ip().is_loopback() {
        warnings.push(format!(
            "links in messages lead to {}, which people elsewhere may not reach: set public_url",
            config.links.public(config.listen)
        ));
    }
    for name in &config.unused_variables {
        warnings.push(format!("{name} is set, and nothing uses it"));
    }
    warnings.extend(checked.iter().filter_map(summary_too_early));
    warnings
}

/// Channels that are missing, alone, or unused.
fn ways(config: &Config) -> Vec<String> {
    let handoffs = config.handoffs.iter();
    let routings = std::iter::once((None, &config.routing))
        .chain(handoffs.map(|handoff| (Some(&handoff.id), &handoff.routing)));
    let mut warnings: Vec<String> = Vec::new();
    let mut used: Vec<&ChannelId> = Vec::new();
    for (handoff, routing) in routings {
        let all = routing.routes.all();
        let whose = handoff.map_or("the service".to_owned(), ToString::to_string);
        let same = handoff.is_some() && *routing == config.routing;
        let warning = match all.as_slice() {
            [only] if only.as_str() == CONSOLE => Some(format!(
                "messages about {whose} go to the console alone, which nobody may be reading: configure a channel"
            )),
            [only] => Some(format!(
                "messages about {whose} have no other way when {only} fails: configure a second channel"
            )),
            [..] => None,
        };
        warnings.extend(warning.filter(|_| !same));
        if routing.routes.daily.is_empty() && !same {
            warnings.push(format!(
                "{whose} has no daily summary, in which what is only worth knowing is told"
            ));
        }
        used.extend(all);
    }
    let unused = config.channels.iter().map(|channel| &channel.id);
    let unused = unused.filter(|id| id.as_str() != CONSOLE && !used.contains(id));
    warnings.extend(unused.map(|id| format!("the channel {id} is in no route")));
    warnings
}

/// Roles without anybody, and people whom no channel reaches. The console has no readers to be named.
fn readers(config: &Config) -> Vec<String> {
    let kinds = config.channels.iter().map(|channel| &channel.kind);
    let has = |name: &str| kinds.clone().any(|kind| kind.name() == name);
    if !has("slack") && !has("email") {
        return Vec::new();
    }
    let people = &config.routing.routes.people;
    let missing: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| people.iter().all(|person| person.role != *role))
        .map(role_name)
        .collect();
    let mut warnings = Vec::new();
    if !missing.is_empty() {
        warnings.push(format!(
            "nobody is {}: add people with this role",
            missing.join(", nobody is ")
        ));
    }
    for person in people {
        let by_email = person.email.is_some() && has("email");
        let by_slack = person.slack.is_some() && has("slack");
        if !by_email && !by_slack {
            warnings.push(format!(
                "{} is reached by no channel: configure one for their address",
                person.name
            ));
        }
    }
    warnings
}

/// A daily summary that would come before there is a verdict to tell.
fn summary_too_early(checked: &Checked<'_>) -> Option<String> {
    let handoff = checked.handoff;
    let daily_at = &handoff.routing.daily_at;
    let night = checked.report.nights.iter().find(|night| {
        let deadline_at = handoff.policy.instants(night.game_date).deadline_at;
        daily_at.instant_on(night.game_date.0) < deadline_at + handoff.policy.sla.judging_max
    })?;
    Some(format!(
        "the daily summary of {} at {daily_at} comes before the verdict on {}, which falls up to {} after the \
         deadline {}: move daily_at",
        handoff.id,
        text::date_text(night.game_date),
        seconds::text(handoff.policy.sla.judging_max),
        handoff.policy.schedule.deadline
    ))
}
