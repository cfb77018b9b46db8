//! Messages that a channel did not take: which have no other way yet, how many there are, and when they are tried again.
//!
//! Keeping, leasing and ending messages belongs to `deliveries`.

use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    deliveries::severity,
    values::{failed, get, get_number, micros, to_json},
};
use crate::{
    domain::{Instant, alert::Severity, ids::ChannelId, routing::Why},
    ports::store::StoreError,
};

// A message about the channel itself goes over the others anyway.
const STUCK_ON: &str = "
    SELECT notice_id, severity FROM deliveries AS stuck
    WHERE channel = $1 AND state = 'waiting' AND superseded = 0 AND why <> $2
        AND NOT EXISTS (
            SELECT 1 FROM deliveries AS other
            WHERE other.notice_id = stuck.notice_id AND json_extract(other.why, '$.instead.of') = $1)
    ORDER BY severity DESC, decided_at, notice_id";

const FAILED_BEFORE: &str = "
    SELECT count(*) AS messages FROM deliveries
    WHERE channel = $1 AND state = 'waiting' AND superseded = 0 AND attempts > 0";

const TRY_AGAIN: &str = "
    UPDATE deliveries SET due_at = $2
    WHERE channel = $1 AND state = 'waiting' AND attempts > 0 AND lease_until IS NULL AND due_at > $2";

const LEAVE_CHANNEL: &str = "
    UPDATE deliveries SET state = 'replaced', superseded = 1, lease_until = NULL
    WHERE channel = $1 AND state = 'waiting' AND (why = $2 OR superseded = 1 OR EXISTS (
        SELECT 1 FROM deliveries AS other
        WHERE other.notice_id = deliveries.notice_id AND other.channel <> $1
            AND other.state <> 'replaced'))";

/// Messages that wait on a channel and have no other channel in its place yet.
pub(super) async fn stuck_on(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
) -> Result<Vec<(String, Severity)>, StoreError> {
    let rows = sqlx::query(STUCK_ON)
        .bind(channel.as_str())
        .bind(to_json(&Why::OwnTrouble)?)
        .fetch_all(connection)
        .await
        .map_err(failed("read what waits on a channel"))?;
    let stuck = |row: &SqliteRow| Ok((get(row, "notice_id")?, severity(get(row, "severity")?)));
    rows.iter().map(stuck).collect()
}

/// How many messages wait on a channel after a try that failed.
pub(super) async fn failed_before(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
) -> Result<u64, StoreError> {
    let row = sqlx::query(FAILED_BEFORE)
        .bind(channel.as_str())
        .fetch_one(connection)
        .await
        .map_err(failed("count messages that a channel did not take"))?;
    get_number(&row, "messages")
}

/// Lets go of what waits on a channel that is not configured any more, where nobody would miss it.
pub(super) async fn leave_channel(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
) -> Result<(), StoreError> {
    sqlx::query(LEAVE_CHANNEL)
        .bind(channel.as_str())
        .bind(to_json(&Why::OwnTrouble)?)
        .execute(connection)
        .await
        .map_err(failed("let go of what waits on a channel"))?;
    Ok(())
}

/// Makes them due now.
pub(super) async fn try_again(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
    now: Instant,
) -> Result<(), StoreError> {
    sqlx::query(TRY_AGAIN)
        .bind(channel.as_str())
        .bind(micros(now))
        .execute(connection)
        .await
        .map_err(failed("try messages again"))?;
    Ok(())
}
