//! Slack over a real socket, against the strict stand-in: by a bot and by an incoming webhook.
//!
//! What a layout looks like is tested beside it.

use std::sync::Arc;

use serde_json::Value;
use tipoff::{
    channels::slack::{Slack, SlackSettings, Way},
    clock::SystemClock,
    domain::{
        alert::{Alert, Change, Kind, Role, Severity, Told},
        routing::{Failure, Person},
    },
    ports::notice::{About, Content, Links, Notice, Parcel},
    render::letter::{Item, Letter, Link, Status, UnitGroup},
};

mod live;
mod refusals;

use crate::support::{
    instant,
    slack::{CHANNEL, SlackServer, TOKEN, slack_stand_in},
};

fn slack(way: Way, server: &SlackServer) -> Slack {
    let settings = SlackSettings {
        way,
        api_url: server.url(),
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    Slack::new(&settings, client.build().unwrap(), Arc::new(SystemClock)).unwrap()
}

fn bot(server: &SlackServer) -> Slack {
    bot_of(server, TOKEN, CHANNEL)
}

fn bot_of(server: &SlackServer, token: &str, channel: &str) -> Slack {
    let (token, channel) = (token.to_owned(), channel.to_owned());
    slack(Way::Bot { token, channel }, server)
}

fn hook(server: &SlackServer) -> Slack {
    let url = server.webhook_url();
    slack(Way::Webhook { url }, server)
}

fn parcel(change: Change, thread: Option<&str>) -> Parcel {
    let at = instant("2026-01-19T15:00:00Z");
    let alert = Alert {
        kind: Kind::DeadlineBreached,
        subject: None,
        severity: Severity::Critical,
        text: "41 of 350 players have no prediction".to_owned(),
        opened_at: at,
        critical_since: Some(at),
        told_at: None,
        told_up_to: None,
        acknowledged: None,
        resolved_at: None,
    };
    let told = Told {
        change,
        alert,
        known_up_to: None,
    };
    Parcel {
        notices: vec![Notice {
            id: "phase4-to-phase5/2026-01-19/7/0".to_owned(),
            about: About::Service,
            at,
            content: Content::Alerts {
                told: vec![told],
                night: None,
                units: Vec::new(),
            },
        }],
        audience: vec![Person {
            name: "dana".to_owned(),
            role: Role::Developer,
            email: None,
            slack: Some("U024BE7LH".to_owned()),
        }],
        way: Default::default(),
        thread: thread.map(str::to_owned),
        links: Links::default(),
    }
}

fn letter() -> Letter {
    Letter {
        id: "phase4-to-phase5/2026-01-19/7/0".to_owned(),
        thread: "phase4-to-phase5/2026-01-19".to_owned(),
        status: Status::Holds(Severity::Critical),
        subject: "2026-01-19 phase4-to-phase5".to_owned(),
        headline: "Deadline breached: 41 of 350 players have no prediction".to_owned(),
        notes: vec!["It comes here because mail did not take it".to_owned()],
        items: vec![item("41 players need work")],
        facts: vec![("Ready".to_owned(), "350 players".to_owned())],
        units: vec![UnitGroup {
            game: "LAL at BOS".to_owned(),
            units: vec!["lebronjames (no answer)".to_owned()],
        }],
        units_unnamed: 40,
        done: vec!["Sent again at 06:15 PST / 09:15 EST".to_owned()],
        next: vec!["The night closes at 07:00 PST / 10:00 EST tomorrow".to_owned()],
        advice: vec!["Look at the workers' log".to_owned()],
        links: vec![Link {
            label: "Acknowledge or silence".to_owned(),
            url: "https://tipoff.test/alert?signature=1&until=2".to_owned(),
            primary: true,
        }],
        table: None,
        pictures: Vec::new(),
        footer: "Decided 07:00 PST / 10:00 EST".to_owned(),
        at: instant("2026-01-19T15:00:00Z"),
    }
}

fn item(text: &str) -> Item {
    Item {
        status: Status::Holds(Severity::Critical),
        change: "new".to_owned(),
        title: "Deadline breached".to_owned(),
        text: text.to_owned(),
        since: "07:00 PST / 10:00 EST".to_owned(),
        acknowledged: None,
        runbook: Some("https://runbooks.test/DeadlineBreached.md".to_owned()),
    }
}

/// As long and as hostile as a night can be.
fn worst() -> Letter {
    let hostile = "<!channel> <@U1> & <https://evil.test|click> *x* `y` :tada: \u{202e}👍\n> q";
    let error = format!("{hostile} {}", "e".repeat(3_000));
    let unit = |n: usize| format!("player{n} {hostile}");
    Letter {
        subject: error.clone(),
        headline: error.clone(),
        notes: vec![error.clone(); 20],
        items: vec![item(&error); 60],
        facts: vec![(hostile.to_owned(), error.clone()); 60],
        units: (0..64)
            .map(|game| UnitGroup {
                game: format!("{game} {hostile}"),
                units: (0..8).map(unit).collect(),
            })
            .collect(),
        done: vec![error.clone(); 60],
        advice: vec![String::new(), " ".to_owned()],
        footer: error,
        ..letter()
    }
}

fn failed(result: Result<impl std::fmt::Debug, Failure>) -> Failure {
    let failure = result.unwrap_err();
    for secret in ["xoxb-test", "xoxb-other", "/services", "XXX"] {
        assert!(!failure.error.contains(secret), "{failure:?}");
    }
    failure
}

#[test]
fn the_stand_in_refuses_each_planted_fault() {
    let tested = slack_stand_in().arg("--self-test").output().unwrap();
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
}

#[tokio::test]
async fn a_bots_message_has_a_layout_words_for_a_locked_screen_and_an_id() {
    let server = SlackServer::start();
    let receipt = bot(&server)
        .send(&letter(), &parcel(Change::Opened, None))
        .await
        .unwrap();
    let requests = server.requests(1).await;
    assert_eq!(
        (&requests[0]["method"], &requests[0]["verdict"]),
        (&"chat.postMessage".into(), &"ok".into())
    );
    let messages = server.messages().await;
    assert_eq!(receipt.message_id, messages[0]["ts"]);
    assert_eq!(receipt.thread, Some(receipt.message_id));
    assert_eq!(
        messages[0]["text"],
        "🔴 Critical: Deadline breached: 41 of 350 players have no prediction"
    );
    assert_eq!(messages[0]["metadata"]["event_type"], "tipoff_notice");
    assert_eq!(messages[0]["metadata"]["event_payload"]["id"], letter().id);
    let said = messages[0]["blocks"].to_string();
    for words in [
        "<@U024BE7LH>",
        "_It comes here",
        "lebronjames",
        "… and 40 more",
        "id phase4-to-phase5/",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let page = server.page().await;
    assert!(page.contains("<b>Deadline breached: 41 of 350"), "{page}");
}

#[tokio::test]
async fn what_follows_hangs_in_the_thread_and_only_a_reminder_stays_there() {
    let server = SlackServer::start();
    let slack = bot(&server);
    let first = slack
        .send(&letter(), &parcel(Change::Opened, None))
        .await
        .unwrap();
    for (change, broadcast) in [
        (Change::Worsened, true),
        (Change::Reminded, false),
        (Change::Resolved, true),
    ] {
        let parcel = parcel(change, Some(&first.message_id));
        let receipt = slack.send(&letter(), &parcel).await.unwrap();
        assert_eq!(receipt.thread, Some(first.message_id.clone()));
        let last = server.messages().await.pop().unwrap();
        assert_eq!(last["ts"], receipt.message_id);
        assert_eq!(last["thread_ts"], first.message_id);
        assert_eq!(last["broadcast"], broadcast, "{change:?}");
    }
}

#[tokio::test]
async fn a_thread_that_is_gone_begins_anew() {
    let server = SlackServer::start();
    let parcel = parcel(Change::Worsened, Some("1600000000.000001"));
    let receipt = bot(&server).send(&letter(), &parcel).await.unwrap();
    assert_eq!(receipt.thread, Some(receipt.message_id));
    let verdicts: Vec<Value> = server
        .requests(2)
        .await
        .iter()
        .map(|it| it["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["thread_not_found", "ok"]);
}

#[tokio::test]
async fn the_longest_and_most_hostile_night_is_taken_as_it_is() {
    let server = SlackServer::start();
    for slack in [bot(&server), hook(&server)] {
        slack
            .send(&worst(), &parcel(Change::Opened, None))
            .await
            .unwrap();
    }
    slack_verdicts(&server, 2, "ok").await;
    for message in server.messages().await {
        assert!(!message["blocks"].as_array().unwrap().is_empty());
        assert!(!message.to_string().contains("<!channel>"));
    }
}

async fn slack_verdicts(server: &SlackServer, count: usize, verdict: &str) {
    let requests = server.requests(count).await;
    assert!(
        requests.iter().all(|it| it["verdict"] == verdict),
        "{requests:#?}"
    );
}

#[tokio::test]
async fn a_layout_that_slack_does_not_take_is_left_away_and_the_words_arrive() {
    let mut server = SlackServer::start();
    for code in [
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
    ] {
        server.set_mode(&format!("okfalse {code}")).await;
        for slack in [bot(&server), hook(&server)] {
            slack
                .send(&letter(), &parcel(Change::Opened, None))
                .await
                .unwrap();
            let last = server.messages().await.pop().unwrap();
            assert_eq!(last["blocks"], serde_json::json!([]));
            let text = last["text"].as_str().unwrap();
            for words in ["41 players need work", code, "<@U024BE7LH>", "lebronjames"] {
                assert!(text.contains(words), "{words}: {text}");
            }
        }
    }
    server.set_mode("okfalse msg_too_long").await;
    let failure = failed(
        bot(&server)
            .send(&letter(), &parcel(Change::Opened, None))
            .await,
    );
    assert!(
        failure.permanent && failure.error.contains("msg_too_long"),
        "{failure:?}"
    );
}
