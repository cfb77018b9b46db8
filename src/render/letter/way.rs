//! What the reader should know of a message's way, and where the reader can go on.
//!
//! What the message is about belongs to the other files.

use chrono::TimeDelta;

use super::{Link, Status};
use crate::{
    domain::{
        Instant,
        alert::{Change, Told},
    },
    ports::notice::{Content, Links, Notice, Parcel},
    render::{
        Zones, kinds,
        words::{Times, counted, length},
    },
};

/// A message that left this long after it was decided says so.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(5);

/// How instants are told to the readers of a notice.
pub fn times(notice: &Notice) -> Times {
    let night = match &notice.content {
        Content::Alerts { night, .. } => night.as_ref(),
        Content::Daily(night) => Some(night),
        Content::Weekly(_) | Content::Test { .. } => None,
    };
    let week = match &notice.content {
        Content::Weekly(week) => Some((week.schedule_zone, week.calendar_zone)),
        Content::Alerts { .. } | Content::Daily(_) | Content::Test { .. } => None,
    };
    let zones = night.map(|night| (night.schedule_zone, night.calendar_zone));
    Times {
        zones: zones
            .or(week)
            .map(|(schedule, calendar)| Zones { schedule, calendar }),
        date: night.map(|night| night.key.game_date),
    }
}

/// Notes on the way of a parcel.
pub fn notes(parcel: &Parcel, now: Instant) -> Vec<String> {
    let Some(first) = parcel.notices.first() else {
        return Vec::new();
    };
    let times = times(first);
    let mut notes = Vec::new();
    if let Some((channel, error)) = &parcel.way.instead_of {
        notes.push(format!(
            "{channel} did not take this message ({error}), so it comes here instead"
        ));
    }
    let elsewhere = parcel.way.elsewhere.iter();
    let elsewhere: Vec<String> = elsewhere
        .map(|(channel, at)| format!("{channel} has it since {}", times.at(*at)))
        .collect();
    if !elsewhere.is_empty() {
        notes.push(format!("late: {}", elsewhere.join(", ")));
    }
    if parcel.way.may_repeat {
        let text = "this may be a repeat: the server's answer to an earlier try was lost";
        notes.push(text.to_owned());
    }
    if parcel.way.attempts > 0 {
        let tries = counted(parcel.way.attempts.into(), "earlier try");
        notes.push(format!("{tries} to deliver it did not succeed"));
    }
    if let [notice] = parcel.notices.as_slice()
        && now - notice.at >= LATE_AFTER
    {
        let (late, at) = (length(now - notice.at), times.at(notice.at));
        notes.push(format!(
            "it left {late} after it was decided: its numbers are of {at}"
        ));
    }
    notes
}

/// Why these people are told only now, if it is an escalation.
pub fn escalation(told: &[Told], parcel: &Parcel, times: &Times) -> Option<String> {
    let escalated = told.iter().find(|told| told.change == Change::Escalated)?;
    let known = escalated.known_up_to.unwrap_or_default();
    let people = parcel.audience.iter().filter(|it| it.role > known);
    let people: Vec<String> = people
        .map(|person| format!("{} ({})", person.name, person.role.noun()))
        .collect();
    let alert = &escalated.alert;
    let since = times.at(alert.critical_since.unwrap_or(alert.opened_at));
    let why = format!("you are told because nobody has acknowledged it since {since}");
    Some(match people.is_empty() {
        true => why,
        false => format!("{}: {why}", people.join(", ")),
    })
}

/// Addresses of a message: its page first, then a runbook each kind of alert.
pub fn links(status: Status, told: &[Told], links: &Links) -> Vec<Link> {
    let label = match status {
        Status::Holds(_) if !told.is_empty() => "Acknowledge or silence",
        Status::Holds(_) | Status::Resolved | Status::Summary | Status::Test => "Open its page",
    };
    let page = links.page.iter().map(|url| Link {
        label: label.to_owned(),
        url: url.clone(),
        primary: true,
    });
    let mut all: Vec<Link> = page.collect();
    for told in told {
        let guide = kinds::guide(told.alert.kind);
        let Some(url) = runbook(told, links).filter(|url| all.iter().all(|it| it.url != *url))
        else {
            continue;
        };
        all.push(Link {
            label: format!("Runbook: {}", guide.title),
            url,
            primary: false,
        });
    }
    all
}

/// The address of the alert's runbook.
pub fn runbook(told: &Told, links: &Links) -> Option<String> {
    let below = links.runbooks.as_ref()?;
    Some(format!(
        "{below}/{}.md",
        kinds::guide(told.alert.kind).runbook
    ))
}

/// When it was decided, until when its links work, and its id.
pub fn footer(notice: &Notice, links: &Links) -> String {
    let times = times(notice);
    let until = match (&links.page, links.page_until) {
        (Some(_), Some(until)) => format!(" The page's link works until {}.", times.at(until)),
        (Some(_), None) | (None, _) => String::new(),
    };
    format!(
        "Decided at {}.{until} Id {}",
        times.at(notice.at),
        notice.id
    )
}
