//! Refusals as Google writes them, and what of a publish request is refused.
//!
//! What becomes of a good one belongs to `state`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::Attributes;

/// Most messages and bytes of a publish request (<https://cloud.google.com/pubsub/quotas#resource_limits>).
const MESSAGES_MAX: usize = 1_000;
const BYTES_MAX: usize = 10_000_000;
const ATTRIBUTES_MAX: usize = 100;
const KEY_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 1_024;

/// A refusal.
pub struct Refusal(u16, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(code, status, message) = self;
        let body = json!({"error": {"code": code, "message": message, "status": status}});
        (StatusCode::from_u16(code).unwrap(), Json(body)).into_response()
    }
}

pub fn not_found(resource: &str) -> Refusal {
    Refusal(
        404,
        "NOT_FOUND",
        format!("Resource not found (resource={resource})."),
    )
}

pub fn exists(resource: &str) -> Refusal {
    Refusal(
        409,
        "ALREADY_EXISTS",
        format!("Resource already exists in the project (resource={resource})."),
    )
}

pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal(400, "INVALID_ARGUMENT", message.into())
}

pub fn unimplemented(what: &str) -> Refusal {
    Refusal(
        501,
        "UNIMPLEMENTED",
        format!("the stand-in does not know {what}"),
    )
}

/// Reads a publish request whole: one message that is refused refuses them all.
pub fn messages(body: &[u8]) -> Result<Vec<(Vec<u8>, Attributes)>, Refusal> {
    if body.len() > BYTES_MAX {
        let said = format!("Request payload size exceeds the limit: {BYTES_MAX} bytes.");
        return Err(invalid(said));
    }
    let read: Value = serde_json::from_slice(body).map_err(|it| invalid(it.to_string()))?;
    let messages = read["messages"].as_array().cloned().unwrap_or_default();
    if messages.is_empty() || messages.len() > MESSAGES_MAX {
        let said = format!(
            "The value for message_count is {}, must be 1 to {MESSAGES_MAX}.",
            messages.len()
        );
        return Err(invalid(said));
    }
    messages.iter().map(message).collect()
}

fn message(message: &Value) -> Result<(Vec<u8>, Attributes), Refusal> {
    let text = message["data"].as_str().unwrap_or_default();
    let data = STANDARD.decode(text).map_err(|_| {
        invalid("Invalid value at 'messages.data' (TYPE_BYTES), Base64 decoding failed")
    })?;
    let mut attributes = Attributes::new();
    for (name, value) in message["attributes"].as_object().into_iter().flatten() {
        let Some(value) = value.as_str() else {
            return Err(invalid(
                "Invalid value at 'messages.attributes' (TYPE_STRING)",
            ));
        };
        if name.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX || name.starts_with("goog") {
            return Err(invalid(
                "One or more messages in the publish request have an invalid attribute.",
            ));
        }
        attributes.insert(name.clone(), value.to_owned());
    }
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(invalid(
            "One or more messages in the publish request have too many attributes.",
        ));
    }
    if data.is_empty() && attributes.is_empty() {
        return Err(invalid(
            "One or more messages in the publish request is empty.",
        ));
    }
    Ok((data, attributes))
}
