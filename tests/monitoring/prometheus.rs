//! A real Prometheus on a folder of blocks, asked over its API.
//!
//! What is asked belongs to the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::processes::{Process, free_port, run};

/// How long it may take to answer for the first time: it opens every block first.
const READY_SECONDS_MAX: u64 = 120;

/// One series of a result: its labels, and its values as they are written, by the seconds since the epoch.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its labels, its name among them.
    pub labels: serde_json::Map<String, Value>,
    /// Its values; one for an instant.
    pub values: Vec<(f64, String)>,
}

/// A Prometheus that scrapes nothing and keeps everything.
pub struct Prometheus {
    _process: Process,
    address: String,
    client: reqwest::Client,
}

impl Prometheus {
    /// Starts it on the blocks of `folder` and waits until it answers.
    pub async fn on(folder: &Path) -> Self {
        let configuration = folder.join("nothing.yml");
        fs::write(&configuration, "{}").unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let log = folder.join("prometheus.log");
        let arguments = [
            format!("--config.file={}", configuration.display()),
            format!("--storage.tsdb.path={}", folder.join("blocks").display()),
            "--storage.tsdb.retention.time=10y".to_owned(),
            format!("--web.listen-address={address}"),
            "--log.level=warn".to_owned(),
        ];
        let mut process = Process::start("prometheus", arguments, &log);
        let client = reqwest::Client::new();
        let begun = Instant::now();
        let ready = format!("http://{address}/-/ready");
        loop {
            let answer = client.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            let in_time = begun.elapsed() < Duration::from_secs(READY_SECONDS_MAX);
            let said = || fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running() && in_time, "{}", said());
            // Only how often it is asked; what is waited for is its answer.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self {
            _process: process,
            address,
            client,
        }
    }

    /// The result at an instant.
    pub async fn at(&self, expr: &str, seconds: f64) -> Result<Vec<Series>, String> {
        let time = seconds.to_string();
        self.ask("query", &[("query", expr), ("time", &time)]).await
    }

    /// The results at every minute from the one instant to the other.
    pub async fn over(&self, expr: &str, from: f64, to: f64) -> Result<Vec<Series>, String> {
        let (from, to) = (from.to_string(), to.to_string());
        let parameters = [
            ("query", expr),
            ("start", &from),
            ("end", &to),
            ("step", "60"),
        ];
        self.ask("query_range", &parameters).await
    }

    async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Vec<Series>, String> {
        let url = format!("http://{}/api/v1/{what}", self.address);
        let request = self.client.get(url).query(parameters);
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let body: Value = answer.json().await.map_err(|error| error.to_string())?;
        if body["status"] != "success" {
            return Err(format!("{}", body["error"]));
        }
        Ok(series(&body["data"]))
    }
}

fn series(data: &Value) -> Vec<Series> {
    let result = &data["result"];
    if data["resultType"] == "scalar" {
        return vec![Series {
            labels: serde_json::Map::new(),
            values: sample(result).into_iter().collect(),
        }];
    }
    let list = result.as_array().map_or(&[][..], Vec::as_slice);
    let one = |it: &Value| {
        let many = it["values"].as_array().map_or(&[][..], Vec::as_slice);
        Series {
            labels: it["metric"].as_object().cloned().unwrap_or_default(),
            values: many
                .iter()
                .chain(it.get("value"))
                .filter_map(sample)
                .collect(),
        }
    };
    list.iter().map(one).collect()
}

fn sample(pair: &Value) -> Option<(f64, String)> {
    Some((pair[0].as_f64()?, pair[1].as_str()?.to_owned()))
}

/// Makes blocks of an OpenMetrics file beside those that are in `folder` already.
pub fn import(file: &Path, folder: &Path) -> Result<(), String> {
    let blocks: PathBuf = folder.join("blocks");
    fs::create_dir_all(&blocks).unwrap();
    let arguments = ["tsdb", "create-blocks-from", "openmetrics", "--quiet"].map(str::to_owned);
    // One block for everything: the file is read once for each.
    let length = "--max-block-duration=17520h".to_owned();
    let places = [file, &blocks].map(|path| path.display().to_string());
    let all = arguments.into_iter().chain([length]).chain(places);
    let Output {
        status,
        stdout,
        stderr,
    } = run("promtool", all);
    if status.success() {
        return Ok(());
    }
    let told = [stdout, stderr].concat();
    Err(String::from_utf8_lossy(&told).into_owned())
}
