//! `check`: prints the nights of a configuration on one line of time, and refuses what cannot keep its promise.
//!
//! What is wrong is decided by `domain::feasibility`; whether the outside world is there is `doctor`'s question.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use chrono::{Datelike, NaiveDate};

use crate::{
    clock::{Clock, SystemClock},
    config::{self, Config, Environment, Handoff},
    domain::{
        calendar,
        feasibility::{self, Report},
        ids::GameDate,
        zone,
    },
};

mod callers;
mod table;
mod telling;
mod text;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file; without one, the built-in handoff is checked
    #[arg(long, value_name = "FILE", env = "TIPOFF_CONFIG")]
    pub config: Option<PathBuf>,
    /// The first game date to check; without one, today's
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<NaiveDate>,
    /// How many nights to print, besides those around clock changes
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads a date of the years that the zone database knows.
fn date(text: &str) -> Result<NaiveDate, String> {
    let date: NaiveDate = text
        .parse()
        .map_err(|_| "write a date such as 2026-01-19".to_owned())?;
    if (1970..2100).contains(&date.year()) {
        Ok(date)
    } else {
        Err("write a date from 1970 to 2099".to_owned())
    }
}

/// One handoff and what its check found.
struct Checked<'a> {
    handoff: &'a Handoff,
    report: Report,
}

/// Prints the nights and the findings; exits with 1 when a handoff is refused.
///
/// # Errors
///
/// Fails when the configuration cannot be read, or when the zone database gives wrong answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    zone::self_test().context("testing the zone database")?;
    let config = config::read(args.config.as_deref(), &Environment::of_process())?;
    let now = SystemClock.now();
    let checked: Vec<Checked<'_>> = config
        .handoffs
        .iter()
        .map(|handoff| {
            let zone = &handoff.policy.calendar_zone;
            let today = calendar::game_date(now, zone);
            let first = args.from.map_or(today, GameDate);
            let report = feasibility::check(&handoff.policy, first);
            Checked { handoff, report }
        })
        .collect();
    let days = usize::from(args.days);
    if args.json {
        let json = json(&config, &checked, days);
        println!("{}", serde_json::to_string_pretty(&json)?);
    } else {
        let source = args.config.as_deref();
        print!("{}", text::render(&config, source, &checked, days));
    }
    Ok(exit_code(&checked))
}

fn exit_code(checked: &[Checked<'_>]) -> ExitCode {
    if checked.iter().any(|checked| checked.report.is_refused()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn json(config: &Config, checked: &[Checked<'_>], days: usize) -> serde_json::Value {
    let handoffs: Vec<serde_json::Value> = checked
        .iter()
        .map(|Checked { handoff, report }| {
            serde_json::json!({
                "handoff": handoff.id,
                "refused": report.is_refused(),
                "mode": handoff.policy.mode,
                "schedule": handoff.policy.schedule,
                "calendar_zone": handoff.policy.calendar_zone,
                "findings": report.findings,
                "clock_changes": report.clock_changes,
                "nights_checked": report.nights.len(),
                "nights": report.nights_to_show(days),
                "tells": telling::json(&handoff.routing, &handoff.policy.alerts),
            })
        })
        .collect();
    serde_json::json!({
        "refused": checked.iter().any(|checked| checked.report.is_refused()),
        "zone_database": zone::DATABASE_VERSION,
        "listen": config.listen,
        "data": config.data_dir,
        "token": token_text(config),
        "callers": callers::json(config),
        "links": {
            "public_url": config.links.public(config.listen),
            "runbook_url": config.links.runbooks(config.listen),
        },
        "channels": telling::channels_json(config),
        "heartbeat": telling::heartbeat_text(config),
        "warnings": telling::warnings(config, checked),
        "handoffs": handoffs,
    })
}

/// Whether there is a token; never the token.
fn token_text(config: &Config) -> &'static str {
    match config.token {
        Some(_) => "given (hidden)",
        None => "none",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Checked, GameDate, config, date, feasibility, json, text};
    use crate::config::Environment;

    /// A check of a configuration text from a given date.
    fn check(text: &str, from: &str) -> (String, serde_json::Value, bool) {
        let token = (
            "TIPOFF_TOKEN".to_owned(),
            "correct-horse-battery".to_owned(),
        );
        let config = config::parse(text, Path::new("."), &Environment::of([token])).unwrap();
        let first = GameDate(from.parse().unwrap());
        let checked: Vec<Checked<'_>> = config
            .handoffs
            .iter()
            .map(|handoff| Checked {
                handoff,
                report: feasibility::check(&handoff.policy, first),
            })
            .collect();
        let refused = checked.iter().any(|checked| checked.report.is_refused());
        (
            text::render(&config, None, &checked, 7),
            json(&config, &checked, 7),
            refused,
        )
    }

    const CONTRADICTION: &str = r#"
        [[handoffs]]
        id = "phase4-to-phase5"
        [handoffs.schedule]
        deadline = "07:00 America/New_York"
    "#;

    #[test]
    fn the_shipped_configuration_prints_its_nights_and_is_accepted() {
        let (text, json, refused) = check("", "2026-01-19");
        assert!(!refused, "{text}");
        for line in [
            "2026-01-19 Mon to 2026-01-25 Sun (7 nights)",
            "2026-03-08 Sun (clocks change)",
            "PST  21:00-1     00:30   06:00  06:15  06:30      06:30  06:32:55  06:58     07:00",
            "EST    00:00     03:30   09:00  09:15  09:30      09:30  09:32:55  09:58     10:00",
            "UTC    05:00     08:30   14:00  14:15  14:30      14:30  14:32:55  14:58     15:00",
            "keeps its promise on every night until",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(json["refused"], false);
        assert_eq!(
            json["handoffs"][0]["nights"][0]["moments"][0]["what"],
            "opens"
        );
    }

    #[test]
    fn the_contradiction_of_the_two_zones_is_refused_in_words() {
        let (text, json, refused) = check(CONTRADICTION, "2026-01-19");
        assert!(refused);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(
                "the backup at 06:00 PST (09:00 EST) does not come before the deadline 04:00 PST (07:00 EST)"
            ),
            "{text}"
        );
        assert!(
            flat.contains("move the backup to 03:27 PST (06:27 EST) or earlier"),
            "{text}"
        );
        assert_eq!(json["handoffs"][0]["findings"][0]["rule"], "backup");
    }

    #[test]
    fn the_shipped_alternative_for_seven_new_york_is_accepted() {
        let option_b = include_str!("../../docs/examples/option-b.toml");
        let (text, json, refused) = check(option_b, "2026-01-19");
        assert!(!refused, "{text}");
        assert_eq!(json["handoffs"][0]["findings"], serde_json::json!([]));
    }

    #[test]
    fn the_output_is_narrow_and_without_the_token() {
        for text in [
            "",
            CONTRADICTION,
            include_str!("../../docs/examples/option-b.toml"),
        ] {
            let (text, json, _) = check(text, "2025-10-25");
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
            assert!(!text.contains("correct-horse"));
            assert!(!json.to_string().contains("correct-horse"));
        }
    }

    #[test]
    fn a_first_date_has_to_be_one_that_the_zone_database_knows() {
        assert!(date("2026-01-19").is_ok() && date("2099-12-31").is_ok());
        for wrong in ["today", "1969-12-31", "2100-01-01", "+262142-12-31"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_outdated_zone_is_told_and_does_not_refuse() {
        let config = r#"
            [[handoffs]]
            id = "phase4-to-phase5"
            [handoffs.schedule]
            zone = "America/Vancouver"
        "#;
        let (text, _, refused) = check(config, "2026-01-19");
        assert!(
            !refused && text.contains("America/Vancouver have changed"),
            "{text}"
        );
    }

    /// The output of a configuration text with every secret set, its blanks made one.
    fn told(text: &str) -> (String, serde_json::Value) {
        let secrets = [
            ("TIPOFF_TOKEN", "correct-horse-battery"),
            ("TIPOFF_SLACK_TOKEN", "xoxb-hush"),
            ("TIPOFF_SMTP_PASSWORD", "hush-hush"),
            ("TIPOFF_HEARTBEAT_URL", "https://beat.example/hush"),
        ];
        let set = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = config::parse(text, Path::new("."), &Environment::of(set)).unwrap();
        let first = GameDate("2026-01-19".parse().unwrap());
        let handoffs = config.handoffs.iter();
        let checked: Vec<Checked<'_>> = handoffs
            .map(|handoff| Checked {
                handoff,
                report: feasibility::check(&handoff.policy, first),
            })
            .collect();
        let text = text::render(&config, None, &checked, 7);
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let json = json(&config, &checked, 7);
        assert!(!text.contains("hush") && !json.to_string().contains("hush"));
        (text.split_whitespace().collect::<Vec<_>>().join(" "), json)
    }

    const SLACK_AND_EMAIL: &str = include_str!("../../docs/examples/slack-and-email.toml");

    #[test]
    fn what_looks_forgotten_about_people_is_warned_of_and_not_refused() {
        let alone = "[channels.slack]\nkind = \"slack\"\nchannel = \"#a\"\n";
        let dana = "[[people]]\nname = \"Dana\"\nrole = \"developer\"\nemail = \"d@x.example\"\n";
        for (text, warning) in [
            ("", "go to the console alone"),
            ("", "TIPOFF_SMTP_PASSWORD is set, and nothing uses it"),
            (
                "[listen]\naddress = \"0.0.0.0\"",
                "lead to http://127.0.0.1:8080, which",
            ),
            ("[routes]\ndaily = []", "the service has no daily summary"),
            (
                "[routes]\ndaily_at = \"07:00\"",
                "at 07:00 America/Los_Angeles comes before the verdict",
            ),
            (alone, "no other way when slack fails"),
            (
                alone,
                "nobody is developer, nobody is on call, nobody is lead",
            ),
            (&format!("{alone}{dana}"), "Dana is reached by no channel"),
            (
                &format!(
                    "{alone}[routes]\ncritical = {{ at_once = [\"console\"] }}\nwarning = \
                    {{ at_once = [\"console\"] }}\ndaily = [\"console\"]\nweekly = []"
                ),
                "the channel slack is in no route",
            ),
        ] {
            let (text, json) = told(text);
            assert!(text.contains(warning), "{warning}\n{text}");
            assert!(json["warnings"].to_string().contains(warning), "{json}");
            assert_eq!(json["refused"], false);
        }
    }

    #[test]
    fn who_is_told_how_is_read_at_a_glance() {
        let (text, json) = told(SLACK_AND_EMAIL);
        for words in [
            "critical slack and email at once",
            "warning slack; if that fails email",
            "daily slack, at 07:10 America/Los_Angeles",
            "weekly email, Monday at 08:00 America/Los_Angeles",
            "developer Dana (email, slack): at once",
            "on call Ola (email, slack): after 10m of a critical alert",
            "lead Lea (email): after 20m of a critical alert; everyone at once within 15m of the deadline",
            "slack: Slack bot in #nba-alerts, token from TIPOFF_SLACK_TOKEN",
            "over smtp.example.com:587 (STARTTLS), password from TIPOFF_SMTP_PASSWORD",
            "heartbeat every 1m to beat.example, address from TIPOFF_HEARTBEAT_URL",
            "links to https://tipoff.example.com, runbooks below https://tipoff.example.com/runbooks",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert_eq!(json["warnings"], serde_json::json!([]));
        let told = &json["handoffs"][0]["tells"];
        assert_eq!(told["critical"]["at_once"][1], "email");
        assert_eq!(told["daily_at"], "07:10 America/Los_Angeles");
        assert_eq!(json["channels"][1]["kind"], "slack");
    }

    #[test]
    fn a_handoff_shows_how_people_are_told_only_where_that_is_different() {
        let own =
            "\n[[handoffs]]\nid = \"phase4-to-phase5\"\n[handoffs.routes]\nweekly = [\"slack\"]\n";
        let (text, _) = told(&format!("{SLACK_AND_EMAIL}{own}"));
        assert!(text.contains("weekly slack, Monday"), "{text}");
        assert_eq!(
            text.matches("critical slack and email").count(),
            1,
            "{text}"
        );
    }
}
