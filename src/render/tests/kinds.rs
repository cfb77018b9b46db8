//! Tests of what each kind of alert says: titles, advice, runbooks, and that every command in them exists.

use std::collections::BTreeSet;

use clap::CommandFactory;

use crate::{
    commands::cli::Cli,
    domain::alert::Kind,
    render::{
        kinds::{NIGHT, guide},
        runbooks::{RUNBOOKS, runbook},
    },
};

const HEADINGS: [&str; 5] = [
    "## Meaning",
    "## Effect",
    "## First look",
    "## Fix",
    "## When to silence",
];

/// What stands between backticks and calls the program.
fn commands(text: &str) -> Vec<String> {
    let quoted = text.split('`').filter(|part| part.starts_with("tipoff "));
    let fenced = text.lines().filter(|line| line.starts_with("tipoff "));
    quoted.chain(fenced).map(str::to_owned).collect()
}

/// Whether the command line takes it: subcommand, options and values.
fn is_taken(command: &str) -> bool {
    let command = command.replace(NIGHT, "--game-date 2026-01-11 --handoff phase4-to-phase5");
    let command = command.replace(" ID", " 17");
    Cli::command()
        .try_get_matches_from(command.split_whitespace())
        .is_ok()
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    assert!(is_taken("tipoff explain --game-date 2026-01-11"));
    assert!(!is_taken("tipoff explain --night 2026-01-11"));
    assert!(!is_taken("tipoff mend {night}"));
    assert_eq!(
        commands("a `tipoff x` b\ntipoff y\n"),
        ["tipoff x", "tipoff y"]
    );
}

#[test]
fn every_kind_says_what_it_means_and_what_can_be_done_with_commands_that_exist() {
    let mut named = 0;
    for kind in Kind::ALL {
        let guide = guide(kind);
        assert!(guide.title.len() > 5, "{kind:?}");
        assert!(guide.meaning.ends_with('.'), "{kind:?}: {}", guide.meaning);
        assert!(guide.advice.len() >= 2, "{kind:?}");
        for line in guide.advice {
            assert!(!line.ends_with('.'), "{kind:?}: {line}");
            assert!(
                !line.contains(NIGHT) || !commands(line).is_empty(),
                "{kind:?}: {line}"
            );
            for command in commands(line) {
                assert!(is_taken(&command), "{kind:?}: {command}");
                named += 1;
            }
        }
    }
    assert!(named > 30, "found almost no commands: {named}");
}

#[test]
fn titles_and_runbooks_are_each_ones_own() {
    let titles: BTreeSet<&str> = Kind::ALL.iter().map(|kind| guide(*kind).title).collect();
    let runbooks: BTreeSet<&str> = Kind::ALL.iter().map(|kind| guide(*kind).runbook).collect();
    assert_eq!(
        (titles.len(), runbooks.len()),
        (Kind::ALL.len(), Kind::ALL.len())
    );
}

#[test]
fn every_kind_has_a_runbook_of_its_title() {
    for kind in Kind::ALL {
        let name = guide(kind).runbook;
        let text = runbook(name).unwrap_or_else(|| panic!("{name} is not there"));
        assert!(
            text.starts_with(&format!("# {}\n", guide(kind).title)),
            "{name}"
        );
    }
}

#[test]
fn every_runbook_has_the_five_headings_and_commands_that_exist() {
    for (name, text) in RUNBOOKS {
        let headings: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, HEADINGS, "{name}");
        assert!(text.lines().count() <= 40, "{name}");
        for section in text.split("## ").skip(1) {
            let body = section.lines().skip(1).any(|line| line.len() > 10);
            assert!(body, "{name}: an empty section: {section}");
        }
        let commands = commands(text);
        assert!(!commands.is_empty(), "{name} names no command");
        for command in commands {
            assert!(is_taken(&command), "{name}: {command}");
        }
    }
}

#[test]
fn every_runbook_belongs_to_an_alert_and_is_in_the_program() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |folder: &str| {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let rules: String = files("alerts/rules")
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let alerts = rules.lines().filter_map(|line| {
        let (_, name) = line.split_once("- alert: ")?;
        Some(name.to_owned())
    });
    let mut known: BTreeSet<String> = alerts.collect();
    known.extend(Kind::ALL.map(|kind| guide(kind).runbook.to_owned()));
    let written: BTreeSet<String> = files("docs/runbooks")
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(written, known);
    let inside: BTreeSet<String> = RUNBOOKS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(inside, written);
    assert_eq!(runbook("NoSuchThing"), None);
}
