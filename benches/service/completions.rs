//! Durable completions a second: one to a request from many callers, and many to a body.
//!
//! The same writes without the service are in `raw`.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;

use super::{
    load::Connection,
    night::{self, Night},
    program::cpu_seconds,
};

/// Callers that wait for their answer before they send the next.
const CALLERS: usize = 256;
/// Callers with bodies of many.
const BODY_CALLERS: usize = 4;
/// Completions of a body.
const BODY: usize = 1_000;

/// Sends a night and answers all of it: half one by one, half in bodies.
pub async fn measure(night: &Night, units: usize) {
    let before = night.program.cpu_seconds();
    let (requests, [_, first, last]) = night.send(units).await;
    let cpu = night.program.cpu_seconds() - before;
    println!(
        "{units} units sent in {:.2} s, the first after {:.2} s; {cpu:.2} s of processor",
        last.as_secs_f64(),
        first.as_secs_f64()
    );
    let lines: Vec<String> = requests.iter().map(night::completion).collect();
    let (singles, many) = lines.split_at(units / 2);
    run(night, "one to a request", singles.to_vec(), CALLERS).await;
    let bodies = many.chunks(BODY).map(|lines| lines.join("\n")).collect();
    run(night, "in NDJSON bodies of 1,000", bodies, BODY_CALLERS).await;
    let memory = night.program.memory_mib();
    println!("memory at most                               {memory:.0} MiB");
}

async fn run(night: &Night, what: &str, bodies: Vec<String>, callers: usize) {
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
    println!(
        "completions {what:<32} {:8.0} a second; the program {:.2} cores, the load {:.2}; {callers} callers",
        completions as f64 / seconds,
        (night.program.cpu_seconds() - cpu) / seconds,
        (cpu_seconds("self") - load) / seconds,
    );
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
