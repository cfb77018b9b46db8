//! The demo's ways to people: mail and Slack of stand-ins on this machine, and three people who do not exist.
//!
//! What is sent over them belongs to the service; the stand-ins are somebody else's.

use anyhow::Context;

use super::Args;
use crate::config::{self, Config, Environment};

/// Where the demo's mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    host: String,
    port: u16,
}

/// Reads `HOST:PORT` of a mail server on this machine: a play tells nobody else.
pub(super) fn smtp(text: &str) -> Result<Smtp, String> {
    let wanted = "write the host and port of a mail server on this machine, such as 127.0.0.1:2525";
    let (host, port) = text.rsplit_once(':').ok_or_else(|| wanted.to_owned())?;
    let port: u16 = port.parse().map_err(|_| wanted.to_owned())?;
    let host = host.trim_matches(['[', ']']).to_owned();
    if host.is_empty() || port == 0 {
        return Err(wanted.to_owned());
    }
    check_loopback(&host)?;
    Ok(Smtp { host, port })
}

/// Reads the address of Slack's methods as a stand-in on this machine offers them.
pub(super) fn slack(text: &str) -> Result<String, String> {
    let wanted =
        "write the address of a stand-in on this machine, such as http://127.0.0.1:9999/api/";
    let url: reqwest::Url = text.parse().map_err(|_| wanted.to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wanted.to_owned());
    }
    check_loopback(url.host_str().unwrap_or_default())?;
    Ok(url.into())
}

fn check_loopback(host: &str) -> Result<(), String> {
    if config::is_loopback(host) {
        return Ok(());
    }
    Err(format!(
        "{host} is not this machine, and a play tells nobody else: write 127.0.0.1 or localhost"
    ))
}

const EMAIL: &str = r#"
[channels.email]
kind = "email"
security = "none"
from = "tipoff@demo.invalid"
to = ["predictions@demo.invalid"]
"#;

const SLACK: &str = r##"
[channels.slack]
kind = "slack"
channel = "C0TIPOFF"
"##;

const PEOPLE: &str = r#"
[[people]]
name = "Dana"
role = "developer"
email = "dana@demo.invalid"
slack = "U0DEMODANA"

[[people]]
name = "Ola"
role = "on_call"
email = "oncall@demo.invalid"
slack = "U0DEMOOLA"

[[people]]
name = "Lea"
role = "lead"
email = "lead@demo.invalid"
slack = "U0DEMOLEA"
"#;

/// The built-in configuration, with the ways to people that were asked for. The screen is always one of them.
///
/// # Errors
///
/// When the built-in configuration contradicts itself.
pub(super) fn configure(args: &Args) -> anyhow::Result<Config> {
    let smtp = args.smtp.as_ref().map(|smtp| {
        let host = toml::Value::from(smtp.host.as_str());
        format!("{EMAIL}host = {host}\nport = {}\n", smtp.port)
    });
    let slack = args.slack.as_ref().map(|url| {
        let url = toml::Value::from(url.as_str());
        format!("{SLACK}api_url = {url}\n")
    });
    let people = if smtp.is_some() || slack.is_some() {
        PEOPLE
    } else {
        ""
    };
    let routes = routes(smtp.is_some(), slack.is_some());
    let parts = [slack.unwrap_or_default(), smtp.unwrap_or_default()].concat();
    let text = format!("{parts}{people}{routes}");
    let token = args.slack.as_ref().map(|_| "xoxb-test".to_owned());
    let token = token.map(|token| ("TIPOFF_SLACK_TOKEN".to_owned(), token));
    let folder = std::path::Path::new(".");
    // A played night has no surroundings, and today's calendar is not its own.
    let text = format!("[doctor]\nenabled = false\n{text}");
    config::parse(&text, folder, &Environment::of(token))
        .context("reading the demo's own configuration")
}

/// What is critical goes everywhere at once, a warning to Slack and by mail if that fails; the screen shows all of it.
fn routes(has_email: bool, has_slack: bool) -> String {
    let (critical, warning, otherwise, weekly) = match (has_slack, has_email) {
        (true, true) => (
            r#""console", "slack", "email""#,
            r#""console", "slack""#,
            r#""email""#,
            r#""email""#,
        ),
        (true, false) => (
            r#""console", "slack""#,
            r#""console", "slack""#,
            "",
            r#""slack""#,
        ),
        (false, true) => (
            r#""console", "email""#,
            r#""console", "email""#,
            "",
            r#""email""#,
        ),
        (false, false) => return String::new(),
    };
    format!(
        "[routes]\ncritical = {{ at_once = [{critical}] }}\n\
         warning = {{ at_once = [{warning}], otherwise = [{otherwise}] }}\n\
         daily = [{warning}]\nweekly = [{weekly}]\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Args, Config, configure, slack, smtp};
    use crate::{
        config::{ChannelKind, Security, Slack},
        domain::ids::ChannelId,
    };

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn config(arguments: &[&str]) -> Config {
        let line = std::iter::once("demo").chain(arguments.iter().copied());
        configure(&Line::parse_from(line).args).unwrap()
    }

    fn names(channels: &[ChannelId]) -> Vec<&str> {
        channels.iter().map(ChannelId::as_str).collect()
    }

    #[test]
    fn a_play_tells_nobody_beyond_this_machine() {
        for (text, word) in [
            (
                "smtp.example.com:25",
                "smtp.example.com is not this machine",
            ),
            ("10.0.0.7:25", "is not this machine"),
            ("127.0.0.1", "127.0.0.1:2525"),
            ("127.0.0.1:0", "127.0.0.1:2525"),
            ("127.0.0.1:mail", "127.0.0.1:2525"),
            (":25", "127.0.0.1:2525"),
        ] {
            let error = smtp(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        for (text, word) in [
            ("https://slack.com/api/", "slack.com is not this machine"),
            ("http://127.0.0.1.example.com/", "is not this machine"),
            ("127.0.0.1:9999", "http://127.0.0.1:9999/api/"),
            ("ftp://127.0.0.1/", "http://127.0.0.1:9999/api/"),
        ] {
            let error = slack(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn without_stand_ins_a_play_shows_everything_on_the_screen() {
        let config = config(&[]);
        assert_eq!(names(&config.routing.routes.critical.at_once), ["console"]);
        assert!(config.routing.routes.people.is_empty());
    }

    #[test]
    fn mail_and_slack_of_stand_ins_stand_beside_the_screen() {
        let both = config(&[
            "--smtp",
            "[::1]:2525",
            "--slack",
            "http://localhost:9999/api",
        ]);
        let routes = &both.routing.routes;
        assert_eq!(
            names(&routes.critical.at_once),
            ["console", "slack", "email"]
        );
        assert_eq!(names(&routes.warning.at_once), ["console", "slack"]);
        assert_eq!(names(&routes.warning.otherwise), ["email"]);
        assert_eq!(names(&routes.weekly), ["email"]);
        assert_eq!(routes.people.len(), 3);
        assert_eq!(both.handoffs[0].routing, both.routing);
        let [email, slack, _] = both.channels.as_slice() else {
            panic!("{:?}", both.channels);
        };
        let ChannelKind::Email(email) = &email.kind else {
            panic!("{email:?}");
        };
        assert_eq!((email.host.as_str(), email.port), ("::1", 2525));
        assert_eq!(email.security, Security::None);
        let ChannelKind::Slack(Slack::Bot { api_url, token, .. }) = &slack.kind else {
            panic!("{slack:?}");
        };
        assert_eq!(api_url, "http://localhost:9999/api/");
        assert_eq!(token.expose(), "xoxb-test");
        let mail = config(&["--smtp", "127.0.0.1:2525"]);
        assert_eq!(
            names(&mail.routing.routes.warning.at_once),
            ["console", "email"]
        );
        let chat = config(&["--slack", "http://127.0.0.1:9999/api/"]);
        assert_eq!(names(&chat.routing.routes.weekly), ["slack"]);
    }
}
