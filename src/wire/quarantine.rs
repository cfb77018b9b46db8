//! Quarantined messages as people read them: what was wrong, and the bytes as base64 and, where they are, as text.
//!
//! What is quarantined and what a replay does belongs to `http`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::run_view::{LocalInstant, local};
use crate::{
    domain::{ids::MessageId, zone::Zone},
    ports::store::Quarantined,
};

/// One quarantined message, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedView {
    /// Its number.
    pub id: i64,
    /// Which entry point it came to: `trigger` or `complete`.
    pub source: String,
    /// The message's id.
    pub message_id: MessageId,
    /// When it came.
    pub received_at: LocalInstant,
    /// The name of what was wrong with it.
    pub code: String,
    /// What was wrong with it.
    pub reason: String,
    /// How many bytes came.
    pub bytes: u64,
    /// SHA-256 of all that came, in hexadecimal.
    pub sha256: String,
    /// Whether all bytes were kept; only then it can be replayed.
    pub whole: bool,
}

/// One quarantined message with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedBody {
    /// What is known of it.
    #[serde(flatten)]
    pub message: QuarantinedView,
    /// The bytes that were kept, as standard base64.
    pub body_base64: String,
    /// The same as text, where they are UTF-8.
    pub body_text: Option<String>,
}

impl QuarantinedView {
    /// The message with its instant in `zone`.
    pub fn of(message: &Quarantined, zone: &Zone) -> Self {
        Self {
            id: message.id,
            source: message.source.clone(),
            message_id: message.message_id.clone(),
            received_at: local(zone, message.received_at),
            code: message.code.clone(),
            reason: message.reason.clone(),
            bytes: message.bytes,
            sha256: message.sha256.clone(),
            whole: is_whole(message),
        }
    }
}

impl QuarantinedBody {
    /// The message and its bytes.
    pub fn of(message: &Quarantined, zone: &Zone) -> Self {
        Self {
            message: QuarantinedView::of(message, zone),
            body_base64: STANDARD.encode(&message.body),
            body_text: String::from_utf8(message.body.clone()).ok(),
        }
    }
}

/// Whether all bytes of the message were kept.
pub fn is_whole(message: &Quarantined) -> bool {
    message.body.len() as u64 == message.bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Quarantined, QuarantinedBody};
    use crate::domain::ids::MessageId;

    #[test]
    fn bytes_are_shown_as_base64_and_as_text_where_they_are_text() {
        let mut message = Quarantined {
            id: 7,
            source: "trigger".to_owned(),
            message_id: MessageId::new("trigger/1"),
            received_at: "2026-01-19T08:00:00Z".parse().unwrap(),
            code: "not_json".to_owned(),
            reason: "the event is not JSON".to_owned(),
            body: b"not json".to_vec(),
            bytes: 8,
            sha256: "ab".to_owned(),
        };
        let zone = "America/Los_Angeles".parse().unwrap();
        let shown = |message: &Quarantined| {
            serde_json::to_value(QuarantinedBody::of(message, &zone)).unwrap()
        };
        let expected = json!({
            "id": 7, "source": "trigger", "message_id": "trigger/1", "received_at": "2026-01-19T00:00:00-08:00",
            "code": "not_json", "reason": "the event is not JSON", "bytes": 8, "sha256": "ab", "whole": true,
            "body_base64": "bm90IGpzb24=", "body_text": "not json",
        });
        assert_eq!(shown(&message), expected);
        message.body = vec![0xff];
        let cut = shown(&message);
        assert_eq!(
            (&cut["body_text"], &cut["whole"]),
            (&json!(null), &json!(false))
        );
    }
}
