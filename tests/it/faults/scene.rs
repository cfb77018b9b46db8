//! The service on a clock at the machine's pace, with a Slack, a mail server and a webhook that each say when what came.
//!
//! What is expected belongs to the tests.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant as Watch},
};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    clock::{Clock, SystemClock, WarpClock},
    commands::serve::{App, Setup},
    config::{self, Environment},
    domain::{
        alert::{Change, Kind},
        ids::ChannelId,
    },
    ports::{deliveries::Entry, notice::Notice},
};
use tokio::net::TcpListener;

use super::SOON;
use crate::support::{
    BEGIN, TONIGHT, completion, context, event, feature, instant,
    slack::{CHANNEL, SlackServer, TOKEN},
    smtp::{Protection, SmtpServer, received},
};

/// How often a wait looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How fast time passes while it is hurried.
const HURRY: f64 = 120.0;
const PLAYERS: [&str; 3] = ["karl-anthonytowns", "lebronjames", "stephencurry"];

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub channel: &'static str,
    /// Milliseconds since 1970.
    pub at: f64,
    /// The notice's id, or several.
    pub id: String,
    /// What the channel knows it by.
    pub key: String,
    /// All it says.
    pub text: String,
    /// To whom; empty where the channel is the address.
    pub readers: Vec<String>,
    /// The service was never told that it came.
    pub lost: bool,
}

type Calls = Arc<Mutex<Vec<Arrival>>>;

/// A service with its three channels.
pub struct Scene {
    pub slack: SlackServer,
    pub mail: SmtpServer,
    pub app: App,
    clock: Arc<WarpClock>,
    calls: Calls,
    client: reqwest::Client,
    configuration: String,
    folder: TempDir,
}

/// How a scene differs from the usual one.
#[derive(Default)]
pub struct Differs<'a> {
    /// More of the configuration.
    pub config: &'a str,
    /// More of when people are told.
    pub alerts: &'a str,
    /// The mail server is used with STARTTLS and does not offer it.
    pub stripped: bool,
}

impl Scene {
    pub async fn start() -> Self {
        Self::start_as(Differs::default()).await
    }

    pub async fn start_as(differs: Differs<'_>) -> Self {
        let slack = SlackServer::start();
        let protection = Protection {
            strip: differs.stripped,
            ..Protection::default()
        };
        let mail = SmtpServer::start_with(&protection);
        let calls = Calls::default();
        let hook = listen(calls.clone()).await;
        let security = if differs.stripped { "starttls" } else { "none" };
        let text = configuration(&slack, (mail.port(), security), &hook)
            .replace("[workers]", &format!("{}\n[workers]", differs.alerts))
            + differs.config;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(WarpClock::new(instant(BEGIN), 1.0, false));
        Self {
            slack,
            mail,
            app: open(&text, &folder, &clock).await,
            clock,
            calls,
            client: reqwest::Client::new(),
            configuration: text,
            folder,
        }
    }

    /// Starts the service again, its channel `slack` under another name.
    pub async fn restart_with_slack_as(self, name: &str) -> Self {
        self.app.stop().await;
        let named = format!("\"{name}\"");
        let text = self
            .configuration
            .replace("[channels.slack]", &format!("[channels.{name}]"))
            .replace("\"slack\"", &named)
            .replace(&format!("kind = {named}"), "kind = \"slack\"");
        Self {
            app: open(&text, &self.folder, &self.clock).await,
            configuration: text,
            ..self
        }
    }

    /// Lets that much time pass at once, for waits that no test can sit out.
    pub async fn hurry(&self, minutes: i64) {
        let until = self.clock.now() + chrono::TimeDelta::minutes(minutes);
        self.clock.set_speed(HURRY);
        self.clock.sleep_until(until).await;
        self.clock.set_speed(1.0);
    }

    // What happens.

    /// A message that nobody understands: a warning of the service itself.
    pub async fn warn(&self) -> Notice {
        let sent = self.call(reqwest::Method::POST, "/trigger", "nonsense");
        sent.await;
        self.told(Kind::MessagesQuarantined, Change::Opened).await
    }

    /// It is taken out of quarantine: the warning is over.
    pub async fn end_warning(&self) -> Notice {
        let listed = self.call(reqwest::Method::GET, "/quarantine", "").await;
        let id = listed[0]["id"].clone();
        self.call(reqwest::Method::DELETE, &format!("/quarantine/{id}"), "")
            .await;
        self.told(Kind::MessagesQuarantined, Change::Resolved).await
    }

    /// A night whose workers never answer: critical.
    pub async fn raise(&self) -> Notice {
        let now = self.clock.now();
        let contexts: Vec<_> = PLAYERS.iter().map(|it| context(it)).collect();
        let features: Vec<_> = PLAYERS.iter().map(|it| feature(it, now)).collect();
        self.app.warehouse.put_contexts(&contexts).await.unwrap();
        self.app.warehouse.put_features(&features).await.unwrap();
        let event = event().to_string();
        let answer = self.call(reqwest::Method::POST, "/trigger", &event).await;
        assert_eq!(answer["game_date"], TONIGHT, "{answer}");
        self.told(Kind::WorkersSilent, Change::Opened).await
    }

    /// A worker answers after all: the critical alert is over.
    pub async fn end_critical(&self) -> Notice {
        let answer = completion(PLAYERS[0]).to_string();
        self.call(reqwest::Method::POST, "/complete", &answer).await;
        self.told(Kind::WorkersSilent, Change::Resolved).await
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: &str) -> Value {
        let url = format!("http://{}{path}", self.app.address);
        let request = self.client.request(method, url).body(body.to_owned());
        let answer = request.send().await.unwrap();
        answer.json().await.unwrap_or_default()
    }

    // What is seen.

    /// The message that told of that change, once it is decided.
    pub async fn told(&self, kind: Kind, change: Change) -> Notice {
        self.told_of((kind, None), change).await
    }

    /// The same of an alert about a channel.
    pub async fn told_of(&self, alert: (Kind, Option<&str>), change: Change) -> Notice {
        let begun = Watch::now();
        loop {
            let mut notices = self.notices_of(alert, change).await;
            if let Some(notice) = notices.pop() {
                return notice;
            }
            assert!(
                begun.elapsed() < SOON,
                "never {change:?} {alert:?}: {:#?}\n{:#}",
                self.ledger().await,
                self.call(
                    reqwest::Method::GET,
                    &format!("/history?game_date={TONIGHT}"),
                    ""
                )
                .await
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Every message that told of that change.
    pub async fn notices_of(
        &self,
        (kind, subject): (Kind, Option<&str>),
        change: Change,
    ) -> Vec<Notice> {
        let store = &self.app.engine.shared().store;
        let mut ids: Vec<String> = store
            .ledger(1_000)
            .await
            .unwrap()
            .into_iter()
            .map(|it| it.notice_id)
            .collect();
        ids.sort();
        ids.dedup();
        let mut notices = Vec::new();
        for id in ids {
            let notice = store.notice(&id).await.unwrap().unwrap();
            let tells = notice.told().iter().any(|told| {
                let alert = &told.alert;
                let about = subject.is_none_or(|it| alert.subject.as_deref() == Some(it));
                told.change == change && alert.kind == kind && about
            });
            if tells {
                notices.push(notice);
            }
        }
        notices
    }

    pub async fn ledger(&self) -> Vec<Entry> {
        self.app.engine.shared().store.ledger(1_000).await.unwrap()
    }

    /// When it was decided, in milliseconds since 1970 of the machine.
    pub fn decided_at(&self, notice: &Notice) -> f64 {
        let passed = self.clock.now() - notice.at;
        now_ms() - passed.num_microseconds().unwrap() as f64 / 1e3
    }

    /// Every message that came, earliest first.
    pub fn arrivals(&self) -> Vec<Arrival> {
        let mut all = self.calls.lock().unwrap().clone();
        all.extend(self.slack.events().iter().filter_map(posted));
        all.extend(self.mail.events().iter().filter_map(mailed));
        all.sort_by(|one, other| one.at.total_cmp(&other.at));
        all
    }

    /// Those of one message over one channel.
    pub fn arrivals_of(&self, notice: &Notice, channel: &str) -> Vec<Arrival> {
        let mut all = self.arrivals();
        all.retain(|it| it.channel == channel && it.id == notice.id);
        all
    }

    /// The first of them, once it is there.
    pub async fn arrival(&self, notice: &Notice, channel: &str) -> Arrival {
        self.arrival_if(notice, channel, |_| true).await
    }

    /// The one that the service knows of, on a channel that failed at first: it says that others have it already.
    pub async fn arrived_late(&self, notice: &Notice, channel: &str) -> Arrival {
        let late = self.arrival_if(notice, channel, |it| !it.lost).await;
        assert!(late.text.contains("late: "), "{late:#?}");
        assert!(late.text.contains("has it since"), "{late:#?}");
        late
    }

    async fn arrival_if(
        &self,
        notice: &Notice,
        channel: &str,
        fits: impl Fn(&Arrival) -> bool,
    ) -> Arrival {
        let begun = Watch::now();
        loop {
            let all = self.arrivals_of(notice, channel);
            if let Some(arrival) = all.into_iter().find(&fits) {
                return arrival;
            }
            assert!(
                begun.elapsed() < SOON,
                "{} never came over {channel}: {:#?}\n{:#?}",
                notice.id,
                self.ledger().await,
                self.arrivals()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until nothing waits on a channel.
    pub async fn all_out(&self) {
        let begun = Watch::now();
        let waits = |it: &Entry| it.state == "waiting";
        while self.ledger().await.iter().any(waits) {
            assert!(begun.elapsed() < SOON, "{:#?}", self.ledger().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// When Slack's stand-in first did not take that message: refused it, left it without an answer, or cut it off.
    pub async fn slack_failed_at(&self, notice: &Notice) -> f64 {
        let fails = |it: &Value| {
            let refused =
                it["verdict"].is_string() && it["verdict"] != "ok" && notice_id(it) == notice.id;
            refused || it["hanging"].is_string()
        };
        self.slack.wait_for(|events| events.iter().any(fails)).await;
        let events = self.slack.events();
        let first = events.iter().find(|it| fails(it)).unwrap();
        first["at"].as_f64().unwrap()
    }

    /// When the mail server first refused a reader, left somebody without an answer, or cut a mail off.
    pub async fn mail_failed_at(&self) -> f64 {
        let begun = Watch::now();
        loop {
            let events = self.mail.events();
            let fails = |it: &&Value| {
                ["refused", "hanging", "message"]
                    .iter()
                    .any(|kind| it["event"] == *kind)
            };
            if let Some(first) = events.iter().find(fails) {
                return first["at"].as_f64().unwrap();
            }
            assert!(begun.elapsed() < SOON, "nothing failed: {events:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn open(text: &str, folder: &TempDir, clock: &Arc<WarpClock>) -> App {
    let token = ("TIPOFF_SLACK_TOKEN".to_owned(), TOKEN.to_owned());
    let mut config = config::parse(text, folder.path(), &Environment::of([token])).unwrap();
    config.data_dir = folder.path().to_owned();
    config.listen.set_port(0);
    App::open(Setup::of(config, clock.clone())).await.unwrap()
}

fn configuration(slack: &SlackServer, (port, security): (u16, &str), hook: &str) -> String {
    format!(
        r##"
[[handoffs]]
id = "phase4-to-phase5"
[handoffs.alerts]
no_answer_after = "1s"
[workers]
silence_share = 1.0
skip_share = 0.0
[channels.slack]
kind = "slack"
channel = "{CHANNEL}"
api_url = "{}"
[channels.email]
kind = "email"
host = "127.0.0.1"
port = {port}
security = "{security}"
from = "tipoff@example.com"
to = ["team@example.com"]
[channels.hook]
kind = "webhook"
url = "{hook}"
[routes]
critical = {{ at_once = ["slack", "email"], otherwise = ["hook"] }}
warning = {{ at_once = ["slack"], otherwise = ["email"] }}
"##,
        slack.url()
    )
}

/// A webhook that takes everything.
async fn listen(calls: Calls) -> String {
    async fn take(State(calls): State<Calls>, headers: HeaderMap, body: String) {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        calls.lock().unwrap().push(Arrival {
            channel: "hook",
            at: now_ms(),
            id: key.clone(),
            key,
            text: body,
            readers: Vec::new(),
            lost: false,
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let router = Router::new().route("/alerts", post(take)).with_state(calls);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

fn notice_id(event: &Value) -> &str {
    let payload = &event["payload"]["metadata"]["event_payload"];
    payload["id"].as_str().unwrap_or_default()
}

/// A message that Slack's stand-in kept, its answer lost or not.
fn posted(event: &Value) -> Option<Arrival> {
    let kept = event["verdict"] == "ok" || event["verdict"] == "cut";
    let is_notice = event["payload"]["metadata"]["event_type"] == "tipoff_notice";
    (kept && is_notice).then(|| Arrival {
        channel: "slack",
        at: event["at"].as_f64().unwrap(),
        id: notice_id(event).to_owned(),
        key: notice_id(event).to_owned(),
        text: event["payload"]
            .to_string()
            .replace("Late: ", "late: ")
            .replace("This may be", "this may be"),
        readers: Vec::new(),
        lost: event["verdict"] == "cut",
    })
}

fn mailed(event: &Value) -> Option<Arrival> {
    if event["event"] != "message" {
        return None;
    }
    let mail = received(event);
    Some(Arrival {
        channel: "email",
        at: event["at"].as_f64().unwrap(),
        id: mail.header("X-Tipoff-Notice"),
        key: mail.header("Message-ID"),
        text: mail.text(),
        readers: mail.rcpt_tos,
        lost: event["lost"] == true,
    })
}

fn now_ms() -> f64 {
    SystemClock.now().timestamp_micros() as f64 / 1e3
}

/// A test message, as a person asks for it.
fn test_notice(scene: &Scene, id: &str) -> Notice {
    let notice = json!({
        "id": id, "about": "service", "at": scene.clock.now(), "content": {"test": {"by": "dana"}},
    });
    serde_json::from_value(notice).unwrap()
}

/// Sends a test message over a channel.
pub async fn send_test(scene: &Scene, id: &str, channel: &str) -> Notice {
    let notice = test_notice(scene, id);
    let inbox = scene.app.engine.inbox();
    let channels = vec![ChannelId::new(channel)];
    assert!(inbox.post(notice.clone(), channels).await.unwrap());
    notice
}
