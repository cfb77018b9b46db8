//! A message in lines: a notification's, one alert's, one game's, and the whole message where Slack takes no layout.
//!
//! The layout belongs to `blocks`, what Slack makes of characters to `text`.

use std::collections::BTreeSet;

use super::text::{cut, escaped, lines};
use crate::{
    domain::alert::Severity,
    render::letter::{Item, Letter, Status, UnitGroup},
};

/// Slack cuts messages above 40,000 characters and asks for 4,000.
const TEXT_MAX: usize = 3900;
const NOTIFICATION_MAX: usize = 600;
const LINE_MAX: usize = 700;
const MENTIONS_MAX: usize = 20;
/// Units named of one game.
pub(super) const NAMES_A_GAME_MAX: usize = 12;
const NAME_MAX: usize = 80;

/// How bad it is: an emoji and a word, for colour alone is not enough.
pub(super) fn badge(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Holds(Severity::Critical) => ("🔴", "Critical"),
        Status::Holds(Severity::Warning) => ("🟠", "Warning"),
        Status::Holds(Severity::Info) => ("🔵", "Info"),
        Status::Resolved => ("✅", "Resolved"),
        Status::Summary => ("📊", "Summary"),
        Status::Test => ("🧪", "Test"),
    }
}

/// The line of a notification: what is read on a locked screen.
pub(super) fn notification(letter: &Letter) -> String {
    let (emoji, word) = badge(letter.status);
    let text = format!("{emoji} {word}: {}", letter.headline);
    escaped(text.trim(), NOTIFICATION_MAX)
}

/// The whole message without a layout, for when Slack does not take the layout.
pub(super) fn bare(letter: &Letter, mentions: &[String], why: &str) -> String {
    let mut parts = vec![notification(letter)];
    parts.extend(mention_line(mentions));
    let why = escaped(why, 80);
    parts.push(format!("(Slack did not take this message's layout: {why})"));
    let used: usize = parts.iter().map(|part| part.chars().count() + 1).sum();
    let room = TEXT_MAX.saturating_sub(used);
    let said: Vec<(String, u64)> = sayings(letter)
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| (cut(text, LINE_MAX), 1))
        .collect();
    parts.push(escaped(&lines(&said, 0, room), room));
    parts.join("\n")
}

/// All it says, what must not be cut off first.
fn sayings(letter: &Letter) -> Vec<String> {
    let links = letter.links.iter();
    let facts = letter.facts.iter();
    let lists = [&letter.done, &letter.next, &letter.advice];
    let mut said = letter.notes.clone();
    said.extend(letter.items.iter().map(|item| format!("• {}", line(item))));
    said.extend(links.map(|link| format!("{}: {}", link.label, link.url)));
    said.extend([letter.footer.clone(), format!("id {}", letter.id)]);
    said.extend(lists.into_iter().flatten().cloned());
    said.extend(facts.map(|(label, value)| format!("{label}: {value}")));
    said.extend(letter.units.iter().map(|group| game(group).0));
    said
}

/// One alert in one line.
pub(super) fn line(item: &Item) -> String {
    let (emoji, word) = badge(item.status);
    format!(
        "{emoji} {word}: {} ({}): {}",
        item.title, item.change, item.text
    )
}

/// Slack's own form of calling someone. Ids come from the configuration; what is none is left out.
pub(super) fn mention_line(mentions: &[String]) -> Option<String> {
    let is_id = |id: &&String| {
        (2..=30).contains(&id.len())
            && id.starts_with(['U', 'W'])
            && id
                .chars()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
    };
    let ids: BTreeSet<&String> = mentions.iter().filter(is_id).collect();
    let calls: Vec<String> = ids
        .into_iter()
        .take(MENTIONS_MAX)
        .map(|id| format!("<@{id}>"))
        .collect();
    (!calls.is_empty()).then(|| calls.join(" "))
}

/// One game's units in one line, and how many of them it names.
pub(super) fn game(group: &UnitGroup) -> (String, u64) {
    let names: Vec<String> = group
        .units
        .iter()
        .take(NAMES_A_GAME_MAX)
        .map(|name| cut(name, NAME_MAX))
        .collect();
    let more = if group.units.len() > names.len() {
        ", …"
    } else {
        ""
    };
    let line = format!(
        "• {}: {}{more}",
        cut(&group.game, NAME_MAX),
        names.join(", ")
    );
    (line, names.len() as u64)
}
