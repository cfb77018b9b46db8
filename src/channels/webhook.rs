//! A generic webhook: messages as Alertmanager sends them, so that whatever reads those reads these.
//!
//! The body's shape belongs to `body`; trying again belongs to the engine.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use sha2::{Digest, Sha256};

use super::answer::{permanent, refusal, silence};
use crate::{
    clock::Clock,
    domain::routing::Failure,
    ports::{
        Channel,
        notice::{Notice, Parcel, Receipt},
    },
};

mod body;

const WHOM: &str = "the webhook";

/// The header that carries the idempotency key: a message repeated with it is the same message.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How a webhook is reached.
#[derive(Clone)]
pub struct WebhookSettings {
    /// Its address, which may hold a secret.
    pub url: String,
    /// Sent as `Authorization: Bearer …`; a secret.
    pub bearer_token: Option<String>,
    /// The channel's name, as the body's `receiver` says it.
    pub receiver: String,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings")
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// The address is none.
    #[error(
        "webhook: url: not an http or https address: write it in full, for example https://example.org/alerts"
    )]
    Url,
    /// The token holds characters that no header can.
    #[error("webhook: bearer_token: empty, or with a space or line break in it: copy it again")]
    Token,
}

/// A generic webhook.
pub struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    authorization: Option<HeaderValue>,
    receiver: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// The webhook over a client made elsewhere, which should follow no redirects.
    ///
    /// # Errors
    ///
    /// Names the setting that cannot work, never its value.
    pub fn new(
        settings: &WebhookSettings,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let url = reqwest::Url::parse(&settings.url).map_err(|_| SettingsError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingsError::Url);
        }
        let token = settings.bearer_token.as_deref();
        Ok(Self {
            client,
            url,
            authorization: token.map(authorization).transpose()?,
            receiver: settings.receiver.clone(),
            clock,
        })
    }
}

#[async_trait]
impl Channel for Webhook {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        let body = body::write(parcel, &self.receiver);
        let body = serde_json::to_vec(&body)
            .map_err(|error| permanent(format!("{WHOM}: the body cannot be written: {error}")))?;
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(IDEMPOTENCY_KEY, key(&parcel.notices))
            .body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(reqwest::header::AUTHORIZATION, authorization.clone());
        }
        let answer = request.send().await.map_err(|error| silence(WHOM, error))?;
        if !answer.status().is_success() {
            let now = self.clock.now();
            return Err(refusal(WHOM, answer.status(), answer.headers(), now));
        }
        let first = parcel.notices.first();
        Ok(Receipt {
            message_id: first.map(|notice| notice.id.clone()).unwrap_or_default(),
            thread: None,
        })
    }
}

fn authorization(token: &str) -> Result<HeaderValue, SettingsError> {
    if token.is_empty() || !token.chars().all(|it| it.is_ascii_graphic()) {
        return Err(SettingsError::Token);
    }
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| SettingsError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The notice's id; of several, or of one that no header can hold, a digest of the ids.
fn key(notices: &[Notice]) -> HeaderValue {
    if let [notice] = notices
        && !notice.id.is_empty()
        && notice.id.chars().all(|it| it.is_ascii_graphic())
        && let Ok(value) = HeaderValue::from_str(&notice.id)
    {
        return value;
    }
    let mut hash = Sha256::new();
    for notice in notices {
        hash.update(&notice.id);
        hash.update([0]);
    }
    let text = format!("{:x}", hash.finalize());
    HeaderValue::from_str(&text).expect("hexadecimal is visible ASCII")
}

#[cfg(test)]
mod tests;
