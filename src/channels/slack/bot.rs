//! Slack's Web API as a bot uses it: posting a message, and editing it in place.
//!
//! What an answer means belongs to `errors`, what a message looks like to `blocks` and `live`.

use serde::Deserialize;
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackChannelId, SlackClient, SlackMessageContent,
    SlackMessageMetadata, SlackTs,
    api::{SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest},
    blocks::SlackBlock,
    errors::SlackClientError,
    hyper_tokio::{SlackClientHyperConnector, SlackClientHyperHttpsConnector},
};

use super::SettingsError;

/// Where Slack's Web API is.
pub const API_URL: &str = "https://slack.com/api/";

/// Speaks to the Web API for one channel.
pub(super) struct Bot {
    client: SlackClient<SlackClientHyperHttpsConnector>,
    token: SlackApiToken,
    channel: SlackChannelId,
}

/// What is posted.
#[derive(Debug, Clone)]
pub(super) struct Post {
    /// The line of a notification.
    pub text: String,
    /// The layout; none: the text is all there is.
    pub blocks: Vec<SlackBlock>,
    /// By which a receiver can tell a repeat.
    pub metadata: (&'static str, String),
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Place {
    /// The channel's id, also where it was configured by name.
    pub channel: String,
    /// The message's name within the channel.
    pub ts: String,
}

/// As much of an answer as is needed: the library's own type refuses messages that were taken.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    #[serde(flatten)]
    place: Place,
}

impl Bot {
    /// A bot; nothing is sent yet.
    pub fn new(token: &str, channel: &str, api_url: &str) -> Result<Self, SettingsError> {
        // Roots that come with the program: a container without any of its own starts all the same.
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(SettingsError::Tls)?
            .https_or_http()
            .enable_http1()
            .build();
        // Without rate control nothing is held back and nothing is tried again here: the caller decides.
        let connector = SlackClientHyperConnector::with_connector(connector)
            .with_slack_api_url(api_url.trim_end_matches('/'));
        Ok(Self {
            client: SlackClient::new(connector),
            token: SlackApiToken::new(SlackApiTokenValue::new(token.to_owned())),
            channel: SlackChannelId::new(channel.to_owned()),
        })
    }

    /// Posts a message, under another one if `thread` says so; `broadcast` shows it in the channel all the same.
    pub async fn post(
        &self,
        post: &Post,
        thread: Option<&str>,
        broadcast: bool,
    ) -> Result<Place, SlackClientError> {
        let mut content = content(post);
        content.blocks = content.blocks.filter(|blocks| !blocks.is_empty());
        let request = SlackApiChatPostMessageRequest::new(self.channel.clone(), content)
            .opt_thread_ts(thread.map(|ts| SlackTs::new(ts.to_owned())))
            .opt_reply_broadcast(thread.map(|_| broadcast))
            .with_link_names(false)
            .with_unfurl_links(false)
            .with_unfurl_media(false);
        self.call("chat.postMessage", &request).await
    }

    /// Changes a message in place.
    pub async fn edit(&self, post: &Post, place: &Place) -> Result<Place, SlackClientError> {
        let channel = SlackChannelId::new(place.channel.clone());
        let ts = SlackTs::new(place.ts.clone());
        let request = SlackApiChatUpdateRequest::new(channel, content(post), ts);
        self.call("chat.update", &request).await
    }

    async fn call(
        &self,
        method: &str,
        request: &(impl serde::Serialize + Send + Sync),
    ) -> Result<Place, SlackClientError> {
        let session = self.client.open_session(&self.token);
        let api = &session.http_session_api;
        let answer: Answer = api.http_post(method, request, None).await?;
        if answer.ok {
            return Ok(answer.place);
        }
        let code = "not_ok_without_error".to_owned();
        let error = slack_morphism::errors::SlackClientApiError::new(code);
        Err(SlackClientError::ApiError(error))
    }
}

fn content(post: &Post) -> SlackMessageContent {
    let (event_type, id) = &post.metadata;
    let payload = [("id".to_owned(), id.clone())].into_iter().collect();
    let metadata = SlackMessageMetadata::new((*event_type).to_owned()).with_event_payload(payload);
    // An empty list takes the layout away from a message that is edited: without one the old layout stays.
    SlackMessageContent::new()
        .with_text(post.text.clone())
        .with_blocks(post.blocks.clone())
        .with_metadata(metadata)
}
