//! The key server fails, and keys change: good tokens are heard as long as anything is known of them.

use futures::future::join_all;

use super::{
    AUDIENCE, Clock, Duration, Fault, Google, PUSH, Scene, Signer, TimeDelta, claims, json,
};

fn faults() -> [Fault; 5] {
    [
        Fault::Status(500, "later".to_owned()),
        Fault::Status(200, "<html>garbage</html>".to_owned()),
        Fault::Status(
            200,
            json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "signer-1"}]}).to_string(),
        ),
        Fault::CutAfter,
        Fault::Slow(Duration::from_secs(3)),
    ]
}

fn token_of(scene: &Scene, signer: Signer) -> String {
    signer.token(&signer.header(), &claims(AUDIENCE, PUSH, scene.now()))
}

#[tokio::test]
async fn sixty_four_first_calls_at_once_are_all_heard_after_one_fetch() {
    let google = Google::start().await;
    google
        .faults
        .add("/certs", 1, Fault::Slow(Duration::from_millis(300)));
    let scene = Scene::start_with(google, "").await;
    let token = scene.push_token();
    let answers = join_all((0..64).map(|_| scene.push(&token))).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(scene.google.keys.asked(), 1);
}

#[tokio::test]
async fn with_keys_in_hand_a_failing_key_server_turns_nobody_away() {
    for fault in faults() {
        let scene = Scene::start().await;
        scene.google.faults.add("/certs", usize::MAX, fault.clone());
        scene.clock.advance(TimeDelta::hours(7));
        // A key that is not known cannot be asked for: 503, never 401.
        let unknown = scene.push(&token_of(&scene, Signer(2))).await;
        assert_eq!(unknown, 503, "{fault:?}");
        let good = token_of(&scene, Signer(1));
        assert_eq!(scene.push(&good).await, 200, "{fault:?}");
    }
}

#[tokio::test]
async fn keys_of_a_day_ago_are_believed_no_more_until_they_are_confirmed() {
    let scene = Scene::start().await;
    let fault = Fault::Status(500, "later".to_owned());
    scene.google.faults.add("/certs", usize::MAX, fault);
    scene
        .clock
        .advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert_eq!(scene.push(&token_of(&scene, Signer(1))).await, 200);
    scene.clock.advance(TimeDelta::seconds(1));
    assert_eq!(scene.push(&token_of(&scene, Signer(1))).await, 503);
    scene.google.faults.clear();
    scene.clock.advance(TimeDelta::minutes(1));
    assert_eq!(scene.push(&token_of(&scene, Signer(1))).await, 200);
}

#[tokio::test]
async fn without_keys_a_push_is_told_to_come_again_and_heard_when_they_are_there() {
    for fault in faults() {
        let google = Google::start().await;
        google.faults.add("/certs", usize::MAX, fault.clone());
        let scene = Scene::start_with(google, "").await;
        let token = token_of(&scene, Signer(1));
        assert_eq!(scene.push(&token).await, 503, "{fault:?}");
        assert_eq!(scene.refusals("keys_unavailable").await, 1.0);
        assert_eq!(
            scene.metric("tipoff_identity_keys_timestamp_seconds").await,
            0.0
        );
        scene.google.faults.clear();
        scene.clock.advance(TimeDelta::minutes(1));
        let mut status = scene.push(&token).await;
        // The slow look of before may still be under way; the next follows it.
        while status == 503 {
            scene.clock.advance(TimeDelta::seconds(31));
            status = scene.push(&token).await;
        }
        assert_eq!(status, 200, "{fault:?}");
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_once_and_the_one_it_replaced_is_refused() {
    let scene = Scene::start().await;
    scene.google.keys.publish(&[Signer(2)]);
    let new = token_of(&scene, Signer(2));
    // Within half a minute of the last look nothing is asked, however many call.
    let answers = join_all((0..32).map(|_| scene.push(&new))).await;
    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    assert_eq!(scene.google.keys.asked(), 1);
    scene.clock.advance(TimeDelta::seconds(30));
    let answers = join_all((0..32).map(|_| scene.push(&new))).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(scene.google.keys.asked(), 2);
    let old = token_of(&scene, Signer(1));
    assert_eq!(scene.push(&old).await, 401);
    assert_eq!(scene.refusals("unknown_key").await, 33.0);
    assert_eq!(scene.google.keys.asked(), 2, "once half a minute is enough");
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_are_no_longer_fresh() {
    let scene = Scene::start().await;
    scene.google.keys.publish(&[Signer(1), Signer(3)]);
    scene.clock.advance(TimeDelta::seconds(20_000));
    while scene.google.keys.asked() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.push(&token_of(&scene, Signer(3))).await, 200);
    assert_eq!(scene.google.keys.asked(), 2);
    assert!(scene.clock.now() > scene.google.keys.now());
}
