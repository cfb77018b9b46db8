//! `[google.endpoints]`: where Google's interfaces are; only emulators and private endpoints are named.
//!
//! What is asked there is not known here.

use serde::Deserialize;

use crate::{
    config::{Environment, Error, address},
    google::Endpoint,
};

/// Where each interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Pub/Sub.
    pub pubsub: Endpoint,
    /// BigQuery.
    pub bigquery: Endpoint,
    /// Cloud Scheduler.
    pub scheduler: Endpoint,
    /// Cloud Monitoring: how many messages wait.
    pub monitoring: Endpoint,
    /// Cloud Resource Manager: what the account may do.
    pub resource_manager: Endpoint,
    /// Google's published keys of identity tokens, the whole address.
    pub keys: Endpoint,
}

/// As it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    pubsub: Option<String>,
    bigquery: Option<String>,
    scheduler: Option<String>,
    monitoring: Option<String>,
    resource_manager: Option<String>,
    keys: Option<String>,
}

impl Section {
    /// The file goes before the emulators' variables, these before Google's own addresses.
    pub(super) fn read(self, environment: &Environment) -> Result<Endpoints, Error> {
        let emulator = |variable: &'static str, path: &str| {
            let host = environment.get(variable)?;
            let bare = host.trim_start_matches("http://").trim_end_matches('/');
            Some((variable, format!("http://{bare}{path}")))
        };
        let pubsub = emulator("PUBSUB_EMULATOR_HOST", "/v1");
        let bigquery = emulator("BIGQUERY_EMULATOR_HOST", "/bigquery/v2");
        let own = |text, name, default| endpoint(text, name, None, default);
        Ok(Endpoints {
            pubsub: endpoint(
                self.pubsub,
                "pubsub",
                pubsub,
                "https://pubsub.googleapis.com/v1",
            )?,
            bigquery: endpoint(
                self.bigquery,
                "bigquery",
                bigquery,
                "https://bigquery.googleapis.com/bigquery/v2",
            )?,
            scheduler: own(
                self.scheduler,
                "scheduler",
                "https://cloudscheduler.googleapis.com/v1",
            )?,
            monitoring: own(
                self.monitoring,
                "monitoring",
                "https://monitoring.googleapis.com/v3",
            )?,
            resource_manager: own(
                self.resource_manager,
                "resource_manager",
                "https://cloudresourcemanager.googleapis.com/v1",
            )?,
            keys: own(
                self.keys,
                "keys",
                "https://www.googleapis.com/oauth2/v3/certs",
            )?,
        })
    }
}

/// What an emulator's variable names gets no token. A plain `http://` in the file has to be on this machine, for the
/// token goes there.
fn endpoint(
    text: Option<String>,
    name: &str,
    emulator: Option<(&'static str, String)>,
    default: &str,
) -> Result<Endpoint, Error> {
    let field = format!("google.endpoints.{name}");
    match (text, emulator) {
        (Some(text), _) => {
            let base = address::base(&text, &field)?;
            let url = address::parse(&base, &field, &format!("{text:?}"))?;
            address::check_encrypted(&url, &field)?;
            Ok(Endpoint {
                base,
                emulator: false,
            })
        }
        (None, Some((variable, base))) => {
            address::parse(&base, variable, &format!("{base:?}"))?;
            Ok(Endpoint {
                base,
                emulator: true,
            })
        }
        (None, None) => Ok(Endpoint {
            base: default.to_owned(),
            emulator: false,
        }),
    }
}
