//! Where messages go: mail, Slack, a webhook, the console and the log.
//!
//! What a message says belongs to `render`.

pub mod console;
pub mod email;
pub mod slack;
pub mod webhook;
