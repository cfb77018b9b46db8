//! Runs, the batches' way back to them, and their history.
//!
//! Units belong to `units`; what a run is, is the domain's.

use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    later::{Pipe, Statement},
    units::about,
    values::{date, date_text, failed, from_json, get, get_instant, micros, to_json},
};
use crate::{
    domain::{
        Instant,
        baseline::Night,
        ids::{BatchId, GameDate, HandoffId, RunKey},
        run::{Purpose, Run},
    },
    ports::store::{HistoryEntry, NightsBefore, StoreError},
};

pub(super) const RUN: &str = "SELECT body FROM runs WHERE handoff = $1 AND game_date = $2";

pub(super) const SAVE: &str = "
    INSERT INTO runs (handoff, game_date, purpose, state, opened_at, closed_at, next_wake_at, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (handoff, game_date) DO UPDATE SET
        purpose = excluded.purpose, state = excluded.state, closed_at = excluded.closed_at,
        next_wake_at = excluded.next_wake_at, body = excluded.body";

const OF_BATCH: &str = "
    SELECT handoff, game_date FROM batches WHERE batch_id = $1
    ORDER BY game_date DESC, handoff LIMIT 1";

pub(super) const DUE: &str = "
    SELECT handoff, game_date FROM runs WHERE next_wake_at <= $1
    ORDER BY next_wake_at, handoff, game_date LIMIT $2";

pub(super) const NEXT_WAKE_AT: &str = "
    SELECT min(at) AS at FROM (
        SELECT min(next_wake_at) AS at FROM runs UNION ALL SELECT next_wake_at FROM service
        UNION ALL SELECT min(until) FROM silences)";

const LATEST_DATE: &str =
    "SELECT max(game_date) AS game_date FROM runs WHERE handoff = $1 AND purpose = 'tonight'";

const OPEN: &str =
    "SELECT body FROM runs WHERE handoff = $1 AND closed_at IS NULL ORDER BY game_date";

const NIGHTS: &str = "
    SELECT body FROM runs
    WHERE handoff = $1 AND game_date < $2 AND purpose = 'tonight' AND state <> 'not_expected'
    ORDER BY game_date DESC LIMIT $3";

const BETWEEN: &str = "
    SELECT body FROM runs
    WHERE handoff = $1 AND game_date BETWEEN $2 AND $3 AND (purpose = 'tonight' OR body ->> '$.ruling' IS NOT NULL)
    ORDER BY game_date";

pub(super) const APPEND: &str =
    "INSERT INTO history (handoff, game_date, at, step, entry) VALUES ($1, $2, $3, $4, $5)";

const HISTORY: &str =
    "SELECT entry FROM history WHERE handoff = $1 AND game_date = $2 ORDER BY seq";

const LAST_INSTANT: &str = "SELECT max(at) AS at FROM history";

/// The run, if it was ever opened.
pub(super) async fn run(mut pipe: Pipe<'_>, key: &RunKey) -> Result<Option<Run>, StoreError> {
    let rows = pipe.ask(about(RUN, key), "read a run").await?;
    rows.first().map(body).transpose()
}

/// The runs from one date to another, earliest first; no backfills but of nights that had their verdict.
pub(super) async fn between(
    connection: &mut SqliteConnection,
    handoff: &HandoffId,
    (from, to): (GameDate, GameDate),
) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query(BETWEEN)
        .bind(handoff.as_str())
        .bind(date_text(from))
        .bind(date_text(to))
        .fetch_all(connection)
        .await
        .map_err(failed("read the nights of some dates"))?;
    rows.iter().map(body).collect()
}

/// Saving the run with its next wake.
pub(super) fn save(run: &Run, next_wake_at: Option<Instant>) -> Result<Statement, StoreError> {
    let purpose = match run.purpose {
        Purpose::Tonight => "tonight",
        Purpose::Backfill => "backfill",
    };
    Ok(Statement {
        sql: SAVE.into(),
        values: vec![
            run.key.handoff.as_str().into(),
            date_text(run.key.game_date).into(),
            purpose.into(),
            run.state.name().into(),
            micros(run.opened_at).into(),
            run.closed_at.map(micros).into(),
            next_wake_at.map(micros).into(),
            to_json(run)?.into(),
        ],
    })
}

/// The run that a batch belongs to; of handoffs whose batches share an id, the first of the latest date.
pub(super) async fn of_batch(
    connection: &mut SqliteConnection,
    batch_id: &BatchId,
) -> Result<Option<RunKey>, StoreError> {
    let row = sqlx::query(OF_BATCH)
        .bind(batch_id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(failed("read the run of a batch"))?;
    row.as_ref().map(key).transpose()
}

/// Runs whose next wake has come, exactly now included.
pub(super) async fn due(
    connection: &mut SqliteConnection,
    now: Instant,
    most: u32,
) -> Result<Vec<RunKey>, StoreError> {
    let rows = sqlx::query(DUE)
        .bind(micros(now))
        .bind(i64::from(most))
        .fetch_all(connection)
        .await
        .map_err(failed("read due runs"))?;
    rows.iter().map(key).collect()
}

/// The earliest due instant of any run, and of the service itself; the end of a silence is one.
pub(super) async fn next_wake_at(
    connection: &mut SqliteConnection,
) -> Result<Option<Instant>, StoreError> {
    let row = sqlx::query(NEXT_WAKE_AT)
        .fetch_one(connection)
        .await
        .map_err(failed("read when to look again"))?;
    get_instant(&row, "at")
}

/// The latest game date of a run that was not a backfill.
pub(super) async fn latest_date(
    connection: &mut SqliteConnection,
    handoff: &HandoffId,
) -> Result<Option<GameDate>, StoreError> {
    let row = sqlx::query(LATEST_DATE)
        .bind(handoff.as_str())
        .fetch_one(connection)
        .await
        .map_err(failed("read the latest date"))?;
    let text: Option<String> = get(&row, "game_date")?;
    text.as_deref().map(date).transpose()
}

/// Every open run of a handoff.
pub(super) async fn open(
    connection: &mut SqliteConnection,
    handoff: &HandoffId,
) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query(OPEN)
        .bind(handoff.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed("read open runs"))?;
    rows.iter().map(body).collect()
}

/// Figures of earlier nights that were expected.
pub(super) async fn nights(
    connection: &mut SqliteConnection,
    before: &NightsBefore<'_>,
) -> Result<Vec<Night>, StoreError> {
    let rows = sqlx::query(NIGHTS)
        .bind(before.handoff.as_str())
        .bind(date_text(before.game_date))
        .bind(i64::from(before.nights_max))
        .fetch_all(connection)
        .await
        .map_err(failed("read earlier nights"))?;
    rows.iter().map(|row| Ok(body(row)?.night())).collect()
}

/// Adding to the history.
pub(super) fn append(entry: &HistoryEntry) -> Result<Statement, StoreError> {
    let step = entry.step.map(i64::try_from).transpose();
    Ok(Statement {
        sql: APPEND.into(),
        values: vec![
            entry.key.handoff.as_str().into(),
            date_text(entry.key.game_date).into(),
            micros(entry.at).into(),
            step.map_err(failed("number a step"))?.into(),
            to_json(entry)?.into(),
        ],
    })
}

/// A night's history, as it was written.
pub(super) async fn history(
    mut pipe: Pipe<'_>,
    key: &RunKey,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let rows = pipe.ask(about(HISTORY, key), "read a history").await?;
    rows.iter()
        .map(|row| from_json(get(row, "entry")?))
        .collect()
}

/// The last instant of any history.
pub(super) async fn last_instant(
    connection: &mut SqliteConnection,
) -> Result<Option<Instant>, StoreError> {
    let row = sqlx::query(LAST_INSTANT)
        .fetch_one(connection)
        .await
        .map_err(failed("read the last instant"))?;
    get_instant(&row, "at")
}

fn body(row: &SqliteRow) -> Result<Run, StoreError> {
    from_json(get(row, "body")?)
}

fn key(row: &SqliteRow) -> Result<RunKey, StoreError> {
    Ok(RunKey {
        handoff: HandoffId::new(get::<String>(row, "handoff")?),
        game_date: date(get(row, "game_date")?)?,
    })
}
