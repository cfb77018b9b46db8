//! The engine's questions, asked of the embedded warehouse.
//!
//! Which questions there are, and what their rows add up to, is in `questions`. Every failure is "could not ask".

use async_trait::async_trait;
use sqlx::{Row as _, Sqlite, Transaction, sqlite::SqliteRow};
use tokio::sync::Mutex;

use super::{
    EmbeddedWarehouse,
    questions::{self, Asker, Parameter, Question, Row},
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

/// One transaction, so that the counts of one dataset are of one instant.
struct Reading(Mutex<Transaction<'static, Sqlite>>);

impl EmbeddedWarehouse {
    async fn reading(&self, game_date: GameDate) -> Result<Reading, PortError> {
        let transaction = self.readers.begin().await.map_err(|source| {
            PortError::transient(format!("asking the warehouse on {game_date}"), source)
        })?;
        Ok(Reading(Mutex::new(transaction)))
    }
}

#[async_trait]
impl Asker for Reading {
    type Row = SqliteRow;

    async fn ask(&self, question: &Question) -> Result<Vec<SqliteRow>, PortError> {
        let mut query = sqlx::query(question.query.text());
        for parameter in &question.parameters {
            query = match parameter {
                Parameter::Date(date) => query.bind(date.to_string()),
                Parameter::Instant(at) => query.bind(instant_text(*at)),
                Parameter::Text(text) => query.bind(text.as_str()),
                Parameter::Number(number) => query.bind(*number),
                Parameter::Count(count) => query.bind(*count),
            };
        }
        let mut transaction = self.0.lock().await;
        query
            .fetch_all(&mut **transaction)
            .await
            .map_err(|source| question.could_not_ask(source))
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
