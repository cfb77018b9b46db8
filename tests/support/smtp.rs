//! A real mail server as a test meets it: `tests/tools/smtpd.py` as a child process, and the mails that it took.
//!
//! What a mail ought to say is for the tests.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use mail_parser::{HeaderValue, MessageParser, MimeHeaders};
use serde_json::Value;

/// How long the server may take for what it says by itself.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Debian's own, which has Debian's packages, where another one comes first.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// A mail as the server took it.
#[derive(Debug, Clone)]
pub struct Received {
    /// The number of the connection it came over, from 1 on.
    pub connection: u64,
    /// The sender of its envelope.
    pub mail_from: String,
    /// The readers of its envelope.
    pub rcpt_tos: Vec<String>,
    /// The mail as it came.
    pub content: String,
    /// It came over TLS.
    pub tls: bool,
    /// Who had signed in.
    pub user: Option<String>,
}

impl Received {
    /// A header as people read it: decoded and unfolded; nothing if there is none.
    pub fn header(&self, name: &str) -> String {
        let mail = MessageParser::new().parse(self.content.as_bytes()).unwrap();
        match mail.header(name) {
            Some(HeaderValue::Text(text)) => text.to_string(),
            Some(HeaderValue::TextList(texts)) => texts.join(" "),
            Some(HeaderValue::Address(addresses)) => {
                let each = addresses.iter().map(|it| {
                    let address = it.address().unwrap_or_default();
                    it.name()
                        .map_or(address.to_owned(), |name| format!("{name} <{address}>"))
                });
                each.collect::<Vec<String>>().join(", ")
            }
            Some(other) => panic!("{name}: {other:?}"),
            None => String::new(),
        }
    }

    /// The names of the headers of its head, as they came.
    pub fn header_names(&self) -> Vec<String> {
        let (head, _) = self.content.split_once("\r\n\r\n").unwrap();
        let begins = head.lines().filter(|line| !line.starts_with([' ', '\t']));
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
        begins.map(name).collect()
    }

    /// Its text for those who read no HTML.
    pub fn text(&self) -> String {
        let mail = MessageParser::new().parse(self.content.as_bytes()).unwrap();
        mail.body_text(0).unwrap_or_default().into_owned()
    }

    /// Its page.
    pub fn html(&self) -> String {
        let mail = MessageParser::new().parse(self.content.as_bytes()).unwrap();
        mail.body_html(0).unwrap_or_default().into_owned()
    }

    /// The media types of its parts, from the outermost to the innermost.
    pub fn media_types(&self) -> Vec<String> {
        let mail = MessageParser::new().parse(self.content.as_bytes()).unwrap();
        let types = mail.parts.iter().filter_map(|part| part.content_type());
        types
            .map(|it| format!("{}/{}", it.ctype(), it.subtype().unwrap_or_default()))
            .collect()
    }
}

/// How a server differs from one that takes everything in the clear.
#[derive(Default)]
pub struct Protection<'a> {
    /// Certificate and key, as PEM files, for TLS from the first byte.
    pub tls: Option<(&'a Path, &'a Path)>,
    /// The same for STARTTLS.
    pub starttls: Option<(&'a Path, &'a Path)>,
    /// STARTTLS is not offered all the same.
    pub strip: bool,
    /// User and password to sign in with.
    pub auth: Option<(&'a str, &'a str)>,
}

#[derive(Default)]
struct Events {
    seen: Mutex<Vec<Value>>,
    changed: Condvar,
}

/// A running mail server. It ends when this is dropped.
pub struct SmtpServer {
    child: Child,
    stdin: ChildStdin,
    port: u16,
    events: Arc<Events>,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl SmtpServer {
    /// A server that takes everything.
    pub fn start() -> Self {
        Self::start_with(&Protection::default())
    }

    pub fn start_with(protection: &Protection<'_>) -> Self {
        let mut child = command(protection).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let Ok(port) = first.trim().parse() else {
            panic!("the mail server said no port but {first:?}");
        };
        let events = Arc::new(Events::default());
        let keeper = events.clone();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap();
                keeper.seen.lock().unwrap().push(event);
                keeper.changed.notify_all();
            }
        });
        Self {
            child,
            stdin,
            port,
            events,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes how it answers, and returns once it does.
    pub fn set_mode(&mut self, mode: &str) {
        self.tell(mode);
    }

    /// Returns once the server has taken notice, and all that happened before is seen.
    fn tell(&self, line: &str) {
        let before = count(&self.events.seen.lock().unwrap(), "line");
        writeln!(&self.stdin, "{line}").unwrap();
        self.until(ANSWER_MAX, |events| count(events, "line") > before);
    }

    /// All it said so far, with the instants.
    pub fn events(&self) -> Vec<Value> {
        self.events.seen.lock().unwrap().clone()
    }

    /// The mails it took, those too that it gave no receipt for.
    pub fn messages(&self) -> Vec<Received> {
        let events = self.of("message");
        events.iter().map(received).collect()
    }

    /// The mails it took, once there are `n`.
    pub fn wait_for(&self, n: usize, timeout: Duration) -> Vec<Received> {
        self.until(timeout, |events| count(events, "message") >= n);
        self.messages()
    }

    /// How many events of this kind it has told of.
    pub fn count(&self, kind: &str) -> usize {
        count(&self.events.seen.lock().unwrap(), kind)
    }

    /// Waits until it has told of more events of this kind than these.
    pub fn wait_for_more(&self, kind: &str, before: usize) {
        self.until(ANSWER_MAX, |events| count(events, kind) > before);
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.of("connection").len()
    }

    /// Waits until so many connections are over.
    pub fn wait_for_ended(&self, n: usize) {
        self.until(ANSWER_MAX, |events| count(events, "ended") >= n);
    }

    fn of(&self, kind: &str) -> Vec<Value> {
        self.tell("sync");
        let seen = self.events.seen.lock().unwrap();
        let of_kind = seen.iter().filter(|event| event["event"] == kind);
        of_kind.cloned().collect()
    }

    fn until(&self, timeout: Duration, holds: impl Fn(&[Value]) -> bool) {
        let seen = self.events.seen.lock().unwrap();
        let waits = |seen: &mut Vec<Value>| !holds(seen);
        let (seen, ended) = self
            .events
            .changed
            .wait_timeout_while(seen, timeout, waits)
            .unwrap();
        assert!(!ended.timed_out(), "the mail server only said {seen:#?}");
    }
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["event"] == kind).count()
}

fn command(protection: &Protection<'_>) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/smtpd.py");
    let mut command = Command::new(python());
    command
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let files = [
        ("--tls", protection.tls),
        ("--starttls", protection.starttls),
    ];
    for (option, files) in files {
        if let Some((certificate, key)) = files {
            command.arg(option).arg(certificate).arg(key);
        }
    }
    if protection.strip {
        command.arg("--strip");
    }
    if let Some((user, password)) = protection.auth {
        command.args(["--auth", user, password]);
    }
    command
}

fn python() -> &'static str {
    let has = |python: &&str| {
        let mut command = Command::new(python);
        command.args(["-c", "import aiosmtpd"]);
        let ended = command.stderr(Stdio::null()).status();
        ended.is_ok_and(|status| status.success())
    };
    PYTHONS.into_iter().find(has).expect(
        "no python3 with aiosmtpd: apt-get install python3-aiosmtpd, or pip install aiosmtpd",
    )
}

/// A mail, of the event that tells of it.
pub fn received(event: &Value) -> Received {
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    let readers = event["rcpt_tos"].as_array().unwrap().iter();
    Received {
        connection: event["connection"].as_u64().unwrap(),
        mail_from: text("mail_from").unwrap(),
        rcpt_tos: readers.map(|it| it.as_str().unwrap().to_owned()).collect(),
        content: text("content").unwrap(),
        tls: event["tls"].as_bool().unwrap(),
        user: text("user"),
    }
}
