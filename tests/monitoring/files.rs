//! The shipped rules and dashboards, read as their users' servers read them.
//!
//! Nothing is judged here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

/// The project's folder.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One alerting or recording rule.
#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    /// Its file, from the project's folder on.
    #[serde(skip)]
    pub file: String,
    /// Its name, if it alerts.
    pub alert: Option<String>,
    /// The name of what it records, otherwise.
    pub record: Option<String>,
    /// Its expression.
    pub expr: String,
    /// How long it holds before it fires.
    #[serde(default, rename = "for")]
    pub pending: Option<String>,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// Its name, whatever it does.
    pub fn name(&self) -> &str {
        self.alert
            .as_deref()
            .or(self.record.as_deref())
            .unwrap_or_default()
    }

    /// Where it stands, for people.
    pub fn place(&self) -> String {
        format!("{}: {}", self.file, self.name())
    }
}

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// Every rule that ships.
pub fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for path in paths("alerts/rules", "yml") {
        let file: RuleFile = serde_yaml_ng::from_str(&read(&path)).unwrap_or_else(|error| {
            panic!("{path}: {error}");
        });
        for mut rule in file.groups.into_iter().flat_map(|group| group.rules) {
            rule.file.clone_from(&path);
            rules.push(rule);
        }
    }
    rules
}

/// A dashboard that ships.
#[derive(Debug, Clone)]
pub struct Board {
    /// Its file, from the project's folder on.
    pub file: String,
    /// What it says.
    pub json: Value,
}

/// An expression somewhere in a dashboard.
#[derive(Debug, Clone)]
pub struct Query {
    /// Where it stands, for people.
    pub place: String,
    /// The expression, its variables still in it.
    pub expr: String,
}

/// Every dashboard that ships.
pub fn boards() -> Vec<Board> {
    let paths = paths("dashboards", "json").into_iter();
    paths
        .map(|file| Board {
            json: serde_json::from_str(&read(&file)).unwrap_or_else(|e| panic!("{file}: {e}")),
            file,
        })
        .collect()
}

impl Board {
    /// Its panels, those inside of rows included, rows excepted.
    pub fn panels(&self) -> Vec<&Value> {
        let outer = list(&self.json, "panels");
        let inner = outer.iter().flat_map(|panel| list(panel, "panels"));
        outer
            .iter()
            .chain(inner)
            .filter(|panel| panel["type"] != "row")
            .collect()
    }

    /// The expressions of its panels.
    pub fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            for target in list(panel, "targets") {
                queries.push(Query {
                    place: format!(
                        "{}: panel {}, {}",
                        self.file, panel["title"], target["refId"]
                    ),
                    expr: text(&target["expr"]),
                });
            }
        }
        queries
    }

    /// The expressions of its annotations, and of its variables the `query_result` and `label_values` ones, whole.
    pub fn others(&self) -> Vec<Query> {
        let annotations = list(&self.json["annotations"], "list")
            .iter()
            .map(|it| Query {
                place: format!("{}: annotation {}", self.file, it["name"]),
                expr: text(&it["expr"]),
            });
        let variables = list(&self.json["templating"], "list")
            .iter()
            .map(|it| Query {
                place: format!("{}: variable {}", self.file, it["name"]),
                expr: text(it["query"].get("query").unwrap_or(&it["query"])),
            });
        annotations
            .chain(variables)
            .filter(|query| !query.expr.is_empty())
            .collect()
    }
}

/// A file of the project.
pub fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder of the project that end so, in order.
pub fn paths(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == extension));
    paths.sort();
    paths
        .iter()
        .map(|path| format!("{folder}/{}", path.file_name().unwrap().to_string_lossy()))
        .collect()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
