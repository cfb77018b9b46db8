//! Pub/Sub: requests and events out, each confirmed; messages in, acknowledged after they are durable.
//!
//! What a message says belongs to `wire`; when and how fast is sent, to the engine.

mod announcer;
mod name;
mod publisher;
mod puller;
mod sink;

pub use announcer::TopicAnnouncer;
pub use name::Name;
pub use publisher::{Message, PublishLimits, Publisher};
pub use puller::{PullLimits, Puller, Receiver};
pub use sink::TopicSink;
