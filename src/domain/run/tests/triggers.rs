//! What a trigger does in each state: section 2's table, row by row, and what a run remembers of its triggers.

use chrono::TimeDelta;

use super::night::{Night, Sink, Warehouse, forced, opening, pacific, trigger};
use crate::domain::{
    calendar::Expectation,
    completion::Standing,
    effect::Effect,
    event::Event,
    policy::Policy,
    reason::Code,
    run::{Opening, State},
    trigger::{Source, Trigger},
};

/// A night in the given state, with nothing outstanding that its state does not need.
pub fn night_in(state: State) -> Night {
    let night = Night::designed().until("00:30");
    match state {
        State::Expected => night,
        State::Waiting => night.with_ready(10).event(),
        State::Dispatching => night.sink(Sink::Holds).event(),
        State::Running => night.event(),
        State::Complete => night.completed(),
        State::Partial => {
            let night = night.event().until("00:33").predicted(380, 380);
            night.answered(40, Standing::Failed)
        }
        State::Failed => night.with_ready(10).event().until("06:45"),
        State::NotExpected => not_expected(),
    }
}

fn not_expected() -> Night {
    let opening = Opening {
        expectation: Expectation::NoGames,
        ..opening(Policy::phase4_to_phase5())
    };
    let mut night = Night::opened(opening, 0);
    night.tables.games.clear();
    night.until("00:30")
}

/// What a trigger leads to: the state, whether readiness is asked, the first reason.
struct Row {
    state: State,
    source: Source,
    then: State,
    asks: bool,
    says: Code,
}

const fn row(state: State, source: Source, then: State, asks: bool, says: Code) -> Row {
    Row {
        state,
        source,
        then,
        asks,
        says,
    }
}

const TABLE: [Row; 32] = {
    use Code as C;
    use Source::{Backup, Event as Ev, Manual, Retry};
    use State as S;
    [
        row(S::Expected, Ev, S::Waiting, true, C::Accepted),
        row(S::Expected, Backup, S::Waiting, true, C::Accepted),
        row(S::Expected, Manual, S::Waiting, true, C::Accepted),
        row(S::Expected, Retry, S::Expected, false, C::NothingToRetry),
        row(S::Waiting, Ev, S::Waiting, true, C::Merged),
        row(S::Waiting, Backup, S::Waiting, true, C::Merged),
        row(S::Waiting, Manual, S::Waiting, true, C::Merged),
        row(S::Waiting, Retry, S::Waiting, true, C::Merged),
        row(S::Dispatching, Ev, S::Dispatching, false, C::Merged),
        row(
            S::Dispatching,
            Backup,
            S::Dispatching,
            false,
            C::NothingToDo,
        ),
        row(
            S::Dispatching,
            Manual,
            S::Dispatching,
            false,
            C::NothingToDo,
        ),
        row(
            S::Dispatching,
            Retry,
            S::Dispatching,
            false,
            C::RetryRemembered,
        ),
        row(S::Running, Ev, S::Running, false, C::Merged),
        row(S::Running, Backup, S::Running, false, C::NothingToDo),
        row(S::Running, Manual, S::Running, false, C::NothingToDo),
        row(S::Running, Retry, S::Running, false, C::RetryRemembered),
        row(S::Complete, Ev, S::Complete, true, C::Accepted),
        row(S::Complete, Backup, S::Complete, true, C::Accepted),
        row(S::Complete, Manual, S::Complete, true, C::Accepted),
        row(S::Complete, Retry, S::Complete, true, C::NothingToRetry),
        row(S::Partial, Ev, S::Partial, true, C::Accepted),
        row(S::Partial, Backup, S::Partial, true, C::Accepted),
        row(S::Partial, Manual, S::Partial, true, C::Accepted),
        row(S::Partial, Retry, S::Partial, false, C::RetryDue),
        row(S::Failed, Ev, S::Waiting, true, C::Accepted),
        row(S::Failed, Backup, S::Waiting, true, C::Accepted),
        row(S::Failed, Manual, S::Waiting, true, C::Accepted),
        row(S::Failed, Retry, S::Failed, true, C::Accepted),
        row(S::NotExpected, Ev, S::NotExpected, true, C::NoGames),
        row(S::NotExpected, Backup, S::NotExpected, true, C::NoGames),
        row(S::NotExpected, Manual, S::NotExpected, false, C::NoGames),
        row(
            S::NotExpected,
            Retry,
            S::NotExpected,
            false,
            C::NothingToRetry,
        ),
    ]
};

#[test]
fn every_trigger_does_in_every_state_what_the_table_says() {
    for row in &TABLE {
        // The warehouse is silent, so that only the trigger's own step is seen.
        let night = night_in(row.state).warehouse(Warehouse::Silent).quietly();
        assert_eq!(night.state(), row.state, "{:?} before", row.state);
        let night = night.play(trigger(row.source));
        let case = format!("{:?} in {:?}: {:?}", row.source, row.state, night.why);
        assert_eq!(night.state(), row.then, "{case}");
        assert_eq!(night.asked_readiness(), row.asks, "{case}");
        assert_eq!(night.codes().first(), Some(&row.says), "{case}");
    }
}

#[test]
fn catch_up_does_what_backup_does() {
    for state in State::ALL {
        let [backup, catch_up] = [Source::Backup, Source::CatchUp].map(|source| {
            let night = night_in(state).warehouse(Warehouse::Silent).quietly();
            let night = night.play(trigger(source));
            (night.state(), night.codes(), night.asked_readiness())
        });
        assert_eq!(backup, catch_up, "{state:?}");
    }
}

#[test]
fn incident_26_two_triggers_make_one_dispatch() {
    let night = Night::designed().until("00:30").event().event();
    assert_eq!((night.sends(), night.run.batches), (1, 1));
    let slow = Night::designed().until("00:30").sink(Sink::Holds).event();
    assert_eq!(slow.play(trigger(Source::Backup)).event().sends(), 1);
    // Both arrive before the warehouse has answered either.
    let night = Night::designed()
        .until("00:30")
        .warehouse(Warehouse::Silent)
        .quietly();
    let night = night.event().event();
    let asks = |effect: &&Effect| **effect == Effect::AskReadiness;
    assert_eq!(night.effects.iter().filter(asks).count(), 1);
}

#[test]
fn an_event_during_a_batch_makes_newly_ready_units_the_next_batch() {
    let night = Night::designed().until("00:30").event().until("00:31");
    let night = night.event().with_ready(430).until("00:33");
    let night = night.predicted(420, 420);
    assert_eq!((night.state(), night.run.batches), (State::Running, 2));
    assert_eq!(night.run.batch.as_ref().map(|batch| batch.frozen), Some(10));
    let night = night.predicted(10, 10);
    assert_eq!(night.state(), State::Complete);
    assert_eq!(night.run.counts.ready, 430);
}

#[test]
fn a_complete_run_with_nothing_new_says_so_and_stays() {
    let night = night_in(State::Complete).quietly();
    for source in [Source::Event, Source::Backup, Source::Manual, Source::Retry] {
        let night = night.clone().play(trigger(source));
        assert_eq!(night.state(), State::Complete, "{source:?}");
        assert!(night.said(Code::NothingNew), "{source:?}: {:?}", night.why);
        assert_eq!(night.sends(), 0);
    }
}

#[test]
fn a_complete_run_sends_what_is_newly_ready_whatever_asks() {
    for source in [Source::Event, Source::Backup, Source::Manual, Source::Retry] {
        let night = night_in(State::Complete).with_ready(425).quietly();
        let night = night.play(trigger(source));
        assert_eq!((night.state(), night.sends()), (State::Running, 1));
        assert_eq!(night.run.batch.as_ref().map(|batch| batch.frozen), Some(5));
    }
}

#[test]
fn newly_ready_units_are_sent_though_the_budget_for_retries_is_used_up() {
    let mut night = night_in(State::Complete);
    night.run.retries.units = 10_000;
    night.run.retries.units_automatic = 10_000;
    let night = night.with_ready(425).play(trigger(Source::Event));
    assert_eq!(night.run.batch.as_ref().map(|batch| batch.frozen), Some(5));
}

#[test]
fn a_date_without_games_opens_when_the_tables_have_games_or_a_ready_unit() {
    for source in [Source::Event, Source::Backup, Source::CatchUp] {
        let night = not_expected().quietly().play(trigger(source));
        assert_eq!(night.state(), State::NotExpected, "{source:?}");
        let night = night.with_ready(1).play(trigger(source));
        assert_eq!(night.state(), State::Waiting, "{source:?}");
        assert!(night.run.start.on_empty_date);
    }
    let mut night = not_expected();
    night.expectation = Expectation::Games;
    let night = night.play(trigger(Source::Event));
    assert_eq!(
        night.state(),
        State::Waiting,
        "the calendar changed its mind"
    );
    assert!(!night.run.start.on_empty_date);
}

#[test]
fn a_date_without_games_is_asked_again_while_the_warehouse_is_down() {
    let night = not_expected().warehouse(Warehouse::Down);
    let night = night.play(trigger(Source::Event)).until("00:40");
    assert_eq!(night.state(), State::NotExpected);
    let night = night.with_ready(30).warehouse(Warehouse::Up).until("00:50");
    assert_ne!(night.state(), State::NotExpected);
}

#[test]
fn the_backup_looks_at_a_date_without_games_too() {
    let night = not_expected().with_ready(40).until("05:59");
    assert_eq!(night.state(), State::NotExpected);
    assert_eq!(night.until("06:00").state(), State::Waiting);
}

#[test]
fn a_person_opens_a_date_without_games_only_by_force() {
    assert_eq!(
        not_expected().play(trigger(Source::Manual)).state(),
        State::NotExpected
    );
    assert_eq!(not_expected().play(forced()).state(), State::Waiting);
}

#[test]
fn incident_64_a_date_without_games_alerts_nobody_all_day() {
    let night = not_expected().until_instant(pacific("23:00") + TimeDelta::hours(9));
    assert!(night.run.closed_at.is_some());
    assert_eq!(night.verdict(), None);
    assert!(
        !night
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Tell(_)))
    );
}

#[test]
fn the_trigger_that_led_to_the_dispatch_stays_the_one_that_started_it() {
    let night = Night::designed().until("00:30").sink(Sink::Holds);
    let night = night.finished().play(trigger(Source::Backup));
    assert_eq!(night.state(), State::Dispatching);
    // Frozen, and nothing published yet: the event is too late to have led to it.
    let night = night.event();
    assert_eq!(night.run.start.by, Some(Source::Backup));
    assert!(night.run.start.event_at.is_some());
}

#[test]
fn of_several_finishes_the_one_that_led_to_the_dispatch_counts() {
    let night = Night::designed().with_ready(10).until("00:20").event();
    let night = night.until("00:30").with_ready(420).event();
    assert_eq!(night.run.start.finished_at, Some(pacific("00:30")));
    let night = night.until("00:33").predicted(420, 420);
    let night = night.until("02:00").event();
    assert_eq!(night.run.start.finished_at, Some(pacific("00:30")));
    assert_eq!(night.run.start_latency_seconds(night.now), Some(0.0));
}

#[test]
fn a_persons_minutes_replace_the_filter_of_the_run() {
    let event = Event::Triggered(Trigger {
        min_minutes: Some(5.0),
        ..Trigger::of(Source::Manual)
    });
    for state in [
        State::Expected,
        State::Waiting,
        State::Complete,
        State::Partial,
    ] {
        let night = night_in(state)
            .warehouse(Warehouse::Silent)
            .play(event.clone());
        assert_eq!(night.run.policy.filters.min_minutes, 5.0, "{state:?}");
    }
}

#[test]
fn force_sends_what_is_ready_now_however_few() {
    for state in [State::Expected, State::Waiting, State::Failed] {
        let night = night_in(state).with_ready(3).quietly().play(forced());
        assert_eq!(
            (night.state(), night.sends()),
            (State::Running, 1),
            "{state:?}"
        );
        assert!(night.said(Code::Forced));
        assert_eq!(night.run.batch.as_ref().map(|batch| batch.frozen), Some(3));
    }
}

#[test]
fn force_allows_one_attempt_more_for_a_gap() {
    let night = night_in(State::Partial).quietly().play(forced());
    let staged = night.effects.iter().find_map(|effect| match effect {
        Effect::Stage(order) => Some((order.attempts_max, order.units_max)),
        _ => None,
    });
    assert_eq!(staged, Some((4, None)));
    assert_eq!(night.state(), State::Running);
}

#[test]
fn force_with_nothing_ready_waits_like_any_other() {
    let night = Night::designed()
        .with_ready(0)
        .until("00:30")
        .play(forced());
    assert_eq!(night.state(), State::Waiting);
    let night = night.with_ready(2).until("00:31");
    assert_eq!(
        night.state(),
        State::Waiting,
        "it was for what was ready then"
    );
}

#[test]
fn force_outlives_a_warehouse_that_cannot_be_asked() {
    let night = Night::designed().with_ready(3).until("00:30");
    let night = night
        .warehouse(Warehouse::Down)
        .play(forced())
        .until("00:35");
    assert_eq!(night.state(), State::Waiting);
    assert_eq!(
        night.warehouse(Warehouse::Up).until("00:36").state(),
        State::Running
    );
}

#[test]
fn force_on_a_complete_run_sends_nothing_that_has_its_row() {
    let night = night_in(State::Complete).quietly().play(forced());
    assert_eq!((night.state(), night.sends()), (State::Complete, 0));
    assert!(night.said(Code::NothingNew));
}

#[test]
fn a_trigger_that_a_retry_overtakes_is_asked_again_when_the_batch_settles() {
    for sink in [Sink::Sends, Sink::Holds] {
        let night = night_in(State::Partial)
            .sink(sink)
            .warehouse(Warehouse::Silent);
        let mut night = night.play(trigger(Source::Manual)).until("00:35");
        let compared = night.world.compare(night.now);
        night = night.warehouse(Warehouse::Up);
        night = night.play(Event::Reconciled(crate::domain::Asked::Known(compared)));
        assert!(!night.run.is_settled());
        let answer = crate::domain::Asked::Known(night.tables.clone());
        let expectation = night.expectation;
        let night = night.play(Event::ReadinessAnswered {
            answer,
            expectation,
        });
        assert!(night.run.asking.again, "{sink:?}");
        assert_eq!(night.run.asking.trigger, None);
    }
}

#[test]
fn a_complete_run_whose_new_units_may_not_be_sent_is_judged_again() {
    let mut night = night_in(State::Complete).with_ready(500);
    for unit in &mut night.world.units[420..] {
        unit.attempts = 9;
    }
    let night = night.play(trigger(Source::Event));
    assert_eq!(
        (night.state(), night.run.counts.gap()),
        (State::Partial, 80)
    );
    assert_eq!(night.run.ruling, None);
}

#[test]
fn a_trigger_while_units_are_collected_collects_them_once() {
    let night = Night::designed()
        .until("00:30")
        .warehouse(Warehouse::Silent)
        .event();
    let answer = |night: &Night| Event::ReadinessAnswered {
        answer: crate::domain::Asked::Known(night.tables.clone()),
        expectation: night.expectation,
    };
    let event = answer(&night);
    let night = night.play(event).event();
    let event = answer(&night);
    let night = night.play(event);
    let stages = night
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Stage(_)));
    assert_eq!((night.state(), stages.count()), (State::Waiting, 1));
    let frozen = crate::domain::event::Done::Frozen(crate::domain::event::FrozenTally::default());
    let mut idle = night_in(State::Waiting);
    idle = idle.play(Event::Ordered(frozen));
    assert_eq!(idle.state(), State::Waiting, "nobody ordered that");
}
