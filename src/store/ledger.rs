//! What became of messages: receipts, the ledger, figures a channel.
//!
//! Leasing and ending belong to `deliveries`.

use chrono::TimeDelta;
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    deliveries::{channel, rank, why},
    values::{failed, from_json, get, get_instant, get_number, instant, micros},
};
use crate::{
    domain::{Instant, alert::Severity, ids::ChannelId},
    ports::{
        deliveries::{ChannelFigures, Entry},
        notice::Notice,
        store::StoreError,
    },
};

const SENT_SINCE: &str = "
    SELECT done_at FROM deliveries
    WHERE channel = $1 AND state = 'done' AND done_at > $2 AND severity < $3
    GROUP BY message_id, done_at ORDER BY done_at DESC";

const LEDGER: &str = "SELECT * FROM deliveries ORDER BY rowid DESC LIMIT $1";

const LEDGER_OF: &str = "SELECT * FROM deliveries WHERE notice_id = $1 ORDER BY rowid";

const NOTICE: &str = "SELECT body FROM notices WHERE id = $1";

const FIGURES: &str = "
    SELECT channel, sum(state = 'waiting') AS waiting,
        min(CASE WHEN state = 'waiting' THEN decided_at END) AS oldest_at, max(done_at) AS done_at
    FROM deliveries GROUP BY channel ORDER BY channel";

// What is not critical and was never tried, on a channel that took something within the hour, may wait for its hour.
const UNHEARD_SINCE: &str = "
    SELECT min(decided_at) AS at FROM deliveries AS waiting
    WHERE state = 'waiting' AND NOT EXISTS (
        SELECT 1 FROM deliveries AS other
        WHERE other.notice_id = waiting.notice_id AND other.state = 'done')
    AND (severity = $1 OR attempts > 0 OR decided_at <= $2 OR NOT EXISTS (
        SELECT 1 FROM deliveries AS taken
        WHERE taken.channel = waiting.channel AND taken.state = 'done' AND taken.done_at > $2))";

/// The longest that a channel's number an hour holds a message back.
const HELD_MAX: TimeDelta = TimeDelta::hours(1);

/// When the channel took messages that were not critical, latest first; a digest counts once.
pub(super) async fn sent_since(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
    since: Instant,
) -> Result<Vec<Instant>, StoreError> {
    let rows = sqlx::query(SENT_SINCE)
        .bind(channel.as_str())
        .bind(micros(since))
        .bind(rank(Severity::Critical))
        .fetch_all(connection)
        .await
        .map_err(failed("count a channel's messages"))?;
    rows.iter()
        .map(|row| instant(get(row, "done_at")?))
        .collect()
}

/// The latest lines of the ledger, latest first.
pub(super) async fn ledger(
    connection: &mut SqliteConnection,
    most: u32,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query(LEDGER)
        .bind(i64::from(most))
        .fetch_all(connection)
        .await
        .map_err(failed("read the ledger of messages"))?;
    rows.iter().map(entry).collect()
}

/// The lines of one message.
pub(super) async fn ledger_of(
    connection: &mut SqliteConnection,
    notice_id: &str,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query(LEDGER_OF)
        .bind(notice_id)
        .fetch_all(connection)
        .await
        .map_err(failed("read a message's receipts"))?;
    rows.iter().map(entry).collect()
}

/// One message.
pub(super) async fn notice(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Notice>, StoreError> {
    let row = sqlx::query(NOTICE)
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(failed("read a message"))?;
    row.map(|row| from_json(get(&row, "body")?)).transpose()
}

/// How messages stand on each channel.
pub(super) async fn figures(
    connection: &mut SqliteConnection,
) -> Result<Vec<ChannelFigures>, StoreError> {
    let rows = sqlx::query(FIGURES)
        .fetch_all(connection)
        .await
        .map_err(failed("measure the channels"))?;
    let figures = |row: &SqliteRow| {
        Ok(ChannelFigures {
            channel: channel(row)?,
            waiting: get_number(row, "waiting")?,
            oldest_at: get_instant(row, "oldest_at")?,
            done_at: get_instant(row, "done_at")?,
        })
    };
    rows.iter().map(figures).collect()
}

/// When the oldest waiting message was decided that has reached nobody.
pub(super) async fn unheard_since(
    connection: &mut SqliteConnection,
    now: Instant,
) -> Result<Option<Instant>, StoreError> {
    let row = sqlx::query(UNHEARD_SINCE)
        .bind(rank(Severity::Critical))
        .bind(micros(now - HELD_MAX))
        .fetch_one(connection)
        .await
        .map_err(failed("look for messages that reached nobody"))?;
    get_instant(&row, "at")
}

fn entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    Ok(Entry {
        notice_id: get(row, "notice_id")?,
        channel: channel(row)?,
        state: get(row, "state")?,
        why: why(row)?,
        decided_at: instant(get(row, "decided_at")?)?,
        done_at: get_instant(row, "done_at")?,
        message_id: get(row, "message_id")?,
        attempts: get_number(row, "attempts")?,
        last_error: get(row, "error")?,
    })
}
