//! The project on Google Cloud as the configuration names it → one client for every adapter.
//!
//! What each adapter does with it belongs to its own file here.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;

use crate::{
    clock::Clock,
    config::{Config, Google},
    google::{GoogleClient, Tokens},
};

/// How long fetching a token may take.
const TOKEN_SECONDS_MAX: u64 = 10;
/// How long connecting to Google may take.
const CONNECT_SECONDS_MAX: u64 = 5;

/// The project, and the way to it.
#[derive(Clone)]
pub struct Cloud {
    /// What is said of the project.
    pub google: Google,
    /// Calls with the account's token.
    pub client: GoogleClient,
    /// The same connections without a token, for a library that adds its own.
    pub http: reqwest::Client,
}

impl Cloud {
    /// The project of a configuration; `None` where it has none.
    ///
    /// # Errors
    ///
    /// When the connections cannot be prepared.
    pub fn of(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Option<Self>> {
        let Some(google) = config.google.clone() else {
            return Ok(None);
        };
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .build()?;
        let timeout = Duration::from_secs(TOKEN_SECONDS_MAX);
        let tokens = Tokens::new(
            google.credentials.clone(),
            http.clone(),
            clock.clone(),
            timeout,
        );
        let client = GoogleClient::new(http.clone(), tokens);
        Ok(Some(Self {
            google,
            client,
            http,
        }))
    }
}

/// The project where a setting needs one; the configuration has refused the setting without.
pub fn needed(cloud: Option<&Cloud>) -> anyhow::Result<&Cloud> {
    cloud.ok_or_else(|| anyhow!("this needs a project: add [google] with project = \"…\""))
}
