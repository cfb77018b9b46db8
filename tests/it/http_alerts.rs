//! What people do about alerts: list, acknowledge and silence them, test the channels, and answer from a message.
//!
//! When an alert opens, rises and is told of again is tested in the domain.

use std::{process::Command, sync::Arc};

use async_trait::async_trait;
use chrono::TimeDelta;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tipoff::{
    clock::Clock,
    domain::{
        alert::{Alert, Change, Kind, Role},
        routing::{Failure, Person},
        run::State,
    },
    ports::{
        Channel,
        notice::{Content, Parcel, Receipt},
        store::Store,
    },
    wire::link::{self, Claim},
};

use crate::support::{Answer, EARLY, RecordingChannel, TONIGHT, TestApp, event, instant};

/// Looks before a test gives up; between two, the engine's tasks get their turn.
const LOOKS_MAX: usize = 200;
const FAILED: &str = "phase4-to-phase5/2026-01-19/nothing_dispatched";

/// A channel that refuses everything for good.
struct Refusing;

#[async_trait]
impl Channel for Refusing {
    async fn deliver(&self, _: &Parcel) -> Result<Receipt, Failure> {
        Err(Failure {
            error: "the token was revoked".to_owned(),
            permanent: true,
            doubtful: false,
            retry_after: None,
        })
    }
}

/// A service whose night failed, and the channel that its people hear.
struct Failed {
    app: TestApp,
    phone: Arc<RecordingChannel>,
}

fn people() -> Vec<Person> {
    let person = |name: &str, role| Person {
        name: name.to_owned(),
        role,
        email: None,
        slack: None,
    };
    vec![
        person("Dana Ünlü", Role::Developer),
        person("Omar", Role::OnCall),
        person("Lee", Role::Lead),
    ]
}

impl Failed {
    /// Nobody was listed, so nothing could be sent: a critical alert, told to the developer alone.
    async fn night() -> Self {
        let phone = Arc::new(RecordingChannel::default());
        let app = TestApp::start_telling(EARLY, &[("phone", phone.clone())], people()).await;
        let started = app.post("/trigger", event().to_string()).await;
        assert_eq!(started.status, 202, "{started:?}");
        let failed = Self { app, phone };
        // The wait for readiness ends by itself, hours before the deadline.
        while failed.app.run().await.state != State::Failed {
            failed.pass(TimeDelta::minutes(5)).await;
            assert!(failed.app.clock.now() < instant("2026-01-19T14:00:00Z"));
        }
        failed.until_told(Change::Opened, 1).await;
        failed
    }

    /// How often people were told this of the failure.
    fn told(&self, change: Change) -> usize {
        let notices = self.phone.notices();
        let told = notices.iter().flat_map(|notice| notice.told());
        told.filter(|it| it.change == change && it.alert.kind == Kind::NothingDispatched)
            .count()
    }

    async fn until_told(&self, change: Change, times: usize) {
        for _ in 0..LOOKS_MAX {
            if self.told(change) >= times {
                return;
            }
            self.app.post("/tick", "").await;
        }
        panic!("not told {times} times: {change:?}");
    }

    /// Lets time pass, has everything done that is due, and returns once it is.
    async fn pass(&self, length: TimeDelta) {
        self.app.clock.advance(length);
        let ticked = self.app.post("/tick", "").await;
        assert_eq!(ticked.status, 200, "{ticked:?}");
    }

    async fn alert(&self) -> Alert {
        let run = self.app.run().await;
        let mut alerts = run.alerts.into_iter();
        alerts
            .find(|alert| alert.kind == Kind::NothingDispatched)
            .unwrap()
    }

    /// The message that told of the failure.
    fn parcel(&self) -> Parcel {
        let tells = |parcel: &Parcel| {
            let told = parcel.notices.iter().flat_map(|notice| notice.told());
            told.into_iter()
                .any(|it| it.alert.kind == Kind::NothingDispatched)
        };
        self.phone.parcels().into_iter().find(tells).unwrap()
    }

    /// The failure as it is listed.
    async fn listed(&self) -> Value {
        let listed = self.app.get("/alerts").await.json();
        let alerts = listed["alerts"].as_array().unwrap();
        let found = alerts.iter().find(|alert| alert["id"] == FAILED);
        found.cloned().unwrap_or_else(|| panic!("{listed:#}"))
    }

    /// The path of the link in the message that told of the failure.
    fn link(&self) -> String {
        let page = self.parcel().links.page.unwrap();
        page.strip_prefix(self.app.url()).unwrap().to_owned()
    }

    async fn reply(&self, form: &[(&str, &str)]) -> Answer {
        let request = self.app.request(Method::POST, &self.link()).form(form);
        self.app.answer(request).await
    }

    /// The page that a reply leads to.
    async fn follow(&self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, 303, "{answer:?}");
        let path = format!("/respond/{}", answer.header("location"));
        let page = self.app.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        page
    }

    async fn sign(&self, notice_id: &str, until: &str) -> String {
        let mut transaction = self.app.store.begin().await.unwrap();
        let secret = transaction.secret("links", &[]).await.unwrap();
        drop(transaction);
        let claim = Claim {
            notice_id: notice_id.to_owned(),
            reader: None,
            until: instant(until),
        };
        format!("/respond/{}", link::sign(&secret, &claim))
    }
}

const DANA: [(&str, &str); 2] = [("action", "acknowledge"), ("by", "Dana")];

#[rstest]
#[case("/alerts/ack", json!({"alert": "deadline_breached"}), 400, "alert")]
#[case("/alerts/ack", json!({"alert": "phase4-to-phase5/2026-01-19/gap_exceeded"}), 404, "alert")]
#[case("/alerts/ack", json!({"alert": "service/channel_failing/fax"}), 404, "alert")]
#[case("/alerts/ack", json!({"kinds": ["late"]}), 400, "kinds")]
#[case("/alerts/ack", json!({"handoff": "phase9"}), 404, "handoff")]
#[case("/alerts/ack", json!({"by": "a".repeat(65)}), 400, "by")]
#[case("/alerts/silence", json!({"for": "2h", "reason": "x"}), 400, "by")]
#[case("/alerts/silence", json!({"by": "dana", "reason": "x"}), 400, "for")]
#[case("/alerts/silence", json!({"by": "dana", "for": "2h"}), 400, "reason")]
#[case("/alerts/silence", json!({"by": "dana", "for": "31d", "reason": "x"}), 400, "for")]
#[case("/alerts/silence", json!({"by": "dana", "until": "2026-01-01T00:00:00Z", "reason": "x"}), 400, "until")]
#[case("/alerts/silence", json!({"by": "dana", "for": "2h", "reason": "x", "handoff": "phase9"}), 404, "handoff")]
#[case("/alerts/test", json!({"channels": ["fax"]}), 400, "channels")]
#[case("/alerts/test", json!({"channels": []}), 400, "channels")]
#[tokio::test]
async fn bad_input_is_a_problem_that_names_the_field_and_changes_nothing(
    #[case] path: &str,
    #[case] body: Value,
    #[case] status: u16,
    #[case] field: &str,
) {
    let app = TestApp::start().await;
    let answer = app.post_json(path, body).await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["field"], field);
    let listed = app.get("/alerts").await.json();
    assert_eq!(
        (&listed["silences"], &listed["deliveries"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn without_the_token_nobody_is_heard_but_a_links_holder() {
    let app = TestApp::start_as(crate::support::Differs {
        config: "",
        token: true,
    })
    .await;
    for (method, path) in [
        (Method::GET, "/alerts"),
        (Method::POST, "/alerts/ack"),
        (Method::POST, "/alerts/silence"),
        (Method::POST, "/alerts/test"),
    ] {
        let answer = app.answer(app.request(method, path)).await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
    assert_eq!(app.get("/respond/forged").await.status, 403);
    assert_eq!(app.get("/runbooks/deadline_breached").await.status, 200);
}

#[tokio::test]
async fn a_date_without_a_run_is_not_known_and_one_without_alerts_says_so() {
    let app = TestApp::start().await;
    let unknown = app
        .post_json("/alerts/ack", json!({"game_date": "2026-01-05"}))
        .await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    for body in [json!({}), json!({"handoff": "service"})] {
        let nothing = app.post_json("/alerts/ack", body).await;
        assert_eq!(nothing.status, 200, "{nothing:?}");
        assert_eq!(nothing.json()["acknowledged"], json!([]));
        let reason = nothing.json()["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("nothing to acknowledge"), "{reason}");
    }
    assert!(
        !app.history_codes(TONIGHT)
            .await
            .contains(&"acknowledged".to_owned())
    );
}

#[tokio::test]
async fn an_alert_is_listed_with_who_was_told_and_its_receipt() {
    let failed = Failed::night().await;
    let listed = failed.app.get("/alerts").await.json();
    let alert = failed.listed().await;
    assert_eq!(alert["severity"], "critical");
    assert_eq!(alert["told_up_to"], "developer");
    assert_eq!(
        (&alert["acknowledged_by"], &alert["resolved_at"]),
        (&Value::Null, &Value::Null)
    );
    let receipt = &listed["deliveries"][0];
    assert_eq!(
        (&receipt["channel"], &receipt["attempts"]),
        (&json!("phone"), &json!(1))
    );
}

#[tokio::test]
async fn unacknowledged_it_rises_and_people_are_reminded() {
    let failed = Failed::night().await;
    for times in 1..=2 {
        failed.pass(TimeDelta::minutes(10)).await;
        failed.until_told(Change::Escalated, times).await;
    }
    failed.pass(TimeDelta::minutes(31)).await;
    failed.until_told(Change::Reminded, 1).await;
}

#[tokio::test]
async fn an_acknowledgement_is_in_the_history_and_nobody_is_told_again() {
    let failed = Failed::night().await;
    let app = &failed.app;
    let body = json!({"alert": FAILED, "by": "Dana"});
    let done = app.post_json("/alerts/ack", body).await;
    assert_eq!(done.status, 202, "{done:?}");
    assert_eq!(done.json()["acknowledged"], json!([FAILED]));
    let request = app
        .request(Method::POST, "/alerts/ack")
        .header("tipoff-by", "Omar")
        .body(json!({"kinds": ["nothing_dispatched"]}).to_string());
    let again = app.answer(request).await;
    assert_eq!(again.status, 200, "{again:?}");
    let reason = again.json()["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("done already: Dana acknowledged"),
        "{reason}"
    );
    let codes = app.history_codes(TONIGHT).await;
    let times = codes.iter().filter(|code| *code == "acknowledged").count();
    assert_eq!(times, 1, "{codes:?}");
    for _ in 0..8 {
        failed.pass(TimeDelta::minutes(10)).await;
    }
    assert!(failed.alert().await.is_open());
    assert_eq!(
        (
            failed.told(Change::Escalated),
            failed.told(Change::Reminded)
        ),
        (0, 0)
    );
    assert_eq!(failed.listed().await["acknowledged_by"], "Dana");
}

#[tokio::test]
async fn a_silence_holds_messages_back_until_its_end_and_then_they_come_again() {
    let failed = Failed::night().await;
    let app = &failed.app;
    let body = json!({"handoff": "phase4-to-phase5", "for": "1h30m", "by": "Dana",
        "reason": "the upstream is being mended"});
    let set = app.post_json("/alerts/silence", body).await;
    assert_eq!(set.status, 202, "{set:?}");
    let until = set.json()["silence"]["until"].as_str().unwrap().to_owned();
    let alert = failed.listed().await;
    assert_eq!(
        (&alert["silenced_by"], &alert["silenced_until"]),
        (&json!("Dana"), &json!(until))
    );
    let listed = app.get("/alerts").await.json();
    assert_eq!(
        listed["silences"][0]["reason"],
        "the upstream is being mended"
    );
    let before = failed.phone.notices().len();
    while app.clock.now() + TimeDelta::minutes(10) < instant(&until) {
        failed.pass(TimeDelta::minutes(10)).await;
    }
    assert_eq!(failed.phone.notices().len(), before, "nothing was sent");
    assert!(
        failed.alert().await.is_open(),
        "and it was open all the time"
    );
    failed.pass(TimeDelta::minutes(40)).await;
    failed.until_told(Change::Reminded, 1).await;
    assert_eq!(app.get("/alerts").await.json()["silences"], json!([]));
}

#[tokio::test]
async fn a_test_goes_over_each_channel_and_says_who_took_it() {
    let (phone, mail) = (
        Arc::new(RecordingChannel::default()),
        Arc::new(RecordingChannel::default()),
    );
    let channels: [(&str, Arc<dyn Channel>); 3] = [
        ("mail", mail.clone()),
        ("phone", phone.clone()),
        ("slack", Arc::new(Refusing)),
    ];
    let app = TestApp::start_telling(EARLY, &channels, people()).await;
    let answer = app.post_json("/alerts/test", json!({"by": "Dana"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["ok"], false);
    let channel = |name: &str| {
        let channels = body["channels"].as_array().unwrap();
        let found = channels.iter().find(|it| it["channel"] == name);
        found.cloned().unwrap_or_else(|| panic!("{name}: {body:#}"))
    };
    for name in ["phone", "mail"] {
        let took = channel(name);
        assert_eq!(
            (&took["state"], &took["attempts"]),
            (&json!("done"), &json!(1))
        );
        assert_eq!(took["message_id"], body["notice"]);
    }
    let refused = channel("slack");
    assert_eq!(refused["state"], "waiting", "{refused:#}");
    assert_eq!(refused["error"], "the token was revoked");
    let heard = &phone.notices()[0].content;
    let by = "Dana".to_owned();
    assert_eq!(*heard, Content::Test { by });
    let one = app
        .post_json("/alerts/test", json!({"channels": ["mail", "mail"]}))
        .await
        .json();
    assert_eq!(one["ok"], true, "{one:#}");
    assert_eq!(one["channels"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_services_own_alerts_are_acknowledged_by_their_names() {
    let phone = Arc::new(RecordingChannel::default());
    let channels: [(&str, Arc<dyn Channel>); 2] =
        [("phone", phone.clone()), ("slack", Arc::new(Refusing))];
    let app = TestApp::start_telling(EARLY, &channels, people()).await;
    app.post_json("/alerts/test", json!({"channels": ["slack"]}))
        .await;
    let listed = app.get("/alerts").await.json();
    assert_eq!(
        listed["alerts"][0]["id"], "service/channel_failing/slack",
        "{listed:#}"
    );
    let body = json!({"alert": "service/channel_failing/slack", "by": "Omar"});
    let done = app.post_json("/alerts/ack", body).await;
    assert_eq!(done.status, 202, "{done:?}");
    let listed = app.get("/alerts").await.json();
    assert_eq!(listed["alerts"][0]["acknowledged_by"], "Omar");
}

#[tokio::test]
async fn a_link_that_is_forged_cut_or_expired_is_refused_and_says_what_to_do() {
    let failed = Failed::night().await;
    let app = &failed.app;
    let link = failed.link();
    let notice_id = failed.parcel().notices[0].id.clone();
    let expired = failed.sign(&notice_id, "2026-01-19T07:00:00Z").await;
    let unknown = failed
        .sign("phase9/2026-01-19/1/0", "2026-01-20T07:00:00Z")
        .await;
    for (path, status, says) in [
        ("/respond/x", 403, "does not work"),
        (&link[..link.len() - 3], 403, "does not work"),
        ("/respond/%FF", 403, "does not work"),
        (expired.as_str(), 410, "expired"),
        (unknown.as_str(), 404, "does not know"),
    ] {
        for method in [Method::GET, Method::POST] {
            let page = app
                .answer(app.request(method.clone(), path).form(&DANA))
                .await;
            assert_eq!(page.status, status, "{method} {path}: {page:?}");
            assert!(page.text.contains(says), "{path}: {}", page.text);
            assert!(page.text.contains("tipoff alerts ack"), "{}", page.text);
            assert!(page.header("content-type").starts_with("text/html"));
        }
    }
    assert_eq!(failed.alert().await.acknowledged, None);
}

#[tokio::test]
async fn a_link_expires_exactly_at_its_end() {
    let failed = Failed::night().await;
    let link = failed.link();
    let until = failed.parcel().links.page_until.unwrap();
    assert_eq!(failed.app.get(&link).await.status, 200);
    failed.app.clock.set(until);
    assert_eq!(failed.app.get(&link).await.status, 410);
}

#[tokio::test]
async fn opening_a_link_changes_nothing_however_it_is_opened() {
    let failed = Failed::night().await;
    let app = &failed.app;
    let steps = app.run().await.steps;
    let done = "?done=acknowledged&action=acknowledge&by=Scanner";
    for path in [failed.link(), failed.link() + done] {
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let page = app.answer(app.request(method, &path)).await;
            assert_eq!(page.status, 200, "{page:?}");
            assert!(!page.text.contains("role=\"status\""), "{}", page.text);
            assert!(!page.text.contains("Scanner"), "{}", page.text);
        }
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
            let refused = app.answer(app.request(method, &path)).await;
            assert_eq!(refused.status, 405, "{refused:?}");
        }
    }
    assert_eq!(failed.alert().await.acknowledged, None);
    assert_eq!(app.run().await.steps, steps);
    assert_eq!(app.get("/alerts").await.json()["silences"], json!([]));
}

#[tokio::test]
async fn the_page_says_what_was_told_and_how_it_stands_and_is_kept_by_nobody() {
    let failed = Failed::night().await;
    let page = failed.app.get(&failed.link()).await;
    for part in [
        "Nothing dispatched",
        "phase4-to-phase5 2026-01-19",
        "The night now",
        "07:00 PST / 10:00 EST",
        "Nobody has acknowledged it",
        "value=\"Dana Ünlü\"",
        "until Mon 19 Jan 12:00 PST / 15:00 EST",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("<script"), "{}", page.text);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let policy = page.header("content-security-policy");
    let allowed = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'";
    assert!(policy.starts_with(allowed), "{policy}");
}

#[tokio::test]
async fn a_reply_acknowledges_once_and_the_second_says_who_did() {
    let failed = Failed::night().await;
    let first = failed.reply(&DANA).await;
    let page = failed.follow(&first).await;
    assert!(page.text.contains("Dana acknowledged it"), "{}", page.text);
    let taken_on = failed.alert().await.acknowledged.unwrap();
    assert_eq!(
        (taken_on.by.as_str(), taken_on.at),
        ("Dana", failed.app.clock.now())
    );
    failed.pass(TimeDelta::minutes(1)).await;
    let omar = [
        ("action", "acknowledge"),
        ("by", "Omar"),
        ("alert", "nothing_dispatched"),
    ];
    let second = failed.reply(&omar).await;
    let page = failed.follow(&second).await;
    let says = "It was done already: Dana acknowledged it";
    assert!(page.text.contains(says), "{}", page.text);
    assert_eq!(failed.alert().await.acknowledged, Some(taken_on));
    let codes = failed.app.history_codes(TONIGHT).await;
    assert!(codes.contains(&"acknowledged".to_owned()), "{codes:?}");
    for _ in 0..3 {
        failed.pass(TimeDelta::minutes(10)).await;
    }
    assert_eq!(failed.told(Change::Escalated), 0);
}

#[rstest]
#[case(&[("action", "acknowledge")], "Say who you are")]
#[case(&[("action", "acknowledge"), ("by", "  ")], "Say who you are")]
#[case(&[("action", "silence"), ("by", "Dana"), ("for", "1h")], "Say why")]
#[case(&[("action", "silence"), ("by", "Dana"), ("for", "99d"), ("reason", "x")], "Nothing was done")]
#[case(&[("action", "delete"), ("by", "Dana")], "Nothing was done")]
#[case(&[], "Nothing was done")]
#[tokio::test]
async fn a_reply_without_a_name_or_a_reason_does_nothing_and_says_so(
    #[case] form: &[(&str, &str)],
    #[case] says: &str,
) {
    let failed = Failed::night().await;
    let page = failed.reply(form).await;
    assert_eq!(page.status, 400, "{page:?}");
    assert!(page.text.contains(says), "{}", page.text);
    assert_eq!(failed.alert().await.acknowledged, None);
    assert_eq!(
        failed.app.get("/alerts").await.json()["silences"],
        json!([])
    );
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused_and_a_body_that_is_no_form_as_well() {
    let failed = Failed::night().await;
    let long = "a".repeat(65);
    let page = failed
        .reply(&[("action", "acknowledge"), ("by", &long)])
        .await;
    assert_eq!(page.status, 400);
    let page = failed.app.post(&failed.link(), "{\"by\": \"Dana\"}").await;
    assert_eq!(page.status, 400, "{page:?}");
    assert_eq!(failed.alert().await.acknowledged, None);
}

#[tokio::test]
async fn hostile_names_are_shown_as_they_are_and_never_run() {
    let failed = Failed::night().await;
    let hostile = "<script>alert(1)</script>\"'";
    let done = failed
        .reply(&[("action", "acknowledge"), ("by", hostile)])
        .await;
    let page = failed.follow(&done).await;
    assert!(!page.text.contains("<script"), "{}", page.text);
    assert!(
        page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{}",
        page.text
    );
    let refused = failed
        .reply(&[("action", "silence"), ("by", hostile), ("for", "1h")])
        .await;
    assert!(!refused.text.contains("<script"), "{}", refused.text);
    assert!(
        refused
            .text
            .contains("value=\"&lt;script&gt;alert(1)&lt;/script&gt;&quot;")
    );
    let elsewhere = failed.app.get("/runbooks/%3Cscript%3E").await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(elsewhere.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn hostile_players_are_shown_as_they_are_and_never_run() {
    let phone = Arc::new(RecordingChannel::default());
    let app = TestApp::start_telling(EARLY, &[("phone", phone.clone())], people()).await;
    app.send_out(&["<script>alert(1)</script>", "lebronjames"])
        .await;
    for _ in 0..LOOKS_MAX {
        if !phone.parcels().is_empty() {
            break;
        }
        app.clock.advance(TimeDelta::seconds(30));
        app.post("/tick", "").await;
    }
    let link = phone.parcels()[0].links.page.clone().unwrap();
    let page = app.get(link.strip_prefix(app.url()).unwrap()).await;
    assert!(page.text.contains("lebronjames"), "{}", page.text);
    assert!(
        page.text.contains("&lt;script&gt;alert(1)"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<script"), "{}", page.text);
}

#[tokio::test]
async fn a_reply_silences_what_the_message_told_of_and_twice_is_once() {
    let failed = Failed::night().await;
    let form = [
        ("action", "silence"),
        ("by", "Dana"),
        ("for", "tomorrow"),
        ("reason", "being mended"),
    ];
    let done = failed.reply(&form).await;
    let page = failed.follow(&done).await;
    assert!(
        page.text.contains("Dana silenced it until"),
        "{}",
        page.text
    );
    let silences = failed.app.get("/alerts").await.json()["silences"].clone();
    assert_eq!(silences[0]["kind"], "nothing_dispatched", "{silences:#}");
    assert_eq!(silences[0]["handoff"], "phase4-to-phase5");
    assert_eq!(silences[0]["until"], "2026-01-19T12:00:00-08:00");
    let again = failed.reply(&form).await;
    let page = failed.follow(&again).await;
    let says = "It was done already: Dana silenced it";
    assert!(page.text.contains(says), "{}", page.text);
    let silences = failed.app.get("/alerts").await.json()["silences"].clone();
    let kinds: Vec<&str> = silences
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    let told = failed.parcel().notices[0].told().len();
    assert_eq!(kinds.len(), told, "one for each kind: {kinds:?}");
    assert_eq!(failed.alert().await.acknowledged, None);
}

#[tokio::test]
async fn a_link_is_counted_by_its_pattern_and_never_by_its_token() {
    let failed = Failed::night().await;
    failed.app.get(&failed.link()).await;
    let metrics = failed.app.get("/metrics").await.text;
    let counted =
        "tipoff_http_requests_total{method=\"GET\",route=\"/respond/{token}\",status=\"2xx\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let token = failed.link().replace("/respond/", "");
    assert!(!metrics.contains(&token));
}

/// Runs the program against a service: its exit code and what it wrote.
async fn command(app: &TestApp, line: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tipoff"));
    command
        .env_clear()
        .arg("alerts")
        .args(line)
        .args(["--url", app.url()]);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = ran.await.unwrap();
    let written = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(written).unwrap())
}

#[tokio::test]
async fn the_command_line_lists_and_acknowledges_and_its_exit_code_says_whether_it_could() {
    let failed = Failed::night().await;
    let app = &failed.app;
    let (code, text) = command(app, &["list"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing_dispatched"), "{text}");
    let (code, text) = command(app, &["ack", "phase4-to-phase5/2026-01-19/gap_exceeded"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no alert is called"), "{text}");
    let (code, text) = command(app, &["ack", FAILED, "--by", "Dana"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text, "Dana acknowledged nothing_dispatched\n");
    assert_eq!(failed.alert().await.acknowledged.unwrap().by, "Dana");
    let silence = ["silence", "--handoff", "service", "--for", "1h"];
    let (code, text) = command(app, &silence).await;
    assert_eq!(code, Some(2), "an owner and a reason are needed: {text}");
    let whole = [&silence[..], &["--by", "Dana", "--reason", "x"]].concat();
    let (code, text) = command(app, &whole).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("nothing of the service itself is sent until"),
        "{text}"
    );
}

#[tokio::test]
async fn a_test_from_the_command_line_fails_where_a_channel_does() {
    let channels: [(&str, Arc<dyn Channel>); 2] = [
        ("phone", Arc::new(RecordingChannel::default())),
        ("slack", Arc::new(Refusing)),
    ];
    let app = TestApp::start_telling(EARLY, &channels, people()).await;
    let (code, text) = command(&app, &["test"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("FAILED  slack did not take the test: the token was revoked"),
        "{text}"
    );
    let (code, text) = command(&app, &["test", "--channel", "phone", "--json"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["ok"],
        json!(true)
    );
}

#[tokio::test]
async fn a_runbook_is_open_to_all_and_an_unknown_one_is_not_found() {
    let app = TestApp::start().await;
    let page = app.get("/runbooks/deadline_breached").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("<pre"), "{}", page.text);
    assert_eq!(app.get("/runbooks/nothing").await.status, 404);
}
