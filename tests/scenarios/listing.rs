//! Questions of readiness and listings of a wave's units that fail, or take longer than whoever asks may keep the work.
//!
//! What a listing holds belongs to `slate`.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::sync::Notify;

use super::{night::Night, slate, witness::Turn};

#[tokio::test]
async fn a_listing_that_fails_ahead_of_its_wave_is_made_again() {
    let night = Night::begin_alone().await;
    night.tables.listings.lock().unwrap().push_back(Turn::Fails);
    night.send_out(10, 1).await;
    assert_eq!(night.post.sent().len(), 10);
}

#[tokio::test]
async fn what_is_ready_by_an_event_that_comes_while_units_are_listed_is_sent_too() {
    let night = Night::begin_alone().await;
    let until = Arc::new(Notify::new());
    let lingers = Turn::Lingers(until.clone());
    night.tables.listings.lock().unwrap().push_back(lingers);
    night.fill(10, 1).await;
    night.post("/trigger", night.event()).await;
    night.tables.waits.notified().await;

    night.clock.advance(TimeDelta::seconds(1));
    let contexts = night.list(&slate::players(15), 1).await;
    night.feature(&contexts, true).await;
    let mut event = night.event();
    event["execution_id"] = "x2".into();
    let answer = night.post("/trigger", event).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    until.notify_one();
    night.until_state("running").await;
    assert_eq!(night.post.sent().len(), 15);
}

/// Seed 37033 of the simulated nights: what was listed twice belonged to the plan and to no count.
#[tokio::test]
async fn what_is_listed_when_its_wave_has_long_been_frozen_is_not_staged() {
    let night = Night::begin_alone().await;
    let until = Arc::new(Notify::new());
    night
        .tables
        .listings
        .lock()
        .unwrap()
        .extend([Turn::Fails, Turn::Waits(until.clone())]);
    night.fill(10, 1).await;
    night.post("/trigger", night.event()).await;
    night.tables.waits.notified().await;

    night.clock.advance(TimeDelta::seconds(61));
    night.until_state("running").await;
    let all = slate::players(15);
    let contexts = night.list(&all, 1).await;
    night.feature(&contexts, true).await;
    until.notify_one();
    until_done_twice(&night, "stage").await;

    assert_eq!(night.units().await, 10, "nothing was staged afterwards");
    assert_eq!(
        (night.count("ready").await, night.post.sent().len()),
        (10, 10)
    );
}

/// Each of two who did the same effect, for the lease of one ran out, has come to its end.
async fn until_done_twice(night: &Night, effect: &str) {
    let labels = [format!("\"{effect}\""), "\"done\"".to_owned()];
    let labels = labels.each_ref().map(String::as_str);
    while night.metric("tipoff_effects_total", &labels).await < 2.0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_answer_about_readiness_that_comes_when_another_has_answered_is_not_taken() {
    let night = Night::begin_alone().await;
    let contexts = night.list(&slate::players(10), 1).await;
    night.finish_upstream().await;
    let until = Arc::new(Notify::new());
    let lingers = Turn::Lingers(until.clone());
    night.tables.readings.lock().unwrap().push_back(lingers);
    night.post("/trigger", night.event()).await;
    night.tables.waits.notified().await;

    night.feature(&contexts, true).await;
    night.clock.advance(TimeDelta::seconds(61));
    night.until_state("running").await;
    until.notify_one();
    until_done_twice(&night, "ask_readiness").await;

    assert_eq!(night.count("ready").await, 10);
    assert_eq!(night.times("outdated").await, 0);
}

#[tokio::test]
async fn a_first_page_that_was_listed_ahead_is_not_listed_again() {
    let night = Night::begin_alone().await;
    night.fill(1_200, 5).await;
    night.post("/trigger", night.event()).await;
    night.until_state("dispatching").await;
    assert_eq!(night.units().await, 1_200);
    assert_eq!(night.tables.listed.load(Ordering::SeqCst), 2, "two pages");
}
