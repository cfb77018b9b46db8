//! BigQuery as a program of its own: bqemulator on free ports, with the four tables and the rows that are given it.
//!
//! What is asked of it belongs to `equivalence`; how it is installed to `tests/tools/bigquery.py`.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::warehouse::schema::{Kind, Table};

/// The only project it knows.
pub const PROJECT: &str = "test-project";
/// Far above the seven seconds it takes alone: other tests run beside it.
const START_MAX: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Rows of one INSERT.
const ROWS_PER_STATEMENT: usize = 200;

/// The tables as they are in BigQuery.
const TABLES: [(&str, &str); 4] = [
    (
        "nba_reference.processor_run_history",
        "processor_name STRING, run_id STRING, data_date DATE, status STRING, records_processed INT64, \
         started_at TIMESTAMP, processed_at TIMESTAMP, triggered_by STRING, trigger_source STRING, \
         trigger_message_id STRING, duration_seconds FLOAT64, phase STRING, summary JSON, errors JSON",
    ),
    (
        "nba_predictions.ml_feature_store_v2",
        "player_lookup STRING, game_date DATE, game_id STRING, is_production_ready BOOL, \
         feature_quality_score NUMERIC, feature_version STRING, data_quality_issues ARRAY<STRING>, \
         circuit_breaker_active BOOL, updated_at TIMESTAMP",
    ),
    (
        "nba_predictions.player_prop_predictions",
        "prediction_id STRING, system_id STRING, player_lookup STRING, game_date DATE, game_id STRING, \
         is_active BOOL, created_at TIMESTAMP",
    ),
    (
        "nba_analytics.upcoming_player_game_context",
        "player_lookup STRING, game_id STRING, game_date DATE, team_abbr STRING, opponent_team_abbr STRING, \
         home_game BOOL, has_prop_line BOOL, current_points_line NUMERIC, avg_minutes_per_game_last_7 NUMERIC, \
         player_status STRING",
    ),
];

/// A running emulator, ended when dropped.
pub struct Emulator {
    child: Child,
    base: String,
    client: Client,
    _log: TempDir,
}

impl Emulator {
    /// Installs it where it is not, starts it and waits until it answers.
    pub async fn start() -> Self {
        let folder = tokio::task::spawn_blocking(installed).await.unwrap();
        let log = TempDir::new().unwrap();
        let log_path = log.path().join("log");
        let port = free_port();
        let child = spawn(&folder, port, &log_path);
        let mut emulator = Self {
            child,
            base: format!("http://127.0.0.1:{port}/bigquery/v2"),
            client: Client::new(),
            _log: log,
        };
        emulator.wait(&log_path).await;
        emulator
    }

    async fn wait(&mut self, log: &Path) {
        let url = format!("{}/projects/{PROJECT}/datasets", self.base);
        let began = Instant::now();
        loop {
            let answer = self.client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > START_MAX {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                panic!("the emulator does not answer ({ended:?}): {log}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Where its interface is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Runs a statement; whatever is no complete answer is an end. It answers a failing one with 200 and `errors`.
    pub async fn run(&self, sql: &str) -> Value {
        let answer = self
            .post(
                "queries",
                &json!({"query": sql, "useLegacySql": false, "timeoutMs": 60_000,
            "formatOptions": {"useInt64Timestamp": true}}),
            )
            .await;
        let good = answer["jobComplete"] == true
            && answer["errors"].as_array().is_none_or(Vec::is_empty)
            && answer["pageToken"].as_str().is_none_or(str::is_empty);
        assert!(good, "{sql}\n{answer}");
        answer
    }

    /// The rows of a statement's answer, as text.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let answer = self.run(sql).await;
        let rows = answer["rows"].as_array().cloned().unwrap_or_default();
        let cells = |row: &Value| row["f"].as_array().unwrap().clone();
        let text = |cell: Value| cell["v"].as_str().map(str::to_owned);
        rows.iter()
            .map(|row| cells(row).into_iter().map(text).collect())
            .collect()
    }

    /// Makes the datasets and their empty tables.
    pub async fn create_tables(&self) {
        for dataset in tipoff::warehouse::schema::DATASETS {
            let reference = json!({"projectId": PROJECT, "datasetId": dataset});
            self.post("datasets", &json!({"datasetReference": reference}))
                .await;
        }
        for (table, columns) in TABLES {
            self.run(&format!("CREATE TABLE {table} ({columns})")).await;
        }
    }

    /// Adds rows, each an object of the columns that it has.
    pub async fn load(&self, table: &str, rows: &[Value]) {
        let table = Table::find(table).unwrap();
        for rows in rows.chunks(ROWS_PER_STATEMENT) {
            let values: Vec<String> = rows.iter().map(|row| tuple(table, row)).collect();
            let (name, columns, values) = (table.name, table.column_names(), values.join(", "));
            self.run(&format!("INSERT INTO {name} ({columns}) VALUES {values}"))
                .await;
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/projects/{PROJECT}/{path}", self.base);
        let answer = self.client.post(url).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{body}\n{status}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Asked first, for it has a folder to remove.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn installed() -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/../bigquery"));
    let status = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/tools/bigquery.py"
        ))
        .args(["--install", "--emulator"])
        .arg(&folder)
        .status()
        .unwrap();
    assert!(
        status.success(),
        "bqemulator could not be installed; `./test` installs what that needs"
    );
    folder.canonicalize().unwrap()
}

fn spawn(folder: &Path, port: u16, log: &Path) -> Child {
    let log = File::create(log).unwrap();
    let ports = [port, free_port()].map(|port| port.to_string());
    Command::new(folder.join("bin/bqemulator"))
        .args(["start", "--ephemeral", "--project", PROJECT])
        .args(["--rest-port", &ports[0], "--grpc-port", &ports[1]])
        .env_clear()
        .env("HOME", folder.join("home"))
        .env("PATH", "/usr/bin:/bin")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn tuple(table: &Table, row: &Value) -> String {
    let values = table.columns.iter().map(|column| {
        if column.name == "data_quality_issues" {
            let issues = row[column.name].as_array().cloned().unwrap_or_default();
            let issues: Vec<String> = issues
                .iter()
                .map(|issue| literal(Kind::Text, issue))
                .collect();
            return format!("[{}]", issues.join(", "));
        }
        literal(column.kind, &row[column.name])
    });
    format!("({})", values.collect::<Vec<_>>().join(", "))
}

fn literal(kind: Kind, value: &Value) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let quoted = format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    match kind {
        Kind::Text => quoted,
        Kind::Integer | Kind::Boolean => text,
        Kind::Real => format!("NUMERIC {quoted}"),
        Kind::Date => format!("DATE {quoted}"),
        Kind::Instant => format!("TIMESTAMP {quoted}"),
        Kind::Json => format!("JSON {quoted}"),
    }
}
