//! What people read: a night's story and its alerts as text. Pure: the same values give the same text.
//!
//! Sending it belongs to `channels`, deciding what is worth saying to `domain`.

pub mod alert;
pub mod chart;
pub mod html;
pub mod kinds;
pub mod letter;
pub mod plain;
pub mod runbooks;
pub mod story;
pub mod words;

use crate::domain::{Instant, zone::Zone};

/// The two zones that people of a handoff read: the schedule's and the calendar's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zones {
    /// The schedule's, named first.
    pub schedule: Zone,
    /// The calendar's.
    pub calendar: Zone,
}

impl Zones {
    /// An instant in both zones: `07:00 PST / 10:00 EST`.
    pub fn both(&self, at: Instant) -> String {
        format!(
            "{} / {}",
            self.schedule.time_text(at),
            self.calendar.time_text(at)
        )
    }
}

/// Breaks a text into lines of at most `width` characters, the later ones indented. A single longer word stays whole;
/// characters that steer a terminal are left out, as texts hold the words of others.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let steers = |letter: char| letter.is_control() && !letter.is_whitespace();
    let text: String = text.chars().filter(|letter| !steers(*letter)).collect();
    lay_out(text.split_whitespace(), width, indent)
}

/// Lays pieces one behind the other into lines of at most `width` characters, the later lines indented; none is divided.
pub fn lay_out<'a>(pieces: impl Iterator<Item = &'a str>, width: usize, indent: usize) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in pieces {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// The text with its first letter in upper case.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
