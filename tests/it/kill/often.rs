//! One night, killed again and again at moments that nobody chose.
//!
//! The chosen ones are in `points`.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{data::Plan, night::Night, proof::prove, push::Subscription};

/// Where the chances start; change it to have other moments.
const SEED: u64 = 20_260_119;
const KILLS: usize = 8;
/// How long a life lasts, in milliseconds.
const LIFE: std::ops::Range<u64> = 20..450;

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_night_still_comes_to_its_end() {
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let plan = Plan {
        in_flight_max: 60,
        failing: true,
        ..Plan::default()
    };
    let mut night = Night::begin(plan).await;
    night.finish_upstream().await;
    night.see("opened", |_| true).await;
    let pubsub = night.pubsub.clone();
    let event = night.event();
    let sent = tokio::spawn(async move { pubsub.publish(Subscription::Trigger, &event).await });
    for _ in 0..KILLS {
        let life = Duration::from_millis(random.random_range(LIFE));
        tokio::time::sleep(life).await;
        night.kill();
        night.start();
    }
    sent.await.unwrap();
    prove(&night).await;
}
