//! The adapters for Google Cloud, over real sockets: emulators where there are some, a stand-in of ours elsewhere.
//!
//! What one file promises is tested next to it.

mod doctor;
mod stand_in;

mod pubsub_stand_in;
mod sleep;
mod tokens;
