//! Tests of summaries and tests of a channel: one night, one week.

use chrono::TimeDelta;

use super::world;
use crate::{
    domain::{
        alert::{Change, Kind, Severity},
        run::State,
        sla::Verdict,
    },
    ports::notice::{About, Content, Notice, Parcel, Week},
    render::{
        letter::{Letter, Status},
        plain,
    },
};

fn of(parcel: &Parcel) -> Letter {
    Letter::of(parcel, parcel.notices[0].at)
}

fn fact<'a>(letter: &'a Letter, label: &str) -> Option<&'a str> {
    let facts = letter.facts.iter();
    facts
        .filter(|fact| fact.0 == label)
        .map(|fact| fact.1.as_str())
        .next()
}

#[test]
fn a_test_says_who_asked_and_that_nothing_is_wrong() {
    let letter = of(&world::parcel(vec![Notice {
        id: "service/9/0".to_owned(),
        about: About::Service,
        at: world::deadline(),
        content: Content::Test {
            by: "otto".to_owned(),
        },
    }]));
    assert_eq!(letter.subject, "tipoff test of this channel");
    assert_eq!(letter.status, Status::Test);
    assert_eq!(
        letter.headline,
        "otto asked for this test of the channel; nothing is wrong"
    );
}

#[test]
fn the_nights_summary_leads_with_its_verdict() {
    let headline = |change: fn(&mut crate::domain::run::Snapshot)| {
        let mut night = world::bad_night();
        change(&mut night);
        of(&world::daily(night)).headline
    };
    assert_eq!(
        headline(|_| {}),
        "Promise broken: 140 of 218 ready players still need work"
    );
    assert_eq!(
        headline(|night| {
            night.verdict = Some(Verdict::Met);
            night.completed_at = Some(world::deadline() - TimeDelta::minutes(48));
        }),
        "Promise met: complete at 06:12 PST / 09:12 EST, 48 min before the deadline"
    );
    assert_eq!(
        headline(|night| night.completed_at = Some(world::deadline() + TimeDelta::minutes(9))),
        "Promise broken: complete at 07:09 PST / 10:09 EST, 9 min after the deadline"
    );
    assert_eq!(
        headline(|night| {
            night.verdict = Some(Verdict::Met);
            night.completed_at = Some(world::deadline());
            night.confirmed = Some(false);
        }),
        "Promise met: complete at 07:00 PST / 10:00 EST, exactly at the deadline; the tables have not confirmed it"
    );
    assert_eq!(
        headline(|night| {
            night.verdict = None;
            night.state = State::NotExpected;
        }),
        "No games"
    );
    assert!(headline(|night| night.verdict = Some(Verdict::Judging)).contains("not fallen yet"));
}

#[test]
fn the_nights_summary_tells_every_alert_open_ones_first_and_those_worth_knowing_too() {
    let mut night = world::bad_night();
    let over = world::told(Change::Resolved, world::breach()).alert;
    let info = world::alert(
        Kind::ReadinessGap,
        Severity::Info,
        "106 of 324 are not ready",
    );
    night.alerts = vec![over, info];
    let letter = of(&world::daily(night));
    assert_eq!(letter.subject, "2026-01-11 phase4-to-phase5: night summary");
    assert_eq!(letter.status, Status::Summary);
    let told: Vec<(&str, &str)> = letter
        .items
        .iter()
        .map(|item| (item.title.as_str(), item.change.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("Readiness gap", "still open"),
            ("Deadline breached", "over after 12 min")
        ]
    );
}

#[test]
fn the_weeks_summary_has_a_row_a_night_and_stands_beside_the_four_weeks_before() {
    let letter = of(&world::weekly(world::week()));
    assert_eq!(
        letter.subject,
        "2026-01-05 to 2026-01-11 phase4-to-phase5: week"
    );
    assert_eq!(
        letter.headline,
        "4 of 6 nights met the promise (24 of 24 in the four weeks before)"
    );
    let table = letter.table.as_ref().unwrap();
    assert_eq!(table.rows.len(), 6);
    assert!(table.rows.iter().all(|row| row.len() == table.head.len()));
    assert_eq!(
        table.rows[5],
        [
            "Sun 11",
            "breached",
            "catch-up",
            "2 h 55 min",
            "200",
            "78",
            "39 %",
            "122",
            "1"
        ]
    );
    assert_eq!(table.rows[3][2..4], ["–", "–"]);
    assert_eq!(
        fact(&letter, "Nights met"),
        Some("4 of 6; four weeks before: 24 of 24")
    );
    assert_eq!(
        fact(&letter, "Median start latency"),
        Some("2 min; four weeks before: 3 min (promised: under 5 min)")
    );
    assert_eq!(fact(&letter, "Without games"), Some("1 date"));
    assert_eq!(
        fact(&letter, "Alerts"),
        Some("1, of these 1 critical and 1 still open")
    );
    let text = plain::text(&letter);
    assert!(
        text.lines()
            .any(|line| line.starts_with("Sun 11 breached catch-up")),
        "{text}"
    );
}

#[test]
fn a_week_without_samples_says_so_instead_of_a_number() {
    let week = Week {
        nights: vec![world::figures("2026-01-05", None, 0)],
        before: Vec::new(),
        ..world::week()
    };
    let letter = of(&world::weekly(week));
    assert_eq!(letter.headline, "0 of 1 night met the promise");
    assert_eq!(
        fact(&letter, "Median start latency"),
        Some(
            "no night with a latency; four weeks before: no night with a latency (promised: under 5 min)"
        )
    );
    assert!(letter.pictures.is_empty());
    let empty = Week {
        nights: Vec::new(),
        ..world::week()
    };
    let letter = of(&world::weekly(empty));
    assert_eq!(letter.headline, "A week without games");
    assert!(letter.table.is_none() && letter.pictures.is_empty());
}

#[test]
fn the_median_of_an_even_number_is_between_both_in_the_middle() {
    let nights = [60.0, 120.0, 240.0, 600.0].map(|it| world::figures("2026-01-05", Some(it), 200));
    let week = Week {
        nights: nights.to_vec(),
        ..world::week()
    };
    let letter = of(&world::weekly(week));
    assert!(
        fact(&letter, "Median start latency")
            .unwrap()
            .starts_with("3 min;")
    );
}
