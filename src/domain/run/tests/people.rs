//! What people may do to a run beside starting and retrying it.

use super::{
    night::{Night, Sink, Warehouse, pacific, trigger},
    triggers::night_in,
};
use crate::domain::{
    alert::Kind,
    completion::{Standing, Tally},
    effect::Effect,
    event::Event,
    policy::Policy,
    reason::Code,
    run::State,
    schedule::WallTime,
    sla::Verdict,
    trigger::Source,
};

fn reset(force: bool) -> Event {
    Event::Reset {
        by: "ana".to_owned(),
        force,
    }
}

fn stalled(older_than_seconds: u32) -> Event {
    Event::SettleStalled {
        by: "ana".to_owned(),
        older_than_seconds,
    }
}

#[test]
fn a_reset_returns_to_waiting_from_every_state_that_something_asked_for() {
    for state in State::ALL {
        let night = night_in(state).warehouse(Warehouse::Silent).quietly();
        let night = night.play(reset(true));
        let stays = matches!(state, State::Expected | State::NotExpected);
        let then = if stays { state } else { State::Waiting };
        assert_eq!(night.state(), then, "{state:?}");
        assert_eq!(night.said(Code::Reset), !stays, "{state:?}");
        assert_eq!(night.effects.is_empty(), stays, "{state:?}");
    }
}

/// Found by the simulation: the night had been started without its upstream, and waited for it until it closed.
#[test]
fn a_reset_night_starts_at_once_where_the_upstream_has_finished_since_it_was_sent() {
    let night = Night::of(20).until("06:30");
    assert_eq!(night.state(), State::Running, "the wait is over");
    assert!(night.run.start.degraded);
    let night = night.until("06:31").finished().play(reset(true));
    assert_eq!(night.state(), State::Running);
    assert_eq!(night.run.waves, 2);
}

#[test]
fn a_reset_with_units_in_flight_is_refused_without_force() {
    let before = night_in(State::Running).quietly();
    let night = before.clone().play(reset(false));
    assert_eq!(night.run, before.run);
    assert_eq!(night.codes(), [Code::InFlight]);
    assert!(night.effects.is_empty());
    let night = before.play(reset(true));
    assert!(night.said(Code::Reset));
}

#[test]
fn a_reset_keeps_every_answer_and_attempt() {
    let night = night_in(State::Partial).play(reset(false));
    assert_eq!(
        (night.state(), night.run.counts.dispatched),
        (State::Running, 420)
    );
    assert_eq!(night.run.counts.plan.of(Standing::Stored), 380);
    let attempts = night
        .world
        .units
        .iter()
        .filter(|unit| unit.attempts == 2)
        .count();
    assert_eq!(
        (night.run.batches, attempts),
        (2, 40),
        "only what needs work is sent again"
    );
}

#[test]
fn a_reset_while_sending_frees_what_was_not_sent() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let tally = night.world.send(12, night.now);
    let night = night.play(Event::Sent(tally)).predicted(12, 12);
    let night = night.warehouse(Warehouse::Silent).play(reset(false));
    let batch = night.run.batch.clone().unwrap();
    assert_eq!((batch.frozen, batch.left_to_send()), (12, 0));
    let free = night
        .world
        .units
        .iter()
        .filter(|unit| unit.attempts == 0)
        .count();
    assert_eq!(free, 8);
}

#[test]
fn a_send_that_was_on_its_way_during_a_reset_still_belongs_to_its_batch() {
    let mut night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let tally = night.world.send(12, night.now);
    let night = night.warehouse(Warehouse::Silent).play(reset(true));
    let night = night.play(Event::Sent(tally));
    let batch = night.run.batch.clone().unwrap();
    assert_eq!((batch.frozen, batch.sent), (12, 12));
    assert!(night.said(Code::Outdated));
}

#[test]
fn a_reset_with_all_in_flight_waits_for_their_answers() {
    let night = night_in(State::Running).until("00:31").play(reset(true));
    assert_eq!((night.state(), night.sends()), (State::Running, 1));
    assert_eq!(night.predicted(420, 420).state(), State::Complete);
}

#[test]
fn a_retry_after_a_reset_sends_under_a_batch_of_its_own_for_the_ended_one_is_free() {
    let night = night_in(State::Running).until("00:31").play(reset(true));
    let ended = night.run.batch_id().cloned();
    let night = night.predicted(380, 380).answered(20, Standing::Failed);
    let night = night.play(trigger(Source::Retry));
    assert_eq!((night.state(), night.sends()), (State::Running, 2));
    assert_ne!(night.run.batch_id().cloned(), ended);
}

#[test]
fn a_backfill_that_is_moved_to_other_promises_is_open_as_long_as_before() {
    let night = Night::backfill(0).play(trigger(Source::Manual));
    let closes_at = night.run.instants.closes_at;
    let night = night.play(adopted("06:40"));
    assert!(night.said(Code::Adopted));
    assert_eq!(night.run.instants.closes_at, closes_at);
}

#[test]
fn check_stalled_settles_what_is_in_flight_longer_than_given() {
    let night = Night::of(100).until("00:30").event().until("00:33");
    let night = night.predicted(60, 60).quietly();
    let early = night.clone().play(stalled(181));
    assert_eq!(
        (early.state(), early.run.counts.in_flight),
        (State::Running, 40)
    );
    let night = night.play(stalled(180));
    assert_eq!(
        (night.state(), night.run.counts.gap()),
        (State::Partial, 40)
    );
    assert!(night.said(Code::SettledByPerson));
}

#[test]
fn check_stalled_in_its_other_states_has_nothing_to_do() {
    for state in [
        State::Expected,
        State::Waiting,
        State::Complete,
        State::Partial,
        State::Failed,
    ] {
        let night = night_in(state).quietly();
        let before = night.run.clone();
        let night = night.play(stalled(60));
        assert_eq!(night.codes(), [Code::NothingToDo], "{state:?}");
        assert_eq!(night.run, before);
    }
}

#[test]
fn a_batch_that_is_hurried_settles_when_its_last_unit_times_out() {
    let night = Night::of(100).until("00:30").event().until("00:33");
    let night = night.predicted(60, 60).play(stalled(3_600));
    assert_eq!(night.state(), State::Running);
    let night = night.until("00:40");
    assert_eq!(night.state(), State::Partial);
}

#[test]
fn acknowledging_covers_every_open_alert_once() {
    let night = night_in(State::Failed).quietly();
    let by = "ana".to_owned();
    let night = night.play(Event::Acknowledged {
        by: by.clone(),
        kinds: Vec::new(),
    });
    let open = night.run.alerts.iter().filter(|alert| alert.is_open());
    assert!(open.clone().count() > 0);
    assert!(open.clone().all(|alert| alert.acknowledged.is_some()));
    let before = night.run.clone();
    let night = night.quietly().play(Event::Acknowledged {
        by,
        kinds: Vec::new(),
    });
    assert_eq!(
        (night.run.clone(), night.codes()),
        (before, vec![Code::Acknowledged])
    );
    let reminded = night.until("06:59").messages(Kind::NothingDispatched);
    assert!(
        reminded.is_empty(),
        "nobody is reminded of what is acknowledged"
    );
}

fn adopted(deadline: &str) -> Event {
    let mut policy = Policy::phase4_to_phase5();
    let zone = policy.schedule.zone;
    policy.schedule.deadline = WallTime::parse(deadline, Some(zone)).unwrap();
    Event::Adopted {
        by: "ana".to_owned(),
        policy: Box::new(policy),
    }
}

#[test]
fn an_open_run_moves_to_todays_promises_and_passes_over_what_lies_behind() {
    let night = Night::designed().until("06:20").play(adopted("06:40"));
    assert!(night.said(Code::Adopted));
    assert_eq!(night.run.instants.deadline_at, pacific("06:40"));
    assert_eq!(
        (night.run.retries.backups_done, night.run.retries.fixed_done),
        (1, 1)
    );
    let night = night.until("06:41");
    assert_eq!(
        night.verdict(),
        Some(Verdict::Breached),
        "judged by the new deadline"
    );
}

#[test]
fn a_run_with_its_verdict_keeps_its_promises() {
    let night = Night::designed()
        .until("07:05")
        .quietly()
        .play(adopted("08:00"));
    assert_eq!(night.codes(), vec![Code::NothingToDo]);
    assert_eq!(night.run.instants.deadline_at, pacific("07:00"));
}

#[test]
fn an_event_that_finds_nothing_to_do_changes_nothing_in_any_state() {
    for state in State::ALL {
        for event in [
            Event::Sent(crate::domain::event::SentTally::default()),
            staged(),
            Event::Reconciled(crate::domain::Asked::Known(Tally::default())),
        ] {
            let night = night_in(state).quietly();
            let before = night.run.clone();
            let night = night.play(event.clone());
            assert_eq!(night.run, before, "{event:?} in {state:?}");
            assert!(
                night
                    .effects
                    .iter()
                    .all(|effect| !matches!(effect, Effect::Send { .. }))
            );
        }
    }
}

fn staged() -> Event {
    Event::Staged {
        wave: 99,
        to_send: crate::domain::Asked::Known(3),
    }
}
