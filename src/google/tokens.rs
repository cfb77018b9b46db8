//! Access tokens: from a service account's key, the metadata server, gcloud's login, or none for an emulator.
//!
//! One token serves every interface and is fetched by one call at a time; whose account it is belongs to the
//! configuration. Google's identity tokens of callers belong to `identity`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::TimeDelta;
use gcp_auth::TokenProvider;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{GoogleError, Kind};
use crate::{clock::Clock, domain::Instant, ports::chain};

/// What the token is for: everything that the account may do (<https://cloud.google.com/docs/authentication>).
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The metadata server gives a new token within the last five minutes of the old one.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(4);
const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const DOING: &str = "fetching an access token";

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: an emulator asks for none.
    None,
    /// The metadata server of this `host` or `host:port`: Cloud Run, GKE's workload identity, Compute Engine.
    Metadata(String),
    /// A service account's key file.
    Key(PathBuf),
    /// `gcloud auth application-default login` of this machine's user.
    Gcloud,
}

/// Tokens of one account. Cloning shares what is cached.
#[derive(Clone)]
pub struct Tokens {
    source: Source,
    shared: Arc<Shared>,
}

struct Shared {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Kept>,
    provider: Option<Arc<dyn TokenProvider>>,
}

struct Kept {
    text: String,
    expires_at: Instant,
}

#[derive(Deserialize)]
struct MetadataToken {
    access_token: String,
    expires_in: i64,
}

impl Tokens {
    /// Tokens from this source, each fetched within `timeout`.
    pub fn new(
        source: Source,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
        timeout: Duration,
    ) -> Self {
        let state = Mutex::default();
        Self {
            source,
            shared: Arc::new(Shared {
                client,
                clock,
                timeout,
                state,
            }),
        }
    }

    /// The token to send, from the cache while it is good; `None` where none is asked for.
    ///
    /// # Errors
    ///
    /// When none can be had now.
    pub async fn token(&self) -> Result<Option<String>, GoogleError> {
        if self.source == Source::None {
            return Ok(None);
        }
        // Held while fetching: a hundred callers wait for one answer.
        let mut state = self.shared.state.lock().await;
        let now = self.shared.clock.now();
        if let Some(kept) = state.token.as_ref().filter(|kept| now < kept.expires_at) {
            return Ok(Some(kept.text.clone()));
        }
        let fetched = tokio::time::timeout(self.shared.timeout, self.fetch(&mut state, now)).await;
        let kept = fetched
            .map_err(|_| GoogleError::new(DOING, Kind::Unreachable, "no answer in time"))??;
        let text = kept.text.clone();
        state.token = Some(kept);
        Ok(Some(text))
    }

    /// Forgets the cached token: it was refused.
    pub async fn forget(&self) {
        *self.shared.state.lock().await = State::default();
    }

    async fn fetch(&self, state: &mut State, now: Instant) -> Result<Kept, GoogleError> {
        match &self.source {
            Source::Metadata(host) => self.of_metadata(host, now).await,
            Source::Key(_) | Source::Gcloud | Source::None => self.of_provider(state).await,
        }
    }

    async fn of_metadata(&self, host: &str, now: Instant) -> Result<Kept, GoogleError> {
        let unreachable =
            |error: reqwest::Error| GoogleError::new(DOING, Kind::Unreachable, error.without_url());
        let url = format!("http://{host}{METADATA_PATH}");
        let request = self
            .shared
            .client
            .get(url)
            .header("Metadata-Flavor", "Google");
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?;
        if !status.is_success() {
            let error = GoogleError::of_answer(DOING, status.as_u16(), &body, None);
            // A missing account is a matter of the platform's start or of its set-up, never an answer to the caller.
            return Err(GoogleError {
                kind: Kind::Unauthenticated,
                ..error
            });
        }
        let read: MetadataToken = serde_json::from_slice(&body)
            .map_err(|error| GoogleError::new(DOING, Kind::Unreadable, error))?;
        Ok(Kept {
            text: read.access_token,
            expires_at: now + TimeDelta::seconds(read.expires_in) - RENEWED_BEFORE,
        })
    }

    async fn of_provider(&self, state: &mut State) -> Result<Kept, GoogleError> {
        let refused =
            |error: gcp_auth::Error| GoogleError::new(DOING, Kind::Unauthenticated, chain(&error));
        let provider = match &state.provider {
            Some(provider) => provider.clone(),
            None => self.provider().await.map_err(refused)?,
        };
        state.provider = Some(provider.clone());
        let token = provider.token(&[SCOPE]).await.map_err(refused)?;
        Ok(Kept {
            text: token.as_str().to_owned(),
            expires_at: token.expires_at() - RENEWED_BEFORE,
        })
    }

    async fn provider(&self) -> Result<Arc<dyn TokenProvider>, gcp_auth::Error> {
        Ok(match &self.source {
            Source::Key(path) => Arc::new(gcp_auth::CustomServiceAccount::from_file(path)?),
            Source::Gcloud | Source::Metadata(_) | Source::None => {
                Arc::new(gcp_auth::ConfigDefaultCredentials::new().await?)
            }
        })
    }
}
