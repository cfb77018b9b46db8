//! A planted fault for every rule of the linter, each found by its rule.
//!
//! The rules themselves belong to the parent.

use serde_json::{Value, json};

use super::{RULES, lint};
use crate::files::{Board, boards};

type Plant = fn(&mut Value);

const FAULTS: [(&str, Plant); 17] = [
    ("template-datasource", |board| {
        variable(board, "datasource")["name"] = json!("source")
    }),
    ("template-job", |board| {
        variable(board, "job")["allValue"] = json!(".*")
    }),
    ("template-instance", |board| {
        variable(board, "instance")["multi"] = json!(false)
    }),
    ("template-label-promql", |board| {
        variable(board, "job")["query"]["query"] = json!("label_values(up{, job)");
    }),
    ("template-on-time-change-reload", |board| {
        variable(board, "job")["refresh"] = json!(1)
    }),
    ("panel-datasource", |board| {
        panel(board)["datasource"]["uid"] = json!("prometheus-1")
    }),
    ("panel-title-description", |board| {
        panel(board)["description"] = json!("")
    }),
    ("panel-units", |board| {
        panel(board)["fieldConfig"]["defaults"]["unit"] = json!("players")
    }),
    ("panel-no-targets", |board| {
        panel(board)["targets"] = json!([])
    }),
    ("target-logql", |board| {
        loki(board, "sum(rate({job=\"a\"}[$__auto])")
    }),
    ("target-logql-auto", |board| {
        loki(board, "sum(rate({job=\"a\"}[5m]))")
    }),
    ("target-promql", |board| {
        ask(board, "max(up{job=~\"$job\", instance=~\"$instance\"}")
    }),
    ("target-rate-interval", |board| {
        ask(
            board,
            "rate(a_total{job=~\"$job\", instance=~\"$instance\"}[5m])",
        );
    }),
    ("target-job", |board| {
        ask(board, "up{job=\"$job\", instance=~\"$instance\"}")
    }),
    ("target-instance", |board| ask(board, "up{job=~\"$job\"}")),
    ("target-counter-agg", |board| {
        ask(
            board,
            "sum(a_total{job=~\"$job\", instance=~\"$instance\"})",
        );
    }),
    ("uneditable-dashboard", |board| {
        board["editable"] = json!(true)
    }),
];

fn variable<'a>(board: &'a mut Value, name: &str) -> &'a mut Value {
    let list = board["templating"]["list"].as_array_mut().unwrap();
    list.iter_mut().find(|it| it["name"] == name).unwrap()
}

fn panel(board: &mut Value) -> &mut Value {
    &mut board["panels"][0]
}

fn ask(board: &mut Value, expr: &str) {
    panel(board)["targets"][0]["expr"] = json!(expr);
}

fn loki(board: &mut Value, expr: &str) {
    panel(board)["targets"][0]["datasource"]["type"] = json!("loki");
    ask(board, expr);
}

#[test]
fn each_rule_of_the_linter_finds_its_planted_fault() {
    assert_eq!(FAULTS.map(|(rule, _)| rule), RULES);
    for (rule, plant) in FAULTS {
        let Board { file, mut json } = boards().pop().unwrap();
        plant(&mut json);
        let found = lint(&Board { file, json });
        let rules: Vec<&str> = found.iter().map(|it| it.rule).collect();
        assert_eq!(rules, [rule], "{found:#?}");
    }
}
