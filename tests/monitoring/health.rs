//! The daily health check, asked of an embedded warehouse after a played night and after one on which nothing happened.
//!
//! BigQuery's text is held to the same rows by `tests/tools/bigquery.py`.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{files::read, processes::run};

/// A small night, with the day before it and the day after, on which nothing was written.
const NIGHT: &str = "2025-12-30";
const BEFORE: &str = "2025-12-29";
const AFTER: &str = "2025-12-31";
/// How the saved query says its span.
const SPAN: &str = "SELECT date('now', '-6 days'), date('now')";

fn tipoff(arguments: &[&str]) -> String {
    let output = run(env!("CARGO_BIN_EXE_tipoff"), arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of the saved query, by night.
fn health(data: &Path) -> BTreeMap<String, Value> {
    let text = read("docs/queries/daily-health-check.sql");
    assert!(text.contains(SPAN), "the query has no span to replace");
    let span = format!("SELECT '{BEFORE}', '{AFTER}'");
    let data = data.display().to_string();
    let text = text.replace(SPAN, &span);
    let answer = tipoff(&["warehouse", "--data", &data, "query", "--json", "--", &text]);
    let rows = answer
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    rows.map(|row: Value| (row["game_date"].as_str().unwrap().to_owned(), row))
        .collect()
}

#[test]
fn the_daily_health_check_has_a_row_for_a_night_and_for_one_on_which_nothing_happened() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let story = tipoff(&[
        "demo", "--exit", "--night", NIGHT, "--port", "0", "--data", &data,
    ]);
    let mut plays = fs::read_dir(folder.path()).unwrap();
    let rows = health(&plays.next().unwrap().unwrap().path());
    let dates: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(dates, [BEFORE, NIGHT, AFTER]);
    for date in [BEFORE, AFTER] {
        let row = &rows[date];
        assert_eq!(row["verdict"], "nothing recorded", "{row}");
        assert_eq!(
            (&row["predicted"], &row["expected"]),
            (&0.into(), &0.into()),
            "{row}"
        );
        for unknown in [
            "upstream_done_at",
            "started_at",
            "started_by",
            "latency_seconds",
        ] {
            assert!(row[unknown].is_null(), "{row}");
        }
    }
    let row = &rows[NIGHT];
    assert_eq!(row["verdict"], "met", "{row}");
    let predicted = format!(": {} predicted", row["predicted"]);
    assert!(story.contains(&predicted), "{row}: {story}");
    assert!(
        row["expected"].as_u64() >= row["predicted"].as_u64(),
        "{row}"
    );
    let started_by = row["started_by"].as_str().unwrap();
    assert!(
        ["event", "catch-up", "backup"].contains(&started_by),
        "{row}"
    );
    assert!(
        row["upstream_done_at"].as_str() <= row["started_at"].as_str(),
        "{row}"
    );
    assert!(
        row["latency_seconds"].as_i64().is_some_and(|it| it >= 0),
        "{row}"
    );
}

#[test]
fn the_daily_health_check_has_a_row_for_every_night_of_an_empty_warehouse() {
    let folder = tempfile::tempdir().unwrap();
    let rows = health(folder.path());
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(
        rows.values()
            .all(|row| row["verdict"] == "nothing recorded")
    );
}
