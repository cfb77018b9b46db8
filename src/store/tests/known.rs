//! What is known without asking is what was committed, and what the transaction at hand has done.

use super::support::{Fixture, at, fixture, item, key};
use crate::{
    domain::run::{Run, sample},
    ports::store::Transaction,
};

/// The night's run after so many steps.
fn run(steps: u64) -> Run {
    let mut run = Run::open(sample::opening(), at(0));
    run.steps = steps;
    run
}

async fn save(transaction: &mut dyn Transaction, steps: u64) {
    transaction.save_run(&run(steps), None).await.unwrap();
}

async fn steps(transaction: &mut dyn Transaction) -> u64 {
    transaction.run(&key()).await.unwrap().unwrap().steps
}

/// A store in which the run has taken one step.
async fn after_one_step() -> Fixture {
    let fixture = fixture().await;
    let mut transaction = fixture.begin().await;
    save(&mut *transaction, 1).await;
    assert_eq!(steps(&mut *transaction).await, 1);
    transaction.commit().await.unwrap();
    fixture
}

#[tokio::test]
async fn a_step_that_is_rolled_back_or_let_go_of_is_not_known() {
    let fixture = after_one_step().await;
    let mut transaction = fixture.begin().await;
    save(&mut *transaction, 2).await;
    transaction.rollback().await.unwrap();
    let mut transaction = fixture.begin().await;
    assert_eq!(steps(&mut *transaction).await, 1);
    save(&mut *transaction, 3).await;
    drop(transaction);
    assert_eq!(steps(&mut *fixture.begin().await).await, 1);
}

#[tokio::test]
async fn a_step_that_is_undone_to_a_mark_is_not_known_and_the_one_before_is() {
    let fixture = after_one_step().await;
    let mut transaction = fixture.begin().await;
    save(&mut *transaction, 2).await;
    transaction.mark().await.unwrap();
    save(&mut *transaction, 3).await;
    transaction.undo().await.unwrap();
    assert_eq!(steps(&mut *transaction).await, 2);
    transaction.commit().await.unwrap();
    assert_eq!(steps(&mut *fixture.begin().await).await, 2);
}

#[tokio::test]
async fn a_step_whose_commit_fails_is_not_known() {
    let fixture = after_one_step().await;
    let mut transaction = fixture.begin().await;
    save(&mut *transaction, 2).await;
    // One id twice: the commit fails with what was put off until it.
    for _ in 0..2 {
        transaction.put(&item(), at(60)).await.unwrap();
    }
    assert!(transaction.commit().await.is_err());
    assert_eq!(steps(&mut *fixture.begin().await).await, 1);
}

#[tokio::test]
async fn a_closed_run_is_read_again() {
    let fixture = after_one_step().await;
    let mut transaction = fixture.begin().await;
    let mut closed = run(2);
    closed.closed_at = Some(at(1));
    transaction.save_run(&closed, None).await.unwrap();
    assert_eq!(steps(&mut *transaction).await, 2);
    transaction.commit().await.unwrap();
    assert_eq!(steps(&mut *fixture.begin().await).await, 2);
}
