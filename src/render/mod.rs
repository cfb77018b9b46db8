//! What people read: a night's story and its alerts as text. Pure: the same values give the same text.
//!
//! Sending it belongs to `channels`, deciding what is worth saying to `domain`.

pub mod alert;
pub mod story;

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

/// Breaks a text into lines of at most `width` characters, the later ones indented.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
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
mod tests {
    use super::{sentence, wrap};

    #[test]
    fn a_long_text_is_broken_between_words_and_indented() {
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("incomprehensibilities", 5, 2), "incomprehensibilities");
        assert_eq!(wrap("", 5, 2), "");
    }

    #[test]
    fn a_sentence_begins_with_a_capital_also_beyond_ascii() {
        assert_eq!(sentence("all is well"), "All is well");
        assert_eq!(sentence("éa"), "Éa");
        assert_eq!(sentence(""), "");
    }
}
