//! What people are told: typed values, taken in the transaction that decided it. Templates print these and nothing else.
//!
//! Words and layout belong to `render`, ways to people to `channels`.

use serde::{Deserialize, Serialize};

use super::OpenUnit;
use crate::domain::{
    Instant,
    alert::{Alert, Severity, Told},
    ids::{ChannelId, GameDate, HandoffId, RunKey},
    routing::Person,
    run::{Run, Snapshot, State},
    sla::Verdict,
    trigger::Source,
    zone::Zone,
};

/// One message to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The receiver's idempotency key: `handoff/date/step/index`, or `service/step/index`.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// When it was decided.
    pub at: Instant,
    /// What it says.
    pub content: Content,
}

/// What a message is about: messages about one thing hang together in a channel that can show it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// One handoff's night.
    Night(RunKey),
    /// A handoff over several nights.
    Handoff(HandoffId),
    /// The service itself.
    Service,
}

impl About {
    /// The handoff, if it is about one.
    pub fn handoff(&self) -> Option<&HandoffId> {
        match self {
            Self::Night(key) => Some(&key.handoff),
            Self::Handoff(handoff) => Some(handoff),
            Self::Service => None,
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// What changed about alerts, gravest first.
    Alerts {
        /// The changes, at least one.
        told: Vec<Told>,
        /// The night as it stood then; `None` for the service's own alerts.
        night: Option<Snapshot>,
        /// The first units that still needed work then, by game and name.
        units: Vec<OpenUnit>,
    },
    /// One night, when it was over.
    Daily(Snapshot),
    /// A week of nights.
    Weekly(Week),
    /// A test of the channel, asked for by a person.
    Test {
        /// Who asked.
        by: String,
    },
}

/// A week of one handoff's nights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Week {
    /// Whose.
    pub handoff: HandoffId,
    /// The week's first day.
    pub from: GameDate,
    /// The week's last day.
    pub to: GameDate,
    /// The zone people read the schedule in.
    pub schedule_zone: Zone,
    /// The calendar's zone.
    pub calendar_zone: Zone,
    /// What people call one unit, in the singular.
    pub unit_noun: String,
    /// The promised start latency's target, in seconds.
    pub latency_target_seconds: f64,
    /// The promised completion's target, 0 to 1.
    pub completion_target: f64,
    /// The week's nights with games, earliest first.
    pub nights: Vec<NightFigures>,
    /// The four weeks before it, earliest first, to compare with.
    pub before: Vec<NightFigures>,
    /// Dates of the week without games.
    pub without_games: u32,
}

/// One night in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NightFigures {
    /// Which night.
    pub game_date: GameDate,
    /// Where it ended.
    pub state: State,
    /// How it stood against its promise.
    pub verdict: Option<Verdict>,
    /// What led to the dispatch.
    pub started_by: Option<Source>,
    /// From the upstream's finish to the first dispatch, in seconds.
    pub latency_seconds: Option<f64>,
    /// Listed units that pass the filters.
    pub expected: u64,
    /// With a production-ready, fresh feature row.
    pub ready: u64,
    /// Frozen and sent.
    pub dispatched: u64,
    /// Predicted.
    pub predicted: u64,
    /// Skipped.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
    /// Ready units that still need work.
    pub needing_work: u64,
    /// Predicted and permanently skipped of dispatched, 0 to 1.
    pub completion: Option<f64>,
    /// When every ready unit was satisfied, or the run was accepted.
    pub completed_at: Option<Instant>,
    /// Its alerts.
    pub alerts: Vec<Alert>,
}

impl NightFigures {
    /// The figures of a run.
    pub fn of(run: &Run) -> Self {
        let counts = &run.counts;
        Self {
            game_date: run.key.game_date,
            state: run.state,
            verdict: run.verdict().or_else(|| run.ruled()),
            started_by: run.start.by,
            latency_seconds: run
                .start
                .dispatched_at
                .and_then(|at| run.start_latency_seconds(at)),
            expected: counts.expected,
            ready: counts.ready,
            dispatched: counts.dispatched,
            predicted: counts.plan.predicted(),
            skipped: counts.skipped(),
            failed: counts.failed(),
            needing_work: counts.needing_work(),
            completion: counts.completion(),
            completed_at: run.completed_at,
            alerts: run.alerts.clone(),
        }
    }
}

impl Notice {
    /// What changed about alerts; empty for summaries and tests.
    pub fn told(&self) -> &[Told] {
        match &self.content {
            Content::Alerts { told, .. } => told,
            Content::Daily(_) | Content::Weekly(_) | Content::Test { .. } => &[],
        }
    }

    /// The name of what it hangs together with in a channel that shows threads: its night; of the service's alerts
    /// each opening; anything else stands alone.
    pub fn thread(&self) -> String {
        match (&self.about, self.told().first()) {
            (About::Night(key), _) => format!("{}/{}", key.handoff, key.game_date),
            (About::Handoff(_) | About::Service, Some(told)) => told.alert.opening("service"),
            (About::Handoff(_) | About::Service, None) => self.id.clone(),
        }
    }

    /// The names of the openings it tells of, as wide as the installation.
    pub fn openings(&self) -> Vec<String> {
        let scope = match &self.about {
            About::Night(key) => format!("{}/{}", key.handoff, key.game_date),
            About::Handoff(handoff) => handoff.to_string(),
            About::Service => "service".to_owned(),
        };
        let told = self.told().iter();
        told.map(|told| told.alert.opening(&scope)).collect()
    }

    /// Leaves out what is not to be told.
    pub fn keep_told(&mut self, heard: Vec<Told>) {
        if let Content::Alerts { told, .. } = &mut self.content {
            *told = heard;
        }
    }

    /// The gravest it tells of; summaries and tests are only worth knowing.
    pub fn severity(&self) -> Severity {
        let severities = self.told().iter().map(|told| told.alert.severity);
        severities.max().unwrap_or(Severity::Info)
    }
}

/// What a channel is given to deliver.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// One message; several where they are told as a digest.
    pub notices: Vec<Notice>,
    /// Whose eyes it is for.
    pub audience: Vec<Person>,
    /// What else the reader should know of its way here.
    pub way: Way,
    /// What the channel called the first message about the same thing.
    pub thread: Option<String>,
    /// Where the reader can go on.
    pub links: Links,
}

/// A message's way to its reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// It comes here because this channel did not take it, and how that failed.
    pub instead_of: Option<(ChannelId, String)>,
    /// Channels that have it already, and since when: it arrives here late.
    pub elsewhere: Vec<(ChannelId, Instant)>,
    /// An earlier try may have arrived: the server's answer was lost.
    pub may_repeat: bool,
    /// Tries so far that failed.
    pub attempts: u32,
}

/// Addresses that a message carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The page of the night or the alert, on which it can be acknowledged and silenced: signed, and valid for a while.
    pub page: Option<String>,
    /// Until when that link is valid.
    pub page_until: Option<Instant>,
    /// Below which each kind of alert has its runbook, without a slash at the end.
    pub runbooks: Option<String>,
}

/// A channel's word that a message was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the channel calls the message.
    pub message_id: String,
    /// What it calls the first message about the same thing, if it can hang others under it.
    pub thread: Option<String>,
}
