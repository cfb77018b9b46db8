//! The mail server is dead in each way it can be: what is critical goes to the webhook in its place.
//!
//! Slack belongs to `slack`, several dead channels to `several`.

use rstest::rstest;
use tipoff::domain::alert::{Change, Kind};

use super::{
    AFTER_HANG_MS, AFTER_REFUSAL_MS, once_each, promised,
    scene::{Differs, Scene},
};

const FAILING: (Kind, Option<&str>) = (Kind::ChannelFailing, Some("email"));

#[rstest]
#[case::later("temp", "451", AFTER_REFUSAL_MS)]
#[case::never("perm", "550", AFTER_REFUSAL_MS)]
#[case::silent("hang", "no answer within 4.0 s", AFTER_HANG_MS)]
#[case::refused("refuse", "refused", AFTER_REFUSAL_MS)]
#[case::cut("cut", "", AFTER_REFUSAL_MS)]
#[tokio::test]
async fn what_is_critical_and_mail_does_not_take_goes_to_the_webhook_and_late_by_mail_too(
    #[case] mode: &str,
    #[case] error: &str,
    #[case] most: f64,
) {
    let mut scene = Scene::start().await;
    scene.mail.set_mode(mode);
    let critical = scene.raise().await;
    let at_once = scene.arrival(&critical, "slack").await;
    assert!(
        at_once.at - scene.decided_at(&critical) < AFTER_REFUSAL_MS,
        "{at_once:#?}"
    );
    let instead = scene.arrival(&critical, "hook").await;
    let failed_at = match mode {
        // Nobody sees a connection that is not taken.
        "refuse" => scene.decided_at(&critical),
        _ => scene.mail_failed_at().await,
    };
    promised(&format!("mail {mode}"), failed_at, &instead, most);
    assert!(
        instead.text.contains("email did not take this message"),
        "{instead:#?}"
    );
    assert!(instead.text.contains(error), "{error}: {instead:#?}");

    let dead = scene.told_of(FAILING, Change::Opened).await;
    for channel in ["slack", "hook"] {
        let told = scene.arrival(&dead, channel).await;
        println!(
            "FIGURE mail {mode}: {:.0} ms to {channel}, of the channel itself",
            told.at - failed_at
        );
    }

    scene.mail.set_mode("ok");
    scene.hurry(7).await;
    scene.arrived_late(&critical, "email").await;
    let alive = scene.told_of(FAILING, Change::Resolved).await;
    for channel in ["slack", "hook"] {
        scene.arrival(&alive, channel).await;
    }
    let over = scene.end_critical().await;
    for channel in ["slack", "email", "hook"] {
        scene.arrival(&over, channel).await;
    }
    scene.all_out().await;
    assert_eq!(scene.notices_of(FAILING, Change::Opened).await.len(), 1);
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn a_greylisted_mail_comes_a_moment_late_and_is_no_dead_channel() {
    let mut scene = Scene::start().await;
    scene.mail.set_mode("greylist 1");
    let critical = scene.raise().await;
    let instead = scene.arrival(&critical, "hook").await;
    promised(
        "mail greylisting",
        scene.mail_failed_at().await,
        &instead,
        AFTER_REFUSAL_MS,
    );
    let late = scene.arrived_late(&critical, "email").await;
    println!(
        "FIGURE mail greylisting: {:.0} ms to email itself",
        late.at - scene.mail_failed_at().await
    );
    assert!(!late.text.contains("may be a repeat"), "{late:#?}");
    scene.all_out().await;
    assert!(scene.notices_of(FAILING, Change::Opened).await.is_empty());
    once_each(&scene);
    scene.app.stop().await;
}

#[tokio::test]
async fn a_server_that_hides_its_encryption_is_told_nothing_and_is_a_dead_channel() {
    let scene = Scene::start_as(Differs {
        stripped: true,
        ..Differs::default()
    })
    .await;
    let critical = scene.raise().await;
    let instead = scene.arrival(&critical, "hook").await;
    promised(
        "mail stripped STARTTLS",
        scene.decided_at(&critical),
        &instead,
        AFTER_REFUSAL_MS,
    );
    assert!(instead.text.contains("STARTTLS"), "{instead:#?}");
    let dead = scene.told_of(FAILING, Change::Opened).await;
    scene.arrival(&dead, "slack").await;
    assert!(scene.mail.messages().is_empty());
    once_each(&scene);
    scene.app.stop().await;
}
