//! A warehouse whose questions are measured.
//!
//! Asking belongs to the warehouse itself.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

use super::{
    Metrics,
    measure::{Question, record_question},
};
use crate::{
    domain::{ids::GameDate, plan::ListedUnit, readiness::Readiness},
    ports::{Missing, Page, PortError, RunRecord, Scope, StoredRow, Warehouse},
};

/// Passes every question on and measures it.
pub struct MeasuredWarehouse {
    /// The one that answers.
    pub inner: Arc<dyn Warehouse>,
    /// Where it is measured.
    pub metrics: Arc<Metrics>,
}

impl MeasuredWarehouse {
    fn note<T>(
        &self,
        question: Question,
        began: Instant,
        answer: Result<T, PortError>,
    ) -> Result<T, PortError> {
        record_question(&self.metrics, question, answer.is_ok(), began.elapsed());
        answer
    }
}

#[async_trait]
impl Warehouse for MeasuredWarehouse {
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError> {
        let began = Instant::now();
        self.note(
            Question::Readiness,
            began,
            self.inner.readiness(scope).await,
        )
    }

    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError> {
        let began = Instant::now();
        self.note(
            Question::ReadyUnits,
            began,
            self.inner.ready_units(scope, page).await,
        )
    }

    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError> {
        let began = Instant::now();
        self.note(
            Question::StoredRows,
            began,
            self.inner.stored_rows(game_date, page).await,
        )
    }

    async fn record_run(&self, record: &RunRecord) -> Result<(), PortError> {
        let began = Instant::now();
        self.note(
            Question::RecordRun,
            began,
            self.inner.record_run(record).await,
        )
    }

    async fn missing(&self) -> Result<Vec<Missing>, PortError> {
        self.inner.missing().await
    }
}
