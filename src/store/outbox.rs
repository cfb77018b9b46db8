//! The outbox: effects put, leased, and ended.
//!
//! Doing them belongs to the engine.

use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    later::Statement,
    values::{failed, from_json, get, get_instant, get_number, instant, micros, to_json},
};
use crate::{
    domain::Instant,
    ports::store::{OutboxEnd, OutboxItem, StoreError},
};

pub(super) const PUT: &str = "
    INSERT INTO outbox (id, decided_at, due_at, tries, body, lease_until) VALUES ($1, $2, $3, $4, $5, $6)";

const LEASE: &str = "
    UPDATE outbox SET lease_until = $2
    WHERE id IN (
        SELECT id FROM outbox
        WHERE dead = 0 AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
        ORDER BY decided_at, id LIMIT $3)
    RETURNING body, due_at, tries";

const PROLONG: &str =
    "UPDATE outbox SET lease_until = $2 WHERE id = $1 AND lease_until IS NOT NULL AND dead = 0";

pub(super) const DONE: &str = "DELETE FROM outbox WHERE id = $1";

const LATER: &str = "
    UPDATE outbox SET due_at = $2, error = $3, tries = tries + 1, lease_until = NULL WHERE id = $1";

const DEAD: &str = "
    UPDATE outbox SET dead = 1, error = $2, tries = tries + 1, lease_until = NULL WHERE id = $1";

pub(super) const NEXT_AT: &str = "
    SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) AS at
    FROM outbox WHERE dead = 0";

const FREE: &str = "UPDATE outbox SET lease_until = NULL WHERE lease_until IS NOT NULL";

const FREE_UNITS: &str = "UPDATE units SET lease_until = 0 WHERE lease_until IS NOT NULL";

/// Putting an effect into the outbox, leased from the start.
pub(super) fn put(item: &OutboxItem, lease_until: Instant) -> Result<Statement, StoreError> {
    Ok(Statement {
        sql: PUT.into(),
        values: vec![
            item.id.as_str().into(),
            micros(item.decided_at).into(),
            micros(item.due_at).into(),
            i64::from(item.tries).into(),
            to_json(item)?.into(),
            micros(lease_until).into(),
        ],
    })
}

/// What is leased, and until when.
pub(super) struct Lease {
    /// Due up to here, exactly then included.
    pub now: Instant,
    /// Until when it is the caller's.
    pub until: Instant,
    /// Most effects.
    pub most: u32,
}

/// Leases effects that are due, oldest first.
pub(super) async fn lease(
    connection: &mut SqliteConnection,
    lease: &Lease,
) -> Result<Vec<OutboxItem>, StoreError> {
    let rows = sqlx::query(LEASE)
        .bind(micros(lease.now))
        .bind(micros(lease.until))
        .bind(i64::from(lease.most))
        .fetch_all(connection)
        .await
        .map_err(failed("lease effects"))?;
    let mut items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    items.sort_by(|one, other| (one.decided_at, &one.id).cmp(&(other.decided_at, &other.id)));
    Ok(items)
}

/// Prolongs a lease; `false`: it is not held any more.
pub(super) async fn prolong(
    connection: &mut SqliteConnection,
    id: &str,
    until: Instant,
) -> Result<bool, StoreError> {
    let prolonged = sqlx::query(PROLONG)
        .bind(id)
        .bind(micros(until))
        .execute(connection)
        .await
        .map_err(failed("prolong a lease"))?;
    Ok(prolonged.rows_affected() > 0)
}

/// Ending a try at an effect.
pub(super) fn end(id: &str, end: &OutboxEnd) -> Statement {
    let (sql, values) = match end {
        OutboxEnd::Done => (DONE, vec![id.into()]),
        OutboxEnd::Later { due_at, error } => (
            LATER,
            vec![id.into(), micros(*due_at).into(), error.as_str().into()],
        ),
        OutboxEnd::Dead { error } => (DEAD, vec![id.into(), error.as_str().into()]),
    };
    let sql = sql.into();
    Statement { sql, values }
}

/// When the next effect is due.
pub(super) async fn next_at(
    connection: &mut SqliteConnection,
) -> Result<Option<Instant>, StoreError> {
    let row = sqlx::query(NEXT_AT)
        .fetch_one(connection)
        .await
        .map_err(failed("read the next effect's instant"))?;
    get_instant(&row, "at")
}

/// Frees every lease, of effects and of units.
pub(super) async fn free(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    for sql in [FREE, FREE_UNITS] {
        sqlx::query(sql)
            .execute(&mut *connection)
            .await
            .map_err(failed("free leases"))?;
    }
    Ok(())
}

fn item(row: &SqliteRow) -> Result<OutboxItem, StoreError> {
    let written: OutboxItem = from_json(get(row, "body")?)?;
    Ok(OutboxItem {
        due_at: instant(get(row, "due_at")?)?,
        tries: get_number(row, "tries")?,
        ..written
    })
}
