//! Completions: what the workers say of their units, one a message or many as NDJSON.
//!
//! Which answer replaces which, and which reasons are permanent, belongs to `domain::completion`.

use super::{
    Malformed,
    fields::{self, Fields},
};
use crate::domain::{
    Instant,
    completion::{Answer, Outcome},
    ids::{BatchId, RequestId, UnitId},
};

/// Most completions in one body; blank lines are not counted.
pub const LINES_MAX: usize = 10_000;

/// The reason of a skip or a failure whose worker gave none.
pub const UNSPECIFIED: &str = "unspecified";

/// One line of a body with its answer, or why it has none.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its place in the body, from 1, blank lines counted.
    pub number: usize,
    /// Its bytes, for the quarantine.
    pub bytes: &'a [u8],
    /// What it says.
    pub answer: Result<Answer, Malformed>,
}

/// Reads one completion. `answered_at` is the message's publish time, or the receipt where there is none.
///
/// `player_lookup`, `game_date` and `predictions_generated` are required, whatever else is said: a worker that names
/// its count differently must be noticed, not read as zero.
///
/// # Errors
///
/// When the data is no object, or a field is missing or cannot be read.
pub fn read(data: &[u8], answered_at: Instant) -> Result<Answer, Malformed> {
    let map = fields::object("the completion", data)?;
    let completion = Fields::of(&map);
    let unit: String = completion.required("player_lookup")?;
    let batch_id: Option<String> = completion.optional("batch_id")?;
    let request_id: Option<String> = completion.optional("request_id")?;
    let predictions_generated = completion.required("predictions_generated")?;
    Ok(Answer {
        unit: UnitId::new(unit),
        game_date: completion.required("game_date")?,
        batch_id: batch_id.map(BatchId::new),
        request_id: request_id.map(RequestId::new),
        outcome: outcome(&completion, predictions_generated)?,
        predictions_generated,
        answered_at,
        worker: completion.optional("worker_instance")?,
    })
}

/// Reads a body of one completion, on however many lines, or of one completion a line. A malformed line spoils
/// no other.
///
/// # Errors
///
/// When the body is empty or has more than [`LINES_MAX`] lines.
pub fn read_lines(data: &[u8], answered_at: Instant) -> Result<Vec<Line<'_>>, Malformed> {
    if data.trim_ascii().is_empty() {
        return Err(Malformed::Empty { what: "the body" });
    }
    if is_one(data) {
        return Ok(vec![Line {
            number: 1,
            bytes: data,
            answer: read(data, answered_at),
        }]);
    }
    let mut lines = Vec::new();
    for (index, bytes) in data.split(|byte| *byte == b'\n').enumerate() {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        if lines.len() == LINES_MAX {
            return Err(Malformed::TooManyLines {
                lines_max: LINES_MAX,
            });
        }
        lines.push(Line {
            number: index + 1,
            bytes,
            answer: read(bytes, answered_at),
        });
    }
    Ok(lines)
}

/// Whether the body is a single JSON value, complete or cut off; after the first of several the reader stumbles. A
/// line that is cut off may swallow the next ones as its own: where one of them is a completion, it is not one value.
fn is_one(data: &[u8]) -> bool {
    match serde_json::from_slice::<serde::de::IgnoredAny>(data) {
        Ok(_) => true,
        Err(error) => error.is_eof() && !has_completion(data),
    }
}

/// Whether a line by itself is an object that names a unit.
fn has_completion(data: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "player_lookup")]
        _unit: serde::de::IgnoredAny,
    }
    let lines = data.split(|byte| *byte == b'\n').skip(1);
    let mut lines = lines.map(<[u8]>::trim_ascii);
    lines.any(|line| serde_json::from_slice::<Named>(line).is_ok())
}

/// What the worker says outright is honoured; else its count speaks.
fn outcome(completion: &Fields<'_>, predictions_generated: u64) -> Result<Outcome, Malformed> {
    let said: Option<String> = completion.optional("outcome")?;
    let reason: Option<String> = completion.optional("reason")?;
    let reason = reason.unwrap_or_else(|| UNSPECIFIED.to_owned());
    match said.as_deref() {
        Some("predicted") => Ok(Outcome::Predicted),
        Some("skipped") => Ok(Outcome::Skipped(reason)),
        Some("failed") => Ok(Outcome::Failed(reason)),
        Some(_) => {
            Err(completion.wrong_value("outcome", "\"predicted\", \"skipped\" or \"failed\""))
        }
        None if predictions_generated > 0 => Ok(Outcome::Predicted),
        None => Ok(Outcome::Skipped(reason)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Answer, LINES_MAX, Malformed, Outcome, read_lines};
    use crate::domain::Instant;

    /// From a real night; only the correlation id was shortened.
    const SAMPLE: &str = r#"{"player_lookup":"lebronjames","game_date":"2026-01-19","predictions_generated":7,"batch_id":"batch_2026-01-19_1768838151","correlation_id":"…","timestamp":"2026-01-19T15:56:41Z","worker_instance":"prediction-worker-00005-8wq"}"#;

    fn answered_at() -> Instant {
        "2026-01-19T15:56:42Z".parse().unwrap()
    }

    fn read(completion: &Value) -> Result<Answer, Malformed> {
        super::read(completion.to_string().as_bytes(), answered_at())
    }

    fn sample_with(field: &str, value: Value) -> Value {
        let mut completion: Value = serde_json::from_str(SAMPLE).unwrap();
        completion[field] = value;
        completion
    }

    #[rstest]
    #[case("player_lookup")]
    #[case("game_date")]
    #[case("predictions_generated")]
    fn incident_23_a_missing_required_field_is_an_error_that_names_it(#[case] field: &str) {
        let error = read(&sample_with(field, json!(null))).unwrap_err();
        assert_eq!(
            (error.name(), error.field()),
            ("missing_field", Some(field))
        );
    }

    #[test]
    fn incident_23_a_count_named_differently_is_not_zero_predictions() {
        let reason = read(&json!({
            "player_lookup": "lebronjames", "game_date": "2026-01-19", "predictions_count": 7, "outcome": "predicted",
        }))
        .unwrap_err()
        .reason();
        assert_eq!(
            reason,
            "`predictions_generated` is missing; write a whole number from 0 up, without quotes"
        );
    }

    #[rstest]
    #[case("player_lookup", json!(23), "wrong_type")]
    #[case("game_date", json!("19.01.2026"), "wrong_value")]
    #[case("predictions_generated", json!("7"), "wrong_type")]
    #[case("predictions_generated", json!(-1), "wrong_value")]
    #[case("outcome", json!("done"), "wrong_value")]
    #[case("reason", json!(["a"]), "wrong_type")]
    #[case("batch_id", json!(7), "wrong_type")]
    fn a_bad_field_is_named(#[case] field: &str, #[case] value: Value, #[case] name: &str) {
        let error = read(&sample_with(field, value)).unwrap_err();
        assert_eq!((error.name(), error.field()), (name, Some(field)));
    }

    #[test]
    fn the_sample_of_a_real_night_is_read() {
        let answer = super::read(SAMPLE.as_bytes(), answered_at()).unwrap();
        assert_eq!(answer.unit.as_str(), "lebronjames");
        assert_eq!(answer.game_date.to_string(), "2026-01-19");
        assert_eq!(
            answer.batch_id.unwrap().as_str(),
            "batch_2026-01-19_1768838151"
        );
        assert_eq!(answer.request_id, None);
        assert_eq!(
            (answer.outcome, answer.predictions_generated),
            (Outcome::Predicted, 7)
        );
        assert_eq!(
            answer.answered_at,
            answered_at(),
            "the publish time, not the worker's clock"
        );
        assert_eq!(
            answer.worker.as_deref(),
            Some("prediction-worker-00005-8wq")
        );
    }

    #[rstest]
    #[case(json!({"predictions_generated": 1}), Outcome::Predicted)]
    #[case(json!({"predictions_generated": 0}), Outcome::Skipped("unspecified".into()))]
    #[case(json!({"predictions_generated": 0, "reason": ""}), Outcome::Skipped("unspecified".into()))]
    #[case(json!({"predictions_generated": 0, "reason": "no_prop_lines"}), Outcome::Skipped("no_prop_lines".into()))]
    #[case(json!({"predictions_generated": 2, "reason": "late"}), Outcome::Predicted)]
    #[case(json!({"predictions_generated": 0, "outcome": "predicted"}), Outcome::Predicted)]
    #[case(json!({"predictions_generated": 0, "outcome": "skipped"}), Outcome::Skipped("unspecified".into()))]
    #[case(
        json!({"predictions_generated": 0, "outcome": "skipped", "reason": "player_injury_out"}),
        Outcome::Skipped("player_injury_out".into())
    )]
    #[case(
        json!({"predictions_generated": 3, "outcome": "failed", "reason": "write refused"}),
        Outcome::Failed("write refused".into())
    )]
    fn the_outcome_is_what_was_said_else_what_was_counted(
        #[case] mut said: Value,
        #[case] expected: Outcome,
    ) {
        said["player_lookup"] = json!("lebronjames");
        said["game_date"] = json!("2026-01-19");
        assert_eq!(read(&said).unwrap().outcome, expected);
    }

    #[rstest]
    #[case("karl-anthonytowns")]
    #[case("d'angelorussell\"; DROP TABLE units; --")]
    #[case("a/b?c#d%20..\\")]
    #[case("nikolajokić 🏀 \u{202e}\u{0}")]
    #[case(" ")]
    fn incident_14_an_id_is_data_whatever_it_holds(#[case] unit: &str) {
        let answer = read(&sample_with("player_lookup", json!(unit))).unwrap();
        assert_eq!(answer.unit.as_str(), unit);
    }

    #[test]
    fn an_empty_body_is_refused() {
        assert_eq!(
            read_lines(b" \n", answered_at()).unwrap_err().name(),
            "empty"
        );
    }

    #[test]
    fn one_line_too_many_refuses_the_body_and_the_limit_itself_does_not() {
        let body = format!("{SAMPLE}\n\n").repeat(LINES_MAX);
        assert_eq!(
            read_lines(body.as_bytes(), answered_at()).unwrap().len(),
            10_000
        );
        let error = read_lines(format!("{body}{SAMPLE}").as_bytes(), answered_at()).unwrap_err();
        assert_eq!(
            error.reason(),
            "the body has more than 10000 lines; send the rest in another body"
        );
    }

    #[test]
    fn incident_39_a_malformed_line_spoils_no_other() {
        let body = format!("{SAMPLE}\r\n{{\"player_lookup\":\n\n[1]\n{SAMPLE}\n");
        let lines = read_lines(body.as_bytes(), answered_at()).unwrap();
        let read: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.number,
                    line.answer.as_ref().map_err(Malformed::name).is_ok(),
                )
            })
            .collect();
        assert_eq!(read, [(1, true), (2, false), (4, false), (5, true)]);
        assert_eq!(lines[1].bytes, b"{\"player_lookup\":");
    }

    #[test]
    fn a_malformed_first_line_spoils_no_other() {
        let body = format!("not json\n{SAMPLE}");
        let lines = read_lines(body.as_bytes(), answered_at()).unwrap();
        assert!(lines[0].answer.is_err() && lines[1].answer.is_ok());
    }

    #[rstest]
    #[case("{\"player_lookup\":")]
    #[case("[")]
    #[case("[[{\"a\": [")]
    fn a_first_line_that_is_cut_off_does_not_swallow_the_next(#[case] cut: &str) {
        let body = format!("{cut}\n{SAMPLE}\n{SAMPLE}");
        let lines = read_lines(body.as_bytes(), answered_at()).unwrap();
        let read: Vec<_> = lines.iter().map(|line| line.answer.is_ok()).collect();
        assert_eq!(read, [false, true, true]);
    }

    #[test]
    fn one_completion_over_several_lines_is_one_even_cut_off() {
        let pretty =
            serde_json::to_string_pretty(&sample_with("outcome", json!("predicted"))).unwrap();
        let lines = read_lines(pretty.as_bytes(), answered_at()).unwrap();
        assert!(lines.len() == 1 && lines[0].answer.is_ok());
        let cut = pretty.trim_end_matches('}');
        let lines = read_lines(cut.as_bytes(), answered_at()).unwrap();
        assert!(lines.len() == 1 && lines[0].answer.is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(data in any::<Vec<u8>>()) {
            let _ = super::read(&data, answered_at());
            let _ = read_lines(&data, answered_at());
        }

        #[test]
        fn any_id_and_count_comes_back(unit in ".{1,60}", predictions_generated in any::<u64>()) {
            let answer = read(&json!({
                "player_lookup": unit, "game_date": "2026-01-19", "predictions_generated": predictions_generated,
                "request_id": unit,
            })).unwrap();
            prop_assert_eq!(answer.unit.as_str(), &unit);
            let request_id = answer.request_id.unwrap();
            prop_assert_eq!(request_id.as_str(), &unit);
            prop_assert_eq!(answer.predictions_generated, predictions_generated);
        }

        #[test]
        fn as_many_answers_come_out_as_lines_went_in(units in proptest::collection::vec(".{1,20}", 1..20)) {
            let body: Vec<String> =
                units.iter().map(|unit| sample_with("player_lookup", json!(unit)).to_string()).collect();
            let body = body.join("\n");
            let read: Vec<String> = read_lines(body.as_bytes(), answered_at()).unwrap()
                .into_iter().map(|line| line.answer.unwrap().unit.as_str().to_owned()).collect();
            prop_assert_eq!(read, units);
        }
    }
}
