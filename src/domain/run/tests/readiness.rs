//! When a waiting run starts, goes on waiting or gives up.

use super::{
    night::{Night, Warehouse, forced, pacific, trigger},
    triggers::night_in,
};
use crate::domain::{
    alert::{Kind, Severity},
    baseline::Baseline,
    event::Event,
    reason::Code,
    run::{Failure, State},
    trigger::Source,
};

/// A night of so many feature rows of which so many are ready, with ten nights of this share known.
fn slate(ready: u64, rows: u64, usual: f64) -> Night {
    Night::of(ready).listing(rows).baseline(Baseline {
        nights: 10,
        ready_share: Some(usual),
        ..Baseline::default()
    })
}

#[test]
fn eighty_percent_or_a_hundred_units_are_ready_and_one_fewer_is_not() {
    for (ready, rows, starts) in [
        (80, 100, true),
        (79, 100, false),
        (100, 450, true),
        (99, 450, false),
        (0, 0, false),
    ] {
        let night = slate(ready, rows, 0.0).until("00:30").event();
        assert_eq!(night.state() == State::Running, starts, "{ready} of {rows}");
    }
}

#[test]
fn what_is_ready_waits_for_the_upstream_to_have_finished() {
    let night = Night::designed()
        .until("00:30")
        .play(trigger(Source::Manual));
    assert_eq!(night.state(), State::Waiting);
    assert!(night.said(Code::UpstreamNotFinished));
    assert_eq!(night.finished().until("00:31").state(), State::Running);
}

#[test]
fn a_small_slate_with_a_usual_share_waits_five_minutes_and_no_longer() {
    let night = slate(30, 50, 0.75).until("00:30").event();
    assert_eq!(night.state(), State::Waiting);
    let night = night.until("00:34:59");
    assert_eq!(night.state(), State::Waiting);
    let night = night.until("00:35");
    assert_eq!(night.state(), State::Running);
    assert!(night.said(Code::UsualShare));
    assert!(!night.run.start.degraded);
}

#[test]
fn a_share_more_than_fifteen_points_from_the_usual_one_waits_to_the_end() {
    let night = slate(30, 50, 0.76).until("00:30").event();
    assert_eq!(night.until("06:29").state(), State::Waiting);
}

#[test]
fn while_fewer_than_ten_nights_are_known_it_waits_five_minutes_too() {
    let night = Night::of(30).listing(50).until("00:30").event();
    assert_eq!(night.until("00:35").state(), State::Running);
}

#[test]
fn a_wait_ends_thirty_minutes_after_the_backup_or_the_trigger_whichever_is_later() {
    let night = slate(10, 450, 0.9).until("00:30").event();
    assert_eq!(
        night.run.wait.as_ref().map(|wait| wait.until),
        Some(pacific("06:30"))
    );
    let night = slate(10, 450, 0.9).until("06:20").event();
    assert_eq!(
        night.run.wait.as_ref().map(|wait| wait.until),
        Some(pacific("06:50"))
    );
    let night = night.until("06:40").event();
    assert_eq!(
        night.run.wait.as_ref().map(|wait| wait.until),
        Some(pacific("07:10"))
    );
}

#[test]
fn at_the_end_of_the_wait_the_floor_decides_between_degraded_and_failed() {
    for (ready, rows, state) in [
        (50, 450, State::Running),
        (49, 450, State::Failed),
        (20, 40, State::Running),
        (19, 40, State::Failed),
        (0, 1, State::Failed),
    ] {
        let night = slate(ready, rows, 0.99).until("00:30").event();
        let night = night.until("06:29:59");
        assert_eq!(night.state(), State::Waiting, "{ready} of {rows}");
        let night = night.until("06:30");
        assert_eq!(night.state(), state, "{ready} of {rows}");
        assert_eq!(night.run.start.degraded, state == State::Running);
    }
}

#[test]
fn too_little_at_the_end_is_critical_and_names_the_numbers() {
    let night = slate(10, 450, 0.9).until("00:30").event().until("06:30");
    assert_eq!(night.run.failure, Some(Failure::InsufficientData));
    assert_eq!(
        night.open(Kind::NothingDispatched),
        Some(Severity::Critical)
    );
    let told = night.messages(Kind::NothingDispatched);
    assert!(told[0].alert.text.contains("only 10 of 450"), "{told:?}");
}

#[test]
fn a_failed_run_starts_when_enough_is_ready_after_all() {
    let night = slate(10, 450, 0.9).until("00:30").event().until("06:30");
    let night = night.with_ready(49).until("06:35");
    assert_eq!(night.state(), State::Failed);
    let night = night.with_ready(60).until("06:40");
    assert_eq!(night.state(), State::Running);
    assert!(night.run.start.degraded, "60 of 450");
    assert_eq!(night.open(Kind::NothingDispatched), None);
    let night = night_in(State::Failed).with_ready(420).until("07:30");
    assert!(!night.run.start.degraded);
}

#[test]
fn a_retry_on_a_failed_run_asks_at_once() {
    let night = night_in(State::Failed).with_ready(420);
    assert_eq!(night.play(trigger(Source::Retry)).state(), State::Running);
}

#[test]
fn incident_31_could_not_ask_is_never_ready_and_never_failed() {
    let night = Night::designed().until("00:30").warehouse(Warehouse::Down);
    let night = night.event().until("06:30");
    assert_eq!(night.state(), State::Waiting, "the wait is over");
    let night = night.until("09:00");
    assert_eq!((night.state(), night.sends()), (State::Waiting, 0));
    let night = night.warehouse(Warehouse::Up).until("09:01");
    assert_eq!(night.state(), State::Running, "it kept asking");
}

#[test]
fn could_not_ask_at_the_end_of_the_wait_gives_up_once_it_could_ask() {
    let night = slate(10, 450, 0.9).until("00:30").event().until("06:29");
    let night = night.warehouse(Warehouse::Down).until("06:45");
    assert_eq!(night.state(), State::Waiting);
    assert_eq!(
        night.warehouse(Warehouse::Up).until("06:46").state(),
        State::Failed
    );
}

#[test]
fn a_listing_that_fails_is_asked_again() {
    for event in [trigger(Source::Event), forced()] {
        let mut night = Night::designed().until("00:30").finished();
        night.warehouse = Warehouse::Silent;
        let night = night.play(event);
        let readiness = Event::ReadinessAnswered {
            answer: crate::domain::Asked::Known(night.tables.clone()),
            expectation: night.expectation,
        };
        let night = night.warehouse(Warehouse::Down).play(readiness);
        assert_eq!(
            (night.state(), night.run.staging.is_some()),
            (State::Waiting, false)
        );
        assert_eq!(
            night.warehouse(Warehouse::Up).until("00:31").state(),
            State::Running
        );
    }
}

#[test]
fn incident_30_stale_rows_are_not_ready_and_are_told() {
    let mut night = Night::of(0).listing(420);
    night.tables.stale = 420;
    let night = night.until("00:30").event().until("06:30");
    assert_eq!(night.state(), State::Failed);
    assert_eq!(night.open(Kind::FeaturesStale), Some(Severity::Warning));
}

#[test]
fn rows_with_one_score_and_none_ready_look_systematic() {
    let mut night = Night::of(0).listing(196);
    night.tables.quality_scores_distinct = 1;
    night.tables.quality = vec![crate::domain::readiness::QualityBucket {
        from: 70,
        to: 80,
        units: 196,
    }];
    let night = night.until("00:30").event();
    let said = night.why.iter().any(|reason| {
        reason
            .text
            .contains("looks systematic (196 score 70 to 79)")
    });
    assert!(said, "{:?}", night.why);
}

#[test]
fn incident_02_an_event_that_never_comes_is_caught_up_within_five_minutes_and_told() {
    let night = Night::designed().until("00:31").finished();
    let night = night.until("00:35:59");
    assert_eq!(night.state(), State::Expected);
    let night = night.until("00:36");
    assert_eq!(night.state(), State::Running);
    assert_eq!(night.run.start.by, Some(Source::CatchUp));
    assert_eq!(night.open(Kind::EventPathSilent), Some(Severity::Warning));
    let mut second = Night::designed();
    second.run.baseline.last_without_event = true;
    let second = second.until("00:31").finished().until("00:36");
    assert_eq!(second.open(Kind::EventPathSilent), Some(Severity::Critical));
}

#[test]
fn an_event_within_its_five_minutes_is_not_overtaken() {
    let night = Night::designed()
        .until("00:31")
        .finished()
        .until("00:35:30");
    let night = night.event();
    assert_eq!(night.run.start.by, Some(Source::Event));
    assert_eq!(night.open(Kind::EventPathSilent), None);
}

#[test]
fn an_event_that_comes_after_the_backup_started_ends_the_alert_and_not_the_record() {
    let night = Night::designed().until("00:31").finished().until("00:40");
    let night = night.event();
    assert_eq!(night.run.start.by, Some(Source::CatchUp));
    assert_eq!(night.open(Kind::EventPathSilent), None);
    assert_eq!(night.run.night().started_by, Some(Source::CatchUp));
}

#[test]
fn the_run_history_is_asked_again_after_it_could_not_be() {
    let night = Night::designed()
        .warehouse(Warehouse::Down)
        .until("00:31")
        .finished();
    let night = night.until("00:50");
    assert_eq!(night.state(), State::Expected);
    assert_eq!(
        night.warehouse(Warehouse::Up).until("00:56").state(),
        State::Running
    );
}

#[test]
fn units_that_all_have_rows_complete_the_run_without_a_send() {
    let mut night = Night::of(30).until("00:30");
    night.world.rows(0..30, pacific("00:10"));
    night.world.compare(night.now);
    let night = night.event();
    assert_eq!((night.state(), night.sends()), (State::Complete, 0));
}

#[test]
fn units_that_vanish_while_they_are_collected_leave_the_run_waiting() {
    let mut night = Night::of(30).until("00:30");
    night.world.grow(0);
    let night = night.event();
    assert_eq!(
        night.state(),
        State::Waiting,
        "never complete with nothing ready"
    );
    assert!(night.said(Code::NotReady));
}

#[test]
fn an_answer_to_a_question_that_nobody_asked_starts_nothing() {
    let night = night_in(State::Failed).with_ready(420).quietly();
    let night = night.clone().play(Event::ReadinessAnswered {
        answer: crate::domain::Asked::Known(night.tables.clone()),
        expectation: night.expectation,
    });
    assert_eq!((night.state(), night.sends()), (State::Failed, 0));
    assert!(night.said(Code::Outdated));
}

#[test]
fn a_failed_run_asks_again_after_it_could_not() {
    let night = night_in(State::Failed)
        .warehouse(Warehouse::Down)
        .until("07:30");
    assert_eq!(night.state(), State::Failed);
    let mut night = night
        .warehouse(Warehouse::Silent)
        .with_ready(420)
        .until("07:40");
    let answer = crate::domain::Asked::Known(night.tables.clone());
    let expectation = night.expectation;
    night.run.asking.readiness_since = Some(night.now);
    let night = night.warehouse(Warehouse::Down);
    let night = night.play(Event::ReadinessAnswered {
        answer,
        expectation,
    });
    assert_eq!(
        (night.state(), night.run.staging.is_some()),
        (State::Failed, false)
    );
    assert_eq!(
        night.warehouse(Warehouse::Up).until("07:50").state(),
        State::Running
    );
}

#[test]
fn without_a_feature_row_the_ready_share_is_zero() {
    let night = Night::of(0).until("00:30").event();
    let readiness = night.run.readiness.unwrap();
    assert_eq!((readiness.share(), readiness.gap_share()), (0.0, 0.0));
}
