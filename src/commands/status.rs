//! `status`: how a night stands, from a running service, or from its files where none answers.
//!
//! The run's own view belongs to `wire`.

use std::process::ExitCode;

use serde_json::Value;

use super::client::{Call, DataArgs, NightArgs, Target, problem_text};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    night: NightArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    target: Target,
}
