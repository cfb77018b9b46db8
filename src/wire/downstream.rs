//! The downstream's completion event: the platform's envelope, with truthful status and counts.
//!
//! When it is sent and what its numbers are belongs to `run`.

use serde::Serialize;

use crate::domain::{
    Instant,
    effect::{AnnouncedStatus, Announcement},
    ids::{BatchId, GameDate, RunKey},
};

/// How the run ended, truthfully.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Complete, and only then.
    Success,
    /// Accepted with a gap.
    Partial,
    /// Nothing was predicted.
    Failed,
}

/// Who says so: the names that the downstream's subscribers select by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The processor.
    pub processor_name: String,
    /// The phase that completed.
    pub phase: String,
    /// The data set of the rows.
    pub output_dataset: String,
    /// The table of the rows.
    pub output_table: String,
}

impl Default for Sender {
    /// The names of the shipped configuration.
    fn default() -> Self {
        Self {
            processor_name: "phase5_coordinator".to_owned(),
            phase: "phase_5_predictions".to_owned(),
            output_dataset: "nba_predictions".to_owned(),
            output_table: "player_prop_predictions".to_owned(),
        }
    }
}

/// What is said of a run that completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Complete {
    /// The date.
    pub game_date: GameDate,
    /// How it ended.
    pub status: Status,
    /// The batch that ended it; `None` if nothing was sent.
    pub batch_id: Option<BatchId>,
    /// Units that were to be done.
    pub expected_players: u64,
    /// Units with predictions.
    pub completed_players: u64,
    /// Units skipped.
    pub skipped_players: u64,
    /// Units failed.
    pub failed_players: u64,
    /// Predictions of the completed units; `None` where it was not counted.
    pub completed_predictions: Option<u64>,
    /// Predictions made in all; `None` where it was not counted.
    pub total_predictions: Option<u64>,
    /// Share of the units that is done, 0 to 100.
    pub completion_pct: f64,
    /// The first dispatch; `None` if nothing was sent.
    pub started_at: Option<Instant>,
    /// When it was complete.
    pub finished_at: Instant,
    /// What asked for the run.
    pub trigger_source: Option<String>,
    /// The id that follows the work through the phases; the batch stands in.
    pub correlation_id: Option<String>,
}

impl Complete {
    /// What an announcement says of its run; rows are not counted in it.
    pub fn of(key: &RunKey, told: &Announcement) -> Self {
        Self {
            game_date: key.game_date,
            status: match told.status {
                AnnouncedStatus::Success => Status::Success,
                AnnouncedStatus::Partial => Status::Partial,
            },
            batch_id: told.batch_id.clone(),
            expected_players: told.expected_units,
            completed_players: told.completed_units,
            skipped_players: told.skipped_units,
            failed_players: told.failed_units,
            completed_predictions: None,
            total_predictions: None,
            completion_pct: told.completion_pct,
            started_at: told.started_at,
            finished_at: told.finished_at,
            trigger_source: None,
            correlation_id: None,
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    processor_name: &'a str,
    phase: &'a str,
    execution_id: Option<&'a str>,
    correlation_id: Option<&'a str>,
    game_date: GameDate,
    output_table: &'a str,
    output_dataset: &'a str,
    status: Status,
    record_count: u64,
    records_failed: u64,
    timestamp: String,
    duration_seconds: Option<f64>,
    trigger_source: Option<&'a str>,
    skip_downstream_trigger: bool,
    backfill_mode: bool,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    batch_id: Option<&'a str>,
    expected_players: u64,
    completed_players: u64,
    completed_predictions: Option<u64>,
    total_predictions: Option<u64>,
    completion_pct: f64,
    skipped_players: u64,
    failed_players: u64,
}

/// Writes the event. Its `timestamp` is when the run finished; its duration counts from the first dispatch.
/// What is not known is null, never zero.
pub fn write(complete: &Complete, sender: &Sender) -> Vec<u8> {
    let batch_id = complete.batch_id.as_ref().map(BatchId::as_str);
    super::bytes(&Body {
        processor_name: &sender.processor_name,
        phase: &sender.phase,
        execution_id: batch_id,
        correlation_id: complete.correlation_id.as_deref().or(batch_id),
        game_date: complete.game_date,
        output_table: &sender.output_table,
        output_dataset: &sender.output_dataset,
        status: complete.status,
        record_count: complete.completed_players,
        records_failed: complete.failed_players,
        timestamp: super::instant_text(complete.finished_at),
        duration_seconds: complete
            .started_at
            .map(|at| seconds(at, complete.finished_at)),
        trigger_source: complete.trigger_source.as_deref(),
        skip_downstream_trigger: false,
        backfill_mode: false,
        metadata: Metadata {
            batch_id,
            expected_players: complete.expected_players,
            completed_players: complete.completed_players,
            completed_predictions: complete.completed_predictions,
            total_predictions: complete.total_predictions,
            completion_pct: complete.completion_pct,
            skipped_players: complete.skipped_players,
            failed_players: complete.failed_players,
        },
    })
}

/// Whole milliseconds, so that no float noise stands on the wire; never below 0.
fn seconds(from: Instant, to: Instant) -> f64 {
    (to - from).num_milliseconds().max(0) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Complete, Sender, Status};
    use crate::{
        domain::{
            ids::{BatchId, GameDate},
            trigger::UpstreamStatus,
        },
        wire::upstream,
    };

    fn complete() -> Complete {
        Complete {
            game_date: GameDate("2026-01-19".parse().unwrap()),
            status: Status::Success,
            batch_id: Some(BatchId::new("batch_2026-01-19_1768838151")),
            expected_players: 420,
            completed_players: 413,
            skipped_players: 7,
            failed_players: 0,
            completed_predictions: Some(2_065),
            total_predictions: Some(2_070),
            completion_pct: 100.0,
            started_at: "2026-01-19T14:00:00Z".parse().ok(),
            finished_at: "2026-01-19T14:02:45.5Z".parse().unwrap(),
            trigger_source: Some("event".to_owned()),
            correlation_id: None,
        }
    }

    fn write(complete: &Complete) -> Value {
        serde_json::from_slice(&super::write(complete, &Sender::default())).unwrap()
    }

    #[test]
    fn what_is_not_known_is_null_and_not_zero() {
        let body = write(&Complete {
            status: Status::Failed,
            batch_id: None,
            completed_predictions: None,
            total_predictions: None,
            started_at: None,
            ..complete()
        });
        assert_eq!(body["status"], "failed");
        assert_eq!(body["duration_seconds"], Value::Null);
        assert_eq!(body["metadata"]["batch_id"], Value::Null);
        assert_eq!(body["metadata"]["total_predictions"], Value::Null);
    }

    #[test]
    fn a_start_after_the_finish_lasts_no_time() {
        let late = Complete {
            started_at: "2026-01-19T15:00:00Z".parse().ok(),
            ..complete()
        };
        assert_eq!(write(&late)["duration_seconds"], 0.0);
    }

    #[test]
    fn the_envelope_is_written() {
        assert_eq!(
            write(&complete()),
            json!({
                "processor_name": "phase5_coordinator", "phase": "phase_5_predictions",
                "execution_id": "batch_2026-01-19_1768838151", "correlation_id": "batch_2026-01-19_1768838151",
                "game_date": "2026-01-19", "output_table": "player_prop_predictions",
                "output_dataset": "nba_predictions", "status": "success", "record_count": 413, "records_failed": 0,
                "timestamp": "2026-01-19T14:02:45.500Z", "duration_seconds": 165.5, "trigger_source": "event",
                "skip_downstream_trigger": false, "backfill_mode": false,
                "metadata": {
                    "batch_id": "batch_2026-01-19_1768838151", "expected_players": 420, "completed_players": 413,
                    "completed_predictions": 2065, "total_predictions": 2070, "completion_pct": 100.0,
                    "skipped_players": 7, "failed_players": 0,
                },
            })
        );
    }

    #[rstest]
    #[case(Status::Success, UpstreamStatus::Success)]
    #[case(Status::Partial, UpstreamStatus::Partial)]
    #[case(Status::Failed, UpstreamStatus::Failed)]
    fn the_next_handoff_reads_it_as_its_upstream(
        #[case] status: Status,
        #[case] read: UpstreamStatus,
    ) {
        let complete = Complete {
            status,
            ..complete()
        };
        let bytes = super::write(&complete, &Sender::default());
        let event = upstream::read(&bytes, upstream::EVENT_TYPE, complete.finished_at).unwrap();
        assert_eq!(event.status, read);
        assert_eq!(event.processor.as_deref(), Some("phase5_coordinator"));
        assert_eq!(event.finished_at, Some(complete.finished_at));
        assert_eq!(event.processed, Some(413));
    }

    proptest! {
        #[test]
        fn every_count_arrives(expected in any::<u64>(), completed in any::<u64>(), eighths in 0u32..=800) {
            let pct = f64::from(eighths) / 8.0;
            let body = write(&Complete {
                expected_players: expected, completed_players: completed, completion_pct: pct, ..complete()
            });
            prop_assert_eq!(body["metadata"]["expected_players"].as_u64(), Some(expected));
            prop_assert_eq!(body["metadata"]["completed_players"].as_u64(), Some(completed));
            prop_assert_eq!(body["metadata"]["completion_pct"].as_f64(), Some(pct));
        }
    }
}
