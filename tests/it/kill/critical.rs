//! Critical alerts, which have a lane of their own: each life of the service finds one more handoff whose deadline has
//! passed with nothing predicted, and is killed while it tells.
//!
//! Warnings are in `alerts`.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    office::{Office, Routing, handoff},
    told,
};

const SEED: u64 = 20_260_119;
const HANDOFFS: usize = 9;
const UNLIMITED: u32 = 1_000_000;
/// How long a life lasts, in microseconds.
const LIFE: std::ops::Range<u64> = 0..120_000;

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_critical_alerts_are_told_none_is_lost() {
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let mut office = Office::begin(Routing::Both, UNLIMITED);
    office.list_players().await;
    for number in 0..HANDOFFS {
        office.settle().await;
        let (mails, hanging) = (office.mail.count("message"), office.slack.hanging());
        if number % 3 == 0 {
            office.mail.set_mode("hang content");
            office.slack.set_mode("mute").await;
        }
        office.kill();
        office.breached = number + 1;
        office.start(Routing::Both);
        if number % 3 == 0 {
            office.mail.wait_for_more("message", mails);
            office.slack.wait_for_hanging(hanging).await;
        } else {
            let life = Duration::from_micros(random.random_range(LIFE));
            tokio::time::sleep(life).await;
        }
        office.kill();
        office.mend().await;
        office.start(Routing::Both);
        office.see_told(&handoff(number)).await;
    }
    office.settle().await;
    let copies = told::prove(&office).await;
    for number in 0..HANDOFFS {
        for channel in ["email", "slack"] {
            let critical = copies.iter().any(|it| {
                let mine = it.notice_id.starts_with(&handoff(number));
                mine && it.channel == channel && it.text.to_lowercase().contains("critical")
            });
            assert!(
                critical,
                "nothing critical of {} over {channel}",
                handoff(number)
            );
        }
    }
    let repeats = told::repeats(&copies).len();
    println!(
        "{} kills, {} messages, {repeats} repeats",
        office.kills,
        copies.len()
    );
    assert!(
        repeats >= 2 * HANDOFFS / 3,
        "{repeats} repeats: the kills missed"
    );
}
