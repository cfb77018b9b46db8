//! Where units are sent besides a topic: an HTTP endpoint, and workers built in for demos and tests.
//!
//! How fast and how often anything is sent is decided by the core; topics belong to `pubsub`.

pub mod http;
pub mod local;
