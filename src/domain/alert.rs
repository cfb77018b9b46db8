//! Alerts as states: each opens, worsens, is reminded of, acknowledged and resolved; never fire-and-forget.
//!
//! When a condition holds is decided by `run::watch`; who is told and over which channel is not decided here.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::Instant;

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
}

impl Kind {
    /// Every kind, gravest first.
    pub const ALL: [Self; 20] = [
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
            | Self::UnitsOnEmptyDate => None,
        }
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
            severity,
            text: text.into(),
        })
    }
}

/// Who acknowledged, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The person.
    pub by: String,
    /// The instant.
    pub at: Instant,
}

/// One alert of a run. Its fingerprint is the run and the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What is wrong.
    pub kind: Kind,
    /// The worst it has been while open.
    pub severity: Severity,
    /// What broke, as it stands now.
    pub text: String,
    /// When it opened.
    pub opened_at: Instant,
    /// When people were last told; `None` while another alert says it too.
    pub told_at: Option<Instant>,
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

    /// When people are to be reminded; `None` if nobody needs to be.
    pub fn remind_at(&self, after: &Reminders) -> Option<Instant> {
        if !self.is_open() || self.acknowledged.is_some() {
            return None;
        }
        let pause = match self.severity {
            Severity::Critical => after.critical,
            Severity::Warning => after.warning,
            Severity::Info => return None,
        };
        self.told_at.map(|told_at| told_at + pause)
    }
}

/// How long an unacknowledged alert waits before people are told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reminders {
    /// For a critical one.
    pub critical: TimeDelta,
    /// For a warning.
    pub warning: TimeDelta,
}

/// What happened to an alert that people are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It opened.
    Opened,
    /// It became more severe.
    Worsened,
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
    /// The alert as it was then.
    pub alert: Alert,
}

/// Brings the alerts up to date with the conditions that hold now and says what people are to be told, gravest
/// first. Calling it again with the same arguments tells nothing.
pub fn fold(
    alerts: &mut Vec<Alert>,
    conditions: &[Condition],
    reminders: &Reminders,
    now: Instant,
) -> Vec<Told> {
    let mut told = Vec::new();
    for condition in conditions {
        match alerts
            .iter_mut()
            .find(|alert| alert.kind == condition.kind && alert.is_open())
        {
            Some(alert) => {
                alert.text.clone_from(&condition.text);
                if condition.severity > alert.severity {
                    alert.severity = condition.severity;
                    alert.acknowledged = None;
                    told.push((Change::Worsened, alert.kind));
                }
            }
            None => {
                alerts.retain(|alert| alert.kind != condition.kind);
                alerts.push(open(condition, now));
            }
        }
    }
    resolve(alerts, conditions, now, &mut told);
    let kinds: Vec<Kind> = alerts
        .iter()
        .filter(|alert| alert.is_open())
        .map(|alert| alert.kind)
        .collect();
    for alert in alerts.iter().filter(|alert| alert.is_open()) {
        if alert.told_at.is_none() {
            told.push((Change::Opened, alert.kind));
        } else if alert.remind_at(reminders).is_some_and(|at| at <= now) {
            told.push((Change::Reminded, alert.kind));
        }
    }
    told.retain(|(change, kind)| *change == Change::Resolved || !is_covered(*kind, &kinds));
    tell(alerts, told, now)
}

fn open(condition: &Condition, now: Instant) -> Alert {
    Alert {
        kind: condition.kind,
        severity: condition.severity,
        text: condition.text.clone(),
        opened_at: now,
        told_at: None,
        acknowledged: None,
        resolved_at: None,
    }
}

fn resolve(
    alerts: &mut [Alert],
    conditions: &[Condition],
    now: Instant,
    told: &mut Vec<(Change, Kind)>,
) {
    let gone = |alert: &&mut Alert| {
        alert.is_open() && !conditions.iter().any(|held| held.kind == alert.kind)
    };
    for alert in alerts.iter_mut().filter(gone) {
        alert.resolved_at = Some(now);
        if alert.told_at.is_some() {
            told.push((Change::Resolved, alert.kind));
        }
    }
}

/// Whether an open alert says this one too, directly or through a kind between them.
fn is_covered(kind: Kind, open: &[Kind]) -> bool {
    std::iter::successors(kind.covered_by(), |cover| cover.covered_by())
        .any(|cover| open.contains(&cover))
}

fn tell(alerts: &mut [Alert], told: Vec<(Change, Kind)>, now: Instant) -> Vec<Told> {
    let mut messages: Vec<Told> = Vec::new();
    for (change, kind) in told {
        let known = messages.iter().any(|message| message.alert.kind == kind);
        if let Some(alert) = alerts.iter_mut().find(|alert| alert.kind == kind)
            && !known
        {
            alert.told_at = Some(now);
            messages.push(Told {
                change,
                alert: alert.clone(),
            });
        }
    }
    messages.sort_by_key(|message| {
        (
            std::cmp::Reverse(message.alert.severity),
            message.alert.kind,
        )
    });
    messages
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::{Acknowledgement, Change, Condition, Kind, Reminders, Severity, fold};
    use crate::domain::Instant;

    const REMINDERS: Reminders = Reminders {
        critical: chrono::TimeDelta::minutes(30),
        warning: chrono::TimeDelta::hours(4),
    };

    fn at(minute: u32) -> Instant {
        chrono::Utc
            .with_ymd_and_hms(2026, 1, 11, 14, minute, 0)
            .unwrap()
    }

    fn holds(kind: Kind, severity: Severity) -> Condition {
        Condition {
            kind,
            severity,
            text: "it broke".to_owned(),
        }
    }

    fn changes(told: &[super::Told]) -> Vec<(Change, Kind)> {
        told.iter()
            .map(|message| (message.change, message.alert.kind))
            .collect()
    }

    #[test]
    fn an_alert_opens_once_worsens_once_and_resolves_once() {
        let mut alerts = Vec::new();
        let warning = [holds(Kind::StartLatencyHigh, Severity::Warning)];
        let critical = [holds(Kind::StartLatencyHigh, Severity::Critical)];
        let told = fold(&mut alerts, &warning, &REMINDERS, at(0));
        assert_eq!(changes(&told), [(Change::Opened, Kind::StartLatencyHigh)]);
        assert!(fold(&mut alerts, &warning, &REMINDERS, at(1)).is_empty());
        let told = fold(&mut alerts, &critical, &REMINDERS, at(2));
        assert_eq!(changes(&told), [(Change::Worsened, Kind::StartLatencyHigh)]);
        assert!(
            fold(&mut alerts, &warning, &REMINDERS, at(3)).is_empty(),
            "severity never falls while open"
        );
        assert_eq!(alerts[0].severity, Severity::Critical);
        let told = fold(&mut alerts, &[], &REMINDERS, at(4));
        assert_eq!(changes(&told), [(Change::Resolved, Kind::StartLatencyHigh)]);
        assert!(fold(&mut alerts, &[], &REMINDERS, at(5)).is_empty());
        let told = fold(&mut alerts, &warning, &REMINDERS, at(6));
        assert_eq!(
            changes(&told),
            [(Change::Opened, Kind::StartLatencyHigh)],
            "it opens anew"
        );
        assert_eq!(alerts.len(), 1);
    }

    #[test]
    fn a_covered_alert_is_kept_but_not_told_until_its_cover_is_gone() {
        let mut alerts = Vec::new();
        let both = [
            holds(Kind::GapExceeded, Severity::Warning),
            holds(Kind::DeadlineBreached, Severity::Critical),
        ];
        let told = fold(&mut alerts, &both, &REMINDERS, at(0));
        assert_eq!(
            changes(&told),
            [(Change::Opened, Kind::DeadlineBreached)],
            "covered through kinds between them"
        );
        assert_eq!(alerts.len(), 2);
        let told = fold(&mut alerts, &both[..1], &REMINDERS, at(1));
        assert_eq!(
            changes(&told),
            [
                (Change::Resolved, Kind::DeadlineBreached),
                (Change::Opened, Kind::GapExceeded)
            ]
        );
    }

    #[test]
    fn a_covered_alert_that_was_never_told_resolves_in_silence() {
        let mut alerts = Vec::new();
        let both = [
            holds(Kind::GapExceeded, Severity::Warning),
            holds(Kind::CompletionLow, Severity::Critical),
        ];
        fold(&mut alerts, &both, &REMINDERS, at(0));
        let told = fold(&mut alerts, &both[1..], &REMINDERS, at(1));
        assert!(told.is_empty());
    }

    #[test]
    fn reminders_come_at_their_time_until_someone_acknowledges() {
        let mut alerts = Vec::new();
        let held = [
            holds(Kind::WorkersSilent, Severity::Critical),
            holds(Kind::BatchStalled, Severity::Warning),
            holds(Kind::ReadinessGap, Severity::Info),
        ];
        assert_eq!(fold(&mut alerts, &held, &REMINDERS, at(0)).len(), 3);
        assert!(fold(&mut alerts, &held, &REMINDERS, at(29)).is_empty());
        let told = fold(&mut alerts, &held, &REMINDERS, at(30));
        assert_eq!(
            changes(&told),
            [(Change::Reminded, Kind::WorkersSilent)],
            "exactly at the reminder time"
        );
        alerts[0].acknowledged = Some(Acknowledgement {
            by: "ana".to_owned(),
            at: at(31),
        });
        assert!(fold(&mut alerts, &held, &REMINDERS, at(59)).is_empty());
        let told = fold(
            &mut alerts,
            &held,
            &REMINDERS,
            at(0) + chrono::TimeDelta::hours(4),
        );
        assert_eq!(changes(&told), [(Change::Reminded, Kind::BatchStalled)]);
    }

    #[test]
    fn what_worsens_needs_a_new_acknowledgement() {
        let mut alerts = Vec::new();
        fold(
            &mut alerts,
            &[holds(Kind::ClaimedMissing, Severity::Warning)],
            &REMINDERS,
            at(0),
        );
        alerts[0].acknowledged = Some(Acknowledgement {
            by: "ana".to_owned(),
            at: at(1),
        });
        fold(
            &mut alerts,
            &[holds(Kind::ClaimedMissing, Severity::Critical)],
            &REMINDERS,
            at(2),
        );
        assert_eq!(alerts[0].acknowledged, None);
    }

    #[test]
    fn every_kind_is_listed_once_under_its_own_name() {
        let names: std::collections::BTreeSet<String> =
            Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        assert!(names.contains("deadline_breached"));
    }
}
