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
    let example: Value = serde_yaml_ng::from_str(&files::read(EXAMPLE)).unwrap();
    let rules = files::rules();
    let names: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| rule.alert.as_deref())
        .collect();
    let mut held = 0;
    for inhibition in example["inhibit_rules"].as_sequence().unwrap() {
        for side in ["source_matchers", "target_matchers"] {
            for matcher in inhibition[side].as_sequence().unwrap() {
                let matcher = matcher.as_str().unwrap();
                let quoted = matcher.split('"').nth(1).unwrap();
                if matcher.starts_with("alertname") {
                    for name in quoted.split('|') {
                        assert!(names.contains(name), "{name} is no alert");
                        held += 1;
                    }
                } else {
                    let (label, _) = matcher.split_once('=').unwrap();
                    let has =
                        |rule: &files::Rule| rule.labels.get(label).is_some_and(|it| it == quoted);
                    assert!(rules.iter().any(has), "{matcher} is true of no alert");
                }
            }
        }
    }
    assert!(held >= 10, "only {held} names");
}
