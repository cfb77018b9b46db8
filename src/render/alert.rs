//! One alert message as plain text, for a console.
//!
//! Layouts for mail and Slack belong to files of their own.

use super::{Zones, sentence, wrap};
use crate::{
    domain::{
        alert::{Change, Severity, Told},
        completion::Standing,
    },
    ports::{AlertMessage, OpenUnit},
};

/// Units named before the rest is only counted.
const NAMES_MAX: usize = 5;
/// Columns of a console.
const WIDTH: usize = 78;

/// The message, a line an alert, with the units it is about.
pub fn text(message: &AlertMessage, zones: &Zones) -> String {
    let mut lines = vec![format!(
        "{} {} at {}",
        message.key.handoff,
        message.key.game_date,
        zones.both(message.at)
    )];
    lines.extend(message.told.iter().map(line));
    let worrying = message
        .told
        .iter()
        .any(|told| told.change != Change::Resolved);
    if worrying && !message.units.is_empty() {
        lines.push(format!("  {}", wrap(&names(&message.units), WIDTH, 2)));
    }
    lines.join("\n")
}

/// How bad it is, in the word that stands out.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

/// One alert's change.
pub fn line(told: &Told) -> String {
    let severity = severity(told.alert.severity);
    let change = match told.change {
        Change::Opened => "",
        Change::Worsened => "worse: ",
        Change::Reminded => "still: ",
        Change::Resolved => "resolved: ",
    };
    let text = format!("{severity} {change}{}", sentence(&told.alert.text));
    format!("  {}", wrap(&text, WIDTH, 2))
}

fn names(units: &[OpenUnit]) -> String {
    let named: Vec<String> = units.iter().take(NAMES_MAX).map(name).collect();
    let more = if units.len() > NAMES_MAX {
        " and more"
    } else {
        ""
    };
    format!("among them {}{more}", named.join(", "))
}

fn name(open: &OpenUnit) -> String {
    let how = match (open.standing, &open.reason) {
        (Standing::Unanswered, _) => "no answer".to_owned(),
        (Standing::Claimed, _) => "claimed, no row".to_owned(),
        (
            Standing::Skipped | Standing::Failed | Standing::SkippedForGood | Standing::Stored,
            Some(reason),
        ) => reason.clone(),
        (Standing::Skipped | Standing::SkippedForGood, None) => "skipped".to_owned(),
        (Standing::Failed, None) => "failed".to_owned(),
        (Standing::Stored, None) => "stored".to_owned(),
    };
    format!("{} ({how})", open.unit)
}
