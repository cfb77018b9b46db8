//! The shipped rules: valid, complete, tested, and each change of one of them seen by a test.
//!
//! Whole nights on a real Prometheus are looked at elsewhere.

mod exposition;
mod inhibition;
mod mutants;
mod mutation;
mod routes;

use std::{collections::BTreeMap, fs, time::Duration};

use serde::Deserialize;

use crate::{
    files::{self, ROOT, Rule},
    processes::run,
};

/// The files of alerts, by what goes on in a night.
pub const STAGES: [&str; 5] = ["start", "workers", "promise", "telling", "service"];

/// No alert waits for longer than this by itself.
const PENDING_MAX: Duration = Duration::from_secs(120);

fn alerts() -> Vec<Rule> {
    let alerts: Vec<Rule> = files::rules()
        .into_iter()
        .filter(|rule| rule.alert.is_some())
        .collect();
    assert!(alerts.len() > 30, "only {} alerts were read", alerts.len());
    alerts
}

/// Runs promtool on files of the project.
fn promtool(arguments: &[&str], paths: &[String]) {
    let paths = paths.iter().map(|path| format!("{ROOT}/{path}"));
    let arguments = arguments.iter().map(|it| (*it).to_owned());
    let done = run("promtool", arguments.chain(paths));
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn every_rule_file_is_valid_and_without_duplicates() {
    let lint = ["check", "rules", "--lint=all", "--lint-fatal"];
    promtool(&lint, &files::paths("alerts/rules", "yml"));
}

#[test]
fn the_prometheus_example_is_valid_and_loads_every_rule_file() {
    let example = "alerts/prometheus.example.yml".to_owned();
    assert!(files::read(&example).contains("\n  - rules/*.yml\n"));
    promtool(&["check", "config"], &[example]);
}

#[test]
fn every_unit_test_of_the_rules_passes() {
    promtool(&["test", "rules"], &files::paths("alerts/tests", "yml"));
}

#[test]
fn every_alert_is_said_in_full_and_has_a_runbook() {
    for rule in alerts() {
        let place = rule.place();
        let label = |name: &str| rule.labels.get(name).map_or("", String::as_str);
        let said = |name: &str| rule.annotations.get(name).map_or("", String::as_str);
        let severities = ["critical", "warning", "none"];
        assert!(severities.contains(&label("severity")), "{place}");
        assert!(
            ["service", "prometheus"].contains(&label("told_by")),
            "{place}"
        );
        let stage = label("stage");
        assert_eq!(rule.file, format!("alerts/rules/{stage}.yml"), "{place}");
        assert!(said("summary").len() > 10, "{place}");
        assert!(
            !said("summary").contains("{{"),
            "{place}: {}",
            said("summary")
        );
        assert!(said("description").ends_with('.'), "{place}");
        assert!(said("description").len() > said("summary").len(), "{place}");
        let (_, runbook) = said("runbook_url").rsplit_once('/').unwrap();
        assert_eq!(runbook, rule.name(), "{place}");
        let text = files::read(&format!("docs/runbooks/{runbook}.md"));
        assert!(text.contains("\n## First look\n"), "{place}");
        assert!(
            said("runbook_url")
                .starts_with("{{ with $externalLabels.runbooks }}{{ . }}{{ else }}http://")
        );
    }
}

#[test]
fn every_alert_stands_in_the_table_of_symptoms_with_its_severities() {
    let document = files::read("docs/monitoring.md");
    let rows: Vec<&str> = document.lines().filter(|it| it.starts_with('|')).collect();
    for rule in alerts() {
        let (name, severity) = (rule.name(), &rule.labels["severity"]);
        // The inhibitor is no symptom.
        if severity == "none" {
            continue;
        }
        let link = format!("[{name}](runbooks/{name}.md)");
        let of_it = |row: &&&str| row.contains(&link) && row.contains(severity);
        assert_eq!(rows.iter().filter(of_it).count(), 1, "{}", rule.place());
    }
}

#[test]
fn no_alert_waits_for_more_than_two_minutes_and_none_reads_a_calendar() {
    for rule in files::rules() {
        let pending = rule.pending.as_deref().unwrap_or("0s");
        assert!(
            duration(pending) <= PENDING_MAX,
            "{}: {pending}",
            rule.place()
        );
        let expr = promql_parser::parser::parse(&rule.expr)
            .unwrap()
            .to_string();
        for function in [
            "hour(",
            "minute(",
            "day_of",
            "days_in_month(",
            "month(",
            "year(",
        ] {
            assert!(!expr.contains(function), "{}: {function}", rule.place());
        }
    }
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().unwrap();
    match unit {
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(60 * number),
        other => panic!("{other} is longer than any alert may wait"),
    }
}

#[derive(Deserialize)]
struct Tests {
    tests: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    alertname: String,
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    exp_labels: BTreeMap<String, String>,
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_stays_quiet() {
    let mut expectations = Vec::new();
    for path in files::paths("alerts/tests", "yml") {
        let tests: Tests = serde_yaml_ng::from_str(&files::read(&path)).unwrap();
        expectations.extend(tests.tests.into_iter().flat_map(|it| it.alert_rule_test));
    }
    for rule in alerts() {
        let severity = &rule.labels["severity"];
        let of_it = || expectations.iter().filter(|it| it.alertname == rule.name());
        let fires = |it: &Expectation| {
            let mut alerts = it.exp_alerts.iter();
            alerts.any(|alert| alert.exp_labels.get("severity") == Some(severity))
        };
        assert!(of_it().any(fires), "{} never fires", rule.place());
        assert!(!of_it().all(fires), "{} is never quiet", rule.place());
    }
}

#[test]
fn every_stage_has_its_rules_and_its_tests() {
    for folder in ["rules", "tests"] {
        for stage in STAGES.into_iter().chain(["recording"]) {
            let path = format!("{ROOT}/alerts/{folder}/{stage}.yml");
            assert!(fs::exists(&path).unwrap(), "{path}");
        }
    }
    let known = STAGES.len() + 1;
    assert_eq!(files::paths("alerts/rules", "yml").len(), known);
}
