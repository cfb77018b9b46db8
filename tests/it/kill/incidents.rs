//! Nights that went wrong because a process died, was doubled or held a caller: 10, 26 and 44.
//!
//! The other points at which a service can die are in `points`.

use std::time::{Duration, Instant as Watch};

use serde_json::{Value, json};
use tipoff::domain::run::State;

use super::{
    data::Plan,
    night::Night,
    proof::prove,
    service::{program, serve},
    workers::{let_pass, open},
};

/// A caller's patience: the answer may not depend on what the warehouse or the workers do.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Restarted after 190 predictions, with a cap in flight, units in flight and others not sent at all.
#[tokio::test(flavor = "multi_thread")]
async fn incident_10_a_restart_after_190_predictions_loses_nothing() {
    let plan = Plan {
        units: 240,
        in_flight_max: 30,
        ..Plan::default()
    };
    let mut night = Night::begin(plan).await;
    let_pass(&night.workers.gates.first, 190);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("190 answered, the rest in flight or not sent", |it| {
            it.is(State::Dispatching)
                && it.answered == 190
                && it.run.counts.in_flight == 30
                && it.batch(|batch| batch.left_to_send()) == 20
        })
        .await;
    open(&night.workers.gates.first);
    night.start();
    prove(&night).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incident_26_a_second_instance_is_refused_and_says_which_file_is_held() {
    let night = Night::begin(Plan::default()).await;
    night.finish_upstream().await;
    night.send_event().await;
    let mut second = serve(night.folder.path());
    let refused = tokio::task::spawn_blocking(move || second.output().unwrap());
    let refused = refused.await.unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    for word in ["data/state.sqlite.lock", "another process holds", "--data"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    prove(&night).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incident_26_two_triggers_at_once_make_one_dispatch() {
    let night = Night::begin(Plan::default()).await;
    night.finish_upstream().await;
    let start = async {
        let client = reqwest::Client::new();
        let started = client.post(format!("{}/start", night.pubsub.url()));
        started.send().await.unwrap().status().as_u16()
    };
    let (status, (), ()) = tokio::join!(start, night.send_event(), night.send_event());
    assert!([200, 202].contains(&status), "{status}");
    let sight = night.see("complete", |it| it.is(State::Complete)).await;
    assert_eq!(sight.batches, 1);
    assert_eq!(night.workers.calls().len(), night.plan.units);
}

/// `status` knows the night although the instance that it asks is gone: it reads the store.
#[tokio::test(flavor = "multi_thread")]
async fn incident_26_status_reads_the_store_whoever_wrote_it() {
    let mut night = Night::begin(Plan::default()).await;
    let_pass(&night.workers.gates.first, 50);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("50 answered", |it| {
            it.is(State::Running) && it.answered == 50
        })
        .await;
    let mut status = program(night.folder.path());
    // Port 9, where nobody listens.
    status.args([
        "status",
        "--url",
        "http://127.0.0.1:9",
        "--data",
        "data",
        "--json",
    ]);
    let said = tokio::task::spawn_blocking(move || status.output().unwrap());
    let said = said.await.unwrap();
    let view: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(view["state"], "running");
    assert_eq!(view["counts"]["dispatched"], 120);
    assert_eq!(view["counts"]["in_flight"], 70);
    open(&night.workers.gates.first);
    night.start();
    prove(&night).await;
}

/// It answers before anything is ready, and the work goes on in another life.
#[tokio::test(flavor = "multi_thread")]
async fn incident_44_start_answers_at_once_and_the_work_is_resumable() {
    let mut night = Night::begin(Plan::default()).await;
    let client = reqwest::Client::new();
    let since = Watch::now();
    let started = client
        .post(format!("{}/start", night.pubsub.url()))
        .json(&json!({"trigger_source": "scheduler_backup"}))
        .send()
        .await
        .unwrap();
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    assert_eq!(started.status().as_u16(), 202, "{started:?}");
    let body: Value = started.json().await.unwrap();
    assert_eq!(body["state"], "waiting");
    assert_eq!(body["batch_id"], Value::Null);
    night.kill_when("waiting", |it| it.is(State::Waiting)).await;
    night.finish_upstream().await;
    night.start();
    prove(&night).await;
}
