//! Section `[heartbeat]`: which dead man's switch hears regularly that the service is alive.
//!
//! When the service can do its job is not decided here.

use std::path::PathBuf;

use chrono::TimeDelta;
use serde::Deserialize;

use super::{
    Error, Secret, address, length,
    secret::{Places, Sources},
};
use crate::domain::seconds;

/// Shorter pauses only burden whoever listens.
const EVERY_MIN: TimeDelta = TimeDelta::seconds(10);

/// Who hears that the service is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Called as long as the service does its job: `http://` or `https://`.
    pub url: Secret,
    /// Called with the reason while it cannot.
    pub fail_url: Option<Secret>,
    /// How often, at least 10 s.
    pub every: TimeDelta,
}

/// `[heartbeat]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    url: Option<String>,
    url_file: Option<PathBuf>,
    fail_url: Option<String>,
    fail_url_file: Option<PathBuf>,
    #[serde(deserialize_with = "length")]
    every: Option<TimeDelta>,
}

impl Section {
    /// The heartbeat, or `None` where no address is given.
    pub(super) fn read(self, sources: Sources<'_>) -> Result<Option<Heartbeat>, Error> {
        let every = self.every.unwrap_or(TimeDelta::seconds(60));
        if every < EVERY_MIN {
            return Err(Error::value(
                "heartbeat.every",
                seconds::text(every),
                "write at least 10s",
            ));
        }
        let url = Places {
            section: "heartbeat",
            name: "url",
            file: self.url_file.as_deref(),
            variable: Some("TIPOFF_HEARTBEAT_URL"),
        };
        let fail_url = Places {
            name: "fail_url",
            file: self.fail_url_file.as_deref(),
            variable: None,
            ..url
        };
        let url = url_of(self.url, url, sources)?;
        let fail_url = url_of(self.fail_url, fail_url, sources)?;
        match (url, fail_url) {
            (Some(url), fail_url) => Ok(Some(Heartbeat {
                url,
                fail_url,
                every,
            })),
            (None, Some(_)) => Err(Error::value(
                "heartbeat.url",
                "(not given)",
                "fail_url alone tells nothing when the service is gone: write url, too",
            )),
            (None, None) => Ok(None),
        }
    }
}

/// An address that is a secret: written out, in a file, or in the environment, not in two of them.
pub(super) fn url_of(
    written: Option<String>,
    places: Places<'_>,
    sources: Sources<'_>,
) -> Result<Option<Secret>, Error> {
    let elsewhere = sources.read(places)?;
    if let (Some(_), Some(other)) = (&written, &elsewhere) {
        return Err(Error::value(
            format!("{}.{}", places.section, places.name),
            "(hidden)",
            format!("it is given by {}, too: keep one of them", other.source()),
        ));
    }
    let secret = written
        .map(|text| Secret::new(text, places.name))
        .or(elsewhere);
    if let Some(secret) = &secret {
        address::check_secret(secret, places.section)?;
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Error, Heartbeat, Section, Sources, TimeDelta};
    use crate::config::Environment;

    fn read(text: &str, variable: &str) -> Result<Option<Heartbeat>, Error> {
        let set = ("TIPOFF_HEARTBEAT_URL".to_owned(), variable.to_owned());
        let section: Section = toml::from_str(text).unwrap();
        section.read(Sources {
            folder: Path::new("."),
            environment: &Environment::of([set]),
        })
    }

    #[test]
    fn a_heartbeat_that_reaches_nobody_is_refused_without_its_address() {
        for (text, variable, start) in [
            (
                "url = \"https://hush.example\"\nevery = \"9s\"",
                "",
                "heartbeat.every = 9s",
            ),
            ("url = \"hush.example\"", "", "heartbeat.url = (hidden)"),
            ("", "hush.example", "TIPOFF_HEARTBEAT_URL = (hidden)"),
            (
                "url = \"https://hush.example\"",
                "https://hush.example",
                "heartbeat.url = (hidden)",
            ),
            (
                "fail_url = \"https://hush.example\"",
                "",
                "heartbeat.url = (not given)",
            ),
            (
                "url_file = \"no-such-file\"",
                "",
                "reading heartbeat.url_file no-such-file",
            ),
        ] {
            let error = read(text, variable).unwrap_err().to_string();
            let error = error.replace("./", "");
            assert!(
                error.starts_with(start) && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_heartbeat_is_there_when_its_address_is() {
        assert_eq!(read("every = \"2m\"", "").unwrap(), None);
        let heartbeat = read("every = 10", "https://hush.example/1")
            .unwrap()
            .unwrap();
        assert_eq!(heartbeat.url.expose(), "https://hush.example/1");
        assert_eq!(heartbeat.every, TimeDelta::seconds(10));
    }
}
