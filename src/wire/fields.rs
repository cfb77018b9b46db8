//! Reading a JSON object field by field, with errors that name the field. Null and the empty text are absent.
//!
//! Which fields a shape has belongs to the shape's own file.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use serde_json::{Map, Value};

use super::Malformed;
use crate::domain::{Instant, ids::GameDate};

/// Most characters of a value that an error repeats.
const SHOWN_CHARACTERS_MAX: usize = 40;
/// Most field names that an error lists.
const SHOWN_FIELDS_MAX: usize = 8;
/// Beyond 2^53 a number written with a fraction is no longer exact (IEEE 754).
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Why a value cannot be read as what its field should be.
pub(super) enum Refusal {
    /// Another type of JSON.
    Type,
    /// The right type, and a value that cannot be.
    Value,
}

/// What a field can hold.
pub(super) trait FromField: Sized {
    /// What to write there, for people.
    const WRITE: &'static str;

    /// Reads a value that is neither null nor the empty text.
    fn from_field(value: &Value) -> Result<Self, Refusal>;
}

impl FromField for String {
    const WRITE: &'static str = "a text that is not empty";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        Ok(value.as_str().ok_or(Refusal::Type)?.to_owned())
    }
}

impl FromField for bool {
    const WRITE: &'static str = "true or false, without quotes";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        value.as_bool().ok_or(Refusal::Type)
    }
}

impl FromField for u64 {
    const WRITE: &'static str = "a whole number from 0 up, without quotes";

    /// JSON has one kind of number: `7.0` is the whole number 7.
    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let number = value.as_number().ok_or(Refusal::Type)?;
        if let Some(whole) = number.as_u64() {
            return Ok(whole);
        }
        match number.as_f64() {
            Some(float) if float.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&float) => {
                Ok(float as u64)
            }
            Some(_) | None => Err(Refusal::Value),
        }
    }
}

impl FromField for f64 {
    const WRITE: &'static str = "a number from 0 up, without quotes";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let number = value.as_f64().ok_or(Refusal::Type)?;
        if number.is_finite() && number >= 0.0 {
            Ok(number)
        } else {
            Err(Refusal::Value)
        }
    }
}

impl FromField for GameDate {
    const WRITE: &'static str = "a day as \"YYYY-MM-DD\"";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let text = value.as_str().ok_or(Refusal::Type)?;
        date(text).ok_or(Refusal::Value)
    }
}

impl FromField for Instant {
    const WRITE: &'static str = "an instant as \"YYYY-MM-DDTHH:MM:SSZ\"";

    fn from_field(value: &Value) -> Result<Self, Refusal> {
        let text = value.as_str().ok_or(Refusal::Type)?;
        instant(text).ok_or(Refusal::Value)
    }
}

/// Reads exactly `YYYY-MM-DD`; chrono alone would also take signs, spaces and missing zeros.
pub(super) fn date(text: &str) -> Option<GameDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text).then_some(GameDate(date))
}

/// Reads RFC 3339, also with a space for the `T`, an offset without a colon, or ` UTC`; without an offset it is UTC.
/// Years 1 to 9999; cut to the microsecond.
fn instant(text: &str) -> Option<Instant> {
    let text = text
        .strip_suffix(" UTC")
        .unwrap_or(text)
        .replacen(' ', "T", 1);
    let at = DateTime::parse_from_rfc3339(&text)
        .or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
        .map(|at| at.to_utc())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc())
        })
        .ok()?;
    let at = DateTime::from_timestamp_micros(at.timestamp_micros())?;
    (1..=9999).contains(&at.year()).then_some(at)
}

/// A value in a few words, for an error.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", shorten(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The beginning of a text that a caller wrote, for an error; it may still hold any character.
pub fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Reads bytes as one JSON object; `what` names them in errors.
pub(super) fn object(what: &'static str, bytes: &[u8]) -> Result<Map<String, Value>, Malformed> {
    if bytes.trim_ascii().is_empty() {
        return Err(Malformed::Empty { what });
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(Malformed::NotAnObject {
            what,
            got: describe(&other),
        }),
        Err(source) => Err(Malformed::NotJson { what, source }),
    }
}

/// The fields of one JSON object.
pub(super) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The fields of an object that is the whole body.
    pub(super) fn of(map: &'a Map<String, Value>) -> Self {
        Self {
            path: String::new(),
            map,
        }
    }

    /// The value of a field; null and the empty text are `None`.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map
            .get(name)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A field that may be absent.
    pub(super) fn optional<T: FromField>(&self, name: &str) -> Result<Option<T>, Malformed> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        match T::from_field(value) {
            Ok(read) => Ok(Some(read)),
            Err(Refusal::Type) => Err(self.wrong_type(name, T::WRITE)),
            Err(Refusal::Value) => Err(self.wrong_value(name, T::WRITE)),
        }
    }

    /// A field that must be there.
    pub(super) fn required<T: FromField>(&self, name: &str) -> Result<T, Malformed> {
        self.optional(name)?.ok_or_else(|| Malformed::Missing {
            field: self.path_to(name),
            write: T::WRITE,
        })
    }

    /// The fields of an object inside this one.
    pub(super) fn inside(&self, name: &str) -> Result<Option<Fields<'a>>, Malformed> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields {
                path: self.path_to(name) + ".",
                map,
            })),
            Some(_) => Err(self.wrong_type(name, "a JSON object")),
        }
    }

    /// Each field with its name, in the order of the names.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.iter()
    }

    /// The error of a field that holds another type of JSON.
    pub(super) fn wrong_type(&self, name: &str, write: &'static str) -> Malformed {
        Malformed::WrongType {
            field: self.path_to(name),
            got: self.got(name),
            write,
        }
    }

    /// The error of a field that holds a value that cannot be.
    pub(super) fn wrong_value(&self, name: &str, write: &'static str) -> Malformed {
        Malformed::WrongValue {
            field: self.path_to(name),
            got: self.got(name),
            write,
        }
    }

    /// The first fields' names, for an error.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<String> = self
            .map
            .keys()
            .take(SHOWN_FIELDS_MAX)
            .map(|name| format!("`{}`", shorten(name).escape_debug()))
            .collect();
        if self.map.len() > SHOWN_FIELDS_MAX {
            names.push(format!("{} more", self.map.len() - SHOWN_FIELDS_MAX));
        }
        if names.is_empty() {
            return "no fields".to_owned();
        }
        format!("the fields {}", names.join(", "))
    }

    fn got(&self, name: &str) -> String {
        describe(self.map.get(name).unwrap_or(&Value::Null))
    }

    fn path_to(&self, name: &str) -> String {
        format!("{}{}", self.path, shorten(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::json;

    use super::{Fields, date, instant, object};
    use crate::domain::{Instant, ids::GameDate};

    fn refused<T: super::FromField>(value: serde_json::Value) -> String {
        let map = json!({ "it": value });
        let fields = Fields::of(map.as_object().unwrap());
        match fields.required::<T>("it") {
            Ok(_) => panic!("{value} was accepted"),
            Err(error) => error.reason(),
        }
    }

    #[test]
    fn a_number_in_quotes_is_a_wrong_type() {
        let reason = refused::<u64>(json!("7"));
        assert_eq!(
            reason,
            "`it` is the text \"7\"; write a whole number from 0 up, without quotes"
        );
    }

    #[test]
    fn a_count_below_zero_or_with_a_fraction_is_a_wrong_value() {
        assert!(refused::<u64>(json!(-1)).starts_with("`it` cannot be the number -1"));
        assert!(refused::<u64>(json!(6.5)).starts_with("`it` cannot be the number 6.5"));
        assert!(refused::<u64>(json!(1e300)).starts_with("`it` cannot be"));
    }

    #[test]
    fn null_and_the_empty_text_are_missing() {
        assert!(refused::<u64>(json!(null)).starts_with("`it` is missing"));
        assert!(refused::<String>(json!("")).starts_with("`it` is missing"));
    }

    #[test]
    fn a_long_value_is_shortened_in_the_error() {
        assert!(refused::<bool>(json!("ü".repeat(5_000))).len() < 200);
    }

    #[test]
    fn a_whole_number_written_with_a_fraction_is_that_number() {
        let map = json!({ "it": 7.0 });
        let read = Fields::of(map.as_object().unwrap()).required::<u64>("it");
        assert_eq!(read.unwrap(), 7);
    }

    #[rstest]
    #[case("2026-02-30")]
    #[case("2026-1-9")]
    #[case("+2026-01-19")]
    #[case(" 2026-01-19")]
    #[case("2026-01-19T00:00:00")]
    #[case("19.01.2026")]
    fn a_day_in_another_form_is_refused(#[case] text: &str) {
        assert_eq!(date(text), None);
    }

    #[rstest]
    #[case("2026-01-19")]
    #[case("15:56:41")]
    #[case("2026-01-19T25:00:00Z")]
    #[case("+12026-01-19T15:56:41")]
    #[case("0000-01-01T00:00:00")]
    #[case("yesterday")]
    fn text_that_is_no_instant_is_refused(#[case] text: &str) {
        assert_eq!(instant(text), None);
    }

    #[rstest]
    #[case("2026-01-19T15:56:41Z")]
    #[case("2026-01-19T15:56:41")]
    #[case("2026-01-19 15:56:41")]
    #[case("2026-01-19T15:56:41.000000999+00:00")]
    #[case("2026-01-19T07:56:41-08:00")]
    #[case("2026-01-19T07:56:41-0800")]
    #[case("2026-01-19 15:56:41+00")]
    #[case("2026-01-19 15:56:41 UTC")]
    fn an_instant_without_an_offset_is_utc_and_others_are_converted(#[case] text: &str) {
        let expected: Instant = "2026-01-19T15:56:41Z".parse().unwrap();
        assert_eq!(instant(text), Some(expected));
    }

    proptest! {
        #[test]
        fn any_day_and_instant_reads_back(days in 1i32..3_000_000, micros in 0i64..4_000_000_000_000_000) {
            let day = chrono::NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            prop_assert_eq!(date(&day.to_string()), Some(GameDate(day)));
            let at = chrono::DateTime::from_timestamp_micros(micros).unwrap();
            prop_assert_eq!(instant(&super::super::instant_text(at)), Some(at));
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = (date(&text), instant(&text));
            let read = object("the body", &bytes);
            let has_brace = bytes.contains(&b'{');
            prop_assert!(read.is_err() || has_brace);
        }
    }
}
