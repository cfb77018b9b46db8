//! The Pub/Sub push envelope, and the bare body of a person or a plain webhook that posts the event without it.
//!
//! What the data says belongs to `upstream` and `completion`; who may push, and how large, belongs to `http`.

use std::collections::BTreeMap;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Malformed,
    fields::{self, Fields},
};
use crate::domain::{Instant, ids::MessageId};

/// Padded or not, and whatever the unused bits of the last character say: senders differ in both.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One received message, out of its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The sender's number for it; where there is none, `sha256:` and the hash of the whole body.
    pub message_id: MessageId,
    /// When it was published; `None` without an envelope.
    pub published_at: Option<Instant>,
    /// The subscription that pushed it, with its full path; `None` without an envelope.
    pub subscription: Option<String>,
    /// The message's attributes; empty without an envelope.
    pub attributes: BTreeMap<String, String>,
    /// What was sent, decoded. Not looked into: it may be anything.
    pub data: Vec<u8>,
}

impl Push {
    /// Opens the envelope (<https://cloud.google.com/pubsub/docs/push#receive_push>, both spellings of its fields).
    /// Any body that is not an envelope is the data itself: an event's JSON, or NDJSON.
    ///
    /// # Errors
    ///
    /// When the body is empty, or is an envelope with a field that cannot be read.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        if body.trim_ascii().is_empty() {
            return Err(Malformed::Empty { what: "the body" });
        }
        let Ok(Value::Object(map)) = serde_json::from_slice(body) else {
            return Ok(Self::bare(body));
        };
        let envelope = Fields::of(&map);
        let is_envelope = match map.get("message") {
            Some(message) => message.is_object() || map.contains_key("subscription"),
            None => false,
        };
        if !is_envelope {
            return Ok(Self::bare(body));
        }
        let Some(message) = envelope.inside("message")? else {
            return Err(Malformed::Missing {
                field: "message".to_owned(),
                write: "the message as a JSON object",
            });
        };
        Ok(Self {
            message_id: message_id(&message, body)?,
            published_at: either(&message, ["publishTime", "publish_time"])?,
            subscription: envelope.optional("subscription")?,
            attributes: attributes(&message)?,
            data: data(&message)?,
        })
    }

    /// When what it says was true: its publish time, or the receipt where there is none.
    pub fn true_at(&self, received_at: Instant) -> Instant {
        self.published_at.unwrap_or(received_at)
    }

    fn bare(body: &[u8]) -> Self {
        Self {
            message_id: hashed(body),
            published_at: None,
            subscription: None,
            attributes: BTreeMap::new(),
            data: body.to_vec(),
        }
    }
}

fn hashed(body: &[u8]) -> MessageId {
    MessageId::new(format!("sha256:{:x}", Sha256::digest(body)))
}

fn either<T: fields::FromField>(
    message: &Fields<'_>,
    names: [&str; 2],
) -> Result<Option<T>, Malformed> {
    match message.optional(names[0])? {
        Some(read) => Ok(Some(read)),
        None => message.optional(names[1]),
    }
}

/// An envelope written by hand may lack the number; the same bytes are then the same message.
fn message_id(message: &Fields<'_>, body: &[u8]) -> Result<MessageId, Malformed> {
    let given: Option<String> = either(message, ["messageId", "message_id"])?;
    Ok(given.map_or_else(|| hashed(body), MessageId::new))
}

fn attributes(message: &Fields<'_>) -> Result<BTreeMap<String, String>, Malformed> {
    let Some(attributes) = message.inside("attributes")? else {
        return Ok(BTreeMap::new());
    };
    attributes
        .each()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Err(attributes.wrong_type(name, "a text")),
        })
        .collect()
}

/// Takes the standard and the url-safe alphabet, padding or none, and line breaks.
fn data(message: &Fields<'_>) -> Result<Vec<u8>, Malformed> {
    let text: String = message.required("data")?;
    let standard: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    LENIENT
        .decode(standard)
        .map_err(|source| Malformed::NotBase64 {
            field: "message.data",
            source,
        })
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
    };
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Malformed, Push};

    fn read(body: &Value) -> Result<Push, Malformed> {
        Push::read(body.to_string().as_bytes())
    }

    fn reason(body: &Value) -> String {
        read(body).unwrap_err().reason()
    }

    #[rstest]
    #[case(b"")]
    #[case(b" \r\n\t")]
    fn an_empty_body_is_refused(#[case] body: &[u8]) {
        assert_eq!(Push::read(body).unwrap_err().name(), "empty");
    }

    #[test]
    fn an_envelope_without_data_names_the_field() {
        let reason = reason(&json!({"message": {"messageId": "1"}, "subscription": "s"}));
        assert_eq!(
            reason,
            "`message.data` is missing; write a text that is not empty"
        );
    }

    #[test]
    fn data_that_is_not_base64_names_the_field() {
        let error = read(&json!({"message": {"data": "{\"event_type\": 1}"}})).unwrap_err();
        assert_eq!(error.name(), "not_base64");
        assert_eq!(error.field(), Some("message.data"));
    }

    #[rstest]
    #[case(json!({"message": {"data": 7}}), "message.data")]
    #[case(json!({"message": {"data": "e30=", "messageId": 7}}), "message.messageId")]
    #[case(json!({"message": {"data": "e30=", "publishTime": "noon"}}), "message.publishTime")]
    #[case(json!({"message": {"data": "e30=", "attributes": []}}), "message.attributes")]
    #[case(json!({"message": {"data": "e30=", "attributes": {"a": 1}}}), "message.attributes.a")]
    #[case(json!({"message": {"data": "e30="}, "subscription": 7}), "subscription")]
    #[case(json!({"message": "hello", "subscription": "s"}), "message")]
    #[case(json!({"message": null, "subscription": "s"}), "message")]
    fn a_wrong_field_of_the_envelope_is_named(#[case] body: Value, #[case] field: &str) {
        assert_eq!(read(&body).unwrap_err().field(), Some(field));
    }

    #[test]
    fn incident_39_a_malformed_body_has_a_reason_to_be_quarantined_with() {
        let reason = reason(&json!({"message": {"data": "%%%"}}));
        assert!(reason.starts_with("`message.data` is not base64; encode the event's JSON"));
        assert!(
            Push::read(b"{\"message\": {").is_ok(),
            "its bytes are kept for the next reader"
        );
    }

    #[test]
    fn an_envelope_is_opened() {
        let push = read(&json!({
            "message": {
                "data": STANDARD.encode(b"{}"),
                "messageId": "42",
                "message_id": "42",
                "publishTime": "2026-01-19T12:00:00.123456789Z",
                "attributes": {"batch_id": "b", "empty": ""},
            },
            "subscription": "projects/p/subscriptions/s",
            "deliveryAttempt": 5,
        }))
        .unwrap();
        assert_eq!(push.message_id.as_str(), "42");
        assert_eq!(
            push.published_at,
            "2026-01-19T12:00:00.123456Z".parse().ok()
        );
        assert_eq!(
            push.subscription.as_deref(),
            Some("projects/p/subscriptions/s")
        );
        assert_eq!(push.attributes["batch_id"], "b");
        assert_eq!(push.attributes["empty"], "");
        assert_eq!(push.data, b"{}");
    }

    #[test]
    fn the_other_spelling_of_the_fields_is_read() {
        let push = read(&json!({"message": {
            "data": "e30", "message_id": "7", "publish_time": "2026-01-19T12:00:00Z",
        }}))
        .unwrap();
        assert_eq!(push.message_id.as_str(), "7");
        assert_eq!(
            push.true_at("2026-01-20T00:00:00Z".parse().unwrap()),
            push.published_at.unwrap()
        );
    }

    #[test]
    fn a_bare_body_is_the_data_and_its_hash_the_id() {
        let received_at = "2026-01-20T00:00:00Z".parse().unwrap();
        let push = Push::read(b"{\"event_type\":\"phase4_complete\"}").unwrap();
        assert_eq!(push.data, b"{\"event_type\":\"phase4_complete\"}");
        assert_eq!(push.published_at, None);
        assert_eq!(push.true_at(received_at), received_at);
        assert_eq!(
            Push::read(b"abc").unwrap().message_id.as_str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_bare_event_with_a_message_text_of_its_own_is_no_envelope() {
        let body = json!({"event_type": "phase4_complete", "message": "all done"});
        assert_eq!(read(&body).unwrap().data, body.to_string().into_bytes());
    }

    #[test]
    fn wrapped_base64_is_read() {
        let push = read(&json!({"message": {"data": "e30\r\n=\n"}})).unwrap();
        assert_eq!(push.data, b"{}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in any::<Vec<u8>>()) {
            let _ = Push::read(&body);
        }

        #[test]
        fn arbitrary_text_as_data_never_panics(data in any::<String>()) {
            let _ = read(&json!({"message": {"data": data}}));
        }

        #[test]
        fn data_comes_back_from_every_variant_of_base64(sent in proptest::collection::vec(any::<u8>(), 1..200)) {
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                let push = read(&json!({"message": {"data": engine.encode(&sent)}})).unwrap();
                prop_assert_eq!(&push.data, &sent);
            }
        }
    }
}
