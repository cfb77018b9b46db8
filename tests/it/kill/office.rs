//! Two channels that people are told over, each a server of its own, and the lives of the service that tells them.
//!
//! When it is killed belongs to `alerts`, what has to be true afterwards to `told`.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant as Watch},
};

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, SystemClock},
    domain::zone::Zone,
    warehouse::EmbeddedWarehouse,
};

use super::{
    data::{self, Plan},
    service::{Log, Service, serve},
};
use crate::support::{
    slack::{CHANNEL, SlackServer, TOKEN},
    smtp::SmtpServer,
};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// Nothing that was decided is still to be delivered.
const WAITING: &str = "SELECT count(*) FROM deliveries WHERE state = 'waiting'";
/// Messages that wait for the mail channel because another channel did not take them.
const INSTEAD: &str = "SELECT count(*) FROM deliveries
    WHERE state = 'waiting' AND channel = 'email' AND json_extract(why, '$.instead.of') = 'slack'";

/// Critical messages about a handoff.
const TOLD: &str = "SELECT count(*) FROM notices WHERE severity = 2 AND id LIKE $1 || '/%'";

/// How warnings are routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// Over both channels at once.
    Both,
    /// Over Slack, and by mail if Slack fails.
    SlackFirst,
}

/// The channels and the service.
pub struct Office {
    pub folder: TempDir,
    pub mail: SmtpServer,
    pub slack: SlackServer,
    pub log: Log,
    /// How often the service was killed.
    pub kills: u64,
    /// Handoffs whose players are listed and not ready when their wait ends: nothing is dispatched, which is critical.
    pub unready: usize,
    /// How many messages each channel takes in an hour.
    messages_per_hour: u32,
    client: reqwest::Client,
    service: Option<Service>,
}

impl Office {
    /// Both channels take everything; the service runs, and there is no game to watch.
    pub fn begin(routing: Routing, messages_per_hour: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut office = Self {
            folder,
            mail: SmtpServer::start(),
            slack: SlackServer::start(),
            log: Log::default(),
            kills: 0,
            unready: 0,
            messages_per_hour,
            client: reqwest::Client::new(),
            service: None,
        };
        office.start(routing);
        office
    }

    /// Lists tonight's players, of whom none is ready.
    pub async fn list_players(&self) {
        let folder = self.folder.path().join("data/warehouse");
        let warehouse = EmbeddedWarehouse::open(&folder).await.unwrap();
        let zone: Zone = data::zone().parse().unwrap();
        let contexts = data::contexts(&Plan::default(), zone.date(SystemClock.now()));
        warehouse.put_contexts(&contexts).await.unwrap();
    }

    /// The store's file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("data/state.sqlite")
    }

    /// Starts the service on the folder, as it is.
    pub fn start(&mut self, routing: Routing) {
        self.configure(routing);
        self.service = Some(Service::start(self.folder.path(), &self.log));
    }

    /// Starts the service and kills it after a while, however far it has come.
    pub fn start_and_kill(&mut self, life: Duration) {
        let mut command = serve(self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(life);
        child.kill().unwrap();
        child.wait().unwrap();
        self.kills += 1;
    }

    /// Kills the service where it stands.
    pub fn kill(&mut self) {
        self.service.take().unwrap().kill();
        self.kills += 1;
    }

    fn configure(&self, routing: Routing) {
        let folder = self.folder.path();
        let day = |days: i64| (SystemClock.now() + TimeDelta::days(days)).date_naive();
        let days: Vec<String> = (-2..=2).map(|days| day(days).to_string()).collect();
        let season = format!(
            "from = {}\nuntil = {}\nwithout_games = [{}]\n",
            days[0],
            days[4],
            days.join(", ")
        );
        std::fs::write(folder.join("season.toml"), season).unwrap();
        std::fs::write(folder.join("slack-token"), TOKEN).unwrap();
        let warning = match routing {
            Routing::Both => r#"{ at_once = ["slack", "email"] }"#,
            Routing::SlackFirst => r#"{ at_once = ["slack"], otherwise = ["email"] }"#,
        };
        let (port, api_url) = (self.mail.port(), self.slack.url());
        let messages_per_hour = self.messages_per_hour;
        let config = format!(
            r##"
log_format = "json"
[listen]
port = 0
[[handoffs]]
id = "phase4-to-phase5"
calendar_zone = "UTC"
season_file = "season.toml"
[doctor]
enabled = false
[channels.slack]
kind = "slack"
channel = "{CHANNEL}"
token_file = "slack-token"
api_url = "{api_url}"
messages_per_hour = {messages_per_hour}
[channels.email]
kind = "email"
host = "127.0.0.1"
port = {port}
security = "none"
from = "tipoff@example.com"
to = ["dana@example.com"]
messages_per_hour = {messages_per_hour}
[routes]
critical = {{ at_once = ["slack", "email"] }}
warning = {warning}
"##
        );
        let unready: String = (0..self.unready).map(unready).collect();
        std::fs::write(folder.join("tipoff.toml"), config + &unready).unwrap();
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let service = self.service.as_ref().unwrap();
        self.client
            .request(method, format!("{}{path}", service.url))
    }

    /// A push that nobody can read, which opens an alert that holds this word. The answer is whether the service
    /// acknowledged it: then it is durable.
    pub fn push(&self, word: &str) -> impl Future<Output = bool> + Send + 'static {
        let body = json!({ word: 1 }).to_string();
        let request = self.request(reqwest::Method::POST, "/trigger").body(body);
        async move {
            request
                .send()
                .await
                .is_ok_and(|it| it.status().is_success())
        }
    }

    /// The word that an upstream could not publish its completion: an alert of another kind. `false`: the service did not
    /// acknowledge it.
    pub async fn unpublished(&self) -> bool {
        let today = SystemClock.now().date_naive();
        let event = json!({
            "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
            "game_date": today, "status": "success", "timestamp": SystemClock.now(),
        });
        let word = json!({"error": "topic: answered 404", "event": event});
        let request = self.request(reqwest::Method::POST, "/unpublished");
        let answer = request.body(word.to_string()).send().await;
        answer.is_ok_and(|it| it.status().is_success())
    }

    /// Drops everything from quarantine, which resolves the alert. `false`: the service did not say so.
    pub fn clear(&self) -> impl Future<Output = bool> + Send + 'static {
        let list = self.request(reqwest::Method::GET, "/quarantine");
        let (client, base) = (
            self.client.clone(),
            self.service.as_ref().unwrap().url.clone(),
        );
        async move {
            let Ok(answer) = list.send().await else {
                return false;
            };
            let Ok(listed) = answer.json::<Vec<Value>>().await else {
                return false;
            };
            for message in listed {
                let url = format!("{base}/quarantine/{}", message["id"]);
                let dropped = client.delete(url).send().await;
                if !dropped.is_ok_and(|it| it.status().is_success()) {
                    return false;
                }
            }
            true
        }
    }

    /// Waits until every message has been delivered, or a later one in its place.
    pub async fn settle(&self) {
        self.see("settled", WAITING, None, |waiting| waiting == 0)
            .await;
    }

    /// Waits until something critical was decided to be told of this handoff.
    pub async fn see_told(&self, handoff: &str) {
        self.see("told of", TOLD, Some(handoff), |told| told > 0)
            .await;
    }

    /// Waits until a message waits for the mail channel in Slack's place.
    pub async fn see_fallback(&self) {
        self.see("a fallback", INSTEAD, None, |waiting| waiting > 0)
            .await;
    }

    async fn see(
        &self,
        what: &str,
        statement: &'static str,
        about: Option<&str>,
        is: impl Fn(i64) -> bool,
    ) {
        let options = SqliteConnectOptions::new().filename(self.file());
        let mut connection = options.read_only(true).connect().await.unwrap();
        let since = Watch::now();
        loop {
            let count = sqlx::query_scalar(statement).bind(about);
            if is(count.fetch_one(&mut connection).await.unwrap()) {
                break;
            }
            let log = || self.log.lock().unwrap().clone();
            assert!(since.elapsed() < PATIENCE, "never {what}: {:#?}", log());
            tokio::time::sleep(LOOK).await;
        }
        connection.close().await.unwrap();
    }

    /// Both channels take everything again.
    pub async fn mend(&mut self) {
        self.mail.set_mode("ok");
        self.slack.set_mode("ok").await;
    }
}

/// The name of a handoff that has nothing to dispatch.
pub fn handoff(number: usize) -> String {
    format!("unready{number:03}")
}

fn unready(number: usize) -> String {
    let (id, zone) = (handoff(number), data::zone());
    format!(
        r#"
[[handoffs]]
id = "{id}"
calendar_zone = "{zone}"
season = "none"
upstream_topic = "{id}-finished"
trigger_subscription = "{id}-trigger"
completion_subscription = "{id}-completion"
[handoffs.schedule]
zone = "{zone}"
deadline = "17:00"
[handoffs.readiness]
poll = "1s"
wait = "0s"
short_wait = "0s"
"#
    )
}
