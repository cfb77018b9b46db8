//! Section `[channels]`: the ways to people, each with what it needs, or refused.
//!
//! Which messages go over which is said in `routes`; sending belongs to the adapters.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Error, Secret, length, secret::Sources};
use crate::domain::{ids::ChannelId, routing::Person, seconds};

mod email;
mod slack;
mod webhook;

pub use email::{Credentials, Email, Security};
pub use slack::Slack;
pub use webhook::Webhook;

/// Name of the channel that is always there: the service's own output.
pub const CONSOLE: &str = "console";

/// Longest name of a channel, in characters.
const NAME_MAX: usize = 32;
/// A channel may take from this, in seconds, …
const PATIENCE_SECONDS_MIN: f64 = 0.1;
/// … to this, before another is tried.
const PATIENCE_SECONDS_MAX: f64 = 60.0;
/// The hour's last message is a digest, so one before it has to fit in.
const MESSAGES_PER_HOUR_MIN: usize = 2;
/// Slack allows about one change of a message a second and channel; this leaves room for everything else.
const LIVE_EVERY_MIN: TimeDelta = TimeDelta::seconds(10);

/// A way to people.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name in routes, metrics and messages.
    pub id: ChannelId,
    /// What it is.
    pub kind: ChannelKind,
    /// How long it may take before another is tried, 0.1 s to 60 s.
    pub patience: TimeDelta,
    /// How many messages it takes in an hour, at least 2; critical ones are outside it.
    pub messages_per_hour: usize,
    /// How often a night's live message is brought up to date, at least 10 s; `None` where there is none.
    pub live_every: Option<TimeDelta>,
}

/// What a channel is, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// A Slack channel.
    Slack(Slack),
    /// Mail.
    Email(Email),
    /// An endpoint that takes JSON.
    Webhook(Webhook),
    /// The service's own output.
    Console,
}

impl ChannelKind {
    /// The name as it stands in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Email(_) => "email",
            Self::Webhook(_) => "webhook",
            Self::Console => "console",
        }
    }

    /// Every secret it holds.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Slack(Slack::Bot { token, .. }) => vec![token],
            Self::Slack(Slack::IncomingWebhook { url }) => vec![url],
            Self::Email(email) => email.credentials.iter().map(|it| &it.password).collect(),
            Self::Webhook(webhook) => std::iter::once(&webhook.url)
                .chain(&webhook.token)
                .collect(),
            Self::Console => Vec::new(),
        }
    }
}

impl Channel {
    /// The service's own output, which takes everything where nothing else is configured.
    fn console() -> Self {
        Self {
            id: ChannelId::new(CONSOLE),
            kind: ChannelKind::Console,
            patience: TimeDelta::seconds(4),
            messages_per_hour: 20,
            live_every: None,
        }
    }
}

/// What every kind of channel may be given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Common {
    kind: Option<String>,
    patience: Option<Patience>,
    messages_per_hour: Option<usize>,
    #[serde(deserialize_with = "length")]
    live_every: Option<TimeDelta>,
}

/// Its settings; what is left of a channel belongs to its kind.
const COMMON: [&str; 4] = ["kind", "patience", "messages_per_hour", "live_every"];

/// A length of time that may be shorter than a second: `"4s"`, or a number of seconds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Patience {
    Seconds(f64),
    Text(String),
}

/// Every channel of the file by name, and the console.
pub(super) fn read_all(
    sections: BTreeMap<String, toml::Table>,
    people: &[Person],
    sources: Sources<'_>,
) -> Result<Vec<Channel>, Error> {
    let mut channels = Vec::new();
    for (name, section) in sections {
        channels.push(read(&name, section, people, sources)?);
    }
    slack::check_variables(&channels, sources.environment)?;
    if channels.iter().all(|it| it.id.as_str() != CONSOLE) {
        channels.push(Channel::console());
    }
    Ok(channels)
}

fn read(
    name: &str,
    mut section: toml::Table,
    people: &[Person],
    sources: Sources<'_>,
) -> Result<Channel, Error> {
    let field = format!("channels.{name}");
    check_name(name, &field)?;
    let common = section
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    let common = common
        .filter(|(key, _)| COMMON.contains(&key.as_str()))
        .collect();
    section.retain(|key, _| !COMMON.contains(&key));
    let common: Common = typed(common, &field)?;
    let kind = match common.kind.as_deref() {
        Some("slack") => {
            ChannelKind::Slack(typed::<slack::Section>(section, &field)?.read(&field, sources)?)
        }
        Some("email") => {
            let email: email::Section = typed(section, &field)?;
            ChannelKind::Email(email.read(&field, people, sources)?)
        }
        Some("webhook") => {
            ChannelKind::Webhook(typed::<webhook::Section>(section, &field)?.read(&field, sources)?)
        }
        Some("console") => {
            typed::<Nothing>(section, &field)?;
            ChannelKind::Console
        }
        other => {
            let value = other.map_or("(not given)".to_owned(), |kind| format!("{kind:?}"));
            let fix = "write slack, email, webhook or console";
            return Err(Error::value(format!("{field}.kind"), value, fix));
        }
    };
    if (name == CONSOLE) != matches!(kind, ChannelKind::Console) {
        return Err(Error::value(
            format!("{field}.kind"),
            format!("{:?}", kind.name()),
            "the name console and the kind console belong together: write another name",
        ));
    }
    common.channel(name, kind, &field)
}

/// A console needs nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn check_name(name: &str, field: &str) -> Result<(), Error> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if (1..=NAME_MAX).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::value(
        field,
        format!("{name:?}"),
        format!("name a channel with letters, digits, - and _, at most {NAME_MAX} of them"),
    ))
}

/// A section of one kind; what it does not know is refused.
fn typed<T: DeserializeOwned>(section: toml::Table, field: &str) -> Result<T, Error> {
    section.try_into().map_err(|source| Error::Syntax {
        what: field.to_owned(),
        source: Box::new(source),
    })
}

impl Common {
    fn channel(self, name: &str, kind: ChannelKind, field: &str) -> Result<Channel, Error> {
        let default = Channel::console();
        let patience = match self.patience {
            Some(patience) => patience.read(&format!("{field}.patience"))?,
            None => default.patience,
        };
        let messages_per_hour = self.messages_per_hour.unwrap_or(default.messages_per_hour);
        if messages_per_hour < MESSAGES_PER_HOUR_MIN {
            return Err(Error::value(
                format!("{field}.messages_per_hour"),
                messages_per_hour,
                format!(
                    "write at least {MESSAGES_PER_HOUR_MIN}: the hour's last is a digest of what waits"
                ),
            ));
        }
        let live_every = live_every(self.live_every, &kind, &format!("{field}.live_every"))?;
        Ok(Channel {
            id: ChannelId::new(name),
            kind,
            patience,
            messages_per_hour,
            live_every,
        })
    }
}

fn live_every(
    given: Option<TimeDelta>,
    kind: &ChannelKind,
    field: &str,
) -> Result<Option<TimeDelta>, Error> {
    let is_bot = matches!(kind, ChannelKind::Slack(Slack::Bot { .. }));
    match given {
        Some(every) if !is_bot => Err(Error::value(
            field,
            seconds::text(every),
            "only a Slack bot keeps a live message: remove it",
        )),
        Some(every) if every < LIVE_EVERY_MIN => Err(Error::value(
            field,
            seconds::text(every),
            "write at least 10s",
        )),
        Some(every) => Ok(Some(every)),
        None => Ok(is_bot.then(|| TimeDelta::minutes(1))),
    }
}

impl Patience {
    fn read(self, field: &str) -> Result<TimeDelta, Error> {
        let (seconds, value) = match &self {
            Self::Seconds(seconds) => (Some(*seconds), seconds.to_string()),
            Self::Text(text) => {
                let length = seconds::parse(text).map(|length| length.num_seconds() as f64);
                (length, format!("{text:?}"))
            }
        };
        let possible = PATIENCE_SECONDS_MIN..=PATIENCE_SECONDS_MAX;
        match seconds.filter(|seconds| possible.contains(seconds)) {
            Some(seconds) => Ok(TimeDelta::milliseconds((seconds * 1_000.0).round() as i64)),
            None => Err(Error::value(
                field,
                value,
                "write a length of time such as \"4s\", or seconds from 0.1 to 60",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
