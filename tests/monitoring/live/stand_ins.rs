//! The mail server and the Slack that Alertmanager writes to, as stand-ins, and what they took.
//!
//! What ought to arrive belongs to the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use mail_parser::MessageParser;
use serde_json::Value;

use super::servers::LOOK;
use crate::{files::ROOT, processes::Process};

/// How long a stand-in may take until it says its port.
const PORT_MAX: Duration = Duration::from_secs(30);

/// A running stand-in, whose words are kept in a file; dropping it ends it.
pub struct StandIn {
    /// The port of loopback it listens on.
    pub port: u16,
    log: PathBuf,
    _process: Process,
}

impl StandIn {
    /// Starts `tests/tools/{name}.py` and returns once it listens.
    pub async fn start(name: &str, log: &Path) -> Self {
        let script = format!("{ROOT}/tests/tools/{name}.py");
        // Debian's own python has Debian's packages.
        let process = Process::start("/usr/bin/python3", [script], log);
        let said = async {
            loop {
                let text = fs::read_to_string(log).unwrap();
                if let Some((first, _)) = text.split_once('\n') {
                    let port = first.parse();
                    return port.unwrap_or_else(|_| panic!("{name} said no port but {text}"));
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let port = tokio::time::timeout(PORT_MAX, said).await;
        Self {
            port: port.unwrap_or_else(|_| panic!("{name} never said its port")),
            log: log.to_owned(),
            _process: process,
        }
    }

    /// What it said after its port, a JSON value a line; a line that is still being written is left out.
    fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap();
        let lines = text.lines().skip(1);
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The mails it took: subject and text.
    pub fn mails(&self) -> Vec<String> {
        let events = self.events();
        let mails = events.iter().filter(|event| event["event"] == "message");
        mails.map(|event| mail(&event["content"])).collect()
    }

    /// The texts of the attachments that Slack took.
    pub fn posts(&self) -> Vec<String> {
        let events = self.events();
        let taken = events.iter().filter(|event| event["verdict"] == "ok");
        let attachments = taken.flat_map(|event| event["payload"]["attachments"].as_array());
        let texts = attachments.flatten().map(|it| it["text"].as_str());
        texts.flatten().map(str::to_owned).collect()
    }

    /// The requests that Slack refused, with what it said.
    pub fn refused(&self) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["verdict"].is_string() && event["verdict"] != "ok");
        events
    }
}

fn mail(content: &Value) -> String {
    let mail = MessageParser::new().parse(content.as_str().unwrap_or_default());
    let mail = mail.unwrap_or_else(|| panic!("no mail: {content}"));
    let page = mail.body_html(0).unwrap_or_default();
    let text = mail.body_text(0).unwrap_or_default();
    format!("{}\n{text}\n{page}", mail.subject().unwrap_or_default())
}
