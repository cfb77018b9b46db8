//! The engine's questions to any warehouse: which text is asked with which parameters, and what its rows add up to.
//!
//! How a text gets to its warehouse and back belongs to the adapter, an [`Asker`]; what an answer means to the engine.

use async_trait::async_trait;
use chrono::NaiveTime;
use futures::future::try_join_all;

use super::schema::Kind;
use crate::{
    domain::{
        Instant,
        ids::{GameDate, GameId, UnitId},
        plan::ListedUnit,
        readiness::{QualityBucket, Readiness},
    },
    ports::{Cause, Page, PortError, Scope, StoredRow},
};

/// The first score of the highest bucket, which also holds 100.
const BUCKET_FROM_MAX: u32 = 90;

/// One shipped text that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    /// When the upstream finished.
    UpstreamFinished,
    /// How many units are listed.
    Listed,
    /// The games of a date.
    Games,
    /// How many units have features.
    Features,
    /// How quality is spread.
    Quality,
    /// Which units are ready.
    ReadyUnits,
    /// Which of the units of a page have rows.
    StoredBetween,
    /// Which units have rows.
    StoredRows,
}

impl Query {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::UpstreamFinished,
        Self::Listed,
        Self::Games,
        Self::Features,
        Self::Quality,
        Self::ReadyUnits,
        Self::StoredBetween,
        Self::StoredRows,
    ];

    /// The file's name without its ending.
    pub fn name(self) -> &'static str {
        match self {
            Self::UpstreamFinished => "upstream_finished",
            Self::Listed => "listed",
            Self::Games => "games",
            Self::Features => "features",
            Self::Quality => "quality",
            Self::ReadyUnits => "ready_units",
            Self::StoredBetween => "stored_between",
            Self::StoredRows => "stored_rows",
        }
    }

    /// The shipped text.
    pub fn text(self) -> &'static str {
        match self {
            Self::UpstreamFinished => include_str!("queries/upstream_finished.sql"),
            Self::Listed => include_str!("queries/listed.sql"),
            Self::Games => include_str!("queries/games.sql"),
            Self::Features => include_str!("queries/features.sql"),
            Self::Quality => include_str!("queries/quality.sql"),
            Self::ReadyUnits => include_str!("queries/ready_units.sql"),
            Self::StoredBetween => include_str!("queries/stored_between.sql"),
            Self::StoredRows => include_str!("queries/stored_rows.sql"),
        }
    }

    /// The columns of its answer, in order.
    pub fn columns(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::UpstreamFinished => &[("finished_at", Kind::Instant)],
            Self::Listed => &[("expected", Kind::Integer), ("filtered", Kind::Integer)],
            Self::Games => &[("game_id", Kind::Text)],
            Self::Features => &[
                ("feature_rows", Kind::Integer),
                ("ready", Kind::Integer),
                ("stale", Kind::Integer),
                ("quality_scores_distinct", Kind::Integer),
                ("newest_feature_at", Kind::Instant),
            ],
            Self::Quality => &[("bucket", Kind::Integer), ("units", Kind::Integer)],
            Self::ReadyUnits => &[
                ("player_lookup", Kind::Text),
                ("game_id", Kind::Text),
                ("team_abbr", Kind::Text),
                ("opponent_team_abbr", Kind::Text),
                ("home_game", Kind::Boolean),
                ("avg_minutes_per_game_last_7", Kind::Real),
                ("has_prop_line", Kind::Boolean),
                ("current_points_line", Kind::Real),
            ],
            Self::StoredBetween => &[("player_lookup", Kind::Text)],
            Self::StoredRows => &[("player_lookup", Kind::Text), ("created_at", Kind::Instant)],
        }
    }

    /// What it asks, with the table that it is mainly about.
    pub fn about(self) -> &'static str {
        match self {
            Self::UpstreamFinished => {
                "nba_reference.processor_run_history whether the upstream finished"
            }
            Self::Listed => "nba_analytics.upcoming_player_game_context who is listed",
            Self::Games => "nba_analytics.upcoming_player_game_context which games there are",
            Self::Features => "nba_predictions.ml_feature_store_v2 how many rows are ready",
            Self::Quality => "nba_predictions.ml_feature_store_v2 how quality is spread",
            Self::ReadyUnits => "nba_predictions.ml_feature_store_v2 which units are ready",
            Self::StoredBetween | Self::StoredRows => {
                "nba_predictions.player_prop_predictions which units have rows"
            }
        }
    }
}

/// A value in the place of a `?`.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// A day.
    Date(GameDate),
    /// An instant.
    Instant(Instant),
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// A count of rows.
    Count(i64),
}

/// A text with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The text.
    pub query: Query,
    /// The date it is about.
    pub game_date: GameDate,
    /// In the order of the text.
    pub parameters: Vec<Parameter>,
}

impl Question {
    /// What is being done, the beginning of every error.
    pub fn doing(&self) -> String {
        format!("asking {} on {}", self.query.about(), self.game_date)
    }

    /// That it could not be asked: a missing table and a locked file may all mend by themselves, so none is permanent.
    pub fn could_not_ask(&self, source: impl Into<Cause>) -> PortError {
        PortError::transient(self.doing(), source)
    }
}

/// A row of an answer; a missing value is `None`, a value of another type an error.
pub trait Row {
    /// Text.
    ///
    /// # Errors
    ///
    /// When the column is not there or of another type.
    fn text(&self, column: &str) -> Result<Option<String>, Cause>;
    /// A whole number.
    ///
    /// # Errors
    ///
    /// As for text.
    fn whole(&self, column: &str) -> Result<Option<i64>, Cause>;
    /// A number.
    ///
    /// # Errors
    ///
    /// As for text.
    fn real(&self, column: &str) -> Result<Option<f64>, Cause>;
    /// Truth.
    ///
    /// # Errors
    ///
    /// As for text.
    fn truth(&self, column: &str) -> Result<Option<bool>, Cause>;
    /// An instant.
    ///
    /// # Errors
    ///
    /// As for text.
    fn instant(&self, column: &str) -> Result<Option<Instant>, Cause>;
}

/// Gets a question to its warehouse.
#[async_trait]
pub trait Asker: Sync {
    /// Its rows.
    type Row: Row + Send;

    /// Every row of the answer, or why there is none: never a part.
    async fn ask(&self, question: &Question) -> Result<Vec<Self::Row>, PortError>;

    /// The same of several questions, in their order; all of them are answered, or none.
    async fn ask_all(&self, questions: &[Question]) -> Result<Vec<Vec<Self::Row>>, PortError> {
        try_join_all(questions.iter().map(|question| self.ask(question))).await
    }
}

/// Whether the upstream finished and how ready its rows are.
///
/// # Errors
///
/// When one of the questions could not be asked.
pub async fn readiness<A: Asker>(asker: &A, scope: &Scope) -> Result<Readiness, PortError> {
    use Parameter::{Date, Instant, Number};
    let date = || Date(scope.game_date);
    let minutes = || Number(scope.min_minutes);
    let about = |query, parameters| Question {
        query,
        game_date: scope.game_date,
        parameters,
    };
    let fresh_since = Instant(scope.fresh_since);
    let features_of = vec![fresh_since, date(), date(), minutes()];
    let mut questions = vec![
        about(Query::Listed, vec![minutes(), date()]),
        about(Query::Games, vec![date()]),
        about(Query::Features, features_of),
        about(Query::Quality, vec![date(), date(), minutes()]),
    ];
    let names = scope.processor_names.iter();
    questions.extend(names.map(|name| {
        let parameters = vec![date(), Parameter::Text(name.clone())];
        about(Query::UpstreamFinished, parameters)
    }));
    let answers = asker.ask_all(&questions).await?;
    let mut answered = questions.iter().zip(&answers);
    let mut next = || answered.next().ok_or_else(|| unanswered(scope.game_date));
    let (expected, filtered) = one_of(next()?, |row| {
        Ok((count(row, "expected")?, count(row, "filtered")?))
    })?;
    let games = each_of(next()?, |row| needed(row, "game_id").map(GameId::new))?;
    let features = one_of(next()?, features)?;
    let quality = each_of(next()?, bucket)?;
    let mut upstream_finished_at = None;
    for answer in answered {
        let finished_at = one_of(answer, |row| row.instant("finished_at"))?;
        upstream_finished_at = upstream_finished_at.max(finished_at);
    }
    Ok(Readiness {
        upstream_finished_at,
        expected,
        filtered,
        games,
        quality,
        ..features
    })
}

fn unanswered(game_date: GameDate) -> PortError {
    let doing = format!("asking how ready {game_date} is");
    PortError::transient(doing, "fewer answers than questions")
}

/// One page of ready units, with whether each has a row. It reads on until the page is full: a unit may have several
/// rows, and the first of them is the one to use.
///
/// # Errors
///
/// When one of the questions could not be asked.
pub async fn ready_units<A: Asker>(
    asker: &A,
    scope: &Scope,
    page: Page<'_>,
) -> Result<Vec<ListedUnit>, PortError> {
    let mut units: Vec<ListedUnit> = Vec::new();
    let wanted = page.limit.max(1) as usize;
    while units.len() < wanted {
        let after = units.last().map(|unit| &unit.unit).or(page.after);
        let rows_max = wanted - units.len();
        let question = Question {
            query: Query::ReadyUnits,
            game_date: scope.game_date,
            parameters: vec![
                Parameter::Date(scope.game_date),
                Parameter::Date(scope.game_date),
                Parameter::Text(after.map_or("", UnitId::as_str).to_owned()),
                Parameter::Instant(scope.fresh_since),
                Parameter::Number(scope.min_minutes),
                Parameter::Count(i64::try_from(rows_max).unwrap_or(i64::MAX)),
            ],
        };
        let rows = each(asker, &question, listed_unit).await?;
        let count = rows.len();
        for unit in rows {
            if units.last().is_none_or(|last| last.unit != unit.unit) {
                units.push(unit);
            }
        }
        if count < rows_max {
            break;
        }
    }
    mark_stored(asker, scope.game_date, &mut units).await?;
    Ok(units)
}

async fn mark_stored<A: Asker>(
    asker: &A,
    game_date: GameDate,
    units: &mut [ListedUnit],
) -> Result<(), PortError> {
    let (Some(first), Some(last)) = (units.first(), units.last()) else {
        return Ok(());
    };
    let question = Question {
        query: Query::StoredBetween,
        game_date,
        parameters: vec![
            Parameter::Date(game_date),
            Parameter::Text(first.unit.as_str().to_owned()),
            Parameter::Text(last.unit.as_str().to_owned()),
        ],
    };
    for stored in each(asker, &question, |row| needed(row, "player_lookup")).await? {
        // The page is in the order of the name.
        if let Ok(place) = units.binary_search_by(|unit| unit.unit.as_str().cmp(&stored)) {
            units[place].has_row = true;
        }
    }
    Ok(())
}

/// One page of the units that have an active row.
///
/// # Errors
///
/// When it could not be asked.
pub async fn stored_rows<A: Asker>(
    asker: &A,
    game_date: GameDate,
    page: Page<'_>,
) -> Result<Vec<StoredRow>, PortError> {
    let question = Question {
        query: Query::StoredRows,
        game_date,
        parameters: vec![
            Parameter::Date(game_date),
            Parameter::Text(page.after.map_or("", UnitId::as_str).to_owned()),
            Parameter::Count(i64::from(page.limit)),
        ],
    };
    each(asker, &question, |row| {
        // A row that does not say when it was written is there all the same; the day's first instant stands in.
        let created_at = row
            .instant("created_at")?
            .unwrap_or_else(|| game_date.0.and_time(NaiveTime::MIN).and_utc());
        let unit = UnitId::new(needed(row, "player_lookup")?);
        Ok(StoredRow { unit, created_at })
    })
    .await
}

async fn each<A: Asker, T>(
    asker: &A,
    question: &Question,
    read: impl Fn(&A::Row) -> Result<T, Cause>,
) -> Result<Vec<T>, PortError> {
    let rows = asker.ask(question).await?;
    each_of((question, &rows), read)
}

fn each_of<R, T>(
    (question, rows): (&Question, &Vec<R>),
    read: impl Fn(&R) -> Result<T, Cause>,
) -> Result<Vec<T>, PortError> {
    let read: Result<Vec<T>, Cause> = rows.iter().map(read).collect();
    read.map_err(|source| question.could_not_ask(source))
}

/// What counts has one row, whatever there is: none is no answer.
fn one_of<R, T>(
    (question, rows): (&Question, &Vec<R>),
    read: impl Fn(&R) -> Result<T, Cause>,
) -> Result<T, PortError> {
    match rows.as_slice() {
        [row] => read(row).map_err(|source| question.could_not_ask(source)),
        [] => Err(question.could_not_ask("answered without a row")),
        more => {
            let said = format!("answered {} rows where one is expected", more.len());
            Err(question.could_not_ask(said))
        }
    }
}

/// The part of the readiness that the feature store knows.
fn features(row: &impl Row) -> Result<Readiness, Cause> {
    Ok(Readiness {
        upstream_finished_at: None,
        expected: 0,
        feature_rows: count(row, "feature_rows")?,
        ready: count(row, "ready")?,
        stale: count(row, "stale")?,
        filtered: 0,
        quality: Vec::new(),
        quality_scores_distinct: count(row, "quality_scores_distinct")?,
        newest_feature_at: row.instant("newest_feature_at")?,
        games: Vec::new(),
    })
}

fn bucket(row: &impl Row) -> Result<QualityBucket, Cause> {
    let from = u32::try_from(count(row, "bucket")?)?;
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

fn listed_unit(row: &impl Row) -> Result<ListedUnit, Cause> {
    Ok(ListedUnit {
        unit: UnitId::new(needed(row, "player_lookup")?),
        // A unit in no table's game is still sent; the worker says that it found no game.
        game_id: GameId::new(row.text("game_id")?.unwrap_or_default()),
        team_abbr: row.text("team_abbr")?,
        opponent_team_abbr: row.text("opponent_team_abbr")?,
        is_home: row.truth("home_game")?,
        projected_minutes: row.real("avg_minutes_per_game_last_7")?,
        has_prop_line: row.truth("has_prop_line")?,
        actual_prop_line: row.real("current_points_line")?,
        has_row: false,
    })
}

fn needed(row: &impl Row, column: &str) -> Result<String, Cause> {
    let missing = || format!("{column} has no value").into();
    row.text(column)?.ok_or_else(missing)
}

fn count(row: &impl Row, column: &str) -> Result<u64, Cause> {
    let value = row.whole(column)?;
    let missing = || Cause::from(format!("{column} has no value"));
    let value = value.ok_or_else(missing)?;
    u64::try_from(value).map_err(|_| format!("{column} is {value}").into())
}
