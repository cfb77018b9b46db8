//! What can be seen of a service from outside: its files, read while it runs or after it died.
//!
//! What ought to be seen belongs to `points` and `proof`.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tipoff::{
    domain::{
        effect::Effect,
        ids::RunKey,
        run::{Batch, Run, State},
    },
    ports::store::{OutboxItem, Store},
    store::SqliteStore,
};

/// One look at the store.
#[derive(Debug, Clone)]
pub struct Sight {
    pub run: Run,
    pub outbox: Vec<OutboxItem>,
    /// Effects that were tried and put back.
    pub put_back: u64,
    /// Units staged for a wave and not claimed from it.
    pub staged: u64,
    /// Units claimed, of which it is not known whether they went out.
    pub in_doubt: u64,
    /// Of these, units that a dead process left, not claimed since.
    pub free_again: u64,
    /// Units that have an answer.
    pub answered: u64,
    /// Batches frozen.
    pub batches: u64,
}

impl Sight {
    pub fn is(&self, state: State) -> bool {
        self.run.state == state
    }

    /// Whether an effect of this kind waits to be done.
    pub fn waits(&self, is: impl Fn(&Effect) -> bool) -> bool {
        self.outbox.iter().any(|item| is(&item.effect))
    }

    /// A figure of the current batch, 0 where there is none.
    pub fn batch(&self, figure: impl Fn(&Batch) -> u64) -> u64 {
        self.run.batch.as_ref().map_or(0, figure)
    }
}

/// A reader of the store's file.
pub struct Reader {
    store: SqliteStore,
    connection: SqliteConnection,
}

impl Reader {
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        Self {
            store: SqliteStore::open_to_read(file).await.unwrap(),
            connection: options.connect().await.unwrap(),
        }
    }

    pub fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// Looks once. The parts are read one after the other: only what stands still is seen as one.
    pub async fn look(&mut self, key: &RunKey) -> Option<Sight> {
        let run = self.store.run(key).await.unwrap()?;
        let outbox = sqlx::query("SELECT body FROM outbox ORDER BY decided_at")
            .fetch_all(&mut self.connection)
            .await
            .unwrap();
        let item = |row: &sqlx::sqlite::SqliteRow| {
            serde_json::from_str(row.get::<&str, _>("body")).unwrap()
        };
        Some(Sight {
            run,
            outbox: outbox.iter().map(item).collect(),
            put_back: self.count("outbox WHERE tries > 0").await,
            staged: self.count("units WHERE staged_wave IS NOT NULL").await,
            in_doubt: self.count("units WHERE lease_until IS NOT NULL").await,
            free_again: self.count("units WHERE lease_until = 0").await,
            answered: self.count("units WHERE standing > 0").await,
            batches: self.count("batches").await,
        })
    }

    async fn count(&mut self, what: &str) -> u64 {
        let statement = AssertSqlSafe(format!("SELECT count(*) FROM {what}"));
        let counted: i64 = sqlx::query_scalar(statement)
            .fetch_one(&mut self.connection)
            .await
            .unwrap();
        u64::try_from(counted).unwrap()
    }

    /// Every unit that the run has a row for, by name.
    pub async fn units(&mut self, key: &RunKey) -> Vec<UnitSeen> {
        let rows = sqlx::query(
            "SELECT unit, game_id, standing, reason, in_time, missing, dispatched, attempt, phase FROM units
             WHERE handoff = $1 AND game_date = $2 ORDER BY unit",
        )
        .bind(key.handoff.as_str())
        .bind(key.game_date.to_string())
        .fetch_all(&mut self.connection)
        .await
        .unwrap();
        let unit = |row: &sqlx::sqlite::SqliteRow| UnitSeen {
            unit: row.get("unit"),
            game_id: row.get("game_id"),
            standing: row.get("standing"),
            reason: row.get("reason"),
            in_time: row.get("in_time"),
            missing: row.get("missing"),
            dispatched: row.get("dispatched"),
            attempt: row.get("attempt"),
            phase: row.get("phase"),
        };
        rows.iter().map(unit).collect()
    }
}

/// A unit's row, as the store keeps it.
#[derive(Debug, Clone)]
pub struct UnitSeen {
    pub unit: String,
    pub game_id: String,
    pub standing: i64,
    pub reason: Option<String>,
    pub in_time: bool,
    pub missing: bool,
    pub dispatched: bool,
    pub attempt: i64,
    pub phase: String,
}

/// Something that the disk refuses, so that a moment too short to be met stands still: SQLite's own trigger raises
/// an error, as a full disk would, and the service tries again and again.
#[derive(Debug, Clone, Copy)]
pub enum Refusal {
    /// No effect can be ended, so nothing comes of one that was done.
    Ends,
    /// No wave can be frozen.
    Freezes,
    /// No unit can be claimed.
    Claims,
    /// No effect that the end of a night wants can be ended.
    EndsOfTheEnd,
    /// No message can be taken to its channel.
    Messages,
    /// No message can be taken to the mail channel.
    Mails,
    /// No receipt of a message can be kept.
    Receipts,
}

impl Refusal {
    fn statement(self) -> &'static str {
        match self {
            Self::Ends => {
                "CREATE TRIGGER refusal BEFORE DELETE ON outbox
                 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
            Self::Freezes => {
                "CREATE TRIGGER refusal BEFORE INSERT ON batches
                 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
            Self::Claims => {
                "CREATE TRIGGER refusal BEFORE UPDATE OF lease_until ON units
                 WHEN NEW.lease_until > 0 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
            Self::EndsOfTheEnd => {
                "CREATE TRIGGER refusal BEFORE DELETE ON outbox
                 WHEN EXISTS (SELECT 1 FROM outbox WHERE body LIKE '%\"announce\"%')
                 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
            Self::Messages => {
                "CREATE TRIGGER refusal BEFORE UPDATE OF lease_until ON deliveries
                 WHEN NEW.lease_until IS NOT NULL BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
            Self::Mails => {
                "CREATE TRIGGER refusal BEFORE UPDATE OF lease_until ON deliveries
                 WHEN NEW.lease_until IS NOT NULL AND NEW.channel = 'email'
                 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
            Self::Receipts => {
                "CREATE TRIGGER refusal BEFORE UPDATE OF state ON deliveries
                 WHEN NEW.state = 'done' BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            }
        }
    }

    /// Has the disk refuse it from now on. The service must be running: the last to leave a file tidies it up, and
    /// that is not for the test to do.
    pub async fn begin(self, file: &Path) {
        run(file, self.statement()).await;
    }

    /// The disk is well again.
    pub async fn end(file: &Path) {
        run(file, "DROP TRIGGER refusal").await;
    }

    /// The disk is well again before the service is back. Close what this returns once the service runs: whoever
    /// leaves the file last tidies it up.
    pub async fn end_while_dead(file: &Path) -> SqliteConnection {
        execute(file, "DROP TRIGGER refusal").await
    }
}

async fn run(file: &Path, statement: &'static str) {
    execute(file, statement).await.close().await.unwrap();
}

async fn execute(file: &Path, statement: &'static str) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(std::time::Duration::from_secs(10));
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}
