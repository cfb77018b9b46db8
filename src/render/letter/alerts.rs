//! A message about alerts: what changed, how the night stands, what the reader can do.
//!
//! What each kind says belongs to `kinds`, the night's numbers to `night`.

use super::{Item, Letter, Status, night, units, way};
use crate::{
    domain::{
        alert::{self, Alert, Kind, Told},
        run::Snapshot,
    },
    ports::{
        OpenUnit,
        notice::{About, Notice, Parcel},
    },
    render::{
        kinds, sentence,
        words::{self, Times, countdown, length, lower},
    },
};

/// Lines of advice that a letter gives at most.
const ADVICE_MAX: usize = 6;

/// What an alert message tells.
pub struct Change<'a> {
    /// What changed, gravest first.
    pub told: &'a [Told],
    /// The night as it stood then.
    pub night: Option<&'a Snapshot>,
    /// Units that needed work then.
    pub units: &'a [OpenUnit],
}

/// The letter; its id and footer are the caller's.
pub fn letter(change: &Change<'_>, notice: &Notice, parcel: &Parcel) -> Letter {
    let times = way::times(notice);
    let told = change.told;
    let status = status(told);
    let over = status == Status::Resolved;
    let named = if over { &[] } else { change.units };
    let needing = change.night.map_or(0, |night| night.counts.needing_work);
    let mut facts = change
        .night
        .map_or_else(Vec::new, |it| night::facts(it, &times));
    facts.extend(also_open(change));
    let mut notes = change.night.map_or_else(Vec::new, night::notes);
    notes.extend(way::escalation(told, parcel, &times));
    let lead = leading(told);
    Letter {
        thread: thread(&notice.about, lead),
        status,
        subject: subject(&notice.about, lead),
        headline: headline(lead, change.night, &times),
        notes,
        items: told
            .iter()
            .map(|told| Item {
                runbook: way::runbook(told, &parcel.links),
                ..item(told, &times)
            })
            .collect(),
        facts,
        units: units::groups(named),
        units_unnamed: if over {
            0
        } else {
            units::unnamed(named, needing)
        },
        done: change
            .night
            .map_or_else(Vec::new, |it| night::done(it, &times)),
        next: change
            .night
            .map_or_else(Vec::new, |it| night::next(it, &times)),
        advice: advice(change, over),
        links: way::links(status, told, &parcel.links),
        ..Letter::blank(notice.at)
    }
}

/// The gravest that holds; if nothing does, the gravest that is over.
pub fn leading(told: &[Told]) -> Option<&Told> {
    let holds = told.iter().find(|told| !is_over(told));
    holds.or(told.first())
}

fn is_over(told: &Told) -> bool {
    told.change == alert::Change::Resolved
}

/// The gravest of what holds, or that all of it is over.
pub fn status(told: &[Told]) -> Status {
    let holding = told.iter().filter(|told| !is_over(told));
    match holding.map(|told| told.alert.severity).max() {
        Some(severity) => Status::Holds(severity),
        None => Status::Resolved,
    }
}

/// What an alert is called: its kind's title, with the channel that it is about.
pub fn title(alert: &Alert) -> String {
    let title = kinds::guide(alert.kind).title;
    match (&alert.subject, alert.kind == Kind::ChannelFailing) {
        (Some(channel), true) => format!("Channel {channel} failing"),
        (Some(subject), false) => format!("{title} ({subject})"),
        (None, _) => title.to_owned(),
    }
}

/// What a message is about, at the beginning of its subject.
pub fn scope(about: &About) -> String {
    match about {
        About::Night(key) => format!("{} {}", key.game_date, key.handoff),
        About::Handoff(handoff) => handoff.to_string(),
        About::Service => "tipoff service".to_owned(),
    }
}

fn subject(about: &About, lead: Option<&Told>) -> String {
    let title = lead.map_or_else(|| "alerts".to_owned(), |told| lower(&title(&told.alert)));
    format!("{}: {title}", scope(about))
}

fn thread(about: &About, lead: Option<&Told>) -> String {
    let scope = match about {
        About::Night(key) => format!("{}/{}", key.handoff, key.game_date),
        About::Handoff(handoff) => handoff.to_string(),
        About::Service => "service".to_owned(),
    };
    let Some(told) = lead else { return scope };
    let opened = told.alert.opened_at.format("%Y-%m-%dT%H:%M:%S%.fZ");
    format!("{scope}/{}/{opened}", told.alert.name())
}

/// What changed, in the fewest words.
pub fn change_words(told: &Told) -> String {
    match told.change {
        alert::Change::Opened => "new".to_owned(),
        alert::Change::Worsened => "worse".to_owned(),
        alert::Change::Escalated => "nobody has acknowledged it".to_owned(),
        alert::Change::Reminded => "still open".to_owned(),
        alert::Change::Resolved => over_after(&told.alert),
    }
}

/// That an alert is over, and how long it lasted.
pub fn over_after(alert: &Alert) -> String {
    match alert.resolved_at {
        Some(at) => format!("over after {}", length(at - alert.opened_at)),
        None => "over".to_owned(),
    }
}

/// One change as a line of its own.
pub fn item(told: &Told, times: &Times) -> Item {
    let alert = &told.alert;
    let plain = state(alert, times);
    let over = is_over(told);
    let meaning = kinds::guide(alert.kind).meaning;
    Item {
        status: if over { Status::Resolved } else { plain.status },
        change: change_words(told),
        text: match over {
            true => plain.text,
            false => format!("{}. {meaning}", plain.text),
        },
        ..plain
    }
}

/// An alert as it stands, without a change.
pub fn state(alert: &Alert, times: &Times) -> Item {
    let (status, change) = match alert.is_open() {
        true => (Status::Holds(alert.severity), "still open".to_owned()),
        false => (Status::Resolved, over_after(alert)),
    };
    let acknowledged = alert.acknowledged.as_ref();
    Item {
        status,
        change,
        title: title(alert),
        text: sentence(&alert.text),
        since: times.at(alert.opened_at),
        acknowledged: acknowledged.map(|it| format!("{} at {}", it.by, times.at(it.at))),
        runbook: None,
    }
}

fn headline(lead: Option<&Told>, night: Option<&Snapshot>, times: &Times) -> String {
    let Some(told) = lead else {
        return "A message about no alert".to_owned();
    };
    let text = &told.alert.text;
    let sentence = match told.change {
        alert::Change::Opened => sentence(text),
        alert::Change::Worsened
        | alert::Change::Escalated
        | alert::Change::Reminded
        | alert::Change::Resolved => format!("{}: {text}", sentence(&change_words(told))),
    };
    let stands = night.map(|night| stands(night, told, times));
    match stands.filter(|stands| !stands.is_empty()) {
        Some(stands) => format!("{sentence} ({stands})"),
        None => sentence,
    }
}

/// The number and the deadline, so far as the alert's own sentence does not say them.
fn stands(night: &Snapshot, told: &Told, times: &Times) -> String {
    let counts = night.counts;
    let noun = words::counted_noun(counts.ready, &night.unit_noun);
    let predicted = format!("{} of {} {noun} predicted", counts.predicted, counts.ready);
    let listed = night::predicted(night).map(|_| predicted);
    let deadline = night.deadline_at.map(|at| {
        let said = told.alert.text.contains(&night.schedule_zone.time_text(at));
        let when = match (is_over(told), said) {
            (true, _) => times.at(at),
            (false, true) => countdown(at, night.at),
            (false, false) => times.counted(at, night.at),
        };
        format!("deadline {when}")
    });
    let known: Vec<String> = listed.into_iter().chain(deadline).collect();
    known.join(", ")
}

/// Alerts of the night that are open and not told of here.
fn also_open(change: &Change<'_>) -> Option<(String, String)> {
    let alerts = change.night.iter().flat_map(|night| &night.alerts);
    let told = |alert: &Alert| change.told.iter().any(|it| it.alert.name() == alert.name());
    let others: Vec<String> = alerts
        .filter(|alert| alert.is_open() && !told(alert))
        .map(title)
        .collect();
    (!others.is_empty()).then(|| ("Also open".to_owned(), others.join(", ")))
}

fn advice(change: &Change<'_>, over: bool) -> Vec<String> {
    let night = change.night.map(|night| words::night_arguments(&night.key));
    let explain = night
        .as_ref()
        .map(|night| format!("`tipoff explain {night}`"));
    if over {
        let what = explain.map(|command| format!(". What happened: {command}"));
        return vec![format!("Nothing is left to do{}", what.unwrap_or_default())];
    }
    if change.night.is_some_and(|night| night.observing) {
        let look = explain.map(|command| format!("What Tipoff saw: {command}"));
        let tell = "Act in the coordinator that does the work; Tipoff sends nothing".to_owned();
        return std::iter::once(tell).chain(look).collect();
    }
    let mut advice: Vec<String> = Vec::new();
    for told in change.told.iter().filter(|told| !is_over(told)) {
        for line in kinds::guide(told.alert.kind).advice {
            let line = line.replace(kinds::NIGHT, night.as_deref().unwrap_or_default());
            if !advice.contains(&line) {
                advice.push(line);
            }
        }
    }
    advice.truncate(ADVICE_MAX);
    advice
}
