//! Nights of a program that is at work: one after the other, without a rest in between, after some that do not count.
//!
//! What a night is belongs to `night`. A night on its own, of a program that rested before, is timed in `main`.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    figure::{Figure, Wanted, quantile},
    load::Connection,
    night::Night,
    tables,
};

/// Nights before the first that counts.
const BEFORE: usize = 6;
/// Nights that count.
const NIGHTS: usize = 40;
/// Bare requests, one after the other, and with a rest before each.
const BARE: usize = 100;
const REST: Duration = Duration::from_millis(100);

/// From the event on, of nights of so many units: its durable answer and the first unit at the sink. What they wait for
/// beside the program is what a bare request takes.
pub async fn measure(units: usize) -> Vec<Figure> {
    let night = Night::of_many(units, (BEFORE + NIGHTS, 1)).await;
    let mut connection = night.connect().await;
    let (mut answered, mut first) = (Vec::new(), Vec::new());
    for number in 0..BEFORE + NIGHTS {
        let (_, times) = night.send_of(number, units).await;
        until_sent(&mut connection, &night, (number, units)).await;
        if number >= BEFORE {
            answered.push(times.answered);
            first.push(times.first);
        }
    }
    let at_once = bare(&mut connection, Duration::ZERO).await;
    let rested = bare(&mut connection, REST).await;
    night.end().await;
    let figure = |what: &str, share: f64, most, times: &[_]| {
        let what = format!("at work: {what}, {units} units, p{:.0}", share * 100.0);
        Figure::new(what, "ms", most, quantile(times, share))
    };
    let most = Wanted::AtMost;
    vec![
        figure("event to its durable answer", 0.5, most(2.0), &answered),
        figure(
            "event to the first unit at the sink",
            0.5,
            most(2.6),
            &first,
        ),
        figure(
            "event to the first unit at the sink",
            0.99,
            most(10.0),
            &first,
        ),
        figure(
            "a bare request, one after the other",
            0.5,
            Wanted::Known,
            &at_once,
        ),
        figure(
            "a bare request after 100 ms of rest",
            0.5,
            Wanted::Known,
            &rested,
        ),
    ]
}

async fn until_sent(connection: &mut Connection, night: &Night, (number, units): (usize, usize)) {
    let (id, date) = (tables::handoff(number), night.game_date);
    let path = format!("/status?date={date}&handoff={id}");
    loop {
        let status = connection.get(&path).await;
        let status: Value = serde_json::from_str(&status).expect("JSON");
        if status["state"] == "running" && status["counts"]["dispatched"] == units {
            return;
        }
    }
}

async fn bare(connection: &mut Connection, rest: Duration) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..BARE {
        tokio::time::sleep(rest).await;
        let since = Instant::now();
        connection.get("/health").await;
        times.push(since.elapsed());
    }
    times
}
