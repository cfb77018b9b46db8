//! The adapters for Google Cloud, over real sockets: emulators where there are some, a stand-in of ours elsewhere.
//!
//! What one file promises is tested next to it.

mod doctor;
mod emulator;
mod stand_in;
#[allow(dead_code, unused_imports)] // The other tests use more of it.
#[path = "../support/mod.rs"]
mod support;

mod bigquery;
mod equivalence;
mod guide;
mod identity;
mod infra;
mod infra_files;
mod infra_terraform;
mod night;
mod publish;
mod pubsub;
mod pubsub_pull;
mod pubsub_stand_in;
mod slate;
mod sleep;
mod tokens;
