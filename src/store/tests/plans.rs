//! No statement that runs by the thousand walks through a whole night's units.

use sqlx::{AssertSqlSafe, ConnectOptions, Row, sqlite::SqliteConnectOptions};

use super::support::fixture;
use crate::store::{answers, sending, staging, units};

const HOT: [&str; 13] = [
    units::NAMED,
    units::WRITE_ANSWERS,
    units::WRITE_SENDING,
    staging::MERGE_NEW,
    staging::MERGE_PLANNED,
    staging::STAGE,
    staging::KNOWS,
    staging::RELEASE_LEASES,
    sending::IN_DOUBT,
    sending::STAGED,
    sending::GIVE_UP,
    answers::DUE_CLAIMS,
    answers::OPEN_UNITS,
];

#[tokio::test]
async fn hot_statements_use_an_index_beyond_the_night() {
    let fixture = fixture().await;
    let mut connection = SqliteConnectOptions::new()
        .filename(fixture.folder.path().join("tipoff.db"))
        .connect()
        .await
        .unwrap();
    for sql in HOT {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps = sqlx::query(explain).fetch_all(&mut connection).await;
        let details = steps.unwrap().into_iter().map(|step| step.get("detail"));
        let details: Vec<String> = details.collect();
        assert!(
            details.iter().any(|detail| detail.contains("USING")),
            "{sql}"
        );
        for detail in details {
            let walks = detail.ends_with("PRIMARY KEY (handoff=? AND game_date=?)");
            assert!(!walks && !detail.contains("SCAN units"), "{detail}: {sql}");
        }
    }
}
