//! Writes that answer nothing: put off until something is asked that may depend on them, or the transaction ends, and
//! then handed to the connection's thread in one go. Each hand-over costs more than most of these statements.
//!
//! What is written belongs to the file of its table.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::values::failed;
use crate::ports::store::StoreError;

/// A value in the place of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(Option<i64>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

/// A statement that answers nothing, with its parameters `$1`, `$2` and so on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    pub sql: &'static str,
    pub values: Vec<Value>,
}

/// Writes in their order, not done yet.
#[derive(Default)]
pub(super) struct Later {
    sql: String,
    values: Vec<Value>,
}

impl Later {
    /// Whether there is nothing to be done.
    pub fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Forgets it all.
    pub fn clear(&mut self) {
        self.sql.clear();
        self.values.clear();
    }

    /// The text of these statements as they are handed over together.
    pub fn text<'a>(statements: impl Iterator<Item = &'a str>) -> String {
        let mut text = String::new();
        let mut parameters = 0;
        for sql in statements {
            add(&mut text, sql, parameters);
            parameters += sql.matches('$').count();
        }
        text
    }

    /// Adds a write behind the others.
    pub fn add(&mut self, write: Write) {
        add(&mut self.sql, write.sql, self.values.len());
        self.values.extend(write.values);
    }

    /// Does them all; the first that fails is the last that was tried. Nothing is left to be done either way.
    pub async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        // A few texts come again and again, so their statements are kept prepared.
        let mut query = sqlx::query(AssertSqlSafe(std::mem::take(&mut self.sql)));
        for value in std::mem::take(&mut self.values) {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        query.execute(connection).await.map_err(failed(doing))?;
        Ok(())
    }
}

/// Adds a statement whose first parameter is not `$1` but the one after `before` others.
fn add(text: &mut String, sql: &str, before: usize) {
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part
            .find(|it: char| !it.is_ascii_digit())
            .unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number = number.parse::<usize>().map_or(0, |number| number + before);
        text.push_str(&format!("${number}{rest}"));
    }
    text.push_str(";\n");
}

#[cfg(test)]
mod tests {
    use super::{Later, Write};

    #[test]
    fn a_statement_behind_others_has_its_parameters_behind_theirs() {
        let mut later = Later::default();
        for sql in [
            "DELETE FROM a WHERE b = $1 OR c = $2",
            "COMMIT",
            "INSERT INTO a VALUES ($1, $2)",
        ] {
            let values = (0..sql.matches('$').count()).map(|_| 1.into());
            let values = values.collect();
            later.add(Write { sql, values });
        }
        let text =
            "DELETE FROM a WHERE b = $1 OR c = $2;\nCOMMIT;\nINSERT INTO a VALUES ($3, $4);\n";
        assert_eq!(later.sql, text);
        assert_eq!(later.values.len(), 4);
    }

    #[test]
    fn the_text_prepared_beforehand_is_the_one_handed_over() {
        let statements = ["UPDATE a SET b = $1", "UPDATE a SET b = $1", "COMMIT"];
        let mut later = Later::default();
        for sql in statements {
            let values = sql.matches('$').map(|_| 1.into()).collect();
            later.add(Write { sql, values });
        }
        assert_eq!(Later::text(statements.into_iter()), later.sql);
    }
}
