//! Slack: messages to a channel, by a bot or by an incoming webhook, and the one message that shows how a night stands.
//!
//! What a message says belongs to `render`; when it is sent again belongs to the engine.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use slack_morphism::errors::SlackClientError;

use crate::{
    clock::Clock,
    domain::{
        alert::{Change, Severity, Told},
        routing::Failure,
    },
    ports::{
        Channel, Live,
        notice::{Notice, Parcel, Receipt},
    },
    render::letter::Letter,
};

mod blocks;
mod bot;
mod errors;
mod hook;
mod live;
mod text;
mod words;

pub use bot::API_URL;

use bot::{Bot, Place, Post};
use hook::{Hook, Refused};

/// How a channel of Slack's is reached.
#[derive(Debug, Clone)]
pub struct SlackSettings {
    /// By which of Slack's ways.
    pub way: Way,
    /// Where the Web API is; [`API_URL`] but for a stand-in.
    pub api_url: String,
}

/// Slack's two ways into a channel.
#[derive(Clone)]
pub enum Way {
    /// A bot: threads, calls by name, and a live message.
    Bot {
        /// The bot's token, a secret.
        token: String,
        /// The channel's id, for example `C024BE91L`.
        channel: String,
    },
    /// An incoming webhook: messages only.
    Webhook {
        /// Its address, a secret: whoever knows it can post.
        url: String,
    },
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bot { channel, .. } => f
                .debug_struct("Bot")
                .field("channel", channel)
                .finish_non_exhaustive(),
            Self::Webhook { .. } => f.debug_struct("Webhook").finish_non_exhaustive(),
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The token holds characters that no token has.
    #[error(
        "slack: token: empty, or with a space or line break in it: copy the bot token again, it starts with xoxb-"
    )]
    Token,
    /// No channel.
    #[error("slack: channel: empty: write the channel's id, for example C024BE91L")]
    Channel,
    /// The Web API's address is none.
    #[error(
        "slack: api_url: not an http or https address: leave it out for https://slack.com/api/"
    )]
    ApiUrl,
    /// The webhook's address is none.
    #[error(
        "slack: webhook url: not an http or https address: copy it again, it starts with https://hooks.slack.com/"
    )]
    Url,
    /// The cryptography that the program comes with does not work.
    #[error("slack: setting up tls")]
    Tls(#[source] rustls::Error),
}

/// A channel of Slack's.
pub struct Slack {
    sender: Sender,
    clock: Arc<dyn Clock>,
}

enum Sender {
    Bot(Box<Bot>),
    Webhook(Hook),
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").finish_non_exhaustive()
    }
}

impl Slack {
    /// The channel; nothing is sent yet. `client` is for the webhook and should follow no redirects.
    ///
    /// # Errors
    ///
    /// Names the setting that cannot work, never its value.
    pub fn new(
        settings: &SlackSettings,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let sender = match &settings.way {
            Way::Bot { token, channel } => {
                if token.is_empty() || !token.chars().all(|it| it.is_ascii_graphic()) {
                    return Err(SettingsError::Token);
                }
                if channel.trim().is_empty() {
                    return Err(SettingsError::Channel);
                }
                address(&settings.api_url).ok_or(SettingsError::ApiUrl)?;
                Sender::Bot(Box::new(Bot::new(token, channel, &settings.api_url)?))
            }
            Way::Webhook { url } => {
                Sender::Webhook(Hook::new(client, address(url).ok_or(SettingsError::Url)?))
            }
        };
        Ok(Self { sender, clock })
    }

    /// Sends a letter: the words of the parcel that it was made of.
    ///
    /// # Errors
    ///
    /// Says whether another try may help, and whether the message may have arrived.
    pub async fn send(&self, letter: &Letter, parcel: &Parcel) -> Result<Receipt, Failure> {
        let mentions = mentions(parcel);
        let post = Post {
            text: words::notification(letter),
            blocks: blocks::blocks(letter, &mentions),
            metadata: ("tipoff_notice", letter.id.clone()),
        };
        let bare = |why: &str| words::bare(letter, &mentions, why);
        match &self.sender {
            Sender::Bot(bot) => {
                let thread = parcel.thread.as_deref().map(ts);
                let way = (thread, is_news(parcel));
                let (place, thread) = self.reply(bot, (post, bare), way).await?;
                Ok(Receipt {
                    thread: Some(thread.unwrap_or_else(|| place.ts.clone())),
                    message_id: place.ts,
                })
            }
            Sender::Webhook(hook) => {
                self.call(hook, post, bare).await?;
                Ok(Receipt {
                    message_id: letter.id.clone(),
                    thread: None,
                })
            }
        }
    }

    /// Posts under the thread; if that is gone, on its own. Says under which thread the message is.
    async fn reply(
        &self,
        bot: &Bot,
        (post, bare): (Post, impl Fn(&str) -> String),
        (thread, broadcast): (Option<&str>, bool),
    ) -> Result<(Place, Option<String>), Failure> {
        let mut post = post;
        let mut thread = thread;
        // Each of the two can be given up once, so three tries are enough.
        loop {
            let error = match bot.post(&post, thread, broadcast).await {
                Ok(place) => return Ok((place, thread.map(str::to_owned))),
                Err(error) => error,
            };
            let code = errors::code(&error).unwrap_or_default();
            if errors::is_layout(code) && !post.blocks.is_empty() {
                post = without_layout(post, code, &bare);
            } else if errors::is_thread(code) && thread.take().is_some() {
                tracing::warn!(code, "slack does not know the thread: posting on its own");
            } else {
                return Err(errors::failure(&error, self.clock.now()));
            }
        }
    }

    /// Posts to the webhook; without a layout if Slack does not take it.
    async fn call(
        &self,
        hook: &Hook,
        post: Post,
        bare: impl Fn(&str) -> String,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let code = match hook.post(&post, now).await {
            Ok(()) => return Ok(()),
            Err(Refused::Failed(failure)) => return Err(failure),
            Err(Refused::Layout(code)) => code,
        };
        match hook.post(&without_layout(post, &code, bare), now).await {
            Ok(()) => Ok(()),
            Err(Refused::Failed(failure)) => Err(failure),
            Err(Refused::Layout(code)) => Err(errors::refused(&code)),
        }
    }

    async fn show_in(&self, bot: &Bot, live: &Live, known: Option<&str>) -> Result<Place, Failure> {
        let key = &live.night.key;
        let post = Post {
            text: live::notification(live),
            blocks: live::blocks(live),
            metadata: ("tipoff_night", format!("{}/{}", key.handoff, key.game_date)),
        };
        let bare = |_: &str| live::notification(live);
        let Some(place) = known.and_then(place) else {
            let posted = self.reply(bot, (post, bare), (None, false)).await?;
            return Ok(posted.0);
        };
        let error = match edit(bot, &post, &place, bare).await {
            Ok(place) => return Ok(place),
            Err(error) => error,
        };
        if !errors::code(&error).is_some_and(errors::is_edit) {
            return Err(errors::failure(&error, self.clock.now()));
        }
        let posted = self.reply(bot, (post, bare), (None, false)).await?;
        Ok(posted.0)
    }
}

#[async_trait]
impl Channel for Slack {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        let letter = Letter::of(parcel, self.clock.now());
        self.send(&letter, parcel).await
    }

    async fn show(&self, live: &Live, known: Option<&str>) -> Result<Option<String>, Failure> {
        match &self.sender {
            Sender::Bot(bot) => {
                let place = self.show_in(bot, live, known).await?;
                Ok(Some(format!("{}:{}", place.channel, place.ts)))
            }
            Sender::Webhook(_) => Ok(None),
        }
    }
}

/// Edits a message; without its layout if Slack does not take that.
async fn edit(
    bot: &Bot,
    post: &Post,
    place: &Place,
    bare: impl Fn(&str) -> String,
) -> Result<Place, SlackClientError> {
    let error = match bot.edit(post, place).await {
        Ok(place) => return Ok(place),
        Err(error) => error,
    };
    match errors::code(&error) {
        Some(code) if errors::is_layout(code) => {
            bot.edit(&without_layout(post.clone(), code, bare), place)
                .await
        }
        Some(_) | None => Err(error),
    }
}

/// An alarm is never lost to a layout: its words alone, and why.
fn without_layout(post: Post, code: &str, bare: impl Fn(&str) -> String) -> Post {
    tracing::warn!(
        code,
        "slack does not take the layout of a message: sending its words alone"
    );
    Post {
        text: bare(code),
        blocks: Vec::new(),
        ..post
    }
}

/// Where a message is, as [`Slack::show`] said it.
fn place(known: &str) -> Option<Place> {
    let (channel, ts) = known.rsplit_once(':')?;
    (!channel.is_empty() && !ts.is_empty()).then(|| Place {
        channel: channel.to_owned(),
        ts: ts.to_owned(),
    })
}

/// A thread's name within its channel: a live message is known with the channel before it.
fn ts(thread: &str) -> &str {
    thread.rsplit_once(':').map_or(thread, |(_, ts)| ts)
}

/// Who is called by name: only for what is critical, and where more people are told.
fn mentions(parcel: &Parcel) -> Vec<String> {
    let calls = |told: &Told| match told.change {
        Change::Escalated => true,
        Change::Opened | Change::Worsened | Change::Reminded => {
            told.alert.severity == Severity::Critical
        }
        Change::Resolved => false,
    };
    if !parcel.notices.iter().flat_map(Notice::told).any(calls) {
        return Vec::new();
    }
    let people = parcel.audience.iter();
    people.filter_map(|person| person.slack.clone()).collect()
}

/// Whether people in the channel are to see it though it hangs in a thread: all but reminders.
fn is_news(parcel: &Parcel) -> bool {
    let is_reminder = |told: &Told| match told.change {
        Change::Reminded => true,
        Change::Opened | Change::Worsened | Change::Escalated | Change::Resolved => false,
    };
    let is_quiet = |notice: &Notice| {
        let told = notice.told();
        !told.is_empty() && told.iter().all(is_reminder)
    };
    !parcel.notices.iter().all(is_quiet)
}

fn address(text: &str) -> Option<reqwest::Url> {
    let url = reqwest::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

#[cfg(test)]
mod tests;
