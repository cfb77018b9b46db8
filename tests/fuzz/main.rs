//! Every shape that comes in from outside, fed with bodies as nobody should send them: a target a shape. What is kept
//! under `corpus` is tried first, each time.
//!
//! How bodies are spoiled belongs to `hostile`; what the running service answers to them, to `http`.

use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tipoff::{
    config::{self, Environment},
    domain::Instant,
    wire::{
        Malformed,
        alerts::{Acknowledge, Hush, Test},
        completion,
        finished::Unpublished,
        people::{CheckStalled, Reset, Retry, Start},
        push::Push,
        upstream,
    },
};

#[allow(dead_code)] // The other tests use more of it.
#[path = "../it/failed_night.rs"]
mod failed_night;
mod hostile;
mod http;
#[allow(dead_code, unused_imports)] // The other tests use more of it.
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tried.rs"]
mod tried;

/// Bodies of a target in the normal run.
const CASES: u32 = 2_000;
/// Bytes of a reason: it stands in a quarantine, a log line and a person's terminal.
const REASON_BYTES_MAX: usize = 1_000;

/// What a target made of a body: the value as text, or the name and the reason of its refusal.
type Said = Result<String, (&'static str, String)>;

/// Reads bytes as one shape.
type Read = fn(&[u8]) -> Said;

fn now() -> Instant {
    "2026-01-19T15:00:00Z".parse().expect("an instant")
}

fn said<T: std::fmt::Debug>(read: Result<T, Malformed>) -> Said {
    match read {
        Ok(value) => Ok(format!("{value:?}")),
        Err(error) => {
            assert!(Malformed::NAMES.contains(&error.name()), "{error:?}");
            Err((error.name(), error.reason()))
        }
    }
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let entries = std::fs::read_dir(&folder).expect("a corpus");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a file of the corpus");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

/// The same bytes are always read alike, and a refusal says in one short line what is wrong.
fn judge(read: Read, body: &[u8]) -> Result<(), TestCaseError> {
    let first = read(body);
    if first != read(body) {
        return Err(TestCaseError::fail("read once so and once otherwise"));
    }
    let Err((_, reason)) = first else {
        return Ok(());
    };
    if reason.len() > REASON_BYTES_MAX {
        let bytes = reason.len();
        return Err(TestCaseError::fail(format!("a reason of {bytes} bytes")));
    }
    if reason.chars().any(char::is_control) {
        return Err(TestCaseError::fail(format!(
            "a reason that is no line: {reason:?}"
        )));
    }
    Ok(())
}

/// Tries the corpus, then spoiled bodies made of its valid files; says how many were read and how many refused.
fn fuzz(target: &str, read: Read) {
    let corpus = corpus(target);
    let mut valid = Vec::new();
    for (path, body) in corpus {
        judge(read, &body).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let is_meant_well = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("good"));
        assert_eq!(
            read(&body).is_ok(),
            is_meant_well,
            "{}: {:?}",
            path.display(),
            read(&body)
        );
        if is_meant_well {
            valid.push(body);
        }
    }
    let default = Config::default();
    let config = Config {
        cases: CASES.max(default.cases),
        failure_persistence: None,
        ..default
    };
    let cases = config.cases;
    let mut runner = TestRunner::new(config);
    let taken = std::cell::Cell::new(0);
    let tried = runner.run(&hostile::body(valid), |body| {
        taken.set(taken.get() + u32::from(read(&body).is_ok()));
        judge(read, &body)
    });
    if let Err(error) = tried {
        panic!("{target}: {error}");
    }
    let taken = taken.get();
    assert!(
        taken > 0 && taken < cases,
        "{target}: {taken} of {cases} read"
    );
    tried::record(
        &format!("bodies of the shape {target}"),
        &format!("{cases} hostile bodies"),
        &format!("{taken} read, the others refused by name, no panic"),
    );
}

#[test]
fn push() {
    fuzz("push", |body| said(Push::read(body)));
}

#[test]
fn completion_of_one() {
    fuzz("completion", |body| said(completion::read(body, now())));
}

#[test]
fn completions_line_by_line() {
    fuzz("completions", |body| {
        let lines = match completion::read_lines(body, now()) {
            Ok(lines) => lines,
            Err(error) => return said::<()>(Err(error)),
        };
        let mut text = String::new();
        for line in lines {
            text += &said(line.answer)?;
        }
        Ok(text)
    });
}

#[test]
fn upstream_event() {
    fuzz("upstream", |body| {
        said(upstream::read(body, upstream::EVENT_TYPE, now()))
    });
}

#[test]
fn unpublished() {
    fuzz("unpublished", |body| said(Unpublished::read(body)));
}

#[test]
fn acknowledge() {
    fuzz("acknowledge", |body| said(Acknowledge::read(body)));
}

#[test]
fn silence() {
    fuzz("silence", |body| said(Hush::read(body, now())));
}

#[test]
fn channel_test() {
    fuzz("test", |body| said(Test::read(body)));
}

#[test]
fn retry() {
    fuzz("retry", |body| said(Retry::read(body)));
}

#[test]
fn reset() {
    fuzz("reset", |body| said(Reset::read(body)));
}

#[test]
fn check_stalled() {
    fuzz("check-stalled", |body| said(CheckStalled::read(body)));
}

#[test]
fn start() {
    fuzz("start", |body| said(Start::read(body)));
}

#[test]
fn configuration() {
    fuzz("configuration", |body| {
        let text = String::from_utf8_lossy(body);
        let environment = Environment::of([]);
        match config::parse(&text, Path::new("."), &environment) {
            Ok(config) => Ok(format!("{:?}", config.handoffs.len())),
            Err(error) => Err(("refused", error.to_string().replace('\n', " "))),
        }
    });
}
