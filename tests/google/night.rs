//! A whole night on Google's parts: the upstream calls `publish`, Pub/Sub pushes with identities, the tables are asked in
//! a BigQuery emulator, workers in Python answer with Google's own client, and the night ends promised and recorded.
//!
//! Pub/Sub and the keys are the stand-in's. Faults belong to the tests of the single parts.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, SystemClock},
    warehouse::instant_text,
};

use crate::{
    emulator::{Emulator, PROJECT},
    pubsub::python,
    slate::{self, PLAYERS},
    stand_in::Google,
};

const AUDIENCE: &str = "https://tipoff.example.com";
/// Every tenth is out, as the workers see it.
const OUT: usize = 4;
const COMPLETE_WITHIN: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

fn topic(name: &str) -> String {
    format!("projects/{PROJECT}/topics/{name}")
}

fn subscription(name: &str) -> String {
    format!("projects/{PROJECT}/subscriptions/{name}")
}

fn account(name: &str) -> String {
    format!("{name}@{PROJECT}.iam.gserviceaccount.com")
}

/// A zone in which it is the middle of the day now, so that no date changes and no deadline falls on tomorrow.
fn zone_at(now: DateTime<Utc>) -> Tz {
    if (6..18).contains(&now.hour()) {
        Tz::Etc__UTC
    } else {
        Tz::Etc__GMTPlus12
    }
}

/// A process that ends with the test, and what it said.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> (Self, BufReader<std::process::ChildStdout>) {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        (Self(child), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Night {
    google: Google,
    tables: Emulator,
    folder: TempDir,
    game_date: String,
    url: String,
    service: Process,
    _workers: Process,
}

impl Night {
    /// `intake` is how the messages come, `pace` how many units are sent in a second.
    async fn begin(intake: &str, pace: u32) -> Self {
        let (google, tables) = (Google::start().await, Emulator::start().await);
        tables.create_tables().await;
        let now = SystemClock.now();
        let zone = zone_at(now);
        let local = now.with_timezone(&zone);
        let game_date = local.date_naive().to_string();
        fill(&tables, &game_date, now).await;
        let folder = tempfile::tempdir().unwrap();
        let deadline = (local + TimeDelta::minutes(40)).format("%H:%M").to_string();
        let config = configuration(&google, &tables, zone.name())
            + &format!("intake = \"{intake}\"\n")
            + &promises(zone.name(), &deadline, pace);
        std::fs::write(folder.path().join("tipoff.toml"), config).unwrap();
        let keys = google.keys.clone();
        google
            .pubsub
            .sign_with(move |account, audience| keys.push_token(audience, account));
        let (service, url) = serve(folder.path()).await;
        wire(&google, (intake == "push").then_some(url.as_str()));
        let workers = workers(&google, &tables).await;
        Self {
            google,
            tables,
            folder,
            game_date,
            url,
            service,
            _workers: workers,
        }
    }

    /// The service is killed where it stands, and another begins with its files.
    async fn kill_and_start_again(&mut self) {
        self.service.0.kill().unwrap();
        self.service.0.wait().unwrap();
        (self.service, self.url) = serve(self.folder.path()).await;
    }

    /// The upstream's processor calls the command and goes on.
    async fn publish(&self) -> Value {
        let mut command = tipoff(self.folder.path());
        command
            .args(["publish", "--json", "--strict", "--config", "tipoff.toml"])
            .args(["--game-date", &self.game_date])
            .env("TIPOFF_URL", &self.url);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn status(&self) -> Value {
        let token = self
            .google
            .keys
            .push_token(AUDIENCE, &account("tipoff-scheduler"));
        let asked = reqwest::Client::new()
            .get(format!("{}/status?game_date={}", self.url, self.game_date))
            .bearer_auth(token)
            .send();
        asked.await.unwrap().json().await.unwrap()
    }

    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let seen = async {
            loop {
                let run = self.status().await;
                if is_so(&run) {
                    return run;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        match tokio::time::timeout(COMPLETE_WITHIN, seen).await {
            Ok(run) => run,
            Err(_) => panic!("waited in vain: {:#}", self.status().await),
        }
    }

    async fn until_complete(&self) -> Value {
        self.until(|run| run["state"] == "complete").await
    }
}

/// Players of four games, all ready now.
async fn fill(tables: &Emulator, game_date: &str, now: DateTime<Utc>) {
    let (contexts, features) = slate::rows(game_date, &instant_text(now));
    tables
        .load("nba_analytics.upcoming_player_game_context", &contexts)
        .await;
    tables
        .load("nba_predictions.ml_feature_store_v2", &features)
        .await;
}

fn configuration(google: &Google, tables: &Emulator, zone: &str) -> String {
    let (base, bigquery) = (google.base(), tables.base());
    format!(
        r#"[google]
project = "{PROJECT}"
credentials = "none"
[google.endpoints]
pubsub = "{base}/v1"
bigquery = "{bigquery}"
keys = "{base}/oauth2/v3/certs"
[google.bigquery]
record_every = "1s"
[google.identity]
audience = "{AUDIENCE}"
[doctor]
enabled = false
[[handoffs]]
id = "phase4-to-phase5"
calendar_zone = "{zone}"
season = "none"
warehouse = "bigquery"
sink = {{ pubsub = {{ topic = "prediction-request-prod" }} }}
downstream_topic = "nba-phase5-predictions-complete"
"#
    )
}

fn promises(zone: &str, deadline: &str, pace: u32) -> String {
    format!(
        r#"[handoffs.schedule]
zone = "{zone}"
deadline = "{deadline}"
backup = "none"
retries = []
[handoffs.readiness]
poll = "1s"
[handoffs.pace]
start_per_second = {pace}.0
full_per_second = {pace}.0
"#
    )
}

fn tipoff(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tipoff"));
    command.current_dir(folder).env_clear();
    command
}

async fn serve(folder: &Path) -> (Process, String) {
    let mut command = tipoff(folder);
    command
        .args(["serve", "--config", "tipoff.toml", "--data", "data"])
        .env("PORT", "0")
        .stderr(std::fs::File::create(folder.join("log")).unwrap());
    let folder = folder.to_owned();
    let started = move || {
        let (service, mut said) = Process::start(&mut command);
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            let read = said.read_line(&mut line).unwrap();
            assert!(
                read > 0,
                "{}",
                std::fs::read_to_string(folder.join("log")).unwrap()
            );
        }
        let port = line.trim().rsplit(':').next().unwrap().to_owned();
        // What is said from now on is read, so that the service never waits for a reader.
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        (service, format!("http://127.0.0.1:{port}"))
    };
    tokio::task::spawn_blocking(started).await.unwrap()
}

/// The topics and subscriptions that `infra` makes, and the workers' own; without an address there are no pushes.
fn wire(google: &Google, url: Option<&str>) {
    let topics = [
        "nba-phase4-precompute-complete",
        "prediction-request-prod",
        "prediction-ready-prod",
        "nba-phase5-predictions-complete",
    ];
    for name in topics {
        google.pubsub.create_topic(&topic(name));
    }
    let pushes = [
        (topics[0], "nba-phase5-trigger-sub", "/trigger"),
        (topics[2], "prediction-ready-prod-sub", "/complete"),
    ];
    for (from, name, path) in pushes {
        let mut body = json!({"topic": topic(from), "ackDeadlineSeconds": 60});
        if let Some(url) = url {
            body["pushConfig"] = json!({
                "pushEndpoint": format!("{url}{path}"),
                "oidcToken": {"serviceAccountEmail": account("tipoff-push"), "audience": AUDIENCE},
            });
        }
        google.pubsub.subscribe_as(&subscription(name), body);
    }
    google
        .pubsub
        .subscribe(&topic(topics[1]), &subscription("workers-sub"));
}

async fn workers(google: &Google, tables: &Emulator) -> Process {
    let bigquery = tables.base().trim_start_matches("http://");
    let bigquery = bigquery.split('/').next().unwrap().to_owned();
    let mut command = python("night_worker.py");
    command.args([&google.host, &bigquery, PROJECT]);
    let started = move || {
        let (workers, mut said) = Process::start(&mut command);
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "./test installs Google's client");
        workers
    };
    tokio::task::spawn_blocking(started).await.unwrap()
}

#[tokio::test]
async fn a_night_from_the_upstream_s_call_to_the_record_of_its_end() {
    let night = Night::begin("push", 1_000).await;
    let unknown = reqwest::Client::new().post(format!("{}/trigger", night.url));
    assert_eq!(
        unknown.send().await.unwrap().status(),
        401,
        "nobody is believed unnamed"
    );

    let published = night.publish().await;
    assert_eq!(published["published"], true, "{published}");
    assert_eq!(published["event"]["players_ready"], PLAYERS, "{published}");

    assert_met(&night.until_complete().await);
    assert_told_downstream(&night).await;
    assert_recorded(&night).await;
    let rows = night
        .tables
        .rows("SELECT player_lookup FROM nba_predictions.player_prop_predictions")
        .await;
    assert_eq!(rows.len(), PLAYERS - OUT, "one row a player: {rows:?}");
    for name in [
        "nba-phase5-trigger-sub",
        "prediction-ready-prod-sub",
        "workers-sub",
    ] {
        night
            .google
            .pubsub
            .until_depth(&subscription(name), 0)
            .await;
    }
}

#[tokio::test]
async fn a_puller_that_is_killed_in_the_middle_loses_nothing_and_counts_nothing_twice() {
    let mut night = Night::begin("pull", 8).await;
    // What the killed one held comes again when its lease ends.
    night.google.pubsub.scale(0.1);
    night.publish().await;
    let count = |run: &Value, name: &str| run["counts"][name].as_u64().unwrap_or_default();
    night
        .until(|run| count(run, "dispatched") > 8 && count(run, "predicted") > 0)
        .await;
    night.kill_and_start_again().await;
    assert_met(&night.until_complete().await);
    let answers = subscription("prediction-ready-prod-sub");
    night.google.pubsub.until_depth(&answers, 0).await;
    assert_met(&night.status().await);
    let sent = night
        .google
        .pubsub
        .published(&topic("prediction-request-prod"));
    let keys: BTreeSet<&String> = sent.iter().map(|it| &it.attributes["request_id"]).collect();
    assert_eq!(keys.len(), PLAYERS, "what is sent twice has the same key");
}

fn assert_met(run: &Value) {
    assert_eq!(run["started_by"], "event", "{run:#}");
    assert_eq!(run["verdict"], "met", "{run:#}");
    let counts = &run["counts"];
    assert_eq!(counts["predicted"], PLAYERS - OUT, "{run:#}");
    assert_eq!(counts["skipped"], OUT, "{run:#}");
    assert_eq!(counts["dispatched"], PLAYERS, "{run:#}");
}

/// The next phase hears of it once.
async fn assert_told_downstream(night: &Night) {
    let name = topic("nba-phase5-predictions-complete");
    let told = night.google.pubsub.until_published(&name, 1).await;
    assert_eq!(told.len(), 1);
    let event: Value = serde_json::from_slice(&told[0].data).unwrap();
    assert_eq!(event["game_date"], night.game_date, "{event}");
}

/// Its own row stands in the run history, beside nothing else: the upstream of this night wrote none.
async fn assert_recorded(night: &Night) {
    let sql = "SELECT status, CAST(records_processed AS STRING), CAST(data_date AS STRING), TO_JSON_STRING(summary) \
               FROM nba_reference.processor_run_history";
    let recorded = async {
        loop {
            let rows = night.tables.rows(sql).await;
            // The record is written beside the run, not before its answers are.
            let is_over = |row: &Vec<Option<String>>| row[0].as_deref() != Some("running");
            if !rows.is_empty() && rows.iter().all(is_over) {
                return rows;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let rows = tokio::time::timeout(COMPLETE_WITHIN, recorded)
        .await
        .unwrap();
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(row[0].as_deref(), Some("success"), "{row:?}");
    assert_eq!(row[2].as_deref(), Some(night.game_date.as_str()), "{row:?}");
    let summary: Value = serde_json::from_str(row[3].as_deref().unwrap()).unwrap();
    assert!(summary.is_object(), "{row:?}");
}
