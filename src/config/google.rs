//! Section `[google]`: the project, the accounts, and where Google's interfaces are.
//!
//! What is created there belongs to `infra`, what is found there to `doctor`. Which handoff uses what of it is said at
//! the handoff.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::Deserialize;

use super::{Environment, Error, address, length};
use crate::{domain::seconds, google::Source};

mod endpoints;

pub use endpoints::Endpoints;

/// Where the metadata server is (<https://cloud.google.com/compute/docs/metadata/overview>).
const METADATA_HOST: &str = "metadata.google.internal";
/// A tenth of a gibibyte: the largest question of a night reads three columns of one partition.
const BYTES_BILLED_MAX: u64 = 100 * 1024 * 1024;
/// Google bills at least this much a query and table.
const BYTES_BILLED_MIN: u64 = 10 * 1024 * 1024;
/// Cloud Run's own limit of an account's name, without its project.
const ACCOUNT_CHARACTERS_MAX: usize = 30;

/// How the service is run on Cloud Run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// One instance that never sleeps.
    #[default]
    AlwaysOn,
    /// No instance while nothing happens; a scheduler's tick drives the timers.
    Frugal,
}

/// Everything about the project on Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Google {
    /// The project's id.
    pub project: String,
    /// The region of the service and its schedules.
    pub region: String,
    /// The service's name on Cloud Run.
    pub service: String,
    /// How it is run there.
    pub profile: Profile,
    /// Where its access tokens come from.
    pub credentials: Source,
    /// Where the interfaces are.
    pub endpoints: Endpoints,
    /// How the warehouse is asked.
    pub bigquery: BigQuery,
    /// Where messages go that nobody could take.
    pub dead_letters: DeadLetters,
    /// Who may push and call.
    pub identity: Identity,
}

/// How BigQuery is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BigQuery {
    /// The project of the tables; queries are billed to `google.project`.
    pub data_project: String,
    /// Where the datasets are, for example `us-west2`; `None`: BigQuery finds out.
    pub location: Option<String>,
    /// Most bytes one question may be billed for, at least 10 MiB.
    pub bytes_billed_max: u64,
    /// How long one question may take, from 1 s to 5 min.
    pub timeout: TimeDelta,
    /// How long the run record may wait for others to go with it, up to 10 min.
    pub record_every: TimeDelta,
    /// A folder whose files replace the shipped queries of the same name.
    pub queries: Option<PathBuf>,
}

/// Where messages end that were delivered too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The topic.
    pub topic: String,
    /// The subscription that keeps them to be looked at.
    pub subscription: String,
    /// Deliveries before a message goes there, from 5 to 100 (Pub/Sub's own range).
    pub deliveries_max: u32,
}

/// The accounts whose identity tokens are believed, and whom they have to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What the token has to be made for: `public_url` where nothing else is said; `None`: identities are not taken.
    pub audience: Option<String>,
    /// Accounts that may push to `/trigger` and `/complete`.
    pub push_accounts: Vec<String>,
    /// Accounts that may call what a schedule calls: `/start`, `/retry`, `/status`, `/tick`.
    pub scheduler_accounts: Vec<String>,
    /// The account that the service itself runs as.
    pub service_account: String,
}

/// `[google]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    project: Option<String>,
    region: Option<String>,
    service: Option<String>,
    profile: Profile,
    credentials: Option<String>,
    credentials_file: Option<PathBuf>,
    endpoints: endpoints::Section,
    bigquery: BigQuerySection,
    dead_letters: DeadLettersSection,
    identity: IdentitySection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BigQuerySection {
    data_project: Option<String>,
    location: Option<String>,
    bytes_billed_max: Option<u64>,
    #[serde(deserialize_with = "length")]
    timeout: Option<TimeDelta>,
    #[serde(deserialize_with = "length")]
    record_every: Option<TimeDelta>,
    queries: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DeadLettersSection {
    topic: Option<String>,
    subscription: Option<String>,
    deliveries_max: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct IdentitySection {
    audience: Option<String>,
    push_accounts: Option<Vec<String>>,
    scheduler_accounts: Option<Vec<String>>,
    service_account: Option<String>,
}

/// What the section is read with.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// The folder that files are named from.
    pub folder: &'a Path,
    /// The variables that are set.
    pub environment: &'a Environment,
    /// The base of links, which tokens are made for where nothing else is said.
    pub public_url: Option<&'a str>,
}

impl Section {
    /// The project with what is said of it.
    pub(super) fn read(self, given: Given<'_>) -> Result<Google, Error> {
        let named = given
            .environment
            .get("GOOGLE_CLOUD_PROJECT")
            .map(str::to_owned);
        let Some(project) = self.project.clone().or(named) else {
            let fix = "write the project's id, or set GOOGLE_CLOUD_PROJECT";
            return Err(Error::value("google.project", "(not given)", fix));
        };
        let project = name(project, "google.project")?;
        let credentials = self.credentials(given)?;
        let identity = self.identity.read(&project, given.public_url)?;
        let or = |text: Option<String>, default: &str, field| {
            name(text.unwrap_or_else(|| default.to_owned()), field)
        };
        Ok(Google {
            region: or(self.region, "us-west2", "google.region")?,
            service: or(self.service, "prediction-coordinator", "google.service")?,
            profile: self.profile,
            credentials,
            endpoints: self.endpoints.read(given.environment)?,
            bigquery: self.bigquery.read(&project, given.folder)?,
            dead_letters: self.dead_letters.read()?,
            identity,
            project,
        })
    }

    fn credentials(&self, given: Given<'_>) -> Result<Source, Error> {
        let variable = given.environment.get("GOOGLE_APPLICATION_CREDENTIALS");
        let file = match (&self.credentials_file, variable) {
            (Some(file), _) => Some(given.folder.join(file)),
            (None, Some(path)) => Some(PathBuf::from(path)),
            (None, None) => None,
        };
        let metadata = || {
            let host = given
                .environment
                .get("GCE_METADATA_HOST")
                .unwrap_or(METADATA_HOST);
            Source::Metadata(host.to_owned())
        };
        match (self.credentials.as_deref(), file) {
            (None, Some(path)) | (Some("file"), Some(path)) => Ok(Source::Key(path)),
            (Some("file"), None) => Err(Error::value(
                "google.credentials_file",
                "(not given)",
                "name the service account's key file, or set GOOGLE_APPLICATION_CREDENTIALS",
            )),
            (None | Some("metadata"), None) => Ok(metadata()),
            (Some("metadata"), Some(_)) if self.credentials_file.is_none() => Ok(metadata()),
            (Some("gcloud"), _) => Ok(Source::Gcloud),
            (Some("none"), _) => Ok(Source::None),
            (Some(other), _) => Err(Error::value(
                "google.credentials",
                format!("{other:?}"),
                "write metadata, file, gcloud or none, and credentials_file only with file",
            )),
        }
    }
}

impl BigQuerySection {
    fn read(self, project: &str, folder: &Path) -> Result<BigQuery, Error> {
        let bytes_billed_max = self.bytes_billed_max.unwrap_or(BYTES_BILLED_MAX);
        if bytes_billed_max < BYTES_BILLED_MIN {
            return Err(Error::value(
                "google.bigquery.bytes_billed_max",
                bytes_billed_max,
                "write at least 10485760: Google bills that much for any query",
            ));
        }
        let within =
            |value: Option<TimeDelta>, default: TimeDelta, name: &str, range: [TimeDelta; 2]| {
                let value = value.unwrap_or(default);
                if (range[0]..=range[1]).contains(&value) {
                    return Ok(value);
                }
                let [least, most] = range.map(seconds::text);
                let fix = format!("write a length from {least} to {most}");
                Err(Error::value(
                    format!("google.bigquery.{name}"),
                    seconds::text(value),
                    fix,
                ))
            };
        let (second, minutes) = (TimeDelta::seconds(1), TimeDelta::minutes);
        Ok(BigQuery {
            data_project: self.data_project.unwrap_or_else(|| project.to_owned()),
            location: self.location,
            bytes_billed_max,
            timeout: within(
                self.timeout,
                TimeDelta::seconds(30),
                "timeout",
                [second, minutes(5)],
            )?,
            record_every: within(
                self.record_every,
                TimeDelta::seconds(30),
                "record_every",
                [TimeDelta::zero(), minutes(10)],
            )?,
            queries: self.queries.map(|path| folder.join(path)),
        })
    }
}

impl DeadLettersSection {
    fn read(self) -> Result<DeadLetters, Error> {
        let deliveries_max = self.deliveries_max.unwrap_or(100);
        if !(5..=100).contains(&deliveries_max) {
            return Err(Error::value(
                "google.dead_letters.deliveries_max",
                deliveries_max,
                "write a number from 5 to 100, which is what Pub/Sub takes",
            ));
        }
        let named = |text: Option<String>, default: &str, field: &str| {
            name(text.unwrap_or_else(|| default.to_owned()), field)
        };
        Ok(DeadLetters {
            topic: named(self.topic, "nba-dlq", "google.dead_letters.topic")?,
            subscription: named(
                self.subscription,
                "nba-dlq-sub",
                "google.dead_letters.subscription",
            )?,
            deliveries_max,
        })
    }
}

impl IdentitySection {
    fn read(self, project: &str, public_url: Option<&str>) -> Result<Identity, Error> {
        let account = |name: &str| format!("{name}@{project}.iam.gserviceaccount.com");
        let accounts = |given: Option<Vec<String>>, default: &str, field: &str| {
            let given = given.unwrap_or_else(|| vec![account(default)]);
            given
                .into_iter()
                .map(|text| mail(&text, field))
                .collect::<Result<Vec<_>, _>>()
        };
        let audience = match self.audience {
            Some(text) => Some(address::base(&text, "google.identity.audience")?),
            None => public_url.map(str::to_owned),
        };
        Ok(Identity {
            audience,
            push_accounts: accounts(
                self.push_accounts,
                "tipoff-push",
                "google.identity.push_accounts",
            )?,
            scheduler_accounts: accounts(
                self.scheduler_accounts,
                "tipoff-scheduler",
                "google.identity.scheduler_accounts",
            )?,
            service_account: mail(
                &self.service_account.unwrap_or_else(|| account("tipoff")),
                "google.identity.service_account",
            )?,
        })
    }
}

/// A service account's address; the part before the @ is checked, for it is also the name it is created under.
fn mail(text: &str, field: &str) -> Result<String, Error> {
    let address = address::mailbox(text, field)?;
    let name = address.split('@').next().unwrap_or_default();
    if name.chars().count() > ACCOUNT_CHARACTERS_MAX
        && address.ends_with(".iam.gserviceaccount.com")
    {
        let fix = "an account's name has at most 30 characters before the @";
        return Err(Error::value(field, format!("{text:?}"), fix));
    }
    Ok(address)
}

/// A name that stands in addresses: letters, digits and `-._~%+:`, as Google's names are.
pub(super) fn name(text: String, field: &str) -> Result<String, Error> {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || "-._~%+:".contains(character);
    if !text.is_empty() && text.chars().all(allowed) {
        return Ok(text);
    }
    let fix = "write the name alone, of letters, digits, - and _, without projects/… before it";
    Err(Error::value(field, format!("{text:?}"), fix))
}

#[cfg(test)]
mod tests;
