//! Text from people, CSV or NDJSON, loaded into a named table: all of it or nothing, with every fault by line.
//!
//! Rows made by the service itself go through `write`.

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;

use super::{
    EmbeddedWarehouse, WarehouseError,
    error::{Fault, Faults},
    schema::{Column, Kind, TABLES, Table},
    text::{instant_text, read_date, read_instant},
    write::{ROWS_PER_STATEMENT, json_text, writing},
};

/// How a text to load is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated with a header line; an empty field is a missing value.
    Csv,
    /// One JSON object a line; a missing key is a missing value, an empty line nothing.
    Ndjson,
}

impl EmbeddedWarehouse {
    /// Adds the rows of a text to the table named `dataset.table` and says how many there were.
    ///
    /// # Errors
    ///
    /// When the table or a column is unknown, a value does not fit its column, or SQLite refuses: then nothing is
    /// loaded.
    pub async fn load(
        &self,
        table: &str,
        format: Format,
        text: &str,
    ) -> Result<u64, WarehouseError> {
        let table = find_table(table)?;
        let rows = match format {
            Format::Csv => read_csv(table, text)?,
            Format::Ndjson => read_ndjson(table, text)?,
        };
        let written = async {
            let mut transaction = self.begin_write().await?;
            for chunk in rows.chunks(ROWS_PER_STATEMENT) {
                sqlx::query(AssertSqlSafe(table.insert_statement()))
                    .bind(json_text(chunk)?)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        written.await.map_err(writing(table))?;
        Ok(rows.len() as u64)
    }
}

fn find_table(name: &str) -> Result<&'static Table, WarehouseError> {
    Table::find(name).ok_or_else(|| WarehouseError::UnknownTable {
        table: name.to_owned(),
        known: TABLES.map(|table| table.name).join(", "),
    })
}

fn find_column(table: &Table, name: &str) -> Result<&'static Column, WarehouseError> {
    table
        .column(name)
        .ok_or_else(|| WarehouseError::UnknownColumn {
            table: table.name,
            column: name.to_owned(),
            known: table.column_names(),
        })
}

fn read_csv(table: &'static Table, text: &str) -> Result<Vec<Value>, WarehouseError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut faults = Faults::default();
    let mut rows = Vec::new();
    let columns = match reader.headers() {
        Ok(names) => names
            .iter()
            .map(|name| find_column(table, name.trim_start_matches('\u{feff}').trim()))
            .collect::<Result<Vec<_>, _>>()?,
        Err(error) => {
            faults.add(line_fault(1, error.to_string()));
            Vec::new()
        }
    };
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                faults.add(line_fault(line, error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let fields = columns.iter().zip(&record).map(|(column, field)| {
            let value = match field {
                "" => Value::Null,
                field => Value::String(field.to_owned()),
            };
            (*column, value)
        });
        rows.push(row(table, line, fields.collect(), &mut faults));
    }
    finish(table, rows, faults)
}

fn read_ndjson(table: &'static Table, text: &str) -> Result<Vec<Value>, WarehouseError> {
    let mut faults = Faults::default();
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => {
                faults.add(line_fault(line, format!("not a JSON object: {error}")));
                continue;
            }
        };
        let fields = object
            .into_iter()
            .map(|(name, value)| Ok((find_column(table, &name)?, value)))
            .collect::<Result<Vec<_>, WarehouseError>>()?;
        rows.push(row(table, line, fields, &mut faults));
    }
    finish(table, rows, faults)
}

fn finish(
    table: &'static Table,
    rows: Vec<Value>,
    faults: Faults,
) -> Result<Vec<Value>, WarehouseError> {
    if faults.is_empty() {
        return Ok(rows);
    }
    Err(WarehouseError::Rows {
        table: table.name,
        faults,
    })
}

/// The row as the insert statement takes it, or whatever could be read of it next to its faults.
fn row(
    table: &Table,
    line: u64,
    fields: Vec<(&'static Column, Value)>,
    faults: &mut Faults,
) -> Value {
    let mut row = Map::new();
    for (column, value) in fields {
        match fit(column.kind, value) {
            Ok(value) => {
                row.insert(column.name.to_owned(), value);
            }
            Err(problem) => faults.add(column_fault(line, column, problem)),
        }
    }
    for column in table.columns.iter().filter(|column| column.required) {
        let missing = row.get(column.name).is_none_or(|value| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
        });
        let told = faults
            .first
            .iter()
            .any(|fault| fault.line == line && fault.column.as_deref() == Some(column.name));
        if missing && !told {
            faults.add(column_fault(line, column, "a value is required".to_owned()));
        }
    }
    Value::Object(row)
}

fn line_fault(line: u64, problem: String) -> Fault {
    Fault {
        line,
        column: None,
        problem,
    }
}

fn column_fault(line: u64, column: &Column, problem: String) -> Fault {
    Fault {
        line,
        column: Some(column.name.to_owned()),
        problem,
    }
}

/// The value as its column keeps it; text is read as what the column holds.
fn fit(kind: Kind, value: Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let wanted = |what: &str| format!("{text} is not {what}");
    match kind {
        Kind::Text if value.is_string() => Ok(value),
        Kind::Text => Err(wanted("text")),
        Kind::Integer => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wanted("a whole number")),
        Kind::Real => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            Ok(_) | Err(_) => Err(wanted("a number")),
        },
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(Value::from(1)),
            "false" | "f" | "0" => Ok(Value::from(0)),
            _ => Err(wanted("true or false")),
        },
        Kind::Date => read_date(&text)
            .map(|date| Value::from(date.to_string()))
            .ok_or_else(|| wanted("a date such as 2026-01-19")),
        Kind::Instant => read_instant(&text)
            .map(|at| Value::from(instant_text(at)))
            .ok_or_else(|| wanted("an instant such as 2026-01-19T15:56:41Z")),
        Kind::Json => match value {
            Value::String(text) => serde_json::from_str::<Value>(&text)
                .map(|_| Value::String(text))
                .map_err(|error| format!("not JSON: {error}")),
            other => Ok(Value::String(other.to_string())),
        },
    }
}
