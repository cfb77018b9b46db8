//! A daily wall time, and the instants it falls on when the clocks change.
//!
//! Every schedule here is daily; what is done at an occurrence belongs to `run`, firing it to the engine.

use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use super::{
    Instant,
    zone::{LocalTime, UnknownZone, Zone},
};

/// What happens to a wall time that the clock skips.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It falls on the first instant after the gap.
    #[default]
    Next,
    /// It does not happen on that date.
    Skip,
}

/// What happens to a wall time that the clock shows twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It falls on the earlier instant.
    #[default]
    First,
    /// It falls on the later instant.
    Second,
    /// It falls on both.
    Both,
}

/// A time of day in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WallTime {
    /// What the clock shows.
    pub at: NaiveTime,
    /// Whose clock.
    pub zone: Zone,
    /// What happens on a date on which the clock skips it.
    #[serde(default)]
    pub gap: Gap,
    /// What happens on a date on which the clock shows it twice.
    #[serde(default)]
    pub overlap: Overlap,
}

/// A text that is no wall time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWallTime {
    /// Its time of day cannot be read.
    #[error(
        "{0:?} is not a time of day: write hours and minutes such as \"06:00\", or with a zone \"06:00 America/New_York\""
    )]
    Time(String),
    /// Its zone cannot be read.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
}

impl WallTime {
    /// A wall time with the default rules: after a gap, and the first of two.
    pub fn new(at: NaiveTime, zone: Zone) -> Self {
        Self {
            at,
            zone,
            gap: Gap::default(),
            overlap: Overlap::default(),
        }
    }

    /// Reads `06:00`, which is in `zone`, or `06:00 America/New_York`; both with the default rules.
    ///
    /// # Errors
    ///
    /// Says what to write when the time of day or the zone cannot be read.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, BadWallTime> {
        let (time, zone) = match text.trim().split_once(' ') {
            Some((time, named)) => (time, named.trim().parse()?),
            None => (text.trim(), zone),
        };
        let at = NaiveTime::parse_from_str(time, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S"))
            .map_err(|_| BadWallTime::Time(text.to_owned()))?;
        Ok(Self::new(at, zone))
    }

    /// The instants of this wall time on `date`, earliest first: none (skipped), one, or two (shown twice).
    ///
    /// A date that the zone left out whole is one long gap.
    pub fn instants_on(&self, date: NaiveDate) -> Vec<Instant> {
        match self.zone.instants_of(date.and_time(self.at)) {
            LocalTime::Once(at) => vec![at],
            LocalTime::Twice { first, second } => match self.overlap {
                Overlap::First => vec![first],
                Overlap::Second => vec![second],
                Overlap::Both => vec![first, second],
            },
            LocalTime::Never { gap_ends_at } => match self.gap {
                Gap::Next => vec![gap_ends_at],
                Gap::Skip => Vec::new(),
            },
        }
    }

    /// The one instant of this wall time on `date`, for a promise: a gap never removes it, and of two it is the
    /// first unless [`Overlap::Second`] is set.
    pub fn instant_on(&self, date: NaiveDate) -> Instant {
        match self.zone.instants_of(date.and_time(self.at)) {
            LocalTime::Once(at) | LocalTime::Never { gap_ends_at: at } => at,
            LocalTime::Twice { first, second } => match self.overlap {
                Overlap::First | Overlap::Both => first,
                Overlap::Second => second,
            },
        }
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at.format("%H:%M"), self.zone)
    }
}
