//! Which channels a change goes over, to whom, and what takes whose place.
//!
//! Limits, retries and live messages are tested beside their code.

use super::{Person, Plan, Planned, Reached, Route, Routes, Silence, Situation, Why, plan};
use crate::domain::{
    Instant,
    alert::{Alert, Change, Kind, Role, Severity, Told},
    ids::{ChannelId, HandoffId},
};

fn at(minute: u32) -> Instant {
    format!("2026-01-11T14:{minute:02}:00Z").parse().unwrap()
}

fn channel(name: &str) -> ChannelId {
    ChannelId::new(name)
}

fn person(name: &str, role: Role) -> Person {
    Person {
        name: name.to_owned(),
        role,
        email: None,
        slack: None,
    }
}

fn routes() -> Routes {
    Routes {
        critical: Route {
            at_once: vec![channel("slack"), channel("email")],
            otherwise: vec![channel("webhook")],
        },
        warning: Route {
            at_once: vec![channel("slack")],
            otherwise: vec![channel("email")],
        },
        daily: vec![channel("slack")],
        weekly: vec![channel("email")],
        people: vec![
            person("dana", Role::Developer),
            person("otto", Role::OnCall),
            person("lena", Role::Lead),
        ],
    }
}

fn told(change: Change, kind: Kind, severity: Severity) -> Told {
    Told {
        change,
        alert: Alert {
            kind,
            subject: None,
            severity,
            text: "it broke".to_owned(),
            opened_at: at(0),
            critical_since: None,
            told_at: Some(at(0)),
            told_up_to: Some(Role::Developer),
            acknowledged: None,
            resolved_at: None,
        },
        known_up_to: None,
    }
}

fn reached(kind: Kind, name: &str, arrived: bool) -> Reached {
    Reached {
        alert: kind.name(),
        channel: channel(name),
        arrived,
        own_trouble: false,
    }
}

fn planned(told: &[Told], reached: &[Reached], silences: &[Silence]) -> Plan {
    let handoff = HandoffId::new("phase4-to-phase5");
    let situation = Situation {
        handoff: Some(&handoff),
        routes: &routes(),
        reached,
        silences,
        failing: &[],
    };
    plan(told, situation, at(5))
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.deliveries
        .iter()
        .map(|it| it.channel.as_str())
        .collect()
}

#[test]
fn critical_goes_over_both_at_once_a_warning_over_one_and_info_waits_for_the_summary() {
    let one = |severity| {
        planned(
            &[told(Change::Opened, Kind::GapExceeded, severity)],
            &[],
            &[],
        )
    };
    assert_eq!(names(&one(Severity::Critical)), ["slack", "email"]);
    assert_eq!(names(&one(Severity::Warning)), ["slack"]);
    let info = one(Severity::Info);
    assert_eq!(names(&info), [""; 0]);
    assert_eq!(info.reason, "worth knowing, told in the summary");
}

#[test]
fn what_one_step_opens_is_one_message_a_channel_as_grave_as_its_gravest() {
    let both = [
        told(Change::Opened, Kind::DeadlineBreached, Severity::Critical),
        told(Change::Opened, Kind::BatchStalled, Severity::Warning),
    ];
    let plan = planned(&both, &[], &[]);
    assert_eq!(names(&plan), ["slack", "email"]);
    assert_eq!(plan.severity, Severity::Critical);
    assert_eq!(plan.reason, "over slack, email");
}

#[test]
fn a_recovery_goes_where_the_alarm_arrived() {
    let over = [told(
        Change::Resolved,
        Kind::BatchStalled,
        Severity::Warning,
    )];
    let known = [
        reached(Kind::BatchStalled, "slack", false),
        reached(Kind::BatchStalled, "email", true),
        reached(Kind::GapExceeded, "webhook", true),
    ];
    let plan = planned(&over, &known, &[]);
    assert_eq!(names(&plan), ["email"]);
    assert_eq!(plan.deliveries[0].why, Why::Recovery);
}

#[test]
fn a_recovery_of_what_has_not_arrived_anywhere_takes_the_alarms_way() {
    let over = [told(
        Change::Resolved,
        Kind::BatchStalled,
        Severity::Warning,
    )];
    let waiting = [
        reached(Kind::BatchStalled, "slack", false),
        reached(Kind::BatchStalled, "email", false),
    ];
    assert_eq!(names(&planned(&over, &waiting, &[])), ["slack", "email"]);
    let never = planned(&over, &[], &[]);
    assert_eq!(names(&never), [""; 0]);
    assert!(
        never.reason.starts_with("nobody had been told"),
        "{}",
        never.reason
    );
}

fn silence(handoff: Option<&str>, kind: Option<Kind>) -> Silence {
    Silence {
        handoff: handoff.map(HandoffId::new),
        kind,
        by: "dana".to_owned(),
        since: at(1),
        until: at(30),
        reason: "known, ticket 7".to_owned(),
    }
}

#[test]
fn a_silence_holds_back_its_kind_of_its_handoff_until_it_ends_but_no_recovery() {
    let opened = [told(Change::Opened, Kind::BatchStalled, Severity::Warning)];
    let ours = silence(Some("phase4-to-phase5"), Some(Kind::BatchStalled));
    let plan = planned(&opened, &[], std::slice::from_ref(&ours));
    assert_eq!(names(&plan), [""; 0]);
    assert_eq!(plan.reason, "silenced by dana: known, ticket 7");
    for other in [
        silence(Some("phase3-to-phase4"), None),
        silence(None, None),
        silence(Some("phase4-to-phase5"), Some(Kind::GapExceeded)),
        Silence {
            until: at(5),
            ..ours.clone()
        },
        Silence {
            since: at(6),
            ..ours.clone()
        },
    ] {
        assert_eq!(names(&planned(&opened, &[], &[other])), ["slack"]);
    }
    let over = [told(
        Change::Resolved,
        Kind::BatchStalled,
        Severity::Warning,
    )];
    let known = [reached(Kind::BatchStalled, "slack", true)];
    assert_eq!(names(&planned(&over, &known, &[ours])), ["slack"]);
}

#[test]
fn when_a_silence_ends_what_it_held_back_and_what_still_holds_is_told() {
    let silence = silence(None, None);
    let alert = |opened_at, told_at| Alert {
        opened_at,
        told_at,
        ..told(Change::Opened, Kind::BatchStalled, Severity::Warning).alert
    };
    let heard = |alert: Alert| -> Vec<Change> {
        let held = silence.held_back(&[alert]);
        held.iter().map(|told| told.change).collect()
    };
    let (since, until) = (silence.since, silence.until);
    let before = since - chrono::TimeDelta::minutes(1);
    assert_eq!(heard(alert(since, Some(since))), [Change::Opened]);
    assert_eq!(heard(alert(before, Some(since))), [Change::Reminded]);
    assert!(heard(alert(before, Some(before))).is_empty(), "heard");
    assert!(heard(alert(since, Some(until))).is_empty(), "heard");
    assert!(heard(alert(since, None)).is_empty(), "another one says it");
    let over = Alert {
        resolved_at: Some(until),
        ..alert(since, Some(since))
    };
    assert!(heard(over).is_empty());
    let of = |kind| Alert {
        kind,
        ..alert(since, Some(since))
    };
    let both = [Kind::CompletionLow, Kind::GapExceeded].map(of);
    let held = silence.held_back(&both);
    let names: Vec<String> = held.iter().map(|told| told.alert.name()).collect();
    assert_eq!(names, ["completion_low"], "it says the other one, too");
    let other = Silence {
        kind: Some(Kind::UpstreamLate),
        ..silence.clone()
    };
    assert!(other.held_back(&[alert(since, Some(since))]).is_empty());
}

#[test]
fn what_is_not_silenced_is_told_without_what_is() {
    let both = [
        told(Change::Opened, Kind::DeadlineBreached, Severity::Critical),
        told(Change::Opened, Kind::BatchStalled, Severity::Warning),
    ];
    let all = silence(Some("phase4-to-phase5"), Some(Kind::DeadlineBreached));
    let plan = planned(&both, &[], &[all]);
    assert_eq!(
        (names(&plan), plan.severity),
        (vec!["slack"], Severity::Warning)
    );
    assert_eq!(plan.heard, both[1..]);
}

#[test]
fn a_failing_channel_is_told_of_over_all_others_and_tried_itself() {
    let mut failing = told(Change::Opened, Kind::ChannelFailing, Severity::Warning);
    failing.alert.subject = Some("slack".to_owned());
    let plan = planned(&[failing.clone()], &[], &[]);
    assert_eq!(names(&plan), ["email", "webhook", "slack"]);
    assert_eq!(plan.deliveries[2].why, Why::OwnTrouble);
    failing.change = Change::Resolved;
    let known = ["email", "slack"].map(|name| Reached {
        alert: "channel_failing/slack".to_owned(),
        own_trouble: name == "slack",
        ..reached(Kind::ChannelFailing, name, true)
    });
    assert_eq!(names(&planned(&[failing], &known, &[])), ["email"]);
}

#[test]
fn the_next_channel_is_the_severitys_own_and_then_any_that_was_not_taken() {
    let routes = routes();
    let next = |severity, taken: &[&str]| {
        let taken: Vec<ChannelId> = taken.iter().map(|name| channel(name)).collect();
        routes
            .next(severity, &taken)
            .map(|it| it.as_str().to_owned())
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(next(Severity::Warning, &["slack"]), some("email"));
    assert_eq!(
        next(Severity::Warning, &["slack", "email"]),
        some("webhook")
    );
    assert_eq!(
        next(Severity::Critical, &["slack", "email"]),
        some("webhook")
    );
    assert_eq!(next(Severity::Info, &["slack", "email", "webhook"]), None);
}

#[test]
fn an_escalation_is_for_those_who_did_not_know_and_all_else_for_everyone_who_does() {
    let routes = routes();
    let audience = |change, up_to, known| {
        let mut told = told(change, Kind::DeadlineBreached, Severity::Critical);
        told.alert.told_up_to = Some(up_to);
        told.known_up_to = known;
        let people = routes.audience(&[told]);
        let names: Vec<&str> = people.iter().map(|it| it.name.as_str()).collect();
        names.join(" ")
    };
    let developer = Some(Role::Developer);
    assert_eq!(audience(Change::Opened, Role::Developer, None), "dana");
    assert_eq!(audience(Change::Opened, Role::Lead, None), "dana otto lena");
    assert_eq!(audience(Change::Escalated, Role::OnCall, developer), "otto");
    assert_eq!(
        audience(Change::Escalated, Role::Lead, developer),
        "otto lena"
    );
    assert_eq!(
        audience(Change::Reminded, Role::OnCall, Some(Role::OnCall)),
        "dana otto"
    );
    assert_eq!(
        audience(Change::Resolved, Role::OnCall, Some(Role::OnCall)),
        "dana otto"
    );
}

#[test]
fn a_planned_delivery_names_its_channel_once() {
    let twice = [
        told(Change::Opened, Kind::DeadlineBreached, Severity::Critical),
        told(Change::Opened, Kind::NothingDispatched, Severity::Critical),
    ];
    let plan = planned(&twice, &[], &[]);
    let routed = |name| Planned {
        channel: channel(name),
        why: Why::Routed,
    };
    assert_eq!(plan.deliveries, [routed("slack"), routed("email")]);
}

#[test]
fn a_channel_known_to_fail_has_another_beside_it_at_once() {
    let failing = |names: &[&str]| -> Vec<(ChannelId, String)> {
        let failing = |name: &&str| (channel(name), "no answer".to_owned());
        names.iter().map(failing).collect()
    };
    let planned = |severity, failing: &[(ChannelId, String)]| {
        let situation = Situation {
            handoff: None,
            routes: &routes(),
            reached: &[],
            silences: &[],
            failing,
        };
        plan(
            &[told(Change::Opened, Kind::BatchStalled, severity)],
            situation,
            at(5),
        )
    };
    let warning = planned(Severity::Warning, &failing(&["slack"]));
    assert_eq!(names(&warning), ["slack", "email"]);
    let instead = Why::Instead {
        of: channel("slack"),
        error: "no answer".to_owned(),
    };
    assert_eq!(warning.deliveries[1].why, instead);
    let both = planned(Severity::Critical, &failing(&["slack", "email"]));
    assert_eq!(names(&both), ["slack", "email", "webhook"]);
    let well = planned(Severity::Warning, &failing(&["slack", "email"]));
    assert_eq!(
        names(&well),
        ["slack", "webhook"],
        "one that takes messages"
    );
    let all = planned(Severity::Warning, &failing(&["slack", "email", "webhook"]));
    assert_eq!(names(&all), ["slack", "email"], "its own, if all fail");
    let other = planned(Severity::Warning, &failing(&["email"]));
    assert_eq!(names(&other), ["slack"], "email was not asked for");
}

#[test]
fn an_escalation_takes_nobodys_place_for_it_is_for_others() {
    let replaces = |change| {
        let told = [told(change, Kind::BatchStalled, Severity::Critical)];
        planned(&told, &[], &[]).replaces(&told)
    };
    assert!(replaces(Change::Reminded) && replaces(Change::Worsened));
    assert!(!replaces(Change::Escalated));
    assert!(!replaces(Change::Resolved), "it goes nowhere here");
}
