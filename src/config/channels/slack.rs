//! A Slack channel: a bot with its token, or an incoming webhook.
//!
//! What every channel may be given belongs to `channels`.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Channel, ChannelKind};
use crate::config::{
    Environment, Error, Secret, address,
    secret::{Places, Sources},
};

const TOKEN: &str = "TIPOFF_SLACK_TOKEN";
const WEBHOOK_URL: &str = "TIPOFF_SLACK_WEBHOOK_URL";
/// Where Slack's own methods are.
const API_URL: &str = "https://slack.com/api/";

/// How a Slack channel is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slack {
    /// By a bot, which can hang messages under each other and change them.
    Bot {
        /// The channel's name or id, for example `#nba-alerts`.
        channel: String,
        /// The bot's token.
        token: Secret,
        /// Where Slack's methods are, with a slash at the end.
        api_url: String,
    },
    /// By an incoming webhook, which belongs to one channel and can only add messages.
    IncomingWebhook {
        /// Its address.
        url: Secret,
    },
}

/// What a channel of this kind is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    channel: Option<String>,
    token_file: Option<PathBuf>,
    webhook_url_file: Option<PathBuf>,
    api_url: Option<String>,
}

impl Section {
    /// A bot where a channel or a token is named, an incoming webhook where its address is.
    pub(super) fn read(self, field: &str, sources: Sources<'_>) -> Result<Slack, Error> {
        let is_set = |name: &str| sources.environment.get(name).is_some();
        let bot = self.channel.is_some() || self.token_file.is_some() || self.api_url.is_some();
        match (&self.webhook_url_file, bot) {
            (Some(path), true) => Err(Error::value(
                format!("{field}.webhook_url_file"),
                path.display(),
                "an incoming webhook needs nothing else: remove it, or remove channel, token_file and api_url",
            )),
            (Some(_), false) => self.incoming_webhook(field, sources),
            (None, false) if is_set(WEBHOOK_URL) && !is_set(TOKEN) => {
                self.incoming_webhook(field, sources)
            }
            (None, _) => self.bot(field, sources),
        }
    }

    fn incoming_webhook(&self, field: &str, sources: Sources<'_>) -> Result<Slack, Error> {
        let places = Places {
            section: field,
            name: "webhook_url",
            file: self.webhook_url_file.as_deref(),
            variable: Some(WEBHOOK_URL),
        };
        let missing = || nothing(format!("{field}.webhook_url_file"));
        let url = sources.read(places)?.ok_or_else(missing)?;
        let parsed = address::check_secret(&url, field)?;
        address::check_encrypted(&parsed, &url.field(field))?;
        Ok(Slack::IncomingWebhook { url })
    }

    fn bot(self, field: &str, sources: Sources<'_>) -> Result<Slack, Error> {
        let channel = self.channel.unwrap_or_default();
        if channel.is_empty() {
            return Err(nothing(format!("{field}.channel")));
        }
        if channel.contains(char::is_whitespace) || channel == "#" {
            return Err(Error::value(
                format!("{field}.channel"),
                format!("{channel:?}"),
                "write one channel's name such as \"#nba-alerts\", or its id",
            ));
        }
        let places = Places {
            section: field,
            name: "token",
            file: self.token_file.as_deref(),
            variable: Some(TOKEN),
        };
        let Some(token) = sources.read(places)? else {
            return Err(Error::value(
                format!("{field}.token_file"),
                "(not given)",
                format!(
                    "a bot needs its token: name token_file or set {TOKEN}; an incoming webhook takes no channel"
                ),
            ));
        };
        // Slack's bot tokens start with xoxb-, or with xoxe.xoxb- where they are renewed.
        if !token.expose().starts_with("xox") {
            return Err(Error::value(
                token.field(field),
                "(hidden)",
                "is no bot token: those start with xoxb-",
            ));
        }
        let api_url = self.api_url.unwrap_or_else(|| API_URL.to_owned());
        let name = format!("{field}.api_url");
        let parsed = address::parse(&api_url, &name, &format!("{api_url:?}"))?;
        address::check_encrypted(&parsed, &name)?;
        Ok(Slack::Bot {
            channel,
            token,
            api_url: format!("{}/", api_url.trim_end_matches('/')),
        })
    }
}

fn nothing(field: String) -> Error {
    Error::value(
        field,
        "(not given)",
        format!(
            "name the channel, such as \"#nba-alerts\", for a bot with {TOKEN} or token_file; or give an incoming \
             webhook by webhook_url_file or {WEBHOOK_URL}"
        ),
    )
}

/// Refuses a variable that seems meant for a Slack channel and that none of them uses.
pub(super) fn check_variables(
    channels: &[Channel],
    environment: &Environment,
) -> Result<(), Error> {
    let is_slack = |it: &&Channel| matches!(it.kind, ChannelKind::Slack(_));
    let slack: Vec<&Channel> = channels.iter().filter(is_slack).collect();
    for (name, other) in [(TOKEN, "an incoming webhook"), (WEBHOOK_URL, "a bot")] {
        let secrets = || slack.iter().flat_map(|channel| channel.kind.secrets());
        let unused = secrets().all(|secret| secret.source() != name);
        if let Some(first) = slack.first()
            && environment.get(name).is_some()
            && unused
        {
            return Err(Error::value(
                name,
                "(hidden)",
                format!(
                    "channels.{} is {other}, so this is used by no channel: unset it, or configure the channel it is for",
                    first.id
                ),
            ));
        }
    }
    Ok(())
}
