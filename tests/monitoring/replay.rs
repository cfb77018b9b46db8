//! A whole season of metrics in a real Prometheus: every rule, panel, variable and annotation is evaluated on it.
//!
//! What each rule should say on a made-up series belongs to `alerts/tests`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tipoff::{demo::night::Night, domain::policy::Policy, telemetry::show::unix_seconds};

use crate::{
    files::{Board, Rule, boards, paths, read, rules},
    places::{self, Text, Variables},
    prometheus::{Prometheus, Series, import},
};

/// Nights looked at first: two good ones, workers gone, nobody ready, no games.
const CHOSEN: [&str; 5] = [
    "2025-12-30",
    "2026-01-11",
    "2026-02-13",
    "2026-02-24",
    "2026-03-02",
];

/// How long after its deadline a night is looked at.
const AFTER_SECONDS: f64 = 600.0;

/// What a panel's description says where it has nothing to show on a night on which all is well.
const MAY_BE_EMPTY: &str = "May be empty:";

/// When to look at a night.
#[derive(Debug, Clone)]
struct Looked {
    date: String,
    opens: f64,
    deadline: f64,
    instants: Vec<f64>,
}

/// The instants of every remembered night: before the dispatch, during, at the deadline, ten minutes after it.
async fn nights(prometheus: &Prometheus) -> Vec<Looked> {
    let mut nights = Vec::new();
    for night in Night::all() {
        let instants = Policy::phase4_to_phase5().instants(night.game_date);
        let opens = unix_seconds(instants.opens_at);
        let deadline = unix_seconds(instants.deadline_at);
        let asked = "max(tipoff_run_dispatched_timestamp_seconds) > 0";
        let dispatched = prometheus.at(asked, deadline).await.unwrap();
        let dispatched = dispatched
            .first()
            .and_then(|series| series.values.first()?.1.parse().ok())
            // Nothing was: two hours before the deadline it could still have been.
            .unwrap_or(deadline - 7_200.0);
        nights.push(Looked {
            date: night.game_date.to_string(),
            opens,
            deadline,
            instants: vec![
                dispatched - 120.0,
                dispatched + 60.0,
                deadline,
                deadline + AFTER_SECONDS,
            ],
        });
    }
    nights
}

/// Plays the season into a file with the built program; its lines, one a night.
fn play(folder: &Path, metrics: &Path) -> String {
    let played = Command::new(env!("CARGO_BIN_EXE_tipoff"))
        .args(["demo", "--season", "--exit", "--port", "0"])
        .arg("--metrics")
        .arg(metrics)
        .arg("--data")
        .arg(folder.join("demo"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&played.stdout).into_owned();
    let failed = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{told}\n{failed}");
    told
}

/// What rules leave behind in a Prometheus that evaluates them: recorded series and `ALERTS`.
#[derive(Default)]
struct Left(BTreeMap<String, BTreeMap<String, Vec<(f64, String)>>>);

impl Left {
    fn put(&mut self, name: &str, series: &Series, own: &BTreeMap<String, String>) {
        let mut labels: BTreeMap<&str, &str> = series
            .labels
            .iter()
            .filter(|(label, _)| *label != "__name__")
            .map(|(label, value)| (label.as_str(), value.as_str().unwrap_or_default()))
            .collect();
        labels.extend(own.iter().map(|(label, value)| (&**label, &**value)));
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}={value:?}"))
            .collect();
        let family = self.0.entry(name.to_owned()).or_default();
        let values = family.entry(labels.join(",")).or_default();
        values.extend(series.values.iter().cloned());
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            let _ = writeln!(text, "# TYPE {name} unknown");
            for (labels, values) in family {
                for (at, value) in values {
                    let _ = writeln!(text, "{name}{{{labels}}} {value} {at:.3}");
                }
            }
        }
        text + "# EOF\n"
    }
}

/// Rules with the nights on which each returned something.
type Returned = Vec<(Rule, Vec<String>)>;

/// Evaluates the rules over every night; what each returned, and what they leave behind.
async fn evaluate(prometheus: &Prometheus, rules: &[&Rule], nights: &[Looked]) -> (Returned, Left) {
    let mut returned = Returned::new();
    let mut left = Left::default();
    for rule in rules {
        let mut on = Vec::new();
        for night in nights {
            let until = night.deadline + AFTER_SECONDS;
            let series = prometheus.over(&rule.expr, night.opens, until).await;
            let series = series.unwrap_or_else(|error| panic!("{}: {error}", rule.place()));
            if series.iter().any(|series| !series.values.is_empty()) {
                on.push(night.date.clone());
            }
            for one in &series {
                leave(&mut left, rule, one);
            }
        }
        returned.push(((*rule).clone(), on));
    }
    (returned, left)
}

fn leave(left: &mut Left, rule: &Rule, series: &Series) {
    let mut own = rule.labels.clone();
    let Some(alert) = &rule.alert else {
        left.put(rule.name(), series, &own);
        return;
    };
    own.insert("alertname".to_owned(), alert.clone());
    own.insert("alertstate".to_owned(), "firing".to_owned());
    // A value made by a template is not one of the rule's own labels, and no matcher names it.
    own.retain(|_, value| !value.contains("{{"));
    let mut firing = series.clone();
    firing.values = held(&series.values, pending_seconds(rule));
    for (_, value) in &mut firing.values {
        "1".clone_into(value);
    }
    left.put("ALERTS", &firing, &own);
}

/// The values that come after the expression has held for so long without a minute's break.
fn held(values: &[(f64, String)], seconds: f64) -> Vec<(f64, String)> {
    let mut since: Option<f64> = None;
    let mut last = f64::NEG_INFINITY;
    let mut held = Vec::new();
    for (at, value) in values {
        if *at - last > 61.0 {
            since = None;
        }
        last = *at;
        if *at - *since.get_or_insert(*at) >= seconds {
            held.push((*at, value.clone()));
        }
    }
    held
}

fn pending_seconds(rule: &Rule) -> f64 {
    let Some(pending) = &rule.pending else {
        return 0.0;
    };
    let length = tipoff::domain::seconds::parse(pending);
    length
        .unwrap_or_else(|| panic!("{}: for {pending}", rule.place()))
        .as_seconds_f64()
}

/// What rule tests expect to fire or to be recorded: names, with the severity where there is one.
fn shown_by_tests() -> BTreeSet<(String, String)> {
    let files = paths("alerts/tests", "yml");
    let tests = files.iter().flat_map(|path| {
        let file: Value = serde_yaml_ng::from_str(&read(path)).unwrap();
        list(&file, "tests")
    });
    tests.flat_map(|test| shown_by(&test)).collect()
}

fn shown_by(test: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alerts = list(test, "alert_rule_test").into_iter().flat_map(|alert| {
        let expected = list(&alert, "exp_alerts").into_iter();
        let one = |it: Value| {
            (
                text(&alert["alertname"]),
                text(&it["exp_labels"]["severity"]),
            )
        };
        expected.map(one).collect::<Vec<_>>()
    });
    let recorded = list(test, "promql_expr_test")
        .into_iter()
        .filter(|asked| !list(asked, "exp_samples").is_empty())
        .map(|asked| (text(&asked["expr"]), String::new()));
    alerts.chain(recorded).collect()
}

fn list(value: &Value, name: &str) -> Vec<Value> {
    value[name].as_array().cloned().unwrap_or_default()
}

/// A panel with its queries, and whether it may be empty.
struct Panel {
    place: String,
    may_be_empty: bool,
    queries: Vec<String>,
}

fn panels(board: &Board) -> Vec<Panel> {
    let variables = Variables::of(&board.json);
    board
        .panels()
        .into_iter()
        .map(|panel| {
            let description = panel["description"].as_str().unwrap_or_default();
            let targets = panel["targets"].as_array().into_iter().flatten();
            Panel {
                place: format!("{}: panel {}", board.file, panel["title"]),
                may_be_empty: description.contains(MAY_BE_EMPTY),
                queries: targets
                    .filter_map(|target| target["expr"].as_str())
                    .map(|expr| variables.fill(expr))
                    .collect(),
            }
        })
        .filter(|panel| !panel.queries.is_empty())
        .collect()
}

/// What is wrong with a panel: an error, or nothing to show where there should be.
async fn look_at(prometheus: &Prometheus, panel: &Panel, nights: &[Looked]) -> Vec<String> {
    let mut faults = BTreeSet::new();
    let mut shows = false;
    let chosen = nights
        .iter()
        .filter(|night| CHOSEN.contains(&night.date.as_str()));
    for at in chosen.flat_map(|night| &night.instants) {
        for query in &panel.queries {
            match prometheus.at(query, *at).await {
                Ok(series) => shows |= !series.is_empty(),
                Err(error) => drop(faults.insert(format!("{}: {error}: {query}", panel.place))),
            }
        }
    }
    if shows || !faults.is_empty() {
        return faults.into_iter().collect();
    }
    if !panel.may_be_empty {
        let fault = "is empty at every chosen instant, and does not say that it may be";
        return vec![format!("{}: {fault}", panel.place)];
    }
    for night in nights {
        for query in &panel.queries {
            let until = night.deadline + AFTER_SECONDS;
            let series = prometheus.over(query, night.opens, until).await;
            if series.is_ok_and(|series| !series.is_empty()) {
                return Vec::new();
            }
        }
    }
    vec![format!("{}: is empty all season long", panel.place)]
}

/// The queries of variables and annotations return without an error.
async fn look_at_others(prometheus: &Prometheus, board: &Board, nights: &[Looked]) -> Vec<String> {
    let queries: BTreeSet<String> = board.queries().into_iter().map(|it| it.place).collect();
    let mut faults = Vec::new();
    for place in places::of_board(board) {
        if queries.contains(&place.name) {
            continue;
        }
        let (Text::Expression(expr) | Text::LabelOf(expr, _)) = &place.text else {
            continue;
        };
        let chosen = nights
            .iter()
            .filter(|it| CHOSEN.contains(&it.date.as_str()));
        for at in chosen.flat_map(|night| &night.instants) {
            if let Err(error) = prometheus.at(expr, *at).await {
                faults.push(format!("{}: {error}", place.name));
            }
        }
    }
    faults.dedup();
    faults
}

/// Where a played season's blocks are kept and taken from, for whoever changes rules and panels: playing takes minutes.
const KEPT: &str = "TIPOFF_SEASON";

/// Fills the folder with the season's blocks: plays it, unless it was kept.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment what it may keep"
)]
fn season(folder: &Path) {
    let kept = std::env::var_os(KEPT).map(PathBuf::from);
    let blocks = folder.join("blocks");
    if let Some(kept) = kept.as_deref().filter(|kept| kept.is_dir()) {
        copy(kept, &blocks);
        return;
    }
    let metrics = folder.join("season.txt");
    print!("{}", play(folder, &metrics));
    import(&metrics, folder).unwrap();
    fs::remove_file(&metrics).unwrap();
    if let Some(kept) = kept {
        copy(&blocks, &kept);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A Prometheus with the season's metrics and with what the shipped rules make of them, and what each rule returned.
async fn played(folder: &Path) -> (Prometheus, Vec<Looked>, Returned) {
    season(folder);
    let rules = rules();
    let (recording, alerting): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().partition(|rule| rule.record.is_some());
    let mut prometheus = Prometheus::on(folder).await;
    let nights = nights(&prometheus).await;
    let mut returned = Returned::new();
    // Alerts and panels look at what is recorded, panels and annotations at alerts.
    for (number, stage) in [recording, alerting].iter().enumerate() {
        let (on, left) = evaluate(&prometheus, stage, &nights).await;
        returned.extend(on);
        let file = folder.join(format!("left-{number}.txt"));
        fs::write(&file, left.text()).unwrap();
        drop(prometheus);
        if !left.0.is_empty() {
            import(&file, folder).unwrap();
        }
        prometheus = Prometheus::on(folder).await;
    }
    (prometheus, nights, returned)
}

#[tokio::test]
async fn every_rule_and_every_panel_works_on_a_whole_season() {
    let folder = tempfile::tempdir().unwrap();
    let (prometheus, nights, returned) = played(folder.path()).await;
    let tested = shown_by_tests();
    let mut faults = Vec::new();
    for (rule, on) in &returned {
        let severity = rule.labels.get("severity").cloned().unwrap_or_default();
        let shown = tested.contains(&(rule.name().to_owned(), severity.clone()));
        let (place, count) = (rule.place(), on.len());
        println!("{place} {severity}: on {count} nights {on:?}; by its test: {shown}");
        if on.is_empty() && !shown {
            faults.push(format!(
                "{place}: returns nothing all season long, and no test has it return anything"
            ));
        }
    }
    for board in boards() {
        for panel in panels(&board) {
            faults.extend(look_at(&prometheus, &panel, &nights).await);
        }
        faults.extend(look_at_others(&prometheus, &board, &nights).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_no_openmetrics_is_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.txt");
    let whole = "# TYPE tipoff_steps counter\ntipoff_steps_total{handoff=\"one\"} 3 1768798800.250\n# EOF\n";
    fs::write(&file, whole.replace("# EOF\n", "")).unwrap();
    assert!(import(&file, folder.path()).is_err());
    fs::write(&file, whole).unwrap();
    import(&file, folder.path()).unwrap();
}

#[test]
fn an_expression_holds_only_without_a_break() {
    let values = |instants: &[f64]| -> Vec<(f64, String)> {
        instants.iter().map(|at| (*at, "5".to_owned())).collect()
    };
    let all = values(&[0.0, 60.0, 120.0, 300.0, 360.0]);
    assert_eq!(held(&all, 0.0), all);
    assert_eq!(held(&all, 120.0), values(&[120.0]));
    assert_eq!(held(&all, 60.0), values(&[60.0, 120.0, 360.0]));
}

#[test]
fn what_rules_leave_behind_is_written_with_their_labels() {
    let mut left = Left::default();
    let labels = serde_json::json!({"__name__": "x", "handoff": "one"});
    let series = Series {
        labels: labels.as_object().unwrap().clone(),
        values: vec![(60.0, "2.5".to_owned())],
    };
    left.put(
        "one:x",
        &series,
        &[("severity".to_owned(), "warning".to_owned())].into(),
    );
    assert_eq!(
        left.text(),
        "# TYPE one:x unknown\none:x{handoff=\"one\",severity=\"warning\"} 2.5 60.000\n# EOF\n"
    );
}
