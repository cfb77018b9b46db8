//! The engine's questions, asked of the embedded warehouse.
//!
//! No decision belongs here: what an answer means is the engine's. Every failure is "could not ask".

use async_trait::async_trait;
use chrono::NaiveTime;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    EmbeddedWarehouse,
    text::{instant_text, read_instant},
};
use crate::{
    domain::{
        Instant,
        ids::{GameDate, GameId, UnitId},
        plan::ListedUnit,
        readiness::{QualityBucket, Readiness},
    },
    ports::{Page, PortError, RunRecord, Scope, StoredRow, Warehouse},
};

const UPSTREAM_FINISHED: &str = include_str!("queries/upstream_finished.sql");
const LISTED: &str = include_str!("queries/listed.sql");
const FEATURES: &str = include_str!("queries/features.sql");
const QUALITY: &str = include_str!("queries/quality.sql");
const GAMES: &str = include_str!("queries/games.sql");
const READY_UNITS: &str = include_str!("queries/ready_units.sql");
const STORED_BETWEEN: &str = include_str!("queries/stored_between.sql");
const STORED_ROWS: &str = include_str!("queries/stored_rows.sql");

/// The first score of the highest bucket, which also holds 100.
const BUCKET_FROM_MAX: u32 = 90;

#[async_trait]
impl Warehouse for EmbeddedWarehouse {
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError> {
        // One transaction, so that the counts of one dataset are of one instant.
        let mut transaction = self
            .readers
            .begin()
            .await
            .map_err(could_not_ask("the warehouse", scope.game_date))?;
        let upstream_finished_at = upstream_finished_at(&mut transaction, scope)
            .await
            .map_err(could_not_ask(
                "nba_reference.processor_run_history whether the upstream finished",
                scope.game_date,
            ))?;
        let listed = listed(&mut transaction, scope)
            .await
            .map_err(could_not_ask(
                "nba_analytics.upcoming_player_game_context who is listed",
                scope.game_date,
            ))?;
        let features = features(&mut transaction, scope)
            .await
            .map_err(could_not_ask(
                "nba_predictions.ml_feature_store_v2 how many rows are ready",
                scope.game_date,
            ))?;
        Ok(Readiness {
            upstream_finished_at,
            expected: listed.expected,
            feature_rows: features.feature_rows,
            ready: features.ready,
            stale: features.stale,
            filtered: listed.filtered,
            quality: features.quality,
            quality_scores_distinct: features.quality_scores_distinct,
            newest_feature_at: features.newest_feature_at,
            games: listed.games,
        })
    }

    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError> {
        let mut units = self
            .listed_ready(scope, &page)
            .await
            .map_err(could_not_ask(
                "nba_predictions.ml_feature_store_v2 which units are ready",
                scope.game_date,
            ))?;
        self.mark_stored(scope.game_date, &mut units)
            .await
            .map_err(could_not_ask(
                "nba_predictions.player_prop_predictions which units have rows",
                scope.game_date,
            ))?;
        Ok(units)
    }

    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError> {
        let rows = sqlx::query(STORED_ROWS)
            .bind(game_date.to_string())
            .bind(page.after.map_or("", UnitId::as_str))
            .bind(i64::from(page.limit))
            .fetch_all(&self.readers)
            .await;
        rows.and_then(|rows| rows.iter().map(|row| stored_row(row, game_date)).collect())
            .map_err(could_not_ask(
                "nba_predictions.player_prop_predictions which units have rows",
                game_date,
            ))
    }

    async fn record_run(&self, record: &RunRecord) -> Result<(), PortError> {
        self.upsert_run(record).await.map_err(|source| {
            PortError::transient(
                format!(
                    "recording the run of {} in nba_reference.processor_run_history",
                    record.game_date
                ),
                source,
            )
        })
    }
}

impl EmbeddedWarehouse {
    /// Reads on until the page is full: a unit may have several rows, and the first of them is the one to use.
    async fn listed_ready(
        &self,
        scope: &Scope,
        page: &Page<'_>,
    ) -> Result<Vec<ListedUnit>, sqlx::Error> {
        let mut units: Vec<ListedUnit> = Vec::new();
        let wanted = page.limit.max(1) as usize;
        while units.len() < wanted {
            let after = units.last().map(|unit| &unit.unit).or(page.after);
            let rows_max = wanted - units.len();
            let rows = sqlx::query(READY_UNITS)
                .bind(scope.game_date.to_string())
                .bind(scope.game_date.to_string())
                .bind(after.map_or("", UnitId::as_str))
                .bind(instant_text(scope.fresh_since))
                .bind(scope.min_minutes)
                .bind(i64::try_from(rows_max).unwrap_or(i64::MAX))
                .fetch_all(&self.readers)
                .await?;
            for row in &rows {
                let unit = listed_unit(row)?;
                if units.last().is_none_or(|last| last.unit != unit.unit) {
                    units.push(unit);
                }
            }
            if rows.len() < rows_max {
                break;
            }
        }
        Ok(units)
    }

    async fn mark_stored(
        &self,
        game_date: GameDate,
        units: &mut [ListedUnit],
    ) -> Result<(), sqlx::Error> {
        let (Some(first), Some(last)) = (units.first(), units.last()) else {
            return Ok(());
        };
        let rows = sqlx::query(STORED_BETWEEN)
            .bind(game_date.to_string())
            .bind(first.unit.as_str())
            .bind(last.unit.as_str())
            .fetch_all(&self.readers)
            .await?;
        for row in rows {
            let stored: &str = row.try_get("player_lookup")?;
            // The page is in the order of the name.
            if let Ok(place) = units.binary_search_by(|unit| unit.unit.as_str().cmp(stored)) {
                units[place].has_row = true;
            }
        }
        Ok(())
    }
}

/// What the context table says of a date.
struct Listed {
    expected: u64,
    filtered: u64,
    games: Vec<GameId>,
}

/// What the feature store says of a date.
struct Features {
    feature_rows: u64,
    ready: u64,
    stale: u64,
    quality: Vec<QualityBucket>,
    quality_scores_distinct: u64,
    newest_feature_at: Option<Instant>,
}

async fn upstream_finished_at(
    connection: &mut SqliteConnection,
    scope: &Scope,
) -> Result<Option<Instant>, sqlx::Error> {
    let mut latest = None;
    for processor_name in &scope.processor_names {
        let row = sqlx::query(UPSTREAM_FINISHED)
            .bind(scope.game_date.to_string())
            .bind(processor_name)
            .fetch_one(&mut *connection)
            .await?;
        latest = latest.max(instant(&row, "finished_at")?);
    }
    Ok(latest)
}

async fn listed(connection: &mut SqliteConnection, scope: &Scope) -> Result<Listed, sqlx::Error> {
    let row = sqlx::query(LISTED)
        .bind(scope.min_minutes)
        .bind(scope.game_date.to_string())
        .fetch_one(&mut *connection)
        .await?;
    let games = sqlx::query(GAMES)
        .bind(scope.game_date.to_string())
        .fetch_all(&mut *connection)
        .await?;
    Ok(Listed {
        expected: count(&row, "expected")?,
        filtered: count(&row, "filtered")?,
        games: games
            .iter()
            .map(|row| row.try_get::<String, _>("game_id").map(GameId::new))
            .collect::<Result<_, _>>()?,
    })
}

async fn features(
    connection: &mut SqliteConnection,
    scope: &Scope,
) -> Result<Features, sqlx::Error> {
    let row = sqlx::query(FEATURES)
        .bind(instant_text(scope.fresh_since))
        .bind(scope.game_date.to_string())
        .bind(scope.game_date.to_string())
        .bind(scope.min_minutes)
        .fetch_one(&mut *connection)
        .await?;
    let quality = sqlx::query(QUALITY)
        .bind(scope.game_date.to_string())
        .bind(scope.game_date.to_string())
        .bind(scope.min_minutes)
        .fetch_all(&mut *connection)
        .await?;
    Ok(Features {
        feature_rows: count(&row, "feature_rows")?,
        ready: count(&row, "ready")?,
        stale: count(&row, "stale")?,
        quality: quality.iter().map(bucket).collect::<Result<_, _>>()?,
        quality_scores_distinct: count(&row, "quality_scores_distinct")?,
        newest_feature_at: instant(&row, "newest_feature_at")?,
    })
}

fn bucket(row: &SqliteRow) -> Result<QualityBucket, sqlx::Error> {
    let from: u32 = row.try_get("bucket")?;
    Ok(QualityBucket {
        from,
        to: if from == BUCKET_FROM_MAX {
            101
        } else {
            from + 10
        },
        units: count(row, "units")?,
    })
}

fn listed_unit(row: &SqliteRow) -> Result<ListedUnit, sqlx::Error> {
    Ok(ListedUnit {
        unit: UnitId::new(row.try_get::<String, _>("player_lookup")?),
        // A unit in no table's game is still sent; the worker says that it found no game.
        game_id: GameId::new(
            row.try_get::<Option<String>, _>("game_id")?
                .unwrap_or_default(),
        ),
        team_abbr: row.try_get("team_abbr")?,
        opponent_team_abbr: row.try_get("opponent_team_abbr")?,
        is_home: row.try_get("home_game")?,
        projected_minutes: row.try_get("avg_minutes_per_game_last_7")?,
        has_prop_line: row.try_get("has_prop_line")?,
        actual_prop_line: row.try_get("current_points_line")?,
        has_row: false,
    })
}

fn stored_row(row: &SqliteRow, game_date: GameDate) -> Result<StoredRow, sqlx::Error> {
    // A row that does not say when it was written is there all the same; the day's first instant stands in.
    let created_at = instant(row, "created_at")?
        .unwrap_or_else(|| game_date.0.and_time(NaiveTime::MIN).and_utc());
    Ok(StoredRow {
        unit: UnitId::new(row.try_get::<String, _>("player_lookup")?),
        created_at,
    })
}

fn count(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    let count: i64 = row.try_get(column)?;
    u64::try_from(count).map_err(|source| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: source.into(),
    })
}

fn instant(row: &SqliteRow, column: &str) -> Result<Option<Instant>, sqlx::Error> {
    let Some(text) = row.try_get::<Option<String>, _>(column)? else {
        return Ok(None);
    };
    let unreadable = || sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("not an instant: {text}").into(),
    };
    read_instant(&text).map(Some).ok_or_else(unreadable)
}

/// A missing table or column and a locked file may all mend by themselves, so none is permanent.
fn could_not_ask(what: &'static str, game_date: GameDate) -> impl FnOnce(sqlx::Error) -> PortError {
    move |source| PortError::transient(format!("asking {what} on {game_date}"), source)
}
