//! `alerts`: lists, acknowledges and silences alerts, and tests the channels, by a running service.
//!
//! What that leads to is decided where it comes in; a table's lines belong to `list`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::{Call, NightArgs, Target, problem_text};

mod list;

/// Arguments of `alerts`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show alerts, silences and messages that have not arrived
    List(Target),
    /// Take alerts on: nobody is reminded of them, and they rise no further
    Ack(Ack),
    /// Have nothing sent of an alert for a while; it is still stored and shown
    Silence(Silence),
    /// Send a marked test over each channel and show what it said
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Ack {
    /// One alert, as `alerts list` names it; else all open ones of a night
    alert: Option<String>,
    #[command(flatten)]
    night: NightArgs,
    /// Only of this kind, for example deadline_breached; may be repeated
    #[arg(long, value_name = "KIND", conflicts_with = "alert")]
    kind: Vec<String>,
    /// Who takes them on
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
struct Silence {
    /// Whose alerts; `service` for the service's own
    #[arg(long, value_name = "ID")]
    handoff: String,
    /// Only of this kind, for example gap_exceeded
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// For how long: 2h, 90m, 1d; 30 days at most
    #[arg(long = "for", value_name = "LENGTH", required_unless_present = "until")]
    length: Option<String>,
    /// Until when, as 2026-01-11T07:00:00Z
    #[arg(long, value_name = "INSTANT", conflicts_with = "length")]
    until: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
struct Test {
    /// Only this channel; may be repeated
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// Who asks
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Action {
    fn target(&self) -> &Target {
        match self {
            Self::List(target) => target,
            Self::Ack(ack) => &ack.target,
            Self::Silence(silence) => &silence.target,
            Self::Test(test) => &test.target,
        }
    }

    fn call(&self) -> Call {
        match self {
            Self::List(_) => Call::get("/alerts", Vec::new()),
            Self::Ack(ack) => Call::post("/alerts/ack", ack.body()),
            Self::Silence(silence) => Call::post("/alerts/silence", silence.body()),
            Self::Test(test) => Call::post("/alerts/test", test.body()),
        }
    }
}

impl Ack {
    fn body(&self) -> Value {
        let mut body = self.night.members();
        body["alert"] = json!(self.alert);
        body["by"] = json!(self.by);
        if !self.kind.is_empty() {
            body["kinds"] = json!(self.kind);
        }
        body
    }
}

impl Silence {
    fn body(&self) -> Value {
        json!({
            "handoff": self.handoff, "kind": self.kind, "for": self.length, "until": self.until, "by": self.by,
            "reason": self.reason,
        })
    }
}

impl Test {
    fn body(&self) -> Value {
        let mut body = json!({"by": self.by});
        if !self.channel.is_empty() {
            body["channels"] = json!(self.channel);
        }
        body
    }
}

/// Does it; exits with 1 where the service turns it down, or a channel did not take a test.
///
/// # Errors
///
/// When no service answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let target = args.action.target();
    let (status, answer) = target.call(args.action.call()).await?;
    if target.json {
        println!("{answer:#}");
    } else if status.is_success() {
        print!("{}", text(&args.action, &answer));
    } else {
        eprintln!("tipoff: {}", problem_text(&answer));
    }
    // Only a test says whether all is well; other answers are what was asked for.
    let all_took_it = answer["ok"].as_bool().unwrap_or(true);
    Ok(if status.is_success() && all_took_it {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(action: &Action, answer: &Value) -> String {
    match action {
        Action::List(_) => list::text(answer),
        Action::Ack(_) | Action::Silence(_) => {
            let reason = answer["reason"].as_str().unwrap_or_default();
            format!("{}\n", list::folded(reason))
        }
        Action::Test(_) => {
            let channels = answer["channels"].as_array().into_iter().flatten();
            channels.map(tested).collect()
        }
    }
}

/// `slack: ok, 17061234.5 after 1 try`.
fn tested(channel: &Value) -> String {
    let word = |name: &str| channel[name].as_str().unwrap_or_default();
    let took = word("state") == "done";
    let mark = if took { "ok    " } else { "FAILED" };
    let receipt = match (took, word("message_id")) {
        (true, id) if !id.is_empty() => format!(" as {id}"),
        (_, _) => String::new(),
    };
    format!(
        "{mark}  {}\n",
        list::folded_below(&format!("{}{receipt}", word("text")), 8)
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::{Action, Args, text};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &[&str]) -> Result<Action, clap::Error> {
        let words = std::iter::once("alerts").chain(line.iter().copied());
        Line::try_parse_from(words).map(|line| line.args.action)
    }

    fn sent(line: &[&str]) -> (String, Value) {
        let call = parse(line).unwrap().call();
        (call.path, call.body.unwrap_or_default())
    }

    #[test]
    fn a_silence_without_owner_end_or_reason_is_no_command() {
        let whole = [
            "silence",
            "--handoff",
            "a",
            "--for",
            "2h",
            "--by",
            "dana",
            "--reason",
            "x",
        ];
        assert!(parse(&whole).is_ok());
        for left_out in ["--handoff", "--for", "--by", "--reason"] {
            let at = whole.iter().position(|word| *word == left_out).unwrap();
            let rest = [&whole[..at], &whole[at + 2..]].concat();
            assert!(parse(&rest).is_err(), "{left_out}");
        }
        let twice = [&whole[..], &["--until", "2026-01-11T07:00:00Z"]].concat();
        assert!(parse(&twice).is_err(), "two ends");
        assert!(
            parse(&["ack", "a/b", "--kind", "c"]).is_err(),
            "an alert has its kind"
        );
    }

    #[test]
    fn what_is_sent_is_what_was_said() {
        let all = json!({"alert": null, "by": null});
        assert_eq!(sent(&["ack"]), ("/alerts/ack".to_owned(), all));
        let one = sent(&["ack", "service/channel_failing/slack", "--by", "dana"]).1;
        assert_eq!(
            one,
            json!({"alert": "service/channel_failing/slack", "by": "dana"})
        );
        let kinds = sent(&["ack", "--game-date", "TODAY", "--kind", "a", "--kind", "b"]).1;
        assert_eq!(
            (&kinds["kinds"], &kinds["game_date"]),
            (&json!(["a", "b"]), &json!("TODAY"))
        );
        assert_eq!(
            sent(&["test"]),
            ("/alerts/test".to_owned(), json!({"by": null}))
        );
        assert_eq!(
            sent(&["test", "--channel", "slack"]).1["channels"],
            json!(["slack"])
        );
    }

    #[test]
    fn a_test_has_a_line_a_channel_that_says_whether_it_took_it() {
        let answer = json!({"ok": false, "channels": [
            {"channel": "email", "state": "done", "message_id": "1@x", "text": "email took the test"},
            {"channel": "slack", "state": "waiting", "text": "slack did not take the test: no_text"},
        ]});
        assert_eq!(
            text(&parse(&["test"]).unwrap(), &answer),
            "ok      email took the test as 1@x\nFAILED  slack did not take the test: no_text\n"
        );
    }
}
