//! Outcomes, tallies and the counts that follow from them.
//!
//! What a message does to a unit's row is tested in the store.

use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    prop_assert_eq, proptest,
};

use super::{Counts, GameCounts, Move, Outcome, Standing, Tally, replaces};
use crate::domain::{Instant, ids::GameId};

fn at(minute: u32) -> Instant {
    format!("2026-01-19T14:{minute:02}:00Z").parse().unwrap()
}

fn predicted(units: u64) -> Move {
    Move {
        from: Standing::Unanswered,
        from_reason: None,
        to: Standing::Claimed,
        to_reason: None,
        game_id: GameId::new("game"),
        dispatched: true,
        was_missing: false,
        in_time: true,
        was_in_time: false,
        units,
    }
}

#[test]
fn tallies_of_one_transaction_add_up() {
    let one = |from, until| Tally {
        moves: vec![predicted(2)],
        answered: 2,
        latest_true_at: Some(at(until)),
        earliest_true_at: Some(at(from)),
        ..Tally::default()
    };
    let mut sum = Tally::default();
    assert!(sum.is_empty());
    sum.absorb(one(10, 20));
    sum.absorb(one(5, 15));
    assert_eq!(sum.moves, [predicted(4)], "changes alike are joined");
    assert_eq!((sum.answered, sum.changed()), (4, 4));
    assert_eq!(
        (sum.earliest_true_at, sum.latest_true_at),
        (Some(at(5)), Some(at(20)))
    );
}

#[test]
fn a_higher_rank_takes_a_reason_away() {
    let mut counts = Counts::default();
    let failed = Move {
        to: Standing::Failed,
        to_reason: Some("publish".to_owned()),
        in_time: false,
        ..predicted(3)
    };
    counts.fold(&Tally {
        moves: vec![failed],
        ..Tally::default()
    });
    assert_eq!(counts.reasons["publish"], 3);
    let recovered = Move {
        from: Standing::Failed,
        from_reason: Some("publish".to_owned()),
        ..predicted(3)
    };
    counts.fold(&Tally {
        moves: vec![recovered],
        ..Tally::default()
    });
    assert_eq!(
        (counts.reasons["publish"], counts.failed(), counts.in_time),
        (0, 0, 3)
    );
}

#[test]
fn an_outcome_gives_its_standing() {
    let permanent = ["no_prop_lines".to_owned()];
    for (outcome, standing) in [
        (Outcome::Predicted, Standing::Claimed),
        (
            Outcome::Skipped("no_prop_lines".to_owned()),
            Standing::SkippedForGood,
        ),
        (
            Outcome::Skipped("unspecified".to_owned()),
            Standing::Skipped,
        ),
        (Outcome::Failed("publish".to_owned()), Standing::Failed),
    ] {
        assert_eq!(Standing::of(&outcome, &permanent), standing);
    }
}

/// A unit's change to a higher standing, and whether it comes in time.
#[derive(Debug, Clone)]
struct Change {
    unit: usize,
    to: Standing,
    in_time: bool,
}

const UNITS: usize = 4;

fn change() -> impl Strategy<Value = Change> {
    let higher = proptest::sample::select(Standing::ALL[1..].to_vec());
    (0..UNITS, higher, any::<bool>()).prop_map(|(unit, to, in_time)| Change { unit, to, in_time })
}

/// The changes that take place, each as what an operation of its own would say.
fn tallies(changes: &[Change]) -> Vec<Tally> {
    let mut units = [(Standing::Unanswered, false); UNITS];
    let mut tallies = Vec::new();
    for change in changes {
        let (from, was_in_time) = units[change.unit];
        if !replaces(from, change.to) {
            continue;
        }
        let in_time = change.to.is_satisfied() && change.in_time;
        units[change.unit] = (change.to, in_time);
        let why = |standing| (!Standing::is_satisfied(standing)).then(|| "other".to_owned());
        let of_one = Move {
            from,
            from_reason: (from != Standing::Unanswered).then(|| why(from)).flatten(),
            to: change.to,
            to_reason: why(change.to),
            in_time,
            was_in_time,
            ..predicted(1)
        };
        tallies.push(Tally {
            moves: vec![of_one],
            ..Tally::default()
        });
    }
    tallies
}

proptest! {
    /// Found by the simulation: a unit failed and was predicted in the same commit, after another had done so.
    #[test]
    fn changes_that_are_joined_count_as_they_do_one_by_one(
        changes in vec(change(), 0..16),
        first in 0usize..8,
    ) {
        let units = UNITS as u64;
        let mut counts = Counts::default();
        counts.plan.add(Standing::Unanswered, units);
        counts.sent.add(Standing::Unanswered, units);
        counts.games.insert(GameId::new("game"), GameCounts { ready: units, predicted: 0 });
        let tallies = tallies(&changes);
        let (before, after) = tallies.split_at(first.min(tallies.len()));
        before.iter().for_each(|tally| counts.fold(tally));
        let (mut at_once, mut joined) = (counts.clone(), Tally::default());
        for tally in after {
            counts.fold(tally);
            joined.absorb(tally.clone());
        }
        at_once.fold(&joined);
        prop_assert_eq!(at_once, counts);
    }
}

#[test]
fn a_claim_that_goes_missing_and_gets_its_row_at_once_is_not_missing() {
    let mut counts = Counts::default();
    let seen = Move {
        from: Standing::Claimed,
        to: Standing::Stored,
        was_missing: true,
        ..predicted(1)
    };
    counts.plan.add(Standing::Claimed, 1);
    counts.fold(&Tally {
        moves: vec![seen],
        newly_missing: 1,
        ..Tally::default()
    });
    assert_eq!(counts.missing, 0);
}
