//! The service's own state: which channels fail, what is in quarantine, and the alerts that follow.
//!
//! A night's state is its run's. Over which channels people are told belongs to `routing`.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{
    Instant,
    alert::{self, Acknowledgement, Alert, Condition, Kind, Rules, Severity, Told},
    ids::{ChannelId, GameDate},
    policy,
    routing::{FAILURES_MIN, Failure},
    wiring::{Check, EVERYTHING, Examination, Finding, Standing},
};

/// The service's own state, kept as one row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Steps that changed it so far.
    pub steps: u64,
    /// Its alerts, open and resolved.
    pub alerts: Vec<Alert>,
    /// Channels whose last try failed.
    pub trouble: BTreeMap<ChannelId, Trouble>,
    /// What is in quarantine.
    pub quarantine: Quarantine,
    /// The last date that each report was made for, by its name.
    pub reported: BTreeMap<String, GameDate>,
    /// What the last examination of the surroundings found; `None`: there was none.
    pub examined: Option<Examination>,
    /// What is known to be wrong: found so, and since then not found otherwise.
    pub wrong: Vec<Finding>,
    /// When the first examination ended: since then jobs could have been heard.
    pub examined_since: Option<Instant>,
    /// When each job of an external scheduler was last heard from, by its name.
    pub heard: BTreeMap<String, Instant>,
    /// Completions that the upstream could not publish, by the night.
    pub unpublished: BTreeMap<String, Unpublished>,
}

/// A completion that the upstream could not publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpublished {
    /// When the service heard of it.
    pub at: Instant,
    /// Why it could not.
    pub error: String,
}

/// A channel that did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When it began.
    pub since: Instant,
    /// Failures in a row.
    pub failures: u32,
    /// One of them was such that no further try can mend it.
    pub permanent: bool,
    /// How it failed last.
    pub error: String,
    /// It took another message since: nobody is sent elsewhere before it fails again.
    #[serde(default)]
    pub takes_others: bool,
}

/// How full the quarantine is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Messages in it.
    pub messages: u64,
    /// What was wrong with the latest.
    pub latest: Option<String>,
}

/// Something that happened to the service.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// A channel took a message, and nothing that it did not take waits any more.
    Delivered(ChannelId),
    /// A channel took a message, but does not take another: it fails for one reader, for example.
    DeliveredInPart(ChannelId),
    /// A channel did not take a message.
    Failed(ChannelId, Failure),
    /// A channel is not configured any more.
    Removed(ChannelId),
    /// Messages went into quarantine or out of it.
    Quarantined(Quarantine),
    /// A person acknowledged open alerts.
    Acknowledged {
        /// Who.
        by: String,
        /// Which, by their names; none named: all.
        names: Vec<String>,
    },
    /// A report was made.
    Reported {
        /// Its name.
        name: String,
        /// For which date.
        on: GameDate,
    },
    /// The surroundings were examined.
    Examined(Examination),
    /// A job of an external scheduler, its identity verified, called.
    Heard(String),
    /// The upstream could not publish the completion of a night.
    Unpublished {
        /// The night, as `handoff/date`.
        night: String,
        /// Why it could not.
        error: String,
    },
    /// Time passed.
    Ticked,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Stepped {
    /// The state after it.
    pub service: Service,
    /// What people are to be told, gravest first.
    pub told: Vec<Told>,
}

/// Most findings that one alert names.
const NAMED_MAX: usize = 5;
/// How long an unpublished completion is an open alert: until the next night.
const UNPUBLISHED_SHOWN: TimeDelta = TimeDelta::hours(20);

/// Takes the service one event further. It never fails; what changes nothing returns the same state.
pub fn step(
    service: Service,
    happened: &Happened,
    policy: &policy::Alerts,
    now: Instant,
) -> Stepped {
    let mut next = service.clone();
    absorb(&mut next, happened, now);
    let conditions = conditions(&next);
    let told = alert::fold(&mut next.alerts, &conditions, &rules(policy), now);
    if next != service {
        next.steps += 1;
    }
    Stepped {
        service: next,
        told,
    }
}

impl Service {
    /// Whether a channel does not take messages: an open alert says so.
    pub fn fails(&self, channel: &ChannelId) -> bool {
        let about = |alert: &Alert| alert.subject.as_deref() == Some(channel.as_str());
        let mut failing = self
            .alerts
            .iter()
            .filter(|alert| alert.is_open() && alert.kind == Kind::ChannelFailing);
        failing.any(about)
    }

    /// When people may have to be told again though nothing happens.
    pub fn next_wake(&self, policy: &policy::Alerts, now: Instant) -> Option<Instant> {
        let rules = rules(policy);
        let due = |alert: &Alert| {
            let mut at = rules.escalate_at(alert);
            at.extend(rules.remind_at(alert));
            at
        };
        let instants = self.alerts.iter().flat_map(due);
        let forgotten = self
            .unpublished
            .values()
            .map(|it| it.at + UNPUBLISHED_SHOWN);
        instants.chain(forgotten).filter(|at| *at > now).min()
    }
}

fn rules(policy: &policy::Alerts) -> Rules<'_> {
    Rules {
        policy,
        deadline_at: None,
    }
}

fn absorb(service: &mut Service, happened: &Happened, now: Instant) {
    match happened {
        Happened::Delivered(channel) | Happened::Removed(channel) => {
            service.trouble.remove(channel);
        }
        Happened::DeliveredInPart(channel) => {
            if let Some(trouble) = service.trouble.get_mut(channel) {
                trouble.takes_others = true;
            }
        }
        Happened::Failed(channel, failure) => {
            let fresh = Trouble {
                since: now,
                failures: 0,
                permanent: false,
                error: String::new(),
                takes_others: false,
            };
            let trouble = service.trouble.entry(channel.clone()).or_insert(fresh);
            trouble.failures = trouble.failures.saturating_add(1);
            trouble.permanent |= failure.permanent;
            trouble.error.clone_from(&failure.error);
            trouble.takes_others = false;
        }
        Happened::Quarantined(quarantine) => service.quarantine = quarantine.clone(),
        Happened::Acknowledged { by, names } => acknowledge(&mut service.alerts, by, names, now),
        Happened::Reported { name, on } => {
            service.reported.insert(name.clone(), *on);
        }
        Happened::Examined(examination) => {
            service.examined_since.get_or_insert(examination.at);
            service.wrong = still_wrong(&service.wrong, examination);
            service.examined = Some(examination.clone());
        }
        Happened::Heard(job) => {
            service.heard.insert(job.clone(), now);
        }
        Happened::Unpublished { night, error } => {
            let error = error.clone();
            service
                .unpublished
                .insert(night.clone(), Unpublished { at: now, error });
        }
        Happened::Ticked => {}
    }
    service
        .unpublished
        .retain(|_, it| now < it.at + UNPUBLISHED_SHOWN);
}

fn acknowledge(alerts: &mut [Alert], by: &str, names: &[String], now: Instant) {
    for alert in alerts.iter_mut() {
        let meant = names.is_empty() || names.contains(&alert.name());
        if meant && alert.is_open() && alert.acknowledged.is_none() {
            alert.acknowledged = Some(Acknowledgement {
                by: by.to_owned(),
                at: now,
            });
        }
    }
}

fn conditions(service: &Service) -> Vec<Condition> {
    let failing = service.trouble.iter().filter_map(|(channel, trouble)| {
        let holds = trouble.permanent || trouble.failures >= FAILURES_MIN;
        let text = format!("{channel} does not take messages: {}", trouble.error);
        let condition = Condition::of(Kind::ChannelFailing, Severity::Warning, text)?;
        holds.then(|| Condition {
            subject: Some(channel.as_str().to_owned()),
            ..condition
        })
    });
    let unpublished = service.unpublished.iter().filter_map(|(night, it)| {
        let text = format!(
            "the completion of {night} could not be published: {}",
            it.error
        );
        Some(Condition {
            subject: Some(night.clone()),
            ..Condition::of(Kind::UpstreamPublishFailed, Severity::Warning, text)?
        })
    });
    failing
        .chain(quarantined(&service.quarantine))
        .chain(unpublished)
        .chain(miswired(&service.wrong))
        .collect()
}

/// What was found wrong, and what was wrong before and could not be asked this time: nothing says that it is mended.
fn still_wrong(before: &[Finding], examination: &Examination) -> Vec<Finding> {
    let unknown = |old: &&Finding| {
        examination.findings.iter().any(|it| {
            let same = it.subject == old.subject || it.subject == EVERYTHING;
            it.check == old.check && same && it.standing == Standing::CouldNotAsk
        })
    };
    let kept = before.iter().filter(unknown);
    examination.wrong().chain(kept).cloned().collect()
}

/// One alert for each kind of thing that is wrong. A channel has its own kind, which opens when it fails.
fn miswired(all: &[Finding]) -> Vec<Condition> {
    let of = |check: Check| {
        let wrong: Vec<&Finding> = all.iter().filter(|it| it.check == check).collect();
        let mut texts: Vec<String> = wrong.iter().take(NAMED_MAX).map(|it| said(it)).collect();
        if wrong.len() > NAMED_MAX {
            texts.push(format!("and {} more", wrong.len() - NAMED_MAX));
        }
        let condition = Condition::of(Kind::WiringWrong, Severity::Warning, texts.join("; "))?;
        (!wrong.is_empty()).then(|| Condition {
            subject: Some(check.name().to_owned()),
            ..condition
        })
    };
    let checks = Check::ALL.into_iter();
    checks
        .filter(|it| *it != Check::Channels)
        .filter_map(of)
        .collect()
}

/// One finding with what mends it.
fn said(finding: &Finding) -> String {
    let mend = finding.mend.iter().map(|it| format!(" (mend: {it})"));
    let mend: String = mend.collect();
    format!("{}: {}{mend}", finding.subject, finding.text)
}

fn quarantined(quarantine: &Quarantine) -> Option<Condition> {
    if quarantine.messages == 0 {
        return None;
    }
    let latest = quarantine.latest.as_deref().unwrap_or("not known");
    let text = format!(
        "{} messages are in quarantine, the latest because: {latest}",
        quarantine.messages
    );
    Condition::of(Kind::MessagesQuarantined, Severity::Warning, text)
}

#[cfg(test)]
mod tests {
    use super::{Happened, Service, step};
    use crate::domain::{
        Instant,
        alert::{Change, Kind},
        ids::ChannelId,
        policy,
        routing::Failure,
        wiring::{Check, EVERYTHING, Examination, Finding},
    };

    fn failed(permanent: bool) -> Happened {
        let failure = Failure {
            error: "550 no such user".to_owned(),
            permanent,
            doubtful: false,
            retry_after: None,
        };
        Happened::Failed(ChannelId::new("email"), failure)
    }

    #[test]
    fn a_channel_that_refuses_one_reader_fails_until_all_has_arrived_and_is_told_of_once() {
        let policy = policy::Alerts::default();
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        let email = ChannelId::new("email");
        let mut service = Service::default();
        let mut told = Vec::new();
        for happened in [
            failed(true),
            Happened::DeliveredInPart(email.clone()),
            failed(true),
            Happened::DeliveredInPart(email.clone()),
        ] {
            let stepped = step(service, &happened, &policy, now);
            service = stepped.service;
            told.extend(
                stepped
                    .told
                    .into_iter()
                    .map(|it| (it.alert.kind, it.change)),
            );
        }
        assert_eq!(told, [(Kind::ChannelFailing, Change::Opened)]);
        assert!(
            service.trouble[&email].takes_others,
            "the last try was taken"
        );
        let stepped = step(service, &Happened::Delivered(email), &policy, now);
        assert_eq!(stepped.told[0].change, Change::Resolved);
        assert!(stepped.service.trouble.is_empty());
    }

    fn examined(findings: Vec<Finding>) -> Happened {
        let at = "2026-01-19T15:00:00Z".parse().unwrap();
        Happened::Examined(Examination { at, findings })
    }

    #[test]
    fn of_many_wrong_things_of_a_kind_some_are_named_and_the_rest_are_counted() {
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        let wrong =
            |n| Finding::wrong(Check::Topics, format!("t{n}"), "it is not there", "make it");
        let findings = (0..7).map(wrong).collect();
        let policy = policy::Alerts::default();
        let told = step(Service::default(), &examined(findings), &policy, now).told;
        let [only] = told.as_slice() else {
            panic!("{told:?}");
        };
        let text = &only.alert.text;
        assert!(
            text.starts_with("t0: it is not there (mend: make it); t1"),
            "{text}"
        );
        assert!(
            text.ends_with("t4: it is not there (mend: make it); and 2 more"),
            "{text}"
        );
    }

    #[test]
    fn wiring_that_is_wrong_is_told_once_with_its_mend_and_only_a_good_answer_ends_it() {
        let policy = policy::Alerts::default();
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        let wrong = || Finding::wrong(Check::Topics, "t", "it is not there", "make t");
        let unknown = |subject| Finding::could_not_ask(Check::Topics, subject, "503");
        let mut service = Service::default();
        let mut told = Vec::new();
        let dead = Finding::wrong(Check::Channels, "slack", "410", "mend");
        for findings in [
            vec![unknown("t")],
            vec![wrong(), dead],
            vec![wrong()],
            vec![unknown("t")],
            vec![unknown(EVERYTHING)],
            vec![Finding::ok(Check::Topics, "t", "it is there")],
        ] {
            let stepped = step(service, &examined(findings), &policy, now);
            service = stepped.service;
            told.push(stepped.told);
        }
        let changes: Vec<Vec<Change>> = told
            .iter()
            .map(|told| told.iter().map(|it| it.change).collect())
            .collect();
        let (none, opened) = (Vec::new(), vec![Change::Opened]);
        let expected = [
            none.clone(),
            opened,
            none.clone(),
            none.clone(),
            none,
            vec![Change::Resolved],
        ];
        assert_eq!(changes, expected);
        let alert = &told[1][0].alert;
        assert_eq!(alert.subject.as_deref(), Some("topics"));
        assert_eq!(alert.text, "t: it is not there (mend: make t)");
        assert_eq!(service.examined_since, Some(now));
    }
}
