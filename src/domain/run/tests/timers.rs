//! What falls due, in which order, after which outage; and that a quiet look changes nothing.

use super::{
    night::{Night, Sink, Warehouse, pacific},
    triggers::night_in,
};
use crate::domain::{
    alert::{Kind, Severity},
    completion::Standing,
    event::Event,
    reason::Code,
    run::{Run, State, step},
    trigger::Source,
};

#[test]
fn incident_24_a_finished_upstream_without_a_dispatch_alerts_by_timer() {
    let night = Night::of(30).listing(300).until("00:30").event();
    let night = night.warehouse(Warehouse::Down).until("00:40");
    assert_eq!(
        night.open(Kind::StartLatencyHigh),
        None,
        "exactly ten minutes"
    );
    let night = night.after(1);
    assert_eq!(night.open(Kind::StartLatencyHigh), Some(Severity::Warning));
    let night = night.until("01:30");
    assert_eq!(
        night.open(Kind::StartLatencyHigh),
        Some(Severity::Warning),
        "exactly an hour"
    );
    let night = night.after(1);
    assert_eq!(night.open(Kind::StartLatencyHigh), Some(Severity::Critical));
    assert_eq!(night.told(Kind::StartLatencyHigh).len(), 2);
}

#[test]
fn incident_89_the_start_latency_is_the_runs_own() {
    let night = Night::designed().until("00:30").finished().until("00:36");
    assert_eq!(night.run.start_latency_seconds(night.now), Some(300.0));
    assert_eq!(
        night.after(600).run.start_latency_seconds(pacific("09:00")),
        Some(300.0)
    );
    let night = Night::designed().until("00:30");
    assert_eq!(
        night.run.start_latency_seconds(night.now),
        None,
        "no sample"
    );
    assert_eq!(night.run.night().finish_after_opening_seconds, None);
}

#[test]
fn of_missed_retries_only_the_latest_is_done_and_it_says_so() {
    let night = night_in(State::Waiting)
        .until("06:10")
        .quietly()
        .down_until("06:40");
    let missed = night
        .why
        .iter()
        .filter(|reason| reason.code == Code::Missed);
    let texts: Vec<&str> = missed.map(|reason| reason.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "the retry of 06:15 PST was missed; a later one takes its place",
            "the retry of 06:30 PST was missed and is done now, late"
        ]
    );
    assert_eq!(
        night
            .codes()
            .iter()
            .filter(|code| **code == Code::Merged)
            .count(),
        1
    );
}

#[test]
fn what_is_a_minute_late_is_not_missed() {
    for (time, missed) in [("06:01", false), ("06:01:01", true)] {
        let night = Night::designed().until("05:59").quietly().down_until(time);
        assert_eq!(night.said(Code::Missed), missed, "{time}");
        assert_eq!(night.run.start.by, Some(Source::Backup));
    }
}

#[test]
fn what_falls_on_one_instant_is_done_in_its_order() {
    // At 07:00: the last unit times out, the quiet batch settles, a retry is due, the deadline comes.
    let mut night = Night::sent_at(100, "06:50");
    night.run.instants.retries_at = vec![pacific("07:00")];
    night.run.retries.fixed_done = 0;
    let night = night
        .predicted(96, 96)
        .until("06:59:59")
        .quietly()
        .until("07:00");
    let codes = night.codes();
    let at = |wanted: Code| codes.iter().position(|code| *code == wanted);
    assert!(at(Code::Quiet).is_some(), "{codes:?}");
    assert!(at(Code::Quiet) < at(Code::RetryRemembered), "{codes:?}");
    assert!(at(Code::RetryRemembered) < at(Code::Judging), "{codes:?}");
}

#[test]
fn overdue_timers_run_by_their_instant() {
    let night = Night::sent_at(100, "06:10").predicted(90, 90).quietly();
    let night = night.down_until("07:20");
    let codes = night.codes();
    let at = |wanted: Code| codes.iter().position(|code| *code == wanted);
    assert!(at(Code::Missed) < at(Code::BatchLimit), "{codes:?}");
    assert!(at(Code::BatchLimit) < at(Code::Judging), "{codes:?}");
}

#[test]
fn a_question_that_is_never_answered_counts_as_one_that_could_not_be_asked() {
    let night = Night::designed()
        .until("00:30")
        .warehouse(Warehouse::Silent)
        .event();
    let night = night.until("00:44:59");
    assert_eq!(night.run.asking.failing_since, None);
    let night = night.until("00:45");
    assert_eq!(night.run.asking.error.as_deref(), Some("no answer"));
    assert_eq!(night.state(), State::Waiting);
    assert_eq!(
        night.warehouse(Warehouse::Up).until("00:46").state(),
        State::Running
    );
}

#[test]
fn rows_that_are_never_compared_are_asked_for_again() {
    let night = Night::of(10)
        .until("00:30")
        .event()
        .warehouse(Warehouse::Silent);
    let night = night
        .predicted(10, 10)
        .until("00:45")
        .warehouse(Warehouse::Up);
    assert_eq!(night.state(), State::Running);
    assert_eq!(night.until("00:46").state(), State::Complete);
}

#[test]
fn units_that_are_never_collected_are_collected_anew() {
    let mut night = Night::designed()
        .until("00:30")
        .warehouse(Warehouse::Silent)
        .event();
    let answer = Event::ReadinessAnswered {
        answer: crate::domain::Asked::Known(night.tables.clone()),
        expectation: night.expectation,
    };
    night = night.play(answer);
    assert!(night.run.staging.is_some());
    let night = night.until("01:29:59").warehouse(Warehouse::Up);
    assert_eq!(night.state(), State::Waiting);
    assert_eq!(night.until("01:31").state(), State::Running);
}

#[test]
fn a_quiet_look_changes_nothing_in_any_state() {
    for state in State::ALL {
        for warehouse in [Warehouse::Up, Warehouse::Down] {
            let night = night_in(state).warehouse(warehouse);
            let until = pacific("02:00").max(night.now);
            look_quietly(&night.until_instant(until).tick());
        }
    }
}

/// Looks between what falls due.
fn look_quietly(night: &Night) {
    let wake = night.run.next_wake(night.now);
    for seconds in [1, 7, 29] {
        let now = night.now + chrono::TimeDelta::seconds(seconds);
        if wake.is_some_and(|at| at > now) {
            let looked = step(night.run.clone(), &Event::Ticked, now);
            assert_eq!(looked.run, night.run);
            assert!(looked.effects.is_empty() && looked.orders.is_empty());
            assert_eq!(looked.why[0].code, Code::NothingDue);
        }
    }
}

#[test]
fn an_alert_whose_cause_only_grows_older_does_not_change_the_run() {
    for night in [
        night_in(State::Running).until("00:36"),
        Night::of(20)
            .until("00:30")
            .sink(Sink::Holds)
            .event()
            .until("00:36"),
        night_in(State::Waiting)
            .warehouse(Warehouse::Down)
            .until("01:40"),
    ] {
        assert!(night.run.alerts.iter().any(|alert| alert.is_open()));
        let texts = |run: &Run| -> Vec<String> {
            run.alerts.iter().map(|alert| alert.text.clone()).collect()
        };
        let later = night.clone().after(70);
        assert_eq!(texts(&later.run), texts(&night.run));
    }
}

#[test]
fn a_run_closes_twenty_four_hours_after_its_deadline_and_nothing_moves_it_any_more_but_its_counts()
{
    let closes_at = pacific("07:00") + chrono::TimeDelta::hours(24);
    let night = night_in(State::Partial).until_instant(closes_at - chrono::TimeDelta::seconds(1));
    assert_eq!(night.run.closed_at, None);
    let night = night.after(1);
    assert_eq!(night.run.closed_at, Some(closes_at));
    assert!(night.run.alerts.iter().all(|alert| !alert.is_open()));
    assert_eq!(night.run.next_wake(night.now), None);
    let before = night.run.clone();
    let mut night = night.quietly();
    let open: Vec<usize> = (380..420).collect();
    let late = night.world.answer_for(&open, Standing::Claimed, night.now);
    let night = night.play(Event::Answered(late));
    assert_eq!(night.run.counts.plan, night.world.standings());
    assert!(night.effects.is_empty() && night.said(Code::Closed));
    let mut counted = night.run;
    assert_ne!(counted.counts, before.counts);
    (counted.counts, counted.batch) = (before.counts.clone(), before.batch.clone());
    counted.steps = before.steps;
    assert_eq!(counted, before);
}

#[test]
fn what_a_person_starts_shortly_before_the_close_is_seen_through() {
    let closes_at = pacific("07:00") + chrono::TimeDelta::hours(24);
    let before = closes_at - chrono::TimeDelta::minutes(2);
    let night = night_in(State::Partial).until_instant(before).quietly();
    let night = night.play(super::night::forced());
    let night = night.until_instant(closes_at);
    assert_eq!((night.state(), night.sends()), (State::Running, 1));
    let night = night.predicted(40, 40);
    assert_eq!(night.state(), State::Complete);
    assert_eq!(night.clone().after(7_079).run.closed_at, None);
    assert!(night.after(7_080).run.closed_at.is_some());
}

#[test]
fn incident_72_lengths_are_between_instants_also_when_the_clocks_change() {
    let mut opening = super::night::opening(crate::domain::policy::Policy::phase4_to_phase5());
    opening.key.game_date = crate::domain::ids::GameDate("2026-03-08".parse().unwrap());
    let run = Run::open(opening, "2026-03-08T05:00:00Z".parse().unwrap());
    let instants = &run.instants;
    assert_eq!(
        (instants.deadline_at - instants.opens_at).num_minutes(),
        9 * 60
    );
    assert_eq!(
        (instants.deadline_at - instants.backups_at[0]).num_minutes(),
        60
    );
}

#[test]
fn a_backfill_has_no_schedule_and_no_deadline() {
    let night = Night::backfill(0).play(super::night::trigger(Source::Manual));
    assert_eq!(night.state(), State::Waiting);
    let night = night.after(86_399);
    assert_eq!((night.verdict(), night.run.ruling.is_some()), (None, false));
    assert!(!night.said(Code::Missed));
    assert!(night.run.alerts.is_empty());
}

#[test]
fn a_question_that_goes_unanswered_after_a_reset_leaves_no_earlier_look_behind() {
    // Failed at 06:45, it meant to look again at 06:50; the reset asks at once and hears nothing for 15 minutes.
    let night = super::triggers::night_in(State::Failed).warehouse(Warehouse::Silent);
    let night = night.play(Event::Reset {
        by: "ana".to_owned(),
        force: false,
    });
    assert_eq!(night.run.looks.catch_up_at, None);
    let night = night.until("07:00");
    assert!(night.run.next_wake(night.now) > Some(night.now));
    assert_eq!(night.state(), State::Waiting);
}
