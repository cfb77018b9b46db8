//! When a batch settles and what that makes of the run.

use super::{
    night::{Night, Sink, Warehouse, pacific},
    triggers::night_in,
};
use crate::domain::{
    alert::{Change, Kind, Severity},
    completion::Standing,
    effect::{AnnouncedStatus, Effect},
    event::Event,
    reason::Code,
    run::{Failure, State},
};

/// A night of so many units, sent at 00:30.
fn sent(units: u64) -> Night {
    Night::of(units).until("00:30").event()
}

fn announced(night: &Night) -> Vec<AnnouncedStatus> {
    let statuses = night.effects.iter().filter_map(|effect| match effect {
        Effect::Announce(announcement) => Some(announcement.status),
        _ => None,
    });
    statuses.collect()
}

#[test]
fn a_batch_settles_when_every_unit_has_an_answer() {
    let night = sent(100).until("00:32").predicted(99, 99);
    assert_eq!(night.state(), State::Running);
    let night = night.predicted(1, 1);
    assert_eq!(night.state(), State::Complete);
    assert!(night.said(Code::AllAnswered));
    assert_eq!(night.run.completed_at, Some(pacific("00:32")));
}

#[test]
fn incident_32_ninety_five_percent_and_ten_quiet_minutes_settle_a_batch() {
    let night = sent(104).until("00:32").predicted(99, 99);
    let night = night.until("00:41:59");
    assert_eq!(night.state(), State::Running);
    let night = night.until("00:42");
    assert_eq!(night.state(), State::Partial);
    assert!(night.said(Code::Quiet), "{:?}", night.why);
    assert!(
        night.run.retries.automatic_at.is_some(),
        "the gap is retried"
    );
}

#[test]
fn below_ninety_five_percent_a_batch_settles_thirty_minutes_after_its_last_send() {
    let night = sent(100).until("00:32").predicted(94, 94);
    let night = night.until("00:59:59");
    assert_eq!(night.state(), State::Running);
    let night = night.until("01:00");
    assert_eq!(night.state(), State::Partial);
    assert!(night.said(Code::BatchLimit));
    assert_eq!(night.run.counts.in_flight, 0);
}

#[test]
fn exactly_ninety_five_percent_is_enough() {
    assert_eq!(
        sent(100)
            .until("00:32")
            .predicted(95, 95)
            .until("00:42")
            .state(),
        State::Partial
    );
}

#[test]
fn a_batch_of_which_all_was_given_up_settles_at_its_limit() {
    let night = sent(20).until("00:59:59");
    assert_eq!(
        (night.state(), night.run.counts.in_flight),
        (State::Running, 0)
    );
    assert_eq!(night.until("01:00").state(), State::Partial);
}

#[test]
fn incident_33_a_unit_times_out_without_any_message() {
    let night = sent(20).until("00:39:59");
    assert_eq!(night.run.counts.in_flight, 20);
    let night = night.until("00:40");
    assert_eq!(night.run.counts.in_flight, 0);
    assert_eq!(night.run.counts.gap(), 20);
}

#[test]
fn a_batch_does_not_settle_while_it_is_being_sent() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let tally = night.world.send(19, night.now);
    let night = night
        .play(Event::Sent(tally))
        .predicted(19, 19)
        .until("00:50");
    assert_eq!(night.state(), State::Dispatching);
}

#[test]
fn a_sending_that_another_process_takes_over_has_its_time_anew() {
    let night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let night = night.until("00:59:50").play(Event::Resumed);
    assert!(night.said(Code::Resumed));
    let night = night.until("01:29:49");
    assert_eq!(night.state(), State::Dispatching);
    let night = night.until("01:29:50");
    assert_eq!(night.state(), State::Failed);
}

#[test]
fn however_often_the_service_starts_a_sending_in_which_nothing_moves_ends() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    for time in ["00:50", "01:05", "01:19"] {
        night = night.until(time).play(Event::Resumed);
    }
    assert_eq!(night.state(), State::Dispatching);
    assert_eq!(night.until("01:20").state(), State::Failed, "from 00:50 on");
}

#[test]
fn incident_12_a_batch_that_cannot_be_sent_ends_by_its_timer() {
    let night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let night = night.until("00:59:59");
    assert_eq!(night.state(), State::Dispatching);
    assert_eq!(night.open(Kind::BatchStalled), Some(Severity::Warning));
    let night = night.until("01:00");
    assert_eq!(
        (night.state(), night.run.failure),
        (State::Failed, Some(Failure::Publish))
    );
    let night = night.sink(Sink::Sends).until("01:02");
    assert_eq!(night.state(), State::Running, "retried like a gap");
}

/// Found by the simulation: the sender of the next process was sending them again when they were freed.
#[test]
fn a_sending_that_nobody_was_there_for_goes_on_for_as_long_as_any() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let tally = night.world.send(12, night.now);
    let night = night.play(Event::Sent(tally)).predicted(12, 12).quietly();
    let late = night.clone().down_until("01:01");
    assert_eq!(late.state(), State::Partial, "a minute late is on time");
    let night = night.down_until("01:31");
    assert_eq!(night.state(), State::Dispatching);
    assert!(night.said(Code::Missed));
    assert_eq!(night.open(Kind::BatchStalled), Some(Severity::Warning));
    let again = night.clone().down_until("02:30");
    assert_eq!(again.state(), State::Partial, "once, until something moves");
    let night = night.until("02:00:59");
    assert_eq!(night.state(), State::Dispatching);
    assert_eq!(night.until("02:01").state(), State::Partial);
}

#[test]
fn what_could_not_be_sent_of_a_batch_is_a_gap() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let tally = night.world.send(12, night.now);
    let night = night
        .play(Event::Sent(tally))
        .predicted(12, 12)
        .until("01:00");
    assert_eq!((night.state(), night.run.counts.gap()), (State::Partial, 8));
}

#[test]
fn a_first_batch_whose_every_publish_fails_is_failed_and_retried() {
    let night = Night::of(20).until("00:30").sink(Sink::Refuses).event();
    assert_eq!(
        (night.state(), night.run.failure),
        (State::Failed, Some(Failure::Publish))
    );
    assert_eq!(
        night.open(Kind::NothingDispatched),
        Some(Severity::Critical)
    );
    let again = night.clone().until("00:32");
    assert_eq!(
        (again.state(), again.run.batches),
        (State::Failed, 2),
        "nothing ever went out"
    );
    let night = night.sink(Sink::Sends).until("00:32");
    assert_eq!(night.state(), State::Running);
    assert_eq!(night.predicted(20, 20).state(), State::Complete);
}

#[test]
fn that_nothing_was_dispatched_is_told_once_until_something_has_gone_out() {
    let changes = |night: &Night| -> Vec<Change> {
        let told = night.messages(Kind::NothingDispatched);
        told.iter().map(|it| it.change).collect()
    };
    let night = Night::of(20).until("00:30").sink(Sink::Refuses).event();
    let again = night.clone().until("00:40");
    assert_eq!((again.state(), again.run.batches), (State::Failed, 2));
    assert_eq!(
        changes(&again),
        [Change::Opened, Change::Escalated],
        "a try that fails like the first does not begin the waiting for people anew"
    );
    let night = night.sink(Sink::Holds).until("00:32");
    assert_eq!(night.state(), State::Dispatching);
    assert_eq!(
        night.open(Kind::NothingDispatched),
        Some(Severity::Critical)
    );
    let mut night = night;
    let tally = night.world.send(20, night.now);
    let night = night.play(Event::Sent(tally));
    assert_eq!(changes(&night), [Change::Opened, Change::Resolved]);
}

#[test]
fn when_no_attempt_is_left_after_failed_publishes_the_run_stays_failed() {
    let night = Night::of(20).until("00:30").sink(Sink::Refuses).event();
    let night = night.until("06:55");
    assert_eq!(
        (night.state(), night.run.failure),
        (State::Failed, Some(Failure::Publish))
    );
    assert_eq!(night.run.batches, 3, "three attempts and no more");
}

#[test]
fn rows_that_turn_up_make_a_failed_publish_complete() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Refuses).event();
    night.world.rows(0..20, night.now);
    assert_eq!(night.until("00:32").state(), State::Complete);
}

#[test]
fn incident_28_two_last_answers_make_exactly_one_completion() {
    let mut night = sent(2).until("00:32");
    let first = night.world.answer(1, Standing::SkippedForGood, night.now);
    let last = night.world.answer(1, Standing::SkippedForGood, night.now);
    let night = night
        .play(Event::Answered(first))
        .play(Event::Answered(last));
    let night = night.play(Event::Answered(crate::domain::completion::Tally {
        duplicates: 1,
        ..crate::domain::completion::Tally::default()
    }));
    assert_eq!(announced(&night), [AnnouncedStatus::Success]);
    let complete = |code: &&Code| **code == Code::Complete;
    assert_eq!(night.codes().iter().filter(complete).count(), 1);
}

#[test]
fn incident_34_permanent_skips_are_answers_and_never_tried_again() {
    let night = sent(100).until("00:32").predicted(80, 80);
    let night = night.answered(20, Standing::SkippedForGood);
    assert_eq!(night.state(), State::Complete);
    assert_eq!(night.run.counts.completion(), Some(1.0));
    assert_eq!(night.until("06:59").sends(), 1);
}

#[test]
fn incident_35_skips_without_an_answer_do_not_hold_the_night() {
    let night = sent(95).until("00:32").predicted(82, 82).until("01:00");
    assert_eq!(
        (night.state(), night.run.counts.gap()),
        (State::Partial, 13)
    );
}

#[test]
fn incident_36_the_denominator_is_what_was_frozen() {
    let night = Night::of(300).listing(450).until("00:30").event();
    let night = night.until("00:33").predicted(300, 300);
    assert_eq!(night.state(), State::Complete);
    assert_eq!(night.run.counts.completion(), Some(1.0));
}

#[test]
fn a_row_that_is_not_seen_yet_keeps_the_run_running_and_is_looked_for_every_minute() {
    let mut night = sent(10).until("00:32").predicted(10, 9);
    assert_eq!(night.state(), State::Running);
    night.world.store(10, pacific("00:33"));
    let night = night.until("00:32:59");
    assert_eq!(night.state(), State::Running);
    assert_eq!(night.until("00:33").state(), State::Complete);
}

#[test]
fn incident_08_a_claim_without_a_row_five_minutes_later_is_missing() {
    let night = sent(100).until("00:32").predicted(100, 65);
    let night = night.until("00:36:59");
    assert_eq!(
        (night.state(), night.run.counts.missing),
        (State::Running, 0)
    );
    let night = night.until("00:37");
    assert_eq!(
        (night.state(), night.run.counts.missing),
        (State::Partial, 35)
    );
    assert_eq!(night.run.counts.gap(), 35);
    assert_eq!(night.open(Kind::ClaimedMissing), Some(Severity::Critical));
    let night = night.until("00:39").predicted(35, 35);
    assert_eq!(night.state(), State::Complete, "sent again");
    assert_eq!(night.open(Kind::ClaimedMissing), None);
}

#[test]
fn a_few_missing_claims_are_a_warning() {
    let night = sent(100).until("00:32").predicted(100, 95).until("00:37");
    assert_eq!(night.open(Kind::ClaimedMissing), Some(Severity::Warning));
}

#[test]
fn claims_are_never_missing_while_the_warehouse_cannot_be_asked() {
    let night = sent(10).until("00:32").warehouse(Warehouse::Down);
    let night = night.predicted(10, 0).until("02:00");
    assert_eq!(
        (night.state(), night.run.counts.missing),
        (State::Running, 0)
    );
    let mut night = night.warehouse(Warehouse::Up);
    night.world.store(10, pacific("00:40"));
    assert_eq!(night.until("02:01").state(), State::Complete);
}

#[test]
fn a_claim_that_comes_after_settling_and_has_no_row_is_retried() {
    let night = sent(100).until("00:32").predicted(96, 96).until("00:45");
    assert_eq!(
        night.state(),
        State::Running,
        "the automatic retry is on its way"
    );
    let mut night = sent(100).until("00:32").predicted(96, 96).until("00:42");
    let tally = night
        .world
        .answer_for(&[96, 97, 98, 99], Standing::Claimed, night.now);
    let night = night.play(Event::Answered(tally)).until("00:48");
    assert_eq!(night.run.counts.missing, 4, "{:?}", night.run.counts);
    assert!(night.run.retries.automatic_at.is_some() || night.state() == State::Running);
}

#[test]
fn an_accepted_gap_is_published_as_partial_and_completion_later_as_success() {
    let night = sent(100).until("00:32").predicted(96, 96);
    let night = night.answered(4, Standing::Failed);
    assert!(night.run.is_accepted());
    assert_eq!(announced(&night), [AnnouncedStatus::Partial]);
    let mut night = night;
    let tally = night
        .world
        .answer_for(&[96, 97, 98, 99], Standing::Claimed, night.now);
    night.world.store(4, night.now);
    let night = night.play(Event::Answered(tally));
    assert_eq!(night.state(), State::Complete);
    assert_eq!(
        announced(&night),
        [AnnouncedStatus::Partial, AnnouncedStatus::Success]
    );
}

#[test]
fn a_gap_outside_tolerance_is_not_published_until_late_answers_close_it_enough() {
    let mut night = sent(100).until("00:32").predicted(90, 90);
    night = night.answered(10, Standing::Failed);
    assert_eq!(
        (night.state(), night.run.is_accepted()),
        (State::Partial, false)
    );
    assert_eq!(announced(&night), []);
    let tally = night
        .world
        .answer_for(&[90, 91, 92, 93, 94], Standing::Claimed, night.now);
    night.world.store(5, night.now);
    let night = night.play(Event::Answered(tally));
    assert_eq!(
        (night.state(), night.run.is_accepted()),
        (State::Partial, true)
    );
    assert_eq!(announced(&night), [AnnouncedStatus::Partial]);
}

#[test]
fn the_announcement_tells_the_counts() {
    let night = sent(100).until("00:32").predicted(96, 96);
    let night = night
        .answered(3, Standing::Failed)
        .answered(1, Standing::SkippedForGood);
    let announcement = night.run.announced.clone().unwrap();
    assert_eq!(announcement.expected_units, 100);
    assert_eq!(announcement.completed_units, 96);
    assert_eq!(
        (announcement.skipped_units, announcement.failed_units),
        (1, 3)
    );
    assert_eq!(announcement.completion_pct, 97.0);
    assert_eq!(announcement.started_at, Some(pacific("00:30")));
}

#[test]
fn incident_51_units_that_are_no_longer_listed_leave_the_plan() {
    let mut night = night_in(State::Partial);
    assert_eq!(night.run.counts.gap(), 40);
    night.world.grow(380);
    let night = night.until("06:15");
    assert_eq!(night.run.counts.ready, 380);
    let text = "40 players of the earlier plan are no longer listed and leave it";
    assert!(night.why.iter().any(|reason| reason.text == text));
    assert_eq!(night.state(), State::Complete);
}

#[test]
fn incident_04_only_what_is_frozen_counts_as_dispatched() {
    let night = night_in(State::Waiting);
    assert_eq!((night.run.counts.dispatched, night.run.batches), (0, 0));
    assert_eq!(night.run.start.dispatched_at, None);
}

#[test]
fn answers_of_units_that_were_sent_before_a_forced_reset_belong_to_the_next_batch() {
    let mut night = Night::of(100).until("00:30").sink(Sink::Holds).event();
    let tally = night.world.send(60, night.now);
    let night = night.play(Event::Sent(tally)).sink(Sink::Sends);
    let night = night.play(Event::Reset {
        by: "ana".to_owned(),
        force: true,
    });
    assert_eq!(
        (night.state(), night.run.batches),
        (State::Running, 2),
        "{:?}",
        night.why
    );
    let night = night.predicted(60, 60);
    assert_eq!(night.run.counts.outstanding(), 40);
    assert_eq!(night.state(), State::Running, "40 are still awaited");
    assert_eq!(night.predicted(40, 40).state(), State::Complete);
}

#[test]
fn an_observed_night_is_judged_by_rows_and_neither_publishes_nor_records() {
    let mut night = Night::observing(30).until("00:30").event();
    assert_eq!(night.state(), State::Running);
    night = night.until("02:00");
    assert_eq!(
        night.state(),
        State::Running,
        "nobody knows when the others begin"
    );
    assert_eq!(night.run.start.dispatched_at, None);
    assert_eq!(night.open(Kind::WorkersSilent), None);
    night.world.rows(0..30, night.now);
    let night = night.until("02:01");
    assert_eq!(
        night.run.start.dispatched_at,
        Some(pacific("02:00")),
        "the first row"
    );
    assert!(announced(&night).is_empty());
    assert!(!night.effects.contains(&Effect::Record));
}

#[test]
fn an_observed_night_with_a_gap_is_looked_at_until_it_is_complete() {
    let mut night = Night::observing(30).until("00:30").event().until("02:00");
    for (from, to) in [(0, 20), (20, 30)] {
        night.world.rows(from..to, night.now);
        night = night.after(3_000);
    }
    assert_eq!(night.state(), State::Complete, "{:?}", night.run.counts);
}

#[test]
fn a_backfill_reaches_complete_and_partial_without_promises_or_alerts() {
    let night = Night::backfill(50).play(super::night::trigger(
        crate::domain::trigger::Source::Manual,
    ));
    assert_eq!(night.state(), State::Running);
    let done = night.clone().predicted(50, 50);
    assert_eq!((done.state(), done.verdict()), (State::Complete, None));
    let later = night.now + chrono::TimeDelta::minutes(33);
    let night = night.predicted(40, 40).until_instant(later);
    assert_eq!(night.run.batches, 2, "the gap is retried");
    let night = night.until_instant(later + chrono::TimeDelta::hours(12));
    assert_eq!(night.state(), State::Partial);
    assert!(night.run.alerts.is_empty());
    let night = night.until_instant(later + chrono::TimeDelta::hours(24));
    assert!(night.run.closed_at.is_some());
}
