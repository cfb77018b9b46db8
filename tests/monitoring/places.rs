//! Every place that may name a metric: rules, their tests, panels, variables, annotations and documents.
//!
//! What may be named is judged in `catalogue`; Grafana's variables get their values here.

use serde::Deserialize;
use serde_json::Value;

use crate::files::{Board, ROOT, Rule, paths, read};

/// A place that names metrics.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it is, for people.
    pub name: String,
    /// What stands there.
    pub text: Text,
}

/// What stands at a place.
#[derive(Debug, Clone)]
pub enum Text {
    /// An expression whose variables have values.
    Expression(String),
    /// The labels that are asked of an expression: a variable's choices.
    LabelOf(String, String),
    /// Prose.
    Words(String),
}

impl Place {
    fn expression(name: String, expr: &str) -> Self {
        let text = Text::Expression(expr.to_owned());
        Self { name, text }
    }
}

/// The rules' expressions.
pub fn of_rules(rules: &[Rule]) -> Vec<Place> {
    rules
        .iter()
        .map(|rule| Place::expression(format!("rule {}", rule.place()), &rule.expr))
        .collect()
}

#[derive(Deserialize)]
struct RuleTests {
    tests: Vec<RuleTest>,
}

#[derive(Deserialize)]
struct RuleTest {
    #[serde(default)]
    name: String,
    #[serde(default)]
    input_series: Vec<Input>,
    #[serde(default)]
    promql_expr_test: Vec<Asked>,
}

#[derive(Deserialize)]
struct Input {
    series: String,
}

#[derive(Deserialize)]
struct Asked {
    expr: String,
}

/// The series and expressions of the rules' tests.
pub fn of_rule_tests() -> Vec<Place> {
    let mut places = Vec::new();
    for path in paths("alerts/tests", "yml") {
        let file: RuleTests = serde_yaml_ng::from_str(&read(&path)).unwrap_or_else(|error| {
            panic!("{path}: {error}");
        });
        for test in file.tests {
            let name = format!("rule test {path}: {}", test.name);
            let series = test.input_series.iter().map(|it| &it.series);
            let asked = test.promql_expr_test.iter().map(|it| &it.expr);
            let texts = series.chain(asked);
            places.extend(texts.map(|expr| Place::expression(name.clone(), expr)));
        }
    }
    places
}

/// The panels, variables and annotations of a dashboard.
pub fn of_board(board: &Board) -> Vec<Place> {
    let variables = Variables::of(&board.json);
    let mut places = Vec::new();
    for query in board.queries() {
        places.push(Place::expression(query.place, &variables.fill(&query.expr)));
    }
    for query in board.others() {
        let filled = variables.fill(&query.expr);
        let Some(text) = asked(&filled, &query.place) else {
            continue;
        };
        let name = query.place;
        places.push(Place { name, text });
    }
    places
}

/// What a variable or an annotation asks; nothing where it has fixed choices.
fn asked(query: &str, place: &str) -> Option<Text> {
    let inner = |function: &str| {
        let rest = query.trim().strip_prefix(function)?.trim_start();
        rest.strip_prefix('(')?.strip_suffix(')').map(str::to_owned)
    };
    if let Some(inner) = inner("label_values") {
        let (expr, label) = inner.rsplit_once(',').unwrap_or(("up", &inner));
        return Some(Text::LabelOf(
            expr.trim().to_owned(),
            label.trim().to_owned(),
        ));
    }
    if let Some(inner) = inner("query_result") {
        return Some(Text::Expression(inner));
    }
    place
        .contains(": annotation ")
        .then(|| Text::Expression(query.to_owned()))
}

/// The documents that speak of metrics: prose as words, fenced PromQL as expressions.
pub fn of_documents() -> Vec<Place> {
    let mut documents = vec!["README.md".to_owned()];
    for folder in [
        "docs",
        "docs/decisions",
        "docs/runbooks",
        "alerts",
        "dashboards",
    ] {
        if std::path::Path::new(ROOT).join(folder).is_dir() {
            documents.extend(paths(folder, "md"));
        }
    }
    documents
        .iter()
        .flat_map(|path| of_document(path, &read(path)))
        .collect()
}

/// One document's places.
pub fn of_document(path: &str, text: &str) -> Vec<Place> {
    let variables = Variables::default();
    let words = Place {
        name: format!("document {path}"),
        text: Text::Words(text.to_owned()),
    };
    let fences = text.split("```promql\n").skip(1);
    let fenced = fences.map(|rest| {
        let expr = rest.split("```").next().unwrap_or_default();
        Place::expression(format!("document {path}: fenced"), &variables.fill(expr))
    });
    std::iter::once(words).chain(fenced).collect()
}

/// The values that a dashboard's variables get.
#[derive(Debug, Clone, Default)]
pub struct Variables(Vec<(String, String)>);

/// What Grafana sets by itself; the range is a night's.
const OWN: [(&str, &str); 9] = [
    ("__rate_interval_ms", "300000"),
    ("__rate_interval", "5m"),
    ("__interval_ms", "60000"),
    ("__interval", "1m"),
    ("__range_ms", "43200000"),
    ("__range_s", "43200"),
    ("__range", "12h"),
    ("__from", "1768111200000"),
    ("__to", "1768154400000"),
];

impl Variables {
    /// A chosen one as it is first shown, every other one as all there are.
    pub fn of(board: &Value) -> Self {
        let list = board["templating"]["list"].as_array();
        let list = list.map_or(&[][..], Vec::as_slice);
        let own = list.iter().map(|it| {
            let name = it["name"].as_str().unwrap_or_default().to_owned();
            (name, first(it))
        });
        Self(own.collect())
    }

    /// The expression with values in place of `$name`, `${name}` and `${name:format}`.
    pub fn fill(&self, expr: &str) -> String {
        let mut filled = String::new();
        let mut rest = expr;
        while let Some((before, after)) = rest.split_once('$') {
            filled += before;
            let (name, next) = name(after);
            match self.value(name) {
                Some(value) => filled += value,
                None => {
                    filled.push('$');
                    rest = after;
                    continue;
                }
            }
            rest = next;
        }
        filled + rest
    }

    fn value(&self, name: &str) -> Option<&str> {
        let own = OWN.iter().copied();
        let given = self.0.iter().map(|(name, value)| (&**name, &**value));
        given
            .chain(own)
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// The name at the start of a text behind a `$`, and what follows it.
fn name(after: &str) -> (&str, &str) {
    if let Some(braced) = after.strip_prefix('{')
        && let Some((inner, next)) = braced.split_once('}')
    {
        return (inner.split(':').next().unwrap_or(inner), next);
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
    after.split_at(end)
}

/// A custom variable's first value; every value of one that asks.
fn first(variable: &Value) -> String {
    let query = variable["query"].as_str().unwrap_or_default();
    match variable["type"].as_str() {
        Some("custom" | "interval") => {
            let first = query.split(',').next().unwrap_or_default();
            let value = first.rsplit(" : ").next().unwrap_or(first);
            value.trim().to_owned()
        }
        Some("constant" | "textbox") => query.to_owned(),
        _ => ".+".to_owned(),
    }
}

#[test]
fn variables_get_their_values_and_other_dollars_stay() {
    let board = serde_json::json!({"templating": {"list": [
        {"name": "window", "type": "custom", "query": "30 nights : 30_nights,season"},
        {"name": "job", "type": "query", "query": "label_values(up, job)"},
        {"name": "jobs", "type": "constant", "query": "many"},
    ]}});
    let variables = Variables::of(&board);
    for (expr, filled) in [
        ("rate(x[$__rate_interval])", "rate(x[5m])"),
        (
            "x{a=\"$window\",b=~\"${job:regex}\"}",
            "x{a=\"30_nights\",b=~\".+\"}",
        ),
        ("[$__range] ${__range_s} $jobs", "[12h] 43200 many"),
        (
            "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)$\")",
            "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)$\")",
        ),
        ("$unknown ${unknown}", "$unknown ${unknown}"),
    ] {
        assert_eq!(variables.fill(expr), filled);
    }
}

#[test]
fn a_variable_asks_for_a_label_or_a_result_and_a_document_has_words_and_fences() {
    let text = |query| format!("{:?}", asked(query, "x: variable \"job\""));
    assert_eq!(
        text("label_values(up{a=\"b\"}, job)"),
        "Some(LabelOf(\"up{a=\\\"b\\\"}\", \"job\"))"
    );
    assert_eq!(
        text("query_result(sum(up))"),
        "Some(Expression(\"sum(up)\"))"
    );
    assert_eq!(text("one,two"), "None");
    let places = of_document(
        "a.md",
        "x\n```promql\nup == 0\n```\ny\n```promql\nup\n```\n",
    );
    assert_eq!(places.len(), 3);
    assert!(matches!(&places[1].text, Text::Expression(expr) if expr == "up == 0\n"));
}
