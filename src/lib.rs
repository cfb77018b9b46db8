//! Tipoff watches the handoff between two phases of a data pipeline, starts the next phase the moment its inputs
//! are ready, and sees every unit through to an answer before a promised local time.
//!
//! This file names the layers and nothing else; docs/architecture.md says which may use which.

pub mod clock;
pub mod config;
pub mod domain;
pub mod ports;
pub mod store;
pub mod wire;
