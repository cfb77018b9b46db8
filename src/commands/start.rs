//! `start`: asks a running service to start a night.
//!
//! What a start does to a run belongs to the domain.

use std::process::ExitCode;

use super::client::{Call, NightArgs, Target};

/// Arguments of `start`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    night: NightArgs,
    /// Dispatch now what is ready now, however little; re-open a finished night
    #[arg(long)]
    force: bool,
    /// Replace the minutes filter for this night
    #[arg(long, value_name = "MINUTES")]
    min_minutes: Option<f64>,
    /// Say what would be sent, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    target: Target,
}

/// Starts a night; exits with 1 where the service turns it down.
///
/// # Errors
///
/// When no service answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut body = args.night.members();
    body["force"] = args.force.into();
    body["dry_run"] = args.dry_run.into();
    if let Some(min_minutes) = args.min_minutes {
        body["min_minutes"] = min_minutes.into();
    }
    let (status, answer) = args.target.call(Call::post("/start", body)).await?;
    if args.dry_run && status.is_success() {
        println!("{answer:#}");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(args.target.print_outcome(status, &answer))
}
