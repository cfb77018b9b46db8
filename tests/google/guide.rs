//! The guide for deployment, walked as it is written: every command of its blocks and tables, in order, in one folder.
//!
//! Programs of others only record here, and Google is not there: the doctor has to say that it could not ask.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::infra::recorder;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the guide's commands begin with.
const PROGRAMS: [&str; 7] = [
    "tipoff ", "bash ", "less ", "docker ", "kubectl ", "gcloud ", "bq ",
];
/// They ask a running service; `tests/monitoring/documents.rs` runs them against one.
const OF_A_NIGHT: [&str; 2] = ["tipoff explain", "tipoff status"];

/// The commands with their line's number: lines of fenced blocks, and what stands in backticks and begins like one.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push((index + 1, line.to_owned()));
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            let is_command = |it: &&str| PROGRAMS.iter().any(|program| it.starts_with(program));
            found.extend(
                quoted
                    .filter(is_command)
                    .map(|it| (index + 1, it.to_owned())),
            );
        }
    }
    found
}

/// The folder of somebody who deploys: a configuration whose Google is an address at which nobody listens.
fn folder() -> tempfile::TempDir {
    let folder = recorder(&["gcloud", "bq", "docker", "kubectl", "less"]);
    fs::write(folder.path().join("deployed"), "").unwrap();
    let own = fs::read_to_string(format!("{ROOT}/deploy/always-on.toml")).unwrap();
    let nobody = "http://127.0.0.1:1";
    let interfaces = [
        "pubsub",
        "bigquery",
        "scheduler",
        "monitoring",
        "resource_manager",
        "keys",
    ];
    let endpoints = interfaces
        .map(|it| format!("{it} = \"{nobody}/{it}\"\n"))
        .concat();
    let google = format!("[google.endpoints]\n{endpoints}\n[google]\ncredentials = \"none\"\n");
    let text = own.replacen("[google]\n", &google, 1);
    fs::write(folder.path().join("tipoff.toml"), text).unwrap();
    folder
}

fn run(line: &str, folder: &Path) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_tipoff")).parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", folder.display(), programs.display());
    Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", line])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap()
}

/// The doctor cannot ask a Google that is not there, and says so by its exit code; everything else succeeds.
fn judge(line: &str, output: &Output) -> Result<(), String> {
    let could_not_ask = line.starts_with("tipoff doctor");
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = if could_not_ask {
        output.status.code() != Some(0) && said.contains("COULD NOT ASK")
    } else {
        output.status.success()
    };
    if expected {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{line}\n{}\n{said}{error}", output.status))
}

#[test]
fn every_command_of_the_guide_does_what_it_is_there_for() {
    let folder = folder();
    let guide = fs::read_to_string(format!("{ROOT}/docs/deployment.md")).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (number, line) in commands(&guide) {
        if OF_A_NIGHT.iter().any(|it| line.starts_with(it)) {
            continue;
        }
        let line = line.replace("PREVIOUS_URL", "https://old.example.com");
        count += 1;
        if let Err(error) = judge(&line, &run(&line, folder.path())) {
            wrong.push(format!("docs/deployment.md:{number}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 15, "only {count} commands were found");
    for file in [
        "infra.sh",
        "rollback.sh",
        "main.tf.json",
        "tipoff.yaml",
        "service.yaml",
    ] {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(text.contains("nba-props-platform"), "{file} is written");
    }
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    for call in [
        "docker build",
        "kubectl apply -f tipoff.yaml",
        "jobs resume",
    ] {
        assert!(calls.contains(call), "{call}");
    }
}

#[test]
fn a_command_that_fails_is_told() {
    let folder = folder();
    let judged = |line| judge(line, &run(line, folder.path()));
    assert!(judged("tipoff infra nothing").is_err());
    assert!(judged("bash missing.sh").is_err());
    assert_eq!(judged("true"), Ok(()));
}
