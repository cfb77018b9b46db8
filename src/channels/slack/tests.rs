//! What the channel keeps to itself, and whom it calls.
//!
//! Sending is tested over a socket.

use std::sync::Arc;

use super::{API_URL, Slack, SlackSettings, Way, is_news, mentions, place};
use crate::{
    clock::SystemClock,
    domain::{
        Instant,
        alert::{Alert, Change, Kind, Role, Severity, Told},
        routing::Person,
    },
    ports::notice::{About, Content, Links, Notice, Parcel},
};

fn made(way: Way, api_url: &str) -> Result<Slack, super::SettingsError> {
    let settings = SlackSettings {
        way,
        api_url: api_url.to_owned(),
    };
    assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
    Slack::new(&settings, reqwest::Client::new(), Arc::new(SystemClock))
}

fn bot(token: &str, channel: &str) -> Way {
    Way::Bot {
        token: token.to_owned(),
        channel: channel.to_owned(),
    }
}

fn hook(url: &str) -> Way {
    Way::Webhook {
        url: url.to_owned(),
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_named_without_their_value() {
    for (way, api_url, field) in [
        (bot("", "C1"), API_URL, "token"),
        (bot("xoxb-secret\n", "C1"), API_URL, "token"),
        (bot("xoxb-secret", " "), API_URL, "channel"),
        (bot("xoxb-secret", "C1"), "slack.com", "api_url"),
        (bot("xoxb-secret", "C1"), "ftp://slack.com", "api_url"),
        (hook("hooks.slack.com/secret"), API_URL, "webhook url"),
        (hook("file:///secret"), API_URL, "webhook url"),
    ] {
        let error = made(way, api_url).unwrap_err().to_string();
        assert!(
            error.contains(field) && !error.contains("secret"),
            "{error}"
        );
    }
    for way in [
        bot("xoxb-secret", "C1"),
        hook("https://hooks.slack.com/secret"),
    ] {
        let slack = made(way, API_URL).unwrap();
        assert!(!format!("{slack:?}").contains("secret"), "{slack:?}");
    }
}

fn parcel(changes: &[(Change, Severity)]) -> Parcel {
    let at: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
    let told = |(change, severity): &(Change, Severity)| Told {
        change: *change,
        alert: Alert {
            kind: Kind::DeadlineBreached,
            subject: None,
            severity: *severity,
            text: "late".to_owned(),
            opened_at: at,
            critical_since: None,
            told_at: None,
            told_up_to: None,
            acknowledged: None,
            resolved_at: None,
        },
        known_up_to: None,
    };
    let content = match changes {
        [] => Content::Test {
            by: "dana".to_owned(),
        },
        some => Content::Alerts {
            told: some.iter().map(told).collect(),
            night: None,
            units: Vec::new(),
        },
    };
    let person = |name: &str, slack: Option<&str>| Person {
        name: name.to_owned(),
        role: Role::Developer,
        email: None,
        slack: slack.map(str::to_owned),
    };
    Parcel {
        notices: vec![Notice {
            id: "service/1/0".to_owned(),
            about: About::Service,
            at,
            content,
        }],
        audience: vec![person("dana", Some("U1")), person("kim", None)],
        way: Default::default(),
        thread: None,
        links: Links::default(),
    }
}

#[test]
fn people_are_called_for_what_is_critical_and_where_more_are_told() {
    for (changes, calls) in [
        (&[(Change::Opened, Severity::Critical)][..], true),
        (&[(Change::Reminded, Severity::Critical)], true),
        (&[(Change::Escalated, Severity::Critical)], true),
        (&[(Change::Resolved, Severity::Critical)], false),
        (&[(Change::Opened, Severity::Warning)], false),
        (
            &[
                (Change::Resolved, Severity::Critical),
                (Change::Worsened, Severity::Critical),
            ],
            true,
        ),
        (&[], false),
    ] {
        let called = mentions(&parcel(changes));
        assert_eq!(
            called,
            if calls { vec!["U1"] } else { vec![] },
            "{changes:?}"
        );
    }
}

#[test]
fn all_but_reminders_are_news() {
    let warning = Severity::Warning;
    for (changes, news) in [
        (&[(Change::Reminded, warning)][..], false),
        (
            &[(Change::Reminded, warning), (Change::Resolved, warning)],
            true,
        ),
        (&[(Change::Opened, warning)], true),
        (&[], true),
    ] {
        assert_eq!(is_news(&parcel(changes)), news, "{changes:?}");
    }
}

#[test]
fn a_place_reads_back_and_what_is_none_is_told_apart() {
    let known = place("C1:123.45").unwrap();
    assert_eq!(
        (known.channel.as_str(), known.ts.as_str()),
        ("C1", "123.45")
    );
    for none in ["", ":", "C1", "C1:", ":1.2"] {
        assert_eq!(place(none), None, "{none}");
    }
}
