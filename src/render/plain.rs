//! A letter as plain text: for mail readers without pages, for the console and the log.
//!
//! What it says belongs to `letter`.

use super::letter::{Item, Letter, Table};

/// Columns of a line; only an address may be longer, as a broken one leads nowhere.
const WIDTH: usize = 78;

/// The letter as text; every line ends with a line break.
pub fn text(letter: &Letter) -> String {
    let mut page = Page::default();
    page.paragraph(&format!("{}: {}", letter.status.word(), letter.headline));
    page.paragraph(&letter.subject);
    page.section("Please note", &letter.notes);
    for item in &letter.items {
        page.item(item);
    }
    page.section("What you can do", &letter.advice);
    page.section("What Tipoff did", &letter.done);
    page.section("What it does next", &letter.next);
    page.facts(&letter.facts);
    page.units(letter);
    if let Some(table) = &letter.table {
        page.table(table);
    }
    for picture in &letter.pictures {
        page.paragraph(&picture.text);
    }
    page.links(letter);
    page.paragraph(&letter.footer);
    page.text
}

/// What has been written so far.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// A text behind its first characters; its later lines are indented.
    fn line(&mut self, first: &str, text: &str, indent: usize) {
        for (index, line) in lines(text, WIDTH - indent).iter().enumerate() {
            let lead = if index == 0 {
                first.to_owned()
            } else {
                " ".repeat(indent)
            };
            self.text += &format!("{}\n", format!("{lead}{line}").trim_end());
        }
    }

    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.gap();
            self.line("", text, 0);
        }
    }

    fn section(&mut self, title: &str, texts: &[String]) {
        if texts.is_empty() {
            return;
        }
        self.gap();
        self.line("", title, 0);
        for text in texts {
            self.advice(text);
        }
    }

    /// A text whose commands stand on lines of their own, so that they can be copied.
    fn advice(&mut self, text: &str) {
        for (index, part) in text.split('`').map(str::trim).enumerate() {
            match (index % 2 == 1, part.is_empty()) {
                (_, true) => {}
                (true, false) => self.line("      ", part, 6),
                (false, false) if index == 0 => self.line("- ", part, 2),
                (false, false) => self.line("  ", part, 2),
            }
        }
    }

    fn item(&mut self, item: &Item) {
        self.gap();
        let title = format!("{} {} ({})", item.status.word(), item.title, item.change);
        self.line("", &title, 2);
        self.line("  ", &item.text, 2);
        self.line("  ", &format!("Since {}", item.since), 2);
        if let Some(who) = &item.acknowledged {
            self.line("  ", &format!("Acknowledged by {who}"), 2);
        }
        if let Some(runbook) = &item.runbook {
            self.text += &format!("  {runbook}\n");
        }
    }

    fn facts(&mut self, facts: &[(String, String)]) {
        if facts.is_empty() {
            return;
        }
        self.gap();
        let label = |fact: &(String, String)| fact.0.chars().count();
        let column = facts.iter().map(label).max().unwrap_or(0) + 2;
        for (label, value) in facts {
            self.line(&format!("{:<column$}", format!("{label}:")), value, column);
        }
    }

    fn units(&mut self, letter: &Letter) {
        if letter.units.is_empty() {
            return;
        }
        self.gap();
        self.line("", "Still need work", 0);
        for group in &letter.units {
            let units = group.units.join(", ");
            self.line("- ", &format!("{}: {units}", group.game), 2);
        }
        if letter.units_unnamed > 0 {
            self.line("- ", &format!("and {} more", letter.units_unnamed), 2);
        }
    }

    /// A line a row where the table fits; else a paragraph a row.
    fn table(&mut self, table: &Table) {
        self.gap();
        let rows = || std::iter::once(&table.head).chain(&table.rows);
        let width = |column: usize| {
            let cells = rows().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..table.head.len()).map(width).collect();
        let narrow = widths.iter().sum::<usize>() + widths.len().saturating_sub(1);
        if narrow <= WIDTH {
            for row in rows() {
                let cells = row.iter().zip(&widths);
                let cells: Vec<String> = cells
                    .map(|(cell, width)| format!("{cell:<width$}"))
                    .collect();
                self.text += &format!("{}\n", cells.join(" ").trim_end());
            }
            return;
        }
        for row in &table.rows {
            let cells = table.head.iter().zip(row);
            let cells: Vec<String> = cells
                .map(|(head, cell)| format!("{head}: {cell}"))
                .collect();
            self.line("- ", &cells.join(", "), 2);
        }
    }

    fn links(&mut self, letter: &Letter) {
        let items = || letter.items.iter().filter_map(|it| it.runbook.as_ref());
        let links = letter.links.iter();
        for link in links.filter(|link| items().all(|known| *known != link.url)) {
            self.gap();
            self.line("", &format!("{}:", link.label), 0);
            self.text += &format!("{}\n", link.url);
        }
    }
}

/// The text in lines of at most `width` columns; a word that is longer than a line is broken.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for piece in text.split_whitespace().flat_map(|word| pieces(word, width)) {
        let length = piece.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        let space = if used > 0 { " " } else { "" };
        used += space.len() + length;
        if let Some(line) = lines.last_mut() {
            *line += space;
            *line += &piece;
        }
    }
    lines
}

/// The word in pieces of at most `length` letters.
fn pieces(word: &str, length: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let pieces = letters.chunks(length);
    pieces.map(|piece| piece.iter().collect()).collect()
}
