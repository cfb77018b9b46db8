//! The raw rates: the writes that a completion causes, by the same driver, on the same tables, in transactions of 1,000,
//! without HTTP and without the service: a statement each, and in set statements as the service's.
//!
//! What the service makes of a completion is in `completions`.

use std::time::Instant;

use serde_json::json;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tempfile::TempDir;
use tipoff::store::SqliteStore;

/// Completions of a transaction.
const TRANSACTION: usize = 1_000;
/// The middle one of so many measurements counts: one is over in a second.
const TIMES: usize = 3;

const UNIT: &str = "
    INSERT INTO units (handoff, game_date, unit, game_id, listing, listed_wave, phase, attempt, sent_at, batch_id)
    VALUES ('h', '2026-01-19', $1, 'game1', '{}', 1, 'sent', 1, 1, 'b1')";
const ACCEPT: &str = "INSERT INTO inbox (message_id, source, at) VALUES ($1, 'complete', $2)
    ON CONFLICT (message_id) DO NOTHING";
const ANSWER: &str = "
    UPDATE units SET standing = 3, true_at = $2, in_time = 1, claimed_at = $2, phase = 'answered'
    WHERE handoff = 'h' AND game_date = '2026-01-19' AND unit = $1";
// As `store::inbox` and `store::units` write them.
const ACCEPT_SET: &str = "
    INSERT INTO inbox (message_id, source, at)
    SELECT arrived.value, 'complete', 1 FROM json_each($1) AS arrived WHERE true
    ON CONFLICT (message_id) DO NOTHING";
const ANSWER_SET: &str = "
    UPDATE units SET
        standing = changed.value ->> 1, reason = changed.value ->> 2, reason_text = changed.value ->> 3,
        true_at = changed.value ->> 4, in_time = changed.value ->> 5, claimed_at = changed.value ->> 6,
        missing = changed.value ->> 7, phase = changed.value ->> 8
    FROM jsonb_each($1) AS changed
    WHERE units.handoff = 'h' AND units.game_date = '2026-01-19' AND units.unit = changed.value ->> 0";

/// Completions a second.
pub struct Raw {
    /// A statement for each write.
    pub each: f64,
    /// A statement for a thousand.
    pub sets: f64,
}

/// Writes so many completions both ways.
pub async fn measure(completions: usize) -> Raw {
    let mut each = Vec::new();
    let mut sets = Vec::new();
    for _ in 0..TIMES {
        each.push(rate(completions, false).await);
        sets.push(rate(completions, true).await);
    }
    let middle = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    Raw {
        each: middle(each),
        sets: middle(sets),
    }
}

async fn rate(completions: usize, in_sets: bool) -> f64 {
    let (_folder, mut connection) = units(completions).await;
    let numbers: Vec<usize> = (0..completions).collect();
    let since = Instant::now();
    for part in numbers.chunks(TRANSACTION) {
        let mut transaction = connection.begin().await.expect("a transaction");
        if in_sets {
            set(&mut transaction, part).await;
        } else {
            each(&mut transaction, part).await;
        }
        transaction.commit().await.expect("a commit");
    }
    completions as f64 / since.elapsed().as_secs_f64()
}

/// A store with so many units that are sent.
async fn units(units: usize) -> (TempDir, SqliteConnection) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    drop(SqliteStore::open(&path).await.expect("tables"));
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .row_buffer_size(TRANSACTION);
    let mut connection = options.connect().await.expect("a connection");
    let mut transaction = connection.begin().await.expect("a transaction");
    for number in 0..units {
        let unit = sqlx::query(UNIT).bind(name(number));
        unit.execute(&mut *transaction).await.expect("a unit");
    }
    transaction.commit().await.expect("a commit");
    (folder, connection)
}

fn name(number: usize) -> String {
    format!("player{number:07}")
}

/// A message's id, as long as the service's.
fn message(number: usize) -> String {
    format!("complete/phase4-to-phase5/sha256:{number:064x}")
}

async fn each(connection: &mut SqliteConnection, numbers: &[usize]) {
    for &number in numbers {
        let at = i64::try_from(number).expect("a small number");
        let accept = sqlx::query(ACCEPT).bind(message(number)).bind(at);
        accept.execute(&mut *connection).await.expect("accepted");
        let answer = sqlx::query(ANSWER).bind(name(number)).bind(at);
        answer.execute(&mut *connection).await.expect("answered");
    }
}

async fn set(connection: &mut SqliteConnection, numbers: &[usize]) {
    let ids: Vec<String> = numbers.iter().copied().map(message).collect();
    let ids = serde_json::to_string(&ids).expect("JSON");
    let accepted = sqlx::query(ACCEPT_SET).bind(ids);
    let accepted = accepted.execute(&mut *connection).await.expect("accepted");
    assert_eq!(accepted.rows_affected(), numbers.len() as u64);
    let row = |number: &usize| json!([name(*number), 3, null, null, 1, 1, 1, 0, "answered"]);
    let rows: Vec<_> = numbers.iter().map(row).collect();
    let rows = serde_json::to_string(&rows).expect("JSON");
    let answered = sqlx::query(ANSWER_SET).bind(rows);
    let answered = answered.execute(&mut *connection).await.expect("answered");
    assert_eq!(answered.rows_affected(), numbers.len() as u64);
}
