//! Rows of units read and written many at a time, and the plan that their counts are of.
//!
//! `json_each` and `->>` are SQLite's; this file and `staging` are where PostgreSQL's text differs. What becomes of a
//! row belongs to `unit`.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    later::{Pipe, Statement},
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
pub(super) fn about(sql: impl Into<Cow<'static, str>>, key: &RunKey) -> Statement {
    Statement {
        sql: sql.into(),
        values: vec![key.handoff.as_str().into(), date_text(key.game_date).into()],
    }
}

/// The plan that the run's counts are of.
pub(super) async fn plan(pipe: &mut Pipe<'_>, key: &RunKey) -> Result<Plan, StoreError> {
    let rows = pipe.ask(about(PLAN, key), "read a run's plan").await?;
    let Some(row) = rows.first() else {
        return Ok(Plan::default());
    };
    Ok(Plan {
        wave: get_number(row, "wave")?,
        is_released: get(row, "released")?,
        games_until: get::<Option<String>>(row, "games_until")?.map(GameId::new),
    })
}

/// The named units that are known, by name; one named twice comes twice.
pub(super) async fn named<'a>(
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<UnitRow>, StoreError> {
    let names: Vec<&str> = names.collect();
    let names = to_json(&names)?;
    rows(pipe, about(gathering(ROW, NAMED), key).bind(names)).await
}

/// Asks for the rows that a statement about one run's units selects, in its order.
pub(super) fn selected(select: &str, key: &RunKey) -> Statement {
    about(gathering(ROW, select), key)
}

/// The same, each with its listing.
pub(super) fn selected_listed(select: &str, key: &RunKey) -> Statement {
    about(gathering(ROW_LISTED, select), key)
}

/// The rows of [`selected`].
pub(super) async fn rows(
    pipe: &mut Pipe<'_>,
    selected: Statement,
) -> Result<Vec<UnitRow>, StoreError> {
    let gathered = pipe.ask_one(selected, "read units").await?;
    from_json(get(&gathered, 0)?)
}

/// Texts that read units while a night is sent and answered.
pub(super) fn gathered() -> [String; 3] {
    [
        gathering(ROW, NAMED),
        gathering(ROW_LISTED, sending::IN_DOUBT),
        gathering(ROW_LISTED, sending::STAGED),
    ]
}

/// What a statement selects as one text: a row each would be a message each between two threads.
fn gathering(row: &str, select: &str) -> String {
    format!("SELECT json_group_array({row}) FROM ({select})")
}

/// Writes what answers and rows may change.
pub(super) fn write_answers(
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    rows: &[UnitRow],
) -> Result<(), StoreError> {
    let values: Vec<_> = rows.iter().map(answered).collect();
    write(pipe, about(WRITE_ANSWERS, key), &values)
}

/// Writes what sending may change.
pub(super) fn write_sending(
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    rows: &[UnitRow],
) -> Result<(), StoreError> {
    let values: Vec<_> = rows.iter().map(sent).collect();
    write(pipe, about(WRITE_SENDING, key), &values)
}

fn write(
    pipe: &mut Pipe<'_>,
    statement: Statement,
    rows: &[impl Serialize],
) -> Result<(), StoreError> {
    if !rows.is_empty() {
        pipe.write(statement.bind(to_json(&rows)?));
    }
    Ok(())
}

/// The standing of a rank.
pub(super) fn standing(rank: i64) -> Result<Standing, StoreError> {
    usize::try_from(rank)
        .ok()
        .and_then(|rank| Standing::ALL.get(rank).copied())
        .ok_or_else(|| failed("read a standing")(format!("{rank} is no rank")))
}
