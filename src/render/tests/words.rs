//! Tests of small words: instants, lengths, percent, one and many.

use chrono::TimeDelta;

use super::world::{at, date, eastern, pacific};
use crate::render::{
    Zones,
    words::{
        Times, argument, countdown, counted, length, lower, percent, plural, ratio, seconds, tidy,
    },
};

fn times(day: &str) -> Times {
    Times {
        zones: Some(Zones {
            schedule: pacific(),
            calendar: eastern(),
        }),
        date: Some(date(day)),
    }
}

#[test]
fn an_instant_is_told_in_both_zones_and_with_its_date_where_it_is_not_the_nights_day() {
    let told = |instant: &str| times("2026-01-11").at(at(instant));
    assert_eq!(told("2026-01-11T14:02:00Z"), "06:02 PST / 09:02 EST");
    assert_eq!(
        told("2026-01-12T14:02:00Z"),
        "2026-01-12 06:02 PST / 09:02 EST"
    );
    assert_eq!(
        told("2026-01-12T06:30:00Z"),
        "22:30 PST / 2026-01-12 01:30 EST".replace("22:30", "2026-01-11 22:30")
    );
}

#[test]
fn one_zone_is_told_once_and_no_zone_means_utc_with_its_date() {
    let one = Times {
        zones: Some(Zones {
            schedule: pacific(),
            calendar: pacific(),
        }),
        date: Some(date("2026-01-11")),
    };
    assert_eq!(one.at(at("2026-01-11T14:02:00Z")), "06:02 PST");
    let none = Times {
        zones: None,
        date: None,
    };
    assert_eq!(none.at(at("2026-01-11T14:02:00Z")), "2026-01-11 14:02 UTC");
}

#[test]
fn the_spring_and_autumn_clock_changes_are_told_by_the_zones_names() {
    let spring = times("2026-03-08");
    assert_eq!(
        spring.at(at("2026-03-08T09:59:00Z")),
        "01:59 PST / 05:59 EDT"
    );
    assert_eq!(
        spring.at(at("2026-03-08T10:00:00Z")),
        "03:00 PDT / 06:00 EDT"
    );
    let autumn = times("2026-11-01");
    assert_eq!(
        autumn.at(at("2026-11-01T08:30:00Z")),
        "01:30 PDT / 03:30 EST"
    );
    assert_eq!(
        autumn.at(at("2026-11-01T09:30:00Z")),
        "01:30 PST / 04:30 EST"
    );
}

#[test]
fn a_countdown_is_rounded_down_in_both_directions() {
    let now = at("2026-01-11T14:02:00Z");
    let told = |seconds: i64| countdown(now + TimeDelta::seconds(seconds), now);
    assert_eq!(told(58 * 60 + 59), "in 58 min");
    assert_eq!(told(-41 * 60 - 59), "41 min ago");
    assert_eq!(told(0), "now");
    assert_eq!(countdown(now + TimeDelta::milliseconds(400), now), "now");
    assert_eq!(told(1), "in 1 s");
    assert_eq!(told(-3_900), "1 h 05 min ago");
}

#[test]
fn lengths_have_the_unit_they_are_worth() {
    for (given, told) in [
        (0, "0 s"),
        (45, "45 s"),
        (59, "59 s"),
        (60, "1 min"),
        (725, "12 min"),
        (3_599, "59 min"),
        (3_600, "1 h 00 min"),
        (3_900, "1 h 05 min"),
        (100_000, "27 h 46 min"),
    ] {
        assert_eq!(length(TimeDelta::seconds(given)), told);
        assert_eq!(seconds(given as f64), told);
    }
    // What is no number, or beyond all range, does not panic.
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300] {
        assert!(!seconds(odd).is_empty());
    }
}

#[test]
fn percent_never_rounds_up_to_all_or_down_to_nothing() {
    assert_eq!(percent(78, 218).as_deref(), Some("36 %"));
    assert_eq!(percent(217, 218).as_deref(), Some("over 99 %"));
    assert_eq!(percent(218, 218).as_deref(), Some("100 %"));
    assert_eq!(percent(1, 1_000).as_deref(), Some("under 1 %"));
    assert_eq!(percent(0, 218).as_deref(), Some("0 %"));
    assert_eq!(percent(1, 0), None);
    assert_eq!(ratio(0.954), "95 %");
    assert_eq!(ratio(1.1), "110 %");
}

#[test]
fn one_and_many_are_told_apart() {
    assert_eq!(counted(1, "player"), "1 player");
    assert_eq!(counted(0, "player"), "0 players");
    assert_eq!(counted(2, "player"), "2 players");
    for (one, many) in [
        ("ticker", "tickers"),
        ("match", "matches"),
        ("box", "boxes"),
        ("entity", "entities"),
        ("key", "keys"),
        ("bus", "buses"),
        ("y", "ys"),
        ("", "s"),
    ] {
        assert_eq!(plural(one), many);
    }
}

#[test]
fn an_argument_is_quoted_where_a_shell_would_read_it_otherwise() {
    assert_eq!(argument("phase4-to-phase5"), "phase4-to-phase5");
    assert_eq!(argument("two words"), "'two words'");
    assert_eq!(argument("o'neal; rm"), "'o'\"'\"'neal; rm'");
    assert_eq!(argument(""), "''");
}

#[test]
fn words_of_others_neither_break_lines_nor_steer_a_terminal_nor_turn_the_direction() {
    assert_eq!(tidy("two\r\nlines\tand  more"), "two lines and more");
    assert_eq!(tidy("red\u{1b}[31m\u{7}"), "red[31m");
    assert_eq!(tidy("a\u{202e}b\u{2066}c\u{200f}d"), "abcd");
    assert_eq!(tidy("ñandú 🏀 o'neal/2"), "ñandú 🏀 o'neal/2");
    assert_eq!(lower("Éa B"), "éa B");
    assert_eq!(lower(""), "");
}
