//! Pub/Sub: requests and events out, each confirmed; messages in, acknowledged after they are durable.
//!
//! What a message says belongs to `wire`; when and how fast is sent, to the engine.
