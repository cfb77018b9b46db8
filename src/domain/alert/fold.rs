//! Conditions that hold now → which alerts open, worsen, rise, are reminded of and resolve.
//!
//! Which conditions hold is decided by their owners; over which channel people are told belongs to `routing`.

use super::{Alert, Change, Condition, Rules, Severity, Told, open_kinds};
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
                Some(old) => *old = reopen(old, condition, now),
                None => alerts.push(open(condition, now)),
            },
        }
    }
    changes.extend(resolve(alerts, conditions, now));
    let kinds = open_kinds(alerts);
    for (index, alert) in alerts.iter().enumerate() {
        changes.extend(due(alert, rules, now).map(|change| (change, index)));
    }
    changes.retain(|(change, index)| {
        let kind = alerts[*index].kind;
        *change == Change::Resolved || !(kind.is_covered(&kinds) || rules.is_held(kind, now))
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

/// Whoever was told of it before is told that it is back.
fn reopen(old: &Alert, condition: &Condition, now: Instant) -> Alert {
    Alert {
        told_up_to: old.told_up_to,
        ..open(condition, now)
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
        super::{Acknowledgement, Kind, Role},
        Change, Condition, Rules, Severity, fold,
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
    fn a_warning_is_reminded_of_at_its_time_until_someone_acknowledges() {
        let policy = policy::Alerts::default();
        let hours = |hours| at(0) + chrono::TimeDelta::hours(hours);
        let mut alerts = Vec::new();
        let held = [
            holds(Kind::BatchStalled, Severity::Warning),
            holds(Kind::ReadinessGap, Severity::Info),
        ];
        assert_eq!(fold(&mut alerts, &held, &rules(&policy), at(0)).len(), 2);
        let early = hours(4) - chrono::TimeDelta::microseconds(1);
        assert!(fold(&mut alerts, &held, &rules(&policy), early).is_empty());
        let told = fold(&mut alerts, &held, &rules(&policy), hours(4));
        assert_eq!(changes(&told), [(Change::Reminded, Kind::BatchStalled)]);
        alerts[0].acknowledged = Some(Acknowledgement {
            by: "ana".to_owned(),
            at: hours(5),
        });
        assert!(fold(&mut alerts, &held, &rules(&policy), hours(8)).is_empty());
    }

    #[test]
    fn a_critical_alert_rises_to_all_and_then_reminds_every_half_hour() {
        let policy = policy::Alerts::default();
        let mut alerts = Vec::new();
        let held = [holds(Kind::WorkersSilent, Severity::Critical)];
        let mut heard = Vec::new();
        for minute in 0..60 {
            let told = fold(&mut alerts, &held, &rules(&policy), at(minute));
            heard.extend(told.iter().map(|told| {
                let known = (told.known_up_to, told.alert.told_up_to);
                (minute, told.change, known)
            }));
        }
        let (developer, on_call, lead) =
            (Some(Role::Developer), Some(Role::OnCall), Some(Role::Lead));
        assert_eq!(
            heard,
            [
                (0, Change::Opened, (None, developer)),
                (10, Change::Escalated, (developer, on_call)),
                (20, Change::Escalated, (on_call, lead)),
                (50, Change::Reminded, (lead, lead)),
            ]
        );
    }

    #[test]
    fn what_opens_anew_is_told_to_all_who_knew_of_it() {
        let policy = policy::Alerts::default();
        let mut alerts = Vec::new();
        let held = [holds(Kind::WorkersSilent, Severity::Critical)];
        for minute in [0, 20] {
            fold(&mut alerts, &held, &rules(&policy), at(minute));
        }
        let told = fold(&mut alerts, &[], &rules(&policy), at(21));
        assert_eq!(told[0].alert.told_up_to, Some(Role::Lead));
        let told = fold(&mut alerts, &held, &rules(&policy), at(22));
        assert_eq!(changes(&told), [(Change::Opened, Kind::WorkersSilent)]);
        assert_eq!(told[0].alert.told_up_to, Some(Role::Lead));
        assert!(fold(&mut alerts, &held, &rules(&policy), at(42)).is_empty());
    }

    #[test]
    fn an_acknowledged_alert_neither_rises_nor_reminds() {
        let policy = policy::Alerts::default();
        let mut alerts = Vec::new();
        let held = [holds(Kind::WorkersSilent, Severity::Critical)];
        fold(&mut alerts, &held, &rules(&policy), at(0));
        alerts[0].acknowledged = Some(Acknowledgement {
            by: "ana".to_owned(),
            at: at(5),
        });
        for minute in 5..60 {
            let told = fold(&mut alerts, &held, &rules(&policy), at(minute));
            assert!(told.is_empty(), "{minute}");
        }
        assert!(rules(&policy).escalate_at(&alerts[0]).is_empty());
    }

    #[test]
    fn near_the_deadline_on_either_side_all_are_told_at_once() {
        let policy = policy::Alerts::default();
        let deadline_at = at(30);
        let rules = Rules {
            policy: &policy,
            deadline_at: Some(deadline_at),
        };
        let held = [holds(Kind::WorkersSilent, Severity::Critical)];
        for (minute, role) in [
            (14, Role::Developer),
            (15, Role::Lead),
            (30, Role::Lead),
            (45, Role::Lead),
            (46, Role::Developer),
        ] {
            let told = fold(&mut Vec::new(), &held, &rules, at(minute));
            assert_eq!(told[0].alert.told_up_to, Some(role), "{minute}");
        }
        let mut alerts = Vec::new();
        fold(&mut alerts, &held, &rules, at(10));
        assert!(rules.escalate_at(&alerts[0]).contains(&at(15)));
        let told = fold(&mut alerts, &held, &rules, at(15));
        assert_eq!(changes(&told), [(Change::Escalated, Kind::WorkersSilent)]);
    }

    #[test]
    fn a_failure_before_the_deadline_is_told_when_people_want_it() {
        let heard = |failure_before_deadline| {
            let policy = policy::Alerts {
                failure_before_deadline,
                remind_critical_after: chrono::TimeDelta::hours(9),
                ..policy::Alerts::default()
            };
            let rules = Rules {
                policy: &policy,
                deadline_at: Some(at(40)),
            };
            let held = [holds(Kind::NothingDispatched, Severity::Critical)];
            let mut alerts = Vec::new();
            let mut heard = Vec::new();
            for minute in [0, 5, 40, 41] {
                let told = fold(&mut alerts, &held, &rules, at(minute));
                heard.extend(told.iter().map(|told| (minute, told.change)));
                if let Some(alert) = alerts.first_mut().filter(|alert| alert.told_at.is_some()) {
                    alert.acknowledged = Some(Acknowledgement {
                        by: "ana".to_owned(),
                        at: at(minute),
                    });
                }
            }
            heard
        };
        assert_eq!(heard(FailureTold::Now), [(0, Change::Opened)]);
        assert_eq!(heard(FailureTold::Deadline), [(40, Change::Opened)]);
        assert_eq!(
            heard(FailureTold::Both),
            [(0, Change::Opened), (40, Change::Reminded)]
        );
    }

    #[test]
    fn alerts_of_one_kind_about_several_things_are_kept_apart() {
        let policy = policy::Alerts::default();
        let failing = |subject: &str| Condition {
            subject: Some(subject.to_owned()),
            ..holds(Kind::ChannelFailing, Severity::Warning)
        };
        let mut alerts = Vec::new();
        let both = [failing("slack"), failing("email")];
        let told = fold(&mut alerts, &both, &rules(&policy), at(0));
        let names: Vec<String> = told.iter().map(|told| told.alert.name()).collect();
        assert_eq!(names, ["channel_failing/email", "channel_failing/slack"]);
        let told = fold(&mut alerts, &both[..1], &rules(&policy), at(1));
        assert_eq!(told[0].alert.name(), "channel_failing/email");
        assert_eq!(changes(&told), [(Change::Resolved, Kind::ChannelFailing)]);
        assert!(fold(&mut alerts, &both[..1], &rules(&policy), at(2)).is_empty());
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

    #[test]
    fn people_are_called_by_what_they_do() {
        let nouns = Role::ALL.map(Role::noun);
        assert_eq!(nouns, ["developer", "engineer on call", "project lead"]);
    }
}
