//! How fast the service is, as whoever pushes to it sees it: the real program as a child process with its store on
//! disk, every answer synced before it is given, over HTTP on loopback.
//!
//! docs/performance.md says how it is called. What a person's channel waits for is in `alerts`.

use std::{process::ExitCode, time::Instant};

mod busy;
mod completions;
mod figure;
mod load;
mod million;
mod night;
mod program;
mod raw;
mod report;
mod rest;
#[path = "../../tests/support/rows.rs"]
mod rows;
mod tables;

use figure::{Figure, Wanted, quantile};
use night::Night;
use rest::Seasons;

/// Units of the nights that are timed from the event on; the last size is the one that something is wanted of.
const SIZES: [usize; 4] = [1, 20, 100, 500];
/// How many nights of each size a round has.
const NIGHTS: [usize; 4] = [20, 20, 20, 50];
/// Units answered in a round.
const UNITS: usize = 100_000;
/// Completions of a raw measurement.
const RAW: usize = 20_000;
/// Rounds of a report.
const ROUNDS: usize = 5;

/// What is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Nights,
    Completions,
    Rest,
    Million,
}

impl Part {
    const ALL: [Self; 4] = [Self::Nights, Self::Completions, Self::Rest, Self::Million];

    fn name(self) -> &'static str {
        match self {
            Self::Nights => "nights",
            Self::Completions => "completions",
            Self::Rest => "rest",
            Self::Million => "million",
        }
    }
}

/// From the event on: its durable answer, the first unit at the sink, all units sent, answered and settled.
async fn nights(units: usize, nights: usize) -> Vec<Figure> {
    let mut ready = Vec::new();
    let mut answered = Vec::new();
    let mut first = Vec::new();
    let mut settled = Vec::new();
    for _ in 0..nights {
        let night = Night::begin(units, 1).await;
        ready.push(night.program.ready_in);
        let (times, whole) = night.play(units).await;
        answered.push(times.answered);
        first.push(times.first);
        settled.push(whole);
        night.end().await;
    }
    let is_wanted = units == SIZES[SIZES.len() - 1];
    let wanted = |most| match is_wanted {
        true => Wanted::AtMost(most),
        false => Wanted::Known,
    };
    let figure = |what: &str, share, most, times: &[_]| {
        let what = format!("{what}, {units} units, p{:.0}", share * 100.0);
        Figure::new(what, "ms", wanted(most), quantile(times, share))
    };
    let mut figures = vec![
        figure("event to its durable answer", 0.5, 2.0, &answered),
        figure("event to the first unit at the sink", 0.5, 2.6, &first),
        figure("event to the first unit at the sink", 0.99, 10.0, &first),
        figure("event to sent, answered and settled", 0.5, 300.0, &settled),
    ];
    if is_wanted {
        figures.push(figure("start to ready", 0.5, 200.0, &ready));
    }
    figures
}

async fn round(parts: &[Part], seasons: Option<&Seasons>) -> Vec<Figure> {
    let mut figures = Vec::new();
    if parts.contains(&Part::Nights) {
        for (units, times) in SIZES.into_iter().zip(NIGHTS) {
            figures.extend(nights(units, times).await);
        }
        for units in [SIZES[0], SIZES[SIZES.len() - 1]] {
            figures.extend(busy::measure(units).await);
        }
    }
    if parts.contains(&Part::Completions) {
        let raw = raw::measure(RAW).await;
        figures.extend(completions::measure(UNITS, &raw).await);
        let known = |what: &str, rate| Figure::new(what, "/s", Wanted::Known, rate);
        figures.push(known("raw writes, a statement each", raw.each));
        figures.push(known("raw writes, set statements", raw.sets));
    }
    if let Some(seasons) = seasons {
        figures.extend(seasons.measure().await);
    }
    figures
}

async fn measure(parts: &[Part], rounds: usize) -> Vec<Figure> {
    let mut all = Vec::new();
    let seasons = match parts.contains(&Part::Rest) {
        true => Some(Seasons::fill().await),
        false => None,
    };
    for number in 1..=rounds {
        let since = Instant::now();
        figure::add(&mut all, round(parts, seasons.as_ref()).await);
        let seconds = since.elapsed().as_secs_f64();
        println!("round {number} of {rounds} took {seconds:.0} s");
    }
    if parts.contains(&Part::Million) {
        figure::add(&mut all, million::measure().await);
    }
    all
}

fn main() -> ExitCode {
    let said: Vec<String> = std::env::args().skip(1).collect();
    let says = |word: &str| said.iter().any(|it| it == word);
    let named = Part::ALL.into_iter().filter(|part| says(part.name()));
    let mut parts: Vec<Part> = named.collect();
    if parts.is_empty() {
        parts = Part::ALL.to_vec();
    }
    let full = says("--report") || says("--check");
    let rounds = if full { ROUNDS } else { 1 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let figures = runtime.block_on(measure(&parts, rounds));
    report::show(&figures);
    if says("--report") {
        report::write(&figures, rounds, says("--widen"));
    }
    match says("--check") && report::compare(&figures) > 0 {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
