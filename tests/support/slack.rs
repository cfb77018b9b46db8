//! Slack's stand-in, tests/tools/slackd.py, as a child process: what it was sent, and how it answers.
//!
//! Slack's rules are in the stand-in; no test belongs here.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

/// How long a request may be awaited.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The token that the stand-in takes.
pub const TOKEN: &str = "xoxb-test";
/// Its channel.
pub const CHANNEL: &str = "C0TIPOFF";

/// The stand-in, to be run.
pub fn slack_stand_in() -> Command {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/slackd.py");
    let mut command = Command::new("python3");
    command.arg(tool);
    command
}

/// A running stand-in. Dropping it ends it.
pub struct SlackServer {
    child: Child,
    input: ChildStdin,
    events: watch::Receiver<Vec<Value>>,
    url: String,
}

impl Drop for SlackServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl SlackServer {
    /// Starts the stand-in and returns once it listens.
    pub fn start() -> Self {
        let mut child = slack_stand_in()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port: u16 = lines.next().unwrap().unwrap().parse().unwrap();
        let (keep, events) = watch::channel(Vec::new());
        thread::spawn(move || keep_lines(lines, &keep));
        Self {
            child,
            input,
            events,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Where its Web API is.
    pub fn url(&self) -> String {
        format!("{}/api/", self.url)
    }

    /// Its incoming webhook.
    pub fn webhook_url(&self) -> String {
        format!("{}/services/T000/B000/XXX", self.url)
    }

    /// An incoming webhook that does not exist any more.
    pub fn gone_webhook_url(&self) -> String {
        format!("{}/services/T000/B000/YYY", self.url)
    }

    /// How it answers from now on; see the stand-in's own words.
    pub async fn set_mode(&mut self, mode: &str) {
        let is_told = |events: &[Value]| events.iter().filter(|it| it["mode"] == mode).count();
        let before = is_told(&self.events.borrow());
        writeln!(self.input, "{mode}").unwrap();
        self.wait_for(|events| is_told(events) > before).await;
    }

    /// Waits until what it said satisfies `enough`.
    pub async fn wait_for(&self, enough: impl Fn(&[Value]) -> bool) {
        let mut events = self.events.clone();
        let enough = events.wait_for(|events| enough(events));
        let awaited = tokio::time::timeout(WAIT_MAX, enough).await;
        assert!(
            matches!(awaited, Ok(Ok(_))),
            "it never came: {:#?}",
            self.events()
        );
    }

    /// All it said so far, but its port.
    pub fn events(&self) -> Vec<Value> {
        self.events.borrow().clone()
    }

    /// How many requests it took and answered.
    pub fn taken(&self) -> usize {
        taken(&self.events.borrow())
    }

    /// Waits until it has taken and answered more requests than these.
    pub async fn wait_for_taken(&self, before: usize) {
        self.wait_for(|events| taken(events) > before).await;
    }

    /// How many requests it holds or held without an answer.
    pub fn hanging(&self) -> usize {
        hanging(&self.events.borrow())
    }

    /// Waits until it has held more requests than these without an answer.
    pub async fn wait_for_hanging(&self, before: usize) {
        self.wait_for(|events| hanging(events) > before).await;
    }

    /// The requests so far: method, payload, verdict and milliseconds.
    pub async fn requests(&self, count: usize) -> Vec<Value> {
        let is_request = |it: &&Value| it["verdict"].is_string();
        self.wait_for(|events| events.iter().filter(is_request).count() >= count)
            .await;
        let requests: Vec<Value> = self.events().iter().filter(is_request).cloned().collect();
        assert_eq!(requests.len(), count, "{requests:#?}");
        requests
    }

    /// The messages it took, as they stand now, with their edits.
    pub async fn messages(&self) -> Vec<Value> {
        let answer = reqwest::get(format!("{}/messages", self.url))
            .await
            .unwrap();
        let messages: Value = answer.json().await.unwrap();
        messages.as_array().unwrap().clone()
    }

    /// What it took, as a page.
    pub async fn page(&self) -> String {
        let answer = reqwest::get(format!("{}/page", self.url)).await.unwrap();
        answer.text().await.unwrap()
    }
}

fn taken(events: &[Value]) -> usize {
    events.iter().filter(|it| it["verdict"] == "ok").count()
}

fn hanging(events: &[Value]) -> usize {
    let hangs = |it: &&Value| it["hanging"].is_string();
    events.iter().filter(hangs).count()
}

fn keep_lines(lines: Lines<BufReader<ChildStdout>>, keep: &watch::Sender<Vec<Value>>) {
    for line in lines.map_while(Result::ok) {
        let event = serde_json::from_str(&line).unwrap_or_else(|_| json!({"unreadable": line}));
        keep.send_modify(|events| events.push(event));
    }
}
