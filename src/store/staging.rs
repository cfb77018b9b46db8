//! Waves: a listing staged page by page, unseen, then frozen into the run's plan at one stroke.
//!
//! `json_each` is SQLite's; PostgreSQL's text differs here. Sending what was frozen belongs to `sending`.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::sqlite::SqliteRow;

use super::{
    later::Pipe,
    unit::Plan,
    units::{about, standing},
    values::{get, get_instant, get_number, to_json},
};
use crate::{
    domain::{
        completion::{GAMES_MAX, GameCounts, Standing},
        event::FrozenTally,
        ids::{BatchId, GameId, RunKey},
    },
    ports::store::{StagePage, StoreError},
};

/// `$3` the first unit of a page, `$4` its last.
pub(super) const KNOWS: &str = "
    SELECT EXISTS (
        SELECT 1 FROM units WHERE handoff = $1 AND game_date = $2 AND unit BETWEEN $3 AND $4) AS knows";

/// `$3` the wave, `$4` units that were never listed, each with the wave that is to send it.
pub(super) const LIST_NEW: &str = "
    INSERT INTO units (handoff, game_date, unit, game_id, listing, listed_wave, standing, in_time, staged_wave)
    SELECT $1, $2, page.value ->> 0, page.value ->> 1, page.value -> 2, $3,
        page.value ->> 3, page.value ->> 4, page.value ->> 5
    FROM jsonb_each($4) AS page";

/// `$3` the wave, `$4` the plan's wave, `$5` the units. A unit of the plan whose row the listing saw is merged when
/// the wave is frozen; until then the plan's counts know nothing of it. A row without its instant counts as in time
/// until `rows` brings the instant.
const LIST: &str = "
    INSERT INTO units (handoff, game_date, unit, game_id, listing, listed_wave, standing, in_time)
    SELECT $1, $2, page.value ->> 0, page.value ->> 1, page.value ->> 2, $3,
        CASE WHEN page.value ->> 3 THEN 5 ELSE 0 END, page.value ->> 3
    FROM json_each($5) AS page
    WHERE true
    ON CONFLICT (handoff, game_date, unit) DO UPDATE SET
        game_id = excluded.game_id,
        listing = excluded.listing,
        plan_wave = CASE WHEN units.listed_wave = $4 THEN $4 ELSE units.plan_wave END,
        listed_wave = excluded.listed_wave,
        staged_wave = CASE WHEN units.staged_wave = excluded.listed_wave THEN NULL ELSE units.staged_wave END,
        row_listed = excluded.standing = 5 AND units.standing < 5";

/// `$3` the listed wave, `$4` the plan's wave: rows of units that no count holds yet.
pub(super) const MERGE_NEW: &str = "
    UPDATE units SET standing = 5, reason = NULL, reason_text = NULL, true_at = NULL, in_time = 1, missing = 0,
        row_listed = 0
    WHERE handoff = $1 AND game_date = $2 AND row_listed = 1 AND listed_wave = $3
        AND (plan_wave IS NULL OR plan_wave <> $4)";

/// `$3` the wave that is now the plan's.
pub(super) const MERGE_PLANNED: &str = "
    UPDATE units SET standing = 5, reason = NULL, reason_text = NULL, true_at = NULL, in_time = 1, missing = 0,
        row_listed = 0
    WHERE handoff = $1 AND game_date = $2 AND row_listed = 1 AND listed_wave = $3 AND standing < 5";

/// `$3` the wave, `$4` the plan's wave, `$5` the wave being sent, `$6` the page, `$7` attempts, `$8` most units.
pub(super) const STAGE: &str = "
    UPDATE units SET
        frozen_wave = CASE WHEN staged_wave = $4 THEN $4 ELSE frozen_wave END,
        staged_wave = $3
    WHERE handoff = $1 AND game_date = $2 AND unit IN (
        SELECT listed.unit FROM json_each($6) AS page
        CROSS JOIN units AS listed
            ON listed.handoff = $1 AND listed.game_date = $2 AND listed.unit = page.value ->> 0
        WHERE (listed.standing < 3 OR listed.missing = 1)
            AND listed.row_listed = 0
            AND listed.phase NOT IN ('sending', 'sent')
            AND listed.attempt < $7
            AND (listed.staged_wave IS NULL OR listed.staged_wave <> $5)
        ORDER BY page.key
        LIMIT $8)";

pub(super) const FREEZE: &str = "
    INSERT INTO batches (handoff, game_date, batch_id, wave) VALUES ($1, $2, $3, $4)
    ON CONFLICT (handoff, batch_id) DO UPDATE SET wave = excluded.wave";

/// All that is counted of a wave, in one walk through its units.
pub(super) const COUNT: &str = "
    SELECT game_id, standing, reason, missing, in_time,
        dispatched = 1 OR coalesce(staged_wave, 0) = $3 AS counted,
        count(*) AS units, max(true_at) AS latest_true_at,
        count(CASE WHEN staged_wave = $3 THEN 1 END) AS to_send,
        count(CASE WHEN staged_wave = $3 AND attempt > 0 THEN 1 END) AS retried,
        count(CASE WHEN staged_wave = $3 AND batch_id = $4 AND phase = 'answered' AND sent_at IS NOT NULL
            THEN 1 END) AS resent_answered,
        count(CASE WHEN staged_wave = $3 AND batch_id = $4 AND phase = 'given_up' THEN 1 END) AS resent_given_up
    FROM units
    WHERE handoff = $1 AND game_date = $2 AND listed_wave = $3
    GROUP BY game_id, standing, reason, missing, in_time, counted";

const COUNT_ORPHANS: &str = "
    SELECT count(*) AS orphans FROM units
    WHERE handoff = $1 AND game_date = $2 AND listed_wave <> $3 AND (listed_wave = $4 OR plan_wave = $4)";

pub(super) const KEEP_GAMES_UNTIL: &str =
    "UPDATE batches SET games_until = $4 WHERE handoff = $1 AND game_date = $2 AND batch_id = $3";

const RELEASE: &str =
    "UPDATE batches SET released = 1 WHERE handoff = $1 AND game_date = $2 AND batch_id = $3";

/// What was being sent is nobody's any more: a confirmation that still comes is not heard.
pub(super) const RELEASE_LEASES: &str = "
    UPDATE units SET phase = CASE WHEN phase = 'sending' THEN 'idle' ELSE phase END, lease_until = NULL
    WHERE handoff = $1 AND game_date = $2 AND lease_until IS NOT NULL AND batch_id = $3";

/// Stages a page and says how many of it would be sent.
pub(super) async fn stage(
    pipe: &mut Pipe<'_>,
    page: &StagePage<'_>,
    plan: &Plan,
) -> Result<u64, StoreError> {
    let (Some(first), Some(last)) = (page.units.first(), page.units.last()) else {
        return Ok(0);
    };
    if page.is_first {
        return stage_new(pipe, page);
    }
    let knows = about(KNOWS, page.key)
        .bind(first.unit.as_str())
        .bind(last.unit.as_str());
    let knows = pipe.ask_one(knows, "look for units").await?;
    if get(&knows, 0)? {
        stage_known(pipe, page, plan).await
    } else {
        stage_new(pipe, page)
    }
}

/// Units of which there is no row: without one, each is to be sent that has no prediction.
fn stage_new(pipe: &mut Pipe<'_>, page: &StagePage<'_>) -> Result<u64, StoreError> {
    let most = match page.attempts_max {
        0 => 0,
        _ => page.units_max.unwrap_or(u64::MAX),
    };
    let mut staged = 0;
    let rows = page.units.iter().map(|unit| {
        let is_staged = !unit.has_row && staged < most;
        staged += u64::from(is_staged);
        let standing = if unit.has_row {
            Standing::Stored
        } else {
            Standing::Unanswered
        };
        (
            &unit.unit,
            &unit.game_id,
            unit,
            standing.rank(),
            u8::from(unit.has_row),
            is_staged.then_some(page.wave),
        )
    });
    let rows: Vec<_> = rows.collect();
    pipe.write(
        about(LIST_NEW, page.key)
            .bind(i64::from(page.wave))
            .bind(to_json(&rows)?),
    );
    Ok(staged)
}

async fn stage_known(
    pipe: &mut Pipe<'_>,
    page: &StagePage<'_>,
    plan: &Plan,
) -> Result<u64, StoreError> {
    let mut units = Vec::with_capacity(page.units.len());
    for unit in page.units {
        let listing = to_json(unit)?;
        units.push(json!([unit.unit, unit.game_id, listing, unit.has_row]));
    }
    let units = to_json(&units)?;
    let (wave, planned) = (i64::from(page.wave), i64::from(plan.wave));
    pipe.write(
        about(LIST, page.key)
            .bind(wave)
            .bind(planned)
            .bind(units.as_str()),
    );
    pipe.write(about(MERGE_NEW, page.key).bind(wave).bind(planned));
    // A negative limit is none.
    let most = page
        .units_max
        .map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
    let stage = about(STAGE, page.key)
        .bind(wave)
        .bind(planned)
        .bind(i64::from(plan.live_wave()))
        .bind(units)
        .bind(i64::from(page.attempts_max))
        .bind(most);
    pipe.count(stage, "stage units").await
}

/// What is frozen, and over which plan.
pub(super) struct Freeze<'a> {
    pub key: &'a RunKey,
    pub batch_id: &'a BatchId,
    pub wave: u32,
    /// The plan so far.
    pub plan: &'a Plan,
}

/// Makes a staged wave the batch's, and counts the plan anew.
pub(super) async fn freeze(
    pipe: &mut Pipe<'_>,
    order: &Freeze<'_>,
) -> Result<FrozenTally, StoreError> {
    let wave = i64::from(order.wave);
    pipe.write(
        about(FREEZE, order.key)
            .bind(order.batch_id.as_str())
            .bind(wave),
    );
    pipe.write(about(MERGE_PLANNED, order.key).bind(wave));
    let count_all = about(COUNT, order.key)
        .bind(wave)
        .bind(order.batch_id.as_str());
    let groups = pipe.ask(count_all, "freeze and count a wave").await?;
    let mut tally = FrozenTally::default();
    let mut games: BTreeMap<GameId, GameCounts> = BTreeMap::new();
    for group in &groups {
        let counts = count(group, &mut tally)?;
        let game = games.entry(GameId::new(get::<String>(group, "game_id")?));
        let sum = game.or_default();
        sum.ready += counts.ready;
        sum.predicted += counts.predicted;
    }
    if order.plan.wave > 0 {
        let orphans = about(COUNT_ORPHANS, order.key)
            .bind(wave)
            .bind(i64::from(order.plan.wave));
        let orphans = pipe.ask_one(orphans, "count orphans").await?;
        tally.orphans = get_number(&orphans, "orphans")?;
    }
    keep_games(pipe, order, (games, &mut tally));
    Ok(tally)
}

/// Adds a group of units that are alike; says what it adds to their game.
fn count(group: &SqliteRow, tally: &mut FrozenTally) -> Result<GameCounts, StoreError> {
    let standing = standing(get(group, "standing")?)?;
    let units: u64 = get_number(group, "units")?;
    tally.plan.add(standing, units);
    if get(group, "counted")? {
        tally.sent.add(standing, units);
    }
    if get(group, "in_time")? {
        tally.in_time += units;
    }
    if get(group, "missing")? {
        tally.missing += units;
    }
    if let Some(reason) = get::<Option<String>>(group, "reason")? {
        *tally.reasons.entry(reason).or_default() += units;
    }
    if standing.is_satisfied() {
        let latest = get_instant(group, "latest_true_at")?;
        tally.latest_true_at = tally.latest_true_at.max(latest);
    }
    tally.to_send += get_number::<u64>(group, "to_send")?;
    tally.retried += get_number::<u64>(group, "retried")?;
    tally.resent_answered += get_number::<u64>(group, "resent_answered")?;
    tally.resent_given_up += get_number::<u64>(group, "resent_given_up")?;
    let is_predicted = matches!(standing, Standing::Claimed | Standing::Stored);
    Ok(GameCounts {
        ready: units,
        predicted: if is_predicted { units } else { 0 },
    })
}

/// Keeps at most [`GAMES_MAX`] games apart: the first by id, and the rest under one name.
fn keep_games(
    pipe: &mut Pipe<'_>,
    order: &Freeze<'_>,
    (games, tally): (BTreeMap<GameId, GameCounts>, &mut FrozenTally),
) {
    let last = games.keys().nth(GAMES_MAX - 2);
    let last = last.filter(|_| games.len() > GAMES_MAX).cloned();
    let plan = Plan {
        games_until: last,
        ..order.plan.clone()
    };
    let mut counted: BTreeMap<GameId, GameCounts> = BTreeMap::new();
    for (game_id, counts) in games {
        let sum = counted.entry(plan.counted_game(&game_id)).or_default();
        sum.ready += counts.ready;
        sum.predicted += counts.predicted;
    }
    tally.games = counted.into_iter().collect();
    pipe.write(
        about(KEEP_GAMES_UNTIL, order.key)
            .bind(order.batch_id.as_str())
            .bind(plan.games_until.as_ref().map(GameId::as_str)),
    );
}

/// Frees what a batch has not sent.
pub(super) fn release(pipe: &mut Pipe<'_>, key: &RunKey, batch_id: &BatchId) {
    for sql in [RELEASE, RELEASE_LEASES] {
        pipe.write(about(sql, key).bind(batch_id.as_str()));
    }
}
