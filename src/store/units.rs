//! Rows of units read and written many at a time, and the plan that their counts are of.
//!
//! `json_each` and `->>` are SQLite's; this file and `staging` are where PostgreSQL's text differs. What becomes of a
//! row belongs to `unit`.

use serde::Serialize;
use sqlx::{
    SqliteConnection,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    unit::{Phase, Plan, UnitRow},
    values::{date_text, failed, get, get_instant, get_number, micros, to_json},
};
use crate::{
    domain::{
        completion::Standing,
        ids::{GameId, RunKey},
    },
    ports::store::StoreError,
};

const PLAN: &str = "
    SELECT wave, released, games_until FROM batches
    WHERE handoff = $1 AND game_date = $2
    ORDER BY wave DESC LIMIT 1";

pub(super) const NAMED: &str = "
    SELECT units.* FROM json_each($3) AS named
    CROSS JOIN units ON units.handoff = $1 AND units.game_date = $2 AND units.unit = named.value
    ORDER BY units.unit";

/// `$3` an array a row, in the order of [`answered`].
pub(super) const WRITE_ANSWERS: &str = "
    UPDATE units SET
        standing = changed.value ->> 1, reason = changed.value ->> 2, reason_text = changed.value ->> 3,
        true_at = changed.value ->> 4, in_time = changed.value ->> 5, claimed_at = changed.value ->> 6,
        missing = changed.value ->> 7, phase = changed.value ->> 8
    FROM json_each($3) AS changed
    WHERE units.handoff = $1 AND units.game_date = $2 AND units.unit = changed.value ->> 0";

/// `$3` an array a row, in the order of [`sent`].
pub(super) const WRITE_SENDING: &str = "
    UPDATE units SET
        phase = changed.value ->> 1, dispatched = changed.value ->> 2, attempt = changed.value ->> 3,
        batch_id = changed.value ->> 4, staged_wave = changed.value ->> 5, sent_at = changed.value ->> 6,
        lease_until = changed.value ->> 7, tries = changed.value ->> 8
    FROM json_each($3) AS changed
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
    about(NAMED, key)
        .bind(to_json(&names)?)
        .fetch_all(connection)
        .await
        .map_err(failed("read units"))?
        .iter()
        .map(unit_row)
        .collect()
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

/// A row as read.
pub(super) fn unit_row(row: &SqliteRow) -> Result<UnitRow, StoreError> {
    Ok(UnitRow {
        unit: get(row, "unit")?,
        game_id: GameId::new(get::<String>(row, "game_id")?),
        listed_wave: get_number(row, "listed_wave")?,
        plan_wave: wave(row, "plan_wave")?.unwrap_or(0),
        frozen_wave: wave(row, "frozen_wave")?.unwrap_or(0),
        standing: standing(get(row, "standing")?)?,
        reason: get(row, "reason")?,
        reason_text: get(row, "reason_text")?,
        true_at: get_instant(row, "true_at")?,
        in_time: get(row, "in_time")?,
        claimed_at: get_instant(row, "claimed_at")?,
        missing: get(row, "missing")?,
        dispatched: get(row, "dispatched")?,
        attempt: get_number(row, "attempt")?,
        phase: phase(&get::<String>(row, "phase")?)?,
        batch_id: get(row, "batch_id")?,
        staged_wave: wave(row, "staged_wave")?,
        sent_at: get_instant(row, "sent_at")?,
        lease_until: get_instant(row, "lease_until")?,
        tries: get_number(row, "tries")?,
    })
}

fn wave(row: &SqliteRow, column: &str) -> Result<Option<u32>, StoreError> {
    get::<Option<i64>>(row, column)?
        .map(u32::try_from)
        .transpose()
        .map_err(failed("read a wave"))
}

/// The standing of a rank.
pub(super) fn standing(rank: i64) -> Result<Standing, StoreError> {
    usize::try_from(rank)
        .ok()
        .and_then(|rank| Standing::ALL.get(rank).copied())
        .ok_or_else(|| failed("read a standing")(format!("{rank} is no rank")))
}

fn phase(name: &str) -> Result<Phase, StoreError> {
    match name {
        "idle" => Ok(Phase::Idle),
        "sending" => Ok(Phase::Sending),
        "sent" => Ok(Phase::Sent),
        "answered" => Ok(Phase::Answered),
        "given_up" => Ok(Phase::GivenUp),
        "refused" => Ok(Phase::Refused),
        other => Err(failed("read a phase")(format!("`{other}` is no phase"))),
    }
}
