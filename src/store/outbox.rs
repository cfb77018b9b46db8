//! The outbox: effects put, leased, and ended.
//!
//! Doing them belongs to the engine.

use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::values::{failed, from_json, get, get_instant, get_number, instant, micros, to_json};
use crate::{
    domain::Instant,
    ports::store::{OutboxEnd, OutboxItem, StoreError},
};

const PUT: &str = "
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

const DONE: &str = "DELETE FROM outbox WHERE id = $1";

const LATER: &str = "
    UPDATE outbox SET due_at = $2, error = $3, tries = tries + 1, lease_until = NULL WHERE id = $1";

const DEAD: &str = "
    UPDATE outbox SET dead = 1, error = $2, tries = tries + 1, lease_until = NULL WHERE id = $1";

const NEXT_AT: &str = "
    SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) AS at
    FROM outbox WHERE dead = 0";

const FREE: &str = "UPDATE outbox SET lease_until = NULL WHERE lease_until IS NOT NULL";

const FREE_UNITS: &str = "UPDATE units SET lease_until = 0 WHERE lease_until IS NOT NULL";

/// Puts an effect into the outbox, leased from the start.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    item: &OutboxItem,
    lease_until: Instant,
) -> Result<(), StoreError> {
    sqlx::query(PUT)
        .bind(item.id.as_str())
        .bind(micros(item.decided_at))
        .bind(micros(item.due_at))
        .bind(i64::from(item.tries))
        .bind(to_json(item)?)
        .bind(micros(lease_until))
        .execute(connection)
        .await
        .map_err(failed("put an effect into the outbox"))?;
    Ok(())
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

/// Ends a try at an effect.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    id: &str,
    end: &OutboxEnd,
) -> Result<(), StoreError> {
    let statement = match end {
        OutboxEnd::Done => sqlx::query(DONE).bind(id),
        OutboxEnd::Later { due_at, error } => sqlx::query(LATER)
            .bind(id)
            .bind(micros(*due_at))
            .bind(error.as_str()),
        OutboxEnd::Dead { error } => sqlx::query(DEAD).bind(id).bind(error.as_str()),
    };
    statement
        .execute(connection)
        .await
        .map_err(failed("end an effect"))?;
    Ok(())
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
