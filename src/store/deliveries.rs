//! Messages on their way: kept with what they tell of, leased, ended, replaced; and the receipts.
//!
//! Which channel is taken belongs to `domain::routing`; what became of messages to `ledger`,
//! silences and the service's state to `people`.

use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::values::{failed, from_json, get, get_instant, get_number, instant, micros, to_json};
use crate::{
    domain::{
        Instant,
        alert::Severity,
        ids::ChannelId,
        routing::{Planned, Reached, Why},
    },
    ports::{
        deliveries::{Delivery, DeliveryEnd, DeliveryLease, Lane, Posting},
        notice::Notice,
        store::StoreError,
    },
};

const KEEP: &str = "
    INSERT INTO notices (id, decided_at, severity, reason, body) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO NOTHING";

const OPENING: &str = "
    INSERT INTO notice_openings (opening, notice_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

// Waiting messages that tell of nothing but what the new one tells of. One that is being tried is let go when that fails.
// An alert that opens anew counts as the same where both go over one channel, or it would be told as over after it was
// told to be back; an opening's name without its digits is the alert's.
const REPLACE: &str = "
    UPDATE deliveries SET superseded = 1,
        state = CASE WHEN lease_until IS NULL THEN 'replaced' ELSE state END
    WHERE state = 'waiting' AND notice_id <> $1
        AND notice_id IN (SELECT notice_id FROM notice_openings)
        AND NOT EXISTS (
            SELECT 1 FROM notice_openings AS other
            WHERE other.notice_id = deliveries.notice_id
                AND other.opening NOT IN (
                    SELECT opening FROM notice_openings WHERE notice_id = $1)
                AND NOT (
                    rtrim(other.opening, '0123456789') IN (
                        SELECT rtrim(opening, '0123456789') FROM notice_openings
                        WHERE notice_id = $1)
                    AND EXISTS (
                        SELECT 1 FROM deliveries AS ours
                        WHERE ours.notice_id = $1 AND ours.channel = deliveries.channel)))";

const ADD: &str = "
    INSERT INTO deliveries (notice_id, channel, state, why, severity, decided_at, due_at)
    SELECT id, $2, 'waiting', $3, severity, $4, $4 FROM notices WHERE id = $1
    ON CONFLICT (notice_id, channel) DO NOTHING";

const CHANNELS_OF: &str =
    "SELECT channel FROM deliveries WHERE notice_id = $1 ORDER BY decided_at, channel";

const REACHED: &str = "
    SELECT o.opening, d.channel, d.why, d.state, d.doubtful, d.lease_until
    FROM notice_openings AS o JOIN deliveries AS d ON d.notice_id = o.notice_id
    WHERE o.opening = $1 ORDER BY d.decided_at, d.channel";

const LEASE: &str = "
    UPDATE deliveries SET lease_until = $3,
        doubtful = CASE WHEN lease_until IS NULL THEN doubtful ELSE 1 END
    WHERE (notice_id, channel) IN (
        SELECT notice_id, channel FROM deliveries
        WHERE channel = $1 AND state = 'waiting' AND severity BETWEEN $5 AND $6 AND due_at <= $2
            AND (lease_until IS NULL OR lease_until <= $2)
            AND notice_id NOT IN (SELECT value FROM json_each($7))
        ORDER BY severity DESC, decided_at, notice_id LIMIT $4)
    RETURNING notice_id, channel, why, severity, decided_at, attempts, doubtful,
        (SELECT body FROM notices WHERE id = notice_id) AS body";

const ELSEWHERE: &str = "
    SELECT channel, done_at FROM deliveries
    WHERE notice_id = $1 AND channel <> $2 AND state = 'done' ORDER BY done_at, channel";

const NEXT_AT: &str = "
    SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) AS at
    FROM deliveries WHERE channel = $1 AND state = 'waiting' AND severity BETWEEN $2 AND $3
        AND notice_id NOT IN (SELECT value FROM json_each($4))";

const DONE: &str = "
    UPDATE deliveries SET state = 'done', done_at = $3, message_id = $4, attempts = attempts + 1,
        lease_until = NULL
    WHERE notice_id = $1 AND channel = $2";

const LATER: &str = "
    UPDATE deliveries SET due_at = $3, error = $4, doubtful = max(doubtful, $5), attempts = attempts + 1,
        lease_until = NULL, state = CASE WHEN superseded = 1 THEN 'replaced' ELSE state END
    WHERE notice_id = $1 AND channel = $2";

const THREAD: &str = "SELECT thread FROM threads WHERE channel = $1 AND about = $2";

const KEEP_THREAD: &str = "
    INSERT INTO threads (channel, about, thread) VALUES ($1, $2, $3)
    ON CONFLICT (channel, about) DO UPDATE SET thread = excluded.thread";

const FREE: &str =
    "UPDATE deliveries SET lease_until = NULL, doubtful = 1 WHERE lease_until IS NOT NULL";

/// How severities are kept: the graver, the greater.
pub(super) fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

/// The severity kept so.
pub(super) fn severity(rank: i64) -> Severity {
    match rank {
        ..=0 => Severity::Info,
        1 => Severity::Warning,
        2.. => Severity::Critical,
    }
}

/// The ranks of a lane, from and to.
fn ranks(lane: Lane) -> (i64, i64) {
    let critical = rank(Severity::Critical);
    match lane {
        Lane::Critical => (critical, critical),
        Lane::Other => (rank(Severity::Info), critical - 1),
    }
}

/// Keeps a message with its deliveries; `false`: it is kept already.
pub(super) async fn post(
    connection: &mut SqliteConnection,
    posting: &Posting<'_>,
) -> Result<bool, StoreError> {
    let notice = posting.notice;
    let kept = sqlx::query(KEEP)
        .bind(notice.id.as_str())
        .bind(micros(notice.at))
        .bind(rank(posting.severity))
        .bind(posting.reason)
        .bind(to_json(notice)?)
        .execute(&mut *connection)
        .await
        .map_err(failed("keep a message"))?;
    if kept.rows_affected() == 0 {
        return Ok(false);
    }
    for opening in posting.openings {
        sqlx::query(OPENING)
            .bind(opening.as_str())
            .bind(notice.id.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed("keep what a message tells of"))?;
    }
    for planned in posting.deliveries {
        add(&mut *connection, &notice.id, planned, notice.at).await?;
    }
    if posting.replaces {
        sqlx::query(REPLACE)
            .bind(notice.id.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed("replace earlier messages"))?;
    }
    Ok(true)
}

/// Adds a channel to a message; one that it has already is left alone.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    notice_id: &str,
    planned: &Planned,
    now: Instant,
) -> Result<(), StoreError> {
    sqlx::query(ADD)
        .bind(notice_id)
        .bind(planned.channel.as_str())
        .bind(to_json(&planned.why)?)
        .bind(micros(now))
        .execute(connection)
        .await
        .map_err(failed("add a channel to a message"))?;
    Ok(())
}

/// Channels that a message goes or went over.
pub(super) async fn channels_of(
    connection: &mut SqliteConnection,
    notice_id: &str,
) -> Result<Vec<ChannelId>, StoreError> {
    let rows = sqlx::query(CHANNELS_OF)
        .bind(notice_id)
        .fetch_all(connection)
        .await
        .map_err(failed("read a message's channels"))?;
    rows.iter().map(channel).collect()
}

/// Where earlier messages about these openings went.
pub(super) async fn reached(
    connection: &mut SqliteConnection,
    openings: &[String],
) -> Result<Vec<Reached>, StoreError> {
    let mut reached = Vec::new();
    for opening in openings {
        let rows = sqlx::query(REACHED)
            .bind(opening.as_str())
            .fetch_all(&mut *connection)
            .await
            .map_err(failed("read where messages went"))?;
        for row in &rows {
            // What is being tried right now may arrive.
            let tried = get_instant(row, "lease_until")?.is_some();
            let arrived = get::<String>(row, "state")? == "done" || get(row, "doubtful")?;
            reached.push(Reached {
                alert: get(row, "opening")?,
                channel: channel(row)?,
                arrived: arrived || tried,
                own_trouble: why(row)? == Why::OwnTrouble,
            });
        }
    }
    Ok(reached)
}

/// Leases messages that are due, gravest first, then oldest.
pub(super) async fn lease(
    connection: &mut SqliteConnection,
    lease: &DeliveryLease<'_>,
) -> Result<Vec<Delivery>, StoreError> {
    let (from, to) = ranks(lease.lane);
    let mut rows = sqlx::query(LEASE)
        .bind(lease.channel.as_str())
        .bind(micros(lease.now))
        .bind(micros(lease.until))
        .bind(i64::from(lease.most))
        .bind(from)
        .bind(to)
        .bind(to_json(&lease.in_hand)?)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("lease messages"))?;
    let mut order = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        let key: (i64, i64) = (-get::<i64>(&row, "severity")?, get(&row, "decided_at")?);
        order.push((key, row));
    }
    order.sort_by_key(|(key, _)| *key);
    let mut deliveries = Vec::with_capacity(order.len());
    for (_, row) in &order {
        deliveries.push(delivery(&mut *connection, row).await?);
    }
    Ok(deliveries)
}

async fn delivery(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
) -> Result<Delivery, StoreError> {
    let notice: Notice = from_json(get(row, "body")?)?;
    let channel = channel(row)?;
    let rows = sqlx::query(ELSEWHERE)
        .bind(notice.id.as_str())
        .bind(channel.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("read where a message arrived"))?;
    let mut elsewhere = Vec::with_capacity(rows.len());
    for row in &rows {
        elsewhere.push((self::channel(row)?, instant(get(row, "done_at")?)?));
    }
    let thread = thread(connection, &channel, &notice.thread()).await?;
    Ok(Delivery {
        channel,
        why: why(row)?,
        attempts: get_number(row, "attempts")?,
        doubtful: get(row, "doubtful")?,
        thread,
        elsewhere,
        notice,
    })
}

/// When the next message of a lane is due.
pub(super) async fn next_at(
    connection: &mut SqliteConnection,
    (channel, lane): (&ChannelId, Lane),
    in_hand: &[String],
) -> Result<Option<Instant>, StoreError> {
    let (from, to) = ranks(lane);
    let row = sqlx::query(NEXT_AT)
        .bind(channel.as_str())
        .bind(from)
        .bind(to)
        .bind(to_json(&in_hand)?)
        .fetch_one(connection)
        .await
        .map_err(failed("read the next message's instant"))?;
    get_instant(&row, "at")
}

/// Ends a try.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    (notice_id, channel): (&str, &ChannelId),
    end: &DeliveryEnd,
) -> Result<(), StoreError> {
    let statement = match end {
        DeliveryEnd::Done { receipt, at } => sqlx::query(DONE)
            .bind(notice_id)
            .bind(channel.as_str())
            .bind(micros(*at))
            .bind(receipt.message_id.as_str()),
        DeliveryEnd::Later {
            due_at,
            error,
            doubtful,
        } => sqlx::query(LATER)
            .bind(notice_id)
            .bind(channel.as_str())
            .bind(micros(*due_at))
            .bind(error.as_str())
            .bind(*doubtful),
    };
    statement
        .execute(connection)
        .await
        .map_err(failed("end a delivery"))?;
    Ok(())
}

/// What a channel called the first message about a thing.
pub(super) async fn thread(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
    about: &str,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query(THREAD)
        .bind(channel.as_str())
        .bind(about)
        .fetch_optional(connection)
        .await
        .map_err(failed("read a thread"))?;
    row.map(|row| get(&row, "thread")).transpose()
}

/// Keeps what a channel called the first message about a thing.
pub(super) async fn keep_thread(
    connection: &mut SqliteConnection,
    channel: &ChannelId,
    (about, thread): (&str, &str),
) -> Result<(), StoreError> {
    sqlx::query(KEEP_THREAD)
        .bind(channel.as_str())
        .bind(about)
        .bind(thread)
        .execute(connection)
        .await
        .map_err(failed("keep a thread"))?;
    Ok(())
}

/// Frees every lease. What a dead process was trying may have arrived.
pub(super) async fn free(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query(FREE)
        .execute(connection)
        .await
        .map_err(failed("free leases of messages"))?;
    Ok(())
}

/// The channel of a row.
pub(super) fn channel(row: &SqliteRow) -> Result<ChannelId, StoreError> {
    Ok(ChannelId::new(get::<String>(row, "channel")?))
}

/// Why a row's message goes over its channel.
pub(super) fn why(row: &SqliteRow) -> Result<Why, StoreError> {
    from_json(get(row, "why")?)
}
