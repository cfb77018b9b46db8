//! How long a person's channel waits for what was decided: from the event to the first byte of its message on a socket
//! of this machine, the commit included.
//!
//! `cargo bench --bench alerts`. It judges nothing; docs/alerting.md says what was measured.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tempfile::TempDir;
use tipoff::{
    channels::{
        console::LogAnnouncer,
        webhook::{Webhook, WebhookSettings},
    },
    clock::SystemClock,
    domain::{
        ids::ChannelId,
        routing::{Failure, Route, Routes},
        service::Happened,
    },
    engine::{Addresses, Engine, Means, Parts, Telling},
    store::SqliteStore,
    telemetry::Metrics,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const ONE_BY_ONE: usize = 500;

/// Answers every request with 200 and says when its first byte came.
async fn listen(arrivals: mpsc::UnboundedSender<Instant>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound socket").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, arrivals.clone()));
        }
    });
    port
}

async fn answer(mut stream: TcpStream, arrivals: mpsc::UnboundedSender<Instant>) {
    let mut buffer = vec![0; 65_536];
    let mut request: Vec<u8> = Vec::new();
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if request.is_empty() {
            let _ = arrivals.send(Instant::now());
        }
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|it| it.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            request.clear();
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    }
}

async fn engine(folder: &TempDir, port: u16) -> Engine {
    let clock = Arc::new(SystemClock);
    let settings = WebhookSettings {
        url: format!("http://127.0.0.1:{port}/"),
        bearer_token: None,
        receiver: "hook".to_owned(),
    };
    let channel = Webhook::new(&settings, reqwest::Client::new(), clock.clone());
    let hook = ChannelId::new("hook");
    let means = Means {
        channel: Arc::new(channel.expect("an address")),
        patience: TimeDelta::seconds(4),
        messages_per_hour: usize::MAX,
        reaches_people: true,
        live_every: None,
    };
    let route = Route {
        at_once: vec![hook.clone()],
        otherwise: Vec::new(),
    };
    let routes = Routes {
        critical: route.clone(),
        warning: route,
        ..Routes::default()
    };
    let store = SqliteStore::open(&folder.path().join("state.sqlite")).await;
    let parts = Parts {
        store: Arc::new(store.expect("a store")),
        clock,
        handoffs: Vec::new(),
        announcer: Arc::new(LogAnnouncer),
        telling: Telling {
            channels: [(hook, means)].into(),
            routes,
            addresses: Addresses::default(),
        },
        examining: None,
        beating: None,
        metrics: Arc::new(Metrics::new(&[], &[])),
    };
    Engine::start(parts).await.expect("an engine")
}

/// Something that opens an alert, and then something that resolves it: a channel of another name fails and works again.
fn change(number: usize) -> Happened {
    let elsewhere = ChannelId::new("elsewhere");
    if number % 2 == 1 {
        return Happened::Delivered(elsewhere);
    }
    let failure = Failure {
        error: "410 gone".to_owned(),
        permanent: true,
        doubtful: false,
        retry_after: None,
    };
    Happened::Failed(elsewhere, failure)
}

fn milliseconds(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[index].as_secs_f64() * 1e3
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let (arrivals, mut arrived) = mpsc::unbounded_channel();
    let engine = engine(&folder, listen(arrivals).await).await;
    let (mut whole, mut after) = (Vec::new(), Vec::new());
    for number in 0..ONE_BY_ONE {
        let began = Instant::now();
        let inbox = engine.inbox().happened(change(number));
        inbox.await.expect("a commit");
        let committed = Instant::now();
        let first_byte = arrived.recv().await.expect("an arrival");
        whole.push(first_byte.duration_since(began));
        after.push(first_byte.saturating_duration_since(committed));
        // The receipt of this one is kept before the next begins.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for (name, mut times) in [
        ("event to first byte, commit included", whole),
        ("commit answered to first byte", after),
    ] {
        times.sort();
        println!(
            "{name}: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms of {ONE_BY_ONE}",
            milliseconds(&times, 0.50),
            milliseconds(&times, 0.95),
            milliseconds(&times, 0.99)
        );
    }
    engine.stop().await;
}

fn main() {
    // Cargo asks benchmarks to list or test themselves; there is nothing to test here.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure());
}
