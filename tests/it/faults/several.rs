//! More than one thing is wrong at once: two dead channels, or one reader among several.
//!
//! One dead channel belongs to `slack` and `mail`.

use tipoff::domain::alert::{Change, Kind};

use super::{AFTER_HANG_MS, once_each, promised, scene::Scene};

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
    once_each(&scene, "");
    scene.app.stop().await;
}
