//! Takes out of a letter what its words may have brought in: line breaks, controls, turned directions of reading.
//!
//! Escaping for a layout belongs to the layout.

use super::{Item, Letter, Table};
use crate::render::words::tidy;

/// The letter with every text for people on one line. Ids, threads and addresses stay as they are.
pub fn tidied(letter: Letter) -> Letter {
    Letter {
        subject: tidy(&letter.subject),
        headline: tidy(&letter.headline),
        notes: all(&letter.notes),
        items: letter.items.iter().map(item).collect(),
        facts: letter
            .facts
            .iter()
            .map(|(label, value)| (tidy(label), tidy(value)))
            .collect(),
        done: all(&letter.done),
        next: all(&letter.next),
        advice: all(&letter.advice),
        footer: tidy(&letter.footer),
        table: letter.table.as_ref().map(|table| Table {
            head: all(&table.head),
            rows: table.rows.iter().map(|row| all(row)).collect(),
        }),
        units: letter
            .units
            .iter()
            .map(|group| super::UnitGroup {
                game: tidy(&group.game),
                units: all(&group.units),
            })
            .collect(),
        ..letter
    }
}

fn all(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| tidy(text)).collect()
}

fn item(item: &Item) -> Item {
    Item {
        status: item.status,
        change: tidy(&item.change),
        title: tidy(&item.title),
        text: tidy(&item.text),
        since: tidy(&item.since),
        acknowledged: item.acknowledged.as_deref().map(tidy),
        runbook: item.runbook.clone(),
    }
}
