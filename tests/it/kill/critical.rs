//! Critical alerts, which have a lane of their own: each life of the service finds one more handoff that has nothing
//! to dispatch, and is killed while it tells.
//!
//! Warnings are in `alerts`.

use std::{collections::BTreeMap, time::Duration};

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
        office.unready = number + 1;
        office.start(Routing::Both);
        if number % 3 == 0 {
            // The warning that no event came, and what is critical: neither stands behind the other.
            office.mail.wait_for_more("message", mails + 1);
            office.slack.wait_for_hanging(hanging + 1).await;
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
                let mine = it.channel == channel && it.notice_id.starts_with(&handoff(number));
                mine && it.text.to_lowercase().contains("nothing was dispatched")
            });
            assert!(
                critical,
                "nothing critical of {} over {channel}",
                handoff(number)
            );
        }
    }
    let mut repeats: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for repeat in told::repeats(&copies) {
        *repeats
            .entry((repeat.channel, &repeat.notice_id))
            .or_default() += 1;
    }
    let all: u64 = repeats.values().sum();
    println!(
        "{} kills, {} messages, {all} repeats",
        office.kills,
        copies.len()
    );
    // Two kills a handoff while it is told of.
    assert!(repeats.values().all(|it| *it <= 2), "{repeats:#?}");
    let held = HANDOFFS.div_ceil(3);
    assert!(all >= 4 * held as u64, "{all} repeats: the kills missed");
}
