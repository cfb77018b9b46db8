//! Writes that are put off: none is lost, none is half kept, and a set of messages is told apart.

use super::support::{at, fixture, item, key};
use crate::domain::ids::MessageId;

#[tokio::test]
async fn what_is_put_off_is_there_after_the_commit() {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    transaction.put(&item(), at(60)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(fixture.store.next_outbox_at().await.unwrap(), Some(at(60)));
}

#[tokio::test]
async fn a_put_off_write_that_fails_keeps_its_transaction_from_being_committed() {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    transaction.put(&item(), at(60)).await.unwrap();
    transaction.put(&item(), at(60)).await.unwrap();
    assert!(transaction.run(&key()).await.is_err(), "one id twice");
    assert!(transaction.commit().await.is_err());
    fixture.begin().await.commit().await.unwrap();
    assert_eq!(fixture.store.next_outbox_at().await.unwrap(), None);
}

#[tokio::test]
async fn a_commit_fails_with_what_was_put_off_until_it() {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    transaction.put(&item(), at(60)).await.unwrap();
    transaction.put(&item(), at(60)).await.unwrap();
    assert!(transaction.commit().await.is_err());
    fixture.begin().await.commit().await.unwrap();
    assert_eq!(fixture.store.next_outbox_at().await.unwrap(), None);
}

#[tokio::test]
async fn what_was_put_off_since_a_mark_is_undone_with_it_and_nothing_else() {
    let fixture = fixture().await;
    for is_written in [false, true] {
        let mut transaction = fixture.begin().await;
        let id = MessageId::new(format!("before {is_written}"));
        transaction.accept(&[&id], "trigger", at(0)).await.unwrap();
        transaction.mark().await.unwrap();
        transaction.put(&item(), at(60)).await.unwrap();
        if is_written {
            transaction.run(&key()).await.unwrap();
        }
        transaction.undo().await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(fixture.store.next_outbox_at().await.unwrap(), None);
    }
    assert_eq!(fixture.store.queues().await.unwrap().inbox, 2);
}

#[tokio::test]
async fn a_write_that_cannot_be_kept_is_undone_and_the_rest_can_be_committed() {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    transaction.put(&item(), at(60)).await.unwrap();
    transaction.mark().await.unwrap();
    transaction.put(&item(), at(90)).await.unwrap();
    assert!(transaction.keep().await.is_err(), "one id twice");
    transaction.undo().await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(fixture.store.next_outbox_at().await.unwrap(), Some(at(60)));
}

#[tokio::test]
async fn messages_that_came_before_are_told_from_new_ones_in_one_set() {
    let fixture = fixture().await;
    let ids = |names: &str| -> Vec<MessageId> {
        let names = names.chars();
        names.map(|name| MessageId::new(name.to_string())).collect()
    };
    for (arrived, fresh) in [
        ("ab", vec![true, true]),
        ("bcacd", vec![false, true, false, false, true]),
        ("dcba", vec![false; 4]),
        ("ee", vec![true, false]),
        ("", vec![]),
    ] {
        let mut transaction = fixture.begin().await;
        let ids = ids(arrived);
        let ids: Vec<&MessageId> = ids.iter().collect();
        let accepted = transaction.accept(&ids, "complete", at(0)).await.unwrap();
        assert_eq!(accepted, fresh, "{arrived}");
        transaction.commit().await.unwrap();
    }
}
