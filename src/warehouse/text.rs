//! Instants as the embedded warehouse keeps them: fixed-width UTC text with microseconds.
//!
//! Text for people does not belong here.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::Serializer;

use crate::domain::Instant;

/// The instant as text whose order is the order of time, for example `2026-01-19T15:56:41.000000Z`.
pub fn instant_text(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Reads an instant: RFC 3339, or BigQuery's `2026-01-19 15:56:41 UTC`; one without a zone is UTC.
pub fn read_instant(text: &str) -> Option<Instant> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    if let Ok(at) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z") {
        return Some(at.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|at| at.and_utc())
}

/// Reads a day written as `2026-01-19`; anything shorter, longer or impossible is none.
pub fn read_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text).then_some(date)
}

/// Serializes an instant as [`instant_text`] does.
///
/// # Errors
///
/// Only the serializer's own.
pub(super) fn serialize_instant<S: Serializer>(
    at: &Instant,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant_text(*at))
}

/// Serializes an instant that may be missing as [`instant_text`] does.
///
/// # Errors
///
/// Only the serializer's own.
pub(super) fn serialize_instant_maybe<S: Serializer>(
    at: &Option<Instant>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_instant(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::{instant_text, read_date, read_instant};

    #[test]
    fn instants_are_read_in_every_form_the_tables_hold() {
        for text in [
            "2026-01-19T15:56:41Z",
            "2026-01-19T07:56:41-08:00",
            "2026-01-19 15:56:41 UTC",
            "2026-01-19 15:56:41.000000+00:00",
            "2026-01-19 15:56:41+00",
            "2026-01-19T15:56:41",
            "2026-01-19 15:56:41",
        ] {
            let at = read_instant(text).unwrap_or_else(|| panic!("{text} is an instant"));
            assert_eq!(instant_text(at), "2026-01-19T15:56:41.000000Z", "{text}");
        }
        assert_eq!(read_instant("yesterday"), None);
        assert_eq!(read_instant("2026-01-19"), None);
    }

    #[test]
    fn days_are_read_strictly() {
        assert!(read_date("2026-01-19").is_some());
        assert_eq!(read_date("2026-1-19"), None);
        assert_eq!(read_date("2026-02-30"), None);
    }
}
