//! The upstream's completion as `tipoff publish` writes it, and the word about one that could not be published.
//!
//! Reading a completion belongs to `upstream`; whether it starts a run, to the domain.

use serde::Serialize;
use serde_json::Value;

use super::{
    Malformed,
    fields::{self, Fields},
    upstream::EVENT_TYPE,
};
use crate::domain::{
    Instant,
    ids::{GameDate, HandoffId},
    trigger::UpstreamStatus,
};

/// What an upstream says when it has finished. What is not known is left out, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The processor that finished.
    pub processor: String,
    /// The date it worked for.
    pub game_date: GameDate,
    /// How it ended.
    pub status: UpstreamStatus,
    /// Units with a row.
    pub processed: Option<u64>,
    /// Units whose row is production-ready and fresh.
    pub ready: Option<u64>,
    /// Units whose row is not.
    pub failed: Option<u64>,
    /// When it finished.
    pub finished_at: Instant,
    /// Its own name for this run of it.
    pub run_id: String,
    /// The id that follows the work through the phases.
    pub correlation_id: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    event_type: &'a str,
    processor: &'a str,
    game_date: GameDate,
    status: UpstreamStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    players_processed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    players_ready: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    players_failed: Option<u64>,
    timestamp: String,
    run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

/// Writes the event in its shape A.
pub fn write(finished: &Finished) -> Vec<u8> {
    super::bytes(&Body {
        event_type: EVENT_TYPE,
        processor: &finished.processor,
        game_date: finished.game_date,
        status: finished.status,
        players_processed: finished.processed,
        players_ready: finished.ready,
        players_failed: finished.failed,
        timestamp: super::instant_text(finished.finished_at),
        run_id: &finished.run_id,
        correlation_id: finished.correlation_id.as_deref(),
    })
}

/// The body of `POST /unpublished`: a completion that its topic did not take.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpublished {
    /// Whose it is; may be left out where the event says it.
    pub handoff: Option<HandoffId>,
    /// Why it could not be published.
    pub error: String,
    /// The event itself, as the topic should have got it.
    pub event: Value,
}

impl Unpublished {
    /// Reads the body, whatever its media type; unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or a field is missing or cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let map = fields::object("the body", body)?;
        let fields = Fields::of(&map);
        let handoff: Option<String> = fields.optional("handoff")?;
        let Some(event) = fields.value("event").filter(|event| event.is_object()) else {
            return Err(Malformed::Missing {
                field: "event".to_owned(),
                write: "the event as a JSON object",
            });
        };
        Ok(Self {
            handoff: handoff.map(HandoffId::new),
            error: fields.required("error")?,
            event: event.clone(),
        })
    }

    /// The body as it is sent.
    pub fn body(&self) -> Value {
        serde_json::json!({"handoff": self.handoff, "error": self.error, "event": self.event})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Finished, Unpublished, write};
    use crate::{
        domain::{Instant, ids::GameDate, trigger::UpstreamStatus},
        wire::upstream,
    };

    fn finished() -> Finished {
        Finished {
            processor: "ml_feature_store_v2".to_owned(),
            game_date: GameDate("2026-01-19".parse().unwrap()),
            status: UpstreamStatus::Partial,
            processed: Some(450),
            ready: Some(420),
            failed: Some(30),
            finished_at: "2026-01-19T08:30:00Z".parse().unwrap(),
            run_id: "run-1".to_owned(),
            correlation_id: None,
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was_meant() {
        let now: Instant = "2026-01-19T08:30:05Z".parse().unwrap();
        let read = upstream::read(&write(&finished()), upstream::EVENT_TYPE, now).unwrap();
        assert_eq!(read.processor.as_deref(), Some("ml_feature_store_v2"));
        assert_eq!(read.status, UpstreamStatus::Partial);
        assert_eq!(read.finished_at, Some(finished().finished_at));
        assert_eq!((read.processed, read.ready), (Some(450), Some(420)));
    }

    #[test]
    fn what_was_not_counted_is_left_out_and_never_zero() {
        let uncounted = Finished {
            processed: None,
            ready: None,
            failed: None,
            ..finished()
        };
        let event: Value = serde_json::from_slice(&write(&uncounted)).unwrap();
        for field in ["players_processed", "players_ready", "players_failed"] {
            assert!(event.get(field).is_none(), "{event}");
        }
    }

    #[test]
    fn the_word_about_an_unpublished_event_names_what_it_lacks() {
        let said = Unpublished {
            handoff: None,
            error: "404".to_owned(),
            event: json!({"event_type": "phase4_complete"}),
        };
        assert_eq!(
            Unpublished::read(said.body().to_string().as_bytes()).ok(),
            Some(said)
        );
        for (body, field) in [
            (json!({"error": "404"}), "event"),
            (json!({"error": "404", "event": "e"}), "event"),
            (json!({"event": {}}), "error"),
        ] {
            let error = Unpublished::read(body.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.field(), Some(field), "{body}");
        }
    }
}
