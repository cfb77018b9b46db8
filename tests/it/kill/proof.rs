//! What has to be true once a night has come to its end, however often the service was killed in it.
//!
//! Where it is killed belongs to the tests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tipoff::{
    domain::{
        completion::Standing,
        effect::Effect,
        reason::Code,
        run::{Opening, Run, State, step},
    },
    ports::{
        Page, Warehouse,
        store::{HistoryEntry, Store},
    },
};

use super::{
    data::{Fate, fate, unit},
    night::Night,
    sight::{Reader, Sight, UnitSeen},
    workers::Call,
};

/// Units claimed at a time at the pace of these nights: what one kill can leave in doubt.
const IN_DOUBT_MAX: u64 = 20;

/// Everything a night left behind.
struct Evidence<'a> {
    night: &'a Night,
    sight: Sight,
    units: Vec<UnitSeen>,
    history: Vec<HistoryEntry>,
    calls: Vec<Call>,
    /// Units with a row in the table.
    stored: BTreeSet<String>,
    status: Value,
}

/// Lets the night go to its end and holds what it left behind together.
pub async fn prove(night: &Night) {
    let at_rest = |sight: &Sight| {
        sight.is(State::Complete) && sight.outbox.is_empty() && night.pubsub.pending() == 0
    };
    night.see("complete and at rest", at_rest).await;
    let evidence = Evidence::gather(night).await;
    evidence.every_unit_has_one_outcome();
    evidence.counts_equal_a_recount();
    evidence.keys_tell_attempts_apart();
    evidence.only_what_was_in_doubt_is_sent_again();
    evidence.the_history_is_whole();
    evidence.the_history_gives_the_run();
    evidence.completed_once();
    evidence.the_end_is_told().await;
}

impl<'a> Evidence<'a> {
    async fn gather(night: &'a Night) -> Self {
        let mut reader = Reader::open(&night.file()).await;
        let page = Page {
            after: None,
            limit: 10_000,
        };
        let rows = night
            .warehouse
            .stored_rows(night.key.game_date, page)
            .await
            .unwrap();
        Self {
            night,
            sight: reader.look(&night.key).await.unwrap(),
            units: reader.units(&night.key).await,
            history: reader.store().history(&night.key).await.unwrap(),
            calls: night.workers.calls(),
            stored: rows.into_iter().map(|row| row.unit.to_string()).collect(),
            status: night.status().await,
        }
    }

    fn run(&self) -> &Run {
        &self.sight.run
    }

    fn every_unit_has_one_outcome(&self) {
        let planned: BTreeSet<String> = (0..self.night.plan.units).map(unit).collect();
        let known: BTreeSet<String> = self.units.iter().map(|it| it.unit.clone()).collect();
        assert_eq!(known, planned, "the plan is what was ready");
        let asked: BTreeSet<String> = self.calls.iter().map(|it| it.unit.clone()).collect();
        assert_eq!(asked, planned, "each was asked of the workers");
        for seen in &self.units {
            let expected = match fate(&seen.unit, false) {
                Fate::Predicts { .. } => Standing::Stored,
                Fate::Skips(_) => Standing::SkippedForGood,
                Fate::Fails => Standing::Failed,
            };
            assert_eq!(standing(seen), expected, "{seen:?}");
            let row = self.stored.contains(&seen.unit);
            assert_eq!(row, expected == Standing::Stored, "{seen:?}");
            assert_eq!(seen.phase, "answered", "{seen:?}");
            let failed_once = self.night.plan.failing && fate(&seen.unit, true) == Fate::Fails;
            assert_eq!(seen.attempt, 1 + i64::from(failed_once), "{seen:?}");
            let attempts = self.calls.iter().filter(|call| call.unit == seen.unit);
            let last = attempts.map(|call| call.attempt).max();
            assert_eq!(last.map(|it| it as i64), Some(seen.attempt), "{seen:?}");
        }
    }

    fn counts_equal_a_recount(&self) {
        let of = |is: &dyn Fn(&UnitSeen) -> bool| self.units.iter().filter(|it| is(it)).count();
        let stand = |all: &[Standing]| of(&|it| all.contains(&standing(it)));
        let predicted = stand(&[Standing::Stored, Standing::Claimed]);
        let recount = json!({
            "expected": self.night.plan.units + self.night.plan.never_ready,
            "ready": self.units.len(),
            "dispatched": of(&|it| it.dispatched),
            "predicted": predicted,
            "skipped": stand(&[Standing::Skipped, Standing::SkippedForGood]),
            "failed": stand(&[Standing::Failed]),
            "outstanding": of(&|it| it.dispatched && standing(it) == Standing::Unanswered),
            "in_flight": of(&|it| it.phase == "sent"),
            "gap": self.units.len() - stand(&[Standing::Stored, Standing::Claimed, Standing::SkippedForGood]),
            "claimed_missing": of(&|it| it.missing),
            "duplicate": self.run().counts.duplicates,
            "late": self.run().counts.late,
            "unknown": 0,
        });
        assert_eq!(self.status["counts"], recount);
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        let mut games: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for seen in &self.units {
            if let Some(reason) = &seen.reason {
                *reasons.entry(reason).or_default() += 1;
            }
            let game = games.entry(&seen.game_id).or_default();
            game.0 += 1;
            game.1 += u64::from(standing(seen) == Standing::Stored);
        }
        let mut told = self.run().counts.reasons.clone();
        told.retain(|_, units| *units > 0);
        assert_eq!(json!(told), json!(reasons));
        let games: BTreeMap<_, _> = games
            .into_iter()
            .map(|(id, (ready, predicted))| (id, json!({"ready": ready, "predicted": predicted})))
            .collect();
        assert_eq!(self.status["games"], json!(games));
        let in_time = of(&|it| it.in_time) as u64;
        assert_eq!(self.run().counts.in_time, in_time);
        let batch = self.run().batch.as_ref().unwrap();
        assert_eq!(
            (batch.left_to_send(), batch.in_flight()),
            (0, 0),
            "{batch:?}"
        );
    }

    fn keys_tell_attempts_apart(&self) {
        let mut keys: BTreeMap<(&str, u64), BTreeSet<&str>> = BTreeMap::new();
        let mut owners: BTreeMap<&str, BTreeSet<(&str, u64)>> = BTreeMap::new();
        for call in &self.calls {
            let attempt = (call.unit.as_str(), call.attempt);
            keys.entry(attempt).or_default().insert(&call.key);
            owners.entry(&call.key).or_default().insert(attempt);
        }
        assert!(keys.values().all(|keys| keys.len() == 1), "{keys:#?}");
        assert!(owners.values().all(|it| it.len() == 1), "{owners:#?}");
    }

    fn only_what_was_in_doubt_is_sent_again(&self) {
        let attempts: BTreeSet<_> = self.calls.iter().map(|it| (&it.unit, it.attempt)).collect();
        let repeats = (self.calls.len() - attempts.len()) as u64;
        let most = IN_DOUBT_MAX * self.night.kills;
        assert!(
            repeats <= most,
            "{repeats} sent again after {} kills",
            self.night.kills
        );
    }

    fn the_history_is_whole(&self) {
        let steps: Vec<u64> = self.history.iter().filter_map(|it| it.step).collect();
        let counted: Vec<u64> = (1..=self.run().steps).collect();
        assert_eq!(steps, counted, "steps without a hole and without a repeat");
        assert!(self.history.is_sorted_by_key(|it| it.at));
        let codes: Vec<Code> = self
            .history
            .iter()
            .flat_map(|entry| entry.why.iter().map(|reason| reason.code))
            .collect();
        let story = [
            Code::Accepted,
            Code::Ready,
            Code::Frozen,
            Code::Sent,
            Code::AllAnswered,
            Code::Complete,
        ];
        let places = story.map(|code| codes.iter().position(|it| *it == code));
        assert!(places.iter().all(Option::is_some), "{codes:?}");
        assert!(places.is_sorted(), "{codes:?}");
        let times = |code| codes.iter().filter(|it| **it == code).count() as u64;
        assert_eq!(times(Code::Accepted), 1);
        // It is delivered again and again, and known by its id.
        assert_eq!(times(Code::Merged), 0);
        let (kills, uncounted) = (self.night.kills, self.night.uncounted);
        assert!((kills - uncounted..=kills).contains(&times(Code::Resumed)));
    }

    /// The stored events, played again, give the stored run.
    fn the_history_gives_the_run(&self) {
        let run = self.run();
        let opening = Opening {
            key: run.key.clone(),
            purpose: run.purpose,
            policy: run.policy.clone(),
            baseline: run.baseline.clone(),
            expectation: run.expectation,
        };
        let mut played = Run::open(opening, run.opened_at);
        for entry in &self.history {
            if let Some(event) = &entry.event {
                played = step(played, event, entry.at).run;
                assert_eq!(entry.step.unwrap_or(played.steps), played.steps);
                assert_eq!(entry.state, Some(played.state));
            }
        }
        assert_eq!(&played, run);
    }

    fn completed_once(&self) {
        let states: Vec<State> = self.history.iter().filter_map(|it| it.state).collect();
        let completions = states
            .windows(2)
            .filter(|pair| pair[0] != State::Complete && pair[1] == State::Complete);
        assert_eq!(completions.count(), 1, "{states:?}");
        let effects = self.history.iter().flat_map(|it| &it.effects);
        let announced = effects.filter(|it| matches!(it, Effect::Announce(_)));
        let settled = if self.night.plan.failing { 2 } else { 1 };
        assert!((1..=settled).contains(&announced.count()));
        assert_eq!(self.status["state"], "complete");
        assert_eq!(self.status["verdict"], "met");
    }

    /// The downstream event went out, at least once and always under one id; the run is recorded, once.
    async fn the_end_is_told(&self) {
        let log: Vec<Value> = {
            let lines = self.night.log.lock().unwrap();
            let read = |line: &String| serde_json::from_str(line).ok();
            lines.iter().filter_map(read).collect()
        };
        let told: Vec<&Value> = log
            .iter()
            .filter(|line| line["message"] == "the downstream event")
            .filter(|line| line["event"].as_str().unwrap().contains("success"))
            .collect();
        let ids: BTreeSet<&str> = told.iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 1, "{told:#?}");
        // Told and not kept, because the disk refused it, is told once more.
        let refused = log
            .iter()
            .filter(|line| line["message"] == "an effect failed and will be tried again")
            .filter(|line| line["id"] == told[0]["id"])
            .count() as u64;
        let most = 1 + self.night.kills + self.night.faults + refused;
        assert!(told.len() as u64 <= most, "{told:#?}");
        let recorded = "SELECT status FROM nba_reference.processor_run_history \
                        WHERE processor_name = 'phase5_coordinator'";
        let recorded = self.night.warehouse.query(recorded).await.unwrap();
        assert_eq!(recorded.rows, [[json!("success")]]);
    }
}

fn standing(seen: &UnitSeen) -> Standing {
    Standing::ALL[usize::try_from(seen.standing).unwrap()]
}
