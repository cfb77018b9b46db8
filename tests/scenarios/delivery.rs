//! How units went out: too many at once, to workers that were cold, or to an endpoint of someone else.
//!
//! What is sent again belongs to `retries`.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tipoff::{
    clock::{Clock, ManualClock},
    commands::serve::{App, Setup},
    config::{self, Environment},
    domain::Instant,
    sinks::local::Behaviour,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use super::{
    night::{Night, Plan, TONIGHT},
    slate,
};
use crate::support::{date, instant};

/// Most of these instants within one second.
fn densest_second(instants: &[Instant]) -> usize {
    let within = |from: &Instant| {
        let second = *from..*from + TimeDelta::seconds(1);
        instants.iter().filter(|at| second.contains(at)).count()
    };
    instants.iter().map(within).max().unwrap_or(0)
}

#[tokio::test]
async fn incident_09_no_more_are_in_flight_than_the_cap() {
    let night = Night::begin().await;
    night.fill(300, 10).await;
    night.post("/trigger", night.event()).await;
    let mut most = 0;
    night
        .until(|status| {
            most = most.max(status["counts"]["in_flight"].as_u64().unwrap());
            status["state"] == "complete"
        })
        .await;
    assert_eq!(most, 100, "as many as allowed, and never more");
    assert_eq!(night.post.sent().len(), 300);
    assert_eq!(night.count("predicted").await, 300);
}

#[tokio::test]
async fn incident_41_154_units_go_out_at_a_pace_and_cold_workers_lose_none() {
    let night = Night::begin_as(Plan {
        workers: Some(Behaviour {
            silent: 0.2,
            attempts_max: Some(1),
            cold_start_seconds: 5.0,
            ..Behaviour::default()
        }),
        ..Plan::default()
    })
    .await;
    night.send_out(154, 8).await;
    let sent: Vec<Instant> = night.post.sent().iter().map(|(at, _)| *at).collect();
    let start = sent[0];
    let early = sent
        .iter()
        .filter(|at| **at < start + TimeDelta::seconds(2))
        .count();
    assert!(early <= 30, "{early} of 154 in the first two seconds");
    assert!(densest_second(&sent) <= 51, "{}", densest_second(&sent));
    let status = night.until_state("complete").await;
    assert_eq!(status["counts"]["predicted"], 154);
    let again = night.post.sent().len() - 154;
    assert!(
        (10..60).contains(&again),
        "{again} were unanswered and sent again"
    );
    assert_eq!(status["verdict"], "met");
}

#[tokio::test]
async fn a_night_goes_to_an_endpoint_in_calls_of_ten_each_with_its_keys() {
    let endpoint = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&endpoint)
        .await;
    let clock = Arc::new(ManualClock::new(instant("2026-01-19T07:00:00Z")));
    let folder = tempfile::tempdir().unwrap();
    let app = serve_to(&endpoint.uri(), folder.path(), &clock).await;
    let players = slate::players(35);
    let contexts = slate::contexts(&players, 5, date(TONIGHT));
    app.warehouse.put_contexts(&contexts).await.unwrap();
    let features = slate::features(&contexts, true, clock.now());
    app.warehouse.put_features(&features).await.unwrap();
    let client = reqwest::Client::new();
    let url = format!("http://{}", app.address);
    let event = json!({
        "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
        "game_date": TONIGHT, "status": "success", "timestamp": "2026-01-19T06:59:00Z",
    });
    let sent = client
        .post(format!("{url}/trigger"))
        .body(event.to_string())
        .send();
    assert_eq!(sent.await.unwrap().status(), 202);

    until(&url, &clock, |status| status["state"] == "running").await;
    let requests = requests_of(&endpoint).await;
    let rows = slate::predictions(&players, date(TONIGHT), clock.now());
    app.warehouse.insert_predictions(&rows).await.unwrap();
    for request in requests {
        let answer = json!({
            "player_lookup": request["player_lookup"], "game_date": TONIGHT, "predictions_generated": 5,
            "batch_id": request["batch_id"], "request_id": request["request_id"],
        });
        let sent = client
            .post(format!("{url}/complete"))
            .body(answer.to_string())
            .send();
        assert_eq!(sent.await.unwrap().status(), 200);
    }
    let status = until(&url, &clock, |status| status["state"] == "complete").await;
    assert_eq!(
        (&status["counts"]["predicted"], &status["verdict"]),
        (&json!(35), &json!("met"))
    );
    app.stop().await;
}

/// The requests that an endpoint was sent, at most ten a call, each once.
async fn requests_of(endpoint: &MockServer) -> Vec<Value> {
    let calls = endpoint.received_requests().await.unwrap();
    let bodies: Vec<Value> = calls.iter().map(|call| call.body_json().unwrap()).collect();
    assert!(
        bodies
            .iter()
            .all(|body| body.as_array().unwrap().len() <= 10)
    );
    let requests: Vec<Value> = bodies
        .iter()
        .flat_map(|body| body.as_array().unwrap().clone())
        .collect();
    let keys: BTreeSet<&str> = requests
        .iter()
        .map(|request| request["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(
        (requests.len(), keys.len()),
        (35, 35),
        "each once, under a key of its own"
    );
    assert!(
        keys.contains("phase4-to-phase5/2026-01-19/player000/1"),
        "{keys:?}"
    );
    assert!(calls.len() < 35, "what goes out together is one call");
    let calls_keys: BTreeSet<&str> = calls
        .iter()
        .map(|call| call.headers["idempotency-key"].to_str().unwrap())
        .collect();
    assert_eq!(calls_keys.len(), calls.len());
    requests
}

/// The service as `serve` puts it together, sending to that endpoint.
async fn serve_to(endpoint: &str, folder: &std::path::Path, clock: &Arc<ManualClock>) -> App {
    let text = format!(
        "[[handoffs]]\nid = \"phase4-to-phase5\"\nsink = {{ http = {{ url = \"{endpoint}/requests\", batch = 10 }} }}"
    );
    let mut config = config::parse(&text, folder, &Environment::default()).unwrap();
    config.data_dir = folder.to_owned();
    config.listen.set_port(0);
    App::open(Setup::of(config, clock.clone())).await.unwrap()
}

/// Lets time pass until `/status` is as wanted.
async fn until(url: &str, clock: &ManualClock, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let answer = reqwest::get(format!("{url}/status?game_date={TONIGHT}"))
            .await
            .unwrap();
        let status: Value = answer.json().await.unwrap();
        if wanted(&status) {
            return status;
        }
        clock.advance(TimeDelta::milliseconds(200));
        tokio::task::yield_now().await;
    }
    panic!("it never came to that");
}
