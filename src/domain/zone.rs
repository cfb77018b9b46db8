//! A time zone, and the one way between instants and local time.
//!
//! When something falls due belongs to `schedule`, which date a run is for to `calendar`. The zone database compiled
//! into this program decides everything; the machine's own is never read.

use std::{fmt, str::FromStr};

use chrono::{
    DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
    Timelike,
};
use chrono_tz::{OffsetName, Tz};
use serde::{Deserialize, Serialize};

use super::{Instant, ids::GameDate};

/// The release of the zone database compiled in, for example `2025b`.
pub const DATABASE_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

/// No zone has ever been further than this from UTC, in either direction.
const OFFSET_HOURS_MAX: i64 = 16;

/// Zones whose clocks from October 2025 on differ between the database compiled in and release 2026f.
const OUTDATED: [&str; 15] = [
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Edmonton",
    "America/Havana",
    "America/Inuvik",
    "America/Rainy_River",
    "America/Vancouver",
    "America/Winnipeg",
    "America/Yellowknife",
    "Canada/Central",
    "Canada/Mountain",
    "Canada/Pacific",
    "Cuba",
    "Europe/Chisinau",
    "Europe/Tiraspol",
];

/// A time zone: named, with its clock changes, or a fixed distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Zone {
    /// A zone of the database, for example `America/Los_Angeles`.
    Named(Tz),
    /// Always the same distance from UTC, for example `-07:00`.
    Fixed(FixedOffset),
}

/// A text that names no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a time zone: write a name such as \"America/Los_Angeles\" or an offset such as \"-07:00\""
)]
pub struct UnknownZone(String);

/// What a local time means in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalTime {
    /// The clock shows it once.
    Once(Instant),
    /// The clock is set back and shows it twice.
    Twice {
        /// The earlier instant.
        first: Instant,
        /// The later instant.
        second: Instant,
    },
    /// The clock is set forward and never shows it.
    Never {
        /// The first instant after the gap.
        gap_ends_at: Instant,
    },
}

impl Zone {
    /// What a clock in this zone shows at `at`.
    pub fn local(&self, at: Instant) -> NaiveDateTime {
        match self {
            Self::Named(tz) => at.with_timezone(tz).naive_local(),
            Self::Fixed(offset) => at.with_timezone(offset).naive_local(),
        }
    }

    /// The calendar day in this zone at `at`.
    pub fn date(&self, at: Instant) -> GameDate {
        GameDate(self.local(at).date())
    }

    /// The instant or instants at which a clock in this zone shows `local`.
    pub fn instants_of(&self, local: NaiveDateTime) -> LocalTime {
        let mapped = match self {
            Self::Named(tz) => tz.from_local_datetime(&local).map(|at| at.to_utc()),
            Self::Fixed(offset) => offset.from_local_datetime(&local).map(|at| at.to_utc()),
        };
        match mapped {
            MappedLocalTime::Single(at) => LocalTime::Once(at),
            MappedLocalTime::Ambiguous(one, other) => LocalTime::Twice {
                first: one.min(other),
                second: one.max(other),
            },
            MappedLocalTime::None => LocalTime::Never {
                gap_ends_at: self.gap_end(local),
            },
        }
    }

    /// The first whole second at which the clock has jumped past `local`, which it never shows.
    fn gap_end(&self, local: NaiveDateTime) -> Instant {
        let reach = TimeDelta::hours(OFFSET_HOURS_MAX);
        let mut before = local.and_utc() - reach;
        let mut after = local.and_utc() + reach;
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.local(middle) > local {
                after = middle;
            } else {
                before = middle;
            }
        }
        // Zones change on whole seconds, `local` need not be one.
        DateTime::from_timestamp(after.timestamp(), 0).unwrap_or(after)
    }

    /// The distance from UTC at `at`, for example `-08:00`.
    pub fn offset_text(&self, at: Instant) -> String {
        self.offset(at).to_string()
    }

    /// What people call the zone at `at`, for example `PST`; the offset where it has no letters.
    pub fn abbreviation(&self, at: Instant) -> String {
        let Self::Named(tz) = self else {
            return self.offset_text(at);
        };
        let offset = tz.offset_from_utc_datetime(&at.naive_utc());
        match offset.abbreviation() {
            Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => name.to_owned(),
            Some(_) | None => self.offset_text(at),
        }
    }

    /// The instant as people read it, to the second: `2026-01-19 07:00:00 PST`.
    pub fn text(&self, at: Instant) -> String {
        let local = self.local(at).format("%Y-%m-%d %H:%M:%S");
        format!("{local} {}", self.abbreviation(at))
    }

    /// The time of day as people read it, to the minute: `07:00 PST`.
    pub fn time_text(&self, at: Instant) -> String {
        format!(
            "{} {}",
            self.local(at).format("%H:%M"),
            self.abbreviation(at)
        )
    }

    /// Whether the zone's rules are known to have changed after the database compiled in ([`DATABASE_VERSION`]).
    pub fn is_outdated(&self) -> bool {
        match self {
            Self::Named(tz) => OUTDATED.contains(&tz.name()),
            Self::Fixed(_) => false,
        }
    }

    fn offset(&self, at: Instant) -> FixedOffset {
        match self {
            Self::Named(tz) => tz.offset_from_utc_datetime(&at.naive_utc()).fix(),
            Self::Fixed(offset) => *offset,
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(tz) => f.write_str(tz.name()),
            Self::Fixed(offset) => offset.fmt(f),
        }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(tz) = text.parse::<Tz>() {
            return Ok(Self::Named(tz));
        }
        let offset = fixed_offset(text).map(Self::Fixed);
        offset.ok_or_else(|| UnknownZone(text.to_owned()))
    }
}

/// `-07:00` or `+05:23:41`, as an offset is written. chrono's own reader passes over seconds without a word.
fn fixed_offset(text: &str) -> Option<FixedOffset> {
    let (sign, length) = text.split_at_checked(1)?;
    let length: NaiveTime = length.parse().ok()?;
    let seconds = length.num_seconds_from_midnight() as i32;
    match (sign, length.nanosecond()) {
        ("+", 0) => FixedOffset::east_opt(seconds),
        ("-", 0) => FixedOffset::west_opt(seconds),
        (_, _) => None,
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

/// The zone database gave a wrong answer for a known instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("zone database {DATABASE_VERSION} says {found} for {at} in {zone}, expected {expected}")]
pub struct SelfTestFailed {
    zone: Tz,
    at: &'static str,
    expected: &'static str,
    found: String,
}

/// Instants around both clock changes and what the clocks showed: the last second before, and the first after.
const KNOWN: [(Tz, &str, &str); 8] = [
    (
        Tz::America__New_York,
        "2025-11-02T05:59:59Z",
        "2025-11-02 01:59:59 EDT",
    ),
    (
        Tz::America__New_York,
        "2025-11-02T06:00:00Z",
        "2025-11-02 01:00:00 EST",
    ),
    (
        Tz::America__New_York,
        "2026-03-08T06:59:59Z",
        "2026-03-08 01:59:59 EST",
    ),
    (
        Tz::America__New_York,
        "2026-03-08T07:00:00Z",
        "2026-03-08 03:00:00 EDT",
    ),
    (
        Tz::America__Los_Angeles,
        "2025-11-02T08:59:59Z",
        "2025-11-02 01:59:59 PDT",
    ),
    (
        Tz::America__Los_Angeles,
        "2025-11-02T09:00:00Z",
        "2025-11-02 01:00:00 PST",
    ),
    (
        Tz::America__Los_Angeles,
        "2026-03-08T09:59:59Z",
        "2026-03-08 01:59:59 PST",
    ),
    (
        Tz::America__Los_Angeles,
        "2026-03-08T10:00:00Z",
        "2026-03-08 03:00:00 PDT",
    ),
];

/// Checks the zone database against known instants around both clock changes.
///
/// # Errors
///
/// Names the first instant whose local time is wrong.
pub fn self_test() -> Result<(), SelfTestFailed> {
    compare(&KNOWN)
}

fn compare(known: &[(Tz, &'static str, &'static str)]) -> Result<(), SelfTestFailed> {
    for &(zone, at, expected) in known {
        let found = at
            .parse::<Instant>()
            .map_or_else(|e| e.to_string(), |at| Zone::Named(zone).text(at));
        if found != expected {
            return Err(SelfTestFailed {
                zone,
                at,
                expected,
                found,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DATABASE_VERSION, Instant, OUTDATED, Zone, self_test};

    #[test]
    fn the_zone_database_passes_its_own_test() {
        assert_eq!(self_test(), Ok(()));
    }

    #[test]
    fn incident_71_a_wrong_zone_database_is_found_with_what_it_says() {
        let noon = "2026-01-19T12:00:00Z";
        let wrong = [(
            super::Tz::America__New_York,
            noon,
            "2026-01-19 08:00:00 EDT",
        )];
        let failed = super::compare(&wrong).unwrap_err();
        assert_eq!(failed.found, "2026-01-19 07:00:00 EST");
    }

    #[test]
    fn the_list_of_outdated_zones_belongs_to_the_database_compiled_in() {
        // A newer database needs a newer list: compare it with the latest release, then change both.
        assert_eq!(DATABASE_VERSION, "2025b");
        for name in OUTDATED {
            let zone: Zone = name.parse().unwrap();
            assert!(zone.is_outdated(), "{name}");
        }
        for name in ["America/New_York", "America/Los_Angeles", "-07:00"] {
            assert!(!name.parse::<Zone>().unwrap().is_outdated(), "{name}");
        }
    }

    #[test]
    fn every_zone_reads_back_as_it_was_written() {
        for tz in chrono_tz::TZ_VARIANTS {
            let zone = Zone::Named(tz);
            assert_eq!(zone.to_string().parse(), Ok(zone));
        }
        for written in ["-07:00", "+05:45", "+00:00", "+05:23:41", "-00:00:01"] {
            let zone: Zone = written.parse().unwrap();
            assert_eq!(zone.to_string(), written);
            assert_eq!(
                serde_json::to_value(zone).unwrap(),
                serde_json::json!(written)
            );
        }
    }

    #[test]
    fn a_text_that_is_no_zone_is_refused_with_what_to_write() {
        for written in [
            "Pacific",
            "PDT-ish",
            "7",
            "",
            "America/Los Angeles",
            "07:00",
            "+24:00",
            "+07:00x",
            "-07:00:00.5",
            "é07:00",
        ] {
            let error = written.parse::<Zone>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("{written:?}")) && error.contains("America/Los_Angeles"),
                "{error}"
            );
        }
    }

    #[test]
    fn instants_are_printed_with_what_people_call_the_zone() {
        let at: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        for (zone, text, offset) in [
            ("America/Los_Angeles", "07:00 PST", "-08:00"),
            ("America/New_York", "10:00 EST", "-05:00"),
            ("America/Sao_Paulo", "12:00 -03:00", "-03:00"),
            ("-07:00", "08:00 -07:00", "-07:00"),
        ] {
            let zone: Zone = zone.parse().unwrap();
            assert_eq!(zone.time_text(at), text);
            assert_eq!(zone.offset_text(at), offset);
        }
    }
}
