//! Conditions that hold now → which alerts open, worsen, rise, are reminded of and resolve.
//!
//! Which conditions hold is decided by their owners; over which channel people are told belongs to `routing`.

use super::{Alert, Change, Condition, Kind, Rules, Severity, Told};
use crate::domain::Instant;

/// Brings the alerts up to date with the conditions that hold now and says what people are to be told, gravest
/// first. Calling it again with the same arguments tells nothing.
pub fn fold(
    alerts: &mut Vec<Alert>,
    conditions: &[Condition],
    rules: &Rules<'_>,
    now: Instant,
) -> Vec<Told> {
    let mut changes: Vec<(Change, usize)> = Vec::new();
    for condition in conditions {
        let is_same =
            |alert: &Alert| alert.kind == condition.kind && alert.subject == condition.subject;
        match alerts
            .iter()
            .position(|alert| is_same(alert) && alert.is_open())
        {
            Some(index) => {
                if worsen(&mut alerts[index], condition, now) {
                    changes.push((Change::Worsened, index));
                }
            }
            None => match alerts.iter_mut().find(|alert| is_same(alert)) {
                Some(old) => *old = open(condition, now),
                None => alerts.push(open(condition, now)),
            },
        }
    }
    changes.extend(resolve(alerts, conditions, now));
    let kinds: Vec<Kind> = alerts
        .iter()
        .filter(|alert| alert.is_open())
        .map(|alert| alert.kind)
        .collect();
    for (index, alert) in alerts.iter().enumerate() {
        changes.extend(due(alert, rules, now).map(|change| (change, index)));
    }
    changes.retain(|(change, index)| {
        let kind = alerts[*index].kind;
        *change == Change::Resolved || !(is_covered(kind, &kinds) || rules.is_held(kind, now))
    });
    tell(alerts, &changes, rules, now)
}

fn open(condition: &Condition, now: Instant) -> Alert {
    Alert {
        kind: condition.kind,
        subject: condition.subject.clone(),
        severity: condition.severity,
        text: condition.text.clone(),
        opened_at: now,
        critical_since: (condition.severity == Severity::Critical).then_some(now),
        told_at: None,
        told_up_to: None,
        acknowledged: None,
        resolved_at: None,
    }
}

/// Takes over what is said now; `true`: it is graver than it was, and needs a new acknowledgement.
fn worsen(alert: &mut Alert, condition: &Condition, now: Instant) -> bool {
    alert.text.clone_from(&condition.text);
    let graver = condition.severity > alert.severity;
    if graver {
        alert.severity = condition.severity;
        alert.acknowledged = None;
        if condition.severity == Severity::Critical {
            alert.critical_since = Some(now);
        }
    }
    // What was never told is not told as worse, but as opened.
    graver && alert.told_at.is_some()
}

/// Ends what holds no more; who was told of it is told that, too.
fn resolve(alerts: &mut [Alert], conditions: &[Condition], now: Instant) -> Vec<(Change, usize)> {
    let holds = |alert: &Alert| {
        conditions
            .iter()
            .any(|held| held.kind == alert.kind && held.subject == alert.subject)
    };
    let mut changes = Vec::new();
    for (index, alert) in alerts.iter_mut().enumerate() {
        if alert.is_open() && !holds(alert) {
            alert.resolved_at = Some(now);
            if alert.told_at.is_some() {
                changes.push((Change::Resolved, index));
            }
        }
    }
    changes
}

/// What time alone makes of an open alert.
fn due(alert: &Alert, rules: &Rules<'_>, now: Instant) -> Option<Change> {
    if !alert.is_open() {
        return None;
    }
    if alert.told_at.is_none() {
        return Some(Change::Opened);
    }
    if alert
        .told_up_to
        .is_some_and(|known| rules.up_to(alert, now) > known)
    {
        return Some(Change::Escalated);
    }
    let reminded = rules.remind_at(alert).is_some_and(|at| at <= now);
    (reminded || rules.is_told_twice(alert, now)).then_some(Change::Reminded)
}

/// Whether an open alert says this one too, directly or through a kind between them.
fn is_covered(kind: Kind, open: &[Kind]) -> bool {
    std::iter::successors(kind.covered_by(), |cover| cover.covered_by())
        .any(|cover| open.contains(&cover))
}

/// Notes that people are told; of several changes of one alert the first counts.
fn tell(
    alerts: &mut [Alert],
    changes: &[(Change, usize)],
    rules: &Rules<'_>,
    now: Instant,
) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for (position, (change, index)) in changes.iter().enumerate() {
        if changes[..position].iter().any(|(_, known)| known == index) {
            continue;
        }
        let alert = &mut alerts[*index];
        let known_up_to = alert.told_up_to;
        alert.told_up_to = Some(rules.up_to(alert, now));
        alert.told_at = Some(now);
        told.push(Told {
            change: *change,
            alert: alert.clone(),
            known_up_to,
        });
    }
    told.sort_by_key(|told| {
        let alert = &told.alert;
        let rank = (std::cmp::Reverse(alert.severity), alert.kind);
        (rank, alert.subject.clone())
    });
    told
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::{
        super::{Acknowledgement, Role},
        Change, Condition, Kind, Rules, Severity, fold,
    };
    use crate::domain::{
        Instant,
        policy::{self, FailureTold},
    };

    fn rules(policy: &policy::Alerts) -> Rules<'_> {
        Rules {
            policy,
            deadline_at: Some(at(0) + chrono::TimeDelta::days(1)),
        }
    }

    fn at(minute: u32) -> Instant {
        chrono::Utc
            .with_ymd_and_hms(2026, 1, 11, 14, minute, 0)
            .unwrap()
    }

    fn holds(kind: Kind, severity: Severity) -> Condition {
        Condition {
            kind,
            subject: None,
            severity,
            text: "it broke".to_owned(),
        }
    }

    fn changes(told: &[super::super::Told]) -> Vec<(Change, Kind)> {
        told.iter()
            .map(|message| (message.change, message.alert.kind))
            .collect()
    }

    #[test]
    fn an_alert_opens_once_worsens_once_and_resolves_once() {
        let mut alerts = Vec::new();
        let warning = [holds(Kind::StartLatencyHigh, Severity::Warning)];
        let critical = [holds(Kind::StartLatencyHigh, Severity::Critical)];
        let told = fold(
            &mut alerts,
            &warning,
            &rules(&policy::Alerts::default()),
            at(0),
        );
        assert_eq!(changes(&told), [(Change::Opened, Kind::StartLatencyHigh)]);
        assert!(
            fold(
                &mut alerts,
                &warning,
                &rules(&policy::Alerts::default()),
                at(1)
            )
            .is_empty()
        );
        let told = fold(
            &mut alerts,
            &critical,
            &rules(&policy::Alerts::default()),
            at(2),
        );
        assert_eq!(changes(&told), [(Change::Worsened, Kind::StartLatencyHigh)]);
        assert!(
            fold(
                &mut alerts,
                &warning,
                &rules(&policy::Alerts::default()),
                at(3)
            )
            .is_empty(),
            "severity never falls while open"
        );
        assert_eq!(alerts[0].severity, Severity::Critical);
        let told = fold(&mut alerts, &[], &rules(&policy::Alerts::default()), at(4));
        assert_eq!(changes(&told), [(Change::Resolved, Kind::StartLatencyHigh)]);
        assert!(fold(&mut alerts, &[], &rules(&policy::Alerts::default()), at(5)).is_empty());
        let told = fold(
            &mut alerts,
            &warning,
            &rules(&policy::Alerts::default()),
            at(6),
        );
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
        let told = fold(
            &mut alerts,
            &both,
            &rules(&policy::Alerts::default()),
            at(0),
        );
        assert_eq!(
            changes(&told),
            [(Change::Opened, Kind::DeadlineBreached)],
            "covered through kinds between them"
        );
        assert_eq!(alerts.len(), 2);
        let told = fold(
            &mut alerts,
            &both[..1],
            &rules(&policy::Alerts::default()),
            at(1),
        );
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
        fold(
            &mut alerts,
            &both,
            &rules(&policy::Alerts::default()),
            at(0),
        );
        let told = fold(
            &mut alerts,
            &both[1..],
            &rules(&policy::Alerts::default()),
            at(1),
        );
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
        assert_eq!(
            fold(
                &mut alerts,
                &held,
                &rules(&policy::Alerts::default()),
                at(0)
            )
            .len(),
            3
        );
        assert!(
            fold(
                &mut alerts,
                &held,
                &rules(&policy::Alerts::default()),
                at(29)
            )
            .is_empty()
        );
        let told = fold(
            &mut alerts,
            &held,
            &rules(&policy::Alerts::default()),
            at(30),
        );
        assert_eq!(
            changes(&told),
            [(Change::Reminded, Kind::WorkersSilent)],
            "exactly at the reminder time"
        );
        alerts[0].acknowledged = Some(Acknowledgement {
            by: "ana".to_owned(),
            at: at(31),
        });
        assert!(
            fold(
                &mut alerts,
                &held,
                &rules(&policy::Alerts::default()),
                at(59)
            )
            .is_empty()
        );
        let told = fold(
            &mut alerts,
            &held,
            &rules(&policy::Alerts::default()),
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
            &rules(&policy::Alerts::default()),
            at(0),
        );
        alerts[0].acknowledged = Some(Acknowledgement {
            by: "ana".to_owned(),
            at: at(1),
        });
        fold(
            &mut alerts,
            &[holds(Kind::ClaimedMissing, Severity::Critical)],
            &rules(&policy::Alerts::default()),
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
