//! Counts recomputed from the rows equal the counts that the tallies add up to, whatever happens in whatever order;
//! and each unit stands as the best of all that was said of it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
};

use super::support::{Fixture, at, deadline, fixture, key, listed, names, ranked};
use crate::{
    domain::{
        completion::{Counts, Standing, Standings, Tally, replaces},
        ids::{GameId, UnitId},
        plan::ListedUnit,
    },
    ports::StoredRow,
    store::tests::recount::recount,
};

const UNITS: [(&str, &str); 5] = [
    ("anna", "game1"),
    ("bob", "game1"),
    ("cleo", "game2"),
    ("dan", "game2"),
    ("eve", "game3"),
];

/// One thing that happens. A set of units is a bit mask.
#[derive(Debug, Clone)]
enum Happening {
    Staged { units: u8, with_row: u8 },
    Frozen,
    Claimed,
    Confirmed { sent: u8, again: u8 },
    Answered(Said),
    Rows { units: u8, seconds: i64 },
    Missing { seconds: i64 },
    GivenUp { seconds: i64 },
    Released,
    TakenOver,
}

#[derive(Debug, Clone)]
struct Said {
    unit: usize,
    standing: Standing,
    attempt: Option<u32>,
    seconds: i64,
}

fn said() -> impl Strategy<Value = Said> {
    let standings = vec![
        Standing::Skipped,
        Standing::Failed,
        Standing::Claimed,
        Standing::SkippedForGood,
    ];
    let attempt = prop_oneof![Just(None), (1_u32..4).prop_map(Some)];
    (0..UNITS.len(), select(standings), attempt, 0_i64..4_000).prop_map(
        |(unit, standing, attempt, seconds)| Said {
            unit,
            standing,
            attempt,
            seconds,
        },
    )
}

fn happening() -> impl Strategy<Value = Happening> {
    let masks = || (any::<u8>(), any::<u8>());
    prop_oneof![
        2 => masks().prop_map(|(units, row)| Happening::Staged { units, with_row: row & 3 }),
        3 => Just(Happening::Frozen),
        4 => Just(Happening::Claimed),
        4 => masks().prop_map(|(sent, again)| Happening::Confirmed { sent, again }),
        8 => said().prop_map(Happening::Answered),
        2 => (any::<u8>(), 0_i64..4_000).prop_map(|(units, seconds)| Happening::Rows { units, seconds }),
        1 => (0_i64..4_000).prop_map(|seconds| Happening::Missing { seconds }),
        1 => (0_i64..4_000).prop_map(|seconds| Happening::GivenUp { seconds }),
        1 => Just(Happening::Released),
        1 => Just(Happening::TakenOver),
    ]
}

fn chosen(mask: u8) -> Vec<&'static str> {
    let is_chosen = |index: &usize| mask & (1 << index) != 0;
    (0..UNITS.len())
        .filter(is_chosen)
        .map(|index| UNITS[index].0)
        .collect()
}

/// What the domain would keep of it, and the best that was said of each unit.
struct Night {
    fixture: Fixture,
    counts: Counts,
    best: BTreeMap<&'static str, Standing>,
    /// Units whose row a listing saw: when it counts depends on the freeze.
    with_row: Vec<&'static str>,
    wave: u32,
    /// The frozen wave, whose batch bears its number.
    frozen: u32,
    seconds: i64,
}

impl Night {
    async fn new() -> Self {
        Self {
            fixture: fixture().await,
            counts: Counts::default(),
            best: BTreeMap::new(),
            with_row: Vec::new(),
            wave: 0,
            frozen: 0,
            seconds: 0,
        }
    }

    fn batch_id(&self) -> String {
        format!("b{}", self.frozen)
    }

    fn hear(&mut self, unit: &'static str, standing: Standing) {
        if let Some(best) = self.best.get_mut(unit)
            && replaces(*best, standing)
        {
            *best = standing;
        }
    }

    async fn take(&mut self, happening: &Happening) {
        self.seconds += 20;
        match happening {
            Happening::Staged { units, with_row } => self.stage(*units, *with_row).await,
            Happening::Frozen => self.freeze().await,
            Happening::Claimed => {
                let (id, now) = (self.batch_id(), at(self.seconds));
                self.fixture.claim(&id, self.frozen, now).await;
            }
            Happening::Confirmed { sent, again } => self.confirm(*sent, *again).await,
            Happening::Answered(said) => self.answer(said).await,
            Happening::Rows { units, seconds } => self.rows(*units, *seconds).await,
            Happening::Missing { seconds } => {
                let mut transaction = self.fixture.begin().await;
                let tally = transaction.missing(&key(), at(*seconds)).await.unwrap();
                transaction.commit().await.unwrap();
                self.counts.fold(&tally);
            }
            Happening::GivenUp { seconds } => {
                let mut transaction = self.fixture.begin().await;
                let units = transaction.give_up(&key(), at(*seconds)).await.unwrap();
                transaction.commit().await.unwrap();
                self.counts.in_flight -= units;
            }
            Happening::Released => self.fixture.release(&self.batch_id()).await,
            Happening::TakenOver => self.fixture.store.take_over().await.unwrap(),
        }
    }

    async fn stage(&mut self, units: u8, with_row: u8) {
        self.wave += 1;
        let with_row = chosen(with_row & units);
        let page: Vec<ListedUnit> = UNITS
            .into_iter()
            .filter(|(name, _)| chosen(units).contains(name))
            .map(|(name, game)| ListedUnit {
                has_row: with_row.contains(&name),
                ..listed(name, game)
            })
            .collect();
        self.fixture.stage(self.wave, &page).await;
        for name in chosen(units) {
            self.best.entry(name).or_default();
        }
        self.with_row.extend(with_row);
    }

    /// As the domain takes a freeze in.
    async fn freeze(&mut self) {
        if self.wave == self.frozen {
            return;
        }
        self.frozen = self.wave;
        let tally = self.fixture.freeze(&self.batch_id(), self.wave).await;
        self.counts = Counts {
            plan: tally.plan,
            sent: tally.sent,
            missing: tally.missing,
            in_time: tally.in_time,
            in_flight: self.counts.in_flight,
            reasons: tally.reasons,
            games: tally.games.into_iter().collect(),
            ..Counts::default()
        };
    }

    async fn confirm(&mut self, sent: u8, again: u8) {
        let refused = chosen(!sent & !again);
        let outcomes: [&[&str]; 3] = [&chosen(sent), &chosen(again & !sent), &refused];
        let now = at(self.seconds);
        let before = recount(&self.fixture).await.standings;
        let tally = self.fixture.confirm(outcomes, now).await;
        self.counts.in_flight += tally.sent;
        self.counts.fold(&tally.changes);
        // Which of them were claimed only the rows know; a refusal changes no other unit.
        for (unit, standing) in recount(&self.fixture).await.standings {
            if before.get(&unit) != Some(&standing) {
                assert!(refused.contains(&unit.as_str()), "{unit} was not refused");
                let name = UNITS.iter().find(|(name, _)| *name == unit).unwrap().0;
                self.hear(name, Standing::Failed);
            }
        }
    }

    async fn answer(&mut self, said: &Said) {
        let name = UNITS[said.unit].0;
        let mut answer = ranked(name, said.standing, at(said.seconds));
        answer.attempt = said.attempt;
        let tally = self.fixture.answer(answer.clone()).await;
        let is_known = self.best.contains_key(name);
        assert_eq!(tally.unknown, u64::from(!is_known));
        self.counts.fold(&tally);
        self.hear(name, said.standing);
        let again = self.fixture.answer(answer).await;
        let nothing = Tally {
            duplicates: u64::from(is_known),
            unknown: u64::from(!is_known),
            // Frozen to be sent again, it stays given up until then.
            late: again.late,
            ..Tally::default()
        };
        assert_eq!(again, nothing, "the same answer once more");
    }

    async fn rows(&mut self, units: u8, seconds: i64) {
        let rows: Vec<StoredRow> = names(&chosen(units))
            .into_iter()
            .map(|unit: UnitId| StoredRow {
                unit,
                created_at: at(seconds),
            })
            .collect();
        let mut transaction = self.fixture.begin().await;
        let tally = transaction.rows(&key(), &rows, deadline()).await.unwrap();
        let again = transaction.rows(&key(), &rows, deadline()).await.unwrap();
        transaction.commit().await.unwrap();
        assert!(again.is_empty(), "the same rows once more: {again:?}");
        self.counts.fold(&tally);
        for name in chosen(units) {
            self.hear(name, Standing::Stored);
        }
    }

    async fn check(&self) {
        let rows = recount(&self.fixture).await;
        let told = &self.counts;
        let standings = |of: &Standings| Standing::ALL.map(|standing| of.of(standing));
        assert_eq!(standings(&told.plan), standings(&rows.counts.plan), "plan");
        assert_eq!(standings(&told.sent), standings(&rows.counts.sent), "sent");
        assert_eq!(told.missing, rows.counts.missing, "missing");
        assert_eq!(told.in_time, rows.counts.in_time, "in time");
        assert_eq!(told.in_flight, rows.counts.in_flight, "in flight");
        assert_eq!(told.games, rows.counts.games, "games");
        let mut reasons = told.reasons.clone();
        reasons.retain(|_, units| *units > 0);
        assert_eq!(reasons, rows.counts.reasons, "reasons");
        for (name, best) in &self.best {
            let standing = rows.standings[*name];
            if !self.with_row.contains(name) {
                assert_eq!(standing, *best, "{name}");
            }
            assert!(standing >= *best, "{name} stands {standing:?}");
        }
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future);
}

async fn live_through(happenings: &[Happening]) {
    let mut night = Night::new().await;
    for happening in happenings {
        night.take(happening).await;
        night.check().await;
    }
}

/// Best of what the units heard, in this order, as the rows keep it.
async fn outcomes(messages: &[Said]) -> BTreeMap<String, Standing> {
    let mut night = Night::new().await;
    let all = Happening::Staged {
        units: u8::MAX,
        with_row: 0,
    };
    for happening in [all, Happening::Frozen, Happening::Claimed] {
        night.take(&happening).await;
    }
    for message in messages {
        night.answer(message).await;
    }
    recount(&night.fixture).await.standings
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn the_rows_and_the_folded_counts_always_agree(happenings in vec(happening(), 1..60)) {
        block_on(live_through(&happenings));
    }

    #[test]
    fn the_same_answers_in_any_order_give_the_same_outcomes(
        (messages, shuffled) in vec(said(), 1..12)
            .prop_flat_map(|messages| (Just(messages.clone()), Just(messages).prop_shuffle()))
    ) {
        block_on(async {
            assert_eq!(outcomes(&messages).await, outcomes(&shuffled).await);
        });
    }
}

#[test]
fn a_night_in_the_usual_order_is_counted() {
    block_on(async {
        let all = u8::MAX;
        let mut night = Night::new().await;
        let start = [
            Happening::Staged {
                units: all,
                with_row: 0,
            },
            Happening::Frozen,
            Happening::Claimed,
            Happening::Confirmed {
                sent: all,
                again: 0,
            },
        ];
        for happening in &start {
            night.take(happening).await;
            night.check().await;
        }
        assert_eq!(night.counts.in_flight, 5);
        let seconds = (deadline() - at(0) + TimeDelta::seconds(0)).num_seconds();
        night.take(&Happening::Rows { units: 1, seconds }).await;
        night
            .take(&Happening::Rows {
                units: 2,
                seconds: seconds + 1,
            })
            .await;
        night.check().await;
        assert_eq!((night.counts.in_flight, night.counts.in_time), (3, 1));
        let game = &night.counts.games[&GameId::new("game1")];
        assert_eq!((game.ready, game.predicted), (2, 2));
    });
}
