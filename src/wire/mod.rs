//! Message and API shapes to and from domain types, byte for byte as they stand on the wire. Pure.
//!
//! Receiving, sending, storing and deciding do not belong here; who may send what belongs to `http`.

mod fields;
pub mod link;
mod malformed;

pub mod alert_view;
pub mod alerts;
pub mod completion;
pub mod downstream;
pub mod finished;
pub mod people;
pub mod push;
pub mod quarantine;
pub mod reply;
pub mod request;
pub mod run_view;
pub mod upstream;

pub use fields::shorten;
pub use malformed::Malformed;

/// Writes a body of text, numbers and flags as JSON.
fn bytes<Body: serde::Serialize>(body: &Body) -> Vec<u8> {
    serde_json::to_vec(body)
        .expect("writing to memory cannot fail, and no body here has a key that is not text")
}

/// Writes an instant as RFC 3339 in UTC with a `Z`, with as many digits after the second as it needs.
fn instant_text(at: crate::domain::Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
