//! Answers, prediction rows and missing ones, merged into the units' rows.
//!
//! What each makes of a row belongs to `unit`; when they are asked for is not decided here.

use std::collections::{HashMap, HashSet};

use super::{
    later::Pipe,
    unit::{Plan, UnitRow},
    units::{self, about, standing},
    values::{get, get_number, micros},
};
use crate::{
    domain::{
        Instant,
        completion::Tally,
        ids::{GameId, RunKey, UnitId},
    },
    ports::{
        OpenUnit, StoredRow,
        store::{RankedAnswer, StoreError},
    },
};

/// Claims looked at in one go.
const CLAIMS_MAX: i64 = 1_000;

pub(super) const DUE_CLAIMS: &str = "
    SELECT * FROM units
    WHERE handoff = $1 AND game_date = $2 AND standing = 3 AND missing = 0 AND claimed_at <= $3
    ORDER BY claimed_at, unit LIMIT $4";

pub(super) const OPEN_UNITS: &str = "
    SELECT unit, game_id, standing, reason, reason_text, attempt FROM units
    WHERE handoff = $1 AND game_date = $2 AND (standing < 3 OR missing = 1)
        AND (listed_wave = $3 OR plan_wave = $3)
    ORDER BY game_id, unit LIMIT $4";

/// What an operation on units needs to know of their run.
pub(super) struct Promise<'a> {
    pub key: &'a RunKey,
    pub plan: &'a Plan,
    /// In time up to here, this instant included.
    pub deadline_at: Instant,
}

/// Merges answers one after the other, each unit read and written once; says of each answer what it changed.
pub(super) async fn answers(
    pipe: &mut Pipe<'_>,
    run: &Promise<'_>,
    answers: &[RankedAnswer],
) -> Result<Vec<Tally>, StoreError> {
    let names: HashSet<&str> = answers.iter().map(|answer| answer.unit.as_str()).collect();
    let before = units::named(pipe, run.key, names.into_iter()).await?;
    let mut rows = before.clone();
    let places: HashMap<&str, usize> = before
        .iter()
        .enumerate()
        .map(|(place, row)| (row.unit.as_str(), place))
        .collect();
    let merge = |answer: &RankedAnswer| match places.get(answer.unit.as_str()) {
        Some(&place) => rows[place].answer(answer, run.plan, run.deadline_at),
        None => Tally {
            unknown: 1,
            ..Tally::default()
        },
    };
    let tallies = answers.iter().map(merge).collect();
    let changed: Vec<UnitRow> = rows
        .into_iter()
        .zip(&before)
        .filter(|(row, before)| row != *before)
        .map(|(row, _)| row)
        .collect();
    units::write_answers(pipe, run.key, &changed)?;
    Ok(tallies)
}

/// Merges rows of the prediction table; rows of unknown units are somebody else's.
pub(super) async fn rows(
    pipe: &mut Pipe<'_>,
    run: &Promise<'_>,
    rows: &[StoredRow],
) -> Result<Tally, StoreError> {
    let mut earliest: HashMap<&str, Instant> = HashMap::new();
    for row in rows {
        let at = earliest.entry(row.unit.as_str()).or_insert(row.created_at);
        *at = row.created_at.min(*at);
    }
    let mut tally = Tally::default();
    let mut changed = Vec::new();
    for before in units::named(pipe, run.key, earliest.keys().copied()).await? {
        let mut row = before.clone();
        let created_at = earliest[row.unit.as_str()];
        tally.absorb(row.see_row(created_at, run.plan, run.deadline_at));
        if row != before {
            changed.push(row);
        }
    }
    units::write_answers(pipe, run.key, &changed)?;
    Ok(tally)
}

/// Marks claims up to this instant, and exactly then, as missing.
pub(super) async fn missing(
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    claimed_until: Instant,
    plan: &Plan,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    loop {
        let due = units::selected(DUE_CLAIMS, key)
            .bind(micros(claimed_until))
            .bind(CLAIMS_MAX);
        let mut rows = units::rows(pipe, due).await?;
        if rows.is_empty() {
            return Ok(tally);
        }
        for row in &mut rows {
            tally.absorb(row.miss(plan));
        }
        units::write_answers(pipe, key, &rows)?;
    }
}

/// Units of the plan that still need work, those in flight included, by game and name.
pub(super) async fn open_units(
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    most: u32,
) -> Result<Vec<OpenUnit>, StoreError> {
    let plan = units::plan(pipe, key).await?;
    if plan.wave == 0 {
        return Ok(Vec::new());
    }
    let open = about(OPEN_UNITS, key)
        .bind(i64::from(plan.wave))
        .bind(i64::from(most));
    let rows = pipe.ask(open, "read units that need work").await?;
    rows.iter()
        .map(|row| {
            let word: Option<String> = get(row, "reason_text")?;
            Ok(OpenUnit {
                unit: UnitId::new(get::<String>(row, "unit")?),
                game_id: GameId::new(get::<String>(row, "game_id")?),
                standing: standing(get(row, "standing")?)?,
                reason: word.or(get(row, "reason")?),
                attempts: get_number(row, "attempt")?,
            })
        })
        .collect()
}
