//! A night's history as a story: what happened, when, why, and what was decided not to be done.
//!
//! The entries come from the store; nothing in the story is worked out anew.

use chrono::{DurationRound, TimeDelta};

use super::{Zones, alert, sentence, wrap};
use crate::{
    domain::{
        Instant,
        alert::Told,
        effect::Effect,
        event::Event,
        reason::{Code, Reason},
        run::State,
    },
    ports::store::HistoryEntry,
};

/// Columns before the text: a time in each zone.
const MARGIN: usize = 20;
/// Columns of the text.
const WIDTH: usize = 60;

/// The story, a paragraph a moment, times in both zones.
pub fn story(entries: &[HistoryEntry], zones: &Zones) -> String {
    let Some(first) = entries.first() else {
        return "nothing is known of this night\n".to_owned();
    };
    let names = (
        zones.schedule.abbreviation(first.at),
        zones.calendar.abbreviation(first.at),
    );
    let mut text = format!("{:<10}{:<10}\n", names.0, names.1);
    let mut state = None;
    for moment in moments(entries) {
        text += &paragraph(&moment, state, zones);
        state = moment.state.or(state);
    }
    text
}

/// Entries that tell one thing: while units go out and answers come in, all of that is one moment.
struct Moment {
    at: Instant,
    until: Instant,
    state: Option<State>,
    why: Vec<Reason>,
    told: Vec<Told>,
    wants: Vec<&'static str>,
    flows: bool,
    repeated: u32,
}

impl Moment {
    /// Whether it tells nobody anything: a question is asked, and only its answer is worth a word.
    fn is_silent(&self) -> bool {
        self.why.is_empty() && self.told.is_empty() && self.wants.is_empty()
    }
}

fn moments(entries: &[HistoryEntry]) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    for entry in entries {
        let next = moment(entry);
        let state = moments.last().and_then(|last| last.state);
        if next.is_silent() && next.state == state {
            continue;
        }
        match moments.last_mut() {
            Some(last) if repeats(last, &next) => {
                last.until = next.at;
                last.repeated += 1;
            }
            Some(last) if continues(last, &next) => {
                last.until = next.at;
                last.why
                    .retain(|known| next.why.iter().all(|reason| reason.code != known.code));
                last.why.extend(next.why);
            }
            Some(_) | None => moments.push(next),
        }
    }
    moments
}

/// Whether the next entry says the very same again: a question asked until its answer changes.
fn repeats(last: &Moment, next: &Moment) -> bool {
    let quiet = next.told.is_empty() && next.wants.is_empty();
    quiet && !next.flows && last.state == next.state && last.why == next.why
}

/// Whether the next entry only carries the flow on: same state, nobody told.
fn continues(last: &Moment, next: &Moment) -> bool {
    let quiet = |moment: &Moment| moment.told.is_empty() && moment.wants.is_empty();
    last.flows && next.flows && last.state == next.state && quiet(last) && quiet(next)
}

fn moment(entry: &HistoryEntry) -> Moment {
    let flows = matches!(entry.event, Some(Event::Sent(_) | Event::Answered(_)));
    let mut told = Vec::new();
    let mut wants = Vec::new();
    for effect in &entry.effects {
        match effect {
            Effect::Tell(changes) => told.extend(changes.iter().cloned()),
            Effect::Announce(_) => wants.push("the downstream is told"),
            Effect::AskReadiness
            | Effect::Stage(_)
            | Effect::Send { .. }
            | Effect::Reconcile
            | Effect::Record => {}
        }
    }
    let why = entry
        .why
        .iter()
        .filter(|reason| reason.code != Code::NothingDue)
        .cloned()
        .collect();
    Moment {
        at: entry.at,
        until: entry.at,
        state: entry.state,
        why,
        told,
        wants,
        flows,
        repeated: 0,
    }
}

fn paragraph(moment: &Moment, before: Option<State>, zones: &Zones) -> String {
    let mut texts: Vec<String> = moment
        .why
        .iter()
        .map(|reason| sentence(&reason.text))
        .collect();
    texts.dedup();
    texts.extend(moment.wants.iter().map(|text| sentence(text)));
    let seconds = (moment.until - moment.at).num_seconds();
    if texts.is_empty() {
        // A moment that only told someone, or nothing, has no length to tell.
    } else if moment.repeated > 0 {
        let until = zones.schedule.time_text(moment.until);
        texts.push(format!(
            "The same {} times more, until {until}",
            moment.repeated
        ));
    } else if seconds > 0 {
        texts.push(format!("All that in {seconds} s"));
    }
    if let Some(state) = moment.state.filter(|state| before != Some(*state)) {
        texts.push(format!("[{}]", state.name()));
    }
    if texts.is_empty() && moment.told.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    let times = format!(
        "{:<10}{:<10}",
        clock(moment.at, zones.schedule),
        clock(moment.at, zones.calendar)
    );
    let body = texts.join(". ").replace("]. ", "] ");
    if !body.is_empty() {
        text += &format!("{times}{}\n", wrap(&body, WIDTH, MARGIN));
    }
    for told in &moment.told {
        let line = alert::line(told);
        let line = wrap(line.trim(), WIDTH - 2, MARGIN + 2);
        text += &format!(
            "{:MARGIN$}> {line}\n",
            if body.is_empty() { times.as_str() } else { "" }
        );
    }
    text
}

fn clock(at: Instant, zone: crate::domain::zone::Zone) -> String {
    let whole = at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at);
    zone.local(whole).format("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests;
