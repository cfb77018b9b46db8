//! A length of time as data: a number of seconds, or a text such as `30m` or `1h30m` where a person writes it.
//!
//! Use with `#[serde(with = "seconds")]`. Instants and times of day do not belong here.

use std::fmt;

use chrono::TimeDelta;
use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

/// Longest length accepted: ten years, far from any overflow.
const SECONDS_MAX: i64 = 10 * 366 * 86_400;

/// Writes whole seconds.
///
/// # Errors
///
/// Only those of the serializer.
pub fn serialize<S: Serializer>(length: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(length.num_seconds())
}

/// Reads whole seconds or a text with units.
///
/// # Errors
///
/// Says what to write when the value is neither, is negative or is longer than ten years.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    deserializer.deserialize_any(LengthVisitor)
}

/// Reads a text with units: `90s`, `30m`, `24h`, `7d`, or several, longest first: `1h30m`.
pub fn parse(text: &str) -> Option<TimeDelta> {
    let mut total: i64 = 0;
    let mut rest = text;
    let mut unit_before = i64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let seconds = match tail.chars().next()? {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        if seconds >= unit_before {
            return None;
        }
        unit_before = seconds;
        total = number
            .parse::<i64>()
            .ok()?
            .checked_mul(seconds)?
            .checked_add(total)?;
        rest = &tail[1..];
    }
    (!text.is_empty() && total <= SECONDS_MAX).then(|| TimeDelta::seconds(total))
}

/// Writes a length as [`parse`] reads it: `90s` is `1m30s`.
pub fn text(length: TimeDelta) -> String {
    let mut left = length.num_seconds();
    let mut text = String::new();
    for (unit, seconds) in [('h', 3_600), ('m', 60), ('s', 1)] {
        let count = left / seconds;
        if count != 0 {
            text += &format!("{count}{unit}");
            left -= count * seconds;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

struct LengthVisitor;

impl Visitor<'_> for LengthVisitor {
    type Value = TimeDelta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a length of time such as \"30m\", \"90s\" or \"1h30m\", or a number of seconds",
        )
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<TimeDelta, E> {
        if (0..=SECONDS_MAX).contains(&seconds) {
            Ok(TimeDelta::seconds(seconds))
        } else {
            Err(E::invalid_value(
                serde::de::Unexpected::Signed(seconds),
                &self,
            ))
        }
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<TimeDelta, E> {
        self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TimeDelta, E> {
        parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeDelta, parse, text};

    #[test]
    fn a_length_reads_back_as_it_was_written() {
        for (written, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("1h30m", 5_400),
            ("24h", 86_400),
            ("7d", 604_800),
            ("0s", 0),
        ] {
            let length = parse(written);
            assert_eq!(length, Some(TimeDelta::seconds(seconds)), "{written}");
            assert_eq!(parse(&text(TimeDelta::seconds(seconds))), length);
        }
    }

    #[test]
    fn a_text_that_is_no_length_is_refused() {
        for written in [
            "", "30", "m", "30 m", "-5m", "5m1h", "5m5m", "1.5h", "9999999d", "5é",
        ] {
            assert_eq!(parse(written), None, "{written}");
        }
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Setting(#[serde(with = "super")] TimeDelta);

    #[test]
    fn a_setting_is_a_number_of_seconds_or_a_text() {
        for written in ["90", "\"90s\"", "\"1m30s\""] {
            let read: Setting = serde_json::from_str(written).unwrap();
            assert_eq!(read, Setting(TimeDelta::seconds(90)), "{written}");
            assert_eq!(serde_json::to_string(&read).unwrap(), "90");
        }
    }

    #[test]
    fn a_setting_that_is_no_length_is_refused_with_what_to_write() {
        for written in ["-1", "\"soon\"", "9999999999", "true"] {
            let refused = serde_json::from_str::<Setting>(written).unwrap_err();
            assert!(
                refused.to_string().contains("a length of time such as"),
                "{refused}"
            );
        }
    }
}
