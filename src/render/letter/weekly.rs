//! The summary of a week: a line a night, and the week beside the four before it.
//!
//! Its pictures are drawn by `chart`; a night's own summary is `daily`.

use chrono::Datelike;

use super::{Letter, Status, Table, night, way};
use crate::{
    domain::{alert::Severity, sla::Verdict},
    ports::notice::{NightFigures, Notice, Parcel, Week},
    render::{
        chart,
        words::{counted, ratio, seconds},
    },
};

/// Stands in a cell whose value is not known.
const UNKNOWN: &str = "–";

/// The letter; its id and footer are the caller's.
pub fn letter(week: &Week, notice: &Notice, parcel: &Parcel) -> Letter {
    let handoff = &week.handoff;
    Letter {
        thread: format!("{handoff}/weekly/{}", week.from),
        status: Status::Summary,
        subject: format!("{} to {} {handoff}: week", week.from, week.to),
        headline: headline(week),
        facts: facts(week),
        links: way::links(Status::Summary, &[], &parcel.links),
        table: (!week.nights.is_empty()).then(|| table(&week.nights)),
        pictures: chart::pictures(week),
        ..Letter::blank(notice.at)
    }
}

/// Nights that kept their promise, of those that had one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    met: usize,
    judged: usize,
}

impl Kept {
    fn of(nights: &[NightFigures]) -> Self {
        let judged = nights.iter().filter_map(|night| night.verdict);
        let judged = judged.filter(|it| matches!(it, Verdict::Met | Verdict::Breached));
        let judged: Vec<Verdict> = judged.collect();
        Self {
            met: judged.iter().filter(|it| **it == Verdict::Met).count(),
            judged: judged.len(),
        }
    }
}

fn headline(week: &Week) -> String {
    let (kept, before) = (Kept::of(&week.nights), Kept::of(&week.before));
    if week.nights.is_empty() {
        return "A week without games".to_owned();
    }
    if kept.judged == 0 {
        return "No night of this week has a verdict".to_owned();
    }
    let nights = counted(kept.judged as u64, "night");
    let past = match before.judged {
        0 => String::new(),
        judged => format!(" ({} of {judged} in the four weeks before)", before.met),
    };
    format!("{} of {nights} met the promise{past}", kept.met)
}

fn facts(week: &Week) -> Vec<(String, String)> {
    let (kept, before) = (Kept::of(&week.nights), Kept::of(&week.before));
    let met = |kept: Kept| match kept.judged {
        0 => "no night with a verdict".to_owned(),
        judged => format!("{} of {judged}", kept.met),
    };
    let latency = |nights: &[NightFigures]| {
        let known = nights.iter().filter_map(|night| night.latency_seconds);
        median(known.collect()).map_or_else(|| "no night with a latency".to_owned(), seconds)
    };
    let completion = |nights: &[NightFigures]| {
        let known = nights.iter().filter_map(|night| night.completion);
        median(known.collect()).map_or_else(|| "no night with a completion".to_owned(), ratio)
    };
    let beside = |now: String, past: String| format!("{now}; four weeks before: {past}");
    let latency = beside(latency(&week.nights), latency(&week.before));
    let completion = beside(completion(&week.nights), completion(&week.before));
    let mut facts = vec![
        ("Nights met", beside(met(kept), met(before))),
        (
            "Median start latency",
            format!(
                "{latency} (promised: under {})",
                seconds(week.latency_target_seconds)
            ),
        ),
        (
            "Median completion",
            format!(
                "{completion} (promised: over {})",
                ratio(week.completion_target)
            ),
        ),
        ("Alerts", alerts(&week.nights)),
    ];
    if week.without_games > 0 {
        facts.push(("Without games", counted(week.without_games.into(), "date")));
    }
    let named = facts.into_iter();
    named
        .map(|(label, value)| (label.to_owned(), value))
        .collect()
}

fn alerts(nights: &[NightFigures]) -> String {
    let all = || nights.iter().flat_map(|night| &night.alerts);
    let critical = all()
        .filter(|alert| alert.severity == Severity::Critical)
        .count();
    let open = all().filter(|alert| alert.is_open()).count();
    match all().count() {
        0 => "none".to_owned(),
        count => format!("{count}, of these {critical} critical and {open} still open"),
    }
}

/// The middle value; of an even number the mean of both in the middle. `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some(lower.midpoint(upper))
}

fn table(nights: &[NightFigures]) -> Table {
    let head = [
        "Night",
        "Verdict",
        "Started by",
        "Latency",
        "Ready",
        "Predicted",
        "Completion",
        "Gap",
        "Alerts",
    ];
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: nights.iter().map(row).collect(),
    }
}

fn row(figures: &NightFigures) -> Vec<String> {
    let known = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    let date = figures.game_date.0;
    vec![
        format!("{} {}", date.weekday(), date.day()),
        known(
            figures
                .verdict
                .map(|it| night::verdict_words(it).to_owned()),
        ),
        known(figures.started_by.map(|it| it.name().to_owned())),
        known(figures.latency_seconds.map(seconds)),
        figures.ready.to_string(),
        figures.predicted.to_string(),
        known(figures.completion.map(ratio)),
        figures.needing_work.to_string(),
        figures.alerts.len().to_string(),
    ]
}
