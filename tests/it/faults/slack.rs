//! Slack is dead in each way it can be: a warning goes by mail.
//!
//! Mail belongs to `mail`, several dead channels to `several`.

use std::time::Duration;

use rstest::rstest;
use tipoff::domain::alert::{Change, Kind};

use super::{AFTER_HANG_MS, AFTER_REFUSAL_MS, once_each, promised, scene::Scene};

const FAILING: (Kind, Option<&str>) = (Kind::ChannelFailing, Some("slack"));

#[rstest]
#[case::not_found("notfound", "404", AFTER_REFUSAL_MS)]
#[case::too_many("ratelimit 2", "ratelimit", AFTER_REFUSAL_MS)]
#[case::server_error("error500", "500", AFTER_REFUSAL_MS)]
#[case::not_ok("okfalse is_archived", "is_archived", AFTER_REFUSAL_MS)]
#[case::silent("hang", "no answer within 4.0 s", AFTER_HANG_MS)]
#[case::refused("refuse", "refused", AFTER_REFUSAL_MS)]
#[case::cut("cut", "", AFTER_REFUSAL_MS)]
#[tokio::test]
async fn a_warning_that_slack_does_not_take_goes_by_mail_and_late_to_slack_too(
    #[case] mode: &str,
    #[case] error: &str,
    #[case] most: f64,
) {
    let mut scene = Scene::start().await;
    scene.slack.set_mode(mode).await;
    let warning = scene.warn().await;
    let by_mail = scene.arrival(&warning, "email").await;
    let failed_at = match mode {
        // Nobody sees a connection that is not taken.
        "refuse" => scene.decided_at(&warning),
        _ => scene.slack_failed_at(&warning).await,
    };
    promised(&format!("slack {mode}"), failed_at, &by_mail, most);
    assert!(
        by_mail.text.contains("slack did not take this message"),
        "{by_mail:#?}"
    );
    let words = by_mail
        .text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(words.contains(error), "{error}: {words}");

    // The channel itself is told of, over the others.
    let dead = scene.told_of(FAILING, Change::Opened).await;
    for channel in ["email", "hook"] {
        let told = scene.arrival(&dead, channel).await;
        println!(
            "FIGURE slack {mode}: {:.0} ms to {channel}, of the channel itself",
            told.at - failed_at
        );
    }

    scene.slack.set_mode("ok").await;
    scene.hurry(7).await;
    let late = scene.arrived_late(&warning, "slack").await;
    let doubtful = mode == "cut" || mode == "hang";
    assert_eq!(late.text.contains("may be a repeat"), doubtful, "{late:#?}");
    let alive = scene.told_of(FAILING, Change::Resolved).await;
    for channel in ["email", "hook"] {
        scene.arrival(&alive, channel).await;
    }
    let over = scene.end_warning().await;
    for channel in ["slack", "email"] {
        scene.arrival(&over, channel).await;
    }
    scene.all_out().await;
    assert!(
        scene.arrivals_of(&over, "hook").is_empty(),
        "it did not get the alarm"
    );
    assert_eq!(scene.notices_of(FAILING, Change::Opened).await.len(), 1);
    once_each(&scene);
    scene.app.stop().await;
}

/// As long as 500 may last: by default the quick one, and the one that the promise names when asked for.
#[rstest]
#[case::five_seconds(5)]
#[ignore = "takes a minute"]
#[case::thirty_seconds(30)]
#[tokio::test]
async fn slack_that_is_back_by_itself_gets_what_it_missed(#[case] seconds: u64) {
    let mut scene = Scene::start().await;
    scene.slack.set_mode("error500").await;
    let warning = scene.warn().await;
    let by_mail = scene.arrival(&warning, "email").await;
    let failed_at = scene.slack_failed_at(&warning).await;
    promised(
        &format!("slack 500 for {seconds} s"),
        failed_at,
        &by_mail,
        AFTER_REFUSAL_MS,
    );
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    scene.slack.set_mode("ok").await;
    let back_at = scene.slack.events().last().unwrap()["at"].as_f64().unwrap();
    let late = scene.arrived_late(&warning, "slack").await;
    println!(
        "FIGURE slack 500 for {seconds} s: {:.0} ms late success after it is back",
        late.at - back_at
    );
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn an_alert_that_is_over_before_slack_is_back_is_not_told_there_late() {
    let mut scene = Scene::start().await;
    scene.slack.set_mode("error500").await;
    let warning = scene.warn().await;
    scene.arrival(&warning, "email").await;
    let over = scene.end_warning().await;
    scene.arrival(&over, "email").await;
    scene.slack.set_mode("ok").await;
    scene.hurry(7).await;
    scene.all_out().await;
    assert!(scene.arrivals_of(&warning, "slack").is_empty());
    assert!(
        scene.arrivals_of(&over, "slack").is_empty(),
        "it never got the alarm"
    );
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_heeded_by_both_lanes() {
    let mut scene = Scene::start().await;
    scene.slack.set_mode("ratelimit 20").await;
    let warning = scene.warn().await;
    let refused_at = scene.slack_failed_at(&warning).await;
    // By then the service has heard of the refusal.
    scene.arrival(&warning, "email").await;
    let critical = scene.raise().await;
    scene.arrival(&critical, "email").await;
    let instead = scene.arrival(&critical, "hook").await;
    assert!(instead.text.contains("slack"), "{instead:#?}");
    let dead = scene.slack.events();
    let posts: Vec<_> = dead
        .iter()
        .filter(|it| {
            it["payload"]["metadata"]["event_type"] == "tipoff_notice"
                && it["at"].as_f64().unwrap() > refused_at + 1.0
        })
        .collect();
    assert!(
        posts.is_empty(),
        "refused at {refused_at}, it was asked again within 20 s: {posts:#?}"
    );
    scene.app.stop().await;
}
