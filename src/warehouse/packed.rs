//! A question's whole answer as one row of JSON: of rows that come one at a time, each wakes whoever waits for it, which
//! takes longer than to read it.
//!
//! Which columns an answer has is in `questions`; how a text gets to the database is in `read`.

use serde_json::Value;

use super::{
    questions::{Query, Row},
    schema::Kind,
    text::read_instant,
};
use crate::{domain::Instant, ports::Cause};

/// The text that answers with one row of one column: the rows of the shipped text, in its order.
pub(super) fn packed(query: Query) -> String {
    let columns: Vec<String> = query.columns().iter().map(column).collect();
    let (columns, text) = (columns.join(", "), query.text().trim_end());
    format!("SELECT json_group_array(json_array({columns})) FROM (\n{text}\n)")
}

/// A real number goes as text: SQLite's JSON has 15 of its 17 digits, and no infinity.
fn column((name, kind): &(&str, Kind)) -> String {
    match kind {
        Kind::Real => format!("CASE WHEN {name} IS NOT NULL THEN printf('%!.17g', {name}) END"),
        Kind::Text | Kind::Integer | Kind::Boolean | Kind::Date | Kind::Instant | Kind::Json => {
            (*name).to_owned()
        }
    }
}

/// The rows of what [`packed`] answered.
pub(super) fn unpacked(query: Query, answer: &str) -> Result<Vec<Unpacked>, Cause> {
    let rows: Vec<Vec<Value>> = serde_json::from_str(answer)?;
    let unpacked = |values| Unpacked { query, values };
    Ok(rows.into_iter().map(unpacked).collect())
}

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Unpacked {
    query: Query,
    values: Vec<Value>,
}

impl Unpacked {
    /// What a column holds, read as a type; `None`: it holds nothing.
    fn read<'a, T>(
        &'a self,
        column: &str,
        as_type: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Cause> {
        let mut columns = self.query.columns().iter();
        let value = columns
            .position(|(name, _)| *name == column)
            .and_then(|place| self.values.get(place));
        match value {
            None => Err(format!("there is no column {column}").into()),
            Some(Value::Null) => Ok(None),
            Some(value) => {
                let unreadable = || format!("{column} is of another type: {value}").into();
                as_type(value).map(Some).ok_or_else(unreadable)
            }
        }
    }
}

impl Row for Unpacked {
    fn text(&self, column: &str) -> Result<Option<String>, Cause> {
        self.read(column, |value| value.as_str().map(str::to_owned))
    }

    fn whole(&self, column: &str) -> Result<Option<i64>, Cause> {
        self.read(column, Value::as_i64)
    }

    fn real(&self, column: &str) -> Result<Option<f64>, Cause> {
        self.read(column, |value| value.as_str()?.parse().ok())
    }

    fn truth(&self, column: &str) -> Result<Option<bool>, Cause> {
        self.read(column, |value| Some(value.as_i64()? != 0))
    }

    fn instant(&self, column: &str) -> Result<Option<Instant>, Cause> {
        self.read(column, |value| read_instant(value.as_str()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Query, packed, unpacked};
    use crate::warehouse::questions::Row;

    #[test]
    fn a_text_is_wrapped_whole_and_its_parameters_stay_in_their_order() {
        let text = packed(Query::StoredBetween);
        assert!(text.starts_with("SELECT json_group_array(json_array(player_lookup)) FROM (\n"));
        assert_eq!(
            text.matches('?').count(),
            Query::StoredBetween.text().matches('?').count()
        );
    }

    #[test]
    fn a_missing_value_is_none_and_one_of_another_type_an_error_that_names_the_column() {
        let rows = unpacked(Query::StoredRows, r#"[["luka", null], [7, "no instant"]]"#).unwrap();
        assert_eq!(rows[0].text("player_lookup").unwrap().unwrap(), "luka");
        assert_eq!(rows[0].instant("created_at").unwrap(), None);
        for error in [
            rows[1].text("player_lookup").unwrap_err(),
            rows[1].instant("created_at").map(drop).unwrap_err(),
            rows[1].whole("minutes").map(drop).unwrap_err(),
        ] {
            let text = error.to_string();
            let columns = ["player_lookup", "created_at", "minutes"];
            assert!(columns.iter().any(|column| text.contains(column)), "{text}");
        }
    }

    #[test]
    fn an_answer_that_is_no_array_of_rows_is_an_error() {
        for answer in ["", "{}", "[1]", "[[1]"] {
            assert!(unpacked(Query::Games, answer).is_err(), "{answer:?}");
        }
    }
}
