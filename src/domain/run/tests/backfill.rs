//! A date that a person starts after its run has closed: the same run again, without promises or alerts.
//!
//! A past date that never had a run opens as a backfill at once; `settling` and `timers` tell of those.

use chrono::TimeDelta;

use super::{
    night::{Night, Sink, Warehouse, forced, pacific, trigger},
    triggers::night_in,
};
use crate::domain::{
    alert::{Change, Kind, Severity},
    completion::Standing,
    effect::Effect,
    event::{Event, SentTally},
    reason::Code,
    run::{Purpose, State},
    sla::Verdict,
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

/// A night of 100 that has sent 40 when its process dies; another comes a day after the deadline.
fn slept_through_while_sending() -> Night {
    let mut night = Night::of(100).sink(Sink::Holds).until("00:30").event();
    let sent = night.world.send(40, night.now);
    let mut night = night.play(Event::Sent(sent)).quietly();
    assert_eq!(
        (night.state(), night.run.counts.in_flight),
        (State::Dispatching, 40)
    );
    night.now = pacific("07:00") + TimeDelta::hours(30);
    night.play(Event::Resumed)
}

#[test]
fn a_verdict_that_falls_when_a_run_ought_to_close_is_told_and_open_to_late_answers_before() {
    let night = slept_through_while_sending();
    let back_at = night.now;
    assert_eq!(night.run.closed_at, None);
    assert_eq!(night.verdict(), Some(Verdict::Breached));
    assert_eq!(
        night.told(Kind::DeadlineBreached),
        [(Change::Opened, Severity::Critical)]
    );
    let night = night.after(3_600);
    assert_eq!(night.run.closed_at, Some(back_at + TimeDelta::minutes(11)));

    let mut silent = Night::of(100).until("00:30").event().until("00:33");
    silent.now = pacific("07:00") + TimeDelta::hours(30);
    let silent = silent.warehouse(Warehouse::Silent).tick();
    assert_eq!(silent.verdict(), Some(Verdict::Judging));
    let silent = silent.after(3_600);
    assert_eq!(
        silent.verdict(),
        Some(Verdict::Breached),
        "the rows did not answer"
    );
    assert!(!silent.told(Kind::DeadlineBreached).is_empty());
    assert!(silent.run.closed_at.is_some());
}

#[test]
fn a_run_that_closes_while_its_batch_is_under_way_leaves_nothing_under_way() {
    let night = slept_through_while_sending().after(3_600);
    let batch = night.run.batch.as_ref().unwrap();
    assert_eq!((batch.left_to_send(), batch.in_flight()), (0, 0));
    assert_eq!(
        (night.state(), night.run.counts.in_flight),
        (State::Partial, 0)
    );
    assert_eq!(
        night
            .world
            .units
            .iter()
            .filter(|unit| unit.in_flight())
            .count(),
        0
    );
    assert_eq!(night.run.next_wake(night.now), None);

    let mut night = night;
    night.run.reopen_as_backfill(night.now);
    let night = night.sink(Sink::Sends).play(trigger(Source::Manual));
    assert_eq!(night.state(), State::Running);
    assert_eq!(night.run.batch.as_ref().map(|batch| batch.sent), Some(100));
    assert_eq!(night.predicted(100, 100).state(), State::Complete);
}

#[test]
fn what_was_still_being_published_at_the_close_is_given_up_when_the_run_is_opened_again() {
    let mut night = slept_through_while_sending().after(3_600);
    let late = SentTally {
        sent: 3,
        at: Some(night.now),
        ..SentTally::default()
    };
    for unit in &mut night.world.units[40..43] {
        unit.sent_at = Some(night.now);
    }
    let night = night.play(Event::Sent(late));
    assert_eq!(night.run.counts.in_flight, 3, "it was sent all the same");
    let mut night = night.after(7_200);
    night.run.reopen_as_backfill(night.now);
    let night = night.tick();
    assert_eq!(night.run.counts.in_flight, 0);
}

#[test]
fn answers_after_the_close_are_counted_when_it_is_opened_again() {
    let night = night_in(State::Partial);
    let closes_at = night.run.instants.closes_at;
    let mut night = night.until_instant(closes_at);
    let open: Vec<usize> = (380..420).collect();
    let late = night.world.answer_for(&open, Standing::Claimed, night.now);
    let mut night = night.play(Event::Answered(late)).after(600);
    night.world.store(40, night.now);
    night.run.reopen_as_backfill(night.now);
    let night = night.tick();
    assert_eq!(night.run.counts.plan, night.world.standings());
    assert_eq!(night.run.counts.gap(), 0);
}

#[test]
fn a_retry_from_before_the_close_does_not_stand_in_for_the_start_that_opens_it_again() {
    let night = night_in(State::Partial).warehouse(Warehouse::Down);
    let mut night = reopened(night.play(trigger(Source::Retry)));
    assert_eq!(night.run.retries.pending, None);
    assert_eq!(night.run.retries.automatic_at, None);
    night = night.play(forced());
    assert!(night.asked_readiness());
}

#[test]
fn claims_whose_rows_could_not_be_compared_before_the_close_are_compared_when_it_is_opened_again() {
    let night = Night::of(100).until("00:30").event().until("00:33");
    let mut night = reopened(night.warehouse(Warehouse::Down).predicted(100, 0));
    assert_eq!(night.state(), State::Partial);
    night.world.store(100, pacific("00:34"));
    let night = night.tick();
    assert_eq!(night.state(), State::Complete);
}
