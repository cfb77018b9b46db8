//! The upstream's completion event in its two shapes.
//!
//! Whether it starts a run belongs to `domain::trigger`; which handoff it is for belongs to the engine's inbox.

use super::{
    Malformed,
    fields::{self, Fields},
};
use crate::domain::{
    Instant,
    trigger::{UpstreamComplete, UpstreamStatus},
};

/// The `event_type` of shape A where the configuration names no other.
pub const EVENT_TYPE: &str = "phase4_complete";

const WHAT: &str = "the event";
const STATUSES: &str = "\"success\", \"partial\", \"no_data\" or \"failed\"";

/// Reads shape A (recognised by its `event_type`) or shape B (recognised by `processor_name`); fields that are not
/// known are ignored. `published_at` is the message's publish time, or the receipt where there is none: the upstream
/// cannot have finished later, and it stands in for a missing `timestamp`.
///
/// # Errors
///
/// When the data is no object, of neither shape, or a field is missing or cannot be read.
pub fn read(
    data: &[u8],
    event_type: &str,
    published_at: Instant,
) -> Result<UpstreamComplete, Malformed> {
    let map = fields::object(WHAT, data)?;
    let event = Fields::of(&map);
    if event.value("event_type").and_then(|value| value.as_str()) == Some(event_type) {
        shape_a(&event, published_at)
    } else if event.value("processor_name").is_some() {
        shape_b(&event, published_at)
    } else {
        Err(Malformed::UnknownShape {
            fields: event.names(),
            event_type: event_type.to_owned(),
        })
    }
}

/// An event that names its processor as shape B does is believed: read as the final one it would start a run early.
fn shape_a(event: &Fields<'_>, published_at: Instant) -> Result<UpstreamComplete, Malformed> {
    let processor: Option<String> = event.optional("processor")?;
    let processed: Option<u64> = event.optional("players_processed")?;
    let run_id: Option<String> = event.optional("run_id")?;
    Ok(UpstreamComplete {
        game_date: event.required("game_date")?,
        processor: processor.or(event.optional("processor_name")?),
        status: status(event)?.unwrap_or(UpstreamStatus::Success),
        finished_at: Some(finished_at(event, published_at)?),
        processed: processed.or(event.optional("players_total")?),
        ready: event.optional("players_ready")?,
        backfill_mode: event.optional("backfill_mode")?.unwrap_or(false),
        skip_downstream_trigger: event.optional("skip_downstream_trigger")?.unwrap_or(false),
        run_id,
        correlation_id: event.optional("correlation_id")?,
    })
}

/// Its own `record_count` stands in where `metadata` does not say how many players were processed.
fn shape_b(event: &Fields<'_>, published_at: Instant) -> Result<UpstreamComplete, Malformed> {
    let metadata = event.inside("metadata")?;
    let (processed, ready) = match &metadata {
        Some(metadata) => (
            metadata.optional("players_processed")?,
            metadata.optional("players_ready")?,
        ),
        None => (None, None),
    };
    let Some(status) = status(event)? else {
        return Err(Malformed::Missing {
            field: "status".to_owned(),
            write: STATUSES,
        });
    };
    Ok(UpstreamComplete {
        game_date: event.required("game_date")?,
        processor: Some(event.required("processor_name")?),
        status,
        finished_at: Some(finished_at(event, published_at)?),
        processed: processed.or(event.optional("record_count")?),
        ready,
        backfill_mode: event.optional("backfill_mode")?.unwrap_or(false),
        skip_downstream_trigger: event.optional("skip_downstream_trigger")?.unwrap_or(false),
        run_id: event.optional("execution_id")?,
        correlation_id: event.optional("correlation_id")?,
    })
}

fn finished_at(event: &Fields<'_>, published_at: Instant) -> Result<Instant, Malformed> {
    let timestamp: Option<Instant> = event.optional("timestamp")?;
    Ok(timestamp.unwrap_or(published_at).min(published_at))
}

fn status(event: &Fields<'_>) -> Result<Option<UpstreamStatus>, Malformed> {
    let text: Option<String> = event.optional("status")?;
    match text.as_deref() {
        None => Ok(None),
        Some("success") => Ok(Some(UpstreamStatus::Success)),
        Some("partial") => Ok(Some(UpstreamStatus::Partial)),
        Some("no_data") => Ok(Some(UpstreamStatus::NoData)),
        Some("failed") => Ok(Some(UpstreamStatus::Failed)),
        Some(_) => Err(event.wrong_value("status", STATUSES)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{EVENT_TYPE, Malformed, UpstreamComplete, UpstreamStatus};
    use crate::domain::Instant;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn read(event: &Value) -> Result<UpstreamComplete, Malformed> {
        super::read(
            event.to_string().as_bytes(),
            EVENT_TYPE,
            at("2026-01-19T10:00:00Z"),
        )
    }

    fn shape_a() -> Value {
        json!({
            "event_type": "phase4_complete", "processor": "ml_feature_store_v2", "game_date": "2026-01-19",
            "players_processed": 450, "players_ready": 420, "players_failed": 30,
            "timestamp": "2026-01-19T09:58:00Z", "run_id": "run-1",
        })
    }

    fn shape_b() -> Value {
        json!({
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "e-1",
            "correlation_id": "c-1", "game_date": "2026-01-19", "output_table": "ml_feature_store_v2",
            "output_dataset": "nba_predictions", "status": "partial", "record_count": 450, "records_failed": 3,
            "timestamp": "2026-01-19T09:58:00.123456", "duration_seconds": 61.5, "parent_processor": null,
            "trigger_source": "scheduler", "trigger_message_id": null, "skip_downstream_trigger": false,
            "backfill_mode": true, "backfill_reason": "late box scores", "error_message": null,
            "metadata": {"players_processed": 449, "players_ready": 420, "missing_dependencies": []},
        })
    }

    fn with(mut event: Value, field: &str, value: Value) -> Value {
        event[field] = value;
        event
    }

    fn without(mut event: Value, field: &str) -> Value {
        event.as_object_mut().unwrap().remove(field);
        event
    }

    #[rstest]
    #[case(json!({}))]
    #[case(json!({"event_type": "phase3_complete", "game_date": "2026-01-19"}))]
    #[case(json!({"event_type": 4, "processor_name": null}))]
    #[case(json!({"player_lookup": "lebronjames"}))]
    fn neither_shape_is_unknown(#[case] event: Value) {
        assert_eq!(read(&event).unwrap_err().name(), "unknown_shape");
    }

    #[test]
    fn an_unknown_shape_says_what_it_has_and_what_it_needs() {
        let reason = read(&json!({"type": "x"})).unwrap_err().reason();
        assert_eq!(
            reason,
            "unknown shape with the fields `type`; write `event_type`: \"phase4_complete\" or a `processor_name`"
        );
    }

    #[rstest]
    #[case(without(shape_a(), "game_date"), "missing_field", "game_date")]
    #[case(with(shape_a(), "game_date", json!(20260119)), "wrong_type", "game_date")]
    #[case(with(shape_a(), "game_date", json!("2026-02-30")), "wrong_value", "game_date")]
    #[case(with(shape_a(), "players_processed", json!("450")), "wrong_type", "players_processed")]
    #[case(with(shape_a(), "status", json!("done")), "wrong_value", "status")]
    #[case(with(shape_a(), "timestamp", json!(1768838151)), "wrong_type", "timestamp")]
    #[case(without(shape_b(), "game_date"), "missing_field", "game_date")]
    #[case(without(shape_b(), "status"), "missing_field", "status")]
    #[case(with(shape_b(), "status", json!(null)), "missing_field", "status")]
    #[case(with(shape_b(), "backfill_mode", json!("true")), "wrong_type", "backfill_mode")]
    #[case(with(shape_b(), "processor_name", json!(7)), "wrong_type", "processor_name")]
    #[case(with(shape_b(), "metadata", json!([])), "wrong_type", "metadata")]
    #[case(
        with(shape_b(), "metadata", json!({"players_ready": -1})), "wrong_value", "metadata.players_ready"
    )]
    fn a_bad_field_is_named(#[case] event: Value, #[case] name: &str, #[case] field: &str) {
        let error = read(&event).unwrap_err();
        assert_eq!((error.name(), error.field()), (name, Some(field)));
    }

    #[test]
    fn incident_23_a_count_under_another_name_is_absent_and_never_zero() {
        let event = without(
            with(shape_a(), "players_count", json!(450)),
            "players_processed",
        );
        assert_eq!(read(&event).unwrap().processed, None);
    }

    #[rstest]
    #[case(json!("2026-01-19T10:00:00.000001Z"), "2026-01-19T10:00:00Z")]
    #[case(json!("2026-01-19T10:00:00Z"), "2026-01-19T10:00:00Z")]
    #[case(json!(null), "2026-01-19T10:00:00Z")]
    #[case(json!("2026-01-19T09:58:00"), "2026-01-19T09:58:00Z")]
    #[case(json!("2026-01-19T01:58:00-08:00"), "2026-01-19T09:58:00Z")]
    fn it_never_finished_later_than_it_was_published(
        #[case] timestamp: Value,
        #[case] finished: &str,
    ) {
        let event = read(&with(shape_a(), "timestamp", timestamp)).unwrap();
        assert_eq!(event.finished_at, Some(at(finished)));
    }

    #[test]
    fn shape_a_needs_nothing_but_its_type_and_date() {
        let event =
            read(&json!({"event_type": "phase4_complete", "game_date": "2026-01-19"})).unwrap();
        assert_eq!(event.processor, None);
        assert_eq!(event.status, UpstreamStatus::Success);
        assert_eq!(
            (event.processed, event.ready, event.run_id),
            (None, None, None)
        );
        assert!(!event.backfill_mode && !event.skip_downstream_trigger);
    }

    #[test]
    fn shape_a_is_read_with_either_name_for_its_players() {
        let event = read(&shape_a()).unwrap();
        assert_eq!(event.processor.as_deref(), Some("ml_feature_store_v2"));
        assert_eq!((event.processed, event.ready), (Some(450), Some(420)));
        assert_eq!(event.run_id.as_deref(), Some("run-1"));
        let other = with(
            without(shape_a(), "players_processed"),
            "players_total",
            json!(451),
        );
        assert_eq!(read(&other).unwrap().processed, Some(451));
    }

    #[test]
    fn shape_a_with_the_name_of_another_processor_is_not_the_final_one() {
        let event = with(
            without(shape_a(), "processor"),
            "processor_name",
            json!("player_cache"),
        );
        assert_eq!(
            read(&event).unwrap().processor.as_deref(),
            Some("player_cache")
        );
    }

    #[test]
    fn shape_b_is_read() {
        let event = read(&shape_b()).unwrap();
        assert_eq!(event.game_date.to_string(), "2026-01-19");
        assert_eq!(event.processor.as_deref(), Some("MLFeatureStoreProcessor"));
        assert_eq!(event.status, UpstreamStatus::Partial);
        assert_eq!(event.finished_at, Some(at("2026-01-19T09:58:00.123456Z")));
        assert_eq!((event.processed, event.ready), (Some(449), Some(420)));
        assert!(event.backfill_mode && !event.skip_downstream_trigger);
        assert_eq!(event.run_id.as_deref(), Some("e-1"));
        assert_eq!(event.correlation_id.as_deref(), Some("c-1"));
        assert_eq!(
            read(&without(shape_b(), "metadata")).unwrap().processed,
            Some(450)
        );
    }

    #[test]
    fn another_event_type_can_be_configured() {
        let event = with(shape_a(), "event_type", json!("phase3_complete"));
        let published_at = at("2026-01-19T10:00:00Z");
        let read = super::read(
            event.to_string().as_bytes(),
            "phase3_complete",
            published_at,
        );
        assert!(read.is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(data in any::<Vec<u8>>()) {
            let _ = super::read(&data, EVENT_TYPE, at("2026-01-19T10:00:00Z"));
        }

        #[test]
        fn what_a_sender_says_is_what_is_read(
            processor in "[^\u{0}]{1,40}", processed in any::<u64>(), ready in any::<u64>(), backfill in any::<bool>(),
        ) {
            let event = read(&json!({
                "event_type": EVENT_TYPE, "game_date": "2026-01-19", "processor": processor,
                "players_processed": processed, "players_ready": ready, "backfill_mode": backfill,
            })).unwrap();
            prop_assert_eq!(event.processor, Some(processor));
            prop_assert_eq!((event.processed, event.ready), (Some(processed), Some(ready)));
            prop_assert_eq!(event.backfill_mode, backfill);
        }
    }
}
