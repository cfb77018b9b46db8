//! What people do about alerts by API and command line: list, acknowledge and silence them, test the channels.
//!
//! When an alert opens, rises and is told of again is tested in the domain; a message's page in `http_respond`.

use std::{process::Command, sync::Arc};

use chrono::TimeDelta;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tipoff::{
    clock::Clock,
    domain::alert::{Change, Role},
    ports::{Channel, notice::Content},
};

use crate::{
    failed_night::{FAILED, Failed, Refusing, people},
    support::{Differs, EARLY, RecordingChannel, TONIGHT, TestApp, instant},
};

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
    let app = TestApp::start_as(Differs {
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
    assert_eq!(app.get("/runbooks/DeadlineBreached").await.status, 200);
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
async fn a_silence_holds_messages_back_and_at_its_end_what_still_holds_is_told() {
    let failed = Failed::night().await;
    failed.pass(TimeDelta::minutes(1)).await;
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
    failed.pass(instant(&until) - app.clock.now()).await;
    failed.until_told(Change::Reminded, 1).await;
    let last = failed.phone.notices().pop().unwrap();
    assert_eq!(last.told()[0].alert.told_up_to, Some(Role::Lead), "all");
    assert_eq!(app.get("/alerts").await.json()["silences"], json!([]));
}

#[tokio::test]
async fn what_one_silence_held_back_is_told_when_the_last_of_several_ends() {
    let failed = Failed::night().await;
    failed.pass(TimeDelta::minutes(1)).await;
    let silence = async |minutes: u32| {
        let body = json!({"handoff": "phase4-to-phase5", "for": format!("{minutes}m"), "by": "Dana",
            "reason": "the upstream is being mended"});
        let set = failed.app.post_json("/alerts/silence", body).await;
        assert_eq!(set.status, 202, "{set:?}");
    };
    silence(40).await;
    // It rises after ten minutes and after twenty, and would be told again after fifty.
    for _ in 0..5 {
        failed.pass(TimeDelta::minutes(5)).await;
    }
    silence(23).await;
    let before = failed.phone.notices().len();
    for minutes in [15, 7] {
        failed.pass(TimeDelta::minutes(minutes)).await;
    }
    assert_eq!(failed.phone.notices().len(), before, "nothing was sent");
    failed.pass(TimeDelta::minutes(1)).await;
    failed.until_told(Change::Reminded, 1).await;
    assert_eq!(failed.told(Change::Reminded), 1);
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
