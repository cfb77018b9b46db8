//! The durable state: runs, units, history, inbox, outbox and quarantine, as the engine needs them.
//!
//! One implementation holds them in SQLite; another may hold them in PostgreSQL. No SQL and no decision belongs
//! here: which answer replaces which, and when anything happens, is the domain's.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    Cause, OpenUnit, StoredRow,
    deliveries::{DeliveryStore, DeliveryTransaction},
};
use crate::domain::{
    Instant,
    baseline::Night,
    completion::{Standing, Tally},
    effect::Effect,
    event::{Event, FrozenTally, SentTally},
    ids::{BatchId, GameDate, HandoffId, MessageId, RunKey, UnitId},
    plan::ListedUnit,
    reason::Reason,
    run::{Run, State},
    service::Quarantine,
};

/// The store could not do it; nothing of it happened.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub struct StoreError {
    /// What was being done, to what.
    pub doing: &'static str,
    /// What went wrong.
    pub source: Cause,
}

/// One entry of a night's history. Entries are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Whose night.
    pub key: RunKey,
    /// When it was dealt with.
    pub at: Instant,
    /// The run's step, counted from 1; `None` where no run was moved.
    pub step: Option<u64>,
    /// What happened, whole: replaying these gives the run. `None` for a message that was refused before any run.
    pub event: Option<Event>,
    /// Where the run stood afterwards.
    pub state: Option<State>,
    /// Why.
    pub why: Vec<Reason>,
    /// What was wanted.
    pub effects: Vec<Effect>,
}

/// An effect waiting to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// `handoff/date/step/index`: the receiver's idempotency key.
    pub id: String,
    /// Whose run.
    pub key: RunKey,
    /// What is to be done.
    pub effect: Effect,
    /// When it was decided.
    pub decided_at: Instant,
    /// When it may be tried next.
    pub due_at: Instant,
    /// Tries so far that failed.
    pub tries: u32,
}

/// How a try to do an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxEnd {
    /// Done: it leaves the outbox.
    Done,
    /// To be tried again.
    Later {
        /// Not before.
        due_at: Instant,
        /// What went wrong.
        error: String,
    },
    /// Given up: kept, shown and counted.
    Dead {
        /// What went wrong.
        error: String,
    },
}

/// The code of quarantined completions for units or batches that no run knows.
pub const UNKNOWN_UNIT: &str = "unknown_unit";

/// Bytes that could not be understood, kept as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Counted from 1.
    pub id: i64,
    /// Which entry point they came to: `trigger` or `complete`.
    pub source: String,
    /// The message's id.
    pub message_id: MessageId,
    /// When they came.
    pub received_at: Instant,
    /// The name of what was wrong with them, from a closed list.
    pub code: String,
    /// What was wrong with them.
    pub reason: String,
    /// The bytes, or their head where they were too many.
    pub body: Vec<u8>,
    /// How many bytes came.
    pub bytes: u64,
    /// SHA-256 of all that came, in hexadecimal.
    pub sha256: String,
}

/// An answer with its rank, as the store merges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedAnswer {
    /// The unit.
    pub unit: UnitId,
    /// The attempt it answers, if it says.
    pub attempt: Option<u32>,
    /// How it makes the unit stand.
    pub standing: Standing,
    /// The reason to count it under, for skips and failures.
    pub reason: Option<String>,
    /// The worker's own word.
    pub reason_text: Option<String>,
    /// When it was true.
    pub true_at: Instant,
}

/// Units to stage: one page of the listing.
#[derive(Debug, Clone)]
pub struct StagePage<'a> {
    /// Whose run.
    pub key: &'a RunKey,
    /// The wave.
    pub wave: u32,
    /// The page, in the order of the units' names.
    pub units: &'a [ListedUnit],
    /// No unit of the run was ever listed before: nobody needs to look whether any is known.
    pub is_first: bool,
    /// Only units with fewer attempts than this are to be sent.
    pub attempts_max: u32,
    /// At most this many of the page are to be sent; `None`: all.
    pub units_max: Option<u64>,
    /// Rows count as in time up to here.
    pub deadline_at: Instant,
}

/// Units to claim for sending.
#[derive(Debug, Clone)]
pub struct ClaimOrder<'a> {
    /// Whose run.
    pub key: &'a RunKey,
    /// The batch.
    pub batch_id: &'a BatchId,
    /// Its frozen wave.
    pub wave: u32,
    /// Most units to claim, 1 to 1,000.
    pub units_max: u32,
    /// Until when they are this sender's.
    pub lease_until: Instant,
    /// Now: older leases are in doubt and are sent again with the same key.
    pub now: Instant,
}

/// A claimed unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What its request needs.
    pub unit: ListedUnit,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// Publishes of this attempt that failed so far.
    pub tries: u32,
}

/// What a claim took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claimed {
    /// To be sent.
    pub units: Vec<Claim>,
    /// Units that had become satisfied meanwhile: they are not sent.
    pub spared: u64,
}

/// An attempt of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whose.
    pub unit: UnitId,
    /// Which, from 1.
    pub attempt: u32,
}

/// What became of claimed units. Of an attempt that another has followed nothing is kept.
#[derive(Debug, Clone)]
pub struct Confirmation<'a> {
    /// Whose run.
    pub key: &'a RunKey,
    /// Published.
    pub sent: &'a [Attempt],
    /// Not published this time: free to be claimed again, one try more.
    pub again: &'a [Attempt],
    /// Not published, and not tried again: failed(publish).
    pub refused: &'a [Attempt],
    /// When.
    pub at: Instant,
}

/// Depths and ages of the queues, for metrics and the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Effects waiting.
    pub outbox: u64,
    /// When the oldest of them was decided.
    pub outbox_oldest_at: Option<Instant>,
    /// Effects given up.
    pub outbox_dead: u64,
    /// Messages in quarantine.
    pub quarantine: u64,
    /// When the oldest of them came.
    pub quarantine_oldest_at: Option<Instant>,
    /// Messages accepted so far.
    pub inbox: u64,
    /// The earliest due instant of any run, and of the service itself; in the past, timers are late.
    pub next_wake_at: Option<Instant>,
}

/// Which nights a listing holds.
#[derive(Debug, Clone)]
pub struct NightsBefore<'a> {
    /// The handoff.
    pub handoff: &'a HandoffId,
    /// Nights earlier than this date.
    pub game_date: GameDate,
    /// Most nights.
    pub nights_max: u32,
}

/// The durable state. Reading sees what is committed.
#[async_trait]
pub trait Store: DeliveryStore {
    /// Begins the one writing transaction; dropping it undoes everything.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// Whether it can be written to: where the last commit failed, it writes something of no meaning and makes it
    /// durable. A store that cannot lose its disk always can.
    async fn can_write(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Frees what a dead process left leased. Only for a store that no other process can hold.
    async fn take_over(&self) -> Result<(), StoreError>;

    /// Lets go of it: whoever still has a hand on it is refused from here on, and another process may open it.
    async fn close(&self);

    /// The run, if it was ever opened.
    async fn run(&self, key: &RunKey) -> Result<Option<Run>, StoreError>;

    /// The run that a batch belongs to.
    async fn run_of_batch(&self, batch_id: &BatchId) -> Result<Option<RunKey>, StoreError>;

    /// Runs whose next wake has come, earliest first.
    async fn due_runs(&self, now: Instant, most: u32) -> Result<Vec<RunKey>, StoreError>;

    /// The earliest due instant of any run, and of the service itself; in the past, timers are late.
    async fn next_wake_at(&self) -> Result<Option<Instant>, StoreError>;

    /// The latest game date that ever had a run by its calendar.
    async fn latest_date(&self, handoff: &HandoffId) -> Result<Option<GameDate>, StoreError>;

    /// Every open run of a handoff, earliest date first.
    async fn open_runs(&self, handoff: &HandoffId) -> Result<Vec<Run>, StoreError>;

    /// Figures of earlier nights that were expected, latest first.
    async fn nights(&self, before: NightsBefore<'_>) -> Result<Vec<Night>, StoreError>;

    /// A night's history, earliest first.
    async fn history(&self, key: &RunKey) -> Result<Vec<HistoryEntry>, StoreError>;

    /// Units of the plan that still need work, by game and name.
    async fn open_units(&self, key: &RunKey, most: u32) -> Result<Vec<OpenUnit>, StoreError>;

    /// Leases effects that are due, oldest first, until `lease_until`.
    async fn lease_outbox(
        &self,
        now: Instant,
        lease_until: Instant,
        most: u32,
    ) -> Result<Vec<OutboxItem>, StoreError>;

    /// Prolongs a lease; `false`: it is not held any more.
    async fn prolong_lease(&self, id: &str, lease_until: Instant) -> Result<bool, StoreError>;

    /// When the next effect is due; leased ones at the end of their lease.
    async fn next_outbox_at(&self) -> Result<Option<Instant>, StoreError>;

    /// Messages in quarantine, latest first.
    async fn quarantined(&self, most: u32) -> Result<Vec<Quarantined>, StoreError>;

    /// One message in quarantine.
    async fn quarantined_message(&self, id: i64) -> Result<Option<Quarantined>, StoreError>;

    /// Depths and ages of the queues.
    async fn queues(&self) -> Result<QueueFigures, StoreError>;

    /// The last instant that anything was committed at, as the history knows it.
    async fn last_instant(&self) -> Result<Option<Instant>, StoreError>;
}

/// One writing transaction: everything in it happens, or nothing.
#[async_trait]
pub trait Transaction: DeliveryTransaction {
    /// Marks a point to return to.
    async fn mark(&mut self) -> Result<(), StoreError>;

    /// Keeps what was done since the mark.
    async fn keep(&mut self) -> Result<(), StoreError>;

    /// Undoes what was done since the mark.
    async fn undo(&mut self) -> Result<(), StoreError>;

    /// Makes it durable.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Undoes it at once. Dropped, it is undone only before the next begins, and the store stays locked until then.
    async fn rollback(self: Box<Self>) -> Result<(), StoreError>;

    /// The run, locked until the end of the transaction.
    async fn run(&mut self, key: &RunKey) -> Result<Option<Run>, StoreError>;

    /// Figures of earlier nights, for a run that opens now.
    async fn nights(&mut self, before: NightsBefore<'_>) -> Result<Vec<Night>, StoreError>;

    /// Saves the run with its next wake.
    async fn save_run(
        &mut self,
        run: &Run,
        next_wake_at: Option<Instant>,
    ) -> Result<(), StoreError>;

    /// Adds to the history.
    async fn append(&mut self, entry: &HistoryEntry) -> Result<(), StoreError>;

    /// Puts an effect into the outbox, leased from the start: whoever decided it does it, and others only when the
    /// lease has run out.
    async fn put(&mut self, item: &OutboxItem, lease_until: Instant) -> Result<(), StoreError>;

    /// Ends a try at an effect.
    async fn end(&mut self, id: &str, end: &OutboxEnd) -> Result<(), StoreError>;

    /// Takes note of messages, in their order; `false` for each that had been accepted before, be it in the same call.
    async fn accept(
        &mut self,
        message_ids: &[&MessageId],
        source: &str,
        at: Instant,
    ) -> Result<Vec<bool>, StoreError>;

    /// Quarantines a message; its `id` is not looked at.
    async fn quarantine(&mut self, message: &Quarantined) -> Result<(), StoreError>;

    /// Takes a message out of quarantine; `false`: it was not there.
    async fn release_quarantined(&mut self, id: i64) -> Result<bool, StoreError>;

    /// Stages a page; says how many of it would be sent. Nothing of it is visible before the freeze.
    async fn stage(&mut self, page: StagePage<'_>) -> Result<u64, StoreError>;

    /// Makes a staged wave the batch's, and counts the plan anew.
    async fn freeze(
        &mut self,
        key: &RunKey,
        batch_id: &BatchId,
        wave: u32,
    ) -> Result<FrozenTally, StoreError>;

    /// Gives up units in flight that were published up to this instant; says how many.
    async fn give_up(&mut self, key: &RunKey, sent_until: Instant) -> Result<u64, StoreError>;

    /// Frees what a batch has not sent.
    async fn release(&mut self, key: &RunKey, batch_id: &BatchId) -> Result<(), StoreError>;

    /// Claims units for sending.
    async fn claim(&mut self, order: ClaimOrder<'_>) -> Result<Claimed, StoreError>;

    /// Keeps what became of claimed units.
    async fn confirm(&mut self, confirmation: Confirmation<'_>) -> Result<SentTally, StoreError>;

    /// Merges answers one after the other; says of each what it changed.
    async fn answers(
        &mut self,
        key: &RunKey,
        answers: &[RankedAnswer],
        deadline_at: Instant,
    ) -> Result<Vec<Tally>, StoreError>;

    /// Merges rows seen in the prediction table.
    async fn rows(
        &mut self,
        key: &RunKey,
        rows: &[StoredRow],
        deadline_at: Instant,
    ) -> Result<Tally, StoreError>;

    /// Marks claims up to this instant without a row as missing.
    async fn missing(&mut self, key: &RunKey, claimed_until: Instant) -> Result<Tally, StoreError>;

    /// The first units that still need work, for a message's snapshot.
    async fn open_units(&mut self, key: &RunKey, most: u32) -> Result<Vec<OpenUnit>, StoreError>;

    /// How full the quarantine is.
    async fn quarantine_now(&mut self) -> Result<Quarantine, StoreError>;

    /// How many unknown completions of a night are in quarantine.
    async fn unknown_quarantined(&mut self, game_date: GameDate) -> Result<u64, StoreError>;
}
