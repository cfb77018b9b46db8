//! Nights that waited for ever, tried for ever, or never tried again.
//!
//! How fast units go out belongs to `delivery`.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;
use tipoff::{
    domain::{
        alert::{Kind, Severity},
        ids::UnitId,
    },
    ports::notice::Content,
    sinks::local::{Behaviour, Fate, Override, Share},
};

use super::{
    night::{Night, Plan},
    slate,
};
use crate::support::instant;

/// These players meet that fate, up to that attempt.
fn fates(players: &[String], fate: &Fate, attempts_max: Option<u32>) -> Behaviour {
    let given = |player: &String| {
        let fate = fate.clone();
        (UnitId::new(player), Override { fate, attempts_max })
    };
    Behaviour {
        overrides: players.iter().map(given).collect(),
        ..Behaviour::default()
    }
}

async fn begin(behaviour: Behaviour) -> Night {
    Night::begin_as(Plan {
        workers: Some(behaviour),
        ..Plan::default()
    })
    .await
}

/// How often each player was sent.
fn attempts(night: &Night) -> BTreeMap<String, usize> {
    let mut attempts = BTreeMap::new();
    for (_, request) in night.post.sent() {
        *attempts.entry(request.unit.unit.to_string()).or_default() += 1;
    }
    attempts
}

#[tokio::test]
async fn incident_32_a_batch_of_103_of_104_settles_by_the_stall_rule_and_the_gap_is_retried() {
    let last = slate::players(104).split_off(103);
    let night = begin(fates(&last, &Fate::Silent, Some(1))).await;
    night.send_out(104, 8).await;
    night
        .until(|status| status["counts"]["predicted"] == 103)
        .await;
    let answered = night.now();
    let status = night.until_state("partial").await;
    assert_eq!(status["counts"]["gap"], 1);
    let quiet = night.now() - answered;
    assert!(quiet <= TimeDelta::minutes(11), "{quiet}");
    assert_eq!(night.times("quiet").await, 1);
    night.until_state("complete").await;
    assert!(
        night.now() - answered < TimeDelta::minutes(15),
        "not 79 min"
    );
    assert_eq!(attempts(&night)[&last[0]], 2);
    assert_eq!(night.post.sent().len(), 105, "nobody else was asked again");
}

#[tokio::test]
async fn incident_33_a_time_out_needs_no_message() {
    let night = Night::begin_alone().await;
    let players = night.send_out(20, 2).await;
    night.answer_for(&players[..5]).await;
    let last = night.post.sent().pop().unwrap().0;
    let status = night.until_state("partial").await;
    let waited = night.now() - last;
    assert!(
        waited >= TimeDelta::minutes(30) && waited < TimeDelta::minutes(31),
        "{waited}"
    );
    assert_eq!(status["counts"]["gap"], 15);
    assert_eq!(
        (
            night.times("timed_out").await > 0,
            night.times("batch_limit").await
        ),
        (true, 1)
    );
    assert!(night.opened(Kind::BatchStalled).is_some());
    night.until_state("running").await;
    assert_eq!(
        night.post.sent().len(),
        35,
        "and what is missing is sent again by itself"
    );
}

#[tokio::test]
async fn incident_34_players_who_are_out_are_answers_and_attempts_are_capped() {
    let players = slate::players(40);
    let out = fates(
        &players[..10],
        &Fate::Skipped("player_injury_out".to_owned()),
        None,
    );
    let errors = fates(
        &players[10..14],
        &Fate::Failed("worker_error".to_owned()),
        None,
    );
    let overrides = out.overrides.into_iter().chain(errors.overrides).collect();
    let night = begin(Behaviour {
        overrides,
        ..Behaviour::default()
    })
    .await;
    night.send_out(40, 4).await;
    night.pass_until("2026-01-19T16:00:00Z").await;
    for _ in 0..3 {
        night.post("/retry", json!({})).await;
        night.pass(TimeDelta::minutes(5)).await;
    }
    let sent = attempts(&night);
    assert!(
        players[..10].iter().all(|player| sent[player] == 1),
        "{sent:?}"
    );
    assert!(
        players[10..14].iter().all(|player| sent[player] == 3),
        "{sent:?}"
    );
    let status = night.status().await;
    assert_eq!(
        (&status["counts"]["skipped"], &status["counts"]["gap"]),
        (&json!(10), &json!(4))
    );
    assert_eq!(status["reasons"]["player_injury_out"], 10);
    assert!(
        night.times("no_retry").await > 0,
        "and it says why no more are sent"
    );
}

#[tokio::test]
async fn incident_35_skips_without_a_completion_do_not_hold_the_night_and_are_named() {
    let silent = slate::players(95).split_off(82);
    let night = begin(fates(&silent, &Fate::Silent, None)).await;
    night.send_out(95, 5).await;
    let status = night.until_state("partial").await;
    assert_eq!(
        (&status["counts"]["predicted"], &status["counts"]["gap"]),
        (&json!(82), &json!(13))
    );
    let message = night
        .ears
        .messages()
        .into_iter()
        .find(|message| {
            message
                .told()
                .iter()
                .any(|told| told.alert.kind == Kind::CompletionLow)
        })
        .unwrap();
    let Content::Alerts { units, .. } = &message.content else {
        panic!("no alert: {message:?}");
    };
    let mut named: Vec<String> = units.iter().map(|open| open.unit.to_string()).collect();
    named.sort();
    assert_eq!(named, silent, "{message:?}");
    night.pass_until("2026-01-19T15:00:00Z").await;
    let told = night.opened(Kind::DeadlineBreached).unwrap();
    assert_eq!(
        (told.severity, told.at),
        (Severity::Critical, instant("2026-01-19T15:00:00Z"))
    );
}

#[tokio::test]
async fn incident_35_rows_without_a_completion_are_found_by_reconciliation() {
    let silent = slate::players(95).split_off(82);
    let night = begin(fates(&silent, &Fate::StoredSilently, None)).await;
    night.send_out(95, 5).await;
    let status = night.until_state("complete").await;
    assert_eq!(status["counts"]["predicted"], 95);
    assert_eq!(night.post.sent().len(), 95);
}

#[tokio::test]
async fn incident_79_a_retry_storm_ends_at_the_nights_budget() {
    let night = Night::begin_as(Plan {
        config: "[[handoffs]]\nid = \"phase4-to-phase5\"\n[handoffs.retry]\nattempts_max = 50\n",
        workers: Some(Behaviour {
            failures: vec![Share {
                reason: "schema_drift".to_owned(),
                share: 1.0,
            }],
            ..Behaviour::default()
        }),
        ..Plan::default()
    })
    .await;
    night.send_out(30, 3).await;
    for _ in 0..20 {
        night.post("/retry", json!({})).await;
        night.pass(TimeDelta::minutes(3)).await;
    }
    assert_eq!(
        night.post.sent().len(),
        30 + 2 * 30,
        "two nights' units, whoever asks"
    );
    let why = night.why().await;
    let spent = |(code, text): &(String, String)| code == "no_retry" && text.contains("budget");
    assert!(why.iter().any(spent), "{why:#?}");
    assert_eq!(night.metric("tipoff_retried_units_total", &[]).await, 60.0);
}
