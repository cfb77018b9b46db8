//! A date that a person starts after its run has closed: the same run again, without promises or alerts.
//!
//! A past date that never had a run opens as a backfill at once; `settling` and `timers` tell of those.

use chrono::TimeDelta;

use super::{
    night::{Night, Warehouse, forced, pacific, trigger},
    triggers::night_in,
};
use crate::domain::{
    completion::Standing,
    effect::Effect,
    event::Event,
    reason::Code,
    run::{Purpose, State},
    trigger::Source,
};

/// The night passes to its close; six weeks later a person opens its run again.
fn reopened(night: Night) -> Night {
    let closes_at = night.run.instants.closes_at;
    let mut night = night.until_instant(closes_at).quietly();
    assert_eq!(night.run.closed_at, Some(closes_at));
    night.now = closes_at + TimeDelta::weeks(6);
    night.run.reopen_as_backfill(night.now);
    night.warehouse(Warehouse::Up)
}

fn tells(night: &Night) -> usize {
    let told = |effect: &&Effect| matches!(effect, Effect::Tell(_));
    night.effects.iter().filter(told).count()
}

fn closes_again(night: Night) {
    let opened_at = night.now;
    let night = night.after(86_399);
    assert_eq!(night.run.closed_at, None);
    let night = night.after(1);
    assert_eq!(
        night.run.closed_at,
        Some(opened_at + TimeDelta::hours(24)),
        "24 h after it was opened again"
    );
    assert_eq!((night.verdict(), tells(&night)), (None, 0));
    assert!(!night.said(Code::Missed), "no schedule of that night fires");
}

#[test]
fn a_failed_night_that_is_started_after_its_close_is_asked_sent_and_completed() {
    let night = reopened(night_in(State::Failed));
    let mut night = night.with_ready(420);
    night.tables.upstream_finished_at = Some(pacific("09:00"));
    let opened = night.clone();
    let night = night.play(trigger(Source::Manual));
    assert!(night.asked_readiness());
    assert_eq!((night.state(), night.sends()), (State::Running, 1));
    let night = night.predicted(420, 420);
    assert_eq!((night.state(), night.verdict()), (State::Complete, None));
    assert_eq!(night.run.purpose, Purpose::Backfill);
    assert!(night.run.alerts.iter().all(|alert| !alert.is_open()));
    closes_again(opened.play(trigger(Source::Manual)).predicted(420, 420));
}

#[test]
fn a_breached_night_keeps_its_ruling_and_sends_only_what_needs_work() {
    let night = night_in(State::Partial).until("06:59");
    let night = reopened(night);
    let ruling = night.run.ruling.clone().unwrap();
    assert!(!ruling.kept);
    let night = night.play(forced());
    assert_eq!((night.state(), night.sends()), (State::Running, 1));
    assert_eq!(night.run.batch.as_ref().map(|batch| batch.frozen), Some(40));
    let night = night.predicted(40, 40);
    assert_eq!(night.state(), State::Complete);
    assert_eq!(night.run.ruling, Some(ruling), "what was ruled stays ruled");
    assert_eq!((night.verdict(), tells(&night)), (None, 0));
}

#[test]
fn a_complete_night_has_nothing_to_send_and_closes_again() {
    let night = reopened(night_in(State::Complete)).play(trigger(Source::Manual));
    assert!(night.asked_readiness());
    assert_eq!((night.state(), night.sends()), (State::Complete, 0));
    assert!(night.said(Code::NothingNew));
    closes_again(reopened(night_in(State::Complete)));
}

#[test]
fn a_night_that_closed_while_the_warehouse_was_away_waits_anew() {
    let night = night_in(State::Waiting).warehouse(Warehouse::Down);
    let night = reopened(night).with_ready(420);
    assert_eq!(night.state(), State::Waiting);
    let night = night.play(trigger(Source::Manual));
    assert_eq!((night.state(), night.sends()), (State::Running, 1));
}

#[test]
fn a_date_without_games_that_a_person_starts_late_is_asked_like_any_other() {
    let night = reopened(night_in(State::NotExpected)).play(trigger(Source::Manual));
    assert!(night.asked_readiness());
    assert_eq!((night.verdict(), tells(&night)), (None, 0));
}

#[test]
fn late_answers_to_a_night_that_is_open_again_complete_it() {
    let mut night = reopened(night_in(State::Partial));
    let open: Vec<usize> = (380..420).collect();
    let tally = night.world.answer_for(&open, Standing::Claimed, night.now);
    night.world.store(40, night.now);
    let night = night.play(Event::Answered(tally));
    assert_eq!((night.state(), night.sends()), (State::Complete, 0));
    assert_eq!((night.verdict(), tells(&night)), (None, 0));
}
