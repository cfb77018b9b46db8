//! The one writing transaction, on the one connection that writes.
//!
//! What each operation does belongs to the file named for it.

use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::OwnedMutexGuard;

use super::{
    answers::{self, Promise},
    deliveries,
    inbox::{self, Arrived},
    known::Known,
    later::{Later, Pipe, Statement},
    outbox, people, runs, sending,
    staging::{self, Freeze},
    stuck,
    unit::Plan,
    units,
    values::failed,
};
use crate::{
    domain::{
        Instant,
        alert::Severity,
        baseline::Night,
        completion::Tally,
        event::{FrozenTally, SentTally},
        ids::{BatchId, ChannelId, GameDate, MessageId, RunKey},
        routing::{Planned, Reached, Silence},
        run::Run,
        service::{Quarantine, Service},
    },
    ports::{
        OpenUnit, StoredRow,
        deliveries::{DeliveryEnd, DeliveryTransaction, Posting},
        store::{
            ClaimOrder, Claimed, Confirmation, HistoryEntry, NightsBefore, OutboxEnd, OutboxItem,
            Quarantined, RankedAnswer, StagePage, StoreError, Transaction,
        },
    },
};

pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const COMMIT: &str = "COMMIT";

/// Changes nothing, and is written and synced as a change is: a number that SQLite keeps for whoever wants one, which
/// nobody does here.
const WRITE_NOTHING: &str = "PRAGMA user_version = 0";

/// The connection that writes.
pub(super) struct Writer {
    pub connection: SqliteConnection,
    /// A transaction was begun and not ended: whoever held it let go of it, so it is undone before the next.
    pub is_open: bool,
    /// The last commit failed.
    pub has_failed: bool,
    /// The file was let go of and may be another process's by now: nothing is written any more.
    pub is_closed: bool,
    /// What it knows since the last commit; nothing while a transaction is under way.
    pub known: Known,
}

impl Writer {
    /// The connection, outside any transaction.
    pub async fn idle(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.is_closed {
            return Err(failed("write to the database")(
                "it is closed: the service is stopping",
            ));
        }
        if std::mem::take(&mut self.is_open) {
            // Where there is nothing to undo, SQLite had undone it by itself; only a dead connection is of concern.
            if execute(&mut self.connection, "ROLLBACK").await.is_err() {
                self.connection
                    .ping()
                    .await
                    .map_err(failed("undo an abandoned transaction"))?;
            }
        }
        Ok(&mut self.connection)
    }

    /// Whether a commit succeeds: tried where the last one did not.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        self.idle().await?;
        if self.has_failed {
            execute(&mut self.connection, WRITE_NOTHING).await?;
            self.has_failed = false;
        }
        Ok(())
    }
}

/// A transaction; dropped, it is undone before the next begins.
pub(super) struct SqliteTransaction {
    writer: OwnedMutexGuard<Writer>,
    known: Known,
    /// What is handed over with the next question or the commit; the beginning first.
    later: Later,
}

impl SqliteTransaction {
    /// Begins, with the right to write from the start.
    pub async fn begin(mut writer: OwnedMutexGuard<Writer>) -> Result<Self, StoreError> {
        writer.idle().await?;
        writer.is_open = true;
        let known = std::mem::take(&mut writer.known);
        let mut later = Later::default();
        later.add(Statement::bare(BEGIN));
        Ok(Self {
            writer,
            known,
            later,
        })
    }

    fn pipe(&mut self) -> Pipe<'_> {
        Pipe {
            connection: &mut self.writer.connection,
            later: &mut self.later,
        }
    }

    /// The connection, once what waits was handed over.
    async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.hand_over("write what a step did").await?;
        Ok(&mut self.writer.connection)
    }

    async fn hand_over(&mut self, doing: &'static str) -> Result<(), StoreError> {
        let connection = &mut self.writer.connection;
        self.later.hand_over(connection, doing).await.map(drop)
    }

    async fn plan(&mut self, key: &RunKey) -> Result<Plan, StoreError> {
        if let Some(plan) = self.known.plan(key) {
            return Ok(plan);
        }
        let plan = units::plan(&mut self.pipe(), key).await?;
        self.known.keep_plan(key, &plan);
        Ok(plan)
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql)
        .execute(connection)
        .await
        .map_err(failed("begin, mark or end a transaction"))?;
    Ok(())
}

#[async_trait]
impl DeliveryTransaction for SqliteTransaction {
    async fn reached(&mut self, openings: &[String]) -> Result<Vec<Reached>, StoreError> {
        deliveries::reached(self.connection().await?, openings).await
    }

    async fn silences(&mut self, now: Instant) -> Result<Vec<Silence>, StoreError> {
        people::silences(self.connection().await?, now).await
    }

    async fn silence(&mut self, silence: &Silence) -> Result<(), StoreError> {
        people::silence(self.connection().await?, silence).await
    }

    async fn end_silences(&mut self, now: Instant) -> Result<Vec<(i64, Silence)>, StoreError> {
        people::end_silences(self.connection().await?, now).await
    }

    async fn post(&mut self, posting: Posting<'_>) -> Result<bool, StoreError> {
        deliveries::post(self.connection().await?, &posting).await
    }

    async fn add_delivery(
        &mut self,
        notice_id: &str,
        planned: &Planned,
        now: Instant,
    ) -> Result<(), StoreError> {
        deliveries::add(self.connection().await?, notice_id, planned, now).await
    }

    async fn stuck_on(
        &mut self,
        channel: &ChannelId,
    ) -> Result<Vec<(String, Severity)>, StoreError> {
        stuck::stuck_on(self.connection().await?, channel).await
    }

    async fn failed_before(&mut self, channel: &ChannelId) -> Result<u64, StoreError> {
        stuck::failed_before(self.connection().await?, channel).await
    }

    async fn try_again(&mut self, channel: &ChannelId, now: Instant) -> Result<(), StoreError> {
        stuck::try_again(self.connection().await?, channel, now).await
    }

    async fn leave_channel(&mut self, channel: &ChannelId) -> Result<(), StoreError> {
        stuck::leave_channel(self.connection().await?, channel).await
    }

    async fn channels_of(&mut self, notice_id: &str) -> Result<Vec<ChannelId>, StoreError> {
        deliveries::channels_of(self.connection().await?, notice_id).await
    }

    async fn end_delivery(
        &mut self,
        notice_id: &str,
        channel: &ChannelId,
        end: &DeliveryEnd,
    ) -> Result<(), StoreError> {
        deliveries::end(self.connection().await?, (notice_id, channel), end).await
    }

    async fn keep_thread(
        &mut self,
        channel: &ChannelId,
        about: &str,
        thread: &str,
    ) -> Result<(), StoreError> {
        deliveries::keep_thread(self.connection().await?, channel, (about, thread)).await
    }

    async fn service(&mut self) -> Result<Service, StoreError> {
        people::service(self.connection().await?).await
    }

    async fn save_service(
        &mut self,
        service: &Service,
        next_wake_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        people::save_service(self.connection().await?, service, next_wake_at).await
    }

    async fn note_alive(&mut self, now: Instant) -> Result<(), StoreError> {
        people::note_alive(self.connection().await?, now).await
    }

    async fn secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        people::secret(self.connection().await?, name, fresh).await
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn mark(&mut self) -> Result<(), StoreError> {
        self.hand_over("write what a step did").await?;
        self.later.mark(Statement::bare("SAVEPOINT mark"));
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), StoreError> {
        self.later.add(Statement::bare("RELEASE SAVEPOINT mark"));
        self.hand_over("keep what was done since a mark").await
    }

    async fn undo(&mut self) -> Result<(), StoreError> {
        self.known = Known::default();
        if self.later.forget() {
            return Ok(());
        }
        for sql in ["ROLLBACK TO SAVEPOINT mark", "RELEASE SAVEPOINT mark"] {
            self.later.add(Statement::bare(sql));
        }
        self.hand_over("undo what was done since a mark").await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.later.add(Statement::bare(COMMIT));
        let committed = self.hand_over("commit a transaction").await;
        self.writer.has_failed = committed.is_err();
        self.writer.is_open = committed.is_err();
        if committed.is_ok() {
            self.writer.known = self.known;
        }
        committed
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), StoreError> {
        self.writer.idle().await.map(drop)
    }

    async fn run(&mut self, key: &RunKey) -> Result<Option<Run>, StoreError> {
        if let Some(run) = self.known.run(key) {
            return Ok(Some(run.clone()));
        }
        let run = runs::run(self.pipe(), key).await?;
        if let Some(run) = &run {
            self.known.keep_run(run);
        }
        Ok(run)
    }

    async fn nights(&mut self, before: NightsBefore<'_>) -> Result<Vec<Night>, StoreError> {
        runs::nights(self.connection().await?, &before).await
    }

    async fn save_run(
        &mut self,
        run: &Run,
        next_wake_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        self.later.add(runs::save(run, next_wake_at)?);
        self.known.keep_run(run);
        Ok(())
    }

    async fn append(&mut self, entry: &HistoryEntry) -> Result<(), StoreError> {
        self.later.add(runs::append(entry)?);
        Ok(())
    }

    async fn put(&mut self, item: &OutboxItem, lease_until: Instant) -> Result<(), StoreError> {
        self.later.add(outbox::put(item, lease_until)?);
        Ok(())
    }

    async fn end(&mut self, id: &str, end: &OutboxEnd) -> Result<(), StoreError> {
        self.later.add(outbox::end(id, end));
        Ok(())
    }

    async fn accept(
        &mut self,
        message_ids: &[&MessageId],
        source: &str,
        at: Instant,
    ) -> Result<Vec<bool>, StoreError> {
        let arrived = Arrived {
            message_ids,
            source,
            at,
        };
        inbox::accept(&mut self.pipe(), &arrived).await
    }

    async fn quarantine(&mut self, message: &Quarantined) -> Result<(), StoreError> {
        inbox::quarantine(self.connection().await?, message).await
    }

    async fn release_quarantined(&mut self, id: i64) -> Result<bool, StoreError> {
        inbox::release(self.connection().await?, id).await
    }

    async fn stage(&mut self, page: StagePage<'_>) -> Result<u64, StoreError> {
        let plan = self.plan(page.key).await?;
        staging::stage(&mut self.pipe(), &page, &plan).await
    }

    async fn freeze(
        &mut self,
        key: &RunKey,
        batch_id: &BatchId,
        wave: u32,
    ) -> Result<FrozenTally, StoreError> {
        let plan = self.plan(key).await?;
        self.known.forget(key);
        let order = Freeze {
            key,
            batch_id,
            wave,
            plan: &plan,
        };
        staging::freeze(&mut self.pipe(), &order).await
    }

    async fn give_up(&mut self, key: &RunKey, sent_until: Instant) -> Result<u64, StoreError> {
        sending::give_up(&mut self.pipe(), key, sent_until).await
    }

    async fn release(&mut self, key: &RunKey, batch_id: &BatchId) -> Result<(), StoreError> {
        self.known.forget(key);
        staging::release(&mut self.pipe(), key, batch_id);
        Ok(())
    }

    async fn claim(&mut self, order: ClaimOrder<'_>) -> Result<Claimed, StoreError> {
        sending::claim(&mut self.pipe(), &order).await
    }

    async fn confirm(&mut self, confirmation: Confirmation<'_>) -> Result<SentTally, StoreError> {
        let plan = self.plan(confirmation.key).await?;
        sending::confirm(&mut self.pipe(), &confirmation, &plan).await
    }

    async fn answers(
        &mut self,
        key: &RunKey,
        answers: &[RankedAnswer],
        deadline_at: Instant,
    ) -> Result<Vec<Tally>, StoreError> {
        let plan = self.plan(key).await?;
        let run = Promise {
            key,
            plan: &plan,
            deadline_at,
        };
        answers::answers(&mut self.pipe(), &run, answers).await
    }

    async fn rows(
        &mut self,
        key: &RunKey,
        rows: &[StoredRow],
        deadline_at: Instant,
    ) -> Result<Tally, StoreError> {
        let plan = self.plan(key).await?;
        let run = Promise {
            key,
            plan: &plan,
            deadline_at,
        };
        answers::rows(&mut self.pipe(), &run, rows).await
    }

    async fn missing(&mut self, key: &RunKey, claimed_until: Instant) -> Result<Tally, StoreError> {
        let plan = self.plan(key).await?;
        answers::missing(&mut self.pipe(), key, claimed_until, &plan).await
    }

    async fn open_units(&mut self, key: &RunKey, most: u32) -> Result<Vec<OpenUnit>, StoreError> {
        answers::open_units(&mut self.pipe(), key, most).await
    }

    async fn quarantine_now(&mut self) -> Result<Quarantine, StoreError> {
        inbox::quarantine_now(self.connection().await?).await
    }

    async fn unknown_quarantined(&mut self, game_date: GameDate) -> Result<u64, StoreError> {
        inbox::unknown(self.connection().await?, game_date).await
    }
}
