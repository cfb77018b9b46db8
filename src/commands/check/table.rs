//! A night as a table: its instants in the order of time, one row a zone.
//!
//! Which nights are printed, and what is said of them, belongs to `text`.

use crate::domain::{Instant, feasibility::Night, ids::GameDate, policy::Policy, zone::Zone};

/// The lines of a night: names above, then the local times of each zone.
pub(super) fn lines(policy: &Policy, night: &Night) -> Vec<String> {
    let names = night.moments.iter().map(|moment| moment.what.to_string());
    let mut rows = vec![row(String::new(), names)];
    for zone in zones(policy) {
        let times = night
            .moments
            .iter()
            .map(|moment| time_text(&zone, moment.at, night.game_date));
        rows.push(row(zone_text(&zone, night), times));
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    rows.iter().map(|row| aligned(row, &widths)).collect()
}

fn row(label: String, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(label).chain(cells).collect()
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        if index == 0 {
            line += &format!("  {cell:<width$}");
        } else {
            line += &format!("  {cell:>width$}");
        }
    }
    line
}

/// The zone people read, the calendar's and the deadline's, each once, and UTC.
fn zones(policy: &Policy) -> Vec<Zone> {
    let named = [
        policy.schedule.zone,
        policy.calendar_zone,
        policy.schedule.deadline.zone,
        Zone::Named(chrono_tz::Tz::UTC),
    ];
    let mut once = Vec::new();
    for zone in named {
        if !once.contains(&zone) {
            once.push(zone);
        }
    }
    once
}

/// What people call the zone that night: `PST`, or `PST/PDT` when its clock changes in between.
fn zone_text(zone: &Zone, night: &Night) -> String {
    let mut names: Vec<String> = Vec::new();
    for moment in &night.moments {
        let name = zone.abbreviation(moment.at);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join("/")
}

/// The local time, with the day it falls on counted from the game date: `21:00-1` is the evening before.
fn time_text(zone: &Zone, at: Instant, game_date: GameDate) -> String {
    let local = zone.local(at);
    let seconds_matter = at.timestamp() % 60 != 0;
    let pattern = if seconds_matter { "%H:%M:%S" } else { "%H:%M" };
    match (local.date() - game_date.0).num_days() {
        0 => local.format(pattern).to_string(),
        days => format!("{}{days:+}", local.format(pattern)),
    }
}
