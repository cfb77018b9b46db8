//! Bytes that are not HTTP, or not all of it: cut, slow, contradictory.
//!
//! Calls whose head is in order belong to `attack`.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    beside::Beside,
    call::{self, Answer, End},
    runtime,
};
use crate::tried;

/// Callers that are slow at the same time.
const SLOW: usize = 200;
const PATH: &str = "/complete?handoff=beside";

/// Heads and framings that no client sends; `HOST` stands for where the service listens.
const WILD: [&[u8]; 40] = [
    b"",
    b"\r\n\r\n\r\n",
    b"\x00\x00\x00\x00",
    b"GET /health\r\n\r\n",
    b"GET /health HTTP/0.9\r\n\r\n",
    b"GET /health HTTP/9.9\r\nhost: HOST\r\n\r\n",
    b"get /health http/1.1\r\nhost: HOST\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"* * *\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"CONNECT HOST HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"GET http://HOST/status HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"GET //evil.example/ HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"GET /quarantine/\xff\xfe HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"GET /status?game_date=\xff HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nconnection: close\r\n\r\n",
    b"GET /status HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
    b"GET /status HTTP/1.1\r\nhost: \xff\xff\r\nconnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nhost: HOST\r\nx: a\x00b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nhost: HOST\r\n folded: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nhost: HOST\r\nno colon\r\n\r\n",
    b"GET /health HTTP/1.1\r\nhost: HOST\r\n: no name\r\n\r\n",
    b"GET /health HTTP/1.1\r\nhost: HOST\r\nsp ace: x\r\n\r\n",
    b"GET /health HTTP/1.1\nhost: HOST\nconnection: close\n\n",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ncontent-length: -1\r\n\r\nx",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ncontent-length: 1e3\r\n\r\nx",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ncontent-length: 99999999999999999999999\r\n\r\nx",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ncontent-length: 18446744073709551615\r\n\r\nx",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: gzip, nonsense\r\n\r\nx",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\nx\r\n0\r\n\r\n",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nx\r\n0\r\n\r\n",
    b"POST /complete HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n",
    b"POST /trigger HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    b"POST /start HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
];

fn with_host(bytes: &[u8], address: &str) -> Vec<u8> {
    let mut left = bytes;
    let mut whole = Vec::new();
    while let Some(at) = left.windows(4).position(|part| part == b"HOST") {
        whole.extend_from_slice(&left[..at]);
        whole.extend_from_slice(address.as_bytes());
        left = &left[at + 4..];
    }
    whole.extend_from_slice(left);
    whole
}

/// Hung up on, refused, or told that the body broke off and nothing of it was taken.
fn assert_honest(what: &[u8], answer: Option<&Answer>) {
    let honest = answer.is_none_or(|answer| {
        answer.status < 500 || (answer.status == 503 && answer.body.contains("broken_off"))
    });
    assert!(honest, "{:?}: {answer:?}", String::from_utf8_lossy(what));
}

/// Many headers, large ones, a long address.
fn heavy(address: &str) -> Vec<Vec<u8>> {
    let head = |target: &str, more: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{more}\r\n")
            .into_bytes()
    };
    let many = |count: usize| -> String { (0..count).map(|it| format!("x-{it}: y\r\n")).collect() };
    vec![
        head("/health", &many(90)),
        head("/health", &many(5_000)),
        head("/health", &format!("x: {}\r\n", "a".repeat(300_000))),
        head("/health", &format!("x: {}\r\n", "a".repeat(3_000_000))),
        head("/health", &format!("{}: x\r\n", "a".repeat(100_000))),
        head(&format!("/status?x={}", "a".repeat(60_000)), ""),
        head(&format!("/status?x={}", "a".repeat(500_000)), ""),
        head(&format!("/{}", "a/".repeat(30_000)), ""),
    ]
}

#[test]
fn what_is_no_http_is_refused_and_spoils_nothing() {
    runtime().block_on(async {
        let world = Beside::start(500).await;
        let mut calls: Vec<Vec<u8>> = WILD
            .iter()
            .map(|bytes| with_host(bytes, &world.address))
            .collect();
        calls.extend(heavy(&world.address));
        for bytes in &calls {
            let sent = call::send(&world.address, bytes, End::Shut);
            let (answer, good) = tokio::join!(sent, world.completion());
            assert_honest(&bytes[..bytes.len().min(300)], answer.as_ref());
            good.expect("the good message beside it");
        }
        let good = world.finish().await;
        tried::record(
            "bytes that are no HTTP",
            &format!(
                "{} heads and framings, {good} good messages beside them",
                calls.len()
            ),
            "refused or hung up on; no panic, each good message counted once",
        );
    });
}

#[test]
fn a_request_cut_at_any_byte_does_nothing_and_whole_it_counts_once() {
    runtime().block_on(async {
        let world = Beside::start(1_000).await;
        let body = world.next();
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            world.address,
            body.len()
        );
        let whole = (head + &body).into_bytes();
        for cut in 0..whole.len() {
            let sent = call::send(&world.address, &whole[..cut], End::Shut);
            let (answer, good) = tokio::join!(sent, world.completion());
            assert_honest(&whole[..cut], answer.as_ref());
            assert!(answer.is_none_or(|it| it.status >= 400), "cut at {cut}");
            good.expect("the good message beside it");
        }
        let answer = call::send(&world.address, &whole, End::Wait).await;
        assert_eq!(answer.expect("an answer").counts(), [1, 0, 0, 0]);
        let good = world.finish().await;
        tried::record(
            "requests cut short",
            &format!("a completion cut at each of {} bytes", whole.len()),
            &format!(
                "nothing of it was taken; whole it counts once, as do {good} good messages beside"
            ),
        );
    });
}

/// A caller that gives its body a byte at a time.
async fn drip(address: &str, body: &str) -> Option<Answer> {
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    for byte in body.as_bytes() {
        stream.write_all(&[*byte]).await.expect("it reads");
        stream.flush().await.expect("it reads");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("an answer");
    Answer::of(said.as_bytes())
}

#[test]
fn slow_callers_hold_up_nobody_and_are_heard_in_the_end() {
    runtime().block_on(async {
        let world = Beside::start(2_000).await;
        let lines: Vec<String> = (0..SLOW).map(|_| world.next()).collect();
        // These never say more than a part of their head or of their body.
        let mut stuck = Vec::new();
        for said in [
            "POST /comp",
            "POST /complete HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
        ] {
            for _ in 0..SLOW / 2 {
                let mut stream = TcpStream::connect(&world.address)
                    .await
                    .expect("it listens");
                stream.write_all(said.as_bytes()).await.expect("it reads");
                stuck.push(stream);
            }
        }
        let slow = lines.iter().map(|line| drip(&world.address, line));
        let quick = async {
            for _ in 0..SLOW {
                world.completion().await.expect("the good message beside");
            }
        };
        let (answers, ()) = tokio::join!(futures::future::join_all(slow), quick);
        for answer in answers {
            assert_eq!(answer.expect("an answer").counts(), [1, 0, 0, 0]);
        }
        drop(stuck);
        let good = world.finish().await;
        tried::record(
            "slow callers",
            &format!("{SLOW} that give a byte at a time, {SLOW} that stop in the middle"),
            &format!("the slow ones count once, as do {good} good messages with them"),
        );
    });
}
