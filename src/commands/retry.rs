//! `retry`: asks a running service to send again what needs work and is not in flight.
//!
//! Which units that are belongs to the domain and the store.

use std::process::ExitCode;

use super::client::{Call, NightArgs, Target};

/// Arguments of `retry`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    night: NightArgs,
    #[command(flatten)]
    target: Target,
}

/// Retries a night; exits with 1 where the service turns it down.
///
/// # Errors
///
/// When no service answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (status, answer) = args
        .target
        .call(Call::post("/retry", args.night.members()))
        .await?;
    Ok(args.target.print_outcome(status, &answer))
}
