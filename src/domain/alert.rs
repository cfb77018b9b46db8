//! Alerts as states: each opens, worsens, is reminded of, acknowledged and resolved; never fire-and-forget.
//!
//! When a condition holds is decided by `run::watch`; who is told and over which channel is not decided here.

use serde::{Deserialize, Serialize};

use super::{Instant, policy};

mod fold;

pub use fold::fold;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, in the daily summary.
    Info,
    /// Someone should look.
    Warning,
    /// Someone must act now.
    Critical,
}

/// What is wrong: the second part of an alert's fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The deadline passed and the promise was not kept.
    DeadlineBreached,
    /// Nothing could be dispatched.
    NothingDispatched,
    /// Nothing was predicted by the deadline.
    NothingPredicted,
    /// Too few of the dispatched units are satisfied.
    CompletionLow,
    /// Too many ready units still need work.
    GapExceeded,
    /// The verdict follows the answers alone: the warehouse could not be asked.
    VerdictUnconfirmed,
    /// The run was started by catch-up or backup.
    EventPathSilent,
    /// The upstream has not finished long after its usual time.
    UpstreamLate,
    /// The run started with less than it should have.
    StartedDegraded,
    /// Feature rows are too old to be used.
    FeaturesStale,
    /// The slate looks unlike slates of this size.
    SlateMismatch,
    /// Too long between the upstream's finish and the first dispatch.
    StartLatencyHigh,
    /// No worker has answered since the dispatch.
    WorkersSilent,
    /// The batch stands still.
    BatchStalled,
    /// The forecast is past the deadline.
    DeadlineAtRisk,
    /// A game has no prediction.
    GameWithoutPredictions,
    /// Workers said predicted, the rows are not there.
    ClaimedMissing,
    /// Many expected units are not ready.
    ReadinessGap,
    /// The warehouse could not be asked.
    WarehouseUnreachable,
    /// Units are listed on a date that the season file calls empty.
    UnitsOnEmptyDate,
    /// A channel does not take messages; its subject is the channel.
    ChannelFailing,
    /// Messages came that could not be understood.
    MessagesQuarantined,
    /// The upstream could not publish its completion; its subject is the night.
    UpstreamPublishFailed,
    /// An examination found something wrong; its subject is what was looked at.
    WiringWrong,
}

impl Kind {
    /// Every kind, gravest first.
    pub const ALL: [Self; 24] = [
        Self::DeadlineBreached,
        Self::NothingDispatched,
        Self::NothingPredicted,
        Self::CompletionLow,
        Self::GapExceeded,
        Self::VerdictUnconfirmed,
        Self::EventPathSilent,
        Self::UpstreamLate,
        Self::StartedDegraded,
        Self::FeaturesStale,
        Self::SlateMismatch,
        Self::StartLatencyHigh,
        Self::WorkersSilent,
        Self::BatchStalled,
        Self::DeadlineAtRisk,
        Self::GameWithoutPredictions,
        Self::ClaimedMissing,
        Self::ReadinessGap,
        Self::WarehouseUnreachable,
        Self::UnitsOnEmptyDate,
        Self::ChannelFailing,
        Self::MessagesQuarantined,
        Self::UpstreamPublishFailed,
        Self::WiringWrong,
    ];

    /// The kind that says this one too, if it is open: then this one is stored and shown, not sent.
    pub fn covered_by(self) -> Option<Self> {
        match self {
            Self::NothingPredicted => Some(Self::DeadlineBreached),
            Self::CompletionLow => Some(Self::NothingPredicted),
            Self::GapExceeded => Some(Self::CompletionLow),
            Self::DeadlineBreached
            | Self::NothingDispatched
            | Self::VerdictUnconfirmed
            | Self::EventPathSilent
            | Self::UpstreamLate
            | Self::StartedDegraded
            | Self::FeaturesStale
            | Self::SlateMismatch
            | Self::StartLatencyHigh
            | Self::WorkersSilent
            | Self::BatchStalled
            | Self::DeadlineAtRisk
            | Self::GameWithoutPredictions
            | Self::ClaimedMissing
            | Self::ReadinessGap
            | Self::WarehouseUnreachable
            | Self::UnitsOnEmptyDate
            | Self::ChannelFailing
            | Self::MessagesQuarantined
            | Self::UpstreamPublishFailed
            | Self::WiringWrong => None,
        }
    }

    /// Whether an open alert of one of these kinds says this one too, directly or through a kind between them.
    pub(super) fn is_covered(self, open: &[Self]) -> bool {
        std::iter::successors(self.covered_by(), |cover| cover.covered_by())
            .any(|cover| open.contains(&cover))
    }

    /// The name as it stands in tables, metrics and JSON.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        let name = name.as_ref().and_then(serde_json::Value::as_str);
        name.unwrap_or_default().to_owned()
    }
}

/// Something that holds now and ought to be an open alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is wrong.
    pub kind: Kind,
    /// What it is about where a kind can hold of several things at once: a channel.
    pub subject: Option<String>,
    /// How bad it is now.
    pub severity: Severity,
    /// What broke, with its numbers, as one sentence without a full stop.
    pub text: String,
}

impl Condition {
    /// A condition that holds: what a function says that decides whether one does.
    pub fn of(kind: Kind, severity: Severity, text: impl Into<String>) -> Option<Self> {
        Some(Self {
            kind,
            subject: None,
            severity,
            text: text.into(),
        })
    }
}

/// The kinds of the alerts that are open.
pub(super) fn open_kinds(alerts: &[Alert]) -> Vec<Kind> {
    let open = alerts.iter().filter(|alert| alert.is_open());
    open.map(|alert| alert.kind).collect()
}

/// Who acknowledged, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The person.
    pub by: String,
    /// The instant.
    pub at: Instant,
}

/// Who is told of a critical alert: the first alone, then the others, too.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Told of everything, at once.
    #[default]
    Developer,
    /// The engineer on call.
    OnCall,
    /// The project lead.
    Lead,
}

impl Role {
    /// Every role, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Developer, Self::OnCall, Self::Lead];

    /// What people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::OnCall => "engineer on call",
            Self::Lead => "project lead",
        }
    }
}

/// One alert. Its fingerprint is its scope (a run, or the service), its kind and its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What is wrong.
    pub kind: Kind,
    /// What it is about where a kind can hold of several things at once: a channel.
    #[serde(default)]
    pub subject: Option<String>,
    /// The worst it has been while open.
    pub severity: Severity,
    /// What broke, as it stands now.
    pub text: String,
    /// When it opened.
    pub opened_at: Instant,
    /// When it became critical.
    #[serde(default)]
    pub critical_since: Option<Instant>,
    /// When people were last told; `None` while another alert says it too.
    pub told_at: Option<Instant>,
    /// Everyone up to this role has been told; `None`: nobody.
    #[serde(default)]
    pub told_up_to: Option<Role>,
    /// Who acknowledged it.
    pub acknowledged: Option<Acknowledgement>,
    /// When it stopped to hold.
    pub resolved_at: Option<Instant>,
}

impl Alert {
    /// Whether it still holds.
    pub fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Its name within its scope: `deadline_breached`, or `channel_failing/slack`.
    pub fn name(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{}/{subject}", self.kind.name()),
            None => self.kind.name(),
        }
    }

    /// The name of this one opening: the same alert may open again.
    pub fn opening(&self, scope: &str) -> String {
        let opened_at = self.opened_at.timestamp_micros();
        format!("{scope}/{}@{opened_at}", self.name())
    }

    /// Whether it is open and nobody has acknowledged it.
    pub(super) fn needs_someone(&self) -> bool {
        self.is_open() && self.acknowledged.is_none()
    }
}

/// When people are told of an open alert again, and how many of them.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The lengths of time.
    pub policy: &'a policy::Alerts,
    /// The promise it endangers; `None` for the service's own alerts.
    pub deadline_at: Option<Instant>,
}

impl Rules<'_> {
    /// When people are to be reminded; `None` if nobody needs to be.
    pub fn remind_at(&self, alert: &Alert) -> Option<Instant> {
        let pause = match alert.severity {
            Severity::Critical => self.policy.remind_critical_after,
            Severity::Warning => self.policy.remind_warning_after,
            Severity::Info => return None,
        };
        let told_at = alert.told_at.filter(|_| alert.needs_someone())?;
        Some(told_at + pause)
    }

    /// Everyone up to this role is to know of the alert now: a critical one that nobody acknowledges rises with time,
    /// and near the deadline, before it or after it, all are told at once.
    pub fn up_to(&self, alert: &Alert, now: Instant) -> Role {
        let known = alert.told_up_to.unwrap_or_default();
        let Some(since) = alert.critical_since.filter(|_| alert.needs_someone()) else {
            return known;
        };
        let near = self
            .deadline_at
            .is_some_and(|at| (now - at).abs() <= self.policy.escalate_all_within);
        let role = match now - since {
            _ if near => Role::Lead,
            passed if passed >= self.policy.escalate_lead_after => Role::Lead,
            passed if passed >= self.policy.escalate_on_call_after => Role::OnCall,
            _ => Role::Developer,
        };
        role.max(known)
    }

    /// When more people may have to be told; in the past for what has happened already.
    pub fn escalate_at(&self, alert: &Alert) -> Vec<Instant> {
        let waits = alert.told_at.is_some() && alert.told_up_to != Some(Role::Lead);
        let Some(since) = alert
            .critical_since
            .filter(|_| waits && alert.needs_someone())
        else {
            return Vec::new();
        };
        let policy = self.policy;
        let near = self.deadline_at.map(|at| at - policy.escalate_all_within);
        let steps = [policy.escalate_on_call_after, policy.escalate_lead_after];
        let steps = steps.into_iter().map(|after| since + after);
        steps.chain(near).collect()
    }

    /// Whether a failure waits for the deadline before people are told.
    fn is_held(&self, kind: Kind, now: Instant) -> bool {
        let waits = self.policy.failure_before_deadline == policy::FailureTold::Deadline;
        waits && kind == Kind::NothingDispatched && self.deadline_at.is_some_and(|at| now < at)
    }

    /// Whether a failure that was told before the deadline is told once more at it.
    fn is_told_twice(&self, alert: &Alert, now: Instant) -> bool {
        let twice = self.policy.failure_before_deadline == policy::FailureTold::Both;
        let before = |at: Instant| now >= at && alert.told_at.is_some_and(|told| told < at);
        twice
            && alert.is_open()
            && alert.kind == Kind::NothingDispatched
            && self.deadline_at.is_some_and(before)
    }
}

/// What happened to an alert that people are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It opened.
    Opened,
    /// It became more severe.
    Worsened,
    /// It is still open, nobody has acknowledged it, and more people are told.
    Escalated,
    /// It is still open and nobody has acknowledged it.
    Reminded,
    /// It holds no more.
    Resolved,
}

/// One alert's change as people are told of it: a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What happened.
    pub change: Change,
    /// The alert as it was then; its `told_up_to` is who is to know of it from now on.
    pub alert: Alert,
    /// Who knew of it before: an escalation is for the others.
    #[serde(default)]
    pub known_up_to: Option<Role>,
}
