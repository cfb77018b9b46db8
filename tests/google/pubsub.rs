//! What becomes of messages and events that are published: confirmed, refused alone, or in doubt and sent again.
//!
//! Fetching messages belongs to `pubsub_pull`.

use std::{collections::BTreeMap, io::Write, process::Stdio, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tipoff::{
    channels::console::LogAnnouncer,
    clock::ManualClock,
    domain::{
        effect::{AnnouncedStatus, Announcement},
        ids::{BatchId, GameDate, GameId, HandoffId, RequestId, RunKey, UnitId},
        plan::ListedUnit,
    },
    google::{Endpoint, GoogleClient, Kind, Source, Tokens},
    ports::{Announcer, PortError, Request, Sink},
    pubsub::{Message, Name, PublishLimits, Publisher, TopicAnnouncer, TopicSink},
};

use crate::stand_in::{Google, faults::Fault};

pub const TOPIC: &str = "projects/p/topics/requests";
pub const SUBSCRIPTION: &str = "projects/p/subscriptions/requests-sub";

/// The way to the stand-in.
pub fn way(google: &Google) -> (GoogleClient, Endpoint) {
    let http = reqwest::Client::new();
    let clock = Arc::new(ManualClock::new("2026-01-19T07:00:00Z".parse().unwrap()));
    let tokens = Tokens::new(Source::None, http.clone(), clock, Duration::from_secs(1));
    let endpoint = Endpoint {
        base: format!("{}/v1", google.base()),
        emulator: false,
    };
    (GoogleClient::new(http, tokens), endpoint)
}

/// A script of `python`, to be run with Google's own client, which `./test` installs.
pub fn python(script: &str) -> std::process::Command {
    let python = concat!(env!("CARGO_TARGET_TMPDIR"), "/../python/bin/python");
    let mut command = std::process::Command::new(python);
    command.arg(format!(
        "{}/tests/google/python/{script}",
        env!("CARGO_MANIFEST_DIR")
    ));
    command
}

/// Runs a script with Google's own client and gives what it printed.
pub async fn official(script: &str, arguments: Vec<String>, input: String) -> String {
    let mut command = python(script);
    let run = move || {
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("./test installs Google's client into the target folder");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn publisher(google: &Google) -> Arc<Publisher> {
    let (client, endpoint) = way(google);
    let limits = PublishLimits {
        timeout: Duration::from_millis(500),
        requests_max: 4,
    };
    Publisher::new(client, endpoint, limits)
}

fn sink(google: &Google) -> TopicSink {
    TopicSink {
        publisher: publisher(google),
        topic: Name::topic("p", "requests"),
        clock: Arc::new(ManualClock::new("2026-01-19T07:00:00Z".parse().unwrap())),
    }
}

fn request(player: &str) -> Request {
    Request {
        request_id: RequestId::new(format!("h/2026-01-19/{player}/1")),
        handoff: HandoffId::new("h"),
        game_date: GameDate("2026-01-19".parse().unwrap()),
        batch_id: BatchId::new("b1"),
        attempt: 1,
        unit: ListedUnit {
            unit: UnitId::new(player),
            game_id: GameId::new("g1"),
            team_abbr: None,
            opponent_team_abbr: None,
            is_home: None,
            projected_minutes: None,
            has_prop_line: None,
            actual_prop_line: None,
            has_row: false,
        },
    }
}

fn requests(count: usize) -> Vec<Request> {
    (0..count)
        .map(|n| request(&format!("player-{n}")))
        .collect()
}

#[tokio::test]
async fn every_failure_is_told_for_each_message_and_whether_another_try_may_help() {
    let google = Google::start().await;
    let missing = sink(&google).send(&requests(2)).await;
    assert!(
        missing
            .iter()
            .all(|it| it.as_ref().unwrap_err().is_permanent())
    );
    google.pubsub.create_topic(TOPIC);
    let status = |code| Fault::Status(code, "{}".to_owned());
    let wrong_ids = Fault::Status(200, "{\"messageIds\": [\"1\"]}".to_owned());
    let no_ids = Fault::Status(200, "{}".to_owned());
    let cases = [
        (status(500), false),
        (status(503), false),
        (status(401), false),
        (status(429), false),
        (status(403), true),
        (status(404), true),
        (Fault::Slow(Duration::from_secs(5)), false),
        (Fault::CutBefore, false),
        (wrong_ids, false),
        (no_ids, false),
    ];
    for (fault, permanent) in cases {
        google.faults.clear();
        google.faults.add(":publish", 1, fault.clone());
        let results = sink(&google).send(&requests(3)).await;
        assert_eq!(results.len(), 3, "{fault:?}");
        for result in results {
            assert_eq!(result.unwrap_err().is_permanent(), permanent, "{fault:?}");
        }
    }
    google.faults.clear();
    assert!(
        sink(&google)
            .send(&requests(3))
            .await
            .iter()
            .all(Result::is_ok),
        "it recovers"
    );
}

#[tokio::test]
async fn one_bad_message_is_refused_alone() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    let mut sent = requests(20);
    sent[7] = request(&"x".repeat(2_000));
    let results = sink(&google).send(&sent).await;
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at == 7, "{at}: {result:?}");
    }
    assert!(results[7].as_ref().unwrap_err().is_permanent());
    assert_eq!(google.pubsub.published(TOPIC).len(), 19);
}

#[tokio::test]
async fn what_was_taken_and_not_confirmed_is_sent_again_under_the_same_key() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    google.faults.add(":publish", 1, Fault::CutAfter);
    let sent = requests(1);
    let first = sink(&google).send(&sent).await;
    assert!(!first[0].as_ref().unwrap_err().is_permanent(), "{first:?}");
    assert!(sink(&google).send(&sent).await[0].is_ok());
    let published = google.pubsub.published(TOPIC);
    let keys: Vec<&String> = published
        .iter()
        .map(|it| &it.attributes["request_id"])
        .collect();
    assert_eq!(keys, ["h/2026-01-19/player-0/1", "h/2026-01-19/player-0/1"]);
}

#[tokio::test]
async fn a_topic_that_asks_to_be_left_alone_is_left_alone() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    google.faults.add(":publish", 1, Fault::Busy(1));
    let sink = sink(&google);
    let first = sink.send(&requests(1)).await;
    assert!(!first[0].as_ref().unwrap_err().is_permanent());
    let began = std::time::Instant::now();
    assert!(sink.send(&requests(1)).await[0].is_ok());
    assert!(
        began.elapsed() > Duration::from_millis(800),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn more_than_a_request_holds_goes_in_several_in_order() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    let message = |n: usize| Message {
        data: format!("{{\"n\": {n}}}").into_bytes(),
        attributes: BTreeMap::new(),
    };
    let messages: Vec<Message> = (0..2_500).map(message).collect();
    let ids = publisher(&google)
        .publish(&Name::topic("p", "requests"), &messages)
        .await;
    let published = google.pubsub.published(TOPIC);
    let under: BTreeMap<&str, &[u8]> = published
        .iter()
        .map(|it| (it.message_id.as_str(), it.data.as_slice()))
        .collect();
    assert_eq!((ids.len(), under.len()), (2_500, 2_500));
    for (id, message) in ids.iter().zip(&messages) {
        assert_eq!(
            under[id.as_ref().unwrap().as_str()],
            message.data.as_slice()
        );
    }
}

/// Says that it was asked.
struct Otherwise;

#[async_trait]
impl Announcer for Otherwise {
    async fn announce(&self, _: &str, _: &RunKey, _: &Announcement) -> Result<(), PortError> {
        Err(PortError::permanent("announcing elsewhere", "asked"))
    }
}

#[tokio::test]
async fn a_completion_goes_to_its_handoffs_topic_and_elsewhere_without_one() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    let announcer = TopicAnnouncer {
        publisher: publisher(&google),
        topics: BTreeMap::from([(HandoffId::new("h"), Name::topic("p", "requests"))]),
        otherwise: Arc::new(Otherwise),
    };
    let key = |handoff: &str| RunKey {
        handoff: HandoffId::new(handoff),
        game_date: GameDate("2026-01-19".parse().unwrap()),
    };
    let told = Announcement {
        status: AnnouncedStatus::Success,
        batch_id: Some(BatchId::new("b1")),
        expected_units: 10,
        completed_units: 10,
        skipped_units: 0,
        failed_units: 0,
        completion_pct: 100.0,
        started_at: None,
        finished_at: "2026-01-19T07:30:00Z".parse().unwrap(),
    };
    announcer
        .announce("h/2026-01-19/7/0", &key("h"), &told)
        .await
        .unwrap();
    let published = google.pubsub.published(TOPIC);
    let event: Value = serde_json::from_slice(&published[0].data).unwrap();
    assert_eq!(
        (&event["status"], &event["record_count"]),
        (&json!("success"), &json!(10))
    );
    let attributes = json!({"id": "h/2026-01-19/7/0", "game_date": "2026-01-19", "handoff": "h"});
    assert_eq!(json!(published[0].attributes), attributes);
    assert!(
        announcer.announce("i", &key("other"), &told).await.is_err(),
        "elsewhere was asked"
    );
    LogAnnouncer
        .announce("i", &key("other"), &told)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_event_published_by_hand_gives_its_number_or_says_why_not() {
    let google = Google::start().await;
    let topic = Name::topic("p", "requests");
    let message = Message {
        data: b"{}".to_vec(),
        ..Message::default()
    };
    let publisher = publisher(&google);
    let publish = || publisher.publish_event(&topic, &message, Duration::from_secs(5));
    assert_eq!(publish().await.unwrap_err().kind, Kind::NotFound);
    google.pubsub.create_topic(TOPIC);
    let id = publish().await.unwrap();
    assert_eq!(google.pubsub.published(TOPIC)[0].message_id, id.as_str());
}

#[tokio::test]
async fn googles_own_client_reads_what_was_published_and_publishes_what_can_be_read() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    google.pubsub.subscribe(TOPIC, SUBSCRIPTION);
    assert!(
        sink(&google)
            .send(&requests(200))
            .await
            .iter()
            .all(Result::is_ok)
    );
    let arguments = vec![google.base(), SUBSCRIPTION.to_owned(), "200".to_owned()];
    let printed = official("worker.py", arguments, String::new()).await;
    let mut read: Vec<(String, Vec<u8>, Value)> = printed.lines().map(line).collect();
    read.sort_by(|one, other| one.0.cmp(&other.0));
    let sent = google.pubsub.published(TOPIC);
    let wanted: Vec<(String, Vec<u8>, Value)> = sent
        .into_iter()
        .map(|it| (it.message_id, it.data, json!(it.attributes)))
        .collect();
    assert_eq!(read, wanted);
    assert_eq!(google.pubsub.depth(SUBSCRIPTION), 0, "it acknowledged them");
    let lines: Vec<String> = (0..200)
        .map(|n| format!("{{\"n\": {n}, \"name\": \"Dončić\"}}"))
        .collect();
    official(
        "publisher.py",
        vec![google.base(), TOPIC.to_owned()],
        lines.join("\n"),
    )
    .await;
    let published = google.pubsub.published(TOPIC);
    let came: Vec<&[u8]> = published[200..]
        .iter()
        .map(|it| it.data.as_slice())
        .collect();
    assert_eq!(
        came,
        lines.iter().map(|it| it.as_bytes()).collect::<Vec<_>>()
    );
}

fn line(line: &str) -> (String, Vec<u8>, Value) {
    let read: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| read[name].as_str().unwrap().to_owned();
    (
        text("id"),
        text("data").into_bytes(),
        read["attributes"].clone(),
    )
}
