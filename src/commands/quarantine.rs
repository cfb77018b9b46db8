//! `quarantine`: lists, replays or drops messages that could not be understood.
//!
//! Why a message was quarantined is decided where it came in.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::Value;

use super::client::{Call, Target, problem_text};

/// Arguments of `quarantine`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show what is there, latest first
    List,
    /// Take a message in once more, as if it came now
    Replay {
        /// Its number
        id: i64,
    },
    /// Remove a message for good
    Drop {
        /// Its number
        id: i64,
    },
}

/// Does it; exits with 1 where the service turns it down.
///
/// # Errors
///
/// When no service answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let call = match args.action {
        Action::List => Call::get("/quarantine", Vec::new()),
        Action::Replay { id } => Call::post(&format!("/quarantine/{id}/replay"), Value::Null),
        Action::Drop { id } => Call {
            method: Method::DELETE,
            path: format!("/quarantine/{id}"),
            query: Vec::new(),
            body: None,
        },
    };
    let (status, answer) = args.target.call(call).await?;
    if !status.is_success() {
        eprintln!("tipoff: {}", problem_text(&answer));
        return Ok(ExitCode::FAILURE);
    }
    match answer
        .get("messages")
        .and_then(Value::as_array)
        .filter(|_| !args.target.json)
    {
        Some(messages) => messages
            .iter()
            .for_each(|message| println!("{}", line(message))),
        None => println!("{answer:#}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn line(message: &Value) -> String {
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or("");
    let id = message.get("id").and_then(Value::as_i64).unwrap_or(0);
    format!(
        "{id:>6}  {}  {:<9} {}",
        text("received_at"),
        text("source"),
        text("reason")
    )
}
