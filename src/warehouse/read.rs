//! The engine's questions, asked of the embedded warehouse.
//!
//! Which questions there are, and what their rows add up to, is in `questions`. Every failure is "could not ask".

use async_trait::async_trait;
use deadpool::managed::Object;
use futures::future::try_join_all;
use sqlx::{
    AssertSqlSafe, Column, Executor, Row as _, Sqlite,
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::sync::Mutex;

use super::{
    Connect, EmbeddedWarehouse,
    questions::{self, Asker, Parameter, Query, Question, Row},
    text::{instant_text, read_instant},
};
use crate::{
    domain::{Instant, ids::GameDate, plan::ListedUnit, readiness::Readiness},
    ports::{Cause, Page, PortError, RunRecord, Scope, StoredRow, Warehouse},
};

#[async_trait]
impl Warehouse for EmbeddedWarehouse {
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError> {
        questions::readiness(&self.reading(scope.game_date).await?, scope).await
    }

    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError> {
        questions::ready_units(&self.reading(scope.game_date).await?, scope, page).await
    }

    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError> {
        questions::stored_rows(&self.reading(game_date).await?, game_date, page).await
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

/// A connection that reads, for one asker.
struct Reading(Mutex<Object<Connect>>);

impl EmbeddedWarehouse {
    async fn reading(&self, game_date: GameDate) -> Result<Reading, PortError> {
        let connection = self.readers.get().await.map_err(|source| {
            PortError::transient(format!("asking the warehouse on {game_date}"), source)
        })?;
        Ok(Reading(Mutex::new(connection)))
    }
}

/// Stands before each of several questions: its one row parts their rows.
const NEXT: &str = "SELECT NULL AS next_question";
const NEXT_COLUMN: &str = "next_question";

/// The text of several questions, handed over in one go and in one transaction, so that the counts of one dataset are of
/// one instant.
pub(super) fn together(queries: impl Iterator<Item = Query>) -> String {
    let texts: String = queries
        .map(|query| format!("{NEXT};\n{};\n", query.text().trim_end()))
        .collect();
    format!("BEGIN;\n{texts}COMMIT")
}

type Bound<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Bound<'q>, question: &Question) -> Bound<'q> {
    let bind_one = |query: Bound<'q>, parameter: &Parameter| match parameter {
        Parameter::Date(date) => query.bind(date.to_string()),
        Parameter::Instant(at) => query.bind(instant_text(*at)),
        Parameter::Text(text) => query.bind(text.clone()),
        Parameter::Number(number) => query.bind(*number),
        Parameter::Count(count) => query.bind(*count),
    };
    question.parameters.iter().fold(query, bind_one)
}

/// The rows of each question.
fn parted(rows: Vec<SqliteRow>) -> Vec<Vec<SqliteRow>> {
    let mut answers: Vec<Vec<SqliteRow>> = Vec::new();
    for row in rows {
        let parts = row
            .columns()
            .first()
            .is_some_and(|it| it.name() == NEXT_COLUMN);
        match answers.last_mut() {
            Some(answer) if !parts => answer.push(row),
            Some(_) | None => answers.push(Vec::new()),
        }
    }
    answers
}

#[async_trait]
impl Asker for Reading {
    type Row = SqliteRow;

    async fn ask(&self, question: &Question) -> Result<Vec<SqliteRow>, PortError> {
        let query = bind(sqlx::query(question.query.text()), question);
        let mut lent = self.0.lock().await;
        query
            .fetch_all(&mut lent.connection)
            .await
            .map_err(|source| question.could_not_ask(source))
    }

    async fn ask_all(&self, questions: &[Question]) -> Result<Vec<Vec<SqliteRow>>, PortError> {
        let text = together(questions.iter().map(|it| it.query));
        let query = questions
            .iter()
            .fold(sqlx::query(AssertSqlSafe(text)), bind);
        {
            let mut lent = self.0.lock().await;
            lent.is_open = true;
            let rows = query.fetch_all(&mut lent.connection).await;
            lent.is_open = false;
            if let Ok(rows) = rows {
                return Ok(parted(rows));
            }
            // It fails where there is nothing to end.
            let _ = lent.connection.execute("ROLLBACK").await;
        }
        // One after the other, to say which of them cannot be asked.
        try_join_all(questions.iter().map(|question| self.ask(question))).await
    }
}

impl Row for SqliteRow {
    fn text(&self, column: &str) -> Result<Option<String>, Cause> {
        Ok(self.try_get(column)?)
    }

    fn whole(&self, column: &str) -> Result<Option<i64>, Cause> {
        Ok(self.try_get(column)?)
    }

    fn real(&self, column: &str) -> Result<Option<f64>, Cause> {
        Ok(self.try_get(column)?)
    }

    fn truth(&self, column: &str) -> Result<Option<bool>, Cause> {
        Ok(self.try_get(column)?)
    }

    fn instant(&self, column: &str) -> Result<Option<Instant>, Cause> {
        let Some(text) = Row::text(self, column)? else {
            return Ok(None);
        };
        let unreadable = || format!("{column} is not an instant: {text}").into();
        read_instant(&text).map(Some).ok_or_else(unreadable)
    }
}
