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
    if args.target.json {
        println!("{answer:#}");
    } else {
        print!("{}", text(&answer));
    }
    Ok(ExitCode::SUCCESS)
}

/// A line a message; an order's outcome as its reason. Nothing is answered where a message was removed.
fn text(answer: &Value) -> String {
    if answer.is_null() {
        return "removed\n".to_owned();
    }
    match answer.as_array() {
        Some(messages) if messages.is_empty() => "nothing is in quarantine\n".to_owned(),
        Some(messages) => messages.iter().map(line).collect(),
        None => answer["reason"]
            .as_str()
            .map_or_else(|| format!("{answer:#}\n"), |reason| format!("{reason}\n")),
    }
}

fn line(message: &Value) -> String {
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or("");
    let id = message.get("id").and_then(Value::as_i64).unwrap_or(0);
    format!(
        "{id:>6}  {}  {:<9} {}\n",
        text("received_at"),
        text("source"),
        text("reason")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn a_listing_has_a_line_a_message_and_says_so_when_there_is_none() {
        let message = json!({
            "id": 7, "received_at": "2026-01-19T00:00:00-08:00", "source": "trigger", "reason": "not JSON",
        });
        assert_eq!(
            text(&json!([message])),
            "     7  2026-01-19T00:00:00-08:00  trigger   not JSON\n"
        );
        assert_eq!(text(&json!([])), "nothing is in quarantine\n");
        assert_eq!(text(&json!({"reason": "replayed"})), "replayed\n");
        assert_eq!(text(&json!(null)), "removed\n");
    }
}
