//! The load: HTTP/1.1 on kept connections, with as little work on this side as can be.
//!
//! It reads no more of an answer than it must; it is no client to copy.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            address: address.to_owned(),
            buffer: Vec::new(),
        }
    }

    /// Gets something.
    pub async fn get(&mut self, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        self.exchange(head.as_bytes()).await
    }

    /// Posts a body.
    pub async fn post(&mut self, path: &str, body: &[u8]) -> String {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.exchange(&request).await
    }

    async fn exchange(&mut self, request: &[u8]) -> String {
        self.stream.write_all(request).await.expect("it listens");
        self.buffer.clear();
        loop {
            if let Some(body) = whole(&self.buffer) {
                return body;
            }
            let read = self.stream.read_buf(&mut self.buffer).await;
            assert_ne!(read.expect("an answer"), 0, "it hung up");
        }
    }
}

/// The body of an answer, once all of it is there.
fn whole(answer: &[u8]) -> Option<String> {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).unwrap_or_default();
    assert!(
        status.starts_with('2'),
        "{}",
        String::from_utf8_lossy(answer)
    );
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length"));
    let body = &answer[end + 4..];
    (body.len() >= length).then(|| String::from_utf8_lossy(body).into_owned())
}
