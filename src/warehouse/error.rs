//! What can go wrong with the embedded warehouse, for the people who load, write and query it.
//!
//! What the engine is told of it (always "could not ask") is made in `read` and `write`.

use std::{fmt, path::PathBuf};

/// A failure of the embedded warehouse.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// The directory or one of its files could not be opened.
    #[error("opening the warehouse in {directory}")]
    Open {
        /// Where the files are kept.
        directory: PathBuf,
        /// What went wrong.
        source: anyhow::Error,
    },
    /// SQLite refused a read or a write.
    #[error("{doing}")]
    Database {
        /// What was being done, to which table.
        doing: String,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// No table has this name.
    #[error("no table is named {table}; there are {known}")]
    UnknownTable {
        /// The name asked for.
        table: String,
        /// The names there are.
        known: String,
    },
    /// The table has no such column.
    #[error("{table} has no column {column}; it has {known}")]
    UnknownColumn {
        /// The table's full name.
        table: &'static str,
        /// The column named in the text.
        column: String,
        /// The columns there are.
        known: String,
    },
    /// Rows of a text to load are wrong; nothing was loaded.
    #[error("nothing was loaded into {table}: {faults}")]
    Rows {
        /// The table's full name.
        table: &'static str,
        /// What is wrong, by line.
        faults: Faults,
    },
    /// The statement would not only read.
    #[error("only statements that read are taken: begin with SELECT, WITH, VALUES or EXPLAIN")]
    NotReadOnly,
}

/// One thing wrong with a text to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the text, the first being 1.
    pub line: u64,
    /// The column, where one is to blame.
    pub column: Option<String>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.problem),
            None => write!(f, "line {}: {}", self.line, self.problem),
        }
    }
}

/// Everything wrong with a text to load: the first ones by name, the rest by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first faults, by line, at most [`Faults::NAMED_MAX`].
    pub first: Vec<Fault>,
    /// How many there are in all.
    pub total: u64,
}

impl Faults {
    /// Most faults that are kept by name.
    pub const NAMED_MAX: usize = 20;

    /// Counts one fault and keeps it while there is room.
    pub fn add(&mut self, fault: Fault) {
        self.total += 1;
        if self.first.len() < Self::NAMED_MAX {
            self.first.push(fault);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<String> = self.first.iter().map(Fault::to_string).collect();
        f.write_str(&named.join("; "))?;
        match self.total.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
