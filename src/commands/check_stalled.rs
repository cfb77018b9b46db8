//! `check-stalled`: asks a running service to give up what has been in flight for too long.
//!
//! What settles then belongs to the domain.

use std::process::ExitCode;

use super::client::{Call, NightArgs, Target};

/// Arguments of `check-stalled`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    night: NightArgs,
    /// What is in flight longer than this; else longer than the night waits for an answer
    #[arg(long, value_name = "MINUTES")]
    older_than: Option<u32>,
    #[command(flatten)]
    target: Target,
}

/// Settles a night; exits with 1 where the service turns it down.
///
/// # Errors
///
/// When no service answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut body = args.night.members();
    if let Some(older_than) = args.older_than {
        body["older_than_minutes"] = older_than.into();
    }
    let (status, answer) = args.target.call(Call::post("/check-stalled", body)).await?;
    Ok(args.target.print_outcome(status, &answer))
}
