//! A million units beside ten thousand: what a unit costs from the event to the end of the night.
//!
//! How fast a small night is belongs to `main`.

use super::{
    figure::{Figure, Wanted},
    night::Night,
    program::cpu_seconds,
};

/// Units of the small night and of the big one.
const UNITS: [usize; 2] = [10_000, 1_000_000];
/// Requests to a call of the sink.
const BATCH: usize = 100;
/// Small nights, of which the middle one counts: one is over in a second.
const SMALL_NIGHTS: usize = 5;

/// What a unit of a night cost.
struct Cost {
    /// Processor time of the program, in microseconds.
    cpu: f64,
    /// Time, in microseconds.
    wall: f64,
    /// The load's processor time, in microseconds.
    load: f64,
    /// The most memory the program held, in MiB.
    memory: f64,
}

async fn cost(units: usize) -> Cost {
    let night = Night::begin(units, BATCH).await;
    let (cpu, load) = (night.program.cpu_seconds(), cpu_seconds("self"));
    let (times, whole) = night.play(units).await;
    let each = |seconds: f64| seconds / units as f64 * 1e6;
    let cost = Cost {
        cpu: each(night.program.cpu_seconds() - cpu),
        wall: each(whole.as_secs_f64()),
        load: each(cpu_seconds("self") - load),
        memory: night.program.memory_mib(),
    };
    println!(
        "{units} units in {:.2} s, the first after {:.3} s, the last sent after {:.2} s; a unit cost {:.1} µs of the \
         program, {:.1} µs of the load, {:.1} µs in all; {:.0} MiB",
        whole.as_secs_f64(),
        times.first.as_secs_f64(),
        times.last.as_secs_f64(),
        cost.cpu,
        cost.load,
        cost.wall,
        cost.memory,
    );
    night.end().await;
    cost
}

/// Plays small nights and a big one.
pub async fn measure() -> Vec<Figure> {
    let mut small = Vec::new();
    for _ in 0..SMALL_NIGHTS {
        small.push(cost(UNITS[0]).await);
    }
    let big = cost(UNITS[1]).await;
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = small.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (cpu, wall) = (middle(|cost| cost.cpu), middle(|cost| cost.wall));
    let known = |what: &str, value| Figure::new(what, "µs", Wanted::Known, value);
    let ratio = |what: &str, value| Figure::new(what, "times", Wanted::AtMost(1.25), value);
    vec![
        known("a unit of 10,000: processor time of the program", cpu),
        known("a unit of 10,000: time", wall),
        known(
            "a unit of 1,000,000: processor time of the program",
            big.cpu,
        ),
        known("a unit of 1,000,000: time", big.wall),
        known("a unit of 1,000,000: processor time of the load", big.load),
        ratio(
            "a unit of 1,000,000 beside one of 10,000: processor time",
            big.cpu / cpu,
        ),
        ratio(
            "a unit of 1,000,000 beside one of 10,000: time",
            big.wall / wall,
        ),
        Figure::new(
            "memory of the program at 1,000,000 units",
            "MiB",
            Wanted::AtMost(256.0),
            big.memory,
        ),
    ]
}
