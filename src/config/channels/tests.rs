//! What is refused of a channel, in which words, and what the rest becomes.
//!
//! Routes between channels have tests of their own.

use std::path::Path;

use chrono::TimeDelta;

use super::{Channel, ChannelKind, Email, Error, Security, Slack};
use crate::config::{Config, Environment, parse};

const SLACK: &str = "[channels.slack]\nkind = \"slack\"\nchannel = \"#nba-alerts\"\n";
const EMAIL: &str = "[channels.email]\nkind = \"email\"\nhost = \"smtp.example.com\"\n\
                     from = \"tipoff@example.com\"\nto = [\"dev@example.com\"]\n";
const HOOK: &str =
    "[channels.hook]\nkind = \"webhook\"\nurl = \"https://hooks.example.com/hush\"\n";
const BOT: (&str, &str) = ("TIPOFF_SLACK_TOKEN", "xoxb-hush");
const INCOMING: (&str, &str) = ("TIPOFF_SLACK_WEBHOOK_URL", "https://hooks.slack.com/hush");
const PASSWORD: (&str, &str) = ("TIPOFF_SMTP_PASSWORD", "hush");

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let set = variables.iter();
    let set = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse(text, Path::new("."), &Environment::of(set))
}

/// The first channel of a text that is accepted.
fn channel(text: &str, variables: &[(&str, &str)]) -> Channel {
    read(text, variables).unwrap().channels.remove(0)
}

/// Expects a refusal that begins with the field and its value and says what to write; no secret is in it.
fn assert_refused(text: &str, variables: &[(&str, &str)], [start, fix]: [&str; 2]) {
    let error = read(text, variables).unwrap_err().to_string();
    assert!(
        error.starts_with(start),
        "{start} is wanted\n{text}\n{error}"
    );
    assert!(error.contains(fix), "{fix} is missing\n{error}");
    assert!(!error.contains("hush"), "{error}");
}

#[test]
fn a_channel_with_a_wrong_name_or_kind_is_refused() {
    let long = format!("[channels.{}]\nkind = \"console\"", "a".repeat(33));
    for (text, words) in [
        (
            "[channels.\"a b\"]\nkind = \"slack\"",
            ["channels.a b = \"a b\"", "letters, digits"],
        ),
        (long.as_str(), ["channels.aaaa", "at most 32"]),
        (
            "[channels.x]",
            ["channels.x.kind = (not given)", "slack, email"],
        ),
        (
            "[channels.x]\nkind = \"sms\"",
            ["channels.x.kind = \"sms\"", "webhook or console"],
        ),
        (
            "[channels.x]\nkind = \"console\"",
            ["channels.x.kind = \"console\"", "belong together"],
        ),
        (
            "[channels.console]\nkind = \"webhook\"\nurl = \"https://x.example\"",
            ["channels.console.kind = \"webhook\"", "another name"],
        ),
        (
            "[channels.x]\nkind = \"slack\"\nhost = \"x\"",
            ["reading channels.x", "unknown field `host`"],
        ),
        (
            "[channels.console]\nkind = \"console\"\nurl = \"x\"",
            ["reading channels.console", "unknown field"],
        ),
    ] {
        assert_refused(text, &[], words);
    }
}

#[test]
fn a_channel_with_a_number_out_of_its_range_is_refused() {
    for (setting, words) in [
        (
            "patience = 0.05",
            ["channels.slack.patience = 0.05", "0.1 to 60"],
        ),
        (
            "patience = \"61s\"",
            ["channels.slack.patience = \"61s\"", "0.1 to 60"],
        ),
        (
            "patience = nan",
            ["channels.slack.patience = NaN", "\"4s\""],
        ),
        (
            "patience = \"soon\"",
            ["channels.slack.patience = \"soon\"", "\"4s\""],
        ),
        (
            "messages_per_hour = 1",
            ["channels.slack.messages_per_hour = 1", "at least 2"],
        ),
        (
            "live_every = \"9s\"",
            ["channels.slack.live_every = 9s", "at least 10s"],
        ),
    ] {
        assert_refused(&format!("{SLACK}{setting}"), &[BOT], words);
    }
    let hook = format!("{HOOK}live_every = \"1m\"");
    assert_refused(
        &hook,
        &[],
        ["channels.hook.live_every = 1m", "only a Slack bot"],
    );
}

#[test]
fn a_slack_channel_is_a_bot_or_an_incoming_webhook_and_not_both_or_neither() {
    let bare = "[channels.slack]\nkind = \"slack\"";
    let both = format!("{SLACK}webhook_url_file = \"f\"");
    let channel = "channels.slack.channel = (not given)";
    let token = "channels.slack.token_file = (not given)";
    let hook = "channels.slack.webhook_url_file";
    for (text, variables, words) in [
        (bare, [].as_slice(), [channel, "TIPOFF_SLACK_WEBHOOK_URL"]),
        (bare, &[BOT], [channel, "#nba-alerts"]),
        (bare, &[BOT, INCOMING], [channel, "webhook_url_file"]),
        (SLACK, &[], [token, "TIPOFF_SLACK_TOKEN"]),
        (SLACK, &[INCOMING], [token, "takes no channel"]),
        (
            SLACK,
            &[BOT, INCOMING],
            ["TIPOFF_SLACK_WEBHOOK_URL = (hidden)", "used by no channel"],
        ),
        (&both, &[BOT], [hook, "remove channel"]),
        (
            SLACK,
            &[("TIPOFF_SLACK_TOKEN", "hush")],
            ["TIPOFF_SLACK_TOKEN = (hidden)", "xoxb-"],
        ),
        (
            bare,
            &[("TIPOFF_SLACK_WEBHOOK_URL", "hush")],
            ["TIPOFF_SLACK_WEBHOOK_URL = (hidden)", "https://"],
        ),
        (
            bare,
            &[("TIPOFF_SLACK_WEBHOOK_URL", "http://slack.example/hush")],
            [
                "TIPOFF_SLACK_WEBHOOK_URL = http://slack.example",
                "https://",
            ],
        ),
    ] {
        assert_refused(text, variables, words);
    }
    for (setting, words) in [
        (
            "api_url = \"http://slack.example/api/\"",
            ["channels.slack.api_url = http://slack.example", "loopback"],
        ),
        (
            "api_url = \"slack\"",
            ["channels.slack.api_url = \"slack\"", "https://"],
        ),
        (
            "token_file = \"f\"",
            ["channels.slack.token_file = f", "given twice"],
        ),
    ] {
        assert_refused(&format!("{SLACK}{setting}"), &[BOT], words);
    }
    let blank = SLACK.replace("#nba-alerts", "nba alerts");
    assert_refused(
        &blank,
        &[BOT],
        [
            "channels.slack.channel = \"nba alerts\"",
            "one channel's name",
        ],
    );
}

#[test]
fn mail_without_a_server_a_sender_or_a_receiver_is_refused() {
    let without = |line: &str| {
        EMAIL
            .lines()
            .filter(|it| !it.starts_with(line))
            .collect::<Vec<_>>()
            .join("\n")
    };
    for (text, words) in [
        (
            without("host"),
            ["channels.email.host = \"\"", "smtp.example.com"],
        ),
        (
            without("from"),
            ["channels.email.from = (not given)", "tipoff@example.com"],
        ),
        (
            without("to"),
            ["channels.email.to = []", "mail would go to nobody"],
        ),
        (
            EMAIL.replace("smtp.", "smtp://"),
            ["channels.email.host = \"smtp://example.com\"", "alone"],
        ),
        (
            EMAIL.replace("tipoff@", "tipoff "),
            [
                "channels.email.from = \"tipoff example.com\"",
                "mail address",
            ],
        ),
        (
            EMAIL.replace("dev@", "dev"),
            ["channels.email.to[0] = \"devexample.com\"", "mail address"],
        ),
    ] {
        assert_refused(&text, &[], words);
    }
}

#[test]
fn mail_that_others_could_read_or_the_server_would_not_take_is_refused() {
    for (text, words) in [
        (
            format!("{EMAIL}port = 0"),
            ["channels.email.port = 0", "587"],
        ),
        (
            format!("{EMAIL}security = \"none\""),
            ["channels.email.security = \"none\"", "starttls"],
        ),
        (
            format!("{EMAIL}security = \"ssl\""),
            ["reading channels.email", "expected one of"],
        ),
        (
            format!("{EMAIL}username = \"tipoff\""),
            [
                "channels.email.password_file = (not given)",
                "TIPOFF_SMTP_PASSWORD",
            ],
        ),
        (
            format!("{EMAIL}username = \" \""),
            ["channels.email.username = \" \"", "remove it"],
        ),
        (
            format!("{EMAIL}password_file = \"f\""),
            ["channels.email.password_file = f", "username"],
        ),
        (
            format!("{EMAIL}ca_file = \"no-such.pem\""),
            ["reading channels.email.ca_file", "No such file"],
        ),
        (
            format!("{EMAIL}ca_file = \"Cargo.toml\""),
            ["channels.email.ca_file", "no certificate"],
        ),
    ] {
        assert_refused(&text, &[], words);
    }
}

#[test]
fn a_webhook_without_an_address_or_with_two_is_refused() {
    for (text, words) in [
        (
            "[channels.hook]\nkind = \"webhook\"".to_owned(),
            ["channels.hook.url = (not given)", "url_file"],
        ),
        (
            HOOK.replace("https://hooks.example.com/", ""),
            ["channels.hook.url = (hidden)", "https://"],
        ),
        (
            format!("{HOOK}token_file = \"no-such\""),
            ["reading channels.hook.token_file", "No such file"],
        ),
        (
            format!("{HOOK}url_file = \"no-such\""),
            ["reading channels.hook.url_file", "No such file"],
        ),
    ] {
        assert_refused(&text, &[], words);
    }
}

#[test]
fn a_channel_keeps_what_it_is_given_and_hides_its_secrets() {
    let slack = channel(
        &format!("{SLACK}patience = 0.5\napi_url = \"http://127.0.0.1:9/api\""),
        &[BOT],
    );
    assert_eq!(slack.patience, TimeDelta::milliseconds(500));
    assert_eq!(slack.live_every, Some(TimeDelta::minutes(1)));
    let ChannelKind::Slack(Slack::Bot { token, api_url, .. }) = &slack.kind else {
        panic!("{slack:?}");
    };
    assert_eq!((token.expose(), token.source()), ("xoxb-hush", BOT.0));
    assert_eq!(api_url, "http://127.0.0.1:9/api/");
    let incoming = channel("[channels.slack]\nkind = \"slack\"", &[INCOMING]);
    assert!(matches!(
        &incoming.kind,
        ChannelKind::Slack(Slack::IncomingWebhook { .. })
    ));
    assert_eq!(incoming.live_every, None);
    let hook = channel(HOOK, &[]);
    for channel in [slack, incoming, hook] {
        assert!(!format!("{channel:?}").contains("hush"), "{channel:?}");
    }
}

#[test]
fn mail_goes_by_starttls_unless_it_is_said_otherwise() {
    let email = |setting: &str| -> Email {
        let text = format!("{EMAIL}{setting}");
        match channel(&text, &[PASSWORD]).kind {
            ChannelKind::Email(email) => email,
            other => panic!("{other:?}"),
        }
    };
    let usual = email("");
    assert_eq!((usual.security, usual.port), (Security::Starttls, 587));
    assert_eq!(usual.credentials, None);
    let tls = email("security = \"tls\"\nusername = \"tipoff\"");
    assert_eq!((tls.security, tls.port), (Security::Tls, 465));
    assert_eq!(tls.credentials.unwrap().password.expose(), "hush");
    let local = EMAIL.replace("smtp.example.com", "127.0.0.1");
    let local = channel(&format!("{local}security = \"none\"\nport = 2525"), &[]);
    let ChannelKind::Email(local) = local.kind else {
        panic!("{local:?}");
    };
    assert_eq!((local.security, local.port), (Security::None, 2525));
}

#[test]
fn the_console_is_always_there_and_secrets_without_use_are_noticed() {
    let config = read("", &[PASSWORD, BOT]).unwrap();
    assert_eq!(config.channels, [Channel::console()]);
    assert_eq!(config.unused_variables, [BOT.0, PASSWORD.0]);
    let config = read(
        "[channels.console]\nkind = \"console\"\nmessages_per_hour = 5",
        &[],
    )
    .unwrap();
    assert_eq!(config.channels.len(), 1);
    assert_eq!(config.channels[0].messages_per_hour, 5);
    let config = read(SLACK, &[BOT]).unwrap();
    assert_eq!(config.channels.len(), 2);
    assert_eq!(config.unused_variables, [""; 0]);
}
