//! The store on SQLite: one file, one connection that writes, a few that read.
//!
//! PostgreSQL would be one more implementation of the same traits: `unit` holds what becomes of a row and is the
//! same for both, and the texts that differ stand in `units` and `staging`. Decisions belong to the domain.

use std::{
    fs::{File, OpenOptions, TryLockError},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleResult};
use sqlx::{
    ConnectOptions, Connection, SqlSafeStr, SqlStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    domain::{
        Instant,
        baseline::Night,
        ids::{BatchId, ChannelId, GameDate, HandoffId, RunKey},
        routing::Silence,
        run::Run,
        service::Service,
    },
    ports::{
        OpenUnit,
        deliveries::{ChannelFigures, Delivery, DeliveryLease, DeliveryStore, Entry, Lane},
        notice::Notice,
        store::{
            HistoryEntry, NightsBefore, OutboxItem, Quarantined, QueueFigures, Store, StoreError,
            Transaction,
        },
    },
};

mod answers;
mod deliveries;
mod inbox;
mod known;
mod later;
mod ledger;
mod outbox;
mod people;
mod runs;
mod sending;
mod staging;
mod stuck;
#[cfg(test)]
mod tests;
mod transaction;
mod unit;
mod units;
mod values;
mod warm;

use known::Known;
use later::{Later, Pipe};
use outbox::Lease;
use transaction::{SqliteTransaction, Writer};
use values::failed;

/// Connections that read.
const READERS_MAX: usize = 4;
/// How long a statement waits for a lock that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Rows that a statement may be ahead of its reader: fewer, and a big page is a walk between two threads.
const ROWS_BUFFERED: usize = 1_000;

/// Every migration, oldest first. One that was released is never changed.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "tables", include_str!("migrations/0001_tables.sql")),
    (
        2,
        "statistics",
        include_str!("migrations/0002_statistics.sql"),
    ),
    (
        3,
        "deliveries",
        include_str!("migrations/0003_deliveries.sql"),
    ),
];

/// Opens connections that read. Each is asked by one at a time, and there is nothing to be tested between two
/// questions: sqlx's own pool asks twice more to do so, which costs more than most questions.
struct Connect(SqliteConnectOptions);

impl Manager for Connect {
    type Type = SqliteConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut connection = self.0.connect().await?;
        warm::reader(&mut connection).await?;
        Ok(connection)
    }

    async fn recycle(&self, _: &mut SqliteConnection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}

/// A connection that reads, until it is dropped.
struct Reader {
    connection: Object<Connect>,
    later: Later,
}

impl Reader {
    fn pipe(&mut self) -> Pipe<'_> {
        Pipe {
            connection: &mut self.connection,
            later: &mut self.later,
        }
    }
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// The store in one SQLite file. Only one process can hold it.
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    readers: Pool<Connect>,
    /// Held until the store is closed; `None` where it is only read.
    lock: std::sync::Mutex<Option<File>>,
}

impl SqliteStore {
    /// Opens the file, or creates it, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// When another process holds it, it cannot be read or written, or it was made by a later version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .row_buffer_size(ROWS_BUFFERED)
            .busy_timeout(BUSY_TIMEOUT);
        migrate(options.clone().create_if_missing(true)).await?;
        let mut connection = options
            .connect()
            .await
            .map_err(failed("open the database"))?;
        warm::writer(&mut connection)
            .await
            .map_err(failed("prepare what is written"))?;
        let store = Self::of(connection, options, Some(lock))?;
        // One is there from the start; the others come when they are needed.
        drop(store.reader().await?);
        Ok(store)
    }

    /// Opens the file to read it, also while another process holds it. Nothing can be written.
    ///
    /// # Errors
    ///
    /// When it does not exist or cannot be read.
    pub async fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT);
        let connection = options
            .connect()
            .await
            .map_err(failed("open the database to read it"))?;
        Self::of(connection, options, None)
    }

    fn of(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        lock: Option<File>,
    ) -> Result<Self, StoreError> {
        let connect = Connect(options.read_only(true));
        let readers = Pool::builder(connect).max_size(READERS_MAX).build();
        let writer = Writer {
            connection,
            is_open: false,
            has_failed: false,
            is_closed: false,
            known: Known::default(),
        };
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            readers: readers.map_err(failed("open the database to read it"))?,
            lock: std::sync::Mutex::new(lock),
        })
    }

    async fn reader(&self) -> Result<Reader, StoreError> {
        let connection = self.readers.get().await;
        Ok(Reader {
            connection: connection.map_err(failed("get a connection that reads"))?,
            later: Later::default(),
        })
    }

    async fn writer(&self) -> OwnedMutexGuard<Writer> {
        Arc::clone(&self.writer).lock_owned().await
    }
}

/// On a connection of its own: the planner reads its statistics when a connection is opened.
async fn migrate(options: SqliteConnectOptions) -> Result<(), StoreError> {
    let mut connection = options
        .connect()
        .await
        .map_err(failed("create the database"))?;
    migrator()
        .run(&mut connection)
        .await
        .map_err(failed("bring the database's tables up to date"))?;
    settle(&mut connection).await?;
    connection
        .close()
        .await
        .map_err(failed("close the database"))
}

/// Writes what the log holds into the file, and syncs it. What a process left in the log may be there for whoever reads
/// and not on the disk: its sync failed, and then it was killed. Nothing new may be built on that.
async fn settle(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(connection)
        .await
        .map_err(failed("settle what the last process left"))?;
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.to_vec())
}

/// Takes the file beside the database that says who holds it.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let doing = "lock the database";
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| {
            failed(doing)(format!(
                "{}: {error}; the directory has to be writable: look at its owner and its mount, or give another \
                 directory with --data",
                name.display()
            ))
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(doing)(format!(
            "another process holds {}; stop it, or give this one another directory with --data",
            name.display()
        ))),
        Err(TryLockError::Error(error)) => {
            Err(failed(doing)(format!("{}: {error}", name.display())))
        }
    }
}

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn lease_deliveries(
        &self,
        lease: DeliveryLease<'_>,
    ) -> Result<Vec<Delivery>, StoreError> {
        deliveries::lease(self.writer().await.idle().await?, &lease).await
    }

    async fn next_delivery_at(
        &self,
        channel: &ChannelId,
        lane: Lane,
        in_hand: &[String],
    ) -> Result<Option<Instant>, StoreError> {
        deliveries::next_at(&mut *self.reader().await?, (channel, lane), in_hand).await
    }

    async fn sent_since(
        &self,
        channel: &ChannelId,
        since: Instant,
    ) -> Result<Vec<Instant>, StoreError> {
        ledger::sent_since(&mut *self.reader().await?, channel, since).await
    }

    async fn ledger(&self, most: u32) -> Result<Vec<Entry>, StoreError> {
        ledger::ledger(&mut *self.reader().await?, most).await
    }

    async fn ledger_of(&self, notice_id: &str) -> Result<Vec<Entry>, StoreError> {
        ledger::ledger_of(&mut *self.reader().await?, notice_id).await
    }

    async fn notice(&self, id: &str) -> Result<Option<Notice>, StoreError> {
        ledger::notice(&mut *self.reader().await?, id).await
    }

    async fn channel_figures(&self) -> Result<Vec<ChannelFigures>, StoreError> {
        ledger::figures(&mut *self.reader().await?).await
    }

    async fn unheard_since(&self, now: Instant) -> Result<Option<Instant>, StoreError> {
        ledger::unheard_since(&mut *self.reader().await?, now).await
    }

    async fn silences(&self, now: Instant) -> Result<Vec<Silence>, StoreError> {
        people::silences(&mut *self.reader().await?, now).await
    }

    async fn service_due(&self, now: Instant) -> Result<bool, StoreError> {
        people::service_due(&mut *self.reader().await?, now).await
    }

    async fn service(&self) -> Result<Service, StoreError> {
        people::service(&mut *self.reader().await?).await
    }

    async fn thread(&self, channel: &ChannelId, about: &str) -> Result<Option<String>, StoreError> {
        deliveries::thread(&mut *self.reader().await?, channel, about).await
    }

    async fn runs_between(
        &self,
        handoff: &HandoffId,
        from: GameDate,
        to: GameDate,
    ) -> Result<Vec<Run>, StoreError> {
        runs::between(&mut *self.reader().await?, handoff, (from, to)).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let writer = self.writer().await;
        Ok(Box::new(SqliteTransaction::begin(writer).await?))
    }

    async fn can_write(&self) -> Result<(), StoreError> {
        self.writer().await.check().await
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        let connection = writer.idle().await?;
        outbox::free(&mut *connection).await?;
        deliveries::free(connection).await
    }

    async fn close(&self) {
        // The transaction at hand ends first; what comes after it is refused.
        self.writer().await.is_closed = true;
        self.readers.close();
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        *lock = None;
    }

    async fn run(&self, key: &RunKey) -> Result<Option<Run>, StoreError> {
        runs::run(self.reader().await?.pipe(), key).await
    }

    async fn run_of_batch(&self, batch_id: &BatchId) -> Result<Option<RunKey>, StoreError> {
        runs::of_batch(&mut *self.reader().await?, batch_id).await
    }

    async fn due_runs(&self, now: Instant, most: u32) -> Result<Vec<RunKey>, StoreError> {
        runs::due(&mut *self.reader().await?, now, most).await
    }

    async fn next_wake_at(&self) -> Result<Option<Instant>, StoreError> {
        runs::next_wake_at(&mut *self.reader().await?).await
    }

    async fn latest_date(&self, handoff: &HandoffId) -> Result<Option<GameDate>, StoreError> {
        runs::latest_date(&mut *self.reader().await?, handoff).await
    }

    async fn open_runs(&self, handoff: &HandoffId) -> Result<Vec<Run>, StoreError> {
        runs::open(&mut *self.reader().await?, handoff).await
    }

    async fn nights(&self, before: NightsBefore<'_>) -> Result<Vec<Night>, StoreError> {
        runs::nights(&mut *self.reader().await?, &before).await
    }

    async fn history(&self, key: &RunKey) -> Result<Vec<HistoryEntry>, StoreError> {
        runs::history(self.reader().await?.pipe(), key).await
    }

    async fn open_units(&self, key: &RunKey, most: u32) -> Result<Vec<OpenUnit>, StoreError> {
        answers::open_units(&mut self.reader().await?.pipe(), key, most).await
    }

    async fn lease_outbox(
        &self,
        now: Instant,
        lease_until: Instant,
        most: u32,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let lease = Lease {
            now,
            until: lease_until,
            most,
        };
        outbox::lease(self.writer().await.idle().await?, &lease).await
    }

    async fn prolong_lease(&self, id: &str, lease_until: Instant) -> Result<bool, StoreError> {
        outbox::prolong(self.writer().await.idle().await?, id, lease_until).await
    }

    async fn next_outbox_at(&self) -> Result<Option<Instant>, StoreError> {
        outbox::next_at(&mut *self.reader().await?).await
    }

    async fn quarantined(&self, most: u32) -> Result<Vec<Quarantined>, StoreError> {
        inbox::listed(&mut *self.reader().await?, most).await
    }

    async fn quarantined_message(&self, id: i64) -> Result<Option<Quarantined>, StoreError> {
        inbox::message(&mut *self.reader().await?, id).await
    }

    async fn queues(&self) -> Result<QueueFigures, StoreError> {
        inbox::queues(&mut *self.reader().await?).await
    }

    async fn last_instant(&self) -> Result<Option<Instant>, StoreError> {
        runs::last_instant(&mut *self.reader().await?).await
    }
}
