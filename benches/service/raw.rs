//! The raw rate: the writes that a completion causes, by the same driver, on the same tables, in transactions of 1,000,
//! a statement each, without HTTP and without the service.
//!
//! What the service makes of a completion is in `completions`.

use std::time::Instant;

use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tipoff::store::SqliteStore;

/// Completions of a transaction.
const TRANSACTION: usize = 1_000;

const UNIT: &str = "
    INSERT INTO units (handoff, game_date, unit, game_id, listing, listed_wave, phase, attempt, sent_at, batch_id)
    VALUES ('h', '2026-01-19', $1, 'game1', '{}', 1, 'sent', 1, 1, 'b1')";
const ACCEPT: &str = "INSERT INTO inbox (message_id, source, at) VALUES ($1, 'complete', $2)
    ON CONFLICT (message_id) DO NOTHING";
const ANSWER: &str = "
    UPDATE units SET standing = 3, true_at = $2, in_time = 1, claimed_at = $2, phase = 'answered'
    WHERE handoff = 'h' AND game_date = '2026-01-19' AND unit = $1";

/// Writes so many completions and says how many a second.
pub async fn measure(completions: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    drop(SqliteStore::open(&path).await.expect("tables"));
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.expect("a connection");
    let mut transaction = connection.begin().await.expect("a transaction");
    for number in 0..completions {
        let unit = sqlx::query(UNIT).bind(format!("player{number:07}"));
        unit.execute(&mut *transaction).await.expect("a unit");
    }
    transaction.commit().await.expect("a commit");
    let since = Instant::now();
    for first in (0..completions).step_by(TRANSACTION) {
        let mut transaction = connection.begin().await.expect("a transaction");
        for number in first..(first + TRANSACTION).min(completions) {
            let at = i64::try_from(number).expect("a small number");
            let message = sqlx::query(ACCEPT).bind(format!("h/{number}")).bind(at);
            message.execute(&mut *transaction).await.expect("accepted");
            let unit = sqlx::query(ANSWER).bind(format!("player{number:07}"));
            unit.bind(at)
                .execute(&mut *transaction)
                .await
                .expect("answered");
        }
        transaction.commit().await.expect("a commit");
    }
    let rate = completions as f64 / since.elapsed().as_secs_f64();
    println!(
        "the same writes, raw                         {rate:8.0} a second, in transactions of {TRANSACTION}"
    );
}
