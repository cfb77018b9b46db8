//! Messages as they came: each accepted once, or quarantined with its bytes; and how deep the queues are.
//!
//! What a message says belongs to `wire`.

use std::collections::HashSet;

use serde::Deserialize;
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    later::{Pipe, Statement},
    values::{date_text, failed, get, get_instant, get_number, instant, micros, to_json},
};
use crate::{
    domain::{
        Instant,
        ids::{GameDate, MessageId},
        service::Quarantine,
    },
    ports::store::{Quarantined, QueueFigures, StoreError, UNKNOWN_UNIT},
};

pub(super) const ACCEPT: &str = "
    INSERT INTO inbox (message_id, source, at)
    SELECT arrived.value, $2, $3 FROM json_each($1) AS arrived WHERE true
    ON CONFLICT (message_id) DO NOTHING";

/// How many messages [`ACCEPT`] added, and the number of the last.
pub(super) const ADDED: &str = "SELECT changes() AS added, last_insert_rowid() AS last";

/// Nothing leaves the inbox, so a statement numbers what it adds without a gap: `$1` the number before the first.
const ACCEPTED: &str = "SELECT message_id FROM inbox WHERE id > $1";

const QUARANTINE: &str = "
    INSERT INTO quarantine (source, message_id, received_at, code, reason, game_date, body, bytes, sha256)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const RELEASE: &str = "DELETE FROM quarantine WHERE id = $1";

const LISTED: &str = "SELECT * FROM quarantine ORDER BY id DESC LIMIT $1";

const MESSAGE: &str = "SELECT * FROM quarantine WHERE id = $1";

const QUARANTINE_NOW: &str = "
    SELECT count(*) AS messages,
        (SELECT reason FROM quarantine ORDER BY id DESC LIMIT 1) AS latest
    FROM quarantine";

const UNKNOWN: &str =
    "SELECT count(*) AS messages FROM quarantine WHERE code = $1 AND game_date = $2";

// Nothing leaves the inbox, so its highest number is its count, without a walk through millions.
const QUEUES: &str = "
    SELECT
        (SELECT count(*) FROM outbox WHERE dead = 0) AS outbox,
        (SELECT min(decided_at) FROM outbox WHERE dead = 0) AS outbox_oldest_at,
        (SELECT count(*) FROM outbox WHERE dead = 1) AS outbox_dead,
        (SELECT count(*) FROM quarantine) AS quarantine,
        (SELECT min(received_at) FROM quarantine) AS quarantine_oldest_at,
        (SELECT coalesce(max(id), 0) FROM inbox) AS inbox,
        (SELECT min(at) FROM (
            SELECT min(next_wake_at) AS at FROM runs UNION ALL SELECT next_wake_at FROM service)) AS next_wake_at";

/// Messages that came, and when.
pub(super) struct Arrived<'a> {
    pub message_ids: &'a [&'a MessageId],
    pub source: &'a str,
    pub at: Instant,
}

/// Takes note of messages; `false` for each that had been accepted before, be it in the same call.
pub(super) async fn accept(
    pipe: &mut Pipe<'_>,
    arrived: &Arrived<'_>,
) -> Result<Vec<bool>, StoreError> {
    let doing = "accept messages";
    pipe.write(
        Statement::bare(ACCEPT)
            .bind(to_json(&arrived.message_ids)?)
            .bind(arrived.source)
            .bind(micros(arrived.at)),
    );
    let accepted = pipe.ask_one(Statement::bare(ADDED), doing).await?;
    let count: u64 = get_number(&accepted, "added")?;
    if count == arrived.message_ids.len() as u64 {
        return Ok(vec![true; arrived.message_ids.len()]);
    }
    if count == 0 {
        return Ok(vec![false; arrived.message_ids.len()]);
    }
    let last: i64 = get(&accepted, "last")?;
    let before = last - i64::try_from(count).map_err(failed(doing))?;
    let rows = pipe
        .ask(Statement::bare(ACCEPTED).bind(before), doing)
        .await?;
    let mut fresh = rows
        .iter()
        .map(|row| get::<String>(row, 0))
        .collect::<Result<HashSet<_>, _>>()?;
    let is_first = |id: &&MessageId| fresh.remove(id.as_str());
    Ok(arrived.message_ids.iter().map(is_first).collect())
}

/// The date a quarantined body names, if it can be read that far.
#[derive(Deserialize)]
struct Dated {
    game_date: GameDate,
}

/// Quarantines a message.
pub(super) async fn quarantine(
    connection: &mut SqliteConnection,
    message: &Quarantined,
) -> Result<(), StoreError> {
    let dated = serde_json::from_slice::<Dated>(&message.body).ok();
    sqlx::query(QUARANTINE)
        .bind(message.source.as_str())
        .bind(message.message_id.as_str())
        .bind(micros(message.received_at))
        .bind(message.code.as_str())
        .bind(message.reason.as_str())
        .bind(dated.map(|dated| date_text(dated.game_date)))
        .bind(message.body.as_slice())
        .bind(i64::try_from(message.bytes).map_err(failed("count a message's bytes"))?)
        .bind(message.sha256.as_str())
        .execute(connection)
        .await
        .map_err(failed("quarantine a message"))?;
    Ok(())
}

/// Takes a message out of quarantine; `false`: it was not there.
pub(super) async fn release(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<bool, StoreError> {
    let released = sqlx::query(RELEASE)
        .bind(id)
        .execute(connection)
        .await
        .map_err(failed("take a message out of quarantine"))?;
    Ok(released.rows_affected() > 0)
}

/// Messages in quarantine, latest first.
pub(super) async fn listed(
    connection: &mut SqliteConnection,
    most: u32,
) -> Result<Vec<Quarantined>, StoreError> {
    let rows = sqlx::query(LISTED)
        .bind(i64::from(most))
        .fetch_all(connection)
        .await
        .map_err(failed("list the quarantine"))?;
    rows.iter().map(quarantined).collect()
}

/// One message in quarantine.
pub(super) async fn message(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<Quarantined>, StoreError> {
    let row = sqlx::query(MESSAGE)
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(failed("read a quarantined message"))?;
    row.as_ref().map(quarantined).transpose()
}

/// How full the quarantine is, and why the latest message is in it.
pub(super) async fn quarantine_now(
    connection: &mut SqliteConnection,
) -> Result<Quarantine, StoreError> {
    let row = sqlx::query(QUARANTINE_NOW)
        .fetch_one(connection)
        .await
        .map_err(failed("measure the quarantine"))?;
    Ok(Quarantine {
        messages: get_number(&row, "messages")?,
        latest: get(&row, "latest")?,
    })
}

/// How many unknown completions of a night are in quarantine.
pub(super) async fn unknown(
    connection: &mut SqliteConnection,
    game_date: GameDate,
) -> Result<u64, StoreError> {
    let row = sqlx::query(UNKNOWN)
        .bind(UNKNOWN_UNIT)
        .bind(date_text(game_date))
        .fetch_one(connection)
        .await
        .map_err(failed("count unknown completions"))?;
    get_number(&row, "messages")
}

/// Depths and ages of the queues.
pub(super) async fn queues(connection: &mut SqliteConnection) -> Result<QueueFigures, StoreError> {
    let row = sqlx::query(QUEUES)
        .fetch_one(connection)
        .await
        .map_err(failed("measure the queues"))?;
    Ok(QueueFigures {
        outbox: get_number(&row, "outbox")?,
        outbox_oldest_at: get_instant(&row, "outbox_oldest_at")?,
        outbox_dead: get_number(&row, "outbox_dead")?,
        quarantine: get_number(&row, "quarantine")?,
        quarantine_oldest_at: get_instant(&row, "quarantine_oldest_at")?,
        inbox: get_number(&row, "inbox")?,
        next_wake_at: get_instant(&row, "next_wake_at")?,
    })
}

fn quarantined(row: &SqliteRow) -> Result<Quarantined, StoreError> {
    Ok(Quarantined {
        id: get(row, "id")?,
        source: get(row, "source")?,
        message_id: MessageId::new(get::<String>(row, "message_id")?),
        received_at: instant(get(row, "received_at")?)?,
        code: get(row, "code")?,
        reason: get(row, "reason")?,
        body: get(row, "body")?,
        bytes: get_number(row, "bytes")?,
        sha256: get(row, "sha256")?,
    })
}
