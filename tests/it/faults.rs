//! A dead channel: the whole service with real adapters over real sockets, and what reaches people, when, and how often.
//!
//! What one adapter makes of one answer is tested with it, which channel is taken in `domain::routing`.

use std::time::Duration;

mod mail;
mod scene;
mod several;
mod slack;

use scene::{Arrival, Scene};

/// A refusal has to be heard of elsewhere within this, …
const AFTER_REFUSAL_MS: f64 = 1_000.0;
/// … and a server that says nothing within this.
const AFTER_HANG_MS: f64 = 5_000.0;
/// How long a test waits for what has no promise of its own.
const SOON: Duration = Duration::from_secs(40);

/// How soon what failed came over another channel, in milliseconds; printed for the report.
fn promised(row: &str, failed_at: f64, arrival: &Arrival, most: f64) {
    let took = arrival.at - failed_at;
    println!("FIGURE {row}: {took:.0} ms to {}", arrival.channel);
    assert!((0.0..=most).contains(&took), "{row}: {took} ms");
}

/// Nothing comes twice, but for one repeat for each answer that was lost, which says so and is known by the same key.
fn once_each(scene: &Scene) {
    let arrivals = scene.arrivals();
    for arrival in &arrivals {
        let same = |it: &&Arrival| it.channel == arrival.channel && it.id == arrival.id;
        let all: Vec<&Arrival> = arrivals.iter().filter(same).collect();
        for pair in all.windows(2) {
            let (earlier, again) = (pair[0], pair[1]);
            assert!(earlier.lost, "it came twice: {all:#?}");
            assert!(again.text.contains("may be a repeat"), "{again:#?}");
            assert_eq!(earlier.key, again.key);
        }
    }
}
