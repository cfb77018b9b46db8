//! Opening, locking, transactions let go of, and the queues.

use std::path::Path;

use crate::{
    domain::{
        effect::Effect,
        ids::{BatchId, MessageId},
    },
    ports::store::{OutboxEnd, OutboxItem, Quarantined, QueueFigures, Store, UNKNOWN_UNIT},
    store::{SqliteStore, migrator},
};

use super::support::{at, batch, fixture, key};

fn item(id: &str, due_in: i64) -> OutboxItem {
    OutboxItem {
        id: id.to_owned(),
        key: key(),
        effect: Effect::Send {
            batch_id: BatchId::new("b1"),
        },
        decided_at: at(0),
        due_at: at(due_in),
        tries: 0,
    }
}

#[tokio::test]
async fn a_second_holder_is_refused_with_the_file_and_what_to_do() {
    let fixture = fixture().await;
    let path = fixture.folder.path().join("tipoff.db");
    let error = SqliteStore::open(&path).await.err().unwrap().to_string();
    assert!(error.contains("tipoff.db.lock"), "{error}");
    assert!(error.contains("--data"), "{error}");
}

#[tokio::test]
async fn a_closed_store_refuses_those_who_still_hold_it_and_frees_the_file() {
    let fixture = fixture().await;
    let path = fixture.folder.path().join("tipoff.db");
    fixture.store.queues().await.unwrap();
    fixture.store.close().await;
    let error = fixture.store.begin().await.err().unwrap().to_string();
    assert!(error.contains("closed"), "{error}");
    assert!(fixture.store.queues().await.is_err());
    SqliteStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tipoff.db");
    accept_one(&path).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let message = MessageId::new("m1");
    let accepted = transaction.accept(&[&message], "trigger", at(9)).await;
    assert_eq!(accepted.unwrap(), [false]);
}

async fn accept_one(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let message = MessageId::new("m1");
    let accepted = transaction.accept(&[&message], "trigger", at(0)).await;
    assert_eq!(accepted.unwrap(), [true]);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_transaction_let_go_of_leaves_nothing_and_the_next_begins() {
    let fixture = fixture().await;
    let mut abandoned = fixture.begin().await;
    let message = MessageId::new("m1");
    assert_eq!(
        abandoned
            .accept(&[&message], "trigger", at(0))
            .await
            .unwrap(),
        [true]
    );
    drop(abandoned);
    fixture.store.take_over().await.unwrap();
    let mut next = fixture.begin().await;
    assert_eq!(
        next.accept(&[&message], "trigger", at(0)).await.unwrap(),
        [true]
    );
    next.commit().await.unwrap();
    assert_eq!(fixture.store.queues().await.unwrap().inbox, 1);
}

#[tokio::test]
async fn a_begin_that_was_given_up_halfway_does_not_block_the_next() {
    let fixture = fixture().await;
    for _ in 0..20 {
        let begin = fixture.store.begin();
        let _ = tokio::time::timeout(std::time::Duration::from_micros(20), begin).await;
    }
    let transaction = fixture.begin().await;
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn undoing_to_the_mark_keeps_what_was_before_it() {
    let fixture = fixture().await;
    let (first, second) = (MessageId::new("m1"), MessageId::new("m2"));
    let mut transaction = fixture.begin().await;
    transaction.mark().await.unwrap();
    transaction
        .accept(&[&first], "trigger", at(0))
        .await
        .unwrap();
    transaction.keep().await.unwrap();
    transaction.mark().await.unwrap();
    transaction
        .accept(&[&second], "trigger", at(0))
        .await
        .unwrap();
    transaction.undo().await.unwrap();
    transaction.commit().await.unwrap();
    let mut next = fixture.begin().await;
    assert_eq!(
        next.accept(&[&first], "trigger", at(0)).await.unwrap(),
        [false]
    );
    assert_eq!(
        next.accept(&[&second], "trigger", at(0)).await.unwrap(),
        [true]
    );
}

#[tokio::test]
async fn an_effect_is_leased_once_and_again_when_its_lease_is_over() {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    for one in [item("b", 0), item("a", 0), item("later", 60)] {
        transaction.put(&one, at(0)).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let store = &fixture.store;
    let leased = store.lease_outbox(at(0), at(30), 10).await.unwrap();
    assert_eq!(leased, vec![item("a", 0), item("b", 0)]);
    let none = store.lease_outbox(at(29), at(59), 10).await.unwrap();
    assert_eq!(none, Vec::new());
    assert_eq!(store.next_outbox_at().await.unwrap(), Some(at(30)));
    assert!(store.prolong_lease("a", at(50)).await.unwrap());
    let again = store.lease_outbox(at(30), at(60), 10).await.unwrap();
    assert_eq!(again, vec![item("b", 0)]);
    store.take_over().await.unwrap();
    assert!(!store.prolong_lease("a", at(90)).await.unwrap());
    let all = store.lease_outbox(at(31), at(61), 10).await.unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn an_effect_ends_done_later_or_dead() {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    for id in ["dead", "done", "later"] {
        transaction.put(&item(id, 0), at(0)).await.unwrap();
    }
    let later = OutboxEnd::Later {
        due_at: at(20),
        error: "refused".to_owned(),
    };
    let dead = OutboxEnd::Dead {
        error: "not allowed".to_owned(),
    };
    transaction.end("dead", &dead).await.unwrap();
    transaction.end("done", &OutboxEnd::Done).await.unwrap();
    transaction.end("later", &later).await.unwrap();
    transaction.commit().await.unwrap();
    let left = fixture.store.lease_outbox(at(99), at(100), 9).await;
    let tried = OutboxItem {
        tries: 1,
        due_at: at(20),
        ..item("later", 0)
    };
    assert_eq!(left.unwrap(), vec![tried]);
    let expected = QueueFigures {
        outbox: 1,
        outbox_oldest_at: Some(at(0)),
        outbox_dead: 1,
        ..QueueFigures::default()
    };
    assert_eq!(fixture.store.queues().await.unwrap(), expected);
}

#[tokio::test]
async fn a_quarantined_message_keeps_its_bytes_and_is_counted_for_its_night() {
    let fixture = fixture().await;
    let message = Quarantined {
        id: 1,
        source: "complete".to_owned(),
        message_id: MessageId::new("m1"),
        received_at: at(0),
        code: UNKNOWN_UNIT.to_owned(),
        reason: "no run knows it".to_owned(),
        body: br#"{"game_date": "2026-01-19", "player_lookup": "nobody"}"#.to_vec(),
        bytes: 54,
        sha256: "00".to_owned(),
    };
    let garbled = Quarantined {
        id: 2,
        body: vec![0, 255],
        ..message.clone()
    };
    let mut transaction = fixture.begin().await;
    transaction.quarantine(&message).await.unwrap();
    transaction.quarantine(&garbled).await.unwrap();
    let unknown = transaction.unknown_quarantined(key().game_date).await;
    assert_eq!(unknown.unwrap(), 1);
    transaction.commit().await.unwrap();
    let listed = fixture.store.quarantined(10).await.unwrap();
    assert_eq!(listed, vec![garbled, message.clone()]);
    let found = fixture.store.quarantined_message(1).await.unwrap();
    assert_eq!(found, Some(message));
    let mut transaction = fixture.begin().await;
    assert!(transaction.release_quarantined(1).await.unwrap());
    assert!(!transaction.release_quarantined(1).await.unwrap());
}

#[tokio::test]
async fn a_batch_is_found_by_its_id() {
    let fixture = fixture().await;
    fixture.freeze("b1", 1).await;
    let store = &fixture.store;
    assert_eq!(store.run_of_batch(&batch("b1")).await.unwrap(), Some(key()));
    assert_eq!(store.run_of_batch(&batch("b2")).await.unwrap(), None);
}

#[test]
fn migrations_have_ascending_numbers() {
    let versions: Vec<i64> = migrator().iter().map(|one| one.version).collect();
    let counted: Vec<i64> = (1..).take(versions.len()).collect();
    assert_eq!(versions, counted);
}

#[tokio::test]
async fn of_messages_that_come_together_each_is_accepted_once() {
    let fixture = fixture().await;
    let [first, second] = ["m1", "m2"].map(MessageId::new);
    let mut transaction = fixture.begin().await;
    let together = [&first, &second, &first];
    let accepted = transaction.accept(&together, "complete", at(0)).await;
    assert_eq!(accepted.unwrap(), [true, true, false]);
    let again = transaction.accept(&together, "complete", at(1)).await;
    assert_eq!(again.unwrap(), [false, false, false]);
    let of_none = transaction.accept(&[], "complete", at(1)).await;
    assert!(of_none.unwrap().is_empty());
    transaction.commit().await.unwrap();
    assert_eq!(fixture.store.queues().await.unwrap().inbox, 2);
}
