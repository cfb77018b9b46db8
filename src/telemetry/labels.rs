//! The labels of the metrics, each with its closed set of values: nothing else ever becomes a series.
//!
//! Which metric has which label belongs to the catalogue.

use crate::domain::{
    alert::{Change, Kind, Severity},
    completion::Standing,
    effect::Effect,
    ids::{ChannelId, HandoffId},
    reason::Code,
    run::State,
    sla::Verdict,
    trigger::Source,
    wiring,
};

/// Stands in for a value outside a closed set, where the set has room for such.
pub const OTHER: &str = "other";

/// Stands for no trigger, where nothing was dispatched.
pub const NONE: &str = "none";

/// How many of the latest nights are shown one by one.
pub const NIGHTS_SHOWN: u32 = 30;

/// The nights that are counted together: the latest seven, the latest thirty, and those of the season.
pub const WINDOWS: [&str; 3] = ["7_nights", "30_nights", "season"];

/// The entries of the own schedule, as [`super::nights`] sets them.
pub const SCHEDULES: [&str; 6] = ["backup", "retry", "check", "deadline", "summary", "week"];

/// The counts of a run, as [`super::show`] sets them.
pub const UNIT_STATES: [&str; 10] = [
    "expected",
    "ready",
    "dispatched",
    "predicted",
    "skipped",
    "failed",
    "outstanding",
    "in_flight",
    "missing",
    "filtered",
];

/// The paths that are told apart; any other is `other`.
pub const ROUTES: [&str; 24] = [
    "/trigger",
    "/start",
    "/retry",
    "/complete",
    "/unpublished",
    "/status",
    "/history",
    "/quarantine",
    "/reset",
    "/check-stalled",
    "/adopt",
    "/alerts",
    "/alerts/ack",
    "/alerts/silence",
    "/alerts/test",
    "/respond/{token}",
    "/runbooks/{name}",
    "/tick",
    "/doctor",
    "/health",
    "/ready",
    "/version",
    "/metrics",
    OTHER,
];

/// What can be wrong with quarantined bytes; any other is `other`.
pub const QUARANTINE_CODES: [&str; 14] = [
    "empty",
    "not_json",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "wrong_value",
    "not_base64",
    "unknown_shape",
    "too_many_lines",
    "too_large",
    "unknown_batch",
    "unknown_handoff",
    "unknown_unit",
    OTHER,
];

/// Why callers are not heard, as `identity` names it.
pub const IDENTITY_REFUSALS: [&str; 19] = [
    "no_token",
    "wrong_token",
    "several",
    "too_large",
    "malformed",
    "wrong_algorithm",
    "no_key_id",
    "unknown_key",
    "bad_signature",
    "wrong_issuer",
    "no_expiry",
    "expired",
    "not_yet",
    "wrong_audience",
    "no_email",
    "unverified_email",
    "unknown_account",
    "not_allowed",
    "keys_unavailable",
];

/// What configuration adds to the closed sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    /// The configured handoffs.
    pub handoffs: Vec<HandoffId>,
    /// The configured reasons of skipped and failed units; `other` needs not be among them.
    pub unit_reasons: Vec<String>,
    /// The configured channels.
    pub channels: Vec<ChannelId>,
}

/// A label with one closed set of values. Several may share a name on different metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A configured handoff.
    Handoff,
    /// What asked for a run.
    Source,
    /// What led to a dispatch, and `none`.
    StartedBy,
    /// One of three promised limits.
    Limit,
    /// One of the limits of the readiness gap.
    ReadinessLimit,
    /// An entry of the own schedule.
    Schedule,
    /// The nights that are counted together.
    Window,
    /// How a night ended.
    NightVerdict,
    /// The usual one of several nights, or the worst.
    Statistic,
    /// Which of the latest nights, 1 is the latest.
    NightsAgo,
    /// What a trigger led to.
    TriggerOutcome,
    /// Why not.
    Refusal,
    /// A run's state.
    RunState,
    /// A run's verdict.
    Verdict,
    /// Which of a run's counts.
    UnitState,
    /// Why a unit was skipped or failed.
    UnitReason,
    /// What a worker said of a unit.
    AnswerOutcome,
    /// Whether an answer was news.
    AnswerKind,
    /// Whether a publish was confirmed.
    PublishOutcome,
    /// How bad an alert is.
    Severity,
    /// What an alert is about.
    AlertKind,
    /// What happened to an alert.
    Change,
    /// Where an alert is delivered to.
    Channel,
    /// Which effect.
    EffectKind,
    /// How a try at an effect or a delivery ended.
    EffectOutcome,
    /// What was wrong with quarantined bytes.
    QuarantineCode,
    /// How a store transaction ended.
    TransactionOutcome,
    /// Which warehouse question.
    Question,
    /// Whether the warehouse answered.
    QuestionOutcome,
    /// An HTTP path.
    Route,
    /// An HTTP method.
    Method,
    /// The class of an HTTP status.
    Status,
    /// What an examination looked at.
    Check,
    /// How an examination found it.
    Standing,
    /// The service's version.
    Version,
    /// Why a caller was not heard.
    IdentityRefusal,
}

impl Label {
    /// The label's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Handoff => "handoff",
            Self::Source => "source",
            Self::StartedBy => "started_by",
            Self::Limit | Self::ReadinessLimit => "limit",
            Self::Schedule => "schedule",
            Self::Window => "window",
            Self::Statistic => "statistic",
            Self::NightsAgo => "nights_ago",
            Self::TriggerOutcome
            | Self::AnswerOutcome
            | Self::PublishOutcome
            | Self::EffectOutcome
            | Self::TransactionOutcome
            | Self::QuestionOutcome => "outcome",
            Self::Refusal | Self::QuarantineCode => "code",
            Self::RunState | Self::UnitState => "state",
            Self::Verdict | Self::NightVerdict => "verdict",
            Self::UnitReason | Self::IdentityRefusal => "reason",
            Self::AnswerKind | Self::AlertKind | Self::EffectKind => "kind",
            Self::Severity => "severity",
            Self::Change => "change",
            Self::Channel => "channel",
            Self::Question => "question",
            Self::Route => "route",
            Self::Method => "method",
            Self::Status => "status",
            Self::Check => "check",
            Self::Standing => "standing",
            Self::Version => "version",
        }
    }

    /// Every value it can have.
    pub fn values(self, sets: &Sets) -> Vec<String> {
        match self {
            Self::Handoff => owned(sets.handoffs.iter().map(HandoffId::as_str)),
            Self::Source => owned(Source::ALL.map(Source::name)),
            Self::StartedBy => owned(Source::ALL.map(Source::name).into_iter().chain([NONE])),
            Self::Limit => owned(["target", "warning", "critical"]),
            Self::ReadinessLimit => owned(["info", "warning"]),
            Self::Schedule => owned(SCHEDULES),
            Self::Window => owned(WINDOWS),
            Self::NightVerdict => owned(["met", "breached"]),
            Self::Statistic => owned(["median", "worst"]),
            Self::NightsAgo => (1..=NIGHTS_SHOWN).map(|ago| ago.to_string()).collect(),
            Self::TriggerOutcome => owned(["accepted", "merged", "refused", "nothing_to_do"]),
            Self::Refusal => Code::ALL
                .into_iter()
                .filter(|code| is_refusal(*code))
                .map(Code::name)
                .collect(),
            Self::RunState => owned(State::ALL.map(State::name)),
            Self::Verdict => owned(Verdict::ALL.map(Verdict::name)),
            Self::UnitState => owned(UNIT_STATES),
            Self::UnitReason => unit_reasons(&sets.unit_reasons),
            Self::AnswerOutcome => owned(["predicted", "skipped", "failed"]),
            Self::AnswerKind => owned(["new", "duplicate", "late", "unknown"]),
            Self::PublishOutcome => owned(["sent", "refused"]),
            Self::Severity => owned(SEVERITIES.map(severity)),
            Self::AlertKind => Kind::ALL.map(Kind::name).to_vec(),
            Self::Change => owned(CHANGES.map(change)),
            Self::Channel => owned(sets.channels.iter().map(ChannelId::as_str)),
            Self::EffectKind => owned(EFFECTS),
            Self::EffectOutcome => owned(["done", "later", "dead"]),
            Self::QuarantineCode => owned(QUARANTINE_CODES),
            Self::TransactionOutcome => owned(["committed", "failed"]),
            Self::Question => owned(["readiness", "ready_units", "stored_rows", "record_run"]),
            Self::QuestionOutcome => owned(["answered", "could_not_ask"]),
            Self::Route => owned(ROUTES),
            Self::Method => owned(["GET", "POST", OTHER]),
            Self::Status => owned(["2xx", "3xx", "4xx", "5xx"]),
            Self::Check => owned(wiring::Check::ALL.map(wiring::Check::name)),
            Self::Standing => owned(wiring::Standing::ALL.map(wiring::Standing::name)),
            Self::Version => owned([env!("CARGO_PKG_VERSION")]),
            Self::IdentityRefusal => owned(IDENTITY_REFUSALS),
        }
    }
}

/// Every severity, mildest first.
pub const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

const CHANGES: [Change; 5] = [
    Change::Opened,
    Change::Worsened,
    Change::Escalated,
    Change::Reminded,
    Change::Resolved,
];

const EFFECTS: [&str; 7] = [
    "ask_readiness",
    "stage",
    "send",
    "reconcile",
    "announce",
    "record",
    "tell",
];

fn owned<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

fn unit_reasons(configured: &[String]) -> Vec<String> {
    let mut reasons = configured.to_vec();
    reasons.push(OTHER.to_owned());
    reasons.sort();
    reasons.dedup();
    reasons
}

/// A severity's label value.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// A change's label value.
pub fn change(change: Change) -> &'static str {
    match change {
        Change::Opened => "opened",
        Change::Worsened => "worsened",
        Change::Escalated => "escalated",
        Change::Reminded => "reminded",
        Change::Resolved => "resolved",
    }
}

/// An effect's label value.
pub fn effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::AskReadiness => "ask_readiness",
        Effect::Stage(_) => "stage",
        Effect::Send { .. } => "send",
        Effect::Reconcile => "reconcile",
        Effect::Announce(_) => "announce",
        Effect::Record => "record",
        Effect::Tell(_) => "tell",
    }
}

/// The outcome a standing stands for; `None` before there is one.
pub fn outcome(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Unanswered => None,
        Standing::Skipped | Standing::SkippedForGood => Some("skipped"),
        Standing::Failed => Some("failed"),
        Standing::Claimed | Standing::Stored => Some("predicted"),
    }
}

/// Whether a reason says "no", rather than what happened or that nothing was to be done.
pub fn is_refusal(code: Code) -> bool {
    match code {
        Code::NoGames
        | Code::NothingToDo
        | Code::NothingToRetry
        | Code::NothingNew
        | Code::NotFinalProcessor
        | Code::Backfill
        | Code::SkipRequested
        | Code::UpstreamStatus
        | Code::PastDate
        | Code::FutureDate
        | Code::UpstreamNotFinished
        | Code::EventAwaited
        | Code::NotReady
        | Code::InsufficientData
        | Code::CouldNotAsk
        | Code::PublishFailed
        | Code::RowsAwaited
        | Code::NoRetry
        | Code::Missed
        | Code::InFlight
        | Code::Closed
        | Code::Outdated
        | Code::Observing => true,
        Code::Opened
        | Code::Resumed
        | Code::GamesAfterAll
        | Code::Accepted
        | Code::Merged
        | Code::Ready
        | Code::UsualShare
        | Code::Degraded
        | Code::Forced
        | Code::Frozen
        | Code::Sent
        | Code::Answers
        | Code::NothingChanged
        | Code::TimedOut
        | Code::AllAnswered
        | Code::Quiet
        | Code::BatchLimit
        | Code::SettledByPerson
        | Code::Reconciled
        | Code::Complete
        | Code::Partial
        | Code::RetryPlanned
        | Code::RetryDue
        | Code::RetryRemembered
        | Code::Met
        | Code::Breached
        | Code::Corrected
        | Code::Judging
        | Code::Forecast
        | Code::Reset
        | Code::Acknowledged
        | Code::Adopted
        | Code::NothingDue => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Label, QUARANTINE_CODES, Sets};
    use crate::{domain::alert::Kind, wire::Malformed};

    #[test]
    fn unit_reasons_are_the_configured_ones_and_other_each_once() {
        let sets = Sets {
            handoffs: Vec::new(),
            channels: Vec::new(),
            unit_reasons: ["publish", "other", "publish"].map(str::to_owned).to_vec(),
        };
        assert_eq!(Label::UnitReason.values(&sets), ["other", "publish"]);
    }

    #[test]
    fn whatever_can_be_malformed_is_counted_by_its_own_name() {
        for name in Malformed::NAMES {
            assert!(QUARANTINE_CODES.contains(&name), "{name}");
        }
    }

    #[test]
    fn an_alert_kind_is_written_as_in_tables() {
        let values = Label::AlertKind.values(&Sets::default());
        assert_eq!(values.len(), Kind::ALL.len());
        assert!(values.contains(&"deadline_breached".to_owned()));
    }
}
