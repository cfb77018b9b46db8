//! The outgoing heartbeat: a call to an address that notices when it stops (healthchecks-style).
//!
//! When it beats is the engine's; whether the service does its job is `domain::alive`'s.

use async_trait::async_trait;
use reqwest::{Client, StatusCode, Url};

use crate::ports::{Heartbeat, PortError};

/// Calls an address; another one, if there is one, while the service cannot do its job.
pub struct HttpHeartbeat {
    client: Client,
    url: Url,
    fail_url: Option<Url>,
}

impl HttpHeartbeat {
    /// A heartbeat over a client made elsewhere. The addresses may be secrets: no error names them.
    pub fn new(client: Client, url: Url, fail_url: Option<Url>) -> Self {
        Self {
            client,
            url,
            fail_url,
        }
    }
}

#[async_trait]
impl Heartbeat for HttpHeartbeat {
    async fn beat(&self, ailing: Option<&str>) -> Result<(), PortError> {
        let request = match (ailing, &self.fail_url) {
            (None, _) => self.client.get(self.url.clone()),
            (Some(reason), Some(url)) => self.client.post(url.clone()).body(reason.to_owned()),
            (Some(_), None) => return Ok(()),
        };
        let doing = "sending the heartbeat";
        let answer = request
            .send()
            .await
            .map_err(|error| PortError::transient(doing, error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => Err(PortError::permanent(
                doing,
                format!("{status}: the address is not known there: check [heartbeat] url"),
            )),
            status => Err(PortError::transient(doing, status.to_string())),
        }
    }
}
