//! What people read: a night's story and its alerts as text. Pure: the same values give the same text.
//!
//! Sending it belongs to `channels`, deciding what is worth saying to `domain`.

pub mod alert;
pub mod letter;
pub mod runbooks;
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

/// Breaks a text into lines of at most `width` characters, the later ones indented. A single longer word stays whole;
/// characters that steer a terminal are left out, as texts hold the words of others.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let steers = |letter: char| letter.is_control() && !letter.is_whitespace();
    let text: String = text.chars().filter(|letter| !steers(*letter)).collect();
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
    use super::{Zones, sentence, wrap};

    #[test]
    fn an_instant_is_told_in_the_schedules_zone_first() {
        let zones = Zones {
            schedule: "America/Los_Angeles".parse().unwrap(),
            calendar: "America/New_York".parse().unwrap(),
        };
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(
            zones.both(at("2026-01-19T15:00:00Z")),
            "07:00 PST / 10:00 EST"
        );
        assert_eq!(
            zones.both(at("2026-07-19T14:00:00Z")),
            "07:00 PDT / 10:00 EDT"
        );
    }

    #[test]
    fn a_long_text_is_broken_between_words_and_indented() {
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("incomprehensibilities", 5, 2), "incomprehensibilities");
        assert_eq!(wrap("", 5, 2), "");
        assert_eq!(wrap("a\tb\r\nc\u{1b}[2J", 9, 2), "a b c[2J");
    }

    #[test]
    fn a_sentence_begins_with_a_capital_also_beyond_ascii() {
        assert_eq!(sentence("all is well"), "All is well");
        assert_eq!(sentence("éa"), "Éa");
        assert_eq!(sentence(""), "");
    }
}
