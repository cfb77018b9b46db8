//! The files of `infra` that run the service, read as what reads them would: the fields that a night depends on.
//!
//! Whether Cloud Run, a cluster or systemd takes them cannot be seen here.

use std::{fs, process::Command};

use rstest::rstest;
use serde::Deserialize;
use serde_yaml_ng::{Deserializer, Value};

use crate::infra::tipoff;

const NAME: &str = "prediction-coordinator";

fn yaml(text: &str) -> Vec<Value> {
    Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// The value at a path of keys and places, written `a/b/0`.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('/')
        .try_fold(value, |value, key| match key.parse::<usize>() {
            Ok(place) => value.get(place),
            Err(_) => value.get(key),
        })
        .unwrap_or_else(|| panic!("{path} is not there: {value:#?}"))
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let found = documents.iter().find(|it| at(it, "kind") == kind);
    found.unwrap_or_else(|| panic!("no {kind}"))
}

fn variables(container: &Value) -> Vec<(&str, Option<&str>)> {
    let all = at(container, "env").as_sequence().unwrap();
    let pair = |it| at(it, "name").as_str().unwrap();
    all.iter()
        .map(|it| (pair(it), it.get("value").and_then(Value::as_str)))
        .collect()
}

#[rstest]
#[case("always-on", "1")]
#[case("frugal", "0")]
fn cloud_run_never_runs_two_and_keeps_its_processor(#[case] profile: &str, #[case] least: &str) {
    let documents = yaml(&tipoff("cloud-run", profile));
    let [service] = documents.as_slice() else {
        panic!("{documents:?}");
    };
    assert_eq!(at(service, "apiVersion"), "serving.knative.dev/v1");
    assert_eq!(at(service, "metadata/name"), NAME);
    let notes = at(service, "spec/template/metadata/annotations");
    let note = |name: &str| notes.get(name).and_then(Value::as_str);
    assert_eq!(note("autoscaling.knative.dev/minScale"), Some(least));
    assert_eq!(note("autoscaling.knative.dev/maxScale"), Some("1"));
    assert_eq!(note("run.googleapis.com/cpu-throttling"), Some("false"));
    let spec = at(service, "spec/template/spec");
    let account = at(spec, "serviceAccountName").as_str().unwrap();
    assert!(account.ends_with("@nba-props-platform.iam.gserviceaccount.com"));
    let container = at(spec, "containers/0");
    assert_eq!(at(container, "resources/limits/cpu"), "1");
    assert_eq!(at(container, "resources/limits/memory"), "512Mi");
    for probe in ["startupProbe", "livenessProbe"] {
        assert_eq!(at(container, &format!("{probe}/httpGet/path")), "/health");
        let port = at(container, &format!("{probe}/httpGet/port"));
        assert_eq!(port, at(container, "ports/0/containerPort"));
    }
    let folder = at(container, "volumeMounts/0/mountPath").as_str().unwrap();
    let file = at(spec, "volumes/0/secret/items/0/path").as_str().unwrap();
    let path = format!("{folder}/{file}");
    assert!(variables(container).contains(&("TIPOFF_CONFIG", Some(&path))));
}

#[test]
fn a_cluster_runs_one_without_rights_on_a_disk_and_scrapes_it() {
    let documents = yaml(&tipoff("kubernetes", "always-on"));
    let deployment = of_kind(&documents, "Deployment");
    assert_eq!(at(deployment, "spec/replicas"), 1);
    assert_eq!(at(deployment, "spec/strategy/type"), "Recreate");
    let spec = at(deployment, "spec/template/spec");
    assert_eq!(at(spec, "securityContext/runAsUser"), 10001);
    assert_eq!(at(spec, "securityContext/runAsNonRoot"), &Value::from(true));
    let container = at(spec, "containers/0");
    assert_eq!(
        at(container, "securityContext/readOnlyRootFilesystem"),
        &Value::from(true)
    );
    assert_eq!(at(container, "volumeMounts/0/mountPath"), "/data");
    assert!(variables(container).contains(&("TIPOFF_DATA", Some("/data"))));
    assert_eq!(at(container, "livenessProbe/httpGet/path"), "/health");
    let claim = at(
        of_kind(&documents, "PersistentVolumeClaim"),
        "metadata/name",
    );
    assert_eq!(at(spec, "volumes/0/persistentVolumeClaim/claimName"), claim);
    let label = at(deployment, "spec/template/metadata/labels/app");
    assert_eq!(
        at(of_kind(&documents, "Service"), "spec/selector/app"),
        label
    );
    let monitoring = of_kind(&documents, "PodMonitoring");
    assert_eq!(at(monitoring, "apiVersion"), "monitoring.googleapis.com/v1");
    assert_eq!(at(monitoring, "spec/selector/matchLabels/app"), label);
    let endpoint = at(monitoring, "spec/endpoints/0");
    assert_eq!(at(endpoint, "path"), "/metrics");
    assert_eq!(at(endpoint, "interval"), "30s");
    assert_eq!(at(endpoint, "port"), at(container, "ports/0/name"));
}

#[test]
fn the_configuration_arrives_in_the_cluster_as_it_is_and_starts_with_the_cluster_s_environment() {
    let documents = yaml(&tipoff("kubernetes", "frugal"));
    let text = at(of_kind(&documents, "ConfigMap"), "data").get("tipoff.toml");
    let text = text.and_then(Value::as_str).unwrap();
    let own = fs::read_to_string(format!("{}/deploy/frugal.toml", env!("CARGO_MANIFEST_DIR")));
    assert_eq!(text, own.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tipoff.toml");
    fs::write(&config, text).unwrap();
    let deployment = of_kind(&documents, "Deployment");
    let container = at(deployment, "spec/template/spec/containers/0");
    let given = variables(container);
    let output = Command::new(env!("CARGO_BIN_EXE_tipoff"))
        .arg("check")
        .env_clear()
        .envs(
            given
                .iter()
                .filter_map(|(name, value)| Some((name, (*value)?))),
        )
        .env("TIPOFF_CONFIG", &config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn secrets_are_named_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tipoff.toml");
    let own = fs::read_to_string(format!("{}/deploy/frugal.toml", env!("CARGO_MANIFEST_DIR")));
    let text = own.unwrap() + "\n[heartbeat]\nevery = \"1m\"\n";
    fs::write(&config, text).unwrap();
    let expected = [("cloud-run", "tipoff-heartbeat-url"), ("kubernetes", NAME)];
    for (form, from) in expected {
        let output = Command::new(env!("CARGO_BIN_EXE_tipoff"))
            .args(["infra", form, "--config"])
            .arg(&config)
            .env_clear()
            .env("TIPOFF_HEARTBEAT_URL", "https://hc.example.com/hidden")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("hidden"), "{text}");
        let documents = yaml(&text);
        let holder = documents
            .iter()
            .find(|it| it["kind"] != "ServiceAccount" && it["spec"]["template"].is_mapping());
        let container = at(holder.unwrap(), "spec/template/spec/containers/0");
        let variables = at(container, "env").as_sequence().unwrap();
        let secret = variables
            .iter()
            .find(|it| at(it, "name") == "TIPOFF_HEARTBEAT_URL");
        let named = at(secret.unwrap(), "valueFrom/secretKeyRef/name");
        assert_eq!(named, from);
    }
}

#[test]
fn a_machine_gives_it_its_own_files_and_nothing_else() {
    let unit = tipoff("systemd", "always-on");
    for line in [
        "User=tipoff",
        "StateDirectory=tipoff",
        "ProtectSystem=strict",
        "NoNewPrivileges=true",
        "Restart=always",
        "EnvironmentFile=-/etc/tipoff/environment",
    ] {
        assert!(unit.lines().any(|it| it == line), "{line} is missing");
    }
}
