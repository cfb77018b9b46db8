//! Tipoff watches the handoff between two phases of a data pipeline, starts the next phase the moment its inputs
//! are ready, and sees every unit through to an answer before a promised local time.
//!
//! This file names the layers and nothing else; docs/architecture.md says which may use which.

pub mod bigquery;
pub mod channels;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod engine;
pub mod google;
pub mod http;
pub mod identity;
pub mod infra;
pub mod ports;
pub mod pubsub;
pub mod render;
pub mod sinks;
pub mod store;
pub mod telemetry;
pub mod warehouse;
pub mod wire;
