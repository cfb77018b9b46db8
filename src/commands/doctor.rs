//! `doctor`: asks whether everything that a night needs is there, and prints what is wrong with what mends it.
//!
//! What is looked at belongs to the layer `doctor`; a running service is asked what it has heard.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use serde_json::{Value, json};

use super::{
    client::{Call, Target, problem_text},
    serve,
};
use crate::{
    clock::{Clock, SystemClock},
    config::{self, Environment},
    domain::wiring::{Check, Examination, Finding, Standing},
    ports::{Doctor, Known},
};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file; without one, the built-in handoff is examined
    #[arg(long, value_name = "FILE", env = "TIPOFF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Send a marked test over every channel of the running service
    #[arg(long)]
    pub test_channels: bool,
    #[command(flatten)]
    pub target: Target,
}

/// What nothing wrong but something unknown ends with.
const COULD_NOT_ASK: u8 = 2;

/// Examines and prints; exits with 0 where all is well, 1 where something is wrong, 2 where nothing is known to be
/// wrong and something could not be asked.
///
/// # Errors
///
/// When the configuration cannot be read, or a person's token is refused.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = config::read(args.config.as_deref(), &Environment::of_process())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let examiner = serve::examiner(&config, clock.clone())?;
    let known = known(&args.target).await;
    let mut findings = examiner.examine(&known).await;
    if args.test_channels {
        findings.retain(|it| it.check != Check::Channels);
        findings.extend(tested(&args.target).await);
    }
    let examination = Examination {
        at: clock.now(),
        findings,
    };
    if args.target.json {
        println!("{}", serde_json::to_string_pretty(&examination)?);
    } else {
        print!("{}", table(&examination));
    }
    Ok(exit_code(&examination))
}

fn exit_code(examination: &Examination) -> ExitCode {
    let any = |standing| {
        examination
            .findings
            .iter()
            .any(|it| it.standing == standing)
    };
    if any(Standing::Wrong) {
        ExitCode::FAILURE
    } else if any(Standing::CouldNotAsk) {
        ExitCode::from(COULD_NOT_ASK)
    } else {
        ExitCode::SUCCESS
    }
}

/// What a running service knows; without one, nothing.
async fn known(target: &Target) -> Known {
    let asked = target.try_call(Call::get("/doctor", Vec::new())).await;
    let read = |body: &Value| serde_json::from_value(body["known"].clone()).ok();
    match asked {
        Ok(Some((status, body))) if status.is_success() => read(&body).unwrap_or_default(),
        Ok(_) | Err(_) => Known::default(),
    }
}

/// Sends the test, and says of each channel whether it took it.
async fn tested(target: &Target) -> Vec<Finding> {
    let unknown = |why: String| vec![Finding::could_not_ask(Check::Channels, "all channels", why)];
    let call = Call::post("/alerts/test", json!({}));
    let body = match target.try_call(call).await {
        Ok(Some((status, body))) if status.is_success() => body,
        Ok(Some((_, body))) => return unknown(problem_text(&body)),
        Ok(None) => return unknown(format!("no service listens on {}", target.url)),
        Err(error) => return unknown(format!("{error:#}")),
    };
    let channels = body["channels"].as_array().cloned().unwrap_or_default();
    let one = |it: &Value| {
        let name = it["channel"].as_str().unwrap_or_default();
        let text = it["text"].as_str().unwrap_or_default();
        if it["state"] == "done" {
            return Finding::ok(Check::Channels, name, text);
        }
        let mend = format!("correct [channels.{name}] and try it: tipoff alerts test");
        Finding::wrong(Check::Channels, name, text, mend)
    };
    channels.iter().map(one).collect()
}

/// Widest line of the table; a command to be pasted is never broken.
const WIDTH: usize = 100;

/// What is wrong first, each with its mend, then what could not be asked, then the rest.
fn table(examination: &Examination) -> String {
    let mut text = String::new();
    for standing in [Standing::Wrong, Standing::CouldNotAsk, Standing::Ok] {
        let mut of = examination.findings.clone();
        of.retain(|it| it.standing == standing);
        if of.is_empty() {
            continue;
        }
        text += &format!("{} ({})\n", word(standing), of.len());
        text += &of.iter().map(row).collect::<String>();
        text.push('\n');
    }
    let count = |standing| {
        Check::ALL
            .map(|it| examination.count(it, standing))
            .iter()
            .sum()
    };
    let (wrong, unknown): (usize, usize) = (count(Standing::Wrong), count(Standing::CouldNotAsk));
    text + &match (wrong, unknown) {
        (0, 0) => "All is well.\n".to_owned(),
        (0, unknown) => format!("Nothing is wrong; {unknown} could not be asked.\n"),
        (wrong, unknown) => format!("Wrong: {wrong}. Could not be asked: {unknown}.\n"),
    }
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Ok => "OK",
        Standing::Wrong => "WRONG",
        Standing::CouldNotAsk => "COULD NOT ASK",
    }
}

fn row(finding: &Finding) -> String {
    let head = format!("  {:<14} {}", finding.check.name(), finding.subject);
    let mut text = format!("{head}\n{}", wrapped(&finding.text));
    if let Some(mend) = &finding.mend {
        text += &format!("    mend:\n    {mend}\n");
    }
    text
}

/// A sentence in lines of the table's width.
fn wrapped(sentence: &str) -> String {
    let mut lines = vec![String::from("   ")];
    for word in sentence.split_whitespace() {
        let line = lines.last().map_or(0, |it| it.chars().count());
        if line > 3 && line + 1 + word.chars().count() > WIDTH {
            lines.push(String::from("   "));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}
