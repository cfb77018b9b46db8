//! The prediction request to the workers, one a unit, with its attributes.
//!
//! When and how fast it is sent belongs to `dispatch`; the topic belongs to the adapter.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    domain::{Instant, ids::GameDate},
    ports::Request,
};

/// How far the tested lines reach to each side of the known one, in whole points.
const LINE_REACH_POINTS: i32 = 2;

/// Betting lines start here; a line of 0 or less is none.
const LINE_POINTS_MIN: f64 = 0.5;

/// The lines tested where none is known, from a bench player's to a star's.
const LINES_WITHOUT_PROP: [f64; 5] = [5.5, 10.5, 15.5, 20.5, 25.5];

/// A message as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The JSON of the request.
    pub data: Vec<u8>,
    /// `request_id` (the idempotency key), `batch_id` and `game_date`.
    pub attributes: BTreeMap<&'static str, String>,
}

/// A value that is not known is left out: the workers' own defaults then apply, where null would replace them.
#[derive(Serialize)]
struct Body<'a> {
    player_lookup: &'a str,
    game_date: GameDate,
    game_id: &'a str,
    line_values: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team_abbr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opponent_team_abbr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_home: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projected_minutes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_prop_line: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_prop_line: Option<f64>,
    batch_id: &'a str,
    correlation_id: &'a str,
    timestamp: String,
    prediction_attempt: u32,
}

/// Writes a request. Its `timestamp` is `now`; its `correlation_id` is the batch, which follows the work on.
pub fn write(request: &Request, now: Instant) -> Message {
    let unit = &request.unit;
    let body = Body {
        player_lookup: unit.unit.as_str(),
        game_date: request.game_date,
        game_id: unit.game_id.as_str(),
        line_values: line_values(unit.actual_prop_line),
        team_abbr: unit.team_abbr.as_deref(),
        opponent_team_abbr: unit.opponent_team_abbr.as_deref(),
        is_home: unit.is_home,
        projected_minutes: unit.projected_minutes.filter(|minutes| minutes.is_finite()),
        has_prop_line: unit.has_prop_line,
        actual_prop_line: unit.actual_prop_line.filter(|line| line.is_finite()),
        batch_id: request.batch_id.as_str(),
        correlation_id: request.batch_id.as_str(),
        timestamp: super::instant_text(now),
        prediction_attempt: request.attempt,
    };
    Message {
        data: super::bytes(&body),
        attributes: BTreeMap::from([
            ("request_id", request.request_id.as_str().to_owned()),
            ("batch_id", request.batch_id.as_str().to_owned()),
            ("game_date", request.game_date.to_string()),
        ]),
    }
}

/// The lines in points that a unit is predicted against, lowest first and never empty: the known line and up to two
/// whole points to each side, none below 0.5; without a known line 5.5, 10.5, 15.5, 20.5 and 25.5.
pub fn line_values(prop_line: Option<f64>) -> Vec<f64> {
    match prop_line {
        Some(line) if line.is_finite() && line >= LINE_POINTS_MIN => (-LINE_REACH_POINTS
            ..=LINE_REACH_POINTS)
            .map(|points| line + f64::from(points))
            .filter(|value| *value >= LINE_POINTS_MIN)
            .collect(),
        Some(_) | None => LINES_WITHOUT_PROP.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Message, line_values};
    use crate::{
        domain::{
            ids::{BatchId, GameDate, GameId, HandoffId, RequestId, UnitId},
            plan::ListedUnit,
        },
        ports::Request,
    };

    fn request(unit: &str) -> Request {
        Request {
            request_id: RequestId::new(format!("phase4-to-phase5/2026-01-19/{unit}/2")),
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: GameDate("2026-01-19".parse().unwrap()),
            batch_id: BatchId::new("batch_2026-01-19_1768838151"),
            attempt: 2,
            unit: ListedUnit {
                unit: UnitId::new(unit),
                game_id: GameId::new("20260119_LAL_DEN"),
                team_abbr: Some("LAL".to_owned()),
                opponent_team_abbr: Some("DEN".to_owned()),
                is_home: Some(true),
                projected_minutes: Some(34.5),
                has_prop_line: Some(true),
                actual_prop_line: Some(25.5),
                has_row: false,
            },
        }
    }

    fn write(request: &Request) -> (Value, Message) {
        let message = super::write(request, "2026-01-19T15:00:00.25Z".parse().unwrap());
        (serde_json::from_slice(&message.data).unwrap(), message)
    }

    #[rstest]
    #[case(None)]
    #[case(Some(0.0))]
    #[case(Some(-3.5))]
    #[case(Some(f64::NAN))]
    #[case(Some(f64::INFINITY))]
    fn without_a_usable_line_the_usual_ones_are_tested(#[case] line: Option<f64>) {
        assert_eq!(line_values(line), [5.5, 10.5, 15.5, 20.5, 25.5]);
    }

    #[rstest]
    #[case(25.5, vec![23.5, 24.5, 25.5, 26.5, 27.5])]
    #[case(1.5, vec![0.5, 1.5, 2.5, 3.5])]
    #[case(0.5, vec![0.5, 1.5, 2.5])]
    fn a_known_line_is_tested_with_its_neighbours(#[case] line: f64, #[case] expected: Vec<f64>) {
        assert_eq!(line_values(Some(line)), expected);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_not_zero() {
        let mut unknown = request("lebronjames");
        unknown.unit = ListedUnit {
            team_abbr: None,
            opponent_team_abbr: None,
            is_home: None,
            projected_minutes: Some(f64::NAN),
            has_prop_line: None,
            actual_prop_line: None,
            ..unknown.unit
        };
        let (body, _) = write(&unknown);
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "batch_id",
                "correlation_id",
                "game_date",
                "game_id",
                "line_values",
                "player_lookup",
                "prediction_attempt",
                "timestamp"
            ]
        );
    }

    #[test]
    fn a_request_has_every_field_and_its_attributes() {
        let (body, message) = write(&request("lebronjames"));
        assert_eq!(
            body,
            json!({
                "player_lookup": "lebronjames", "game_date": "2026-01-19", "game_id": "20260119_LAL_DEN",
                "line_values": [23.5, 24.5, 25.5, 26.5, 27.5], "team_abbr": "LAL", "opponent_team_abbr": "DEN",
                "is_home": true, "projected_minutes": 34.5, "has_prop_line": true, "actual_prop_line": 25.5,
                "batch_id": "batch_2026-01-19_1768838151", "correlation_id": "batch_2026-01-19_1768838151",
                "timestamp": "2026-01-19T15:00:00.250Z", "prediction_attempt": 2,
            })
        );
        let attributes: Vec<_> = message
            .attributes
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        assert_eq!(
            attributes,
            [
                ("batch_id", "batch_2026-01-19_1768838151"),
                ("game_date", "2026-01-19"),
                ("request_id", "phase4-to-phase5/2026-01-19/lebronjames/2"),
            ]
        );
    }

    proptest! {
        #[test]
        fn incident_14_any_id_goes_out_as_it_is(unit in any::<String>()) {
            let (body, message) = write(&request(&unit));
            prop_assert_eq!(body["player_lookup"].as_str(), Some(unit.as_str()));
            prop_assert!(message.attributes["request_id"].contains(&unit));
        }

        #[test]
        fn there_is_always_a_line_to_predict_against(line in any::<f64>()) {
            let values = line_values(Some(line));
            prop_assert!(!values.is_empty() && values.iter().all(|value| value.is_finite()));
        }
    }
}
