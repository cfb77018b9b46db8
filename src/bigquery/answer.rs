//! What BigQuery sends as rows → values of the types that were asked for, or why not.
//!
//! Whether the answer is whole belongs to `wire`.

use std::sync::Arc;

use chrono::DateTime;
use gcp_bigquery_client::model::{
    field_type::FieldType, table_row::TableRow, table_schema::TableSchema,
};
use serde_json::Value;

use crate::{
    domain::Instant,
    ports::Cause,
    warehouse::{questions::Row, read_instant, schema::Kind},
};

/// The columns that a question's answer has to have, in order.
pub type Columns = &'static [(&'static str, Kind)];

/// One row whose number of values is that of its columns.
pub struct AnswerRow {
    columns: Columns,
    values: Arc<[Option<String>]>,
}

/// Whether the answer has the columns that are expected, by name, place and type.
///
/// # Errors
///
/// The first column that is not as expected.
pub fn check(schema: Option<&TableSchema>, columns: Columns) -> Result<(), String> {
    let fields = schema.and_then(|schema| schema.fields.as_deref());
    let fields = fields.ok_or("an answer without the names of its columns")?;
    for (place, (name, kind)) in columns.iter().enumerate() {
        let field = fields
            .get(place)
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        let field = field.ok_or_else(|| format!("an answer without the column {name}"))?;
        if !fits(&field.r#type, *kind) {
            let found = format!("{:?}", field.r#type).to_uppercase();
            return Err(format!("column {name} is {found}, which is no {kind:?}"));
        }
    }
    if fields.len() > columns.len() {
        let more = fields.len() - columns.len();
        return Err(format!("an answer with {more} columns too many"));
    }
    Ok(())
}

fn fits(found: &FieldType, wanted: Kind) -> bool {
    match wanted {
        Kind::Text => matches!(found, FieldType::String),
        Kind::Integer => matches!(found, FieldType::Integer | FieldType::Int64),
        Kind::Real => matches!(
            found,
            FieldType::Float
                | FieldType::Float64
                | FieldType::Numeric
                | FieldType::Bignumeric
                | FieldType::Integer
                | FieldType::Int64
        ),
        Kind::Boolean => matches!(found, FieldType::Boolean | FieldType::Bool),
        Kind::Date => matches!(found, FieldType::Date),
        Kind::Instant => matches!(found, FieldType::Timestamp),
        Kind::Json => matches!(found, FieldType::Json | FieldType::String),
    }
}

impl AnswerRow {
    /// Takes a row apart.
    ///
    /// # Errors
    ///
    /// When it has another number of values than there are columns, or a value that is none.
    pub fn of(row: TableRow, columns: Columns) -> Result<Self, String> {
        let cells = row.columns.unwrap_or_default();
        if cells.len() != columns.len() {
            let (found, wanted) = (cells.len(), columns.len());
            return Err(format!("a row of {found} values where {wanted} are asked"));
        }
        let values = cells.into_iter().map(|cell| match cell.value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(Some(value.to_string())),
            Some(Value::Array(_) | Value::Object(_)) => Err("a row with a value of no type"),
        });
        let values: Result<Vec<_>, _> = values.collect();
        Ok(Self {
            columns,
            values: values?.into(),
        })
    }

    fn read<T>(
        &self,
        column: &str,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Cause> {
        let place = self.columns.iter().position(|(name, _)| *name == column);
        let place = place.ok_or_else(|| format!("{column} was not asked for"))?;
        let Some(text) = &self.values[place] else {
            return Ok(None);
        };
        let unreadable = || format!("{column} is not {what}: {text}").into();
        read(text).map(Some).ok_or_else(unreadable)
    }
}

impl Row for AnswerRow {
    fn text(&self, column: &str) -> Result<Option<String>, Cause> {
        self.read(column, "text", |text| Some(text.to_owned()))
    }

    fn whole(&self, column: &str) -> Result<Option<i64>, Cause> {
        self.read(column, "a whole number", |text| text.parse().ok())
    }

    fn real(&self, column: &str) -> Result<Option<f64>, Cause> {
        let finite = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
        self.read(column, "a number", finite)
    }

    fn truth(&self, column: &str) -> Result<Option<bool>, Cause> {
        self.read(column, "true or false", |text| {
            text.to_ascii_lowercase().parse().ok()
        })
    }

    fn instant(&self, column: &str) -> Result<Option<Instant>, Cause> {
        self.read(column, "an instant", timestamp)
    }
}

/// Microseconds as a whole number where that was asked for and honoured; seconds with a fraction, also in exponents,
/// elsewhere: the library cannot ask for whole numbers on later pages.
fn timestamp(text: &str) -> Option<Instant> {
    if let Ok(micros) = text.parse::<i64>() {
        return DateTime::from_timestamp_micros(micros);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let micros = (seconds * 1e6).round();
        // Beyond this a float no longer tells microseconds apart, and no such instant is meant.
        return (micros.abs() < 9e15)
            .then(|| DateTime::from_timestamp_micros(micros as i64))
            .flatten();
    }
    read_instant(text)
}

#[cfg(test)]
mod tests {
    use super::timestamp;
    use crate::warehouse::instant_text;

    #[test]
    fn an_instant_is_read_in_either_form() {
        for text in [
            "1768838201250000",
            "1768838201.25",
            "1.76883820125E9",
            "2026-01-19T15:56:41.25Z",
        ] {
            let at = timestamp(text).unwrap_or_else(|| panic!("{text} is an instant"));
            assert_eq!(instant_text(at), "2026-01-19T15:56:41.250000Z", "{text}");
        }
        for text in ["", "soon", "NaN", "1e300"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
