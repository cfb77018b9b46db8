//! What holds for every history of a run, tried on random ones.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_assert, prop_assert_eq, prop_oneof, proptest,
    test_runner::TestCaseError,
};

use super::night::{Night, Sink, Warehouse, forced, trigger};
use crate::domain::{
    Instant,
    calendar::Expectation,
    completion::{Standing, replaces},
    effect::Effect,
    event::Event,
    reason::Code,
    run::{Run, State, step},
    trigger::Source,
};

/// One thing that happens in a random night.
#[derive(Debug, Clone)]
enum Turn {
    Pass(u32),
    Down(u32),
    Trigger(Source),
    Force,
    Finish,
    Ready(u64),
    Answer(usize, Standing),
    Late(usize, Standing),
    Rows(usize),
    Warehouse(Warehouse),
    Sink(Sink),
    Send(usize),
    Reset(bool),
    Stalled(u32),
    Acknowledge,
}

fn turn() -> impl Strategy<Value = Turn> {
    let source = proptest::sample::select(Source::ALL.to_vec());
    let standing = || proptest::sample::select(Standing::ALL[1..5].to_vec());
    let warehouse = [
        Warehouse::Up,
        Warehouse::Up,
        Warehouse::Down,
        Warehouse::Silent,
    ];
    let sink = [Sink::Sends, Sink::Sends, Sink::Refuses, Sink::Holds];
    prop_oneof![
        6 => (0u32..5_400).prop_map(Turn::Pass),
        1 => (0u32..20_000).prop_map(Turn::Down),
        3 => source.prop_map(Turn::Trigger),
        1 => Just(Turn::Force),
        2 => Just(Turn::Finish),
        2 => (0u64..40).prop_map(Turn::Ready),
        5 => (1usize..40, standing()).prop_map(|(most, standing)| Turn::Answer(most, standing)),
        2 => (0usize..40, standing()).prop_map(|(unit, standing)| Turn::Late(unit, standing)),
        3 => (1usize..40).prop_map(Turn::Rows),
        1 => proptest::sample::select(warehouse.to_vec()).prop_map(Turn::Warehouse),
        1 => proptest::sample::select(sink.to_vec()).prop_map(Turn::Sink),
        1 => (1usize..40).prop_map(Turn::Send),
        1 => any::<bool>().prop_map(Turn::Reset),
        1 => (0u32..3_600).prop_map(Turn::Stalled),
        1 => Just(Turn::Acknowledge),
    ]
}

fn by() -> String {
    "ana".to_owned()
}

fn take(mut night: Night, turn: &Turn) -> Night {
    match *turn {
        Turn::Pass(seconds) => night.after(i64::from(seconds)),
        Turn::Down(seconds) => {
            night.now += chrono::TimeDelta::seconds(i64::from(seconds));
            night.tick()
        }
        Turn::Trigger(source) => night.play(trigger(source)),
        Turn::Force => night.play(forced()),
        Turn::Finish => night.finished(),
        Turn::Ready(ready) => night.with_ready(ready),
        Turn::Answer(most, standing) => night.answered(most, standing),
        Turn::Late(unit, standing) => {
            let tally = night.world.answer_for(&[unit], standing, night.now);
            night.play(Event::Answered(tally))
        }
        Turn::Rows(most) => {
            night.world.store(most, night.now);
            night
        }
        Turn::Warehouse(warehouse) => night.warehouse(warehouse),
        Turn::Sink(sink) => night.sink(sink),
        Turn::Send(most) => {
            let tally = night.world.send(most, night.now);
            night.play(Event::Sent(tally))
        }
        Turn::Reset(force) => night.play(Event::Reset { by: by(), force }),
        Turn::Stalled(older_than_seconds) => night.play(Event::SettleStalled {
            by: by(),
            older_than_seconds,
        }),
        Turn::Acknowledge => night.play(Event::Acknowledged {
            by: by(),
            kinds: Vec::new(),
        }),
    }
}

fn start(kind: u8) -> Night {
    match kind {
        0 => Night::of(30),
        1 => Night::observing(30),
        2 => Night::backfill(30),
        _ => {
            let mut night = Night::of(30);
            night.expectation = Expectation::NoGames;
            night.run.expectation = Expectation::NoGames;
            night.run.state = State::NotExpected;
            night
        }
    }
}

fn check(night: &Night, before: &Run) -> Result<(), TestCaseError> {
    let run = &night.run;
    let confirmed_breach = |run: &Run| {
        let ruling = run.ruling.as_ref();
        ruling.is_some_and(|ruling| ruling.confirmed && !ruling.kept)
    };
    prop_assert!(
        !confirmed_breach(before) || confirmed_breach(run),
        "un-breached"
    );
    prop_assert_eq!(run.closed_at.is_none(), run.next_wake(night.now).is_some());
    prop_assert!(run.state != State::Failed || run.failure.is_some());
    prop_assert!(run.state != State::Waiting || run.wait.is_some());
    let text = serde_json::to_string(run).unwrap();
    prop_assert_eq!(&serde_json::from_str::<Run>(&text).unwrap(), run);
    Ok(())
}

fn replayed(night: &Night, first: Run) -> (Run, Vec<Effect>) {
    let mut effects = Vec::new();
    let run = night.history.iter().fold(first, |run, (event, at)| {
        let step = step(run, event, *at);
        effects.extend(step.effects);
        step.run
    });
    (run, effects)
}

/// A second look at the same instant finds nothing to do.
fn looks_twice(run: &Run, now: Instant) -> Result<(), TestCaseError> {
    let first = step(run.clone(), &Event::Ticked, now);
    let wake = first.run.next_wake(now);
    prop_assert!(
        wake.is_none_or(|at| at > now),
        "{wake:?} after a tick at {now}"
    );
    let second = step(first.run.clone(), &Event::Ticked, now);
    prop_assert_eq!(&second.run, &first.run);
    prop_assert!(second.effects.is_empty() && second.orders.is_empty());
    prop_assert!(!second.why.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(
        // Five properties: 2,560 histories in the normal run.
        2 * proptest::test_runner::Config::default().cases
    ))]

    #[test]
    fn every_history_keeps_the_rules(kind in 0u8..4, turns in vec(turn(), 1..40)) {
        let mut night = start(kind);
        let first = night.run.clone();
        for turn in &turns {
            let before = night.run.clone();
            night = take(night, turn);
            check(&night, &before)?;
            looks_twice(&night.run, night.now)?;
        }
        let (run, effects) = replayed(&night, first);
        prop_assert_eq!(&run, &night.run);
        prop_assert_eq!(&effects, &night.effects);
        for (event, _) in &night.history {
            let text = serde_json::to_string(event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), event);
        }
        let text = serde_json::to_string(&effects).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Effect>>(&text).unwrap(), effects);
    }

    #[test]
    fn every_history_ends_closed_and_nothing_moves_it_any_more(
        kind in 0u8..4,
        turns in vec(turn(), 1..20),
    ) {
        let night = turns.iter().fold(start(kind), take);
        let closes_at = night.run.instants.closes_at.max(night.now);
        let night = night.until_instant(closes_at);
        prop_assert!(night.run.closed_at.is_some());
        prop_assert_eq!(night.run.next_wake(night.now), None);
        let step = step(night.run.clone(), &trigger(Source::Event), night.now);
        prop_assert_eq!(&step.run, &night.run);
        prop_assert_eq!(step.why[0].code, Code::Closed);
    }

    #[test]
    fn counts_added_up_are_those_of_the_rows(turns in vec(turn(), 1..40)) {
        let fits = |turn: &&Turn| !matches!(turn, Turn::Ready(_));
        let night = turns.iter().filter(fits).fold(start(0), take);
        if night.run.batches > 0 {
            prop_assert_eq!(night.run.counts.plan, night.world.standings());
            let flying = night.world.units.iter().filter(|unit| unit.in_flight()).count();
            prop_assert_eq!(night.run.counts.in_flight, flying as u64);
            let missing = night.world.units.iter().filter(|unit| unit.missing).count();
            prop_assert_eq!(night.run.counts.missing, missing as u64);
        }
    }

    #[test]
    fn answers_in_any_order_leave_a_unit_standing_alike(
        standings in vec(proptest::sample::select(Standing::ALL.to_vec()), 0..8),
        seed in any::<u64>(),
    ) {
        let merge = |standings: &[Standing]| {
            standings.iter().fold(Standing::Unanswered, |current, incoming| {
                if replaces(current, *incoming) { *incoming } else { current }
            })
        };
        let mut other = standings.clone();
        other.sort_by_key(|standing| seed.rotate_left(u32::from(standing.rank()) * 7) % 6);
        prop_assert_eq!(merge(&standings), merge(&other));
        let twice: Vec<Standing> = standings.iter().chain(&other).copied().collect();
        prop_assert_eq!(merge(&standings), merge(&twice));
    }

    #[test]
    fn an_answer_heard_twice_starts_nothing_a_second_time(turns in vec(turn(), 1..25)) {
        let night = turns.iter().fold(start(0), take);
        let answers = night.history.iter().map(|(event, _)| event);
        let last = answers.rev().find(|event| {
            matches!(event, Event::ReadinessAnswered { .. } | Event::Staged { .. })
        });
        let silent = night.asking_nothing();
        if let Some(event) = last.filter(|_| silent) {
            let again = step(night.run.clone(), event, night.now);
            let starts = |effect: &Effect| {
                matches!(effect, Effect::Stage(_) | Effect::Send { .. } | Effect::AskReadiness)
            };
            prop_assert!(!again.effects.iter().any(starts), "{:?}", again.effects);
            prop_assert_eq!(again.run.state, night.run.state);
        }
    }
}
