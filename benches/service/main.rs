//! How fast the service is, as whoever pushes to it sees it: the real program as a child process with its store on
//! disk, every answer synced before it is given, over HTTP on loopback.
//!
//! `cargo bench --bench service` (100,000 units), or `cargo bench --bench service -- 10000`. It judges nothing;
//! docs/performance.md says what was measured. What a person's channel waits for is in `alerts`.

use std::time::{Duration, Instant};

mod completions;
mod load;
mod night;
mod program;
mod raw;

use night::Night;

/// Units of the nights that are timed from the event on.
const NIGHT_UNITS: usize = 500;
/// How many such nights.
const NIGHTS: usize = 30;
/// Units answered where nothing else is said.
const UNITS: usize = 100_000;

/// The value below which this share of them lies.
pub fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[index].as_secs_f64() * 1e3
}

/// One line of the report: p50, p99 and the extremes, in milliseconds.
fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let [low, half, most, high] = [0.0, 0.5, 0.99, 1.0].map(|share| quantile(times, share));
    println!(
        "{what:<44} p50 {half:8.2} ms   p99 {most:8.2} ms   {low:.2} to {high:.2}, {} times",
        times.len()
    );
}

/// From the event on: its durable answer, the first unit at the sink, all units sent and answered.
async fn nights() {
    let mut figures: [Vec<Duration>; 4] = Default::default();
    for _ in 0..NIGHTS {
        let night = Night::begin(NIGHT_UNITS).await;
        figures[0].push(night.program.started_in);
        let (answered, first, whole) = night.play().await;
        for (figure, took) in figures[1..].iter_mut().zip([answered, first, whole]) {
            figure.push(took);
        }
    }
    let [started, answered, first, whole] = &mut figures;
    report("start of the program to listening", started);
    report("event to its durable answer", answered);
    report("event to the first unit at the sink", first);
    let what = format!("event to {NIGHT_UNITS} units sent and answered");
    report(&what, whole);
}

/// How long the program needs for nothing, and for a scrape.
async fn at_rest(night: &Night) {
    let (before, since) = (night.program.cpu_seconds(), Instant::now());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let share = (night.program.cpu_seconds() - before) / since.elapsed().as_secs_f64();
    println!(
        "at rest                                      {:.2} % of a core",
        share * 100.0
    );
    let mut scrapes = Vec::new();
    for _ in 0..200 {
        let since = Instant::now();
        night.get("/metrics").await;
        scrapes.push(since.elapsed());
    }
    report("/metrics", &mut scrapes);
}

fn main() {
    let units = std::env::args().find_map(|argument| argument.parse().ok());
    let units: usize = units.unwrap_or(UNITS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        nights().await;
        let night = Night::begin(units).await;
        at_rest(&night).await;
        completions::measure(&night, units).await;
        raw::measure(units / 5).await;
    });
}
