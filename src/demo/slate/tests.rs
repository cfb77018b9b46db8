//! Generated nights, asked of a real embedded warehouse as the engine asks.
//!
//! The rules by which figures are filled are tested with them.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use tempfile::TempDir;

use super::{MIN_MINUTES, Slate};
use crate::{
    demo::{
        night::Night,
        upstream::{FINAL_PROCESSOR, Upstream},
    },
    domain::{ids::GameDate, plan::ListedUnit, readiness::Readiness},
    ports::{Page, Scope, Warehouse},
    sinks::local::{Fate, Override},
    warehouse::EmbeddedWarehouse,
};

struct Asked {
    slate: Slate,
    before: Readiness,
    readiness: Readiness,
    units: Vec<ListedUnit>,
}

async fn ask(date: &str) -> Asked {
    let game_date = GameDate(date.parse().unwrap());
    let slate = Slate::generate(Night::find(game_date).unwrap(), 7);
    let directory = TempDir::new().unwrap();
    let warehouse = EmbeddedWarehouse::open(directory.path()).await.unwrap();
    let day_start = game_date.0.and_hms_opt(0, 0, 0).unwrap().and_utc();
    let scope = Scope {
        game_date,
        processor_names: vec![FINAL_PROCESSOR.into()],
        fresh_since: day_start - TimeDelta::hours(9),
        min_minutes: MIN_MINUTES,
    };
    slate.put_listing(&warehouse).await.unwrap();
    let before = warehouse.readiness(&scope).await.unwrap();
    // Twice, as after a restart: nothing may double.
    slate.put_finished(&warehouse).await.unwrap();
    slate.put_finished(&warehouse).await.unwrap();
    let readiness = warehouse.readiness(&scope).await.unwrap();
    let page = Page {
        after: None,
        limit: 1000,
    };
    let units = warehouse.ready_units(&scope, page).await.unwrap();
    Asked {
        slate,
        before,
        readiness,
        units,
    }
}

fn fates(slate: &Slate, wanted: impl Fn(&Override) -> bool) -> usize {
    slate
        .behaviour
        .overrides
        .values()
        .filter(|given| wanted(given))
        .count()
}

#[test]
fn an_upstream_moved_to_another_instant_takes_its_rows_along() {
    let night = Night::find(GameDate("2025-12-30".parse().unwrap())).unwrap();
    let mut slate = Slate::generate(night, 7);
    let (rows, upstream) = (slate.features.clone(), slate.upstream.clone().unwrap());
    let by = TimeDelta::hours(6);
    slate.finish_upstream(upstream.finished_at + by);
    let moved = slate.upstream.clone().unwrap();
    assert_eq!(moved.finished_at, upstream.finished_at + by);
    assert_eq!(moved.started_at, upstream.started_at + by);
    for (before, after) in rows.iter().zip(&slate.features) {
        assert_eq!(after.updated_at, before.updated_at + by);
    }
    let date = GameDate("2026-02-13".parse().unwrap());
    let mut empty = Slate::generate(Night::find(date).unwrap(), 7);
    empty.finish_upstream(upstream.finished_at);
    assert_eq!(empty.upstream, None, "without games there is none to move");
}

#[tokio::test]
async fn a_date_without_games_has_nothing_in_its_tables() {
    let asked = ask("2026-02-13").await;
    assert_eq!(asked.slate.upstream, None);
    assert_eq!(
        (asked.readiness.expected, asked.readiness.feature_rows),
        (0, 0)
    );
    assert!(asked.readiness.games.is_empty());
}

#[tokio::test]
async fn the_designed_night_has_450_listed_and_420_ready_that_all_answer() {
    let asked = ask("2025-11-28").await;
    assert_eq!(asked.before.upstream_finished_at, None);
    assert_eq!((asked.before.expected, asked.before.feature_rows), (450, 0));
    let readiness = &asked.readiness;
    assert_eq!((readiness.expected, readiness.filtered), (450, 0));
    assert_eq!(
        (readiness.feature_rows, readiness.ready, readiness.stale),
        (450, 420, 0)
    );
    assert_eq!((asked.units.len(), readiness.games.len()), (420, 13));
    assert!(asked.slate.behaviour.overrides.is_empty());
    let upstream = asked.slate.upstream.unwrap();
    assert_eq!(readiness.upstream_finished_at, Some(upstream.finished_at));
    assert!(upstream.sends_event);
}

#[tokio::test]
async fn every_remembered_night_has_as_many_to_dispatch_as_its_figures_say() {
    for night in Night::all() {
        let asked = ask(&night.game_date.to_string()).await;
        let figures = &asked.slate.figures;
        let told = format!("{}: {figures:?}", night.game_date);
        assert_eq!(asked.units.len() as u32, figures.passing, "{told}");
        assert_eq!(asked.readiness.ready, u64::from(figures.passing), "{told}");
        let filtered = asked.slate.features.len() as u64 - asked.readiness.feature_rows;
        assert_eq!(
            filtered as u32,
            figures.ready.value - figures.passing,
            "{told}"
        );
        assert_eq!(
            asked.readiness.games.len() as u32,
            figures.games.value,
            "{told}"
        );
        let ready: BTreeSet<_> = asked.units.iter().map(|unit| &unit.unit).collect();
        assert!(
            asked
                .slate
                .behaviour
                .overrides
                .keys()
                .all(|unit| ready.contains(unit)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn workers_scaled_to_zero_leave_requests_unanswered_for_once_or_all_night() {
    for (date, attempts_max, unanswered) in [
        ("2026-01-08", Some(1), 60 - 28),
        ("2026-01-11", None, 218 - 78),
    ] {
        let slate = ask(date).await.slate;
        let silent = Override {
            fate: Fate::Silent,
            attempts_max,
        };
        assert_eq!(
            fates(&slate, |given| *given == silent),
            unanswered,
            "{date}"
        );
    }
}

#[tokio::test]
async fn a_game_without_a_ready_player_stays_dark() {
    for (date, games) in [("2026-01-19", 9), ("2026-01-20", 7)] {
        let asked = ask(date).await;
        let lit: BTreeSet<_> = asked.units.iter().map(|unit| &unit.game_id).collect();
        assert_eq!(
            (asked.readiness.games.len(), lit.len()),
            (games, games - 1),
            "{date}"
        );
    }
}

#[tokio::test]
async fn a_missing_column_shows_as_one_score_for_all() {
    let asked = ask("2026-03-02").await;
    assert_eq!(
        (
            asked.readiness.ready,
            asked.readiness.quality_scores_distinct
        ),
        (0, 1)
    );
    assert_eq!(asked.slate.features[0].feature_quality_score, Some(69.0));
}

#[tokio::test]
async fn each_trouble_befalls_as_many_units_as_the_records_say() {
    let claims = |given: &Override| given.fate == Fate::ClaimedWithoutRow;
    assert_eq!(fates(&ask("2025-12-29").await.slate, claims), 158 - 68);
    let silent_for_good =
        |given: &Override| given.fate == Fate::Silent && given.attempts_max.is_none();
    assert_eq!(
        fates(&ask("2026-02-09").await.slate, silent_for_good),
        95 - 82
    );
    let out = |given: &Override| given.fate == Fate::Skipped("player_injury_out".into());
    assert_eq!(fates(&ask("2026-02-05").await.slate, out), 17);
    let drifted = ask("2026-02-07").await.slate;
    let fails = |given: &Override| matches!(given.fate, Fate::Failed(_));
    assert_eq!(fates(&drifted, fails) as u32, drifted.figures.passing);
    let late = ask("2026-02-12").await;
    let waiting: BTreeSet<_> = late
        .units
        .iter()
        .filter(|unit| {
            late.slate
                .behaviour
                .overrides
                .get(&unit.unit)
                .is_some_and(|given| given.attempts_max == Some(2))
        })
        .map(|unit| &unit.game_id)
        .collect();
    assert_eq!((waiting.len(), late.readiness.games.len()), (2, 3));
}

#[test]
fn the_same_seed_gives_the_same_night_and_another_seed_another() {
    let night = Night::designed();
    assert_eq!(Slate::generate(night, 1), Slate::generate(night, 1));
    assert_ne!(
        Slate::generate(night, 1).contexts,
        Slate::generate(night, 2).contexts
    );
}

#[test]
fn names_are_unique_and_some_have_hyphens() {
    let slate = Slate::generate(Night::designed(), 7);
    let names: BTreeSet<&str> = slate
        .contexts
        .iter()
        .map(|row| row.player_lookup.as_str())
        .collect();
    assert_eq!(names.len(), 450);
    assert!(names.iter().any(|name| name.contains('-')));
}

#[test]
fn the_upstream_finishes_within_half_an_hour_after_midnight_pacific_and_loses_some_events() {
    let mut lost = 0;
    for seed in 0..100 {
        // Two days after the clocks went back: midnight in Los Angeles is 08:00 UTC.
        let night = Night::unknown(GameDate("2025-11-04".parse().unwrap()));
        let figures = crate::demo::figures::Figures::fill(&night, seed);
        let upstream = Upstream::generate(&night, &figures, seed).unwrap();
        let midnight = night.game_date.0.and_hms_opt(8, 0, 0).unwrap().and_utc();
        let after = upstream.finished_at - midnight;
        assert!(
            after >= TimeDelta::zero() && after <= TimeDelta::minutes(30),
            "{after}"
        );
        lost += u32::from(!upstream.sends_event);
    }
    assert!(
        (4..30).contains(&lost),
        "about one in eight is lost, not {lost}"
    );
}
