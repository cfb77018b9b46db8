//! A person's own question to the embedded warehouse: any statement that reads, answered as columns and rows.
//!
//! The engine's questions are in `read`, each with its own text.

use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr, Statement,
    TypeInfo, ValueRef,
    sqlite::{SqliteRow, SqliteValueRef},
};

use super::{Access, BUSY_TIMEOUT, EmbeddedWarehouse, WarehouseError, attach, options};

/// What a statement answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The names of the columns, in order.
    pub columns: Vec<String>,
    /// The rows, each with one value a column.
    pub rows: Vec<Vec<Value>>,
}

impl EmbeddedWarehouse {
    /// Answers a statement that only reads, for a person.
    ///
    /// # Errors
    ///
    /// When the statement does not begin as a reading one does, or SQLite refuses it.
    pub async fn query(&self, statement: &str) -> Result<Answer, WarehouseError> {
        if !reads(statement) {
            return Err(WarehouseError::NotReadOnly);
        }
        self.ask(statement)
            .await
            .map_err(|source| WarehouseError::Database {
                doing: "answering a query".to_owned(),
                source,
            })
    }

    /// On a connection of its own, so that nothing the statement does is left behind for the engine's questions.
    async fn ask(&self, statement: &str) -> Result<Answer, sqlx::Error> {
        let mut connection = options(BUSY_TIMEOUT).connect().await?;
        attach(&mut connection, &self.directory, Access::Read).await?;
        let sql = AssertSqlSafe(statement.to_owned()).into_sql_str();
        let prepared = connection.prepare(sql.clone()).await?;
        let columns = prepared
            .columns()
            .iter()
            .map(|column| column.name().to_owned())
            .collect();
        let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
        let rows = rows.iter().map(values).collect::<Result<_, _>>()?;
        connection.close().await?;
        Ok(Answer { columns, rows })
    }
}

/// Whether the statement begins as one that reads; SQLite itself then refuses what writes.
fn reads(statement: &str) -> bool {
    let uncommented = statement
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("--"))
        .unwrap_or_default();
    let word: String = uncommented
        .trim_start_matches('(')
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    ["SELECT", "WITH", "VALUES", "EXPLAIN"].contains(&word.to_ascii_uppercase().as_str())
}

fn values(row: &SqliteRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..row.len())
        .map(|place| {
            row.try_get_raw(place)
                .and_then(|raw| value(row, place, &raw))
        })
        .collect()
}

fn value(row: &SqliteRow, place: usize, raw: &SqliteValueRef<'_>) -> Result<Value, sqlx::Error> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    match raw.type_info().name() {
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(place).map(Value::from),
        "REAL" => row.try_get_unchecked::<f64, _>(place).map(Value::from),
        "BLOB" => row
            .try_get_unchecked::<Vec<u8>, _>(place)
            .map(|bytes| Value::from(format!("{} bytes", bytes.len()))),
        _ => row.try_get_unchecked::<String, _>(place).map(Value::from),
    }
}
