//! Fetched messages: acknowledged when they are durable and not before, extended, handed back, never forgotten.
//!
//! Publishing belongs to `pubsub`.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::ManualClock,
    commands::serve::{App, Setup},
    config::{self, Environment},
    ports::PortError,
    pubsub::{Name, PullLimits, Puller, Receiver},
};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    pubsub::{SUBSCRIPTION, TOPIC, official, way},
    stand_in::{Google, faults::Fault},
    support::{TONIGHT, context, event, feature, instant},
};

/// Takes messages in where it is let, and refuses the first tries.
struct Recorder {
    seen: Mutex<Vec<Value>>,
    refusals: Mutex<usize>,
    doors: Semaphore,
}

impl Recorder {
    fn new(refusals: usize, doors: usize) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            refusals: Mutex::new(refusals),
            doors: Semaphore::new(doors),
        })
    }

    fn numbers(&self) -> BTreeSet<String> {
        let seen = self.seen.lock().unwrap();
        let number = |it: &Value| it["message"]["messageId"].as_str().unwrap().to_owned();
        seen.iter().map(number).collect()
    }
}

#[async_trait]
impl Receiver for Recorder {
    async fn receive(&self, envelope: Vec<u8>) -> Result<(), PortError> {
        self.doors.acquire().await.unwrap().forget();
        {
            let mut left = self.refusals.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(PortError::transient("taking in", "the store is away"));
            }
        }
        self.seen
            .lock()
            .unwrap()
            .push(serde_json::from_slice(&envelope).unwrap());
        Ok(())
    }
}

struct Pulling {
    google: Google,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn pulling(
    google: Google,
    recorder: Arc<Recorder>,
    messages_max: usize,
    lease: Duration,
) -> Pulling {
    let limits = PullLimits {
        messages_max,
        bytes_max: 1_000_000,
        lease,
        timeout: Duration::from_secs(1),
    };
    let name = Name::subscription("p", "requests-sub");
    let puller = Puller::new(way(&google), name, limits, recorder.clone());
    let stop = CancellationToken::new();
    let task = tokio::spawn(puller.run(stop.clone()));
    Pulling {
        google,
        recorder,
        stop,
        task,
    }
}

async fn google() -> Google {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    google.pubsub.subscribe(TOPIC, SUBSCRIPTION);
    google
}

fn publish(google: &Google, count: usize) -> BTreeSet<String> {
    (0..count)
        .map(|n| google.pubsub.publish(TOPIC, format!("{n}").as_bytes(), &[]))
        .collect()
}

#[tokio::test]
async fn what_is_refused_or_cannot_be_fetched_comes_again_until_it_is_taken_in() {
    let google = google().await;
    let ids = publish(&google, 50);
    google
        .faults
        .add(":pull", 1, Fault::Status(503, "{}".to_owned()));
    google.faults.add(":pull", 1, Fault::CutBefore);
    google.faults.add(":acknowledge", 1, Fault::CutBefore);
    let it = pulling(
        google,
        Recorder::new(5, 1_000),
        100,
        Duration::from_secs(60),
    );
    it.google.pubsub.until_depth(SUBSCRIPTION, 0).await;
    assert_eq!(it.recorder.numbers(), ids);
    assert!(it.google.pubsub.deliveries(SUBSCRIPTION) >= 55);
    let envelope = it.recorder.seen.lock().unwrap()[0].clone();
    assert_eq!(envelope["subscription"], SUBSCRIPTION);
}

#[rstest]
#[case(Fault::Status(500, "{}".to_owned()))]
#[case(Fault::Status(403, r#"{"error": {"status": "PERMISSION_DENIED"}}"#.to_owned()))]
#[case(Fault::Status(200, "<html>hello</html>".to_owned()))]
#[case(Fault::Busy(1))]
#[case(Fault::Slow(Duration::from_secs(2)))]
#[case(Fault::CutAfter)]
#[tokio::test]
async fn whatever_goes_wrong_on_the_way_nothing_is_lost(#[case] fault: Fault) {
    let google = google().await;
    google.pubsub.scale(0.05);
    let ids = publish(&google, 20);
    google.faults.add(":pull", 1, fault.clone());
    google.faults.add(":acknowledge", 1, fault);
    let recorder = Recorder::new(0, 1_000);
    let it = pulling(google, recorder, 100, Duration::from_secs(60));
    it.google.pubsub.until_depth(SUBSCRIPTION, 0).await;
    assert_eq!(it.recorder.numbers(), ids);
    assert_eq!(it.google.faults.left(), 0, "it did go wrong");
}

#[tokio::test]
async fn no_more_is_held_than_allowed_and_what_waits_keeps_its_lease() {
    let google = google().await;
    google.pubsub.scale(0.1);
    publish(&google, 30);
    let it = pulling(google, Recorder::new(0, 0), 10, Duration::from_secs(3));
    let pubsub = it.google.pubsub.clone();
    pubsub
        .until("two extensions of ten", || {
            pubsub.extensions(SUBSCRIPTION) >= 20
        })
        .await;
    assert_eq!(pubsub.leased(SUBSCRIPTION), 10);
    assert_eq!(
        pubsub.depth(SUBSCRIPTION),
        30,
        "nothing is acknowledged before it is durable"
    );
    it.recorder.doors.add_permits(1_000);
    pubsub.until_depth(SUBSCRIPTION, 0).await;
}

#[tokio::test]
async fn what_is_held_when_the_service_stops_is_handed_back_within_seconds() {
    let google = google().await;
    publish(&google, 10);
    let it = pulling(google, Recorder::new(0, 4), 100, Duration::from_secs(60));
    it.google.pubsub.until_depth(SUBSCRIPTION, 6).await;
    it.stop.cancel();
    tokio::time::timeout(Duration::from_secs(8), it.task)
        .await
        .unwrap()
        .unwrap();
    let pubsub = &it.google.pubsub;
    assert_eq!(
        (pubsub.depth(SUBSCRIPTION), pubsub.leased(SUBSCRIPTION)),
        (6, 0)
    );
}

const UPSTREAM: &str = "projects/p/topics/nba-phase4-precompute-complete";
const TRIGGERS: &str = "projects/p/subscriptions/nba-phase5-trigger-sub";
const READY: &str = "projects/p/topics/prediction-ready-prod";
const ANSWERS: &str = "projects/p/subscriptions/prediction-ready-prod-sub";

async fn service(google: &Google, folder: &TempDir, clock: &Arc<ManualClock>) -> App {
    let text = format!(
        "[google]\nproject = \"p\"\ncredentials = \"none\"\n\
         [google.endpoints]\npubsub = \"{}/v1\"\n\
         [[handoffs]]\nid = \"phase4-to-phase5\"\nintake = \"pull\"\nsink = {{ pubsub = {{ topic = \"requests\" }} }}\n\
         [handoffs.pace]\nstart_per_second = 500.0\nfull_per_second = 500.0\nin_flight_max = 1000\n",
        google.base()
    );
    let mut config = config::parse(&text, folder.path(), &Environment::of([])).unwrap();
    config.data_dir = folder.path().to_owned();
    config.listen.set_port(0);
    App::open(Setup::of(config, clock.clone())).await.unwrap()
}

fn night(google: &Google) {
    for (topic, subscription) in [
        (UPSTREAM, TRIGGERS),
        (TOPIC, SUBSCRIPTION),
        (READY, ANSWERS),
    ] {
        google.pubsub.create_topic(topic);
        google.pubsub.subscribe(topic, subscription);
    }
}

/// Starts the night for so many players by Google's own client and answers every request by it.
async fn play(google: &Google, app: &App, clock: &Arc<ManualClock>, count: usize) {
    let players: Vec<String> = (0..count).map(|n| format!("player-{n}")).collect();
    let contexts: Vec<_> = players.iter().map(|it| context(it)).collect();
    let written_at = instant("2026-01-19T06:58:00Z");
    let features: Vec<_> = players.iter().map(|it| feature(it, written_at)).collect();
    app.warehouse.put_contexts(&contexts).await.unwrap();
    app.warehouse.put_features(&features).await.unwrap();
    let arguments = vec![google.base(), UPSTREAM.to_owned()];
    official("publisher.py", arguments, event().to_string()).await;
    let clock = clock.clone();
    let passing = tokio::spawn(async move {
        loop {
            clock.advance(TimeDelta::milliseconds(50));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let sent = google.pubsub.until_published(TOPIC, count).await;
    passing.abort();
    let keys: BTreeSet<&String> = sent.iter().map(|it| &it.attributes["request_id"]).collect();
    assert_eq!(keys.len(), count);
    let [base, from, to] = [google.base(), SUBSCRIPTION.to_owned(), READY.to_owned()];
    official(
        "worker.py",
        vec![base, from, count.to_string(), to],
        String::new(),
    )
    .await;
}

/// Every unit was sent and answered, and nothing was counted that ought not to be.
async fn assert_answered(app: &App, count: usize) {
    let url = format!("http://{}/status?date={TONIGHT}", app.address);
    let status: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let counts = &status["counts"];
    assert_eq!(counts["dispatched"], json!(count), "{status:#}");
    for none in ["in_flight", "unknown", "failed"] {
        assert_eq!(counts[none], json!(0), "{none}: {status:#}");
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(instant("2026-01-19T07:00:00Z")))
}

#[tokio::test]
async fn five_hundred_answers_of_googles_own_client_are_each_taken_in() {
    let google = Google::start().await;
    night(&google);
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let app = service(&google, &folder, &clock).await;
    play(&google, &app, &clock, 500).await;
    google.pubsub.until_depth(ANSWERS, 0).await;
    assert_answered(&app, 500).await;
    app.stop().await;
}

#[tokio::test]
async fn what_was_committed_and_never_acknowledged_comes_again_and_changes_nothing() {
    let google = Google::start().await;
    night(&google);
    google.faults.add(
        "prediction-ready-prod-sub:acknowledge",
        1_000,
        Fault::Status(404, "{}".to_owned()),
    );
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let app = service(&google, &folder, &clock).await;
    play(&google, &app, &clock, 20).await;
    let pubsub = google.pubsub.clone();
    pubsub
        .until("twenty deliveries", || pubsub.deliveries(ANSWERS) >= 20)
        .await;
    app.stop().await;
    assert_eq!(
        pubsub.depth(ANSWERS),
        20,
        "all were handed out and none acknowledged"
    );
    google.faults.clear();
    let app = service(&google, &folder, &clock).await;
    pubsub.until_depth(ANSWERS, 0).await;
    assert!(pubsub.deliveries(ANSWERS) >= 40, "each came again");
    assert_answered(&app, 20).await;
    app.stop().await;
}
