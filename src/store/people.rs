//! What people set and what the service knows of itself: silences, its own state, its secrets.
//!
//! Messages belong to `deliveries`, nights to `runs`.

use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::values::{failed, from_json, get, micros, to_json};
use crate::{
    domain::{Instant, routing::Silence, service::Service},
    ports::store::StoreError,
};

const SILENCES: &str = "SELECT body FROM silences WHERE until > $1 ORDER BY id";

const SILENCE: &str = "INSERT INTO silences (until, body) VALUES ($1, $2)";

const SERVICE: &str = "SELECT body FROM service WHERE id = 1";

const END_SILENCES: &str = "DELETE FROM silences WHERE until <= $1 RETURNING id, body";

const SERVICE_DUE: &str = "
    SELECT EXISTS (SELECT 1 FROM service WHERE next_wake_at <= $1)
        OR EXISTS (SELECT 1 FROM silences WHERE until <= $1) AS due";

const SAVE_SERVICE: &str = "
    INSERT INTO service (id, next_wake_at, body) VALUES (1, $1, $2)
    ON CONFLICT (id) DO UPDATE SET next_wake_at = excluded.next_wake_at, body = excluded.body";

const NOTE_ALIVE: &str = "
    INSERT INTO alive (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";

const SECRET: &str = "SELECT value FROM secrets WHERE name = $1";

const KEEP_SECRET: &str =
    "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

/// Silences that have not ended.
pub(super) async fn silences(
    connection: &mut SqliteConnection,
    now: Instant,
) -> Result<Vec<Silence>, StoreError> {
    let rows = sqlx::query(SILENCES)
        .bind(micros(now))
        .fetch_all(connection)
        .await
        .map_err(failed("read the silences"))?;
    rows.iter()
        .map(|row| from_json(get(row, "body")?))
        .collect()
}

/// Adds a silence.
pub(super) async fn silence(
    connection: &mut SqliteConnection,
    silence: &Silence,
) -> Result<(), StoreError> {
    sqlx::query(SILENCE)
        .bind(micros(silence.until))
        .bind(to_json(silence)?)
        .execute(connection)
        .await
        .map_err(failed("keep a silence"))?;
    Ok(())
}

/// Takes out silences that have ended.
pub(super) async fn end_silences(
    connection: &mut SqliteConnection,
    now: Instant,
) -> Result<Vec<(i64, Silence)>, StoreError> {
    let rows = sqlx::query(END_SILENCES)
        .bind(micros(now))
        .fetch_all(connection)
        .await
        .map_err(failed("end silences"))?;
    let ended = |row: &SqliteRow| Ok((get(row, "id")?, from_json(get(row, "body")?)?));
    rows.iter().map(ended).collect()
}

/// The service's own state; a new one where there is none.
pub(super) async fn service(connection: &mut SqliteConnection) -> Result<Service, StoreError> {
    let row = sqlx::query(SERVICE)
        .fetch_optional(connection)
        .await
        .map_err(failed("read the service's state"))?;
    match row {
        Some(row) => from_json(get(&row, "body")?),
        None => Ok(Service::default()),
    }
}

/// Whether the service's own state is due to be looked at, or a silence has ended.
pub(super) async fn service_due(
    connection: &mut SqliteConnection,
    now: Instant,
) -> Result<bool, StoreError> {
    let row = sqlx::query(SERVICE_DUE)
        .bind(micros(now))
        .fetch_one(connection)
        .await
        .map_err(failed("read when the service's state is due"))?;
    get(&row, "due")
}

/// Saves the service's own state with its next wake.
pub(super) async fn save_service(
    connection: &mut SqliteConnection,
    service: &Service,
    next_wake_at: Option<Instant>,
) -> Result<(), StoreError> {
    sqlx::query(SAVE_SERVICE)
        .bind(next_wake_at.map(micros))
        .bind(to_json(service)?)
        .execute(connection)
        .await
        .map_err(failed("save the service's state"))?;
    Ok(())
}

/// Notes that the service is at work.
pub(super) async fn note_alive(
    connection: &mut SqliteConnection,
    now: Instant,
) -> Result<(), StoreError> {
    sqlx::query(NOTE_ALIVE)
        .bind(micros(now))
        .execute(connection)
        .await
        .map_err(failed("note that the service is at work"))?;
    Ok(())
}

/// A secret of this name; the fresh one is kept where there was none.
pub(super) async fn secret(
    connection: &mut SqliteConnection,
    name: &str,
    fresh: &[u8],
) -> Result<Vec<u8>, StoreError> {
    sqlx::query(KEEP_SECRET)
        .bind(name)
        .bind(fresh)
        .execute(&mut *connection)
        .await
        .map_err(failed("keep a secret"))?;
    let row = sqlx::query(SECRET)
        .bind(name)
        .fetch_one(connection)
        .await
        .map_err(failed("read a secret"))?;
    get(&row, "value")
}
