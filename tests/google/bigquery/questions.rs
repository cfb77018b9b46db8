//! Every question there is, with everything that can go wrong on the way: none of it is an answer.
//!
//! What is said of a failure belongs to the file above.

use std::time::Duration;

use rstest::rstest;
use tipoff::ports::{Page, PortError, Scope, Warehouse};

use super::{date, record, refused, scene};
use crate::stand_in::faults::Fault;

#[derive(Debug, Clone, Copy)]
enum Asking {
    Readiness,
    ReadyUnits,
    StoredRows,
    RecordRun,
    Missing,
}

async fn ask(asking: Asking, warehouse: &impl Warehouse) -> Result<(), PortError> {
    let scope = Scope {
        game_date: date(),
        processor_names: vec!["ml_feature_store_v2".to_owned()],
        fresh_since: "2026-01-18T15:00:00Z".parse().unwrap(),
        min_minutes: 15.0,
    };
    let page = Page {
        after: None,
        limit: 10,
    };
    match asking {
        Asking::Readiness => warehouse.readiness(&scope).await.map(drop),
        Asking::ReadyUnits => warehouse.ready_units(&scope, page).await.map(drop),
        Asking::StoredRows => warehouse.stored_rows(date(), page).await.map(drop),
        Asking::RecordRun => warehouse.record_run(&record(0, 1)).await,
        Asking::Missing => warehouse.missing().await.map(drop),
    }
}

#[rstest]
#[tokio::test]
async fn nothing_that_goes_wrong_is_an_answer(
    #[values(
        Asking::Readiness,
        Asking::ReadyUnits,
        Asking::StoredRows,
        Asking::RecordRun,
        Asking::Missing
    )]
    asking: Asking,
    #[values(
        Fault::Status(500, "{}".to_owned()),
        Fault::Status(503, "<html>later</html>".to_owned()),
        Fault::Status(200, "<html>hello</html>".to_owned()),
        Fault::Status(200, String::new()),
        Fault::Status(200, "{}".to_owned()),
        Fault::Status(403, refused("quotaExceeded")),
        Fault::Status(403, refused("accessDenied")),
        Fault::Busy(1),
        Fault::Slow(Duration::from_secs(5)),
        Fault::CutAfter,
        Fault::CutBefore
    )]
    fault: Fault,
) {
    let (google, warehouse) = scene().await;
    google.faults.add("/bigquery/v2", 100, fault);
    let error = ask(asking, &warehouse)
        .await
        .expect_err("this is no answer");
    assert!(!error.is_permanent(), "it is asked again: {error}");
}
