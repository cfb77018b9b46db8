//! Section `[doctor]`: when the surroundings are examined.
//!
//! What is looked at belongs to `doctor`.

use serde::Deserialize;

use super::Error;
use crate::domain::{policy::Schedule, schedule::WallTime};

/// When the surroundings are examined, beside each start.
#[derive(Debug, Clone, PartialEq)]
pub struct Doctor {
    /// Whether at all.
    pub enabled: bool,
    /// The times of day.
    pub at: Vec<WallTime>,
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    enabled: bool,
    at: Vec<String>,
}

impl Default for Section {
    /// In the afternoon, while people are there to mend what is wrong before the night.
    fn default() -> Self {
        Self {
            enabled: true,
            at: vec!["17:00".to_owned()],
        }
    }
}

impl Section {
    /// The times in this schedule's zone, unless they name their own.
    pub(super) fn read(self, schedule: &Schedule) -> Result<Doctor, Error> {
        let read = |text: &String| {
            WallTime::parse(text, Some(schedule.zone))
                .map_err(|error| Error::value("doctor.at", format!("{text:?}"), error.to_string()))
        };
        Ok(Doctor {
            enabled: self.enabled,
            at: self.at.iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}
