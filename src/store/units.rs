//! Rows of units read and written many at a time, and the plan that their counts are of.
//!
//! `json_each` and `->>` are SQLite's; this file and `staging` are where PostgreSQL's text differs. What becomes of a
//! row belongs to `unit`.

use serde::Serialize;
use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteArguments};

use super::{
    later::Value,
    sending,
    unit::{Plan, UnitRow},
    values::{date_text, failed, from_json, get, get_number, micros, to_json},
};
use crate::{
    domain::{
        completion::Standing,
        ids::{GameId, RunKey},
    },
    ports::store::StoreError,
};

pub(super) const PLAN: &str = "
    SELECT wave, released, games_until FROM batches
    WHERE handoff = $1 AND game_date = $2
    ORDER BY wave DESC LIMIT 1";

pub(super) const NAMED: &str = "
    SELECT units.* FROM json_each($3) AS named
    CROSS JOIN units ON units.handoff = $1 AND units.game_date = $2 AND units.unit = named.value
    ORDER BY units.unit";

/// A row in the order of [`UnitRow`]'s fields: an array a row costs less than twenty columns.
const ROW: &str = "json_array(unit, game_id, listed_wave, coalesce(plan_wave, 0), coalesce(frozen_wave, 0), standing,
    reason, reason_text, true_at, in_time, claimed_at, missing, dispatched, attempt, phase, batch_id, staged_wave,
    sent_at, lease_until, tries)";

/// The same with the listing before it.
const ROW_LISTED: &str = "json_array(listing, json_array(unit, game_id, listed_wave, coalesce(plan_wave, 0),
    coalesce(frozen_wave, 0), standing, reason, reason_text, true_at, in_time, claimed_at, missing, dispatched,
    attempt, phase, batch_id, staged_wave, sent_at, lease_until, tries))";

/// `$3` an array a row, in the order of [`answered`].
pub(super) const WRITE_ANSWERS: &str = "
    UPDATE units SET
        standing = changed.value ->> 1, reason = changed.value ->> 2, reason_text = changed.value ->> 3,
        true_at = changed.value ->> 4, in_time = changed.value ->> 5, claimed_at = changed.value ->> 6,
        missing = changed.value ->> 7, phase = changed.value ->> 8
    FROM jsonb_each($3) AS changed
    WHERE units.handoff = $1 AND units.game_date = $2 AND units.unit = changed.value ->> 0";

/// `$3` an array a row, in the order of [`sent`].
pub(super) const WRITE_SENDING: &str = "
    UPDATE units SET
        phase = changed.value ->> 1, dispatched = changed.value ->> 2, attempt = changed.value ->> 3,
        batch_id = changed.value ->> 4, staged_wave = changed.value ->> 5, sent_at = changed.value ->> 6,
        lease_until = changed.value ->> 7, tries = changed.value ->> 8
    FROM jsonb_each($3) AS changed
    WHERE units.handoff = $1 AND units.game_date = $2 AND units.unit = changed.value ->> 0";

/// What answers and rows may change, by place: names would cost more to find than values to write.
fn answered(row: &UnitRow) -> impl Serialize + '_ {
    (
        &row.unit,
        row.standing.rank(),
        &row.reason,
        &row.reason_text,
        row.true_at.map(micros),
        row.in_time,
        row.claimed_at.map(micros),
        row.missing,
        row.phase,
    )
}

/// What sending may change, by place.
fn sent(row: &UnitRow) -> impl Serialize + '_ {
    (
        &row.unit,
        row.phase,
        row.dispatched,
        row.attempt,
        &row.batch_id,
        row.staged_wave,
        row.sent_at.map(micros),
        row.lease_until.map(micros),
        row.tries,
    )
}

/// A statement about one run's units, with the run bound as `$1` and `$2`.
pub(super) fn about(
    sql: &'static str,
    key: &RunKey,
) -> sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments> {
    sqlx::query(sql)
        .bind(key.handoff.as_str().to_owned())
        .bind(date_text(key.game_date))
}

/// The plan that the run's counts are of.
pub(super) async fn plan(
    connection: &mut SqliteConnection,
    key: &RunKey,
) -> Result<Plan, StoreError> {
    let row = about(PLAN, key)
        .fetch_optional(connection)
        .await
        .map_err(failed("read a run's plan"))?;
    let Some(row) = row else {
        return Ok(Plan::default());
    };
    Ok(Plan {
        wave: get_number(&row, "wave")?,
        is_released: get(&row, "released")?,
        games_until: get::<Option<String>>(&row, "games_until")?.map(GameId::new),
    })
}

/// The named units that are known, by name; one named twice comes twice.
pub(super) async fn named<'a>(
    connection: &mut SqliteConnection,
    key: &RunKey,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<UnitRow>, StoreError> {
    let names: Vec<&str> = names.collect();
    let names = to_json(&names)?.into();
    rows(connection, key, NAMED, vec![names]).await
}

/// The rows that a statement about one run's units selects, in its order; its values are bound from `$3` on.
pub(super) async fn rows(
    connection: &mut SqliteConnection,
    key: &RunKey,
    select: &'static str,
    values: Vec<Value>,
) -> Result<Vec<UnitRow>, StoreError> {
    from_json(&gather(connection, key, (ROW, select), values).await?)
}

/// The same, each with its listing.
pub(super) async fn rows_listed(
    connection: &mut SqliteConnection,
    key: &RunKey,
    select: &'static str,
    values: Vec<Value>,
) -> Result<Vec<(String, UnitRow)>, StoreError> {
    from_json(&gather(connection, key, (ROW_LISTED, select), values).await?)
}

/// Texts that read units while a night is sent and answered.
pub(super) fn gathered() -> [String; 3] {
    [
        gathering(ROW, NAMED),
        gathering(ROW_LISTED, sending::IN_DOUBT),
        gathering(ROW_LISTED, sending::STAGED),
    ]
}

fn gathering(row: &str, select: &str) -> String {
    format!("SELECT json_group_array({row}) FROM ({select})")
}

/// What a statement selects as one text: a row each would be a message each between two threads.
async fn gather(
    connection: &mut SqliteConnection,
    key: &RunKey,
    (row, select): (&str, &str),
    values: Vec<Value>,
) -> Result<String, StoreError> {
    let sql = gathering(row, select);
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(key.handoff.as_str().to_owned())
        .bind(date_text(key.game_date));
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        };
    }
    let gathered = query
        .fetch_one(connection)
        .await
        .map_err(failed("read units"))?;
    get(&gathered, 0)
}

/// Writes what answers and rows may change.
pub(super) async fn write_answers(
    connection: &mut SqliteConnection,
    key: &RunKey,
    rows: &[UnitRow],
) -> Result<(), StoreError> {
    let values: Vec<_> = rows.iter().map(answered).collect();
    write(connection, about(WRITE_ANSWERS, key), &values).await
}

/// Writes what sending may change.
pub(super) async fn write_sending(
    connection: &mut SqliteConnection,
    key: &RunKey,
    rows: &[UnitRow],
) -> Result<(), StoreError> {
    let values: Vec<_> = rows.iter().map(sent).collect();
    write(connection, about(WRITE_SENDING, key), &values).await
}

async fn write(
    connection: &mut SqliteConnection,
    statement: sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>,
    rows: &[impl Serialize],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    statement
        .bind(to_json(&rows)?)
        .execute(connection)
        .await
        .map_err(failed("write units"))?;
    Ok(())
}

/// The standing of a rank.
pub(super) fn standing(rank: i64) -> Result<Standing, StoreError> {
    usize::try_from(rank)
        .ok()
        .and_then(|rank| Standing::ALL.get(rank).copied())
        .ok_or_else(|| failed("read a standing")(format!("{rank} is no rank")))
}
