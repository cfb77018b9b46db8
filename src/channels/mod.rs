//! Where messages go: mail, Slack, a webhook, the console and the log.
//!
//! What a message says belongs to `render`.

mod answer;
pub mod console;
pub mod email;
pub mod heartbeat;
pub mod slack;
pub mod webhook;
