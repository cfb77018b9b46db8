//! Small words that every message shares: instants in both zones, lengths of time, percent, one and many, commands.
//!
//! Sentences about a night or an alert do not belong here.

use chrono::TimeDelta;

use super::Zones;
use crate::domain::{
    Instant,
    ids::{GameDate, RunKey},
};

/// How instants are told to the readers of one message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// The readers' zones; `None`: UTC, as for the service itself.
    pub zones: Option<Zones>,
    /// The day the message is about: an instant on another day is told with its date.
    pub date: Option<GameDate>,
}

impl Times {
    /// An instant in every zone: `06:02 PST / 09:02 EST`, with the date where it is not the message's day.
    pub fn at(&self, at: Instant) -> String {
        let Some(zones) = self.zones else {
            return at.format("%Y-%m-%d %H:%M UTC").to_string();
        };
        let (schedule, calendar) = (zones.schedule, zones.calendar);
        let days = [schedule.date(at), calendar.date(at)];
        let times = [schedule.time_text(at), calendar.time_text(at)];
        let [first, second] = times;
        let usual = |day: GameDate| self.date == Some(day);
        let first_dated = match usual(days[0]) && usual(days[1]) {
            true => first.clone(),
            false => format!("{} {first}", days[0]),
        };
        match (days[0] == days[1], first == second) {
            (true, true) => first_dated,
            (true, false) => format!("{first_dated} / {second}"),
            (false, _) => format!("{first_dated} / {} {second}", days[1]),
        }
    }

    /// An instant with how far it is from `now`: `07:00 PST / 10:00 EST, in 58 min`.
    pub fn counted(&self, at: Instant, now: Instant) -> String {
        format!("{}, {}", self.at(at), countdown(at, now))
    }
}

/// How far an instant is from `now`, rounded down: `in 58 min`, `41 min ago`, `now` within a second.
pub fn countdown(at: Instant, now: Instant) -> String {
    let distance = at - now;
    match distance.num_seconds() {
        0 => "now".to_owned(),
        1.. => format!("in {}", length(distance)),
        _ => format!("{} ago", length(distance)),
    }
}

/// A length of time, rounded down and without its sign: `45 s`, `12 min`, `1 h 05 min`.
pub fn length(length: TimeDelta) -> String {
    let seconds = length.num_seconds().abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number of seconds as a length of time; what is no number, or longer than any time there is, is 0.
pub fn seconds(seconds: f64) -> String {
    length(TimeDelta::try_milliseconds((seconds * 1e3) as i64).unwrap_or_default())
}

/// A part of a whole in whole percent; less than all is never 100 %, more than nothing never 0 %. `None` of nothing.
pub fn percent(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| ratio(part as f64 / whole as f64))
}

/// A ratio in whole percent; below 1 it is never 100 %, above 0 never 0 %.
pub fn ratio(ratio: f64) -> String {
    let percent = (ratio * 100.0).round();
    match percent {
        low if low < 1.0 && ratio > 0.0 => "under 1 %".to_owned(),
        high if high >= 100.0 && ratio < 1.0 => "over 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// So many of them: `1 player`, `2 players`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {}", counted_noun(count, noun))
}

/// The noun as it stands behind such a count.
pub fn counted_noun(count: u64, noun: &str) -> String {
    match count {
        1 => noun.to_owned(),
        _ => plural(noun),
    }
}

/// The plural of an English noun that has a regular one.
pub fn plural(noun: &str) -> String {
    let hisses = ["s", "x", "z", "ch", "sh"].iter();
    if hisses.into_iter().any(|end| noun.ends_with(end)) {
        return format!("{noun}es");
    }
    let stem = noun.strip_suffix('y').filter(|stem| {
        let before = stem.chars().next_back();
        before.is_some_and(|letter| !"aeiou".contains(letter))
    });
    match stem {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    }
}

/// The arguments by which a command knows the night.
pub fn night_arguments(key: &RunKey) -> String {
    format!(
        "--game-date {} --handoff {}",
        key.game_date,
        argument(key.handoff.as_str())
    )
}

/// A text as one argument of a shell command.
pub fn argument(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// The text on one line, without what steers a terminal or turns the direction of reading: it may hold the words of
/// others.
pub fn tidy(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| !steers(*letter)).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn steers(letter: char) -> bool {
    let control = letter.is_control() && !letter.is_whitespace();
    let direction = matches!(
        letter,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    control || direction
}

/// The text with its first letter in lower case.
pub fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
