//! `explain`: one night's history as a story, with its reasons.
//!
//! The story is told by `render`, from what the store kept.

use std::process::ExitCode;

use anyhow::Context;

use super::{
    client::{Call, DataArgs, NightArgs, Target, problem_text},
    files::Files,
};
use crate::{
    render::{Zones, story},
    wire::run_view::HistoryView,
};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    night: NightArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    target: Target,
}

/// Tells the story; exits with 1 where the night is not known.
///
/// # Errors
///
/// When no service answers and its files cannot be read either.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let call = Call::get("/history", args.night.query());
    let history: HistoryView = match args.target.try_call(call).await? {
        Some((status, answer)) if !status.is_success() => {
            eprintln!("tipoff: {}", problem_text(&answer));
            return Ok(ExitCode::FAILURE);
        }
        Some((_, answer)) => {
            serde_json::from_value(answer).context("reading the history that the service sent")?
        }
        None => {
            let files = Files::open(&args.data.data, &args.night).await?;
            let policy = &files.run.policy;
            let (schedule_zone, calendar_zone) = (policy.schedule.zone, policy.calendar_zone);
            HistoryView {
                schedule_zone,
                calendar_zone,
                entries: files.history,
            }
        }
    };
    if args.target.json {
        println!("{:#}", serde_json::to_value(&history)?);
    } else {
        let zones = Zones {
            schedule: history.schedule_zone,
            calendar: history.calendar_zone,
        };
        print!("{}", story::story(&history.entries, &zones));
    }
    Ok(ExitCode::SUCCESS)
}
