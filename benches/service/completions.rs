//! Durable completions a second: one to a request from many callers, and many to a body; and nights of a million.
//!
//! The same writes without the service are in `raw`.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;

use super::{
    figure::{Figure, Wanted},
    load::Connection,
    night::{BODY, Night},
    program::cpu_seconds,
    raw::Raw,
};

/// Callers that wait for their answer before they send the next.
const CALLERS: usize = 256;
/// Callers with bodies of many.
const BODY_CALLERS: usize = 4;
/// Cores of the machine that is written about.
const CORES: f64 = 2.0;

/// Sends a night and answers all of it: half one by one, half in bodies.
pub async fn measure(units: usize, raw: &Raw) -> Vec<Figure> {
    let night = Night::begin(units, 1).await;
    let (requests, _) = night.send(units).await;
    let lines = night.answers(&requests);
    let (singles, many) = lines.split_at(units / 2);
    let mut figures = run(&night, "one to a request", (singles.to_vec(), CALLERS)).await;
    figures[0].wanted = Wanted::AtLeast(10_000.0);
    let bodies = many.chunks(BODY).map(|lines| lines.join("\n")).collect();
    let mut in_bodies = run(&night, "in NDJSON bodies", (bodies, BODY_CALLERS)).await;
    in_bodies[0].wanted = Wanted::AtLeast(50_000.0);
    let rate = in_bodies[0].values[0];
    figures.extend(in_bodies);
    for (what, raw) in [("a statement each", raw.each), ("set statements", raw.sets)] {
        let what = format!("NDJSON completions beside raw writes, {what}");
        let wanted = Wanted::AtLeast(50.0);
        figures.push(Figure::new(what, "%", wanted, rate / raw * 100.0));
    }
    figures
}

async fn run(night: &Night, what: &str, (bodies, callers): (Vec<String>, usize)) -> Vec<Figure> {
    let completions: usize = bodies.iter().map(|body| body.lines().count()).sum();
    let bodies = Arc::new(Mutex::new(bodies));
    let (cpu, load) = (night.program.cpu_seconds(), cpu_seconds("self"));
    let since = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (bodies, address) = (bodies.clone(), night.program.address.clone());
        tasks.push(tokio::spawn(call(bodies, address)));
    }
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.expect("a caller");
    }
    let seconds = since.elapsed().as_secs_f64();
    assert_eq!(accepted, completions as u64, "each is accepted once");
    let share = |cpu: f64| cpu / seconds / CORES * 100.0;
    let rate = completions as f64 / seconds;
    let program = share(night.program.cpu_seconds() - cpu);
    let load = share(cpu_seconds("self") - load);
    vec![
        Figure::new(format!("completions {what}"), "/s", Wanted::Known, rate),
        Figure::new(
            format!("… the program's share of the two cores, {what}"),
            "%",
            Wanted::Known,
            program,
        ),
        Figure::new(
            format!("… the load's share of the two cores, {what}"),
            "%",
            Wanted::Known,
            load,
        ),
    ]
}

/// One caller: says how many of its completions were accepted.
async fn call(bodies: Arc<Mutex<Vec<String>>>, address: String) -> u64 {
    let mut connection = Connection::open(&address).await;
    let mut accepted = 0;
    loop {
        let next = bodies.lock().expect("bodies").pop();
        let Some(body) = next else {
            return accepted;
        };
        let said = connection.post("/complete", body.as_bytes()).await;
        let said: Value = serde_json::from_str(&said).expect("JSON");
        accepted += said["accepted"].as_u64().unwrap_or_default();
    }
}
