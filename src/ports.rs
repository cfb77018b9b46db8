//! The traits the engine needs of the world; adapters implement them.
//!
//! No adapter and no decision belongs here.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Instant,
    completion::Standing,
    effect::Announcement,
    ids::{BatchId, ChannelId, GameDate, GameId, HandoffId, RequestId, RunKey, UnitId},
    plan::ListedUnit,
    readiness::Readiness,
    routing::Failure,
    run::Snapshot,
    wiring::Finding,
};

pub mod deliveries;
pub mod notice;
pub mod store;

use notice::{Links, Parcel, Receipt};

/// What went wrong underneath, whatever the adapter's own error type is.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The error with what caused it, as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// A delivery or a question that failed.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Trying again may help: refused, timed out, cut off, over quota.
    #[error("{doing}: {source}")]
    Transient {
        /// What was being done, to what.
        doing: String,
        /// What went wrong.
        source: Cause,
    },
    /// Trying again cannot help: refused for good, malformed, not allowed.
    #[error("{doing}: {source}")]
    Permanent {
        /// What was being done, to what.
        doing: String,
        /// What went wrong.
        source: Cause,
    },
}

impl PortError {
    /// A failure that another try may mend.
    pub fn transient(doing: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Transient {
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// A failure that no further try mends.
    pub fn permanent(doing: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Permanent {
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// Whether no further try can mend it.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Permanent { .. })
    }
}

/// What a warehouse question needs to know of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// The date.
    pub game_date: GameDate,
    /// Names under which the upstream's run history may stand.
    pub processor_names: Vec<String>,
    /// Feature rows written before this instant are stale.
    pub fresh_since: Instant,
    /// Units with fewer projected minutes are filtered out; a missing value passes.
    pub min_minutes: f64,
}

/// A unit's prediction row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRow {
    /// The unit.
    pub unit: UnitId,
    /// When its first active row was written.
    pub created_at: Instant,
}

/// One page of a listing in the order of the unit's name.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// The last unit of the page before; `None` for the first page.
    pub after: Option<&'a UnitId>,
    /// Most units on the page, at least 1.
    pub limit: u32,
}

/// The service's own row in the warehouse's run history: one a run, brought up to date in place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Whose run.
    pub handoff: HandoffId,
    /// The date.
    pub game_date: GameDate,
    /// `running`, `success`, `partial`, `failed` or `skipped`.
    pub status: String,
    /// Units predicted.
    pub records_processed: u64,
    /// When the run's first trigger was accepted.
    pub started_at: Instant,
    /// When it ended; `None` while running.
    pub processed_at: Option<Instant>,
    /// The trigger source.
    pub trigger_source: Option<String>,
    /// Counts and verdict.
    pub summary: serde_json::Value,
}

/// The tables of both phases: asked, never assumed. Every error means "could not ask".
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Asks whether the upstream finished and how ready its rows are.
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError>;

    /// Lists one page of ready units that pass the filters, with whether each has an active prediction row.
    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError>;

    /// Lists one page of the units that have an active prediction row.
    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError>;

    /// Writes or updates the service's own row in the run history.
    async fn record_run(&self, record: &RunRecord) -> Result<(), PortError>;

    /// Which of the tables and columns that its questions need are not there; an embedded warehouse makes its own.
    async fn missing(&self) -> Result<Vec<Missing>, PortError> {
        Ok(Vec::new())
    }
}

/// One unit's request as a sink sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The idempotency key.
    pub request_id: RequestId,
    /// Whose run.
    pub handoff: HandoffId,
    /// The date.
    pub game_date: GameDate,
    /// The batch.
    pub batch_id: BatchId,
    /// 1 for the first try, then 2, 3.
    pub attempt: u32,
    /// What is to be processed.
    pub unit: ListedUnit,
}

/// Where units are sent: a topic, an HTTP endpoint or the built-in workers.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Sends each request and says of each, in order, whether it is confirmed. Confirmed is not answered.
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>>;
}

/// Where the downstream event goes.
#[async_trait]
pub trait Announcer: Send + Sync {
    /// Publishes the event under its id; the receiver may see it more than once.
    async fn announce(
        &self,
        id: &str,
        key: &RunKey,
        announcement: &Announcement,
    ) -> Result<(), PortError>;
}

/// A way to reach people: Slack, mail, a webhook, the console.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Delivers one message, or several as a digest. The receiver can tell a repeat by the notice's id. Whoever calls
    /// sets the time limit; being dropped must leave nothing half-open behind.
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure>;

    /// Shows how a night stands in one message that is edited in place: `known` is what an earlier call returned.
    /// `None`: this channel has no such message.
    async fn show(&self, live: &Live, known: Option<&str>) -> Result<Option<String>, Failure> {
        let _ = (live, known);
        Ok(None)
    }
}

/// The outgoing heartbeat: someone outside notices when it stops.
#[async_trait]
pub trait Heartbeat: Send + Sync {
    /// Beats; with a reason, says instead that the service cannot do its job, where the other side can be told.
    async fn beat(&self, ailing: Option<&str>) -> Result<(), PortError>;
}

/// Asks the surroundings whether the night can work.
#[async_trait]
pub trait Doctor: Send + Sync {
    /// Looks at everything. It never fails: what cannot be asked is a finding.
    async fn examine(&self, known: &Known) -> Vec<Finding>;
}

/// What a running service knows of its surroundings by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// When each job of an external scheduler last called, by its name; `None`: no service was asked.
    pub heard: Option<BTreeMap<String, Instant>>,
    /// Each channel with what it last failed with, where it fails; `None`: no service was asked.
    pub channels: Option<Vec<(ChannelId, Option<String>)>>,
    /// The first examination: since then jobs could have been heard.
    pub installed_at: Option<Instant>,
    /// The latest instant that the store remembers.
    pub latest_at: Option<Instant>,
}

/// A table or a column that a warehouse's questions need and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// `dataset.table`.
    pub table: String,
    /// The column; `None`: the table itself.
    pub column: Option<String>,
    /// What is there instead: the type of a column of another type.
    pub found: Option<String>,
    /// The type it ought to have, as the warehouse names it.
    pub wanted: String,
}

/// How a night stands, for a live message.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The night.
    pub night: Snapshot,
    /// The first units that still need work, by game and name.
    pub units: Vec<OpenUnit>,
    /// Where the reader can go on.
    pub links: Links,
}

/// One unit that still needs work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenUnit {
    /// The unit.
    pub unit: UnitId,
    /// Its game.
    pub game_id: GameId,
    /// How it stands.
    pub standing: Standing,
    /// Why, if it was skipped or failed: the worker's own word.
    pub reason: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
}
