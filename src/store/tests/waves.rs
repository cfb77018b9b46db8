//! Waves staged, frozen, claimed, confirmed, answered: the cases that have a story.

use crate::{
    domain::{
        completion::Standing,
        event::{FrozenTally, SentTally},
        ids::UnitId,
    },
    ports::{
        StoredRow,
        store::{Attempt, RankedAnswer, StagePage},
    },
};

use super::support::{at, deadline, fixture, key, listed, names, ranked, units};

#[tokio::test]
async fn staging_is_unseen_until_it_is_frozen() {
    let fixture = fixture().await;
    assert_eq!(fixture.stage(1, &units(&["a", "b"])).await, 2);
    let answer = ranked("a", Standing::Failed, at(5));
    let tally = fixture.answer(answer).await;
    assert_eq!((tally.changed(), tally.unknown), (0, 0));
    assert_eq!(fixture.claim("b1", 1, at(5)).await.units.len(), 0);
    let frozen = fixture.freeze("b1", 1).await;
    assert_eq!(frozen.to_send, 2);
    assert_eq!(frozen.plan.of(Standing::Failed), 1);
    assert_eq!(frozen.reasons.get("worker"), Some(&1));
}

#[tokio::test]
async fn a_runs_first_page_is_staged_alike_without_a_look_for_known_units() {
    let mut outcomes = Vec::new();
    for is_first in [false, true] {
        let fixture = fixture().await;
        let mut units = units(&["a", "b", "c"]);
        units[1].has_row = true;
        let key = key();
        let page = StagePage {
            key: &key,
            wave: 1,
            units: &units,
            is_first,
            attempts_max: 3,
            units_max: Some(1),
            deadline_at: deadline(),
        };
        let mut transaction = fixture.begin().await;
        assert_eq!(transaction.stage(page).await.unwrap(), 1);
        transaction.commit().await.unwrap();
        let frozen = fixture.freeze("b1", 1).await;
        assert_eq!(frozen.plan.total(), 3);
        let claimed = fixture.claim("b1", 1, at(5)).await.units;
        let claimed: Vec<UnitId> = claimed.into_iter().map(|it| it.unit.unit).collect();
        assert_eq!(claimed, names(&["a"]));
        outcomes.push(frozen);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test]
async fn a_listing_that_was_never_frozen_takes_nothing_out_of_the_plan() {
    let fixture = fixture().await;
    fixture.sent(&["a", "b"]).await;
    fixture.stage(2, &units(&["a"])).await;
    let tally = fixture.answer(ranked("a", Standing::Claimed, at(5))).await;
    assert_eq!((tally.changed(), tally.answered), (1, 1));
    fixture.stage(3, &units(&["a", "b"])).await;
    let frozen = fixture.freeze("b2", 3).await;
    assert_eq!((frozen.plan.total(), frozen.orphans), (2, 0));
    assert_eq!(frozen.to_send, 0, "b is in flight, a is claimed");
}

#[tokio::test]
async fn a_unit_no_longer_listed_leaves_the_plan_and_keeps_its_answers() {
    let fixture = fixture().await;
    fixture.sent(&["a", "b"]).await;
    fixture.stage(2, &units(&["a"])).await;
    let frozen = fixture.freeze("b2", 2).await;
    assert_eq!((frozen.plan.total(), frozen.orphans), (1, 1));
    let tally = fixture.answer(ranked("b", Standing::Claimed, at(5))).await;
    assert_eq!((tally.changed(), tally.answered), (0, 1));
    fixture.stage(3, &units(&["a", "b"])).await;
    let frozen = fixture.freeze("b3", 3).await;
    assert_eq!(frozen.plan.of(Standing::Claimed), 1);
}

#[tokio::test]
async fn what_was_in_doubt_is_sent_again_as_the_same_attempt() {
    let fixture = fixture().await;
    fixture.stage(1, &units(&["a", "b"])).await;
    fixture.freeze("b1", 1).await;
    let first = fixture.claim("b1", 1, at(0)).await;
    assert_eq!(first.units.len(), 2);
    assert_eq!(fixture.claim("b1", 1, at(29)).await.units.len(), 0);
    let again = fixture.claim("b1", 1, at(30)).await;
    assert_eq!(again.units, first.units);
    fixture.confirm([&["a"], &["b"], &[]], at(31)).await;
    let tried = fixture.claim("b1", 1, at(32)).await;
    assert_eq!((tried.units[0].attempt, tried.units[0].tries), (1, 1));
}

#[tokio::test]
async fn a_dead_senders_claims_are_free_at_once_when_the_store_is_taken_over() {
    let fixture = fixture().await;
    fixture.claimed(&["a"]).await;
    fixture.store.take_over().await.unwrap();
    assert_eq!(fixture.claim("b1", 1, at(1)).await.units.len(), 1);
}

#[tokio::test]
async fn an_answer_that_overtakes_its_confirmation_is_counted_with_it() {
    let fixture = fixture().await;
    fixture.claimed(&["a"]).await;
    let early = fixture.answer(ranked("a", Standing::Claimed, at(0))).await;
    assert_eq!((early.changed(), early.answered), (1, 0));
    let confirmed = fixture.confirm([&["a"], &[], &[]], at(1)).await;
    assert_eq!((confirmed.sent, confirmed.changes.answered), (1, 1));
    let again = fixture.confirm([&["a"], &[], &[]], at(2)).await;
    assert_eq!(again.sent, 0);
}

#[tokio::test]
async fn an_answer_whose_sender_died_spares_the_unit() {
    let fixture = fixture().await;
    fixture.claimed(&["a"]).await;
    fixture.answer(ranked("a", Standing::Failed, at(0))).await;
    let claimed = fixture.claim("b1", 1, at(60)).await;
    assert_eq!((claimed.units.len(), claimed.spared), (0, 1));
}

#[tokio::test]
async fn a_unit_satisfied_between_freeze_and_claim_is_spared() {
    let fixture = fixture().await;
    fixture.sent(&["a"]).await;
    fixture.answer(ranked("a", Standing::Failed, at(5))).await;
    fixture.stage(2, &units(&["a"])).await;
    let frozen = fixture.freeze("b1", 2).await;
    let expected = FrozenTally {
        to_send: 1,
        retried: 1,
        resent_answered: 1,
        ..frozen.clone()
    };
    assert_eq!(frozen, expected);
    fixture.answer(ranked("a", Standing::Claimed, at(9))).await;
    let claimed = fixture.claim("b1", 2, at(10)).await;
    assert_eq!((claimed.units.len(), claimed.spared), (0, 1));
}

#[tokio::test]
async fn a_refused_unit_failed_to_publish() {
    let fixture = fixture().await;
    fixture.claimed(&["a"]).await;
    let tally = fixture.confirm([&[], &[], &["a"]], at(1)).await;
    assert_eq!((tally.sent, tally.refused), (0, 1));
    assert_eq!(tally.changes.moves[0].to_reason.as_deref(), Some("publish"));
    let open = fixture.store.open_units(&key(), 9).await.unwrap();
    assert_eq!(open[0].standing, Standing::Failed);
    assert_eq!(open[0].reason.as_deref(), Some("publish"));
}

#[tokio::test]
async fn a_released_batch_sends_nothing_more_and_its_units_are_free() {
    let fixture = fixture().await;
    fixture.stage(1, &units(&["a", "b"])).await;
    fixture.freeze("b1", 1).await;
    fixture.release("b1").await;
    assert_eq!(fixture.claim("b1", 1, at(0)).await.units.len(), 0);
    assert_eq!(fixture.stage(2, &units(&["a", "b"])).await, 2);
    assert_eq!(fixture.freeze("b2", 2).await.to_send, 2);
    assert_eq!(fixture.claim("b2", 2, at(0)).await.units.len(), 2);
}

#[tokio::test]
async fn a_confirmation_after_the_batchs_end_is_not_heard() {
    let fixture = fixture().await;
    fixture.claimed(&["a"]).await;
    fixture.release("b1").await;
    let tally = fixture.confirm([&["a"], &[], &[]], at(1)).await;
    let nothing = SentTally {
        at: Some(at(1)),
        ..SentTally::default()
    };
    assert_eq!(tally, nothing);
}

#[tokio::test]
async fn attempts_and_budget_limit_what_is_staged() {
    let fixture = fixture().await;
    fixture.sent(&["a", "b", "c"]).await;
    for name in ["a", "b", "c"] {
        fixture.answer(ranked(name, Standing::Skipped, at(5))).await;
    }
    let units = units(&["a", "b", "c", "d"]);
    let key = key();
    let mut page = StagePage {
        key: &key,
        wave: 2,
        units: &units,
        is_first: false,
        attempts_max: 3,
        units_max: Some(2),
        deadline_at: deadline(),
    };
    let mut transaction = fixture.begin().await;
    assert_eq!(transaction.stage(page.clone()).await.unwrap(), 2);
    page.units_max = None;
    page.attempts_max = 1;
    assert_eq!(transaction.stage(page.clone()).await.unwrap(), 1, "only d");
    page.attempts_max = 2;
    assert_eq!(transaction.stage(page).await.unwrap(), 4);
}

#[tokio::test]
async fn a_late_answer_counts_late_and_ends_what_was_given_up() {
    let fixture = fixture().await;
    fixture.sent(&["a", "b"]).await;
    let mut transaction = fixture.begin().await;
    assert_eq!(transaction.give_up(&key(), at(0)).await.unwrap(), 2);
    assert_eq!(transaction.give_up(&key(), at(9)).await.unwrap(), 0);
    transaction.commit().await.unwrap();
    let tally = fixture
        .answer(ranked("a", Standing::Claimed, at(700)))
        .await;
    assert_eq!((tally.answered, tally.answered_late, tally.late), (0, 1, 1));
    let tally = fixture
        .answer(ranked("a", Standing::Claimed, at(701)))
        .await;
    assert_eq!((tally.duplicates, tally.late), (1, 0));
}

#[tokio::test]
async fn an_answer_to_an_earlier_attempt_leaves_the_latest_in_flight() {
    let fixture = fixture().await;
    fixture.sent(&["a"]).await;
    fixture.answer(ranked("a", Standing::Failed, at(5))).await;
    fixture.stage(2, &units(&["a"])).await;
    fixture.freeze("b2", 2).await;
    fixture.claim("b2", 2, at(10)).await;
    fixture.confirm([&["a"], &[], &[]], at(10)).await;
    let mut first = ranked("a", Standing::Claimed, at(12));
    first.attempt = Some(1);
    let tally = fixture.answer(first).await;
    assert_eq!((tally.changed(), tally.answered), (1, 0));
    let before = fixture.answer(ranked("a", Standing::Failed, at(9))).await;
    assert_eq!((before.answered, before.duplicates), (0, 1));
    let after = fixture.answer(ranked("a", Standing::Failed, at(10))).await;
    assert_eq!((after.answered, after.duplicates), (1, 0));
}

#[tokio::test]
async fn a_missing_claim_leaves_those_in_time_and_is_renewed_by_a_resend() {
    let fixture = fixture().await;
    fixture.sent(&["a", "b"]).await;
    for name in ["a", "b"] {
        fixture.answer(ranked(name, Standing::Claimed, at(5))).await;
    }
    let mut transaction = fixture.begin().await;
    let tally = transaction.missing(&key(), at(5)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!((tally.newly_missing, tally.changed()), (2, 0));
    assert_eq!(tally.moves[0].units, 2);
    let duplicate = fixture.answer(ranked("a", Standing::Claimed, at(5))).await;
    assert_eq!((duplicate.renewed, duplicate.duplicates), (0, 1));
    assert_eq!(fixture.stage(2, &units(&["a", "b"])).await, 2);
    fixture.freeze("b1", 2).await;
    fixture.claim("b1", 2, at(400)).await;
    fixture.confirm([&["a", "b"], &[], &[]], at(400)).await;
    let renewed = fixture
        .answer(ranked("a", Standing::Claimed, at(402)))
        .await;
    assert_eq!((renewed.renewed, renewed.answered), (1, 1));
    let open = fixture.store.open_units(&key(), 9).await.unwrap();
    assert_eq!(open.len(), 1);
}

#[tokio::test]
async fn a_row_is_true_when_it_was_written() {
    let fixture = fixture().await;
    fixture.sent(&["a"]).await;
    fixture.answer(ranked("a", Standing::Claimed, at(5))).await;
    let row = StoredRow {
        unit: names(&["a"]).remove(0),
        created_at: deadline() + chrono::TimeDelta::microseconds(1),
    };
    let mut transaction = fixture.begin().await;
    let tally = transaction
        .rows(&key(), std::slice::from_ref(&row), deadline())
        .await;
    let moved = tally.unwrap().moves.remove(0);
    assert_eq!((moved.was_in_time, moved.in_time), (true, false));
    let again = transaction.rows(&key(), &[row], deadline()).await.unwrap();
    assert!(again.is_empty());
}

#[tokio::test]
async fn a_listed_row_counts_in_time_until_its_instant_is_known() {
    let fixture = fixture().await;
    let mut unit = listed("a", "game1");
    unit.has_row = true;
    assert_eq!(fixture.stage(1, &[unit, listed("b", "game1")]).await, 1);
    let frozen = fixture.freeze("b1", 1).await;
    assert_eq!((frozen.plan.of(Standing::Stored), frozen.in_time), (1, 1));
    let row = StoredRow {
        unit: names(&["a"]).remove(0),
        created_at: at(4_000),
    };
    let mut transaction = fixture.begin().await;
    let tally = transaction.rows(&key(), &[row], deadline()).await.unwrap();
    assert_eq!(tally.changed(), 0);
    assert!(tally.moves[0].was_in_time && !tally.moves[0].in_time);
}

#[tokio::test]
async fn games_beyond_the_most_are_counted_under_one_name() {
    let fixture = fixture().await;
    let units: Vec<_> = (0..100)
        .map(|number| listed(&format!("u{number:03}"), &format!("g{number:03}")))
        .collect();
    fixture.stage(1, &units).await;
    let frozen = fixture.freeze("b1", 1).await;
    assert_eq!(frozen.games.len(), 64);
    let other = frozen.games.last().unwrap();
    assert_eq!((other.0.as_str(), other.1.ready), ("other", 37));
    for (unit, game) in [("u062", "g062"), ("u063", "other")] {
        let answer = ranked(unit, Standing::Claimed, at(5));
        let tally = fixture.answer(answer).await;
        assert_eq!(tally.moves[0].game_id.as_str(), game);
    }
}

#[tokio::test]
async fn an_attempt_that_another_has_followed_is_confirmed_for_nobody() {
    let fixture = fixture().await;
    fixture.claimed(&["a"]).await;
    fixture.release("b1").await;
    fixture.stage(2, &units(&["a"])).await;
    fixture.freeze("b2", 2).await;
    fixture.claim("b2", 2, at(1)).await;
    for (attempt, sent) in [(1, 0), (2, 1), (2, 0)] {
        let unit = UnitId::new("a");
        let attempts = [Attempt { unit, attempt }];
        let tally = fixture.confirm_attempts([&attempts, &[], &[]], at(2)).await;
        assert_eq!(tally.sent, sent, "attempt {attempt}");
    }
}

#[tokio::test]
async fn a_unit_confirmed_twice_at_once_is_counted_once() {
    let fixture = fixture().await;
    fixture.claimed(&["a", "b"]).await;
    let tally = fixture.confirm([&["a", "b", "a"], &[], &[]], at(1)).await;
    assert_eq!(tally.sent, 2);
}

/// Answers of every sort, several of one unit among them.
fn said() -> Vec<RankedAnswer> {
    vec![
        ranked("a", Standing::Failed, at(5)),
        ranked("b", Standing::Claimed, at(5)),
        ranked("a", Standing::Claimed, at(6)),
        ranked("nobody", Standing::Claimed, at(6)),
        ranked("b", Standing::Claimed, at(7)),
        ranked("a", Standing::Failed, at(8)),
        ranked("c", Standing::Skipped, at(8)),
    ]
}

#[tokio::test]
async fn answers_merged_together_count_as_one_after_the_other() {
    let (together, singly) = (fixture().await, fixture().await);
    for fixture in [&together, &singly] {
        fixture.sent(&["a", "b", "c", "d"]).await;
    }
    let as_a_set = together.answers(&said()).await;
    let mut one_by_one = Vec::new();
    for answer in said() {
        one_by_one.push(singly.answer(answer).await);
    }
    assert_eq!(as_a_set, one_by_one);
    let duplicates: Vec<u64> = as_a_set.iter().map(|tally| tally.duplicates).collect();
    assert_eq!(duplicates, [0, 0, 0, 0, 1, 1, 0]);
    let unknown: Vec<u64> = as_a_set.iter().map(|tally| tally.unknown).collect();
    assert_eq!(unknown, [0, 0, 0, 1, 0, 0, 0]);
    for (wave, fixture) in [(2, &together), (2, &singly)] {
        fixture.stage(wave, &units(&["a", "b", "c", "d"])).await;
    }
    let plans = [together.freeze("b2", 2).await, singly.freeze("b2", 2).await];
    assert_eq!(plans[0], plans[1]);
    assert_eq!(plans[0].plan.of(Standing::Claimed), 2);
}
