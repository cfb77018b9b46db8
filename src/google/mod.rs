//! Google's REST interfaces as every adapter uses them: tokens, one call with a time limit, what a refusal means.
//!
//! What is asked of which interface belongs to `bigquery`, `pubsub` and `doctor`. Nothing is tried again here: whoever
//! asks knows how long the answer may take.

mod client;
mod error;
mod tokens;

pub use client::{Call, Endpoint, GoogleClient};
pub use error::{GoogleError, Kind};
pub use tokens::{Source, Tokens};
