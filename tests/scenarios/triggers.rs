//! What asks for a night, and for which: triggers at once, dates without games, zones, games that move.
//!
//! What happens between trigger and dispatch belongs to `start`.

use chrono::TimeDelta;
use serde_json::json;
use sqlx::{ConnectOptions, Connection, Executor, sqlite::SqliteConnectOptions};
use tipoff::domain::{alert::Kind, zone};

use super::{
    night::{Night, Plan},
    slate,
};
use crate::support::trigger_push;

#[tokio::test]
async fn two_triggers_at_the_same_instant_are_one_dispatch() {
    let night = Night::begin().await;
    night.fill(40, 4).await;
    let event = night.event();
    let (one, other, person) = tokio::join!(
        night.post("/trigger", trigger_push("1", &event)),
        night.post("/trigger", trigger_push("2", &event)),
        night.post("/start", json!({})),
    );
    let statuses = [one.status, other.status, person.status];
    assert_eq!(statuses, [202; 3], "{one:?} {other:?} {person:?}");
    night.until_state("complete").await;
    assert_eq!(night.post.sent().len(), 40, "each once");
    assert_eq!(night.times("frozen").await, 1);
    assert_eq!(night.downstream.announced().len(), 1);
}

#[tokio::test]
async fn the_same_message_twice_is_one_trigger_and_the_second_says_so() {
    let night = Night::begin().await;
    night.fill(20, 2).await;
    let message = trigger_push("7", &night.event());
    assert_eq!(night.post("/trigger", message.clone()).await.status, 202);
    let again = night.post("/trigger", message.clone()).await;
    assert_eq!(again.status, 200, "{again:?}");
    night.until_state("complete").await;
    let late = night.post("/trigger", message).await;
    assert_eq!(late.status, 200, "{late:?}");
    night.pass(TimeDelta::minutes(5)).await;
    assert_eq!(night.post.sent().len(), 20);
    let why = night.why().await;
    let told = why
        .iter()
        .filter(|(_, text)| text.contains("accepted before"));
    assert_eq!(told.count(), 2, "{why:#?}");
}

#[tokio::test]
async fn incident_49_a_handful_of_players_for_ten_games_is_told_though_all_are_answered() {
    let night = Night::begin_as(Plan {
        game_date: "2026-02-19",
        begin: "2026-02-19T07:00:00Z",
        workers: Some(tipoff::sinks::local::Behaviour::default()),
        ..Plan::default()
    })
    .await;
    let contexts = night.list(&slate::players(200), 10).await;
    night.feature(&contexts[6..], false).await;
    night.feature(&contexts[..6], true).await;
    night.finish_upstream().await;
    night.post("/trigger", night.event()).await;
    night.post("/start", json!({"force": true})).await;
    let status = night.until_state("complete").await;
    assert_eq!(status["counts"]["predicted"], 6);
    let told = night.opened(Kind::SlateMismatch).unwrap();
    assert_eq!(
        told.text,
        "6 ready for 10 games: 0.6 a game where 10 are usual"
    );
    let told = night.opened(Kind::GameWithoutPredictions).unwrap();
    assert!(
        told.text.starts_with("4 of 10 games have no prediction"),
        "{told:?}"
    );
}

#[tokio::test]
async fn incident_51_a_postponed_game_shrinks_the_plan_and_leaves_no_orphans() {
    let night = Night::begin_alone().await;
    let players = night.send_out(20, 4).await;
    let (moved, played): (Vec<_>, Vec<_>) = players
        .iter()
        .cloned()
        .enumerate()
        .partition(|(number, _)| slate::game(*number, 4) == slate::game(3, 4));
    let played: Vec<String> = played.into_iter().map(|(_, player)| player).collect();
    night.answer_for(&played).await;
    for (table, file) in [
        ("upcoming_player_game_context", "nba_analytics"),
        ("ml_feature_store_v2", "nba_predictions"),
    ] {
        forget_game(&night, file, table, "game3").await;
    }
    night
        .post("/trigger", trigger_push("2", &night.event()))
        .await;
    let status = night.until_state("complete").await;
    assert_eq!(
        (status["counts"]["ready"].as_u64(), moved.len()),
        (Some(15), 5)
    );
    assert_eq!(status["counts"]["predicted"], 15);
    assert_eq!(status["verdict"], "met");
    let why = night.why().await;
    let told = why
        .iter()
        .any(|(_, text)| text.starts_with("5 players of the earlier plan"));
    assert!(told, "{why:#?}");
}

async fn forget_game(night: &Night, file: &str, table: &str, game: &str) {
    let path = night.warehouse_folder().join(format!("{file}.sqlite"));
    assert!(path.exists(), "{}", path.display());
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    let sql = format!("DELETE FROM {table} WHERE game_id = '{game}'");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn incident_64_a_date_without_games_is_not_expected_and_nobody_is_told_anything() {
    let night = Night::begin_as(Plan {
        game_date: "2026-02-13",
        begin: "2026-02-13T07:00:00Z",
        ..Plan::default()
    })
    .await;
    night.pass_until("2026-02-14T04:00:00Z").await;
    let status = night.status().await;
    assert_eq!(status["state"], "not_expected");
    assert_eq!(
        (&status["verdict"], &status["deadline_at"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(night.ears.heard(), []);
}

#[tokio::test]
async fn incident_71_zones_are_in_the_binary_and_today_is_the_calendars() {
    zone::self_test().unwrap();
    let night = Night::begin_as(Plan {
        begin: "2026-01-20T04:59:59Z",
        ..Plan::default()
    })
    .await;
    for (at, today) in [
        ("2026-01-20T04:59:59Z", "2026-01-19"),
        ("2026-01-20T05:00:00Z", "2026-01-20"),
    ] {
        night.pass_until(at).await;
        let started = night.post("/start", json!({"game_date": "TODAY"})).await;
        assert_eq!(started.json()["game_date"], today, "{started:?}");
    }
}

#[tokio::test]
async fn incident_73_half_past_five_in_the_evening_pacific_is_still_today() {
    // In UTC it is the next day already.
    let night = Night::begin_as(Plan {
        begin: "2026-01-20T01:30:00Z",
        workers: Some(tipoff::sinks::local::Behaviour::default()),
        ..Plan::default()
    })
    .await;
    night.fill(20, 2).await;
    let started = night.post("/start", json!({})).await;
    assert_eq!(started.json()["game_date"], "2026-01-19", "{started:?}");
    let status = night.until_state("complete").await;
    assert_eq!(status["game_date"], "2026-01-19");
    let dates: Vec<_> = night
        .post
        .sent()
        .iter()
        .map(|(_, sent)| sent.game_date)
        .collect();
    assert_eq!(dates, vec![night.game_date; 20]);
}
