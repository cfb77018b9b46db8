//! Both warehouses answer every question the same: the embedded one, and BigQuery's adapter in front of an emulator.
//!
//! What goes wrong on the way to BigQuery belongs to `bigquery`.

mod rows;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    bigquery::{BigQueryWarehouse, Settings},
    clock::ManualClock,
    domain::{
        ids::{HandoffId, UnitId},
        plan::ListedUnit,
        readiness::Readiness,
    },
    google::{Endpoint, GoogleClient, Source, Tokens},
    ports::{Missing, Page, RunRecord, Scope, StoredRow, Warehouse},
    warehouse::{EmbeddedWarehouse, Format, read_instant},
};

use crate::{
    emulator::{Emulator, PROJECT},
    support::{date, instant},
};
use rows::{EMPTY, FULL, LISTED_ONLY, PROCESSORS};

const SEED: u64 = 20_260_119;
const TIMEOUT: Duration = Duration::from_secs(60);
const PAGES: [u32; 3] = [1, 7, 1000];

struct Scene {
    emulator: Emulator,
    bigquery: BigQueryWarehouse,
    embedded: EmbeddedWarehouse,
    _folder: TempDir,
}

async fn scene() -> Scene {
    let folder = TempDir::new().unwrap();
    let embedded = EmbeddedWarehouse::open(folder.path()).await.unwrap();
    let emulator = Emulator::start().await;
    emulator.create_tables().await;
    for (table, rows) in rows::made(SEED).0 {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        let loaded = embedded
            .load(table, Format::Ndjson, &lines.join("\n"))
            .await;
        assert_eq!(loaded.unwrap(), rows.len() as u64);
        emulator.load(table, &rows).await;
    }
    Scene {
        bigquery: bigquery(&emulator),
        emulator,
        embedded,
        _folder: folder,
    }
}

fn bigquery(emulator: &Emulator) -> BigQueryWarehouse {
    let settings = Settings {
        project: PROJECT.to_owned(),
        data_project: PROJECT.to_owned(),
        location: None,
        bytes_billed_max: 1_000_000_000,
        timeout: TIMEOUT,
        record_every: Duration::ZERO,
        quota_pause: Duration::ZERO,
        queries: None,
        endpoint: Endpoint {
            base: emulator.base().to_owned(),
            emulator: true,
        },
    };
    let http = reqwest::Client::new();
    let clock = Arc::new(ManualClock::new(instant("2026-01-19T07:00:00Z")));
    let tokens = Tokens::new(Source::None, http.clone(), clock, TIMEOUT);
    BigQueryWarehouse::new(settings, GoogleClient::new(http.clone(), tokens), http).unwrap()
}

/// One start of the emulator for all of it: that takes longer than every question together.
#[tokio::test]
async fn both_warehouses_answer_every_question_the_same() {
    let scene = scene().await;
    readiness_is_the_same(&scene).await;
    ready_units_are_the_same(&scene).await;
    stored_rows_are_the_same(&scene).await;
    a_run_is_recorded_the_same(&scene).await;
    nothing_is_missing(&scene).await;
    what_a_changed_table_lacks_is_named(&scene).await;
}

fn scope(day: &str, fresh_since: &str, min_minutes: f64, processors: &[&str]) -> Scope {
    Scope {
        game_date: date(day),
        processor_names: processors.iter().map(|&name| name.to_owned()).collect(),
        fresh_since: instant(fresh_since),
        min_minutes,
    }
}

fn scopes() -> Vec<Scope> {
    let middle = "2026-01-18T15:00:00.000020Z";
    vec![
        scope(FULL, middle, 15.1, &PROCESSORS),
        scope(FULL, "2026-01-01T00:00:00Z", 0.0, &PROCESSORS[1..]),
        scope(FULL, "2026-01-19T12:00:00Z", 15.11, &PROCESSORS[2..]),
        scope(FULL, "2027-01-01T00:00:00Z", 40.0, &[]),
        scope(LISTED_ONLY, middle, 15.0, &PROCESSORS),
        scope(EMPTY, middle, 15.0, &PROCESSORS),
    ]
}

async fn readiness_is_the_same(scene: &Scene) {
    let mut answers: Vec<Readiness> = Vec::new();
    for scope in scopes() {
        let here = scene.embedded.readiness(&scope).await.unwrap();
        let there = scene.bigquery.readiness(&scope).await.unwrap();
        assert_eq!(there, here, "{scope:?}");
        answers.push(here);
    }
    // That they agree says something only where there is something to say.
    let full = &answers[0];
    let counts = [
        full.ready,
        full.stale,
        full.filtered,
        full.quality.len() as u64,
        full.games.len() as u64,
    ];
    assert!(counts.iter().all(|&count| count > 2), "{full:?}");
    assert!(full.feature_rows > full.ready + full.stale, "{full:?}");
    assert!(full.upstream_finished_at.is_some() && answers[1].upstream_finished_at.is_some());
    assert!(answers[2].upstream_finished_at.is_none() && answers[3].ready == 0);
    assert!(answers[4].expected > 0 && answers[4].feature_rows == 0);
    assert_eq!(answers[5].expected + answers[5].feature_rows, 0);
}

async fn ready_units_are_the_same(scene: &Scene) {
    for scope in scopes() {
        let whole = units(&scene.embedded, &scope, 1000).await;
        for limit in PAGES {
            let there = units(&scene.bigquery, &scope, limit).await;
            assert_eq!(there, whole, "pages of {limit}: {scope:?}");
        }
    }
    let units = units(&scene.embedded, &scopes()[0], 1000).await;
    let stored = units.iter().filter(|unit| unit.has_row).count();
    assert!(
        units.len() > 10 && stored > 2 && stored < units.len(),
        "{units:?}"
    );
}

async fn units(warehouse: &dyn Warehouse, scope: &Scope, limit: u32) -> Vec<ListedUnit> {
    let mut units: Vec<ListedUnit> = Vec::new();
    loop {
        let after: Option<UnitId> = units.last().map(|unit| unit.unit.clone());
        let page = Page {
            after: after.as_ref(),
            limit,
        };
        let more = warehouse.ready_units(scope, page).await.unwrap();
        let last = more.len() < limit as usize;
        units.extend(more);
        if last {
            return units;
        }
    }
}

async fn stored_rows_are_the_same(scene: &Scene) {
    for day in [FULL, EMPTY] {
        let whole = stored(&scene.embedded, day, 1000).await;
        assert_eq!(whole.is_empty(), day == EMPTY);
        for limit in PAGES {
            let there = stored(&scene.bigquery, day, limit).await;
            assert_eq!(there, whole, "pages of {limit} on {day}");
        }
    }
    let missing = instant("2026-01-19T00:00:00Z");
    let whole = stored(&scene.embedded, FULL, 1000).await;
    assert!(
        whole.iter().any(|row| row.created_at == missing),
        "a row without an instant: {whole:?}"
    );
    assert!(
        whole.iter().any(|row| row.unit.as_str() == "shaq-o'neal"),
        "{whole:?}"
    );
}

async fn stored(warehouse: &dyn Warehouse, day: &str, limit: u32) -> Vec<StoredRow> {
    let mut rows: Vec<StoredRow> = Vec::new();
    loop {
        let after: Option<UnitId> = rows.last().map(|row| row.unit.clone());
        let page = Page {
            after: after.as_ref(),
            limit,
        };
        let more = warehouse.stored_rows(date(day), page).await.unwrap();
        let last = more.len() < limit as usize;
        rows.extend(more);
        if last {
            return rows;
        }
    }
}

const RUNS: &str = "SELECT run_id, data_date, status, records_processed, triggered_by, trigger_source, \
     trigger_message_id, duration_seconds, phase, errors, started_at, processed_at, summary \
     FROM nba_reference.processor_run_history WHERE processor_name = 'phase5_coordinator' ORDER BY run_id";

async fn a_run_is_recorded_the_same(scene: &Scene) {
    let mut record = RunRecord {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: date(FULL),
        status: "running".to_owned(),
        records_processed: 0,
        started_at: instant("2026-01-19T08:00:00.000001Z"),
        processed_at: None,
        trigger_source: None,
        summary: json!({"said": "it's \"late\"\n", "counts": {"sent": 3, "share": 0.95}, "none": null}),
    };
    recorded(scene, &record, 1).await;
    record.status = "success".to_owned();
    record.records_processed = 445;
    record.processed_at = Some(instant("2026-01-19T09:00:01.500000Z"));
    record.trigger_source = Some("pubsub".to_owned());
    record.summary = json!({"verdict": "complete", "units": ["o'neal", "ć"]});
    recorded(scene, &record, 1).await;
    record.game_date = date(EMPTY);
    recorded(scene, &record, 2).await;
    readiness_is_the_same(scene).await;
}

/// Records it on both, and compares the rows that are there then.
async fn recorded(scene: &Scene, record: &RunRecord, rows: usize) {
    scene.embedded.record_run(record).await.unwrap();
    scene.bigquery.record_run(record).await.unwrap();
    let here = scene.embedded.query(RUNS).await.unwrap().rows;
    let there = scene.emulator.rows(RUNS).await;
    let here: Vec<Vec<Value>> = here.into_iter().map(comparable).collect();
    let text = |cell: Option<String>| cell.map_or(Value::Null, Value::String);
    let there: Vec<Vec<Value>> = there
        .into_iter()
        .map(|row| comparable(row.into_iter().map(text).collect()))
        .collect();
    assert_eq!(there, here);
    assert_eq!(here.len(), rows);
    assert_eq!(here[0][12], record.summary);
}

/// BigQuery gives everything as text and instants as microseconds.
fn comparable(row: Vec<Value>) -> Vec<Value> {
    let text = |value: Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let read = |(place, value): (usize, Value)| match (place, text(value)) {
        (_, null) if null == "null" => Value::Null,
        (3 | 7, number) => number.parse::<f64>().unwrap().into(),
        (10 | 11, at) => {
            let micros = at
                .parse()
                .ok()
                .and_then(chrono::DateTime::from_timestamp_micros);
            json!(micros.or_else(|| read_instant(&at)).unwrap())
        }
        (12, summary) => serde_json::from_str(&summary).unwrap(),
        (_, other) => other.into(),
    };
    row.into_iter().enumerate().map(read).collect()
}

async fn nothing_is_missing(scene: &Scene) {
    assert_eq!(missing(&scene.bigquery).await, []);
}

/// Whether it was dropped, lost a column or has one of another type.
async fn what_a_changed_table_lacks_is_named(scene: &Scene) {
    const TABLE: &str = "nba_predictions.player_prop_predictions";
    let lacks = |column: Option<&str>, found: Option<&str>, wanted: &str| Missing {
        table: TABLE.to_owned(),
        column: column.map(str::to_owned),
        found: found.map(str::to_owned),
        wanted: wanted.to_owned(),
    };
    scene.emulator.run(&format!("DROP TABLE {TABLE}")).await;
    let gone = missing(&scene.bigquery).await;
    assert_eq!(gone, [lacks(None, None, "TABLE")]);
    let columns = "prediction_id STRING, system_id STRING, player_lookup STRING, game_date DATE, game_id STRING, \
                   created_at STRING";
    scene
        .emulator
        .run(&format!("CREATE TABLE {TABLE} ({columns})"))
        .await;
    let mut changed = missing(&scene.bigquery).await;
    changed.sort_by(|one, other| one.column.cmp(&other.column));
    let expected = [
        lacks(Some("created_at"), Some("STRING"), "TIMESTAMP"),
        lacks(Some("is_active"), None, "BOOL"),
    ];
    assert_eq!(changed, expected);
}

/// What is missing, without what only the emulator lacks: it describes a JSON column as STRING.
async fn missing(warehouse: &BigQueryWarehouse) -> Vec<Missing> {
    let mut missing = warehouse.missing().await.unwrap();
    missing.retain(|it| (it.wanted.as_str(), it.found.as_deref()) != ("JSON", Some("STRING")));
    missing
}
