//! What a real Alertmanager with the example holds back, and what it does not.
//!
//! Where alerts go is looked at in `routes`.

use std::{collections::BTreeSet, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    files::{self, ROOT, Rule},
    processes::{Process, free_port},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// An Alertmanager on loopback; nothing leaves it before its group wait is over.
struct Alertmanager {
    _process: Process,
    _folder: tempfile::TempDir,
    url: String,
}

impl Alertmanager {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let arguments = [
            format!("--config.file={ROOT}/alerts/alertmanager.example.yml"),
            format!("--storage.path={}", folder.path().display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ];
        let log = folder.path().join("log");
        let process = Process::start("prometheus-alertmanager", arguments, &log);
        let url = format!("http://{address}");
        ready(&url, &log).await;
        Self {
            _process: process,
            _folder: folder,
            url,
        }
    }

    async fn tell(&self, alerts: &[Value]) {
        let url = format!("{}/api/v2/alerts", self.url);
        let told = reqwest::Client::new().post(url).json(alerts).send().await;
        assert!(told.unwrap().status().is_success());
    }

    /// The names, with their severities, that it does not hold back at an instance.
    async fn active(&self, instance: &str) -> BTreeSet<String> {
        let url = format!("{}/api/v2/alerts", self.url);
        let answer = reqwest::get(url).await.unwrap();
        let alerts: Vec<Value> = answer.json().await.unwrap();
        alerts
            .iter()
            .filter(|alert| alert["labels"]["instance"] == instance)
            .filter(|alert| alert["status"]["state"] != "suppressed")
            .map(|alert| name(&alert["labels"]))
            .collect()
    }

    /// Waits until exactly these are left: what is told is taken up one by one.
    async fn expect(&self, instance: &str, expected: &BTreeSet<String>) {
        let settled = async {
            while &self.active(instance).await != expected {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, settled).await.is_err() {
            assert_eq!(&self.active(instance).await, expected, "{instance}");
        }
    }
}

async fn ready(url: &str, log: &Path) {
    let is_ready = async {
        while reqwest::get(format!("{url}/-/ready")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(PATIENCE, is_ready).await.is_err() {
        panic!("{}", std::fs::read_to_string(log).unwrap());
    }
}

fn name(labels: &Value) -> String {
    let text = |label: &str| labels[label].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("alertname"), text("severity"))
}

/// The alert as Prometheus tells it.
fn fired(rule: &Rule, instance: &str) -> Value {
    let mut labels = json!(rule.labels);
    labels["alertname"] = rule.name().into();
    if rule.name() != "ServiceAbsent" {
        labels["job"] = "tipoff".into();
        labels["instance"] = instance.into();
    }
    json!({ "labels": labels })
}

fn names(rules: &[&Rule]) -> BTreeSet<String> {
    rules
        .iter()
        .map(|rule| format!("{} {}", rule.name(), rule.labels["severity"]))
        .collect()
}

#[tokio::test]
async fn alertmanager_tells_what_the_service_does_not_and_everything_when_it_reaches_nobody() {
    let all = super::alerts();
    let graver = |rule: &&Rule| {
        let critical = |it: &&Rule| it.name() == rule.name() && it.labels["severity"] == "critical";
        rule.labels["severity"] != "warning" || !all.iter().any(|it| critical(&it))
    };
    let covered = ["NothingPredicted", "CompletionLow", "GapExceeded"];
    let living = all
        .iter()
        .filter(|rule| !rule.name().starts_with("Service"));
    let living: Vec<&Rule> = living.collect();
    let deaf: Vec<&Rule> = living
        .iter()
        .copied()
        .filter(|rule| rule.name() != "TipoffTellsPeople")
        .collect();
    let tell = |rules: &[&Rule], instance: &str| -> Vec<Value> {
        rules.iter().map(|rule| fired(rule, instance)).collect()
    };

    let alertmanager = Alertmanager::start().await;
    alertmanager.tell(&tell(&living, "heard")).await;
    alertmanager.tell(&tell(&deaf, "deaf")).await;

    let of = |rules: &[&'_ Rule], told_by: &str| -> BTreeSet<String> {
        let left: Vec<&Rule> = rules
            .iter()
            .copied()
            .filter(|rule| rule.labels["told_by"] == told_by)
            .filter(graver)
            .filter(|rule| !covered.contains(&rule.name()))
            .collect();
        names(&left)
    };
    let own = of(&living, "prometheus");
    alertmanager.expect("heard", &own).await;
    assert!(own.contains("HeartbeatSilent warning"), "{own:?}");
    let everything: BTreeSet<String> = of(&deaf, "service")
        .union(&of(&deaf, "prometheus"))
        .cloned()
        .collect();
    assert!(everything.len() > 20, "{everything:?}");
    alertmanager.expect("deaf", &everything).await;
}

#[tokio::test]
async fn each_alert_holds_back_what_it_covers_and_a_dead_service_everything_of_its_own() {
    let all = super::alerts();
    let pick = |wanted: &[&str]| -> Vec<&Rule> {
        let named = |rule: &&Rule| wanted.contains(&rule.name());
        let critical = |rule: &&Rule| rule.labels["severity"] == "critical";
        let picked: Vec<&Rule> = all.iter().filter(named).collect();
        // Of two steps the graver.
        let step = |rule: &&Rule| {
            critical(rule)
                || !picked
                    .iter()
                    .any(|it| critical(it) && it.name() == rule.name())
        };
        picked.iter().copied().filter(step).collect()
    };
    let alertmanager = Alertmanager::start().await;
    let cases: [(&str, &[&str], &[&str]); 5] = [
        ("gap", &["GapExceeded"], &["GapExceeded"]),
        (
            "completion",
            &["CompletionLow", "GapExceeded"],
            &["CompletionLow"],
        ),
        (
            "nothing",
            &["NothingPredicted", "CompletionLow", "GapExceeded"],
            &["NothingPredicted"],
        ),
        (
            "alive",
            &["StoreFailing", "TimersLate"],
            &["StoreFailing", "TimersLate"],
        ),
        (
            "dead",
            &["ServiceDown", "HeartbeatSilent", "DeadlineBreached"],
            &["ServiceDown"],
        ),
    ];
    for (instance, firing, left) in cases {
        let alerts: Vec<Value> = pick(firing)
            .iter()
            .map(|rule| fired(rule, instance))
            .collect();
        alertmanager.tell(&alerts).await;
        alertmanager.expect(instance, &names(&pick(left))).await;
    }
}
