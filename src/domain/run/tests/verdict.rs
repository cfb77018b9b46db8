//! The ruling on the promise: when it is made, what it follows, and the one correction.

use super::{
    night::{Night, Warehouse, pacific, trigger},
    triggers::night_in,
};
use crate::domain::{
    Asked,
    alert::{Change, Kind, Severity},
    completion::{Standing, Tally},
    event::Event,
    policy::Policy,
    reason::Code,
    run::State,
    sla::{Ruling, Verdict},
    trigger::Source,
};

fn ruling(night: &Night) -> Ruling {
    night.run.ruling.clone().unwrap()
}

/// A night whose units are sent at 06:50.
fn late_start(units: u64) -> Night {
    Night::sent_at(units, "06:50")
}

#[test]
fn a_run_that_is_complete_in_time_has_met_its_promise_at_once() {
    let night = night_in(State::Complete);
    assert_eq!(night.verdict(), Some(Verdict::Met));
    let ruling = ruling(&night);
    assert_eq!(
        (ruling.dated_at, ruling.confirmed),
        (pacific("00:33"), true)
    );
    let night = night.until("08:00");
    assert_eq!(night.told(Kind::DeadlineBreached), []);
}

#[test]
fn exactly_the_deadline_is_in_time_and_a_second_later_is_not() {
    let night = Night::sent_at(100, "06:55").until("06:59:59");
    let night = night.predicted(99, 99);
    for (time, verdict) in [("07:00", Verdict::Met), ("07:00:01", Verdict::Breached)] {
        // Nothing else happens at the deadline: the warehouse is slow, the last answer comes.
        let mut night = night.clone().warehouse(Warehouse::Silent).until("07:00");
        night.run.policy.sla.gap_units_max = 0;
        night.now = pacific(time);
        let night = night.predicted(1, 1).warehouse(Warehouse::Up);
        let mut night = night;
        let tally = night.world.compare(night.now);
        let night = night.play(Event::Reconciled(Asked::Known(tally)));
        assert_eq!(night.verdict(), Some(verdict), "{time}");
    }
}

#[test]
fn an_accepted_gap_is_met_at_the_deadline_and_not_before() {
    let night = Night::of(100).until("00:30").event().until("00:33");
    let night = night.predicted(96, 96).answered(4, Standing::Failed);
    assert!(night.run.is_accepted());
    assert_eq!(night.verdict(), Some(Verdict::OnTrack));
    let night = night.until("06:59:59");
    assert_ne!(night.verdict(), Some(Verdict::Met));
    let night = night.until("07:00");
    assert_eq!(night.verdict(), Some(Verdict::Met));
    assert_eq!(ruling(&night).dated_at, pacific("07:00"));
}

#[test]
fn a_gap_outside_tolerance_breaches_at_the_deadline_and_not_before() {
    for (failed, verdict) in [(5, Verdict::Met), (6, Verdict::Breached)] {
        let night = late_start(100).until("06:55").predicted(100 - failed, 100);
        let night = night.answered(failed, Standing::Failed).until("06:59:59");
        assert_ne!(night.verdict(), Some(Verdict::Breached));
        let night = night.until("07:00");
        assert_eq!(night.verdict(), Some(verdict), "{failed} failed");
    }
}

#[test]
fn incident_05_a_run_that_nothing_ever_asked_for_breaches_and_pages() {
    let mut policy = Policy::phase4_to_phase5();
    policy.schedule.backup = None;
    let night = Night::opened(super::night::opening(policy), 420).until("07:00");
    assert_eq!(
        (night.state(), night.verdict()),
        (State::Expected, Some(Verdict::Breached))
    );
    assert!(ruling(&night).confirmed);
    let told = night.messages(Kind::DeadlineBreached);
    assert_eq!(
        (told.len(), told[0].alert.severity),
        (1, Severity::Critical)
    );
    assert!(
        told[0]
            .alert
            .text
            .contains("nothing asked for the run by 07:00 PST")
    );
}

#[test]
fn an_early_met_is_lost_when_the_run_is_re_opened_before_its_deadline() {
    let night = night_in(State::Complete)
        .with_ready(430)
        .play(trigger(Source::Event));
    assert_eq!(
        (night.state(), night.verdict()),
        (State::Running, Some(Verdict::OnTrack))
    );
    assert_eq!(night.run.completed_at, None);
    let done = night.clone().predicted(10, 10);
    assert_eq!(done.verdict(), Some(Verdict::Met));
    let night = night_in(State::Complete)
        .with_ready(500)
        .play(trigger(Source::Event));
    assert_eq!(
        night.until("07:00").verdict(),
        Some(Verdict::Breached),
        "80 of 500 are open"
    );
}

#[test]
fn a_reset_before_the_deadline_loses_an_early_met_too() {
    let reset = Event::Reset {
        by: "ana".to_owned(),
        force: false,
    };
    let night = night_in(State::Complete)
        .warehouse(Warehouse::Silent)
        .play(reset.clone());
    assert_eq!(
        (night.state(), night.verdict()),
        (State::Waiting, Some(Verdict::OnTrack))
    );
    let night = night_in(State::Complete).until("07:00").play(reset);
    assert_eq!(
        night.verdict(),
        Some(Verdict::Met),
        "after the deadline it stays"
    );
}

#[test]
fn a_run_re_opened_after_its_deadline_keeps_its_verdict() {
    for (met, verdict) in [(true, Verdict::Met), (false, Verdict::Breached)] {
        let state = if met {
            State::Complete
        } else {
            State::Expected
        };
        let night = night_in(state).until("05:59");
        let mut night = if met { night } else { night.with_ready(0) };
        night = night.until("07:00").with_ready(500).event();
        night = night.until("07:10");
        assert_eq!(night.verdict(), Some(verdict));
    }
}

#[test]
fn until_the_last_reconciliation_answers_it_is_judging_for_sixty_seconds_at_most() {
    let night = late_start(100).until("06:55").predicted(100, 50);
    let night = night
        .until("06:59:30")
        .warehouse(Warehouse::Silent)
        .until("07:00");
    assert_eq!(night.verdict(), Some(Verdict::Judging));
    let night = night.until("07:00:59");
    assert_eq!(night.verdict(), Some(Verdict::Judging));
    let night = night.until("07:01");
    assert_eq!(
        night.verdict(),
        Some(Verdict::Met),
        "it follows the answers"
    );
    assert!(!ruling(&night).confirmed);
}

#[test]
fn complete_reached_while_judging_is_met_with_its_own_date() {
    let night = late_start(100).until("06:55").predicted(100, 0);
    let mut night = night
        .until("06:59")
        .warehouse(Warehouse::Silent)
        .until("07:00");
    night.world.rows(0..100, pacific("06:58"));
    let tally = night.world.compare(night.now);
    let night = night.play(Event::Reconciled(Asked::Known(tally)));
    assert_eq!(
        (night.state(), night.verdict()),
        (State::Complete, Some(Verdict::Met))
    );
    assert_eq!(ruling(&night).dated_at, pacific("06:58"));
    assert_eq!(night.told(Kind::DeadlineBreached), []);
}

#[test]
fn an_unconfirmed_verdict_is_told_and_confirmed_by_the_first_reconciliation() {
    let night = late_start(100).until("06:55").warehouse(Warehouse::Down);
    let night = night.predicted(100, 0).until("07:01");
    assert_eq!(night.verdict(), Some(Verdict::Met));
    assert_eq!(
        night.open(Kind::VerdictUnconfirmed),
        Some(Severity::Critical)
    );
    let mut night = night.until("07:10");
    night.world.rows(0..100, pacific("06:58"));
    let night = night.warehouse(Warehouse::Up).until("07:11");
    assert!(ruling(&night).confirmed && !ruling(&night).corrected);
    assert_eq!(night.open(Kind::VerdictUnconfirmed), None);
}

#[test]
fn an_unconfirmed_verdict_is_corrected_once_either_way_and_then_stands() {
    // The answers said met; the rows do not.
    let night = late_start(100).until("06:50:30").warehouse(Warehouse::Down);
    let met = night.clone().predicted(100, 0).until("07:05");
    assert_eq!(met.verdict(), Some(Verdict::Met));
    let breached = met.warehouse(Warehouse::Up).until("07:06");
    assert_eq!(breached.verdict(), Some(Verdict::Breached));
    assert!(ruling(&breached).corrected && ruling(&breached).confirmed);
    let mut late = breached;
    late.world.rows(0..100, pacific("06:58"));
    assert_eq!(
        late.until("07:20").verdict(),
        Some(Verdict::Breached),
        "once"
    );
    // Nobody answered; the rows were there.
    let mut night = night.until("07:05");
    assert_eq!(night.verdict(), Some(Verdict::Breached));
    night.world.rows(0..100, pacific("06:58"));
    let night = night.warehouse(Warehouse::Up).until("07:06");
    assert_eq!(night.verdict(), Some(Verdict::Met));
    assert!(night.said(Code::Corrected));
    assert_eq!(
        night.told(Kind::DeadlineBreached).last().map(|told| told.0),
        Some(Change::Resolved)
    );
}

#[test]
fn an_unconfirmed_verdict_of_a_settled_run_is_still_looked_into() {
    let night = late_start(100).until("06:52").predicted(90, 90);
    let night = night
        .answered(10, Standing::Failed)
        .warehouse(Warehouse::Down);
    let night = night.until("07:30");
    assert_eq!(night.state(), State::Partial);
    assert!(!ruling(&night).confirmed);
    let night = night.warehouse(Warehouse::Up).until("07:32");
    assert!(ruling(&night).confirmed);
}

#[test]
fn claims_that_are_missing_at_the_deadline_do_not_count_as_kept() {
    let night = late_start(100).until("06:51").predicted(100, 60);
    assert_eq!(night.until("07:00").verdict(), Some(Verdict::Breached));
}

#[test]
fn a_claim_whose_row_is_missing_is_one_open_unit_and_not_two() {
    let night = late_start(100).until("06:51").predicted(100, 97);
    let night = night.until("07:00");
    assert_eq!(night.run.counts.missing, 3);
    assert_eq!(
        (night.run.counts.gap_in_time(), night.verdict()),
        (3, Some(Verdict::Met))
    );
}

/// Rows are being compared since 06:58, and what that finds is not told yet; the last ten of 100 are written at 06:59.
fn compared_early() -> (Night, Tally) {
    let night = late_start(100).until("06:55").predicted(90, 90);
    let mut night = night.warehouse(Warehouse::Silent).until("06:58");
    let early = night.world.compare(night.now);
    night.world.rows(90..100, pacific("06:59"));
    (night, early)
}

#[test]
fn a_comparison_that_began_before_the_deadline_is_made_once_more_before_the_verdict() {
    let (night, early) = compared_early();
    let night = night.until("07:00");
    assert_eq!(night.verdict(), Some(Verdict::Judging));
    let mut night = night.play(Event::Reconciled(Asked::Known(early)));
    assert_eq!(night.verdict(), Some(Verdict::Judging));
    assert_eq!(night.run.asking.rows_since, Some(pacific("07:00")));
    let tally = night.world.compare(night.now);
    let night = night.play(Event::Reconciled(Asked::Known(tally)));
    assert_eq!(night.verdict(), Some(Verdict::Met));
}

#[test]
fn a_comparison_that_began_before_the_deadline_confirms_no_verdict_either() {
    let (night, early) = compared_early();
    let night = night.until("07:01:30");
    assert_eq!(night.verdict(), Some(Verdict::Breached));
    let night = night.warehouse(Warehouse::Up);
    let night = night.play(Event::Reconciled(Asked::Known(early)));
    assert_eq!(night.verdict(), Some(Verdict::Met), "by the next one");
    assert!(ruling(&night).corrected);
}

#[test]
fn a_promise_broken_by_a_night_that_has_finished_meanwhile_is_told_all_the_same() {
    let night = Night::sent_at(100, "06:52")
        .until("06:59")
        .predicted(90, 90);
    let mut night = night.warehouse(Warehouse::Silent).until("07:00");
    night.now = pacific("07:00:03");
    let mut night = night.predicted(10, 10);
    let tally = night.world.compare(night.now);
    let night = night.play(Event::Reconciled(Asked::Known(tally)));
    assert_eq!(
        (night.state(), night.verdict()),
        (State::Complete, Some(Verdict::Breached))
    );
    let opened = (Change::Opened, Severity::Critical);
    assert_eq!(night.told(Kind::DeadlineBreached), [opened]);
    let night = night.until("08:00");
    let resolved = (Change::Resolved, Severity::Critical);
    assert_eq!(night.told(Kind::DeadlineBreached), [opened, resolved]);
    for told in night.messages(Kind::DeadlineBreached) {
        assert_eq!(told.alert.text, "finished at 07:00 PST, late by 1 min");
    }
}

#[test]
fn an_in_time_claim_counts_only_if_its_row_was_in_time() {
    let night = late_start(100).until("06:59").predicted(100, 0);
    let mut night = night
        .until("06:59:30")
        .warehouse(Warehouse::Down)
        .until("07:02");
    assert_eq!(night.verdict(), Some(Verdict::Met));
    night.world.rows(0..100, pacific("07:01"));
    let night = night.warehouse(Warehouse::Up).until("07:04");
    assert_eq!(
        night.verdict(),
        Some(Verdict::Breached),
        "a row's created_at is what counts"
    );
    let opened = (Change::Opened, Severity::Critical);
    assert_eq!(night.told(Kind::DeadlineBreached)[..1], [opened]);
}

#[test]
fn finishing_after_the_deadline_stays_breached_and_is_told_as_late_by() {
    let night = late_start(100)
        .until("06:59")
        .predicted(50, 50)
        .until("07:00");
    assert_eq!(night.open(Kind::DeadlineBreached), Some(Severity::Critical));
    let mut night = night.until("07:23");
    let tally =
        night
            .world
            .answer_for(&(50..100).collect::<Vec<_>>(), Standing::Claimed, night.now);
    night.world.store(50, night.now);
    let night = night.play(Event::Answered(tally));
    assert_eq!(
        (night.state(), night.verdict()),
        (State::Complete, Some(Verdict::Breached))
    );
    let told = night.messages(Kind::DeadlineBreached);
    let last = told.last().unwrap();
    assert_eq!(last.change, Change::Resolved);
    assert_eq!(last.alert.text, "finished at 07:23 PST, late by 23 min");
    assert!(
        night
            .why
            .iter()
            .any(|reason| reason.text.contains("late by 23 min"))
    );
}

#[test]
fn down_through_the_deadline_it_is_judged_late_and_dated_with_the_deadline() {
    let night = late_start(100)
        .until("06:52")
        .predicted(50, 50)
        .down_until("07:30");
    let ruling = ruling(&night);
    assert_eq!(
        (ruling.kept, ruling.late, ruling.confirmed),
        (false, true, false)
    );
    assert_eq!(
        (ruling.dated_at, ruling.made_at),
        (pacific("07:00"), pacific("07:30"))
    );
    let told = night.messages(Kind::DeadlineBreached);
    assert!(told[0].alert.text.contains("when the service came back"));
    assert_eq!(
        night.open(Kind::VerdictUnconfirmed),
        None,
        "the warehouse was asked"
    );
}

#[test]
fn a_minute_late_is_not_down() {
    for (time, late) in [("07:01", false), ("07:01:01", true)] {
        let night = late_start(100)
            .until("06:52")
            .predicted(50, 50)
            .down_until(time);
        assert_eq!(ruling(&night).late, late, "{time}");
    }
}

#[test]
fn answers_that_were_in_time_and_arrive_late_correct_a_late_verdict_once() {
    let night = late_start(100)
        .until("06:52")
        .predicted(50, 50)
        .down_until("07:30");
    assert_eq!(night.verdict(), Some(Verdict::Breached));
    let mut night = night.until("07:35");
    let rest: Vec<usize> = (50..100).collect();
    let tally = night
        .world
        .answer_for(&rest, Standing::Claimed, pacific("06:55"));
    night.world.rows(50..100, pacific("06:55"));
    let night = night.play(Event::Answered(tally));
    assert_eq!(night.verdict(), Some(Verdict::Met));
    assert!(ruling(&night).corrected && ruling(&night).confirmed);
    assert_eq!(ruling(&night).dated_at, pacific("07:00"));
}

#[test]
fn a_late_verdict_stands_eleven_minutes_after_the_start() {
    let night = late_start(100)
        .until("06:52")
        .predicted(50, 50)
        .down_until("07:30");
    let night = night.until("07:40:59");
    assert!(!ruling(&night).confirmed);
    let mut night = night.until("07:41");
    assert!(ruling(&night).confirmed);
    let rest: Vec<usize> = (50..100).collect();
    let tally = night
        .world
        .answer_for(&rest, Standing::Claimed, pacific("06:55"));
    night.world.rows(50..100, pacific("06:55"));
    let night = night.play(Event::Answered(tally)).until("08:00");
    assert_eq!(night.verdict(), Some(Verdict::Breached));
}

#[test]
fn a_late_verdict_that_could_not_be_compared_stays_open_until_it_is() {
    let night = late_start(100).until("06:52").predicted(50, 50);
    let night = night
        .warehouse(Warehouse::Down)
        .down_until("07:30")
        .until("08:30");
    assert!(!ruling(&night).confirmed);
    assert_eq!(
        night.open(Kind::VerdictUnconfirmed),
        Some(Severity::Critical)
    );
    let night = night.warehouse(Warehouse::Up).until("08:32");
    assert!(ruling(&night).confirmed);
}

#[test]
fn a_night_that_was_never_dispatched_is_judged_at_once_also_late() {
    let night = Night::of(0).until("05:00").down_until("07:30");
    assert_eq!(night.verdict(), Some(Verdict::Breached));
    assert!(ruling(&night).late);
    assert!(!ruling(&night).confirmed && ruling(&night).compared);
}

#[test]
fn rows_are_compared_two_minutes_before_the_deadline() {
    let night = late_start(100).until("06:55").predicted(50, 50).quietly();
    let night = night.until("06:57:59");
    let reconciles = |night: &Night| {
        night
            .effects
            .contains(&crate::domain::effect::Effect::Reconcile)
    };
    assert!(!reconciles(&night));
    assert!(reconciles(&night.until("06:58")));
}

#[test]
fn every_verdict_has_its_name_and_a_run_without_promises_has_none() {
    let names = Verdict::ALL.map(Verdict::name);
    assert_eq!(names, ["on_track", "at_risk", "judging", "met", "breached"]);
    assert_eq!(night_in(State::NotExpected).verdict(), None);
    let names = State::ALL.map(State::name);
    assert_eq!(names[0], "expected");
}
