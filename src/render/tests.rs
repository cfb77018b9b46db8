//! Tests of what people read; the nights they are about are in `world`.

mod kinds;
mod letters;
mod page;
mod pictures;
mod samples;
mod summaries;
mod way;
mod words;
mod world;

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
