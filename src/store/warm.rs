//! Prepares the statements of a night when the store is opened, so that its first unit does not wait for that.
//!
//! It runs none of them, and it lists no statement that nobody waits for.

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqlStr, SqliteConnection};

use super::{inbox, later::Later, outbox, runs, sending, staging, units};

/// What a step writes, as it is handed over: its transaction's first part, and its last with the commit.
const WRITES: [&[&str]; 6] = [
    &[outbox::DONE, runs::APPEND, outbox::PUT, runs::SAVE],
    &[outbox::DONE, runs::APPEND, runs::SAVE],
    &[runs::APPEND, outbox::PUT, runs::SAVE],
    &[runs::APPEND, runs::SAVE],
    &[
        outbox::DONE,
        runs::APPEND,
        runs::APPEND,
        outbox::PUT,
        runs::SAVE,
    ],
    &[outbox::DONE],
];

/// Prepares what the writing connection is about to do.
pub(super) async fn writer(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let single = [
        "BEGIN IMMEDIATE",
        "SAVEPOINT mark;\n",
        inbox::ACCEPT,
        runs::RUN,
        units::PLAN,
        units::WRITE_SENDING,
        units::WRITE_ANSWERS,
        staging::KNOWS,
        staging::LIST_NEW,
        staging::FREEZE,
        staging::MERGE_PLANNED,
        staging::COUNT,
        staging::KEEP_GAMES_UNTIL,
        sending::IS_SENDABLE,
    ];
    for text in single {
        prepare(connection, text.into_sql_str()).await?;
    }
    for text in units::gathered() {
        prepare(connection, AssertSqlSafe(text).into_sql_str()).await?;
    }
    for writes in WRITES {
        for last in ["COMMIT", "RELEASE SAVEPOINT mark"] {
            let text = Later::text(writes.iter().copied().chain([last]));
            prepare(connection, AssertSqlSafe(text).into_sql_str()).await?;
        }
    }
    Ok(())
}

/// Prepares what a reading connection is asked between an event and its first unit.
pub(super) async fn reader(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for text in [runs::RUN, outbox::NEXT_AT, runs::NEXT_WAKE_AT, runs::DUE] {
        prepare(connection, text.into_sql_str()).await?;
    }
    Ok(())
}

async fn prepare(connection: &mut SqliteConnection, text: SqlStr) -> Result<(), sqlx::Error> {
    connection.prepare(text).await.map(drop)
}
