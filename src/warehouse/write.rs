//! Rows written into the embedded warehouse: by the built-in workers, by the generator, and the service's own.
//!
//! What is worth writing is decided elsewhere; text from people comes in through `load`.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Sqlite, Transaction};

use super::{
    EmbeddedWarehouse, WarehouseError,
    rows::{ContextRow, FeatureRow, PredictionRow, RunHistoryRow},
    schema::{CONTEXTS, FEATURES, PREDICTIONS, RUN_HISTORY, Table},
    text::instant_text,
};
use crate::ports::RunRecord;

const INSERT_PREDICTIONS: &str = include_str!("queries/insert_predictions.sql");
const UPDATE_RUN: &str = include_str!("queries/update_run.sql");

/// The name under which the service writes its own runs.
pub const OWN_PROCESSOR: &str = "phase5_coordinator";

/// Rows a statement; one commit holds them all.
pub(super) const ROWS_PER_STATEMENT: usize = 1000;

impl EmbeddedWarehouse {
    /// Adds prediction rows in one commit; a row whose id is there already stays as it is.
    ///
    /// # Errors
    ///
    /// When SQLite refuses; then none of the rows is written.
    pub async fn insert_predictions(&self, rows: &[PredictionRow]) -> Result<(), WarehouseError> {
        let written = async {
            let mut transaction = self.begin_write().await?;
            for chunk in rows.chunks(ROWS_PER_STATEMENT) {
                sqlx::query(INSERT_PREDICTIONS)
                    .bind(json_text(chunk)?)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        written.await.map_err(writing(&PREDICTIONS))
    }

    /// Writes feature rows in one commit; a player's rows of the same date are replaced.
    ///
    /// # Errors
    ///
    /// When SQLite refuses; then none of the rows is written.
    pub async fn put_features(&self, rows: &[FeatureRow]) -> Result<(), WarehouseError> {
        self.put(&FEATURES, ["game_date", "player_lookup"], rows)
            .await
    }

    /// Writes context rows in one commit; a player's rows of the same date are replaced.
    ///
    /// # Errors
    ///
    /// When SQLite refuses; then none of the rows is written.
    pub async fn put_contexts(&self, rows: &[ContextRow]) -> Result<(), WarehouseError> {
        self.put(&CONTEXTS, ["game_date", "player_lookup"], rows)
            .await
    }

    /// Writes run-history rows in one commit; rows of the same date and run id are replaced.
    ///
    /// # Errors
    ///
    /// When SQLite refuses; then none of the rows is written.
    pub async fn put_run_history(&self, rows: &[RunHistoryRow]) -> Result<(), WarehouseError> {
        self.put(&RUN_HISTORY, ["data_date", "run_id"], rows).await
    }

    async fn put<R: Serialize>(
        &self,
        table: &Table,
        key: [&str; 2],
        rows: &[R],
    ) -> Result<(), WarehouseError> {
        let written = async {
            let mut transaction = self.begin_write().await?;
            for chunk in rows.chunks(ROWS_PER_STATEMENT) {
                let json = json_text(chunk)?;
                for statement in [table.delete_statement(key), table.insert_statement()] {
                    sqlx::query(AssertSqlSafe(statement))
                        .bind(json.as_str())
                        .execute(&mut *transaction)
                        .await?;
                }
            }
            transaction.commit().await
        };
        written.await.map_err(writing(table))
    }

    pub(super) async fn begin_write(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        // Immediate: a lock held by another process is waited for here, not found out at the first write.
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    pub(super) async fn upsert_run(&self, record: &RunRecord) -> Result<(), sqlx::Error> {
        let row = run_history_row(record);
        let mut transaction = self.begin_write().await?;
        let updated = sqlx::query(UPDATE_RUN)
            .bind(&row.status)
            .bind(i64::try_from(record.records_processed).unwrap_or(i64::MAX))
            .bind(instant_text(row.started_at))
            .bind(row.processed_at.map(instant_text))
            .bind(&row.trigger_source)
            .bind(row.duration_seconds)
            .bind(row.summary.to_string())
            .bind(row.data_date.to_string())
            .bind(OWN_PROCESSOR)
            .bind(&row.run_id)
            .execute(&mut *transaction)
            .await?;
        if updated.rows_affected() == 0 {
            sqlx::query(AssertSqlSafe(RUN_HISTORY.insert_statement()))
                .bind(json_text(&[row])?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

/// The row that a run is recorded as.
pub fn run_history_row(record: &RunRecord) -> RunHistoryRow {
    let duration = record.processed_at.map(|end| end - record.started_at);
    RunHistoryRow {
        processor_name: OWN_PROCESSOR.to_owned(),
        run_id: format!("{}/{}", record.handoff, record.game_date),
        data_date: record.game_date,
        status: record.status.clone(),
        records_processed: Some(record.records_processed),
        started_at: record.started_at,
        processed_at: record.processed_at,
        triggered_by: Some("tipoff".to_owned()),
        trigger_source: record.trigger_source.clone(),
        trigger_message_id: None,
        duration_seconds: duration.map(|duration| duration.as_seconds_f64()),
        phase: "phase_5_predictions".to_owned(),
        summary: record.summary.clone(),
        errors: serde_json::Value::Null,
    }
}

/// The rows as the JSON array a statement takes.
pub(super) fn json_text<R: Serialize>(rows: &[R]) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map_err(|source| sqlx::Error::Encode(source.into()))
}

pub(super) fn writing(table: &Table) -> impl FnOnce(sqlx::Error) -> WarehouseError {
    move |source| WarehouseError::Database {
        doing: format!("writing to {}", table.name),
        source,
    }
}
