//! The engine's questions, asked of the embedded warehouse.
//!
//! Which questions there are, and what their rows add up to, is in `questions`. Every failure is "could not ask".

use async_trait::async_trait;
use deadpool::managed::Object;
use futures::future::try_join_all;
use sqlx::{
    AssertSqlSafe, Executor, Row as _, Sqlite,
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::sync::Mutex;

use super::{
    Connect, EmbeddedWarehouse,
    packed::{Unpacked, packed, unpacked},
    questions::{self, Asker, Parameter, Query, Question},
    text::instant_text,
};
use crate::{
    domain::{ids::GameDate, plan::ListedUnit, readiness::Readiness},
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

/// The text of several questions, handed over in one go and in one transaction, so that the counts of one dataset are of
/// one instant.
pub(super) fn together(queries: impl Iterator<Item = Query>) -> String {
    let texts: String = queries.map(|query| packed(query) + ";\n").collect();
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

/// The rows that answer a question, out of its one.
fn rows(question: &Question, answer: &SqliteRow) -> Result<Vec<Unpacked>, PortError> {
    let answer: Result<&str, _> = answer.try_get(0);
    answer
        .map_err(Cause::from)
        .and_then(|answer| unpacked(question.query, answer))
        .map_err(|source| question.could_not_ask(source))
}

#[async_trait]
impl Asker for Reading {
    type Row = Unpacked;

    async fn ask(&self, question: &Question) -> Result<Vec<Unpacked>, PortError> {
        let text = AssertSqlSafe(packed(question.query));
        let query = bind(sqlx::query(text), question);
        let answer = {
            let mut lent = self.0.lock().await;
            query.fetch_one(&mut lent.connection).await
        };
        let answer = answer.map_err(|source| question.could_not_ask(source))?;
        rows(question, &answer)
    }

    async fn ask_all(&self, questions: &[Question]) -> Result<Vec<Vec<Unpacked>>, PortError> {
        let text = together(questions.iter().map(|it| it.query));
        let query = questions
            .iter()
            .fold(sqlx::query(AssertSqlSafe(text)), bind);
        {
            let mut lent = self.0.lock().await;
            lent.is_open = true;
            let answers = query.fetch_all(&mut lent.connection).await;
            lent.is_open = false;
            if let Ok(answers) = answers {
                let answered = questions.iter().zip(&answers);
                return answered.map(|(question, it)| rows(question, it)).collect();
            }
            // It fails where there is nothing to end.
            let _ = lent.connection.execute("ROLLBACK").await;
        }
        // One after the other, to say which of them cannot be asked.
        try_join_all(questions.iter().map(|question| self.ask(question))).await
    }
}
