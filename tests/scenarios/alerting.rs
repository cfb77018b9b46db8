//! How people were told: too often, over a dead channel, for sixteen days, with invented numbers, or not at all.
//!
//! A dead channel on real sockets belongs to `faults`, when a message goes where to the domain.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::json;
use tipoff::{
    channels::slack,
    clock::SystemClock,
    domain::{
        Instant,
        alert::{Change, Kind, Severity},
        event::Event,
        ids::{ChannelId, HandoffId, RunKey},
        routing::Silence,
    },
    ports::{
        Channel,
        notice::{About, Content, Notice, Parcel},
    },
    render::letter::Letter,
};

use super::{
    lines::{Line, slack_and_email},
    night::{Night, Plan},
};
use crate::support::slack::{CHANNEL, SlackServer, TOKEN};

/// Looks for what has to come while time stands still.
const LOOKS_MAX: usize = 20_000;

/// A night over Slack and mail.
async fn begin(messages_per_hour: usize) -> (Night, Arc<Line>, Arc<Line>) {
    let (slack, email) = (Arc::new(Line::default()), Arc::new(Line::default()));
    let night = Night::begin_as(Plan {
        telling: Some(slack_and_email(&slack, &email, messages_per_hour)),
        ..Plan::default()
    })
    .await;
    (night, slack, email)
}

/// Waits while time stands still.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..LOOKS_MAX {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {what}");
}

fn key(night: &Night) -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: night.game_date,
    }
}

fn of(heard: &[(Instant, Change, Vec<String>)], change: Change) -> Vec<Instant> {
    let these = heard.iter().filter(|(_, is, _)| *is == change);
    these.map(|(at, _, _)| *at).collect()
}

#[tokio::test]
async fn incident_53_a_night_in_which_everything_fails_is_one_message_a_change_of_state() {
    let (night, slack, email) = begin(10_000).await;
    slack.dead.store(true, Ordering::SeqCst);
    // 450 are sent, nobody answers, and the warehouse cannot be asked.
    night.send_out(450, 12).await;
    night.tables.closed.store(true, Ordering::SeqCst);
    night.pass_until("2026-01-19T16:00:00Z").await;
    assert!(slack.parcels().is_empty());
    let changes = email.changes();
    for ((opening, change), times) in &changes {
        match change.as_str() {
            // Twice: to the engineer on call, and to the lead.
            "Escalated" => assert!(*times <= 2, "{opening} {change}: {changes:#?}"),
            // In nine hours.
            "Reminded" => assert!(*times <= 18, "{opening} {change}: {changes:#?}"),
            _ => assert_eq!(*times, 1, "{opening} {change}: {changes:#?}"),
        }
    }
    let kinds = [
        Kind::WorkersSilent,
        Kind::DeadlineBreached,
        Kind::ChannelFailing,
    ];
    for kind in kinds {
        let opened = of(&email.heard(kind), Change::Opened);
        assert_eq!(opened.len(), 1, "{kind:?}: {changes:#?}");
    }
    let ids: Vec<String> = email
        .parcels()
        .iter()
        .map(|it| it.notices[0].id.clone())
        .collect();
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "no message came twice");
    println!("FIGURE incident 53: {} messages by mail in 9 h", ids.len());
}

#[tokio::test]
async fn incident_53_a_thousand_identical_causes_are_one_alert() {
    let (night, slack, email) = begin(20).await;
    for _ in 0..1_000 {
        night.post("/trigger", json!("nonsense")).await;
    }
    night.rest().await;
    let heard = slack.heard(Kind::MessagesQuarantined);
    assert_eq!(heard.len(), 1, "{heard:#?}");
    assert!(email.parcels().is_empty());
}

#[tokio::test]
async fn incident_54_a_webhook_that_is_dead_for_days_is_told_of_by_mail_and_not_too_often() {
    let (night, slack, email) = begin(10_000).await;
    slack.dead.store(true, Ordering::SeqCst);
    night.post("/trigger", json!("nonsense")).await;
    night.pass(TimeDelta::hours(49)).await;
    assert_eq!(
        of(&email.heard(Kind::MessagesQuarantined), Change::Opened).len(),
        1
    );
    let heard = email.heard(Kind::ChannelFailing);
    assert_eq!(of(&heard, Change::Opened).len(), 1, "{heard:#?}");
    let reminded = of(&heard, Change::Reminded);
    assert!((11..=12).contains(&reminded.len()), "{reminded:#?}");
    let near = reminded
        .windows(2)
        .any(|pair| pair[1] - pair[0] < TimeDelta::hours(4));
    assert!(!near, "{reminded:#?}");
    slack.dead.store(false, Ordering::SeqCst);
    night.pass(TimeDelta::minutes(20)).await;
    let over = of(&email.heard(Kind::ChannelFailing), Change::Resolved);
    assert_eq!(over.len(), 1, "{:#?}", email.heard(Kind::ChannelFailing));
    assert!(
        !slack.heard(Kind::MessagesQuarantined).is_empty(),
        "it is told there late"
    );
}

#[tokio::test]
async fn incident_56_no_message_whatever_its_content_leaves_with_an_empty_list_of_blocks() {
    let server = SlackServer::start();
    let way = slack::Way::Bot {
        token: TOKEN.to_owned(),
        channel: CHANNEL.to_owned(),
    };
    let settings = slack::SlackSettings {
        way,
        api_url: server.url(),
    };
    let slack =
        slack::Slack::new(&settings, reqwest::Client::new(), Arc::new(SystemClock)).unwrap();
    let (night, line, _) = begin(10_000).await;
    night.send_out(3, 1).await;
    night.pass(TimeDelta::hours(9)).await;
    let mut parcels = line.parcels();
    assert!(parcels.len() > 3, "{}", parcels.len());
    let notices: Vec<Notice> = parcels.iter().flat_map(|it| it.notices.clone()).collect();
    let shown = notices.iter().find_map(|notice| match &notice.content {
        Content::Alerts { night, .. } => night.clone(),
        Content::Daily(_) | Content::Weekly(_) | Content::Test { .. } => None,
    });
    let mut made = |content: Content, count: usize| {
        let mut parcel = parcels[0].clone();
        let notice = |number| Notice {
            id: format!("made/{number}"),
            content: content.clone(),
            ..notices[0].clone()
        };
        parcel.notices = (0..count).map(notice).collect();
        parcels.push(parcel);
    };
    made(Content::Daily(shown.clone().unwrap()), 1);
    made(Content::Test { by: String::new() }, 1);
    made(Content::Test { by: String::new() }, 1_000);
    // Nothing changed and nothing is known: there is hardly anything to say.
    let empty = Content::Alerts {
        told: Vec::new(),
        night: None,
        units: Vec::new(),
    };
    made(empty, 1);
    for parcel in &parcels {
        let parcel = Parcel {
            thread: None,
            ..parcel.clone()
        };
        slack.deliver(&parcel).await.unwrap();
    }
    for request in server.requests(parcels.len()).await {
        assert_eq!(request["verdict"], "ok");
        assert!(request["payload"]["blocks"] != json!([]), "{request:#}");
        assert!(
            !request["payload"]["text"]
                .as_str()
                .unwrap()
                .trim()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn incident_66_an_alert_that_nobody_stops_rises_and_then_has_an_owner_and_an_end() {
    let slack = Arc::new(Line::default());
    let email = Arc::new(Line::default());
    let night = Night::begin_as(Plan {
        config: "[[handoffs]]\nid = \"phase4-to-phase5\"\n[handoffs.retry]\nattempts_max = 1\nautomatic_attempts_max = 1\n",
        telling: Some(slack_and_email(&slack, &email, 10_000)),
        ..Plan::default()
    })
    .await;
    night.send_out(20, 2).await;
    night.pass(TimeDelta::minutes(26)).await;
    let heard = slack.heard(Kind::WorkersSilent);
    let [(opened_at, Change::Opened, first), rest @ ..] = heard.as_slice() else {
        panic!("{heard:#?}");
    };
    assert_eq!(first, &["dana"]);
    let risen: Vec<(i64, &[String])> = rest
        .iter()
        .filter(|(_, change, _)| *change == Change::Escalated)
        .map(|(at, _, readers)| ((*at - *opened_at).num_minutes(), readers.as_slice()))
        .collect();
    assert_eq!(
        risen,
        [
            (10, ["ola".to_owned()].as_slice()),
            (20, ["lea".to_owned()].as_slice())
        ]
    );
    // Still nobody answers: the batch settles, and what is missing stays missing.
    night.pass(TimeDelta::minutes(75)).await;
    let heard = slack.heard(Kind::CompletionLow);
    let reminded = of(&heard, Change::Reminded);
    assert_eq!(
        reminded.len(),
        1,
        "30 minutes after the last word: {heard:#?}"
    );

    is_silent_until_its_end(&night, &slack).await;

    // An acknowledgement has an owner, and nothing is told again.
    let acknowledged = Event::Acknowledged {
        by: "ola".to_owned(),
        kinds: Vec::new(),
    };
    night
        .engine
        .inbox()
        .command(key(&night), acknowledged)
        .await
        .unwrap();
    let before = slack.heard(Kind::CompletionLow).len();
    night.pass(TimeDelta::hours(2)).await;
    assert_eq!(
        slack.heard(Kind::CompletionLow).len(),
        before,
        "acknowledged"
    );
    let status = night.status().await;
    assert!(status.to_string().contains("ola"), "{status:#}");
}

/// A silence has an owner and an end.
async fn is_silent_until_its_end(night: &Night, slack: &Line) {
    let until_at = night.now() + TimeDelta::hours(1);
    let silence = Silence {
        handoff: Some(HandoffId::new("phase4-to-phase5")),
        kind: Some(Kind::CompletionLow),
        by: "ola".to_owned(),
        since: night.now(),
        until: until_at,
        reason: "the workers are being replaced".to_owned(),
    };
    night.engine.inbox().silence(silence).await.unwrap();
    let before = slack.heard(Kind::CompletionLow).len();
    night
        .pass_until(&(until_at - TimeDelta::seconds(1)).to_rfc3339())
        .await;
    assert_eq!(slack.heard(Kind::CompletionLow).len(), before, "silenced");
    night.pass(TimeDelta::minutes(31)).await;
    assert!(
        slack.heard(Kind::CompletionLow).len() > before,
        "a silence ends"
    );
}

#[tokio::test]
async fn incident_69_every_number_in_a_message_is_that_of_a_query() {
    let (night, slack, _) = begin(10_000).await;
    let players = night.send_out(60, 4).await;
    night.answer_for(&players[..31]).await;
    for player in &players[31..38] {
        let skip = night.skip(player, "no_prop_lines");
        night.post("/complete", skip).await;
    }
    night.rest().await;
    // Nothing more comes: people are told when what is missing endangers the night.
    let mut asked = 0;
    for _ in 0..40 {
        night.pass(TimeDelta::minutes(10)).await;
        let parcels = slack.parcels();
        for parcel in &parcels[asked..] {
            let Content::Alerts {
                night: Some(shown), ..
            } = &parcel.notices[0].content
            else {
                continue;
            };
            let counts = shown.counts;
            assert_eq!(
                (counts.expected, counts.ready, counts.dispatched),
                (60, 60, 60)
            );
            let tables =
                "SELECT count(DISTINCT player_lookup) FROM nba_predictions.player_prop_predictions";
            let rows = night.tables.inner.query(tables).await.unwrap().rows;
            assert_eq!(json!(counts.predicted), rows[0][0], "as the tables have it");
            assert_eq!((counts.predicted, counts.skipped), (31, 7));
            let letter = Letter::of(parcel, night.now());
            let said = format!("{letter:?}");
            assert!(said.contains("31 of 60"), "{said}");
        }
        asked = parcels.len();
    }
    assert!(asked > 0, "nobody was told");
}

#[tokio::test]
async fn a_thousand_warnings_are_nineteen_and_a_digest_and_a_critical_one_passes_them_at_once() {
    let (night, slack, email) = begin(20).await;
    night.send_out(5, 1).await;
    let inbox = night.engine.inbox();
    let notice = |number: usize| Notice {
        id: format!("test/{number}"),
        about: About::Service,
        at: night.now(),
        content: Content::Test {
            by: "dana".to_owned(),
        },
    };
    for number in 0..1_000 {
        let posted = inbox.post(notice(number), vec![ChannelId::new("slack")]);
        assert!(posted.await.unwrap());
    }
    until("twenty have left", || slack.parcels().len() >= 20).await;
    let sizes: Vec<usize> = slack.parcels().iter().map(|it| it.notices.len()).collect();
    assert_eq!(sizes.len(), 20, "{sizes:?}");
    assert_eq!(
        sizes[..19],
        [1; 19],
        "and the last is a digest of what waits: {sizes:?}"
    );

    // The others wait for the hour to pass; what is critical does not.
    night.clock.advance(TimeDelta::minutes(6));
    until("the critical one", || {
        !slack.heard(Kind::WorkersSilent).is_empty()
    })
    .await;
    let tests = || {
        let parcels = slack.parcels();
        let notices = parcels.iter().flat_map(|it| &it.notices);
        notices
            .filter(|it| matches!(it.content, Content::Test { .. }))
            .count()
    };
    assert_eq!(tests(), sizes.iter().sum::<usize>(), "nothing else left");
    night.clock.advance(TimeDelta::hours(1));
    until("all of them", || tests() == 1_000).await;
    assert!(
        email
            .parcels()
            .iter()
            .all(|it| it.notices[0].severity() == Severity::Critical)
    );
}
