//! The warehouse on BigQuery: the same questions as the embedded one, over the network and never trusted further
//! than their answer is whole.
//!
//! What an answer means belongs to the engine; connections and tokens to `google`.

mod answer;
mod columns;
mod record;
mod texts;
mod wire;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;

pub use texts::TextsError;

use crate::{
    domain::{ids::GameDate, plan::ListedUnit, readiness::Readiness},
    google::{Endpoint, GoogleClient},
    ports::{Missing, Page, PortError, RunRecord, Scope, StoredRow, Warehouse},
    warehouse::questions::{self, Asker, Question},
};
use answer::AnswerRow;
use record::{Pace, Recorder};
use texts::Texts;
use wire::Wire;

/// How BigQuery is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project that questions are billed to.
    pub project: String,
    /// The project of the tables.
    pub data_project: String,
    /// Where the datasets are; `None`: BigQuery finds out.
    pub location: Option<String>,
    /// Most bytes one question may be billed for.
    pub bytes_billed_max: u64,
    /// How long one question may take, all its pages included.
    pub timeout: Duration,
    /// The least time between two statements that record runs.
    pub record_every: Duration,
    /// The first of four pauses after a quota's end, each twice the one before; then whoever records is told.
    pub quota_pause: Duration,
    /// A folder whose files replace the shipped texts of the same name.
    pub queries: Option<PathBuf>,
    /// Where the interface is.
    pub endpoint: Endpoint,
}

/// The tables of both phases on BigQuery. Cloning shares its connections. Several questions are not of one instant.
#[derive(Clone)]
pub struct BigQueryWarehouse {
    wire: Wire,
    texts: Texts,
    recorder: Recorder,
}

impl BigQueryWarehouse {
    /// Prepares to ask; nothing is asked yet. `http` is the library's way out, with the same connections as `client`.
    ///
    /// # Errors
    ///
    /// When the folder of texts cannot be read or holds a file of a name that is no question's.
    pub fn new(
        settings: Settings,
        client: GoogleClient,
        http: reqwest::Client,
    ) -> Result<Self, TextsError> {
        let texts = Texts::read(&settings)?;
        let pace = Pace {
            every: settings.record_every,
            quota_pause: settings.quota_pause,
        };
        let wire = Wire::new(settings, client, http);
        let recorder = Recorder::new(wire.clone(), texts.record().to_owned(), pace);
        Ok(Self {
            wire,
            texts,
            recorder,
        })
    }
}

#[async_trait]
impl Warehouse for BigQueryWarehouse {
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError> {
        questions::readiness(self, scope).await
    }

    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError> {
        questions::ready_units(self, scope, page).await
    }

    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError> {
        questions::stored_rows(self, game_date, page).await
    }

    async fn record_run(&self, record: &RunRecord) -> Result<(), PortError> {
        self.recorder.record(record).await
    }

    async fn missing(&self) -> Result<Vec<Missing>, PortError> {
        columns::missing(&self.wire, &self.texts).await
    }
}

#[async_trait]
impl Asker for BigQueryWarehouse {
    type Row = AnswerRow;

    async fn ask(&self, question: &Question) -> Result<Vec<AnswerRow>, PortError> {
        let statement = wire::Statement {
            doing: question.doing(),
            name: question.query.name(),
            text: self.texts.of(question.query).to_owned(),
            parameters: &question.parameters,
            columns: question.query.columns(),
        };
        // Whatever it is, a grant that is given or a table that comes mends it: the question is asked again.
        let answered = self.wire.ask(statement).await;
        answered.map_err(|error| question.could_not_ask(wire::said(&error)))
    }
}
