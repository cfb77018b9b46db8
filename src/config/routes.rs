//! Section `[routes]`: which channel takes what, and when summaries are sent.
//!
//! What becomes of one message is decided in `domain::routing`; what a channel needs belongs to `channels`.

use chrono::{NaiveTime, TimeDelta, Weekday};
use serde::Deserialize;

use super::{Channel, ChannelKind, Error};
use crate::domain::{
    alert::Role,
    ids::ChannelId,
    policy::Schedule,
    routing::{Person, Route, Routes},
    schedule::WallTime,
};

/// How long after the deadline a night's summary is sent, unless a time is given.
const DAILY_AFTER: TimeDelta = TimeDelta::minutes(10);

/// How people hear of one handoff, or of the service itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// Which channel takes what, and who is told.
    pub routes: Routes,
    /// When a night's summary is sent, on its game date.
    pub daily_at: WallTime,
    /// On which day the week's summary is sent.
    pub weekly_on: Weekday,
    /// When on that day.
    pub weekly_at: WallTime,
}

/// `[routes]` or `[handoffs.routes]`, each setting optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    critical: Option<RouteSection>,
    warning: Option<RouteSection>,
    daily: Option<Vec<String>>,
    weekly: Option<Vec<String>>,
    daily_at: Option<String>,
    weekly_on: Option<String>,
    weekly_at: Option<String>,
}

/// The channels of one severity.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RouteSection {
    at_once: Vec<String>,
    otherwise: Vec<String>,
}

/// Who and what there is to route to.
#[derive(Clone, Copy)]
pub(super) struct Reach<'a> {
    /// Every channel.
    pub channels: &'a [Channel],
    /// Everyone who may be told.
    pub people: &'a [Person],
}

impl Section {
    /// These settings, and those of `base` where nothing is said here.
    pub(super) fn over(self, base: &Self) -> Self {
        let base = base.clone();
        Self {
            critical: self.critical.or(base.critical),
            warning: self.warning.or(base.warning),
            daily: self.daily.or(base.daily),
            weekly: self.weekly.or(base.weekly),
            daily_at: self.daily_at.or(base.daily_at),
            weekly_on: self.weekly_on.or(base.weekly_on),
            weekly_at: self.weekly_at.or(base.weekly_at),
        }
    }

    /// The routes of a handoff with this schedule; where nothing is said, the channels' kinds decide.
    pub(super) fn read(
        &self,
        field: &str,
        schedule: &Schedule,
        reach: Reach<'_>,
    ) -> Result<Routing, Error> {
        let named = Named { field, reach };
        let default = Defaults::of(reach.channels);
        let routes = Routes {
            critical: named.route("critical", self.critical.as_ref(), default.critical)?,
            warning: named.route("warning", self.warning.as_ref(), default.warning)?,
            daily: named.list("daily", self.daily.as_ref(), default.daily)?,
            weekly: named.list("weekly", self.weekly.as_ref(), default.weekly)?,
            people: reach.people.to_vec(),
        };
        check_mail(&routes, reach)?;
        let time = |name: &str, text: &Option<String>, default: WallTime| {
            let Some(text) = text else { return Ok(default) };
            WallTime::parse(text, Some(schedule.zone)).map_err(|error| {
                Error::value(
                    format!("{field}.{name}"),
                    format!("{text:?}"),
                    error.to_string(),
                )
            })
        };
        Ok(Routing {
            daily_at: time("daily_at", &self.daily_at, after_deadline(schedule))?,
            weekly_on: self.weekly_on(field)?,
            weekly_at: time("weekly_at", &self.weekly_at, morning(schedule))?,
            routes,
        })
    }

    fn weekly_on(&self, field: &str) -> Result<Weekday, Error> {
        let text = self.weekly_on.as_deref().unwrap_or("monday");
        text.parse().map_err(|_| {
            Error::value(
                format!("{field}.weekly_on"),
                format!("{text:?}"),
                "write a day of the week such as monday",
            )
        })
    }
}

/// Soon after the deadline, and on the same date.
fn after_deadline(schedule: &Schedule) -> WallTime {
    let deadline = schedule.deadline;
    let (at, days) = deadline.at.overflowing_add_signed(DAILY_AFTER);
    let last = NaiveTime::from_hms_opt(23, 59, 0).unwrap_or(deadline.at);
    let at = if days == 0 { at } else { last };
    WallTime { at, ..deadline }
}

fn morning(schedule: &Schedule) -> WallTime {
    let eight = NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default();
    WallTime::new(eight, schedule.zone)
}

/// Channels as they are named in one section.
struct Named<'a> {
    field: &'a str,
    reach: Reach<'a>,
}

impl Named<'_> {
    fn route(
        &self,
        name: &str,
        given: Option<&RouteSection>,
        default: Route,
    ) -> Result<Route, Error> {
        let Some(given) = given else {
            return Ok(default);
        };
        if given.at_once.is_empty() {
            return Err(Error::value(
                format!("{}.{name}.at_once", self.field),
                "[]",
                format!("nobody would be told of what is {name}: {}", self.choice()),
            ));
        }
        Ok(Route {
            at_once: self.channels(&format!("{name}.at_once"), &given.at_once)?,
            otherwise: self.channels(&format!("{name}.otherwise"), &given.otherwise)?,
        })
    }

    fn list(
        &self,
        name: &str,
        given: Option<&Vec<String>>,
        default: Vec<ChannelId>,
    ) -> Result<Vec<ChannelId>, Error> {
        given.map_or(Ok(default), |given| self.channels(name, given))
    }

    fn channels(&self, name: &str, given: &[String]) -> Result<Vec<ChannelId>, Error> {
        let mut channels: Vec<ChannelId> = Vec::new();
        for text in given {
            let id = ChannelId::new(text.clone());
            let fix = if self.reach.channels.iter().all(|channel| channel.id != id) {
                format!("no channel has this name: {}", self.choice())
            } else if channels.contains(&id) {
                "it is named twice: remove one".to_owned()
            } else {
                channels.push(id);
                continue;
            };
            let field = format!("{}.{name}", self.field);
            return Err(Error::value(field, format!("{text:?}"), fix));
        }
        Ok(channels)
    }

    fn choice(&self) -> String {
        let channels = self.reach.channels.iter();
        let names: Vec<&str> = channels.map(|channel| channel.id.as_str()).collect();
        format!("write one of {}", names.join(", "))
    }
}

/// The routes that follow from the kinds of channels there are.
struct Defaults {
    critical: Route,
    warning: Route,
    daily: Vec<ChannelId>,
    weekly: Vec<ChannelId>,
}

impl Defaults {
    fn of(channels: &[Channel]) -> Self {
        let mut kinds = ByKind::default();
        for channel in channels {
            let same = match channel.kind {
                ChannelKind::Slack(_) => &mut kinds.slack,
                ChannelKind::Email(_) => &mut kinds.email,
                ChannelKind::Webhook(_) => &mut kinds.webhook,
                ChannelKind::Console => &mut kinds.console,
            };
            same.push(channel.id.clone());
        }
        let by_hand = [kinds.slack.clone(), kinds.email.clone()].concat();
        let in_order = [&kinds.slack, &kinds.email, &kinds.webhook, &kinds.console];
        let by_mail = [&kinds.email, &kinds.slack, &kinds.webhook, &kinds.console];
        let first = first_of(&in_order);
        let critical = match by_hand.as_slice() {
            [] => first.clone(),
            [..] => by_hand,
        };
        let rest = |taken: &[ChannelId]| {
            let others = [&kinds.slack, &kinds.email, &kinds.webhook];
            let others = others.into_iter().flatten();
            others.filter(|id| !taken.contains(id)).cloned().collect()
        };
        Self {
            critical: Route {
                otherwise: rest(&critical),
                at_once: critical,
            },
            warning: Route {
                otherwise: rest(&first),
                at_once: first.clone(),
            },
            daily: first,
            weekly: first_of(&by_mail),
        }
    }
}

/// Names of channels by what they are.
#[derive(Default)]
struct ByKind {
    slack: Vec<ChannelId>,
    email: Vec<ChannelId>,
    webhook: Vec<ChannelId>,
    console: Vec<ChannelId>,
}

/// All channels of the first kind that there is.
fn first_of(kinds: &[&Vec<ChannelId>]) -> Vec<ChannelId> {
    let there = kinds.iter().find(|kind| !kind.is_empty());
    there.map(|kind| kind.to_vec()).unwrap_or_default()
}

/// Refuses mail about alerts without anybody who gets it at first, which is a developer or whoever `to` names.
fn check_mail(routes: &Routes, reach: Reach<'_>) -> Result<(), Error> {
    let is_told_first = |person: &Person| person.role == Role::Developer && person.email.is_some();
    if reach.people.iter().any(is_told_first) {
        return Ok(());
    }
    let routed = [&routes.critical, &routes.warning];
    let mut routed = routed
        .into_iter()
        .flat_map(|route| route.at_once.iter().chain(&route.otherwise));
    let to_nobody = |id: &ChannelId| {
        let channel = reach.channels.iter().find(|channel| channel.id == *id);
        matches!(channel.map(|it| &it.kind), Some(ChannelKind::Email(email)) if email.to.is_empty())
    };
    match routed.find(|id| to_nobody(id)) {
        None => Ok(()),
        Some(id) => Err(Error::value(
            format!("channels.{id}.to"),
            "[]",
            "alerts are routed here and go to the developers first, none of whom has an email: \
             write an address here, or give a developer one",
        )),
    }
}

#[cfg(test)]
mod tests;
