//! Prepares the statements of a night when the store is opened, so that its first unit does not wait for that.
//!
//! It runs none of them, and it lists no statement that nobody waits for.

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqlStr, SqliteConnection};

use super::{
    inbox,
    later::Later,
    outbox, runs, sending, staging,
    transaction::{BEGIN, COMMIT},
    units,
};

/// What is handed over in a night, each a text of its own: from the event to the first units, and with their answers.
fn hand_overs() -> Vec<Vec<String>> {
    let [named, in_doubt, staged] = units::gathered();
    let claim: [&str; 3] = [sending::IS_SENDABLE, &in_doubt, &staged];
    let ends = [runs::APPEND, outbox::PUT, runs::SAVE, COMMIT];
    let freezes = [staging::FREEZE, staging::MERGE_PLANNED, staging::COUNT];
    let sends = [
        staging::KEEP_GAMES_UNTIL,
        runs::APPEND,
        outbox::PUT,
        outbox::PUT,
        runs::SAVE,
    ];
    let asked = [BEGIN, outbox::DONE, runs::APPEND, outbox::PUT, runs::SAVE];
    let lists = [staging::LIST_NEW, outbox::DONE, runs::APPEND];
    let texts: [&[&str]; 20] = [
        &[BEGIN, inbox::ACCEPT, inbox::ADDED],
        &ends,
        &[&asked[..], &[staging::KNOWS]].concat(),
        &[&asked[..], &lists, &freezes].concat(),
        &[&[BEGIN, outbox::DONE][..], &ends].concat(),
        &[BEGIN, staging::KNOWS],
        &[staging::KNOWS],
        &[staging::LIST_NEW, COMMIT],
        &[&lists[..], &freezes].concat(),
        &[&sends[..], &claim].concat(),
        &[units::WRITE_SENDING, COMMIT],
        &[BEGIN, outbox::DONE, COMMIT],
        &[BEGIN, units::PLAN],
        &[&named],
        &[units::WRITE_SENDING, runs::APPEND, runs::SAVE, COMMIT],
        &[
            &[units::WRITE_SENDING, runs::APPEND, runs::SAVE][..],
            &claim,
        ]
        .concat(),
        &[units::WRITE_ANSWERS, runs::APPEND, runs::SAVE, COMMIT],
        &[runs::APPEND, runs::SAVE, COMMIT],
        &[runs::SAVE, COMMIT],
        &[BEGIN, runs::RUN],
    ];
    let owned = |text: &&[&str]| text.iter().map(|sql| (*sql).to_owned()).collect();
    texts.iter().map(owned).collect()
}

/// Prepares what the writing connection is about to do.
pub(super) async fn writer(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for statements in hand_overs() {
        let text = Later::text(statements.iter().map(String::as_str));
        prepare(connection, AssertSqlSafe(text).into_sql_str()).await?;
    }
    Ok(())
}

/// Prepares what a reading connection is asked between an event and its first unit.
pub(super) async fn reader(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for text in [outbox::NEXT_AT, runs::NEXT_WAKE_AT, runs::DUE] {
        prepare(connection, text.into_sql_str()).await?;
    }
    let text = Later::text([runs::RUN].into_iter());
    prepare(connection, AssertSqlSafe(text).into_sql_str()).await?;
    Ok(())
}

async fn prepare(connection: &mut SqliteConnection, text: SqlStr) -> Result<(), sqlx::Error> {
    connection.prepare(text).await.map(drop)
}
