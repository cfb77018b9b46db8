//! What goes wrong between the service and BigQuery is "could not ask", never "there is nothing".
//!
//! Whether both warehouses answer the same is in `equivalence`.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tipoff::{
    bigquery::{BigQueryWarehouse, Settings},
    clock::{Clock, ManualClock},
    domain::ids::{GameDate, HandoffId},
    google::{Endpoint, GoogleClient, Source, Tokens},
    ports::{Page, PortError, RunRecord, StoredRow, Warehouse},
};

use crate::stand_in::{Google, bigquery::rows, faults::Fault};

mod questions;

const TIMEOUT: Duration = Duration::from_millis(900);

fn date() -> GameDate {
    GameDate("2026-01-19".parse().unwrap())
}

fn settings(base: String) -> Settings {
    Settings {
        project: "billed".to_owned(),
        data_project: "data".to_owned(),
        location: Some("us-west2".to_owned()),
        bytes_billed_max: 12_345_678,
        timeout: TIMEOUT,
        record_every: Duration::from_millis(300),
        quota_pause: Duration::from_millis(10),
        queries: None,
        endpoint: Endpoint {
            base,
            emulator: false,
        },
    }
}

fn warehouse(google: &Google, settings: Settings) -> BigQueryWarehouse {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new("2026-01-19T07:00:00Z".parse().unwrap()));
    let http = reqwest::Client::new();
    let source = Source::Metadata(google.host.clone());
    let tokens = Tokens::new(source, http.clone(), clock, TIMEOUT);
    BigQueryWarehouse::new(settings, GoogleClient::new(http.clone(), tokens), http).unwrap()
}

async fn scene() -> (Google, BigQueryWarehouse) {
    let google = Google::start().await;
    let warehouse = warehouse(&google, settings(format!("{}/bigquery/v2", google.base())));
    (google, warehouse)
}

async fn ask(warehouse: &BigQueryWarehouse) -> Result<Vec<StoredRow>, PortError> {
    let page = Page {
        after: None,
        limit: 10,
    };
    warehouse.stored_rows(date(), page).await
}

fn refused(reason: &str) -> String {
    json!({"error": {"code": 403, "message": "not now", "status": "PERMISSION_DENIED",
        "errors": [{"reason": reason, "message": "not now", "domain": "global"}]}})
    .to_string()
}

#[rstest]
#[case(Fault::Status(500, "{}".to_owned()), "not BigQuery's")]
#[case(Fault::Status(503, "<html>later</html>".to_owned()), "not BigQuery's")]
#[case(Fault::Status(200, "<html>hello</html>".to_owned()), "not BigQuery's")]
#[case(Fault::Status(403, refused("quotaExceeded")), "answered 403: not now")]
#[case(Fault::Status(403, refused("accessDenied")), "answered 403: not now")]
#[case(Fault::Status(429, refused("rateLimitExceeded").replace("403", "429")), "answered 429")]
#[case(Fault::Slow(Duration::from_secs(5)), "no whole answer within 900ms")]
#[case(Fault::CutAfter, "asking")]
#[case(Fault::CutBefore, "asking")]
#[tokio::test]
async fn a_refusal_or_a_broken_connection_is_could_not_ask(
    #[case] fault: Fault,
    #[case] said: &str,
) {
    let (google, warehouse) = scene().await;
    google.faults.add("POST /bigquery/v2", 1, fault);
    assert_could_not_ask(ask(&warehouse).await, said);
    assert!(ask(&warehouse).await.unwrap().is_empty(), "it mends");
}

fn changed(change: impl Fn(&mut Value)) -> Value {
    let mut answer = rows(&["lebronjames"]);
    change(&mut answer);
    answer
}

#[rstest]
#[case(json!({"jobComplete": true, "errors": [{"reason": "invalidQuery", "message": "no such column"}],
    "schema": {"fields": []}, "rows": []}), "the job failed (invalidQuery): no such column")]
#[case(changed(|it| { it["schema"]["fields"][1]["name"] = "written_at".into(); }), "without the column created_at")]
#[case(changed(|it| { it["schema"]["fields"][1]["type"] = "STRING".into(); }), "created_at is STRING")]
#[case(changed(|it| { it["schema"] = Value::Null; }), "without the names")]
#[case(changed(|it| { it["totalRows"] = "2".into(); }), "1 of 2 rows came")]
#[case(changed(|it| { it["rows"][0]["f"] = json!([{"v": "x"}]); }), "a row of 1 values")]
#[case(changed(|it| { it["rows"][0]["f"][0]["v"] = Value::Null; }), "player_lookup has no value")]
#[case(changed(|it| { it["rows"][0]["f"][1]["v"] = "soon".into(); }), "created_at is not an instant: soon")]
#[case(json!({"jobComplete": false}), "no job to ask for more")]
#[case(json!({}), "no job to ask for more")]
#[tokio::test]
async fn an_answer_that_is_not_whole_is_none(#[case] answer: Value, #[case] said: &str) {
    let (google, warehouse) = scene().await;
    google.bigquery.answer(answer);
    assert_could_not_ask(ask(&warehouse).await, said);
}

fn assert_could_not_ask(answer: Result<Vec<StoredRow>, PortError>, said: &str) {
    let error = answer.expect_err("this is no answer");
    let text = error.to_string();
    assert!(!error.is_permanent(), "{text}");
    for part in [
        "nba_predictions.player_prop_predictions",
        "2026-01-19",
        said,
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[tokio::test]
async fn a_job_that_never_finishes_is_could_not_ask_and_one_that_does_is_waited_for() {
    let (google, warehouse) = scene().await;
    let unfinished =
        || json!({"jobComplete": false, "jobReference": {"jobId": "job-1", "projectId": "p"}});
    google.bigquery.answer(unfinished());
    google.bigquery.answer(unfinished());
    google.bigquery.answer(rows(&["lebronjames"]));
    assert_eq!(ask(&warehouse).await.unwrap().len(), 1);
    for _ in 0..20 {
        google.bigquery.answer(unfinished());
    }
    assert_could_not_ask(ask(&warehouse).await, "within 900ms");
}

#[tokio::test]
async fn every_page_is_fetched() {
    let (google, warehouse) = scene().await;
    let page = |unit: &str, token: &str| {
        let mut page = rows(&[unit]);
        page["totalRows"] = "3".into();
        page["pageToken"] = token.into();
        page
    };
    google.bigquery.answer(page("a", "one"));
    google.bigquery.answer(page("b", "two"));
    let mut last = page("c", "");
    last["rows"][0]["f"][1]["v"] = "1.76883820125E9".into();
    google.bigquery.answer(last);
    let rows = ask(&warehouse).await.unwrap();
    let units: Vec<&str> = rows.iter().map(|row| row.unit.as_str()).collect();
    assert_eq!(units, ["a", "b", "c"]);
    assert!(rows.iter().all(|row| row.created_at == rows[0].created_at));
}

#[tokio::test]
async fn a_refused_token_is_forgotten_and_another_is_fetched() {
    let (google, warehouse) = scene().await;
    ask(&warehouse).await.unwrap();
    for body in [
        refused("authError").replace("403", "401"),
        "<html>".to_owned(),
    ] {
        google
            .faults
            .add("POST /bigquery/v2", 1, Fault::Status(401, body));
        ask(&warehouse).await.unwrap_err();
        ask(&warehouse).await.unwrap();
    }
    let tokens = [1, 2, 3].map(|number| format!("Bearer access-token-{number}"));
    assert_eq!(google.bigquery.tokens(), tokens);
}

#[tokio::test]
async fn a_question_carries_its_cap_its_time_its_place_and_typed_parameters() {
    let (google, warehouse) = scene().await;
    ask(&warehouse).await.unwrap();
    let asked = &google.bigquery.asked()[0];
    assert_eq!(asked["maximumBytesBilled"], "12345678");
    assert_eq!(asked["timeoutMs"], 810);
    assert_eq!(asked["location"], "us-west2");
    assert_eq!(asked["parameterMode"], "POSITIONAL");
    assert_eq!(asked["useLegacySql"], false);
    assert_eq!(asked["formatOptions"]["useInt64Timestamp"], true);
    assert_eq!(
        asked["labels"],
        json!({"service": "tipoff", "query": "stored_rows"})
    );
    let types: Vec<&Value> = asked["queryParameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| &parameter["parameterType"]["type"])
        .collect();
    assert_eq!(types, ["DATE", "STRING", "INT64"]);
    let text = asked["query"].as_str().unwrap();
    assert!(
        text.contains("FROM `data`.nba_predictions.player_prop_predictions"),
        "{text}"
    );
}

#[tokio::test]
async fn a_folder_replaces_texts_of_the_same_name_and_refuses_others_with_the_list() {
    let google = Google::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stored_rows.sql"), "SELECT mine").unwrap();
    let mut settings = settings(format!("{}/bigquery/v2", google.base()));
    settings.queries = Some(folder.path().to_owned());
    ask(&warehouse(&google, settings.clone())).await.unwrap();
    assert_eq!(google.bigquery.asked()[0]["query"], "SELECT mine");
    std::fs::write(folder.path().join("stored.sql"), "SELECT").unwrap();
    let http = reqwest::Client::new();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new("2026-01-19T07:00:00Z".parse().unwrap()));
    let tokens = Tokens::new(Source::None, http.clone(), clock, TIMEOUT);
    let client = GoogleClient::new(http.clone(), tokens);
    let error = BigQueryWarehouse::new(settings, client, http)
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(
        text.contains("stored.sql") && text.contains("ready_units.sql"),
        "{text}"
    );
}

fn record(day: i64, number: u64) -> RunRecord {
    let game_date = GameDate(date().0 + TimeDelta::days(day));
    RunRecord {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date,
        status: "running".to_owned(),
        records_processed: number,
        started_at: "2026-01-19T08:00:00Z".parse().unwrap(),
        processed_at: None,
        trigger_source: Some("event".to_owned()),
        summary: json!({"predicted": number}),
    }
}

#[tokio::test]
async fn two_hundred_updates_of_three_runs_are_a_few_statements_of_the_latest() {
    let (google, warehouse) = scene().await;
    let records: Vec<RunRecord> = (0..200)
        .map(|number| record(number % 3, number as u64))
        .collect();
    let calls = records.iter().map(|record| warehouse.record_run(record));
    futures::future::try_join_all(calls).await.unwrap();
    let asked = google.bigquery.asked();
    assert!((1..=2).contains(&asked.len()), "{} statements", asked.len());
    let last = &asked.last().unwrap()["queryParameters"];
    let rows: Value =
        serde_json::from_str(last[0]["parameterValue"]["value"].as_str().unwrap()).unwrap();
    let numbers: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["records_processed"])
        .collect();
    assert_eq!(numbers, [198, 199, 197]);
    assert_eq!(last[1]["parameterValue"]["value"], "2026-01-19");
    assert_eq!(last[2]["parameterValue"]["value"], "2026-01-21");
}

#[tokio::test]
async fn a_recording_that_hangs_blocks_no_question() {
    let (google, warehouse) = scene().await;
    google
        .faults
        .add("POST /bigquery/v2", 1, Fault::Slow(Duration::from_secs(60)));
    let recorder = warehouse.clone();
    let recording = tokio::spawn(async move { recorder.record_run(&record(0, 1)).await });
    while google.faults.left() > 0 {
        tokio::task::yield_now().await;
    }
    ask(&warehouse).await.unwrap();
    let error = recording.await.unwrap().unwrap_err();
    assert!(!error.is_permanent());
    assert!(error.to_string().contains("within 900ms"), "{error}");
}
