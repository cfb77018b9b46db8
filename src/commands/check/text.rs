//! The check as people read it, at most 100 columns wide.
//!
//! The table of one night belongs to `table`, JSON to `check`.

use std::path::Path;

use chrono::Datelike;

use super::{Checked, callers, table, telling, token_text};
use crate::{
    config::Config,
    domain::{
        feasibility::{Finding, Night, Report, Weight},
        ids::GameDate,
        policy::{Mode, Policy},
        seconds, zone,
    },
};

const COLUMNS_MAX: usize = 98;

/// Every handoff's nights and findings.
pub(super) fn render(
    config: &Config,
    source: Option<&Path>,
    checked: &[Checked<'_>],
    days: usize,
) -> String {
    let source = source.map_or("built in".to_owned(), |path| path.display().to_string());
    let mut lines = vec![
        format!("configuration  {source}"),
        format!(
            "listens on     {}, token: {}",
            config.listen,
            token_text(config)
        ),
        format!("data           {}", config.data_dir.display()),
        format!("zone database  {}", zone::DATABASE_VERSION),
    ];
    lines.extend(callers::lines(config));
    lines.push(String::new());
    lines.push("tells people".to_owned());
    lines.extend(telling::lines(config));
    for warning in telling::warnings(config, checked) {
        lines.extend(labelled("warning", 7, &warning));
    }
    for checked in checked {
        lines.push(String::new());
        lines.extend(handoff(checked, telling::own_lines(config, checked), days));
    }
    lines.join("\n") + "\n"
}

fn handoff(checked: &Checked<'_>, tells: Vec<String>, days: usize) -> Vec<String> {
    let Checked { handoff, report } = checked;
    let policy = &handoff.policy;
    let mut lines = vec![
        format!("{} ({})", handoff.id, mode_text(policy.mode)),
        format!("  promise        by {}", policy.schedule.deadline),
        format!("  game date      {}", policy.calendar_zone),
        format!(
            "  usual slate    {} {}s in {}",
            policy.pace.usual_units,
            policy.unit_noun,
            seconds::text(policy.pace.duration(policy.pace.usual_units))
        ),
    ];
    if let Some(season) = &handoff.season {
        lines.push(format!(
            "  season         {} to {}, {} dates without games",
            season.from,
            season.until,
            season.without_games.len()
        ));
    }
    lines.extend(tells);
    for (nights, table) in groups(policy, report, days) {
        lines.push(String::new());
        lines.push(format!("  {}", title(report, &nights)));
        lines.extend(table);
    }
    lines.push(String::new());
    for finding in &report.findings {
        lines.extend(finding_lines(finding, report));
    }
    lines.push(conclusion(checked));
    lines
}

fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::Dispatch => "dispatches",
        Mode::Observe => "observes only",
    }
}

/// The nights to print, successive ones with the same clock times together.
fn groups<'a>(
    policy: &Policy,
    report: &'a Report,
    days: usize,
) -> Vec<(Vec<&'a Night>, Vec<String>)> {
    let mut groups: Vec<(Vec<&Night>, Vec<String>)> = Vec::new();
    for night in report.nights_to_show(days) {
        let table = table::lines(policy, night);
        match groups.last_mut() {
            Some((nights, same)) if *same == table && follows(nights, night) => nights.push(night),
            Some(_) | None => groups.push((vec![night], table)),
        }
    }
    groups
}

fn follows(nights: &[&Night], next: &Night) -> bool {
    nights
        .last()
        .is_some_and(|last| last.game_date.0.succ_opt() == Some(next.game_date.0))
}

fn title(report: &Report, nights: &[&Night]) -> String {
    let changes = |night: &&Night| report.clock_changes.contains(&night.game_date);
    let note = if nights.iter().any(changes) {
        " (clocks change)"
    } else {
        ""
    };
    match nights {
        [] => String::new(),
        [night] => format!("{}{note}", date_text(night.game_date)),
        [first, .., last] => format!(
            "{} to {} ({} nights){note}",
            date_text(first.game_date),
            date_text(last.game_date),
            nights.len()
        ),
    }
}

/// The date with its weekday: `2026-01-19 Mon`.
pub(super) fn date_text(date: GameDate) -> String {
    format!("{date} {}", date.0.weekday())
}

fn finding_lines(finding: &Finding, report: &Report) -> Vec<String> {
    let label = match finding.weight {
        Weight::Refused => "refused",
        Weight::Warning => "warning",
    };
    let mut text = finding.text.clone();
    if let Some(game_date) = finding.game_date {
        let all = report.nights.len();
        text += &match finding.nights {
            1 => format!(" (on {game_date})"),
            nights if nights == all => format!(" (every night; times of {game_date})"),
            nights => format!(" ({nights} of {all} nights; times of {game_date}, the worst)"),
        };
    }
    labelled(label, 7, &text)
}

/// A text in lines, the first behind its label, which has so many columns.
pub(super) fn labelled(label: &str, columns: usize, text: &str) -> Vec<String> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    wrap(text, COLUMNS_MAX - columns - 4)
        .iter()
        .zip(labels)
        .map(|(line, label)| format!("  {label:<columns$}  {line}"))
        .collect()
}

fn conclusion(checked: &Checked<'_>) -> String {
    let Checked { handoff, report } = checked;
    let until = report.nights.last().map(|night| night.game_date);
    if report.is_refused() {
        format!("  {} is refused: it cannot keep its promise", handoff.id)
    } else {
        let until = until.map(|date| date.to_string()).unwrap_or_default();
        format!(
            "  {} keeps its promise on every night until {until}",
            handoff.id
        )
    }
}

/// Breaks a text at blanks into lines of at most `columns` characters.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}
