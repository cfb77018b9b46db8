//! Which channels a change of alerts goes over, to whom, and when: pure functions of what is known and `now`, each
//! with its reason.
//!
//! When an alert opens or worsens belongs to `alert`; delivering belongs to the engine and the channels.

use serde::{Deserialize, Serialize};

use super::{
    Instant,
    alert::{self, Alert, Change, Kind, Role, Severity, Told},
    ids::{ChannelId, HandoffId},
};

mod limit;
mod live;
mod retry;

pub use limit::{Slot, slot};
pub use live::edit_at;
pub use retry::{Failure, chance, patience, retry_at};

/// How people of one handoff, or of the service, are reached. Read live: never a part of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routes {
    /// For what is critical.
    pub critical: Route,
    /// For warnings.
    pub warning: Route,
    /// Where each night's summary goes, in which what is only worth knowing is told.
    pub daily: Vec<ChannelId>,
    /// Where the week's summary goes.
    pub weekly: Vec<ChannelId>,
    /// Who is told.
    pub people: Vec<Person>,
}

/// The channels of one severity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// All of these at once.
    pub at_once: Vec<ChannelId>,
    /// The next of these when one fails.
    pub otherwise: Vec<ChannelId>,
}

/// Someone who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their name, as it stands in acknowledgements.
    pub name: String,
    /// When they are told.
    pub role: Role,
    /// Their mail address.
    pub email: Option<String>,
    /// Their Slack member id, for example `U024BE7LH`.
    pub slack: Option<String>,
}

/// Nothing is sent of a kind of alert until it ends; everything is still stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Whose alerts; `None`: the service's own.
    pub handoff: Option<HandoffId>,
    /// Which kind; `None`: all of them.
    pub kind: Option<Kind>,
    /// Who answers for it.
    pub by: String,
    /// When it began.
    pub since: Instant,
    /// When it ends; exactly then it is over.
    pub until: Instant,
    /// Why, in the words of whoever set it.
    pub reason: String,
}

impl Silence {
    /// Whether nothing is sent of a handoff's, or the service's own, alert of this kind.
    pub fn silences(&self, handoff: Option<&HandoffId>, kind: Kind, now: Instant) -> bool {
        let same = self.handoff.as_ref() == handoff && self.kind.is_none_or(|it| it == kind);
        same && self.since <= now && now < self.until
    }

    /// What it held back and what still holds when it ends: nobody waits for a reminder to hear of it.
    pub fn held_back(&self, alerts: &[Alert]) -> Vec<Told> {
        let within = |at: Instant| self.since <= at && at < self.until;
        let open = alert::open_kinds(alerts);
        let is_meant = |alert: &&Alert| {
            let kind = self.kind.is_none_or(|it| it == alert.kind);
            let told = alert.told_at.is_some_and(within) && !alert.kind.is_covered(&open);
            kind && told && alert.needs_someone()
        };
        let told = |alert: &Alert| Told {
            change: match within(alert.opened_at) {
                true => Change::Opened,
                false => Change::Reminded,
            },
            alert: alert.clone(),
            known_up_to: None,
        };
        alerts.iter().filter(is_meant).map(told).collect()
    }
}

/// Why a message goes over a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its route says so.
    Routed,
    /// Another channel did not take it.
    Instead {
        /// That channel.
        of: ChannelId,
        /// How it failed.
        error: String,
    },
    /// This channel got the alarm, so it gets the recovery.
    Recovery,
    /// The message is about this channel: it is tried until it gets through, which is how the channel's recovery is
    /// noticed.
    OwnTrouble,
}

/// One message over one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The channel.
    pub channel: ChannelId,
    /// Why this one.
    pub why: Why,
}

/// What becomes of a change of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What goes where; nothing, if nobody is told.
    pub deliveries: Vec<Planned>,
    /// The gravest that is told of.
    pub severity: Severity,
    /// Why so, as a sentence without a full stop.
    pub reason: String,
    /// The changes that no silence holds back: what the message may say.
    pub heard: Vec<Told>,
}

/// How far an earlier message about the same opening of an alert got on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The alert's name in its scope.
    pub alert: String,
    /// The channel.
    pub channel: ChannelId,
    /// It arrived, or may have; otherwise it is still waiting.
    pub arrived: bool,
    /// It was sent for the channel's own trouble.
    pub own_trouble: bool,
}

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Whose alerts; `None`: the service's own.
    pub handoff: Option<&'a HandoffId>,
    /// How people are reached.
    pub routes: &'a Routes,
    /// Where earlier messages about these alerts went.
    pub reached: &'a [Reached],
    /// Silences that have been set.
    pub silences: &'a [Silence],
    /// Channels whose last try failed, and how: nobody waits for them to fail again.
    pub failing: &'a [(ChannelId, String)],
}

/// The silence that a change falls under, if any. That an alert is over is always told.
fn silence<'a>(told: &Told, situation: &Situation<'a>, now: Instant) -> Option<&'a Silence> {
    let silences = situation.silences.iter();
    silences
        .filter(|_| told.change != Change::Resolved)
        .find(|it| it.silences(situation.handoff, told.alert.kind, now))
}

/// Decides over which channels people are told of a change.
pub fn plan(told: &[Told], situation: Situation<'_>, now: Instant) -> Plan {
    let is_heard = |told: &&Told| silence(told, &situation, now).is_none();
    let heard: Vec<Told> = told.iter().filter(is_heard).cloned().collect();
    let mut plan = Plan {
        deliveries: Vec::new(),
        severity: heard
            .iter()
            .map(|told| told.alert.severity)
            .max()
            .unwrap_or(Severity::Info),
        reason: String::new(),
        heard: Vec::new(),
    };
    for told in &heard {
        match told.change {
            Change::Resolved => recovery(&mut plan, told, situation.reached),
            Change::Opened | Change::Worsened | Change::Escalated | Change::Reminded => {
                alarm(&mut plan, told, situation.routes);
            }
        }
    }
    instead_of_failing(&mut plan, situation);
    let silence = told.iter().find_map(|it| silence(it, &situation, now));
    plan.reason = match (silence, plan.deliveries.is_empty()) {
        (Some(silence), true) => format!("silenced by {}: {}", silence.by, silence.reason),
        (None, true) if heard.iter().all(|it| it.change == Change::Resolved) => {
            "nobody had been told, so nobody is told that it is over".to_owned()
        }
        (None, true) => "worth knowing, told in the summary".to_owned(),
        (_, false) => {
            let names: Vec<&str> = plan
                .deliveries
                .iter()
                .map(|it| it.channel.as_str())
                .collect();
            format!("over {}", names.join(", "))
        }
    };
    plan.heard = heard;
    plan
}

fn alarm(plan: &mut Plan, told: &Told, routes: &Routes) {
    let Some(route) = routes.of(told.alert.severity) else {
        return;
    };
    let Some(subject) = failing_channel(told) else {
        for channel in &route.at_once {
            add(plan, channel, Why::Routed);
        }
        return;
    };
    for channel in routes.all().into_iter().filter(|it| **it != subject) {
        add(plan, channel, Why::Routed);
    }
    add(plan, &subject, Why::OwnTrouble);
}

/// Gives each routed channel that is failing another one beside it, at once.
fn instead_of_failing(plan: &mut Plan, situation: Situation<'_>) {
    let all_failing: Vec<&ChannelId> = situation.failing.iter().map(|(id, _)| id).collect();
    for (failing, error) in situation.failing {
        let taken: Vec<ChannelId> = plan
            .deliveries
            .iter()
            .map(|it| it.channel.clone())
            .collect();
        let routed = |it: &Planned| it.channel == *failing && it.why == Why::Routed;
        let is_routed = plan.deliveries.iter().any(routed);
        let next = situation
            .routes
            .instead(plan.severity, &taken, &all_failing)
            .filter(|_| is_routed);
        if let Some(channel) = next {
            let why = Why::Instead {
                of: failing.clone(),
                error: error.clone(),
            };
            add(plan, channel, why);
        }
    }
}

/// Whoever got the alarm, or may have, hears that it is over. Where it has not arrived anywhere yet, the recovery
/// takes its way: it says both, so that nothing is kept from people.
fn recovery(plan: &mut Plan, told: &Told, reached: &[Reached]) {
    let name = told.alert.name();
    let of_alert = || {
        reached
            .iter()
            .filter(|it| it.alert == name && !it.own_trouble)
    };
    let arrived = of_alert().any(|it| it.arrived);
    for reached in of_alert().filter(|it| it.arrived || !arrived) {
        add(plan, &reached.channel, Why::Recovery);
    }
}

fn add(plan: &mut Plan, channel: &ChannelId, why: Why) {
    if plan.deliveries.iter().all(|it| it.channel != *channel) {
        plan.deliveries.push(Planned {
            channel: channel.clone(),
            why,
        });
    }
}

fn failing_channel(told: &Told) -> Option<ChannelId> {
    let subject = told.alert.subject.as_ref()?;
    (told.alert.kind == Kind::ChannelFailing).then(|| ChannelId::new(subject.clone()))
}

impl Routes {
    /// The channels of a severity; `None`: what is only worth knowing is told in the summary.
    pub fn of(&self, severity: Severity) -> Option<&Route> {
        match severity {
            Severity::Critical => Some(&self.critical),
            Severity::Warning => Some(&self.warning),
            Severity::Info => None,
        }
    }

    /// Every channel, those for the gravest first.
    pub fn all(&self) -> Vec<&ChannelId> {
        let routes = [&self.critical, &self.warning];
        let channels = routes
            .into_iter()
            .flat_map(|route| route.at_once.iter().chain(&route.otherwise))
            .chain(&self.daily)
            .chain(&self.weekly);
        let mut all = Vec::new();
        for channel in channels {
            if !all.contains(&channel) {
                all.push(channel);
            }
        }
        all
    }

    /// The channel to take instead of one that failed: the next of its severity, then any other. `None`: all have
    /// been taken.
    pub fn next(&self, severity: Severity, taken: &[ChannelId]) -> Option<&ChannelId> {
        let route = self.of(severity).unwrap_or(&self.warning);
        let channels = route.otherwise.iter().chain(&route.at_once);
        channels
            .chain(self.all())
            .find(|channel| !taken.contains(channel))
    }

    /// The next channel that has not been taken, one that takes messages before one that is failing.
    pub fn instead(
        &self,
        severity: Severity,
        taken: &[ChannelId],
        failing: &[&ChannelId],
    ) -> Option<&ChannelId> {
        let failing = failing.iter().map(|it| (*it).clone());
        let avoided: Vec<ChannelId> = taken.iter().cloned().chain(failing).collect();
        let well = self.next(severity, &avoided);
        well.or_else(|| self.next(severity, taken))
    }

    /// Who is to read a message: everyone up to the role that is to know; of an escalation only those who did not.
    pub fn audience(&self, told: &[Told]) -> Vec<&Person> {
        let is_for = |person: &&Person| {
            told.iter().any(|told| {
                let known = told.alert.told_up_to.unwrap_or_default();
                let new = told.known_up_to.is_none_or(|before| person.role > before);
                person.role <= known && (told.change != Change::Escalated || new)
            })
        };
        self.people.iter().filter(is_for).collect()
    }
}

impl Plan {
    /// Whether a message so planned says all that waiting messages about the same openings say, to all their readers:
    /// an escalation does not.
    pub fn replaces(&self, told: &[Told]) -> bool {
        let escalates = told.iter().any(|told| told.change == Change::Escalated);
        !self.deliveries.is_empty() && !escalates
    }
}

/// A channel counts as failing after this many failures in a row; one that no other try can mend counts at once.
pub const FAILURES_MIN: u32 = 2;

#[cfg(test)]
mod tests;
