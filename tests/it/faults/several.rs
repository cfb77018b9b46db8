//! More than one thing is wrong at once: two dead channels, or one reader among several.
//!
//! One dead channel belongs to `slack` and `mail`.

use tipoff::domain::alert::{Change, Kind};

use super::{
    AFTER_HANG_MS, once_each, promised,
    scene::{Differs, Scene, send_test},
};

#[tokio::test]
async fn with_slack_and_mail_dead_the_webhook_is_taken() {
    let mut scene = Scene::start().await;
    scene.slack.set_mode("error500").await;
    scene.mail.set_mode("hang");
    let warning = scene.warn().await;
    let last = scene.arrival(&warning, "hook").await;
    promised(
        "slack 500 and mail hang",
        scene.mail_failed_at().await,
        &last,
        AFTER_HANG_MS,
    );
    assert!(last.text.contains("email did not take"), "{last:#?}");
    scene.slack.set_mode("ok").await;
    scene.mail.set_mode("ok");
    scene.hurry(7).await;
    let over = scene.end_warning().await;
    for channel in ["slack", "email", "hook"] {
        scene.arrival(&over, channel).await;
    }
    for channel in ["slack", "email"] {
        let failing = (Kind::ChannelFailing, Some(channel));
        let opened = scene.notices_of(failing, Change::Opened).await.len();
        let resolved = scene.notices_of(failing, Change::Resolved).await.len();
        assert_eq!(
            (opened, resolved),
            (1, 1),
            "{channel}: {:#?}",
            scene.ledger().await
        );
    }
    scene.all_out().await;
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_channel_that_is_gone_goes_over_another_and_its_trouble_is_over() {
    let mut scene = Scene::start().await;
    scene.slack.set_mode("error500").await;
    let warning = scene.warn().await;
    scene.arrival(&warning, "email").await;
    let failing = (Kind::ChannelFailing, Some("slack"));
    scene.told_of(failing, Change::Opened).await;
    let nowhere = send_test(&scene, "test/1", "pager").await;
    scene.slack.set_mode("ok").await;
    let scene = scene.restart_with_slack_as("chat").await;
    let round = scene.arrival(&nowhere, "email").await;
    assert!(round.text.contains("not configured any more"), "{round:#?}");
    let over = scene.told_of(failing, Change::Resolved).await;
    for channel in ["email", "hook"] {
        scene.arrival(&over, channel).await;
    }
    scene.all_out().await;
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn that_it_is_over_is_told_on_the_alarms_route_where_its_channel_is_gone() {
    let scene = Scene::start().await;
    let warning = scene.warn().await;
    scene.arrival(&warning, "slack").await;
    let scene = scene.restart_with_slack_as("chat").await;
    let over = scene.end_warning().await;
    scene.arrival(&over, "slack").await;
    scene.all_out().await;
    scene.app.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_once_makes_one_repeat_that_says_so() {
    let mut scene = Scene::start().await;
    scene.slack.set_mode("cut").await;
    scene.mail.set_mode("cut");
    let critical = scene.raise().await;
    scene.arrival(&critical, "slack").await;
    scene.slack.set_mode("ok").await;
    scene.arrival(&critical, "email").await;
    scene.mail.set_mode("ok");
    for channel in ["slack", "email"] {
        scene.arrived_late(&critical, channel).await;
        let all = scene.arrivals_of(&critical, channel);
        assert_eq!(all.len(), 2, "{channel}: {all:#?}");
    }
    scene.all_out().await;
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn a_reader_whom_the_server_refuses_stops_mail_to_nobody_else_and_is_told_of_once() {
    let people = r#"
[[people]]
name = "Dana"
role = "developer"
email = "dana@example.com"
[[people]]
name = "Lea"
role = "lead"
email = "lea@example.com"
"#;
    let mut scene = Scene::start_as(Differs {
        config: people,
        alerts: "escalate_on_call_after = \"1s\"\nescalate_lead_after = \"1s\"",
        ..Differs::default()
    })
    .await;
    scene.mail.set_mode("perm lea@example.com");
    let critical = scene.raise().await;
    let first = scene.arrival(&critical, "email").await;
    assert_eq!(first.readers, ["dana@example.com"]);
    // The lead is told, too: the server refuses her, so the webhook is taken.
    let risen = scene.told(Kind::WorkersSilent, Change::Escalated).await;
    let instead = scene.arrival(&risen, "hook").await;
    assert!(instead.text.contains("550"), "{instead:#?}");
    let failing = (Kind::ChannelFailing, Some("email"));
    scene.told_of(failing, Change::Opened).await;
    // Whoever else is written to is reached, for as long as it takes.
    for number in 0..3 {
        let test = send_test(&scene, &format!("test/{number}"), "email").await;
        let taken = scene.arrival(&test, "email").await;
        assert_eq!(taken.readers, ["dana@example.com"]);
        scene.hurry(6).await;
    }
    let opened = scene.notices_of(failing, Change::Opened).await;
    assert_eq!(
        opened.len(),
        1,
        "it is told of again and again: {:#?}",
        scene.ledger().await
    );
    scene.app.stop().await;
}
