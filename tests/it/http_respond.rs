//! What the reader of a message does on its page: look, acknowledge, silence; and what no link can do.
//!
//! The calls of people with a token belong to `http_alerts`, a real browser to `browser`.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tipoff::{clock::Clock, domain::alert::Change};

use crate::{
    failed_night::{Failed, LOOKS_MAX, people},
    support::{EARLY, RecordingChannel, TONIGHT, TestApp},
};

const DANA: [(&str, &str); 2] = [("action", "acknowledge"), ("by", "Dana")];

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

#[tokio::test]
async fn a_runbook_is_open_to_all_and_an_unknown_one_is_not_found() {
    let app = TestApp::start().await;
    let page = app.get("/runbooks/DeadlineBreached").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("<pre"), "{}", page.text);
    assert_eq!(app.get("/runbooks/nothing").await.status, 404);
}
