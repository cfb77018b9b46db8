//! Documents: links lead somewhere, decisions are numbered and listed, the README's commands exist.
//!
//! What the sentences say is for readers to judge.

/// Every relative link of a Markdown text leads to a file or folder that exists.
pub fn links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    prose(text)
        .flat_map(|(number, line)| targets(line).map(move |target| (number, target)))
        .filter(|(_, target)| is_relative(target))
        .filter(|(_, target)| {
            let file = target.split(['#', ' ']).next().unwrap_or_default();
            !resolve(folder, file).is_some_and(|file| exists(&file))
        })
        .map(|(number, target)| format!("{path}:{number}: `{target}` leads nowhere"))
        .collect()
}

/// Lines with their numbers, without what stands in fences.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence).then_some((index + 1, line))
    })
}

/// What stands in `](…)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.starts_with('#')
}

/// A path from the repository's root; `None` where it leads out of it.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop()?;
            }
            name => steps.push(name),
        }
    }
    Some(steps.join("/"))
}

/// Records are `NNNN-name.md`, numbered from 0001 without a gap, and each is linked from the index.
pub fn decisions(records: &[String], index: &str) -> Vec<String> {
    let names = records
        .iter()
        .filter_map(|path| path.strip_prefix("docs/decisions/"))
        .filter(|name| *name != "README.md");
    let mut found = Vec::new();
    for (position, name) in names.enumerate() {
        let number = format!("{:04}-", position + 1);
        if !name.starts_with(&number) {
            found.push(format!("docs/decisions/{name}: expected number {number}"));
        }
        if !index.contains(&format!("]({name})")) {
            found.push(format!("docs/decisions/{name}: not linked from README.md"));
        }
    }
    if records.len() < 2 {
        found.push("docs/decisions: no records found".to_owned());
    }
    found
}

/// What the fenced blocks tell a reader to run exists: scripts of this repository, and subcommands of `tipoff`.
pub fn commands(
    path: &str,
    text: &str,
    runnable: impl Fn(&str) -> bool,
    subcommand: impl Fn(&str) -> bool,
) -> Vec<String> {
    let calls: Vec<(usize, Call<'_>)> = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, call(line.trim())?)))
        .collect();
    let mut found: Vec<String> = calls
        .iter()
        .filter(|(_, call)| match call {
            Call::Script(script) => !runnable(script),
            Call::Subcommand(name) => !subcommand(name),
        })
        .map(|(number, call)| format!("{path}:{number}: {call:?} does not exist"))
        .collect();
    if calls.is_empty() {
        found.push(format!("{path}: names no command"));
    }
    found
}

#[derive(Debug)]
enum Call<'a> {
    Script(&'a str),
    Subcommand(&'a str),
}

/// The call that a line of a block makes, if it is one of ours.
fn call(line: &str) -> Option<Call<'_>> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if let Some(script) = first.strip_prefix("./") {
        return Some(Call::Script(script));
    }
    let name = match first {
        "tipoff" => words.next()?,
        "cargo" => words.skip_while(|word| *word != "--").nth(1)?,
        _ => return None,
    };
    (!name.starts_with('-')).then_some(Call::Subcommand(name))
}

#[test]
fn a_broken_link_is_found() {
    let exists = |path: &str| path == "docs/testing.md" || path == "README.md" || path == "docs";
    let found = |text: &str| links("docs/architecture.md", text, exists).len();
    assert_eq!(
        found("[a](testing.md), [b](../README.md#there) and [c](./)"),
        0
    );
    assert_eq!(found("[a](https://example.org/x) [b](#here)"), 0);
    assert_eq!(found("```\n[a](nowhere.md)\n```"), 0);
    assert_eq!(found("[a](nowhere.md)"), 1);
    assert_eq!(found("[a](testing.md) [b](README.md)"), 1);
    assert_eq!(found("[a](../../outside.md)"), 1);
    assert_eq!(found("```\nx\n```\n[a](nowhere.md)"), 1);
}

#[test]
fn a_decision_without_its_number_or_link_is_found() {
    let records = |names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("docs/decisions/{name}"))
            .collect()
    };
    let index = "[1](0001-a.md) [2](0002-b.md)";
    assert_eq!(
        decisions(&records(&["0001-a.md", "0002-b.md", "README.md"]), index).len(),
        0
    );
    assert_eq!(
        decisions(&records(&["0001-a.md", "0003-b.md", "README.md"]), index).len(),
        2
    );
    assert_eq!(
        decisions(&records(&["0001-a.md", "0002-c.md", "README.md"]), index).len(),
        1
    );
    assert_eq!(decisions(&records(&["README.md"]), index).len(), 1);
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let found = |text: &str| {
        let runnable = |path: &str| path == "test";
        let subcommand = |name: &str| name == "demo";
        commands("README.md", text, runnable, subcommand).len()
    };
    assert_eq!(
        found("```\ncargo run --release -- demo\n./test --long\ntipoff --help\n```"),
        0
    );
    assert_eq!(found("./tests"), 1);
    assert_eq!(found("cargo run --release -- show"), 1);
    assert_eq!(found("tipoff show 2026-01-19"), 1);
    assert_eq!(found("nothing to run"), 1);
}
