//! What is measured after each night: of this process, of the store's file, of `/metrics`.
//!
//! Whether it grew belongs to `judge`.

use std::fs;

use sqlx::{ConnectOptions, Connection, Row, sqlite::SqliteConnectOptions};
use tokio::runtime::Handle;

use super::{judge::Limit, support::TestApp};

/// The figures after one night.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Resident memory of the process.
    pub memory_bytes: f64,
    /// Open file descriptors.
    pub handles: f64,
    /// Threads of the process.
    pub threads: f64,
    /// Tasks of the runtime that are not done.
    pub tasks: f64,
    /// Size of `/metrics`.
    pub metrics_bytes: f64,
    /// Its series.
    pub series: f64,
    /// What the store's file grew by since the night before.
    pub night_bytes: f64,
}

/// One figure of a sample.
type Measure = fn(&Sample) -> f64;

const fn limit(name: &'static str, more: f64) -> Limit {
    Limit { name, more }
}

/// The figures, and what docs/reliability.md allows each.
pub const MEASURES: [(Limit, Measure); 7] = [
    (limit("memory", 8e6), |it| it.memory_bytes),
    (limit("open handles", 8.0), |it| it.handles),
    (limit("threads", 4.0), |it| it.threads),
    (limit("tasks", 4.0), |it| it.tasks),
    (limit("bytes of /metrics", 4_000.0), |it| it.metrics_bytes),
    (limit("series of /metrics", 0.0), |it| it.series),
    (limit("bytes of the store a night", 65_536.0), |it| {
        it.night_bytes
    }),
];

/// A figure of `/proc/self/status`, by its name.
fn status(name: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.expect("a figure").parse().expect("a number")
}

/// Bytes of the store's file that hold something, once what was written is in it.
pub async fn store_bytes(app: &TestApp) -> f64 {
    let file = app.folder.path().join("state.sqlite");
    let options = SqliteConnectOptions::new().filename(file);
    let mut store = options.connect().await.expect("the store");
    let text = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let row = sqlx::query(text).fetch_one(&mut store).await;
    let bytes: i64 = row.expect("its size").get(0);
    store.close().await.expect("closed");
    bytes as f64
}

/// Measures now; `before` is the size of the store after the last night.
pub async fn take(app: &TestApp, before: f64) -> (Sample, f64) {
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 200, "{}", metrics.text);
    let bytes = store_bytes(app).await;
    let handles = fs::read_dir("/proc/self/fd").expect("Linux").count();
    let series = metrics.text.lines().filter(|line| !line.starts_with('#'));
    let sample = Sample {
        memory_bytes: status("VmRSS") * 1024.0,
        handles: handles as f64,
        threads: status("Threads"),
        tasks: Handle::current().metrics().num_alive_tasks() as f64,
        metrics_bytes: metrics.text.len() as f64,
        series: series.count() as f64,
        night_bytes: bytes - before,
    };
    (sample, bytes)
}
