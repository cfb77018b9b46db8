//! The Alertmanager example: it is valid, and each alert goes where people expect it.
//!
//! What a real Alertmanager holds back and how its messages read is not looked at here.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::{files, processes::run};

const EXAMPLE: &str = "alerts/alertmanager.example.yml";

/// Where an alert with these labels goes.
fn receiver(labels: &[String]) -> String {
    let file = format!("--config.file={}/{EXAMPLE}", files::ROOT);
    let arguments = ["config", "routes", "test", &file];
    let labels = labels.iter().map(String::as_str);
    let tested = run("amtool", arguments.into_iter().chain(labels));
    assert!(tested.status.success(), "{tested:?}");
    String::from_utf8(tested.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_alertmanager_example_is_valid() {
    let checked = run(
        "amtool",
        ["check-config", &format!("{}/{EXAMPLE}", files::ROOT)],
    );
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}{checked:?}");
    assert!(said.contains("1 templates"), "{said}");
}

#[test]
fn every_alert_goes_where_its_severity_says_and_the_inhibitor_to_nobody() {
    let mut seen = BTreeSet::new();
    for rule in files::rules().iter().filter(|rule| rule.alert.is_some()) {
        let severity = rule.labels["severity"].as_str();
        let expected = match severity {
            "critical" => "email,slack",
            "warning" => "slack",
            "none" => "nobody",
            other => panic!("{}: {other}", rule.place()),
        };
        let mut labels = vec![format!("alertname={}", rule.name())];
        labels.extend(
            rule.labels
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        assert_eq!(receiver(&labels), expected, "{}", rule.place());
        seen.insert(expected);
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn what_is_held_back_names_alerts_and_labels_that_exist() {
    let rules = files::rules();
    let matchers = held_back();
    assert!(matchers.len() >= 14, "only {}", matchers.len());
    let has = |rule: &files::Rule, label: &str, value: &str| match label {
        "alertname" => rule.alert.as_deref() == Some(value),
        other => rule.labels.get(other).is_some_and(|it| it == value),
    };
    for (label, values) in matchers {
        for value in values.split('|') {
            let known = rules.iter().any(|rule| has(rule, &label, value));
            assert!(known, "{label}={value} is true of no alert");
        }
    }
}

/// The labels that the example's inhibitions name, each with its values.
fn held_back() -> Vec<(String, String)> {
    let example: Value = serde_yaml_ng::from_str(&files::read(EXAMPLE)).unwrap();
    let inhibitions = example["inhibit_rules"].as_sequence().unwrap();
    let sides = inhibitions
        .iter()
        .flat_map(|it| [&it["source_matchers"], &it["target_matchers"]]);
    let matchers = sides.flat_map(|side| side.as_sequence().unwrap());
    matchers
        .map(|matcher| {
            let mut parts = matcher.as_str().unwrap().split('"');
            let label = parts.next().unwrap().trim_end_matches(['=', '!', '~']);
            (label.to_owned(), parts.next().unwrap().to_owned())
        })
        .collect()
}
