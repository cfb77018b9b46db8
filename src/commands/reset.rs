//! `reset`: asks a running service to end the current batch and go back to waiting.
//!
//! Answers and attempts are kept; that rule belongs to the domain.

use std::process::ExitCode;

use super::client::{Call, NightArgs, Target};

/// Arguments of `reset`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    night: NightArgs,
    /// Also while units are in flight
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    target: Target,
}

/// Resets a night; exits with 1 where the service turns it down.
///
/// # Errors
///
/// When no service answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut body = args.night.members();
    body["force"] = args.force.into();
    let (status, answer) = args.target.call(Call::post("/reset", body)).await?;
    Ok(args.target.print_outcome(status, &answer))
}
