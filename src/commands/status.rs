//! `status`: how a night stands, from a running service, or from its files where none answers.
//!
//! The run's own view belongs to `wire`.

use std::process::ExitCode;

use serde_json::Value;

use super::{
    client::{Call, DataArgs, NightArgs, Target, problem_text},
    files::Files,
};
use crate::{
    clock::{Clock, SystemClock},
    wire::run_view::RunView,
};

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

/// Prints how a night stands; exits with 1 where it is not known, at risk or breached.
///
/// # Errors
///
/// When no service answers and its files cannot be read either.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let call = Call::get("/status", args.night.query());
    let view = match args.target.try_call(call).await? {
        Some((status, answer)) if !status.is_success() => {
            eprintln!("tipoff: {}", problem_text(&answer));
            return Ok(ExitCode::FAILURE);
        }
        Some((_, answer)) => answer,
        None => {
            let files = Files::open(&args.data.data, &args.night).await?;
            serde_json::to_value(RunView::of(&files.run, &files.history, SystemClock.now()))?
        }
    };
    if args.target.json {
        println!("{view:#}");
    } else {
        print!("{}", text(&view));
    }
    let bad = matches!(view["verdict"].as_str(), Some("breached" | "at_risk"));
    Ok(if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn text(view: &Value) -> String {
    let word = |name: &str| view[name].as_str().unwrap_or("-").to_owned();
    let mut lines = vec![
        format!(
            "{} {}: {}",
            word("handoff"),
            word("game_date"),
            word("state")
        ),
        format!(
            "verdict   {} (deadline {})",
            word("verdict"),
            word("deadline_at")
        ),
        format!(
            "started   by {} at {}",
            word("started_by"),
            word("started_at")
        ),
    ];
    if let Some(counts) = view["counts"].as_object() {
        let counts: Vec<String> = counts
            .iter()
            .map(|(name, units)| format!("{name} {units}"))
            .collect();
        lines.push(format!(
            "counts    {}",
            crate::render::wrap(&counts.join(", "), COLUMNS, INDENT)
        ));
    }
    let open = |alert: &&Value| alert["resolved_at"].is_null();
    for alert in view["alerts"].as_array().into_iter().flatten().filter(open) {
        let told = |name: &str| alert[name].as_str().unwrap_or("").to_owned();
        let line = format!("{} {}: {}", told("severity"), told("kind"), told("text"));
        lines.push(format!(
            "alert     {}",
            crate::render::wrap(&line, COLUMNS, INDENT)
        ));
    }
    if let Some(reason) = view["why"].as_array().and_then(|why| why.last()) {
        let reason = reason["text"].as_str().unwrap_or("");
        lines.push(format!(
            "why       {}",
            crate::render::wrap(reason, COLUMNS, INDENT)
        ));
    }
    lines.join("\n") + "\n"
}

/// Columns of a line's text, and before it.
const COLUMNS: usize = 70;
const INDENT: usize = 10;
