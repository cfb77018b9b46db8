//! A night shifted to every hour of a UTC day, summer and winter.

use chrono::{DurationRound, NaiveTime, TimeDelta};
use rstest::rstest;

use super::Shift;
use crate::{
    demo::{night::Night, slate::Slate},
    domain::{
        Instant,
        calendar::{self, Expectation},
        ids::GameDate,
        policy::Policy,
        zone::Zone,
    },
};

const DAY_SECONDS: i64 = 86_400;

fn night() -> GameDate {
    Night::designed().game_date
}

/// Every quarter of an hour of a day, and its last second.
fn deadlines(day: &str) -> impl Iterator<Item = Instant> {
    let midnight: Instant = format!("{day}T00:00:00Z").parse().unwrap();
    (0..DAY_SECONDS)
        .step_by(900)
        .chain([DAY_SECONDS - 1])
        .map(move |seconds| midnight + TimeDelta::seconds(seconds))
}

fn shifted(deadline_at: Instant) -> (Shift, Policy) {
    let built_in = Policy::phase4_to_phase5();
    let shift = Shift::to(deadline_at, night(), &built_in);
    (shift, shift.policy(&built_in))
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

#[rstest]
#[case("2026-01-19")]
#[case("2026-07-04")]
#[case("2026-03-08")]
fn the_deadline_falls_where_it_is_wanted_and_reads_seven_and_ten_at_any_hour(#[case] day: &str) {
    for deadline_at in deadlines(day) {
        let (shift, policy) = shifted(deadline_at);
        let instants = policy.instants(shift.game_date);
        assert_eq!(instants.deadline_at, deadline_at);
        let schedule = policy.schedule.zone.local(deadline_at);
        let calendar = policy.calendar_zone.local(deadline_at);
        assert_eq!(schedule.time(), time("07:00:00"), "{deadline_at}");
        assert_eq!(calendar.time(), time("10:00:00"), "{deadline_at}");
    }
}

#[test]
fn from_opening_to_deadline_it_stays_one_date_in_the_calendars_zone() {
    for deadline_at in deadlines("2026-01-19") {
        let (shift, policy) = shifted(deadline_at);
        let opens_at = policy.instants(shift.game_date).opens_at;
        assert!(opens_at < deadline_at);
        for at in [opens_at, deadline_at] {
            let date = calendar::game_date(at, &policy.calendar_zone);
            assert_eq!(date, shift.game_date, "{at} of {deadline_at}");
        }
        assert_eq!(policy.schedule.zone.date(deadline_at), shift.game_date);
    }
}

#[test]
fn every_time_of_the_night_keeps_its_distance_from_the_deadline() {
    let built_in = Policy::phase4_to_phase5();
    let before = built_in.instants(night());
    for deadline_at in deadlines("2026-01-19") {
        let (shift, policy) = shifted(deadline_at);
        let after = policy.instants(shift.game_date);
        let to_deadline = |ats: &[Instant], end: Instant| -> Vec<TimeDelta> {
            ats.iter().map(|at| end - *at).collect()
        };
        assert_eq!(
            to_deadline(&after.backups_at, after.deadline_at),
            to_deadline(&before.backups_at, before.deadline_at)
        );
        assert_eq!(
            to_deadline(&after.retries_at, after.deadline_at),
            to_deadline(&before.retries_at, before.deadline_at)
        );
        assert_eq!(
            after.deadline_at - after.opens_at,
            before.deadline_at - before.opens_at
        );
        assert_eq!(after.deadline_at - before.deadline_at, shift.by);
    }
}

#[test]
fn a_shifted_zone_is_one_that_the_store_can_keep() {
    for deadline_at in deadlines("2026-01-19") {
        let (_, policy) = shifted(deadline_at);
        for zone in [policy.schedule.zone, policy.calendar_zone] {
            let text = serde_json::to_string(&zone).unwrap();
            assert_eq!(serde_json::from_str::<Zone>(&text).unwrap(), zone, "{text}");
        }
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }
}

#[test]
fn a_deadline_between_two_seconds_is_kept_to_the_second() {
    let deadline_at: Instant = "2026-01-19T17:21:33.123456Z".parse().unwrap();
    let (shift, policy) = shifted(deadline_at);
    let whole = deadline_at.duration_trunc(TimeDelta::seconds(1)).unwrap();
    assert_eq!(policy.instants(shift.game_date).deadline_at, whole);
}

#[test]
fn the_season_says_of_the_new_date_what_it_said_of_the_night() {
    let (shift, _) = shifted("2026-01-19T20:00:00Z".parse().unwrap());
    for expectation in [Expectation::Games, Expectation::NoGames] {
        let season = shift.season(expectation).unwrap();
        assert_eq!(season.expectation(shift.game_date), expectation);
    }
    assert_eq!(shift.season(Expectation::Unknown), None);
}

#[test]
fn the_tables_and_the_upstream_move_with_the_night() {
    let deadline_at: Instant = "2026-01-19T20:00:00Z".parse().unwrap();
    let (shift, policy) = shifted(deadline_at);
    let before = Slate::generate(Night::designed(), 1);
    let after = shift.slate(before.clone());
    assert!(!after.contexts.is_empty() && !after.features.is_empty());
    let dates = after.contexts.iter().map(|row| row.game_date);
    let mut dates = dates.chain(after.features.iter().map(|row| row.game_date));
    assert!(dates.all(|date| date == shift.game_date));
    for (old, new) in before.features.iter().zip(&after.features) {
        assert_eq!(new.updated_at - old.updated_at, shift.by);
    }
    let (old, new) = (before.upstream.unwrap(), after.upstream.unwrap());
    assert_eq!(new.game_date, shift.game_date);
    assert_eq!(new.started_at - old.started_at, shift.by);
    assert_eq!(new.finished_at - old.finished_at, shift.by);
    assert!(new.finished_at < deadline_at);
    assert!(new.started_at < new.finished_at);
    assert!(policy.instants(shift.game_date).opens_at < new.finished_at);
}
