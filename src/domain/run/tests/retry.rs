//! When units are sent again, how often, and within which budget.

use super::{
    night::{Night, Sink, Warehouse, forced, pacific, trigger},
    triggers::night_in,
};
use crate::domain::{
    completion::Standing,
    effect::Effect,
    event::Event,
    reason::Code,
    run::{Reach, State},
    trigger::{Source, Trigger},
};

/// A night of 100 that settled at this time with a gap of 10.
fn settled_at(time: &str) -> Night {
    let night = Night::of(100).until("00:30").warehouse(Warehouse::Silent);
    let night = night.until(time).warehouse(Warehouse::Up);
    let night = night.play(trigger_by_person(Source::Manual)).event();
    night.predicted(90, 90).answered(10, Standing::Failed)
}

fn trigger_by_person(source: Source) -> Event {
    Event::Triggered(Trigger {
        by: Some("ana".to_owned()),
        ..Trigger::of(source)
    })
}

fn stage_orders(night: &Night) -> Vec<(u32, Option<u64>)> {
    let orders = night.effects.iter().filter_map(|effect| match effect {
        Effect::Stage(order) => Some((order.attempts_max, order.units_max)),
        _ => None,
    });
    orders.collect()
}

#[test]
fn a_gap_is_retried_by_itself_after_two_minutes() {
    let night = night_in(State::Partial);
    assert_eq!(night.run.retries.automatic_at, Some(pacific("00:35")));
    let night = night.until("00:34:59");
    assert_eq!(night.state(), State::Partial);
    let night = night.quietly().until("00:35");
    assert_eq!(night.state(), State::Running);
    assert_eq!(
        stage_orders(&night),
        [(2, Some(420))],
        "up to attempt 2, half the budget"
    );
    let reconciles = night
        .effects
        .iter()
        .position(|effect| *effect == Effect::Reconcile);
    let stages = night
        .effects
        .iter()
        .position(|effect| matches!(effect, Effect::Stage(_)));
    assert!(reconciles < stages, "rows are compared first");
}

#[test]
fn ten_minutes_before_the_deadline_are_enough_for_a_retry_and_less_is_not() {
    let night = Night::sent_at(100, "06:45");
    for (time, retried) in [("06:50", true), ("06:50:01", false)] {
        let night = night.clone().until(time);
        let night = night.predicted(90, 90).answered(10, Standing::Failed);
        assert_eq!(
            night.run.retries.automatic_at.is_some(),
            retried,
            "{time} {:?}",
            night.why
        );
    }
}

#[test]
fn the_third_attempt_is_left_to_the_fixed_times() {
    let night = night_in(State::Partial)
        .until("00:36")
        .answered(40, Standing::Failed);
    assert_eq!(
        (night.state(), night.run.retries.automatic_at),
        (State::Partial, None)
    );
    let night = night.until("06:14:59");
    assert_eq!(night.run.batches, 2);
    let night = night.until("06:15");
    assert_eq!((night.state(), night.run.batches), (State::Running, 3));
    let night = night
        .answered(40, Standing::Failed)
        .quietly()
        .until("06:59");
    assert_eq!(
        (night.run.batches, night.sends()),
        (3, 0),
        "three attempts and no more"
    );
    assert!(night.said(Code::NoRetry));
}

#[test]
fn a_person_may_force_a_fourth_attempt() {
    let night = night_in(State::Partial)
        .until("00:36")
        .answered(40, Standing::Failed);
    let night = night.until("06:15").answered(40, Standing::Failed);
    assert_eq!(
        night
            .clone()
            .play(trigger_by_person(Source::Manual))
            .run
            .batches,
        3
    );
    assert_eq!(night.play(forced()).run.batches, 4);
}

#[test]
fn a_retry_time_during_a_batch_sends_again_what_is_no_longer_in_flight() {
    let night = Night::sent_at(100, "06:02").until("06:04");
    let night = night.predicted(50, 50).answered(10, Standing::Failed);
    let night = night.until("06:14").quietly().until("06:15");
    let batch = night.run.batch.clone().unwrap();
    assert_eq!(
        (night.run.batches, night.sends()),
        (1, 1),
        "it joins the batch"
    );
    assert_eq!((batch.frozen, batch.in_flight()), (100, 50), "{batch:?}");
    assert_eq!(night.predicted(50, 50).state(), State::Complete);
}

#[test]
fn a_retry_time_while_all_is_in_flight_is_remembered_until_the_batch_settles() {
    let night = Night::sent_at(100, "06:10").until("06:15");
    assert!(night.run.retries.remembered);
    let night = night.predicted(90, 90).answered(10, Standing::Failed);
    assert_eq!(
        (night.state(), night.run.batches),
        (State::Running, 2),
        "at once"
    );
    assert!(!night.run.retries.remembered);
}

#[test]
fn a_remembered_retry_is_forgotten_when_nothing_needs_it() {
    let night = Night::sent_at(100, "06:10").until("06:15");
    let night = night.predicted(100, 100);
    assert_eq!(
        (night.state(), night.run.retries.remembered),
        (State::Complete, false)
    );
}

#[test]
fn a_retry_time_while_rows_are_awaited_is_remembered() {
    let night = Night::sent_at(10, "06:14").predicted(10, 0);
    let night = night.until("06:15");
    assert!(night.run.retries.remembered);
    assert_eq!(
        night.until("06:19").run.batches,
        2,
        "missing claims are sent again at once"
    );
}

#[test]
fn retry_times_during_a_wait_only_ask_again() {
    let night = night_in(State::Waiting).until("06:14:30").quietly();
    let night = night.until("06:15");
    assert_eq!((night.state(), night.sends()), (State::Waiting, 0));
    assert!(night.said(Code::Merged) && night.asked_readiness());
}

#[test]
fn incident_79_a_night_sends_again_at_most_two_nights_units() {
    let night = Night::of(100).until("00:30").event();
    let mut night = night.answered(100, Standing::Failed);
    assert_eq!(night.run.retry_budget(Reach::Automatic), Some(100));
    assert_eq!(night.run.retry_budget(Reach::Fixed), Some(200));
    night = night.until("00:33").answered(100, Standing::Failed);
    assert_eq!(
        night.run.retry_budget(Reach::Automatic),
        Some(0),
        "its half is used up"
    );
    assert_eq!(
        night.run.retry_budget(Reach::Fixed),
        Some(100),
        "the other is kept"
    );
    night = night.until("06:16").answered(100, Standing::Failed);
    assert_eq!(night.run.retry_budget(Reach::Fixed), Some(0));
    assert_eq!(night.run.retry_budget(Reach::Forced), None);
    let night = night.quietly().until("07:30");
    assert_eq!(night.sends(), 0);
}

#[test]
fn a_budget_that_is_used_up_plans_no_retry() {
    let mut night = Night::of(100).until("00:30").event();
    night.run.retries.units_automatic = 100;
    let night = night.answered(100, Standing::Failed);
    assert_eq!(night.run.retries.automatic_at, None);
    assert!(night.said(Code::NoRetry));
}

#[test]
fn an_outside_call_within_a_minute_of_an_occurrence_is_that_occurrence() {
    for (time, source) in [("06:14:30", Source::Retry), ("05:59:01", Source::Backup)] {
        let night = night_in(State::Waiting)
            .until(time)
            .play(trigger(source))
            .quietly();
        let night = night.after(119);
        let other = |code: &&Code| **code == Code::Merged;
        assert_eq!(night.codes().iter().filter(other).count(), 0, "{source:?}");
    }
    for (time, source) in [("06:16", Source::Retry), ("06:01", Source::Backup)] {
        let night = night_in(State::Waiting)
            .until(time)
            .quietly()
            .play(trigger(source));
        assert_eq!(
            night.codes(),
            [Code::NothingToDo],
            "{source:?} was done already"
        );
    }
    let night = night_in(State::Waiting).until("06:16:01").quietly();
    let night = night.play(trigger(Source::Retry));
    assert!(night.said(Code::Merged), "more than a minute apart");
}

#[test]
fn a_persons_retry_is_never_taken_for_the_schedulers() {
    let night = night_in(State::Waiting).until("06:15:10").quietly();
    let night = night.play(trigger_by_person(Source::Retry));
    assert!(night.said(Code::Merged));
    let night = night
        .until("06:29:50")
        .play(trigger_by_person(Source::Retry))
        .quietly();
    assert!(
        night.until("06:30").said(Code::Merged),
        "the occurrence stays"
    );
}

#[test]
fn a_retry_waits_for_a_warehouse_that_cannot_be_asked() {
    let night = night_in(State::Partial)
        .warehouse(Warehouse::Down)
        .until("00:40");
    assert_eq!((night.state(), night.run.batches), (State::Partial, 1));
    let night = night.warehouse(Warehouse::Up).until("00:41");
    assert_eq!((night.state(), night.run.batches), (State::Running, 2));
}

#[test]
fn a_listing_that_fails_for_a_retry_is_tried_again() {
    let mut night = night_in(State::Partial)
        .warehouse(Warehouse::Silent)
        .until("00:35");
    let tally = night.world.compare(night.now);
    let compared = Event::Reconciled(crate::domain::Asked::Known(tally));
    night = night.warehouse(Warehouse::Down).play(compared);
    assert_eq!(night.run.retries.pending, Some(Reach::Automatic));
    let night = night.warehouse(Warehouse::Up).until("00:36");
    assert_eq!((night.state(), night.run.batches), (State::Running, 2));
}

#[test]
fn a_listing_that_fails_during_a_batch_keeps_the_retry() {
    let night = Night::sent_at(100, "06:02").until("06:04");
    let night = night.predicted(50, 50).answered(10, Standing::Failed);
    let mut night = night
        .until("06:14")
        .warehouse(Warehouse::Silent)
        .until("06:15");
    let compared = Event::Reconciled(crate::domain::Asked::Known(night.world.compare(night.now)));
    night = night.warehouse(Warehouse::Down).play(compared);
    assert!(night.run.retries.remembered);
    assert_eq!(night.run.staging, None);
}

#[test]
fn rows_that_turn_up_before_a_retry_spare_it() {
    let mut night = night_in(State::Partial);
    night.world.rows(380..420, night.now);
    let night = night.quietly().until("00:35");
    assert_eq!((night.state(), night.sends()), (State::Complete, 0));
}

#[test]
fn a_wave_that_joins_a_batch_which_settles_meanwhile_is_waited_for() {
    let mut night = Night::sent_at(100, "06:02").until("06:05");
    night = night.predicted(90, 90).answered(5, Standing::Failed);
    // The listing takes a while; the last five are answered before it is there.
    night = night.until("06:08").warehouse(Warehouse::Silent);
    night = night.play(trigger_by_person(Source::Retry));
    let compared = Event::Reconciled(crate::domain::Asked::Known(night.world.compare(night.now)));
    night = night.play(compared);
    let order = night.effects.iter().rev().find_map(|effect| match effect {
        Effect::Stage(order) => Some(order.clone()),
        _ => None,
    });
    let staged = night.world.stage(&order.unwrap());
    let wave = night.run.staging.as_ref().unwrap().wave;
    night = night.predicted(5, 5);
    night = night.sink(Sink::Sends).play(Event::Staged {
        wave,
        to_send: crate::domain::Asked::Known(staged),
    });
    assert_eq!((night.state(), staged), (State::Running, 5));
    // The rows that were asked for in vain are asked for again.
    let night = night.warehouse(Warehouse::Up).predicted(5, 5).after(1_000);
    assert_eq!(night.state(), State::Complete);
}

#[test]
fn what_asks_while_a_wave_is_being_staged_starts_no_second_one() {
    let mut night = night_in(State::Partial).warehouse(Warehouse::Silent);
    night = night.play(trigger_by_person(Source::Retry));
    let compared = Event::Reconciled(crate::domain::Asked::Known(night.world.compare(night.now)));
    night = night.play(compared);
    let staging = night.run.staging.clone();
    assert!(staging.is_some());
    night = night.play(trigger_by_person(Source::Manual));
    let ready = Event::ReadinessAnswered {
        answer: crate::domain::Asked::Known(night.tables.clone()),
        expectation: night.expectation,
    };
    night = night.play(ready);
    assert_eq!(night.run.staging, staging);
}

#[test]
fn a_late_settling_still_retries_after_the_deadline_if_a_person_asks() {
    let night = settled_at("07:30");
    assert_eq!(
        (night.state(), night.run.retries.automatic_at),
        (State::Partial, None)
    );
    let night = night
        .play(trigger_by_person(Source::Retry))
        .predicted(10, 10);
    assert_eq!(night.state(), State::Complete);
}
