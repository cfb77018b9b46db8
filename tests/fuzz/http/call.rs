//! One HTTP/1.1 call over a bare socket, its bytes as they are: no client stands between that would mend them.
//!
//! What a call says belongs to `attack` and `wild`, what its answer has to be to `judge`.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take on a busy machine: less than what the service itself allows a person's call.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The head, in small letters.
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The answer in these bytes; a `100 Continue` before it is left out.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        if status == 100 {
            return Self::of(body.as_bytes());
        }
        Some(Self {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        })
    }

    /// The value of a header, empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(':'));
        let found = pairs.find(|(other, _)| *other == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// The body as JSON, null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// What a body of completions was counted as: accepted, duplicate, unknown, malformed.
    pub fn counts(&self) -> [u64; 4] {
        let json = self.json();
        ["accepted", "duplicate", "unknown", "malformed"]
            .map(|name| json[name].as_u64().unwrap_or_default())
    }
}

/// How a caller ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It waits for its answer.
    Wait,
    /// It says that nothing more comes, and waits.
    Shut,
}

/// A whole request that asks for the connection to be closed.
pub fn request(head: &str, headers: &[(String, Vec<u8>)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head} HTTP/1.1\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Posts a body, plainly.
pub async fn post(address: &str, path: &str, body: &[u8]) -> Option<Answer> {
    let headers = [
        ("host".to_owned(), address.as_bytes().to_vec()),
        (
            "content-length".to_owned(),
            body.len().to_string().into_bytes(),
        ),
    ];
    let bytes = request(&format!("POST {path}"), &headers, body);
    send(address, &bytes, End::Wait).await
}

/// Sends these bytes and reads until the other side hangs up; `None`: it said nothing that is HTTP, or nothing
/// in time.
pub async fn send(address: &str, bytes: &[u8], end: End) -> Option<Answer> {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let (mut reader, mut writer) = stream.into_split();
    let mut said = Vec::new();
    let read = async {
        // A reset after the answer takes nothing away from it.
        let _ = reader.read_to_end(&mut said).await;
    };
    let write = async {
        // It may have answered before it was told all, and have hung up.
        let _ = writer.write_all(bytes).await;
        if end == End::Shut {
            let _ = writer.shutdown().await;
        }
    };
    // Whoever gets no answer in time is told so, as one who gets none at all.
    timeout(PATIENCE, async { tokio::join!(read, write) })
        .await
        .ok()?;
    Answer::of(&said)
}
