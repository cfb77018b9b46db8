//! The commands of the documents for those on call, each run as it stands: in a folder like theirs, against a service,
//! a Prometheus and an Alertmanager.
//!
//! What the commands do is tested where they are; links belong to the architecture's test.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    files::{ROOT, paths, read},
    live::servers::{LOOK, Receivers, Servers, Target},
    processes::{Process, free_port},
};

/// The night that the documents take for an example.
const NIGHT: &str = "2026-01-11";
/// The message that they take for an example.
const MESSAGE: &str = "17";
/// How long that night may take, on a machine that has other things to do.
const PLAYED_WITHIN: Duration = Duration::from_secs(300);
/// What ends a play.
const PLAYED: &str = "The service goes on";
/// Programs whose lines are run as they stand.
const PROGRAMS: [&str; 11] = [
    "tipoff",
    "curl",
    "amtool",
    "promtool",
    "df",
    "ls",
    "tar",
    "mv",
    "head",
    "chmod",
    "alerts/try",
];

/// The lines of the fenced blocks of a document, with their numbers.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced && !line.trim().is_empty() {
            lines.push((index + 1, line.trim().to_owned()));
        }
    }
    lines
}

/// What is run: a line with what belongs to this machine in the place of the documents' examples.
#[derive(Debug, PartialEq)]
enum Step {
    /// It ends by itself.
    Run(String),
    /// It serves until it is ended.
    Serve(String),
}

/// What stands here for what the documents write.
struct Places {
    replacements: BTreeMap<&'static str, String>,
}

impl Places {
    fn step(&self, line: &str) -> Result<Step, String> {
        let program = line.split_whitespace().next().unwrap_or_default();
        if !PROGRAMS.contains(&program) {
            return Err(format!(
                "{program:?} is no program that this test knows how to run"
            ));
        }
        let mut line = line.to_owned();
        for (written, is) in &self.replacements {
            line = line.replace(written, is);
        }
        if line.starts_with("tipoff serve") {
            return Ok(Step::Serve(line));
        }
        if let Some(rest) = line.strip_prefix("alerts/try") {
            // It plays for minutes; here it only has to be there and to know its options.
            return Ok(Step::Run(format!("alerts/try{rest} --help")));
        }
        Ok(Step::Run(line))
    }
}

/// Where the commands are run, and what they meet.
struct Scene {
    folder: TempDir,
    url: String,
    places: Places,
    _service: Process,
    _servers: Servers,
}

impl Scene {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let service = play(folder.path(), port).await;
        let targets = [Target {
            night: "tipoff".to_owned(),
            port,
        }];
        let nobody = Receivers {
            smtp_port: free_port(),
            slack_port: free_port(),
        };
        let servers = Servers::start(folder.path(), &targets, &nobody).await;
        let url = format!("http://127.0.0.1:{port}");
        let replacements = BTreeMap::from([
            ("http://127.0.0.1:8080", url.clone()),
            ("http://127.0.0.1:9090", servers.prometheus.clone()),
            ("http://127.0.0.1:9093", servers.alertmanager.clone()),
            // The only channel of this service.
            ("--channel slack", "--channel console".to_owned()),
        ]);
        Self {
            folder,
            url,
            places: Places { replacements },
            _service: service,
            _servers: servers,
        }
    }

    /// A folder as people have one: a configuration, a data folder, and this repository's own beside them.
    fn folder_for(&self, document: &str) -> PathBuf {
        let folder = self.folder.path().join(document.replace('/', "-"));
        fs::create_dir_all(folder.join("tipoff-data")).unwrap();
        let example = fs::read_to_string(format!("{ROOT}/docs/examples/option-b.toml")).unwrap();
        // The shipped season is over by today's calendar, which `doctor` rightly calls wrong.
        let id = "id = \"phase4-to-phase5\"\n";
        let lasting = example.replace(id, &format!("{id}season = \"none\"\n"));
        fs::write(folder.join("tipoff.toml"), lasting).unwrap();
        for name in ["docs", "alerts"] {
            symlink(format!("{ROOT}/{name}"), folder.join(name)).unwrap();
        }
        folder
    }

    /// Puts a message into quarantine; answers its id.
    async fn quarantined(&self) -> String {
        let client = reqwest::Client::new();
        let push = client
            .post(format!("{}/trigger", self.url))
            .body("not JSON");
        assert!(push.send().await.unwrap().status().is_success());
        let list = client.get(format!("{}/quarantine", self.url));
        let list: Value = list.send().await.unwrap().json().await.unwrap();
        let items = list.as_array().or(list["messages"].as_array());
        let newest = items.and_then(|items| items.first());
        newest.unwrap_or_else(|| panic!("{list}"))["id"].to_string()
    }

    async fn run(&self, folder: &Path, line: &str) -> Result<(), String> {
        let mut line = line.to_owned();
        if line.starts_with("tipoff quarantine") && line.ends_with(MESSAGE) {
            let id = self.quarantined().await;
            line = line.replace(MESSAGE, &id);
        }
        match self.places.step(&line)? {
            Step::Run(line) => {
                let output = shell(&line, folder, &self.url).output().unwrap();
                judge(&line, &output)
            }
            Step::Serve(line) => served(&line, folder).await,
        }
    }
}

/// The night of the documents, played to its end and served on.
async fn play(folder: &Path, port: u16) -> Process {
    let log = folder.join("service.log");
    let data = folder.join("service");
    let port = port.to_string();
    let data = data.display().to_string();
    let arguments = ["demo", "--night", NIGHT, "--port", &port, "--data", &data];
    let mut service = Process::start(env!("CARGO_BIN_EXE_tipoff"), arguments, &log);
    let played = async {
        loop {
            let said = fs::read_to_string(&log).unwrap();
            if said.contains(PLAYED) {
                return;
            }
            assert!(service.is_running(), "it ended: {said}");
            tokio::time::sleep(LOOK).await;
        }
    };
    let played = tokio::time::timeout(PLAYED_WITHIN, played).await;
    assert!(played.is_ok(), "{}", fs::read_to_string(&log).unwrap());
    service
}

fn shell(line: &str, folder: &Path, url: &str) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_tipoff")).parent().unwrap();
    let script = format!("PATH={}:$PATH; {line}", programs.display());
    let mut command = Command::new("bash");
    command
        .args(["-e", "-o", "pipefail", "-c", &script])
        .current_dir(folder)
        .env("TIPOFF_URL", url)
        .env("PORT", "0")
        .stdin(Stdio::null());
    command
}

/// It did what it is there for. `status` and `doctor` say by their exit code how things stand, and that night went
/// wrong and the shipped season may have ended.
fn judge(line: &str, output: &Output) -> Result<(), String> {
    let nos = [
        ("tipoff status", format!("phase4-to-phase5 {NIGHT}")),
        ("tipoff doctor", "WRONG (1)\n  calendar ".to_owned()),
    ];
    let is_no = |(command, answer): &(&str, String)| {
        line.starts_with(command) && output.stdout.starts_with(answer.as_bytes())
    };
    if output.status.success() || (output.status.code() == Some(1) && nos.iter().any(is_no)) {
        return Ok(());
    }
    Err(format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Runs what serves until it says where it listens, then ends it.
async fn served(line: &str, folder: &Path) -> Result<(), String> {
    let log = folder.join("served.log");
    let file = fs::File::create(&log).unwrap();
    let mut child = shell(&format!("exec {line}"), folder, "")
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let said = loop {
        let said = fs::read_to_string(&log).unwrap();
        let ended = child.try_wait().unwrap().is_some();
        if said.contains("listening on") || ended {
            break said;
        }
        tokio::time::sleep(LOOK).await;
    };
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().unwrap();
    if said.contains("listening on") {
        Ok(())
    } else {
        Err(said)
    }
}

/// The documents whose commands are run.
fn documents() -> Vec<String> {
    let mut documents = paths("docs/runbooks", "md");
    for page in ["docs/operations.md", "docs/monitoring.md"] {
        if Path::new(ROOT).join(page).exists() {
            documents.push(page.to_owned());
        }
    }
    documents
}

#[tokio::test]
async fn every_command_of_the_documents_for_those_on_call_does_what_it_is_there_for() {
    let scene = Scene::begin().await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents() {
        let folder = scene.folder_for(&document);
        for (number, line) in commands(&read(&document)) {
            count += 1;
            if let Err(error) = scene.run(&folder, &line).await {
                wrong.push(format!("{document}:{number}: {line}\n{error}"));
            }
        }
    }
    println!("{count} commands were run");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "only {count} commands were found");
}

#[test]
fn a_command_that_nobody_knows_how_to_run_is_found_and_never_skipped() {
    let places = Places {
        replacements: BTreeMap::from([("http://127.0.0.1:8080", "http://127.0.0.1:1".to_owned())]),
    };
    assert!(places.step("telnet 127.0.0.1").is_err());
    assert!(places.step("$ tipoff status").is_err());
    let step = places.step("curl --silent http://127.0.0.1:8080/ready");
    let expected = "curl --silent http://127.0.0.1:1/ready".to_owned();
    assert_eq!(step, Ok(Step::Run(expected)));
    assert!(matches!(
        places.step("tipoff serve --data x"),
        Ok(Step::Serve(_))
    ));
    let found = commands("tipoff a\n```\ntipoff b\n\n```\ntipoff c\n``` sh\n  tipoff d\n```\n");
    let expected = [(3, "tipoff b".to_owned()), (8, "tipoff d".to_owned())];
    assert_eq!(found, expected);
}

#[test]
fn a_command_that_fails_is_told_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let judged = |line| judge(line, &shell(line, folder.path(), "").output().unwrap());
    let error = judged("echo broken >&2; false").unwrap_err();
    assert!(error.contains("broken"), "{error}");
    assert!(judged("false | true").is_err(), "in a pipe, too");
    assert_eq!(judged("true"), Ok(()));
    let nobody = "tipoff status --url http://127.0.0.1:1";
    assert!(judged(nobody).is_err(), "no answer is not a no");
}
