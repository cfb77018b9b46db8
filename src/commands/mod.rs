//! One file a subcommand: what it takes, what it prints, how it exits.
//!
//! Parsing the command line belongs to `cli`, everything worth testing without a terminal to the layers below.

pub mod alerts;
pub mod check;
pub mod check_stalled;
pub mod cli;
pub mod client;
pub mod demo;
pub mod doctor;
pub mod explain;
mod files;
pub mod health;
pub mod infra;
pub mod publish;
pub mod quarantine;
pub mod reset;
pub mod retry;
pub mod serve;
pub mod start;
pub mod status;
pub mod token;
pub mod warehouse;
