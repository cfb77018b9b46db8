//! Prometheus and Alertmanager as they ship, on free ports: only addresses are replaced and waiting is shortened.
//!
//! What they ought to say belongs to the tests.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

use crate::{
    files::{ROOT, paths, read},
    processes::{Process, free_port},
};

/// How long a server may take until it is ready.
const READY_MAX: Duration = Duration::from_secs(60);
/// Between two looks at what a server says.
pub const LOOK: Duration = Duration::from_millis(250);

/// A service to be scraped, and what it is called.
pub struct Target {
    /// The night it plays.
    pub night: String,
    /// Its port of loopback.
    pub port: u16,
}

/// An alert as the servers know it. Each night is a job of its own, so that its alerts are a message of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fired {
    /// The night, as its target is called.
    pub night: String,
    /// Its name.
    pub alert: String,
    /// Its severity.
    pub severity: String,
}

/// Both servers; dropping them ends them.
pub struct Servers {
    /// Where Prometheus is.
    pub prometheus: String,
    /// Where Alertmanager is.
    pub alertmanager: String,
    _processes: [Process; 2],
}

/// Where Alertmanager's messages go.
pub struct Receivers {
    /// The mail server's port.
    pub smtp_port: u16,
    /// The port of Slack's stand-in.
    pub slack_port: u16,
}

impl Servers {
    /// Starts both in `folder` and returns once they are ready.
    pub async fn start(folder: &Path, targets: &[Target], receivers: &Receivers) -> Self {
        let alertmanager_port = free_port();
        let alertmanager = start_alertmanager(folder, alertmanager_port, receivers);
        let prometheus_port = free_port();
        let prometheus = start_prometheus(folder, (prometheus_port, alertmanager_port), targets);
        let servers = Self {
            prometheus: format!("http://127.0.0.1:{prometheus_port}"),
            alertmanager: format!("http://127.0.0.1:{alertmanager_port}"),
            _processes: [alertmanager, prometheus],
        };
        until_answered(&format!("{}/-/ready", servers.alertmanager)).await;
        until_answered(&format!("{}/-/ready", servers.prometheus)).await;
        servers
    }

    /// The alerts that fired since the start, for however short.
    pub async fn fired(&self) -> BTreeSet<Fired> {
        let query = "max_over_time(ALERTS{alertstate=\"firing\"}[30m])";
        self.query(query).await.iter().map(fired).collect()
    }

    /// What Prometheus answers to a query now.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/query", self.prometheus);
        let request = reqwest::Client::new().get(url).query(&[("query", query)]);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }
}

fn fired(series: &Value) -> Fired {
    let label = |name: &str| series["metric"][name].as_str().unwrap_or("-").to_owned();
    Fired {
        night: label("job"),
        alert: label("alertname"),
        severity: label("severity"),
    }
}

async fn until_answered(url: &str) {
    let answered = async {
        while !reqwest::get(url)
            .await
            .is_ok_and(|it| it.status().is_success())
        {
            tokio::time::sleep(LOOK).await;
        }
    };
    let ready = tokio::time::timeout(READY_MAX, answered).await;
    assert!(ready.is_ok(), "{url} never was ready");
}

fn start_alertmanager(folder: &Path, port: u16, receivers: &Receivers) -> Process {
    let mut config: Yaml =
        serde_yaml_ng::from_str(&read("alerts/alertmanager.example.yml")).unwrap();
    readdress(&mut config, receivers);
    let file = folder.join("alertmanager.yml");
    fs::write(&file, serde_yaml_ng::to_string(&config).unwrap()).unwrap();
    let arguments = [
        format!("--config.file={}", file.display()),
        format!("--storage.path={}", folder.join("alertmanager").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(),
    ];
    for template in paths("alerts", "tmpl") {
        let name = Path::new(&template).file_name().unwrap();
        fs::write(folder.join(name), read(&template)).unwrap();
    }
    let log = folder.join("alertmanager.log");
    Process::start("prometheus-alertmanager", arguments, &log)
}

/// Puts the stand-ins' addresses in the place of the shipped ones, wherever they stand, and shortens the waiting.
fn readdress(config: &mut Yaml, receivers: &Receivers) {
    let hook = format!(
        "http://127.0.0.1:{}/services/T000/B000/XXX",
        receivers.slack_port
    );
    let smarthost = format!("127.0.0.1:{}", receivers.smtp_port);
    if let Some(global) = config["global"].as_mapping_mut() {
        // The stand-in asks for nothing, so there is nobody to sign in as.
        for name in [
            "smtp_auth_username",
            "smtp_auth_password",
            "smtp_auth_password_file",
        ] {
            global.remove(name);
        }
        global.insert("smtp_require_tls".into(), false.into());
    }
    replace(config, &|name, value| match name {
        "smtp_smarthost" | "smarthost" => *value = smarthost.as_str().into(),
        "slack_api_url" | "api_url" => *value = hook.as_str().into(),
        "group_wait" => *value = "3s".into(),
        "group_interval" => *value = "3s".into(),
        _ => {}
    });
    // A file may hold the address, too; the stand-in's is no secret.
    move_key(config, "slack_api_url_file", "slack_api_url", &hook);
    move_key(config, "api_url_file", "api_url", &hook);
}

/// Shows each scalar setting by its name.
fn replace(value: &mut Yaml, change: &impl Fn(&str, &mut Yaml)) {
    match value {
        Yaml::Mapping(members) => {
            for (name, value) in members.iter_mut() {
                if let Some(name) = name.as_str() {
                    change(name, value);
                }
                replace(value, change);
            }
        }
        Yaml::Sequence(items) => items.iter_mut().for_each(|item| replace(item, change)),
        Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::String(_) | Yaml::Tagged(_) => {}
    }
}

fn move_key(value: &mut Yaml, from: &str, to: &str, text: &str) {
    match value {
        Yaml::Mapping(members) => {
            if members.remove(from).is_some() {
                members.insert(to.into(), text.into());
            }
            for (_, value) in members.iter_mut() {
                move_key(value, from, to, text);
            }
        }
        Yaml::Sequence(items) => {
            for item in items {
                move_key(item, from, to, text);
            }
        }
        Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::String(_) | Yaml::Tagged(_) => {}
    }
}

fn start_prometheus(
    folder: &Path,
    (port, alertmanager_port): (u16, u16),
    targets: &[Target],
) -> Process {
    let scraped: Vec<Value> = targets
        .iter()
        .map(|it| {
            serde_json::json!({
                "job_name": it.night,
                "static_configs": [{"targets": [format!("127.0.0.1:{}", it.port)]}],
            })
        })
        .collect();
    // JSON is YAML, too.
    let config = serde_json::json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [format!("{ROOT}/alerts/rules/*.yml")],
        "scrape_configs": scraped,
        "alerting": {"alertmanagers": [{"static_configs": [
            {"targets": [format!("127.0.0.1:{alertmanager_port}")]},
        ]}]},
    });
    let file = folder.join("prometheus.yml");
    fs::write(&file, config.to_string()).unwrap();
    let arguments = [
        format!("--config.file={}", file.display()),
        format!(
            "--storage.tsdb.path={}",
            folder.join("prometheus").display()
        ),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    Process::start("prometheus", arguments, &folder.join("prometheus.log"))
}
