//! One message laid out for Slack, for a phone first. Slack's limits hold by construction, whatever the letter says.
//!
//! Words belong to `render`, what Slack makes of characters to `text`.

use slack_morphism::{
    SlackActionId,
    blocks::{
        SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
        SlackBlockMarkDownText, SlackContextBlock, SlackContextBlockElement, SlackHeaderBlock,
        SlackSectionBlock,
    },
};

use super::{
    text::{Run, commands, cut, lines, paragraph, plain},
    words::{NAMES_A_GAME_MAX, badge, game, line, mention_line},
};
use crate::render::{
    letter::{Item, Letter, Link, Table, UnitGroup},
    sentence,
};

// Slack's limits: <https://docs.slack.dev/reference/block-kit/blocks>, below them where a phone shows less.
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3000;
const BUTTON_MAX: usize = 75;
const URL_MAX: usize = 3000;
const HEADLINE_MAX: usize = 1000;
const ITEM_MAX: usize = 700;
const LIST_MAX: usize = 1500;
const UNITS_MAX: usize = 2000;
const FIELD_MAX: usize = 300;
const CONTEXT_MAX: usize = 1000;

const ITEMS_MAX: usize = 10;
/// Slack takes ten a section.
const FACTS_MAX: usize = 8;
const NOTES_MAX: usize = 8;
const LINKS_MAX: usize = 5;

/// The layout of a letter; `mentions` are member ids of those to be called.
pub(super) fn blocks(letter: &Letter, mentions: &[String]) -> Vec<SlackBlock> {
    let (emoji, word) = badge(letter.status);
    let mut blocks = vec![header(&format!("{emoji} {word} · {}", letter.subject))];
    blocks.extend(mention_line(mentions).map(|text| {
        SlackSectionBlock::new()
            .with_text(SlackBlockMarkDownText::new(text).into())
            .into()
    }));
    blocks.extend(section(&[Run::Bold(&letter.headline)], HEADLINE_MAX));
    blocks.extend(notes(&letter.notes));
    blocks.extend(items(letter));
    blocks.extend(fields(&letter.facts));
    blocks.extend(units(&letter.units, letter.units_unnamed));
    blocks.extend(list("Done already", &letter.done));
    blocks.extend(list("What happens next", &letter.next));
    blocks.extend(list("What you can do", &letter.advice));
    blocks.extend(letter.table.as_ref().and_then(table));
    blocks.extend(buttons(&letter.links));
    blocks.extend(context(&footer(letter)));
    blocks
}

fn footer(letter: &Letter) -> Vec<String> {
    let mut texts = vec![letter.footer.clone()];
    if !letter.footer.contains(&letter.id) {
        texts.push(format!("id {}", letter.id));
    }
    texts
}

/// A title.
pub(super) fn header(text: &str) -> SlackBlock {
    SlackHeaderBlock::new(plain(text, HEADER_MAX).into()).into()
}

/// A paragraph of its own; `None` if it says nothing.
pub(super) fn section(runs: &[Run<'_>], max: usize) -> Option<SlackBlock> {
    let text = paragraph(runs, max.min(SECTION_MAX))?;
    Some(SlackSectionBlock::new().with_text(text).into())
}

fn notes(notes: &[String]) -> Option<SlackBlock> {
    let notes: Vec<String> = notes.iter().map(|note| sentence(note)).collect();
    let weighted = counted(&notes, NOTES_MAX);
    let text = lines(&weighted, left_out(notes.len(), NOTES_MAX), LIST_MAX);
    section(&[Run::Italic(&text)], LIST_MAX)
}

fn items(letter: &Letter) -> Vec<SlackBlock> {
    let items = &letter.items;
    let has_button = |url: &String| letter.links.iter().any(|link| link.url == *url);
    let mut blocks = Vec::new();
    for (index, it) in items.iter().take(ITEMS_MAX).enumerate() {
        // A button beside the text takes a phone's width: one below is enough.
        let runbook = it.runbook.as_ref().filter(|url| !has_button(url));
        let button = runbook
            .and_then(|url| address(url))
            .map(|url| button(&format!("runbook-{index}"), "Runbook", url));
        blocks.extend(item(it, button));
    }
    let rest: Vec<(String, u64)> = items
        .iter()
        .skip(ITEMS_MAX)
        .map(|item| (format!("• {}", cut(&line(item), 150)), 1))
        .collect();
    blocks.extend(section(&[Run::Plain(&lines(&rest, 0, LIST_MAX))], LIST_MAX));
    blocks
}

fn item(item: &Item, runbook: Option<SlackBlockButtonElement>) -> Option<SlackBlock> {
    let (emoji, word) = badge(item.status);
    let title = format!("{emoji} {}", cut(&item.title, 100));
    let change = format!(" · {word}, {}\n", cut(&item.change, 100));
    let since = cut(&item.since, 100);
    let mut rest = format!("{}\nSince {since}", cut(&item.text, ITEM_MAX / 2));
    if let Some(acknowledged) = &item.acknowledged {
        rest += &format!("\n{}", sentence(&cut(acknowledged, 100)));
    }
    let runs = [Run::Bold(&title), Run::Plain(&change), Run::Plain(&rest)];
    let text = paragraph(&runs, ITEM_MAX)?;
    let section = SlackSectionBlock::new().with_text(text);
    Some(section.opt_accessory(runbook.map(Into::into)).into())
}

/// Numbers, each with its label: the first in two columns where there is room and in one on a phone, the others as
/// small print.
pub(super) fn fields(facts: &[(String, String)]) -> Vec<SlackBlock> {
    let field = |(label, value): &(String, String)| {
        let value = format!("\n{}", cut(value, FIELD_MAX / 2));
        let label = cut(label, FIELD_MAX / 4);
        paragraph(&[Run::Bold(&label), Run::Plain(&value)], FIELD_MAX)
    };
    let (first, others) = facts.split_at(facts.len().min(FACTS_MAX));
    let fields: Vec<_> = first.iter().filter_map(field).collect();
    let mut blocks = Vec::new();
    if !fields.is_empty() {
        blocks.push(SlackSectionBlock::new().with_fields(fields).into());
    }
    let small = |(label, value): &(String, String)| format!("{label}: {value}");
    let others: Vec<String> = others.iter().map(small).collect();
    blocks.extend(context(&[others.join(" · ")]));
    blocks
}

fn units(groups: &[UnitGroup], unnamed: u64) -> Option<SlackBlock> {
    let weighted: Vec<(String, u64)> = groups.iter().map(game).collect();
    let hidden: u64 = groups
        .iter()
        .map(|group| left_out(group.units.len(), NAMES_A_GAME_MAX))
        .sum();
    let text = lines(&weighted, unnamed + hidden, UNITS_MAX);
    if text.trim().is_empty() {
        return None;
    }
    section(
        &[
            Run::Bold("Still needing work"),
            Run::Plain(&format!("\n{text}")),
        ],
        UNITS_MAX + 40,
    )
}

/// A title with a line each.
pub(super) fn list(title: &str, texts: &[String]) -> Option<SlackBlock> {
    let texts: Vec<(String, u64)> = texts
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| (format!("• {}", cut(text, FIELD_MAX)), 1))
        .collect();
    if texts.is_empty() {
        return None;
    }
    let text = format!("\n{}", lines(&texts, 0, LIST_MAX));
    let mut runs = vec![Run::Bold(title)];
    runs.extend(commands(&text));
    section(&runs, LIST_MAX + 40)
}

/// A row a line: a phone has no room for columns.
fn table(table: &Table) -> Option<SlackBlock> {
    let row = |cells: &Vec<String>| {
        let mut named = cells.iter().zip(&table.head);
        let first = named
            .next()
            .map(|(cell, _)| cell.clone())
            .unwrap_or_default();
        let rest: Vec<String> = named.map(|(cell, head)| format!("{head} {cell}")).collect();
        (format!("{first}: {}", cut(&rest.join(", "), FIELD_MAX)), 1)
    };
    let rows: Vec<(String, u64)> = table.rows.iter().map(row).collect();
    section(&[Run::Plain(&lines(&rows, 0, UNITS_MAX))], UNITS_MAX)
}

/// A button a link; an address that no button can hold is left out. `None` without any.
pub(super) fn buttons(links: &[Link]) -> Option<SlackBlock> {
    let mut stands_out = false;
    let mut buttons = Vec::new();
    for (index, link) in links.iter().enumerate() {
        let Some(url) = address(&link.url) else {
            continue;
        };
        let button = button(&format!("link-{index}"), &link.label, url);
        // More than one would stand out against nothing.
        if link.primary && !stands_out {
            stands_out = true;
            buttons.push(button.with_style(SlackBlockButtonStyle::Primary).into());
        } else {
            buttons.push(button.into());
        }
        if buttons.len() == LINKS_MAX {
            break;
        }
    }
    (!buttons.is_empty()).then(|| SlackActionsBlock::new(buttons).into())
}

fn button(action: &str, label: &str, url: reqwest::Url) -> SlackBlockButtonElement {
    SlackBlockButtonElement::new(plain(label, BUTTON_MAX).into())
        .with_action_id(SlackActionId::new(action.to_owned()))
        .with_url(url)
}

fn address(text: &str) -> Option<reqwest::Url> {
    let url = reqwest::Url::parse(text).ok()?;
    let fits = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= URL_MAX;
    fits.then_some(url)
}

/// Small print, a text an element; `None` if it says nothing.
pub(super) fn context(texts: &[String]) -> Option<SlackBlock> {
    let elements: Vec<SlackContextBlockElement> = texts
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| SlackContextBlockElement::Plain(plain(text, CONTEXT_MAX)))
        .collect();
    (!elements.is_empty()).then(|| SlackContextBlock::new(elements).into())
}

fn counted(texts: &[String], max: usize) -> Vec<(String, u64)> {
    let said = texts
        .iter()
        .take(max)
        .filter(|text| !text.trim().is_empty());
    said.map(|text| (cut(text, FIELD_MAX), 1)).collect()
}

fn left_out(all: usize, shown: usize) -> u64 {
    all.saturating_sub(shown) as u64
}

#[cfg(test)]
mod tests;
