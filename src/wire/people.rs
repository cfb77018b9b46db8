//! What people and schedules post to `/start`, `/retry`, `/reset` and `/check-stalled`, and the problem they get back.
//!
//! Who may ask belongs to `http`; what comes of it belongs to `run`.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::{
    Malformed,
    fields::{self, Fields, FromField, Refusal},
};
use crate::domain::{
    ids::{BatchId, GameDate, HandoffId},
    trigger::Source,
};

/// The media type of a [`Problem`] (RFC 9457, section 3).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// A day as people say it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Day {
    /// This date.
    On(GameDate),
    /// The day before today's game date.
    Yesterday,
    /// Today's game date, also when nothing is said.
    #[default]
    Today,
    /// The day after today's game date.
    Tomorrow,
}

impl Day {
    /// The date meant, where `today` is the calendar's game date. At the very ends of the calendar it stays on it.
    pub fn resolve(self, today: GameDate) -> GameDate {
        match self {
            Self::On(date) => date,
            Self::Yesterday => GameDate(today.0.pred_opt().unwrap_or(today.0)),
            Self::Today => today,
            Self::Tomorrow => GameDate(today.0.succ_opt().unwrap_or(today.0)),
        }
    }
}

impl FromField for Day {
    const WRITE: &'static str = "a day as \"YYYY-MM-DD\", \"TODAY\", \"TOMORROW\" or \"YESTERDAY\"";

    fn from_field(value: &serde_json::Value) -> Result<Self, Refusal> {
        let text = value.as_str().ok_or(Refusal::Type)?;
        match text.to_ascii_uppercase().as_str() {
            "TODAY" => Ok(Self::Today),
            "TOMORROW" => Ok(Self::Tomorrow),
            "YESTERDAY" => Ok(Self::Yesterday),
            _ => fields::date(text).map(Self::On).ok_or(Refusal::Value),
        }
    }
}

/// Which run is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The handoff; may be left out where one is configured.
    pub handoff: Option<HandoffId>,
    /// The day.
    pub day: Day,
}

/// The body of `POST /start`.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Which run.
    pub target: Target,
    /// Dispatch now what is ready now, however few.
    pub force: bool,
    /// Replaces the minutes filter for this run; minutes, 0 and up.
    pub min_minutes: Option<f64>,
    /// The backup or a retry schedule, or a person: whoever names neither.
    pub source: Source,
    /// Only say what would be sent.
    pub dry_run: bool,
}

/// The body of `POST /retry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Which run.
    pub target: Target,
    /// A retry when nothing is said: a schedule without a body is the usual caller here.
    pub source: Source,
}

/// The body of `POST /reset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Which run.
    pub target: Target,
    /// Even with units in flight.
    pub force: bool,
}

/// The body of `POST /check-stalled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckStalled {
    /// Which run.
    pub target: Target,
    /// Settle what is in flight longer than this, in minutes; `None` means the answer time-out.
    pub older_than_minutes: Option<u32>,
}

impl Start {
    /// Reads the body, whatever its media type; an empty one says nothing, and unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let map = object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            target: target(&fields)?,
            force: fields.optional("force")?.unwrap_or(false),
            min_minutes: fields.optional("min_minutes")?,
            source: source(&fields)?.unwrap_or(Source::Manual),
            dry_run: fields.optional("dry_run")?.unwrap_or(false),
        })
    }
}

impl Retry {
    /// Reads the body, whatever its media type; an empty one says nothing, and unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let map = object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            target: target(&fields)?,
            source: source(&fields)?.unwrap_or(Source::Retry),
        })
    }
}

impl Reset {
    /// Reads the body, whatever its media type; an empty one says nothing, and unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let map = object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            target: target(&fields)?,
            force: fields.optional("force")?.unwrap_or(false),
        })
    }
}

impl CheckStalled {
    /// Reads the body, whatever its media type; an empty one says nothing, and unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        const FIELD: &str = "older_than_minutes";
        let map = object(body)?;
        let fields = Fields::of(&map);
        let minutes: Option<u64> = fields.optional(FIELD)?;
        let older_than_minutes = minutes
            .map(u32::try_from)
            .transpose()
            .map_err(|_| fields.wrong_value(FIELD, "a number of minutes below 4294967296"))?;
        Ok(Self {
            target: target(&fields)?,
            older_than_minutes,
        })
    }
}

/// The query of `GET /status` and `GET /history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which run.
    pub target: Target,
    /// The run that this batch belongs to, whatever the date.
    pub batch_id: Option<BatchId>,
}

impl Question {
    /// Reads the query's names and values; of one name given twice the last counts, and unknown names are ignored.
    ///
    /// # Errors
    ///
    /// When a value cannot be read.
    pub fn read(query: impl IntoIterator<Item = (String, String)>) -> Result<Self, Malformed> {
        let map: Map<String, serde_json::Value> = query
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        let fields = Fields::of(&map);
        let batch_id: Option<String> = fields.optional("batch_id")?;
        Ok(Self {
            target: target(&fields)?,
            batch_id: batch_id.map(BatchId::new),
        })
    }
}

/// Schedulers post nothing at all, and some clients post `null` for nothing.
pub(super) fn object(body: &[u8]) -> Result<Map<String, serde_json::Value>, Malformed> {
    match body.trim_ascii() {
        b"" | b"null" => Ok(Map::new()),
        said => fields::object("the body", said),
    }
}

pub(super) fn target(fields: &Fields<'_>) -> Result<Target, Malformed> {
    let handoff: Option<String> = fields.optional("handoff")?;
    Ok(Target {
        handoff: handoff.map(HandoffId::new),
        day: fields.optional("game_date")?.unwrap_or_default(),
    })
}

fn source(fields: &Fields<'_>) -> Result<Option<Source>, Malformed> {
    let said: Option<String> = fields.optional("trigger_source")?;
    Ok(said.map(|said| match said.as_str() {
        "scheduler_backup" => Source::Backup,
        "scheduler_retry" => Source::Retry,
        _ => Source::Manual,
    }))
}

/// An error as callers get it (RFC 9457): what went wrong, in which field, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem, a name that programs can tell apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem for people, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence, without internals.
    pub detail: String,
    /// The field at fault, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl From<&Malformed> for Problem {
    fn from(malformed: &Malformed) -> Self {
        Self {
            kind: format!("urn:tipoff:problem:{}", malformed.name()),
            title: "The request cannot be read".to_owned(),
            status: 400,
            detail: malformed.reason(),
            field: malformed.field().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{CheckStalled, Day, Problem, Question, Reset, Retry, Start, Target};
    use crate::domain::{
        ids::{GameDate, HandoffId},
        trigger::Source,
    };

    fn date(text: &str) -> GameDate {
        GameDate(text.parse().unwrap())
    }

    fn start(body: &Value) -> Start {
        Start::read(body.to_string().as_bytes()).unwrap()
    }

    #[rstest]
    #[case(json!({"handoff": 5}), "handoff", "wrong_type")]
    #[case(json!({"game_date": "SOON"}), "game_date", "wrong_value")]
    #[case(json!({"game_date": 20260119}), "game_date", "wrong_type")]
    #[case(json!({"force": "true"}), "force", "wrong_type")]
    #[case(json!({"min_minutes": "15"}), "min_minutes", "wrong_type")]
    #[case(json!({"min_minutes": -1}), "min_minutes", "wrong_value")]
    #[case(json!({"trigger_source": true}), "trigger_source", "wrong_type")]
    #[case(json!({"dry_run": 1}), "dry_run", "wrong_type")]
    fn a_bad_field_is_named(#[case] body: Value, #[case] field: &str, #[case] name: &str) {
        let error = Start::read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.field(), error.name()), (Some(field), name));
    }

    #[test]
    fn a_problem_says_what_was_got_and_what_to_write() {
        let error = Start::read(br#"{"game_date": "2026-1-9"}"#).unwrap_err();
        assert_eq!(
            serde_json::to_value(Problem::from(&error)).unwrap(),
            json!({
                "type": "urn:tipoff:problem:wrong_value", "title": "The request cannot be read", "status": 400,
                "detail": "`game_date` cannot be the text \"2026-1-9\"; \
                           write a day as \"YYYY-MM-DD\", \"TODAY\", \"TOMORROW\" or \"YESTERDAY\"",
                "field": "game_date",
            })
        );
    }

    #[rstest]
    #[case(b"game_date=TODAY", "not_json")]
    #[case(b"[]", "not_an_object")]
    #[case(b"\"TODAY\"", "not_an_object")]
    fn a_body_that_is_no_object_is_a_problem_without_a_field(
        #[case] body: &[u8],
        #[case] name: &str,
    ) {
        let problem = Problem::from(&Reset::read(body).unwrap_err());
        assert_eq!(problem.kind, format!("urn:tipoff:problem:{name}"));
        let written = serde_json::to_value(&problem).unwrap();
        assert!(written.get("field").is_none());
        assert_eq!(serde_json::from_value::<Problem>(written).unwrap(), problem);
    }

    #[rstest]
    #[case(json!({"older_than_minutes": 4294967296u64}))]
    #[case(json!({"older_than_minutes": 1.5}))]
    #[case(json!({"older_than_minutes": "10"}))]
    fn minutes_that_cannot_be_are_refused(#[case] body: Value) {
        let error = CheckStalled::read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.field(), Some("older_than_minutes"));
    }

    #[rstest]
    #[case(b"")]
    #[case(b" \r\n")]
    #[case(b"null")]
    #[case(b"{}")]
    #[case(br#"{"game_date": null, "force": null, "somebody": "else"}"#)]
    fn incident_45_a_body_that_says_nothing_means_today(#[case] body: &[u8]) {
        let target = Target::default();
        let expected = Start {
            target: target.clone(),
            force: false,
            min_minutes: None,
            source: Source::Manual,
            dry_run: false,
        };
        assert_eq!(Start::read(body).unwrap(), expected);
        assert_eq!(
            Retry::read(body).unwrap(),
            Retry {
                target: target.clone(),
                source: Source::Retry
            }
        );
        assert_eq!(
            Reset::read(body).unwrap(),
            Reset {
                target: target.clone(),
                force: false
            }
        );
        assert_eq!(
            CheckStalled::read(body).unwrap(),
            CheckStalled {
                target,
                older_than_minutes: None
            }
        );
    }

    #[rstest]
    #[case("scheduler_backup", Source::Backup)]
    #[case("scheduler_retry", Source::Retry)]
    #[case("jane", Source::Manual)]
    #[case("event", Source::Manual)]
    #[case("Scheduler_Backup", Source::Manual)]
    fn the_trigger_source_is_one_of_two_schedules_or_a_person(
        #[case] said: &str,
        #[case] source: Source,
    ) {
        let body = json!({"trigger_source": said});
        assert_eq!(start(&body).source, source);
        assert_eq!(
            Retry::read(body.to_string().as_bytes()).unwrap().source,
            source
        );
    }

    #[rstest]
    #[case("2026-01-19", "2026-01-19")]
    #[case("TODAY", "2026-03-01")]
    #[case("today", "2026-03-01")]
    #[case("TOMORROW", "2026-03-02")]
    #[case("YESTERDAY", "2026-02-28")]
    fn a_day_is_resolved_against_the_game_date(#[case] said: &str, #[case] expected: &str) {
        let day = start(&json!({"game_date": said})).target.day;
        assert_eq!(day.resolve(date("2026-03-01")), date(expected));
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        let (first, last) = (
            GameDate(chrono::NaiveDate::MIN),
            GameDate(chrono::NaiveDate::MAX),
        );
        assert_eq!(
            (Day::Yesterday.resolve(first), Day::Tomorrow.resolve(last)),
            (first, last)
        );
    }

    #[test]
    fn every_field_is_read() {
        let read = start(&json!({
            "handoff": "phase4-to-phase5", "game_date": "2026-01-19", "force": true, "min_minutes": 12.5,
            "trigger_source": "scheduler_backup", "dry_run": true,
        }));
        let target = Target {
            handoff: Some(HandoffId::new("phase4-to-phase5")),
            day: Day::On(date("2026-01-19")),
        };
        let expected = Start {
            target,
            force: true,
            min_minutes: Some(12.5),
            source: Source::Backup,
            dry_run: true,
        };
        assert_eq!(read, expected);
        assert!(Reset::read(br#"{"force": true}"#).unwrap().force);
        let stalled = CheckStalled::read(br#"{"older_than_minutes": 10}"#).unwrap();
        assert_eq!(stalled.older_than_minutes, Some(10));
    }

    #[test]
    fn a_query_names_a_run_by_its_date_or_its_batch() {
        let read = |query: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Question::read(query.iter().map(owned))
        };
        assert_eq!(read(&[]).unwrap().target, Target::default());
        let read_date = read(&[("game_date", "yesterday"), ("page", "2")]).unwrap();
        assert_eq!(read_date.target.day, Day::Yesterday);
        let batch = read(&[("batch_id", "b1"), ("handoff", "")]).unwrap();
        assert_eq!(batch.batch_id.unwrap().as_str(), "b1");
        let error = read(&[("game_date", "19.1.")]).unwrap_err();
        assert_eq!(error.field(), Some("game_date"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in any::<Vec<u8>>()) {
            let _ = (Start::read(&body), Retry::read(&body), Reset::read(&body), CheckStalled::read(&body));
        }

        #[test]
        fn any_handoff_and_minutes_come_back(handoff in ".{1,40}", eighths in any::<u32>()) {
            let minutes = f64::from(eighths) / 8.0;
            let read = start(&json!({"handoff": handoff, "min_minutes": minutes}));
            let given = read.target.handoff.unwrap();
            prop_assert_eq!(given.as_str(), &handoff);
            prop_assert_eq!(read.min_minutes, Some(minutes));
        }
    }
}
