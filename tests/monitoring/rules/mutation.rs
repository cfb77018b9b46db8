//! Mutation: each rule is changed in each small way, and a unit test that names it has to fail.
//!
//! What can be changed in an expression is said in `mutants`.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_yaml_ng::Value;

use super::{STAGES, mutants::mutants};
use crate::{files, processes::run};

/// How many unit tests run at a time.
const AT_A_TIME: usize = 2;

/// One rule file with one change.
struct Changed {
    /// The file's name without its ending.
    stage: &'static str,
    /// The rule's name.
    name: String,
    /// Which rule was changed and how.
    what: String,
    /// The whole file.
    text: String,
}

/// The rules of a file, each with its place in it.
fn rules_of(file: &Value) -> Vec<(usize, usize, &Value)> {
    let list = |value: &'_ Value, name: &str| -> usize {
        let found = value[name].as_sequence();
        found.map_or(0, Vec::len)
    };
    (0..list(file, "groups"))
        .flat_map(|group| {
            let inside = &file["groups"][group];
            (0..list(inside, "rules")).map(move |rule| (group, rule, &inside["rules"][rule]))
        })
        .collect()
}

fn changed(stage: &'static str) -> Vec<Changed> {
    let path = format!("alerts/rules/{stage}.yml");
    let file: Value = serde_yaml_ng::from_str(&files::read(&path)).unwrap();
    let mut all = Vec::new();
    for (group, rule, value) in rules_of(&file) {
        let name = value.get("alert").or_else(|| value.get("record")).unwrap();
        let name = name.as_str().unwrap();
        let severity = value
            .get("labels")
            .map_or("", |labels| labels["severity"].as_str().unwrap_or_default());
        let mut add = |what: &str, change: &dyn Fn(&mut Value)| {
            let mut file = file.clone();
            change(&mut file["groups"][group]["rules"][rule]);
            all.push(Changed {
                stage,
                name: name.to_owned(),
                what: format!("{stage}: {name} {severity}: {what}"),
                text: serde_yaml_ng::to_string(&file).unwrap(),
            });
        };
        for mutant in mutants(value["expr"].as_str().unwrap()) {
            let what = format!("{}: {}", mutant.change, mutant.expr);
            add(&what, &|it| it["expr"] = mutant.expr.clone().into());
        }
        for field in ["for", "keep_firing_for"] {
            if value.get(field).is_some() {
                add(&format!("`{field}` was dropped"), &|it| {
                    it.as_mapping_mut().unwrap().remove(field);
                });
            }
        }
    }
    all
}

/// The unit tests of a file that name a rule: the others could not see a change of it, and take time.
fn tests_of(name: &str, file: &str) -> String {
    let mut tests: Value =
        serde_yaml_ng::from_str(&files::read(&format!("alerts/{file}"))).unwrap();
    let groups = tests["tests"].as_sequence_mut().unwrap();
    groups.retain(|group| serde_yaml_ng::to_string(group).unwrap().contains(name));
    assert!(!groups.is_empty(), "{file} has no test of {name}");
    serde_yaml_ng::to_string(&tests).unwrap()
}

/// Whether the unit tests of the stage that name the rule fail on the changed file.
fn is_seen(changed: &Changed) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let below = |path: &str| folder.path().join(path);
    fs::create_dir_all(below("rules")).unwrap();
    fs::create_dir_all(below("tests")).unwrap();
    let recording = Path::new(files::ROOT).join("alerts/rules/recording.yml");
    fs::copy(recording, below("rules/recording.yml")).unwrap();
    let tests = format!("tests/{}.yml", changed.stage);
    fs::write(below(&tests), tests_of(&changed.name, &tests)).unwrap();
    let rules = below(&format!("rules/{}.yml", changed.stage));
    fs::write(rules, &changed.text).unwrap();
    let tests = below(&tests);
    let tested = run("promtool", ["test", "rules", tests.to_str().unwrap()]);
    !tested.status.success()
}

/// Those that no test sees.
fn unseen(all: &[Changed]) -> Vec<&str> {
    let next = AtomicUsize::new(0);
    let look = || {
        let mut found = Vec::new();
        while let Some(changed) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !is_seen(changed) {
                println!("no test sees {}", changed.what);
                found.push(changed.what.as_str());
            }
        }
        found
    };
    thread::scope(|scope| {
        let lookers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(look)).collect();
        let found = lookers.into_iter().map(|looker| looker.join().unwrap());
        found.flatten().collect()
    })
}

#[test]
fn no_rule_can_be_changed_without_a_test_that_fails() {
    let stages = STAGES.into_iter().chain(["recording"]);
    let all: Vec<Changed> = stages.flat_map(changed).collect();
    // About five for each of more than forty rules: fewer, and most of them were not made.
    assert!(all.len() > 200, "only {} mutants", all.len());
    let survivors = unseen(&all);
    println!("{} mutants, {} survive", all.len(), survivors.len());
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

#[test]
fn a_file_without_a_change_passes_so_that_a_change_is_what_is_seen() {
    for stage in STAGES {
        let text = files::read(&format!("alerts/rules/{stage}.yml"));
        let file: Value = serde_yaml_ng::from_str(&text).unwrap();
        let same = Changed {
            stage,
            name: String::new(),
            what: String::new(),
            text: serde_yaml_ng::to_string(&file).unwrap(),
        };
        assert!(!is_seen(&same), "{stage}");
    }
}
