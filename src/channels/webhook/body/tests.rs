//! The body's shape, against what Alertmanager's receivers read.
//!
//! Sending is tested over a socket.

use serde_json::{Value, json, to_value};

use super::write;
use crate::{
    domain::{
        Instant,
        alert::{Acknowledgement, Alert, Change, Kind, Severity, Told},
        ids::{ChannelId, GameDate, HandoffId, RunKey},
    },
    ports::notice::{About, Content, Links, Notice, Parcel, Way},
};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn night(date: &str) -> About {
    About::Night(RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: GameDate(date.parse().unwrap()),
    })
}

fn told(kind: Kind, subject: Option<&str>, resolved: bool) -> Told {
    Told {
        change: if resolved {
            Change::Resolved
        } else {
            Change::Opened
        },
        alert: Alert {
            kind,
            subject: subject.map(str::to_owned),
            severity: Severity::Critical,
            text: "41 of 350 players <need> work".to_owned(),
            opened_at: at("2026-01-19T15:00:00Z"),
            critical_since: None,
            told_at: None,
            told_up_to: None,
            acknowledged: Some(Acknowledgement {
                by: "dana".to_owned(),
                at: at("2026-01-19T15:01:00Z"),
            }),
            resolved_at: resolved.then(|| at("2026-01-19T15:12:00Z")),
        },
        known_up_to: None,
    }
}

fn notice(about: About, told: Vec<Told>) -> Notice {
    Notice {
        id: "1".to_owned(),
        about,
        at: at("2026-01-19T15:00:00Z"),
        content: Content::Alerts {
            told,
            night: None,
            units: Vec::new(),
        },
    }
}

fn body(notices: Vec<Notice>) -> Value {
    let parcel = Parcel {
        notices,
        audience: Vec::new(),
        way: Default::default(),
        thread: None,
        links: Links {
            page: Some("https://tipoff.test/p".to_owned()),
            page_until: None,
            runbooks: Some("https://tipoff.test/runbooks".to_owned()),
        },
    };
    to_value(write(&parcel, "hook")).unwrap()
}

#[test]
fn one_alert_reads_as_alertmanager_writes_it() {
    let body = body(vec![notice(
        night("2026-01-19"),
        vec![told(Kind::DeadlineBreached, None, false)],
    )]);
    let fingerprint = body["alerts"][0]["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.len(), 16);
    let labels = json!({
        "alertname": "TipoffDeadlineBreached", "severity": "critical", "handoff": "phase4-to-phase5",
        "game_date": "2026-01-19", "kind": "deadline_breached",
    });
    let annotations = json!({
        "summary": "Deadline breached", "description": "41 of 350 players <need> work",
        "runbook_url": "https://tipoff.test/runbooks/DeadlineBreached.md", "acknowledged_by": "dana",
    });
    let expected = json!({
        "version": "4",
        "groupKey": "{}:{game_date=\"2026-01-19\", handoff=\"phase4-to-phase5\"}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"handoff": "phase4-to-phase5", "game_date": "2026-01-19"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "https://tipoff.test/p",
        "alerts": [{
            "status": "firing", "labels": labels, "annotations": annotations,
            "startsAt": "2026-01-19T15:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://tipoff.test/p", "fingerprint": fingerprint,
        }],
    });
    assert_eq!(body, expected);
}

#[test]
fn an_alert_keeps_its_fingerprint_to_its_end_and_shares_it_with_no_other() {
    let print = |about: About, kind, subject, resolved| {
        let body = body(vec![notice(about, vec![told(kind, subject, resolved)])]);
        body["alerts"][0]["fingerprint"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let tonight = || night("2026-01-19");
    let all = [
        print(tonight(), Kind::GapExceeded, None, false),
        print(night("2026-01-20"), Kind::GapExceeded, None, false),
        print(tonight(), Kind::CompletionLow, None, false),
        print(About::Service, Kind::ChannelFailing, Some("slack"), false),
        print(About::Service, Kind::ChannelFailing, Some("mail"), false),
    ];
    assert_eq!(all[0], print(tonight(), Kind::GapExceeded, None, true));
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn several_messages_are_one_body_which_fires_while_one_of_them_does() {
    let over = || told(Kind::GapExceeded, None, true);
    let both = body(vec![
        notice(night("2026-01-19"), vec![over()]),
        notice(
            About::Service,
            vec![told(Kind::ChannelFailing, Some("slack"), false)],
        ),
    ]);
    assert_eq!(
        (&both["status"], &both["groupLabels"]),
        (&json!("firing"), &json!({}))
    );
    assert_eq!(both["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(both["alerts"][0]["endsAt"], "2026-01-19T15:12:00Z");
    assert_eq!(both["alerts"][1]["labels"]["subject"], "slack");
    assert_eq!(both["commonLabels"], json!({"severity": "critical"}));
    let resolved = body(vec![notice(night("2026-01-19"), vec![over(), over()])]);
    assert_eq!(resolved["status"], "resolved");
}

#[test]
fn a_test_and_a_summary_are_worth_knowing() {
    let night: crate::domain::run::Snapshot =
        serde_json::from_str(include_str!("../../slack/live/night.json")).unwrap();
    for (content, name, words) in [
        (
            Content::Test {
                by: "dana".to_owned(),
            },
            "TipoffTest",
            "asked for by dana",
        ),
        (
            Content::Daily(night),
            "TipoffSummary",
            "200 of 350 ready predicted",
        ),
    ] {
        let notice = Notice {
            content,
            ..notice(About::Service, Vec::new())
        };
        let body = body(vec![notice]);
        let labels = &body["alerts"][0]["labels"];
        assert_eq!(
            (&labels["alertname"], &labels["severity"]),
            (&json!(name), &json!("info"))
        );
        let summary = body["alerts"][0]["annotations"]["summary"]
            .as_str()
            .unwrap();
        assert!(summary.contains(words), "{summary}");
    }
}

#[test]
fn a_message_says_how_it_came_here() {
    let parcel = |way: Way| Parcel {
        notices: vec![notice(
            About::Service,
            vec![told(Kind::ChannelFailing, None, false)],
        )],
        audience: Vec::new(),
        way,
        thread: None,
        links: Links::default(),
    };
    let said = |way: Way| {
        to_value(write(&parcel(way), "ops")).unwrap()["commonAnnotations"]["way"].clone()
    };
    assert_eq!(said(Way::default()), Value::Null);
    let email = ChannelId::new("email");
    let instead = Way {
        instead_of: Some((email.clone(), "550 no such user".to_owned())),
        ..Way::default()
    };
    let text = "email did not take this message (550 no such user), so it comes here instead";
    assert_eq!(said(instead), text);
    let late = Way {
        elsewhere: vec![(email, at("2026-01-19T15:00:00Z"))],
        may_repeat: true,
        ..Way::default()
    };
    assert_eq!(
        said(late),
        "late: email has it since 2026-01-19T15:00:00Z; \
         this may be a repeat: the server's answer to an earlier try was lost"
    );
}
