//! Slack's incoming webhook: one address that takes messages for one channel, without threads or edits.
//!
//! The library hides this answer's body, and a page that a proxy answers must not pass for Slack's "ok": so the request
//! is made here. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use reqwest::{StatusCode, header::HeaderMap};
use serde::Serialize;
use slack_morphism::blocks::SlackBlock;

use super::{
    bot::Post,
    errors::{is_layout, refused},
};
use crate::{
    channels::answer::{doubtful, refusal, silence, words},
    domain::{Instant, routing::Failure},
};

const WHOM: &str = "slack's webhook";

/// An incoming webhook.
pub(super) struct Hook {
    client: reqwest::Client,
    url: reqwest::Url,
}

#[derive(Serialize)]
struct Body<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "<[SlackBlock]>::is_empty")]
    blocks: &'a [SlackBlock],
}

/// Why a post was not taken.
pub(super) enum Refused {
    /// Slack does not like the layout; its own code.
    Layout(String),
    /// Anything else.
    Failed(Failure),
}

impl Hook {
    /// The webhook at this address, over a client that follows no redirects.
    pub fn new(client: reqwest::Client, url: reqwest::Url) -> Self {
        Self { client, url }
    }

    /// Posts a message; only Slack's own "ok" counts as taken.
    pub async fn post(&self, post: &Post, now: Instant) -> Result<(), Refused> {
        let failed = |error| Refused::Failed(silence(WHOM, error));
        let body = Body {
            text: &post.text,
            blocks: &post.blocks,
        };
        let sent = self.client.post(self.url.clone()).json(&body).send().await;
        let answer = sent.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.map_err(failed)?;
        judge(status, &headers, body.trim(), now)
    }
}

fn judge(status: StatusCode, headers: &HeaderMap, body: &str, now: Instant) -> Result<(), Refused> {
    if status.is_success() {
        return match body {
            "ok" => Ok(()),
            _ => Err(Refused::Failed(doubtful(format!(
                "{WHOM} answered {status}, but not with \"ok\": is something between us and slack?"
            )))),
        };
    }
    // A word in the body says more than the status; a page does not.
    let is_code = status.is_client_error() && status.as_u16() != 429 && is_code(body);
    if is_code && is_layout(body) {
        return Err(Refused::Layout(body.to_owned()));
    }
    let refusal = refusal(WHOM, status, headers, now);
    Err(Refused::Failed(match is_code {
        true => Failure {
            error: format!("{}: {}", refusal.error, words(&refused(body).error)),
            ..refusal
        },
        false => refusal,
    }))
}

fn is_code(body: &str) -> bool {
    !body.is_empty()
        && body.len() <= 60
        && body.chars().all(|it| it.is_ascii_lowercase() || it == '_')
}
