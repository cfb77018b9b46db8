//! Messages to people, durable: what was decided, what is waiting on which channel, and the receipts.
//!
//! Which channel is taken, and when it is tried again, belongs to `domain::routing`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    notice::{Notice, Receipt},
    store::StoreError,
};
use crate::domain::{
    Instant,
    alert::Severity,
    ids::{ChannelId, GameDate, HandoffId},
    routing::{Planned, Reached, Silence, Why},
    run::Run,
    service::Service,
};

/// One message on its way over one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What is told.
    pub notice: Notice,
    /// Over which channel.
    pub channel: ChannelId,
    /// Why this one.
    pub why: Why,
    /// Tries so far that failed.
    pub attempts: u32,
    /// An earlier try may have arrived.
    pub doubtful: bool,
    /// What the channel called the first message about the same thing.
    pub thread: Option<String>,
    /// Channels that have it already, and since when.
    pub elsewhere: Vec<(ChannelId, Instant)>,
}

/// Which of a channel's messages are asked for: a critical one never stands behind others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Critical ones.
    Critical,
    /// All others.
    Other,
}

/// Messages to lease.
#[derive(Debug, Clone)]
pub struct DeliveryLease<'a> {
    /// The channel.
    pub channel: &'a ChannelId,
    /// Which of its messages.
    pub lane: Lane,
    /// Due up to here, exactly then included.
    pub now: Instant,
    /// Until when they are the caller's.
    pub until: Instant,
    /// Most messages.
    pub most: u32,
    /// Messages that the caller has in hand, whatever their lease says.
    pub in_hand: &'a [String],
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The channel took it.
    Done {
        /// Its receipt.
        receipt: Receipt,
        /// When.
        at: Instant,
    },
    /// To be tried again, unless a later message about the same alerts has taken its place.
    Later {
        /// Not before.
        due_at: Instant,
        /// What went wrong.
        error: String,
        /// It may have arrived all the same.
        doubtful: bool,
    },
}

/// One line of the ledger: what became of one message over one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The message's id.
    pub notice_id: String,
    /// The channel.
    pub channel: ChannelId,
    /// `waiting`, `done`, or `replaced`: by a later message about the same alerts, or by another channel where this
    /// one is not configured any more.
    pub state: String,
    /// Why this channel.
    pub why: Why,
    /// When it was decided.
    pub decided_at: Instant,
    /// When the channel took it.
    pub done_at: Option<Instant>,
    /// What the channel calls it.
    pub message_id: Option<String>,
    /// Tries, the successful one included.
    pub attempts: u32,
    /// What last went wrong.
    pub last_error: Option<String>,
}

/// How messages stand on one channel, for metrics, the heartbeat and the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelFigures {
    /// The channel.
    pub channel: ChannelId,
    /// Messages waiting.
    pub waiting: u64,
    /// When the oldest of them was decided.
    pub oldest_at: Option<Instant>,
    /// When the channel last took one.
    pub done_at: Option<Instant>,
}

/// Reading messages and their receipts.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Leases messages that are due on a channel, gravest first, then oldest.
    async fn lease_deliveries(&self, lease: DeliveryLease<'_>)
    -> Result<Vec<Delivery>, StoreError>;

    /// When the next message of a channel's lane is due that the caller has not in hand; leased ones at the end of
    /// their lease.
    async fn next_delivery_at(
        &self,
        channel: &ChannelId,
        lane: Lane,
        in_hand: &[String],
    ) -> Result<Option<Instant>, StoreError>;

    /// When the channel took messages that were not critical, latest first; a digest counts once.
    async fn sent_since(
        &self,
        channel: &ChannelId,
        since: Instant,
    ) -> Result<Vec<Instant>, StoreError>;

    /// The latest lines of the ledger, latest first.
    async fn ledger(&self, most: u32) -> Result<Vec<Entry>, StoreError>;

    /// The lines of one message.
    async fn ledger_of(&self, notice_id: &str) -> Result<Vec<Entry>, StoreError>;

    /// One message.
    async fn notice(&self, id: &str) -> Result<Option<Notice>, StoreError>;

    /// How messages stand on each channel that ever had one.
    async fn channel_figures(&self) -> Result<Vec<ChannelFigures>, StoreError>;

    /// When the oldest waiting message was decided that has reached nobody over any channel. One that is not critical,
    /// and was never tried by a channel that took others, may be held back by its number an hour: it counts from an
    /// hour on.
    async fn unheard_since(&self, now: Instant) -> Result<Option<Instant>, StoreError>;

    /// Silences that have not ended.
    async fn silences(&self, now: Instant) -> Result<Vec<Silence>, StoreError>;

    /// Whether the service's own state is due to be looked at, exactly now included, or a silence has ended.
    async fn service_due(&self, now: Instant) -> Result<bool, StoreError>;

    /// The service's own state.
    async fn service(&self) -> Result<Service, StoreError>;

    /// What a channel called the first message about a thing.
    async fn thread(&self, channel: &ChannelId, about: &str) -> Result<Option<String>, StoreError>;

    /// The runs of a handoff from one date to another, both included, earliest first; no backfills but of nights that had
    /// their verdict.
    async fn runs_between(
        &self,
        handoff: &HandoffId,
        from: GameDate,
        to: GameDate,
    ) -> Result<Vec<Run>, StoreError>;
}

/// A message to keep, and the names of the openings it tells of.
#[derive(Debug, Clone)]
pub struct Posting<'a> {
    /// The message.
    pub notice: &'a Notice,
    /// `scope/kind/subject@opened_at` of each alert in it; a later message with all of these takes its place.
    pub openings: &'a [String],
    /// Where it goes.
    pub deliveries: &'a [Planned],
    /// Its gravest.
    pub severity: Severity,
    /// Why it goes there, or nowhere.
    pub reason: &'a str,
    /// Whether it says all that waiting messages about the same openings say, to all their readers.
    pub replaces: bool,
}

/// Writing messages and their receipts.
#[async_trait]
pub trait DeliveryTransaction: Send {
    /// Where earlier messages about these openings went. `alert` of each is the opening as it was given.
    async fn reached(&mut self, openings: &[String]) -> Result<Vec<Reached>, StoreError>;

    /// Silences that have not ended.
    async fn silences(&mut self, now: Instant) -> Result<Vec<Silence>, StoreError>;

    /// Adds a silence.
    async fn silence(&mut self, silence: &Silence) -> Result<(), StoreError>;

    /// Takes out silences that have ended, exactly now included, with their numbers.
    async fn end_silences(&mut self, now: Instant) -> Result<Vec<(i64, Silence)>, StoreError>;

    /// Keeps a message with its deliveries, due at once. Where it replaces, waiting ones of earlier messages that tell
    /// of nothing else are replaced; those that are being tried, once their try fails. `false`: a message of this id is kept already, and nothing is done.
    async fn post(&mut self, posting: Posting<'_>) -> Result<bool, StoreError>;

    /// Adds a channel to a message that is kept already; one that it has already is left alone.
    async fn add_delivery(
        &mut self,
        notice_id: &str,
        planned: &Planned,
        now: Instant,
    ) -> Result<(), StoreError>;

    /// Messages that wait on a channel and have no other channel in its place yet, with their severities.
    async fn stuck_on(
        &mut self,
        channel: &ChannelId,
    ) -> Result<Vec<(String, Severity)>, StoreError>;

    /// Channels that a message goes or went over.
    async fn channels_of(&mut self, notice_id: &str) -> Result<Vec<ChannelId>, StoreError>;

    /// How many messages wait on a channel after a try that failed, those that are being tried included.
    async fn failed_before(&mut self, channel: &ChannelId) -> Result<u64, StoreError>;

    /// Makes them due now.
    async fn try_again(&mut self, channel: &ChannelId, now: Instant) -> Result<(), StoreError>;

    /// Lets go of what waits on a channel that is not configured any more, where another has it, too, or it is about
    /// that channel itself.
    async fn leave_channel(&mut self, channel: &ChannelId) -> Result<(), StoreError>;

    /// Ends a try. One that is to be tried later is replaced where a later message took its place meanwhile.
    async fn end_delivery(
        &mut self,
        notice_id: &str,
        channel: &ChannelId,
        end: &DeliveryEnd,
    ) -> Result<(), StoreError>;

    /// Keeps what a channel called the first message about a thing; a known one is replaced.
    async fn keep_thread(
        &mut self,
        channel: &ChannelId,
        about: &str,
        thread: &str,
    ) -> Result<(), StoreError>;

    /// The service's own state.
    async fn service(&mut self) -> Result<Service, StoreError>;

    /// Saves the service's own state with its next wake.
    async fn save_service(
        &mut self,
        service: &Service,
        next_wake_at: Option<Instant>,
    ) -> Result<(), StoreError>;

    /// Notes that the service is at work: a write that reaches the disk.
    async fn note_alive(&mut self, now: Instant) -> Result<(), StoreError>;

    /// A secret of this name, made by `fresh` and kept when it is first asked for.
    async fn secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError>;
}
