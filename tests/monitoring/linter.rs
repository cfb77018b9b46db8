//! The rules of Grafana's dashboard linter (<https://github.com/grafana/dashboard-linter>), without an exclusion.
//!
//! Whether a query finds anything is asked of a real server elsewhere; whether the JSON is what Grafana takes, by its
//! types, in `schema`.

mod faults;
pub mod queries;
mod units;

use serde_json::Value;

use crate::files::{Board, boards, read};

/// The linter's rules by name.
pub const RULES: [&str; 17] = [
    "template-datasource",
    "template-job",
    "template-instance",
    "template-label-promql",
    "template-on-time-change-reload",
    "panel-datasource",
    "panel-title-description",
    "panel-units",
    "panel-no-targets",
    "target-logql",
    "target-logql-auto",
    "target-promql",
    "target-rate-interval",
    "target-job",
    "target-instance",
    "target-counter-agg",
    "uneditable-dashboard",
];

/// What a rule found.
#[derive(Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// Where, and what.
    pub what: String,
}

fn finding(rule: &'static str, what: impl Into<String>) -> Finding {
    let what = what.into();
    Finding { rule, what }
}

/// Everything that the linter finds in a dashboard.
pub fn lint(board: &Board) -> Vec<Finding> {
    let mut found = templates(&board.json);
    if board.json["editable"] != Value::Bool(false) {
        found.push(finding("uneditable-dashboard", "it can be edited"));
    }
    for panel in board.panels() {
        found.extend(panel_findings(panel));
        for target in items(&panel["targets"]) {
            let expr = text(&target["expr"]);
            let loki = target["datasource"]["type"] == "loki";
            let queries = if loki {
                queries::logql(expr)
            } else {
                queries::promql(expr)
            };
            let place = format!("{}, {}", panel["title"], target["refId"]);
            let named = |(rule, what)| finding(rule, format!("{place}: {what}"));
            found.extend(queries.into_iter().map(named));
        }
    }
    found
}

fn templates(json: &Value) -> Vec<Finding> {
    let list = items(&json["templating"]["list"]);
    let mut found = Vec::new();
    let sources: Vec<&Value> = list
        .iter()
        .filter(|it| it["type"] == "datasource")
        .collect();
    let named = |it: &&Value| it["name"] == "datasource" && it["label"] == "Data source";
    if sources.len() != 1 || !sources.iter().all(named) {
        let what = "not one data source variable, named `datasource`, labelled `Data source`";
        found.push(finding("template-datasource", what));
    }
    let both = [
        ("template-job", "job", "Job"),
        ("template-instance", "instance", "Instance"),
    ];
    for (rule, name, label) in both {
        let good = |it: &Value| {
            it["name"] == name
                && it["label"] == label
                && it["type"] == "query"
                && is_templated(&it["datasource"])
                && it["multi"] == Value::Bool(true)
                && it["includeAll"] == Value::Bool(true)
                && it["allValue"] == ".+"
        };
        if list.iter().filter(|it| good(it)).count() != 1 {
            found.push(finding(
                rule,
                format!("no multi-value `{name}` with `.+` for all"),
            ));
        }
    }
    for variable in list.iter().filter(|it| it["type"] == "query") {
        let name = text(&variable["name"]);
        let query = text(variable["query"].get("query").unwrap_or(&variable["query"]));
        if let Err(error) = queried(query) {
            found.push(finding("template-label-promql", format!("{name}: {error}")));
        }
        if variable["refresh"] != 2 {
            let rule = "template-on-time-change-reload";
            found.push(finding(rule, format!("{name} stays when the time changes")));
        }
    }
    found
}

/// The expression of a variable, if it is one.
fn queried(query: &str) -> Result<(), String> {
    let inside = |function: &str| {
        let rest = query.strip_prefix(function)?.trim_start();
        rest.strip_prefix('(')?.strip_suffix(')')
    };
    let expr = match (inside("label_values"), inside("query_result")) {
        (Some(inside), _) => inside.rsplit_once(',').map_or(inside, |(expr, _)| expr),
        (None, Some(inside)) => inside,
        (None, None) => return Err(format!("neither label_values nor query_result: {query}")),
    };
    queries::uses(expr).map(|_| ())
}

fn panel_findings(panel: &Value) -> Vec<Finding> {
    let title = text(&panel["title"]);
    let mut found = Vec::new();
    let targets = items(&panel["targets"]);
    let mut sources = targets.iter().chain([panel]).map(|it| &it["datasource"]);
    if !sources.all(is_templated) {
        found.push(finding(
            "panel-datasource",
            format!("{title}: a fixed data source"),
        ));
    }
    if title.is_empty() || text(&panel["description"]).is_empty() {
        found.push(finding(
            "panel-title-description",
            format!("panel {}", panel["id"]),
        ));
    }
    let config = &panel["fieldConfig"];
    let overridden = items(&config["overrides"])
        .iter()
        .flat_map(|it| items(&it["properties"]))
        .filter(|it| it["id"] == "unit")
        .map(|it| &it["value"]);
    let mut all_units = overridden.chain([&config["defaults"]["unit"]]);
    let known = |unit: &Value| units::UNITS.split_whitespace().any(|it| unit == it);
    if !all_units.all(known) {
        found.push(finding(
            "panel-units",
            format!("{title}: no unit of Grafana's"),
        ));
    }
    if targets.is_empty() {
        found.push(finding("panel-no-targets", title));
    }
    found
}

fn is_templated(source: &Value) -> bool {
    ["$datasource", "${datasource}"].contains(&text(&source["uid"]))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_linter_finds_nothing_in_what_ships() {
    let boards = boards();
    let names: Vec<&str> = boards.iter().map(|it| it.file.as_str()).collect();
    let shipped = ["season", "service", "tonight"].map(|it| format!("dashboards/{it}.json"));
    assert_eq!(names, shipped);
    for board in boards {
        let found = lint(&board);
        let told: Vec<String> = found
            .iter()
            .map(|it| format!("{}: {}", it.rule, it.what))
            .collect();
        assert!(told.is_empty(), "{}: {told:#?}", board.file);
    }
}

#[test]
fn every_metric_of_a_panel_is_in_the_catalogue_or_recorded() {
    let catalogue = read("docs/metrics.md");
    let recorded = read("alerts/rules/recording.yml");
    let of_others = [
        "up",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    ];
    for query in boards().iter().flat_map(|it| {
        let annotations = it.others().into_iter();
        it.queries()
            .into_iter()
            .chain(annotations.filter(|it| !it.expr.starts_with("label_values")))
            .filter(|it| !it.place.contains("variable"))
    }) {
        let uses = queries::uses(&query.expr).unwrap_or_else(|e| panic!("{}: {e}", query.place));
        assert!(!uses.is_empty(), "{} asks for nothing", query.place);
        for one in uses {
            let name = one.name().trim_end_matches("_bucket");
            let known = catalogue.contains(&format!("`{name}`"))
                || recorded.contains(&format!("record: {name}\n"))
                || of_others.contains(&name);
            assert!(known, "{}: nobody measures `{name}`", query.place);
        }
    }
}

#[track_caller]
fn assert_links(panel: &Value, place: &str) {
    for link in items(&panel["fieldConfig"]["defaults"]["links"]) {
        let url = text(&link["url"]);
        let name = url.strip_prefix("http://${runbook_host}/runbooks/");
        let name = name.unwrap_or_else(|| panic!("{place}: {url}"));
        if !name.starts_with("${") {
            assert!(!read(&format!("docs/runbooks/{name}.md")).is_empty());
        }
    }
}

#[test]
fn every_link_to_a_runbook_has_one_and_what_is_empty_says_when() {
    for board in boards() {
        for panel in board.panels() {
            let place = format!("{}: {}", board.file, panel["title"]);
            assert_links(panel, &place);
            let description = text(&panel["description"]);
            let said = description.split("May be empty: ").nth(1);
            assert_eq!(
                said.is_some(),
                description.to_lowercase().contains("empty"),
                "{place}"
            );
            assert!(description.ends_with('.'), "{place}");
            let steps = items(&panel["fieldConfig"]["defaults"]["thresholds"]["steps"]);
            assert!(!steps.is_empty(), "{place}: no thresholds");
        }
    }
}

#[test]
fn panels_do_not_overlap_and_the_first_screen_is_one() {
    for board in boards() {
        let mut taken = std::collections::BTreeMap::new();
        for panel in items(&board.json["panels"]) {
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(
                at("x") + at("w") <= 24,
                "{}: {}",
                board.file,
                panel["title"]
            );
            for cell in (at("y")..at("y") + at("h"))
                .flat_map(|y| (at("x")..at("x") + at("w")).map(move |x| (x, y)))
            {
                let other = taken.insert(cell, panel["title"].clone());
                assert_eq!(other, None, "{}: {}", board.file, panel["title"]);
            }
        }
    }
    let tonight = boards()
        .into_iter()
        .find(|it| it.file.ends_with("tonight.json"));
    let panels = &tonight.unwrap().json["panels"];
    let row = items(panels).iter().find(|it| it["type"] == "row").unwrap();
    // 900 pixels less Grafana's own 100, at 38 a row of the grid.
    assert!(row["gridPos"]["y"].as_u64().unwrap() * 38 <= 800);
}
