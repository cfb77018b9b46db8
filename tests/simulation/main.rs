//! Simulated nights: the real core, engine and store, one operation at a time, in a world that fails as the dice
//! say. One seed, one history: `TIPOFF_SEED=42 cargo test --test simulation one_night -- --nocapture` plays it again.
//!
//! What really kills a process or cuts its power belongs to the tests of a killed service.

mod clock;
mod faults;
mod gate;
mod hands;
mod model;
mod night;
mod store;
#[path = "../support/tried.rs"]
mod tried;
mod truth;
mod world;

use faults::Planted;

/// The seed of `one_night`.
const SEED: &str = "TIPOFF_SEED";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own variable, for whoever looks into a night"
)]
fn one_night() {
    let seed = std::env::var(SEED).ok().and_then(|it| it.parse().ok());
    let seed = seed.unwrap_or(1);
    let outcome = night::play(seed, None);
    println!(
        "seed {seed}: {}, {} operations, {} deaths, trace {:016x}",
        outcome.state, outcome.operations, outcome.deaths, outcome.trace
    );
    println!("{:?}", outcome.counted);
    println!("{}", outcome.story);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

#[test]
fn some_nights() {
    let mut bad = 0;
    let mut states = std::collections::BTreeMap::<String, u64>::new();
    let began = std::time::Instant::now();
    for seed in 0..200 {
        let outcome = night::play(seed, None);
        *states.entry(outcome.state.clone()).or_default() += 1;
        if !outcome.findings.is_empty() {
            bad += 1;
            println!("seed {seed} ({}): {:#?}", outcome.state, outcome.findings);
        }
    }
    println!("{bad} bad, {states:#?}, {:?}", began.elapsed());
}
