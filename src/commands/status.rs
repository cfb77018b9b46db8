//! `status`: how a night stands, from a running service, or from its files where none answers.
//!
//! The run's own view belongs to `wire`.

use std::process::ExitCode;

use chrono::DateTime;
use serde_json::Value;

use super::{
    client::{Call, DataArgs, NightArgs, Target, problem_text},
    files::Files,
};
use crate::{
    clock::{Clock, SystemClock},
    render,
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

/// What is to be read at a glance: each line with its name before it, empty ones left out.
fn text(view: &Value) -> String {
    let word = |name: &str| view[name].as_str().unwrap_or("-").to_owned();
    let deadline = instant(&view["deadline_at"]);
    let started = format!(
        "by {} at {}",
        word("started_by"),
        instant(&view["started_at"])
    );
    let mut lines = vec![
        (
            "verdict",
            format!("{} (deadline {deadline})", word("verdict")),
        ),
        ("started", started),
        ("forecast", wrapped(&forecast(&view["forecast"]))),
        ("counts", listed(numbers(&view["counts"]))),
        ("reasons", listed(numbers(&view["reasons"]))),
        ("games", listed(games(&view["games"]))),
    ];
    let open = |alert: &&Value| alert["resolved_at"].is_null();
    for alert in view["alerts"].as_array().into_iter().flatten().filter(open) {
        let told = |name: &str| alert[name].as_str().unwrap_or("").to_owned();
        let text = format!("{} {}: {}", told("severity"), told("kind"), told("text"));
        lines.push(("alert", wrapped(&text)));
    }
    let latest = view["why"].as_array().and_then(|why| why.last());
    let why = latest.and_then(|reason| reason["text"].as_str());
    lines.push(("why", wrapped(why.unwrap_or(""))));

    let mut all = format!(
        "{} {}: {}\n",
        word("handoff"),
        word("game_date"),
        word("state")
    );
    for (name, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
        all += &format!("{name:INDENT$}{text}\n");
    }
    all
}

/// An instant to the minute, as a person says it.
fn instant(of: &Value) -> String {
    let read = of
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    read.map_or("-".to_owned(), |at| {
        at.format("%Y-%m-%d %H:%M %:z").to_string()
    })
}

/// Each name with its number: `failed 3`.
fn numbers(of: &Value) -> Vec<String> {
    let named = |(name, number): (&String, &Value)| format!("{name} {number}");
    of.as_object().into_iter().flatten().map(named).collect()
}

/// How many of each game's ready units are predicted.
fn games(of: &Value) -> Vec<String> {
    let predicted = |(name, game): (&String, &Value)| {
        format!("{name} {} of {}", game["predicted"], game["ready"])
    };
    of.as_object()
        .into_iter()
        .flatten()
        .map(predicted)
        .collect()
}

/// When it will be finished; empty where nothing is left to finish.
fn forecast(of: &Value) -> String {
    if of.is_null() {
        return String::new();
    }
    let [finish, earliest, latest] =
        ["finish_at", "earliest_at", "latest_at"].map(|name| instant(&of[name]));
    if of["latest_at"].is_null() {
        return format!("no end is in sight; at the earliest {earliest}");
    }
    format!("finished about {finish}, between {earliest} and {latest}")
}

fn wrapped(text: &str) -> String {
    render::wrap(text, COLUMNS, INDENT)
}

/// One behind the other; none is divided between two lines. Names are the words of others, as texts are.
fn listed(items: Vec<String>) -> String {
    let last = items.len().saturating_sub(1);
    let clean = |(place, item): (usize, &String)| {
        let comma = if place < last { "," } else { "" };
        render::wrap(item, usize::MAX, 0) + comma
    };
    let items: Vec<String> = items.iter().enumerate().map(clean).collect();
    render::lay_out(items.iter().map(String::as_str), COLUMNS, INDENT)
}

/// Columns of a line's text, and before it.
const COLUMNS: usize = 70;
const INDENT: usize = 10;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{forecast, listed, text};

    #[test]
    fn a_night_in_trouble_says_what_failed_where_and_when_it_will_be_over() {
        let view = json!({
            "handoff": "phase4-to-phase5", "game_date": "2026-01-11", "state": "running",
            "verdict": "at_risk", "deadline_at": "2026-01-12T07:00:00-08:00",
            "started_by": "event", "started_at": "2026-01-12T00:11:00-08:00",
            "forecast": {"finish_at": "2026-01-12T06:50:00-08:00", "earliest_at": "2026-01-12T06:20:00-08:00", "latest_at": null},
            "counts": {"failed": 3, "ready": 20}, "reasons": {"model_error": 2, "no_line": 1},
            "games": {"20260111_BOS_LAL": {"ready": 12, "predicted": 4}, "20260111_MIA_NYK": {"ready": 8, "predicted": 8}, "20260111_POR_NOP": {"ready": 9, "predicted": 0}},
            "alerts": [
                {"severity": "warning", "kind": "deadline_at_risk", "text": "late", "resolved_at": null},
                {"severity": "warning", "kind": "upstream_late", "text": "was late", "resolved_at": "2026-01-12T00:11:00-08:00"},
            ],
            "why": [{"text": "an earlier reason"}, {"text": "20 units are sent"}],
        });
        let expected = "\
phase4-to-phase5 2026-01-11: running
verdict   at_risk (deadline 2026-01-12 07:00 -08:00)
started   by event at 2026-01-12 00:11 -08:00
forecast  no end is in sight; at the earliest 2026-01-12 06:20 -08:00
counts    failed 3, ready 20
reasons   model_error 2, no_line 1
games     20260111_BOS_LAL 4 of 12, 20260111_MIA_NYK 8 of 8,
          20260111_POR_NOP 0 of 9
alert     warning deadline_at_risk: late
why       20 units are sent
";
        assert_eq!(text(&view), expected);
    }

    #[test]
    fn a_forecast_says_between_which_instants() {
        let night = json!({
            "finish_at": "2026-01-12T06:50:09.25-08:00", "earliest_at": "2026-01-12T06:20:00-08:00",
            "latest_at": "2026-01-12T07:10:00-08:00",
        });
        let expected = "finished about 2026-01-12 06:50 -08:00, between 2026-01-12 06:20 -08:00 and 2026-01-12 07:10 -08:00";
        assert_eq!(forecast(&night), expected);
    }

    #[test]
    fn a_name_that_steers_a_terminal_is_printed_without_that() {
        let items = ["a\u{1b}[2J 3", "b\n 4"].map(str::to_owned);
        assert_eq!(listed(items.to_vec()), "a[2J 3, b 4");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let view = json!({"handoff": "a", "game_date": "2026-01-11", "state": "expected", "forecast": null, "games": {}});
        let expected = "a 2026-01-11: expected\nverdict   - (deadline -)\nstarted   by - at -\n";
        assert_eq!(text(&view), expected);
    }
}
