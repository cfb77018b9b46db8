//! Statements on their way to the connection's thread, handed over as few times as can be: a write that answers nothing
//! waits for the next question, or for the end of the transaction. Each hand-over costs more than most statements.
//!
//! What is written and asked belongs to the file of its table.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteRow};

use super::values::{failed, get_number};
use crate::ports::store::StoreError;

/// Said beside a write whose changes count.
const CHANGED: &str = "SELECT changes() AS changed";

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

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Number(None), Self::from)
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

/// A statement, with its parameters `$1`, `$2` and so on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub sql: Cow<'static, str>,
    pub values: Vec<Value>,
}

impl Statement {
    /// One without parameters.
    pub fn bare(sql: &'static str) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// Statements in their order, not handed over yet.
#[derive(Default)]
pub(super) struct Later {
    sql: String,
    values: Vec<Value>,
    /// The mark that an undoing goes back to is among them.
    marks: bool,
    /// Something that was handed over failed: nothing more may be until that is undone.
    is_broken: bool,
}

impl Later {
    /// Forgets them, and what failed; `true`: the mark was among them, so nothing was done since.
    pub fn forget(&mut self) -> bool {
        std::mem::take(self).marks
    }

    /// The text of these statements as they are handed over together.
    pub fn text<'a>(statements: impl Iterator<Item = &'a str>) -> String {
        let mut text = String::new();
        let mut parameters = 0;
        for sql in statements {
            add(&mut text, sql, parameters);
            parameters += parameters_of(sql);
        }
        text
    }

    /// Adds a statement behind the others.
    pub fn add(&mut self, statement: Statement) {
        add(&mut self.sql, &statement.sql, self.values.len());
        self.values.extend(statement.values);
    }

    /// Adds the mark that an undoing goes back to.
    pub fn mark(&mut self, statement: Statement) {
        self.add(statement);
        self.marks = true;
    }

    /// Hands them over; the first that fails is the last that was tried. Nothing is left to be done either way. Returns
    /// the rows of all of them.
    pub async fn hand_over(
        &mut self,
        connection: &mut SqliteConnection,
        doing: &'static str,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        if self.is_broken {
            return Err(failed(doing)("an earlier write of the transaction failed"));
        }
        let Self { sql, values, .. } = std::mem::take(self);
        if sql.is_empty() {
            return Ok(Vec::new());
        }
        // A few texts come again and again, so their statements are kept prepared.
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        let rows = query.fetch_all(connection).await;
        self.is_broken = rows.is_err();
        rows.map_err(failed(doing))
    }
}

/// A connection, and what waits to be handed over to it.
pub(super) struct Pipe<'a> {
    pub connection: &'a mut SqliteConnection,
    pub later: &'a mut Later,
}

impl Pipe<'_> {
    /// Writes, before whatever is asked next.
    pub fn write(&mut self, statement: Statement) {
        self.later.add(statement);
    }

    /// Asks; the rows are those of this question.
    pub async fn ask(
        &mut self,
        question: Statement,
        doing: &'static str,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        self.later.add(question);
        self.later.hand_over(self.connection, doing).await
    }

    /// Asks what is answered by exactly one row.
    pub async fn ask_one(
        &mut self,
        question: Statement,
        doing: &'static str,
    ) -> Result<SqliteRow, StoreError> {
        let row = self.ask(question, doing).await?.pop();
        row.ok_or_else(|| failed(doing)("the database answered nothing"))
    }

    /// Writes, and says how many rows that changed.
    pub async fn count(
        &mut self,
        statement: Statement,
        doing: &'static str,
    ) -> Result<u64, StoreError> {
        self.write(statement);
        let row = self.ask_one(Statement::bare(CHANGED), doing).await?;
        get_number(&row, "changed")
    }
}

/// How many parameters a statement has: the number of its last.
fn parameters_of(sql: &str) -> usize {
    let number = |part: &str| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    sql.split('$').skip(1).map(number).max().unwrap_or(0)
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
    use super::{Later, Statement};

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
            later.add(Statement {
                sql: sql.into(),
                values,
            });
        }
        let text =
            "DELETE FROM a WHERE b = $1 OR c = $2;\nCOMMIT;\nINSERT INTO a VALUES ($3, $4);\n";
        assert_eq!(later.sql, text);
        assert_eq!(later.values.len(), 4);
    }

    #[test]
    fn the_text_prepared_beforehand_is_the_one_handed_over() {
        let statements = [
            "UPDATE a SET b = $1, c = $2, d = $1",
            "UPDATE a SET b = $1",
            "COMMIT",
        ];
        let mut later = Later::default();
        for (sql, parameters) in statements.into_iter().zip([2, 1, 0]) {
            later.add(Statement {
                sql: sql.into(),
                values: vec![1.into(); parameters],
            });
        }
        assert_eq!(Later::text(statements.into_iter()), later.sql);
    }

    #[test]
    fn what_is_forgotten_says_whether_the_mark_was_handed_over() {
        let mut later = Later::default();
        later.add(Statement::bare("DELETE FROM a"));
        assert!(!later.forget());
        later.mark(Statement::bare("SAVEPOINT mark"));
        later.add(Statement::bare("DELETE FROM a"));
        assert!(later.forget());
        assert!(!later.forget());
    }
}
