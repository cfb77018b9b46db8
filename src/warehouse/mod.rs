//! The embedded warehouse: the tables of both phases on SQLite, one file a dataset, asked with the same query text
//! as a real warehouse. For demos, tests and places without one.
//!
//! What is done with the answers belongs to the engine; the service's own state belongs to its store.

mod error;
mod load;
mod packed;
mod query;
pub mod questions;
mod read;
mod rows;
pub mod schema;
mod text;
mod write;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use deadpool::managed::{Manager, Metrics, Pool, RecycleResult};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

pub use error::{Fault, Faults, WarehouseError};
pub use load::Format;
use questions::Query;

pub use query::Answer;
pub use rows::{ContextRow, FeatureRow, PredictionRow, RunHistoryRow};
pub use text::{instant_text, read_date, read_instant};
pub use write::{OWN_PROCESSOR, run_history_row};

/// How long a statement waits for another process's lock before it counts as "could not ask".
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Questions that are answered at the same time.
const READERS_MAX: usize = 4;

/// Most memory a connection's page cache takes a dataset; a million units are read in an order their pages are not in.
const CACHE_KIBIBYTES_MAX: u32 = 8 * 1024;

/// The warehouse on SQLite. Cloning shares its connections.
#[derive(Debug, Clone)]
pub struct EmbeddedWarehouse {
    directory: PathBuf,
    readers: Pool<Connect>,
    writer: SqlitePool,
}

impl EmbeddedWarehouse {
    /// Opens the warehouse in a directory, creating it and its tables where they are not there.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or a file is not a readable SQLite database.
    pub async fn open(directory: &Path) -> Result<Self, WarehouseError> {
        Self::open_with(directory, BUSY_TIMEOUT).await
    }

    /// Opens the warehouse as [`Self::open`] does, waiting at most `busy_timeout` for another process's lock.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub async fn open_with(
        directory: &Path,
        busy_timeout: Duration,
    ) -> Result<Self, WarehouseError> {
        Self::connect(directory, busy_timeout)
            .await
            .map_err(|source| WarehouseError::Open {
                directory: directory.to_owned(),
                source,
            })
    }

    async fn connect(directory: &Path, busy_timeout: Duration) -> anyhow::Result<Self> {
        tokio::fs::create_dir_all(directory).await?;
        let directory = tokio::fs::canonicalize(directory).await?;
        // By one connection first: the files and WAL must be there before a reader attaches them, and a pool would
        // try a broken file again until it gives up, and not say why.
        let mut first = options(busy_timeout).connect().await?;
        attach(&mut first, &directory, Access::Write).await?;
        create_tables(&mut first).await?;
        first.close().await?;
        let writer = writer(&directory, busy_timeout).await?;
        let connect = Connect {
            directory: directory.clone(),
            busy_timeout,
        };
        let readers = Pool::builder(connect).max_size(READERS_MAX).build()?;
        // One is there from the start; the others come when they are needed.
        drop(readers.get().await?);
        Ok(Self {
            directory,
            readers,
            writer,
        })
    }

    /// Closes its connections, waiting for a write; what is being asked is still answered.
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// An empty main database in memory; the datasets are attached to it.
fn options(busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .create_if_missing(true)
        .busy_timeout(busy_timeout)
}

/// Opens connections that read. Each is asked by one at a time, and there is nothing to be tested between two
/// questions: sqlx's own pool asks twice more to do so.
#[derive(Debug)]
struct Connect {
    directory: PathBuf,
    busy_timeout: Duration,
}

/// A connection that reads.
#[derive(Debug)]
struct Connected {
    connection: SqliteConnection,
    /// A transaction was begun and not ended: whoever asked hung up in between.
    is_open: bool,
}

impl Manager for Connect {
    type Type = Connected;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connected, sqlx::Error> {
        let mut connection = options(self.busy_timeout).connect().await?;
        attach(&mut connection, &self.directory, Access::Read).await?;
        prepare(&mut connection).await;
        let is_open = false;
        Ok(Connected {
            connection,
            is_open,
        })
    }

    async fn recycle(&self, lent: &mut Connected, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if std::mem::take(&mut lent.is_open) {
            // It fails where there is nothing to undo.
            let _ = lent.connection.execute("ROLLBACK").await;
        }
        Ok(())
    }
}

/// One connection that writes: SQLite has one writer, and queueing here is cheaper than waiting for its lock.
async fn writer(directory: &Path, busy_timeout: Duration) -> Result<SqlitePool, sqlx::Error> {
    let directory = directory.to_owned();
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            let directory = directory.clone();
            Box::pin(async move { attach(connection, &directory, Access::Write).await })
        })
        .connect_with(options(busy_timeout))
        .await
}

/// Prepares the questions of a night, so that none waits for that.
async fn prepare(connection: &mut SqliteConnection) {
    let texts = Query::ALL.map(|query| AssertSqlSafe(packed::packed(query)).into_sql_str());
    let readiness = [
        Query::Listed,
        Query::Games,
        Query::Features,
        Query::Quality,
        Query::UpstreamFinished,
        Query::UpstreamFinished,
    ];
    let together = AssertSqlSafe(read::together(readiness.into_iter())).into_sql_str();
    for text in texts.into_iter().chain([together]) {
        // What a table lacks is said when it is asked.
        let _ = connection.prepare(text).await;
    }
}

/// Attaches each dataset's file under the dataset's name.
async fn attach(
    connection: &mut SqliteConnection,
    directory: &Path,
    access: Access,
) -> Result<(), sqlx::Error> {
    for dataset in schema::DATASETS {
        let path = directory.join(format!("{dataset}.sqlite"));
        let uri = file_uri(&path, access);
        sqlx::query(AssertSqlSafe(format!("ATTACH DATABASE ? AS {dataset}")))
            .bind(uri)
            .execute(&mut *connection)
            .await?;
        let cache = format!("PRAGMA {dataset}.cache_size = -{CACHE_KIBIBYTES_MAX}");
        connection.execute(AssertSqlSafe(cache)).await?;
        if access == Access::Write {
            let wal = format!("PRAGMA {dataset}.journal_mode = WAL");
            connection.execute(AssertSqlSafe(wal)).await?;
        }
    }
    if access == Access::Read {
        connection.execute("PRAGMA query_only = ON").await?;
    }
    Ok(())
}

/// The path as SQLite's URI, which alone can say that a file is only to be read.
fn file_uri(path: &Path, access: Access) -> String {
    let path = path.to_string_lossy();
    let escaped = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let mode = match access {
        Access::Read => "ro",
        Access::Write => "rwc",
    };
    format!("file:{escaped}?mode={mode}")
}

async fn create_tables(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for table in schema::TABLES {
        transaction
            .execute(AssertSqlSafe(table.create_statement()))
            .await?;
        transaction
            .execute(AssertSqlSafe(table.index_statement()))
            .await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests;
