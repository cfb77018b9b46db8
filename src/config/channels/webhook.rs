//! An endpoint that takes messages as JSON.
//!
//! What is sent there belongs to the adapter, what every channel may be given to `channels`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::{
    Error, Secret, heartbeat,
    secret::{Places, Sources},
};

/// An endpoint and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its address, `http://` or `https://`; it may hold a secret.
    pub url: Secret,
    /// What calls carry as their bearer token.
    pub token: Option<Secret>,
}

/// What a channel of this kind is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    url: Option<String>,
    url_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

impl Section {
    /// An endpoint with an address.
    pub(super) fn read(self, field: &str, sources: Sources<'_>) -> Result<Webhook, Error> {
        let url = Places {
            section: field,
            name: "url",
            file: self.url_file.as_deref(),
            variable: None,
        };
        let token = Places {
            name: "token",
            file: self.token_file.as_deref(),
            ..url
        };
        let Some(url) = heartbeat::url_of(self.url, url, sources)? else {
            return Err(Error::value(
                format!("{field}.url"),
                "(not given)",
                "write where messages are posted to, or name url_file where that is a secret",
            ));
        };
        Ok(Webhook {
            url,
            token: sources.read(token)?,
        })
    }
}
