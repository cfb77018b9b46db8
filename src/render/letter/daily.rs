//! The summary of one night: its verdict, its numbers, and every alert it had, those only worth knowing too.
//!
//! A week of nights belongs to `weekly`.

use std::cmp::Reverse;

use chrono::TimeDelta;

use super::{Item, Letter, Status, alerts, night, way};
use crate::{
    domain::{
        Instant,
        alert::Alert,
        run::{Snapshot, State},
        sla::Verdict,
    },
    ports::notice::{Notice, Parcel},
    render::words::{self, Times, length},
};

/// The letter; its id and footer are the caller's.
pub fn letter(night: &Snapshot, notice: &Notice, parcel: &Parcel) -> Letter {
    let times = way::times(notice);
    let scope = alerts::scope(&notice.about);
    let arguments = words::night_arguments(&night.key);
    Letter {
        thread: format!("{}/{}/daily", night.key.handoff, night.key.game_date),
        status: Status::Summary,
        subject: format!("{scope}: night summary"),
        headline: headline(night, &times),
        notes: night::notes(night),
        items: items(&night.alerts, &times),
        facts: night::facts(night, &times),
        done: night::done(night, &times),
        next: night::next(night, &times),
        advice: vec![format!("The whole night: `tipoff explain {arguments}`")],
        links: way::links(Status::Summary, &[], &parcel.links),
        ..Letter::blank(notice.at)
    }
}

fn headline(night: &Snapshot, times: &Times) -> String {
    let gap = || {
        let (gap, ready) = (night.counts.needing_work, night.counts.ready);
        let noun = words::counted_noun(ready, &night.unit_noun);
        format!("{gap} of {ready} ready {noun} still need work")
    };
    let unsure = match night.confirmed {
        Some(false) => "; the tables have not confirmed it",
        Some(true) | None => "",
    };
    let end = night.completed_at.map(|at| finished(at, night, times));
    match night.verdict {
        Some(Verdict::Met) => {
            let end = end.map_or_else(String::new, |end| format!(": {end}"));
            format!("Promise met{end}{unsure}")
        }
        Some(Verdict::Breached) => {
            format!("Promise broken: {}{unsure}", end.unwrap_or_else(gap))
        }
        Some(Verdict::Judging) => "The verdict has not fallen yet: it is being judged".to_owned(),
        Some(Verdict::OnTrack | Verdict::AtRisk) => {
            let words = night.verdict.map_or("", night::verdict_words);
            format!("The night is not over: {words}, {}", gap())
        }
        None if night.state == State::NotExpected => "No games".to_owned(),
        None => format!("A night without a promise: {}", gap()),
    }
}

/// When it was finished, and how far from its deadline.
fn finished(at: Instant, night: &Snapshot, times: &Times) -> String {
    let from_deadline = night.deadline_at.map(|deadline| match deadline - at {
        early if early > TimeDelta::zero() => format!(", {} before the deadline", length(early)),
        late if late < TimeDelta::zero() => format!(", {} after the deadline", length(late)),
        _ => ", exactly at the deadline".to_owned(),
    });
    format!(
        "complete at {}{}",
        times.at(at),
        from_deadline.unwrap_or_default()
    )
}

/// Every alert of the night, gravest first.
fn items(alerts: &[Alert], times: &Times) -> Vec<Item> {
    let mut sorted: Vec<&Alert> = alerts.iter().collect();
    sorted.sort_by_key(|alert| (!alert.is_open(), Reverse(alert.severity), alert.opened_at));
    sorted
        .into_iter()
        .map(|alert| alerts::state(alert, times))
        .collect()
}
