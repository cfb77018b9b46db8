//! A transaction that the database undid by itself, as SQLite does where the disk fails in the middle of a statement:
//! nothing of the commit group is done, nothing is acknowledged, and what comes again counts once.
//!
//! Disks that fail at a commit are in `kill::disk`.

use tipoff::{
    domain::{
        completion::{Answer, Outcome},
        ids::{HandoffId, MessageId, UnitId},
    },
    engine::AnswerMessage,
    ports::store::Quarantined,
};

use crate::support::{TestApp, date, instant};

const AT: &str = "2026-01-19T15:30:00Z";

fn answer() -> AnswerMessage {
    AnswerMessage {
        id: MessageId::new("complete/1"),
        handoff: HandoffId::new("phase4-to-phase5"),
        answer: Answer {
            unit: UnitId::new("lebronjames"),
            game_date: date("2026-01-19"),
            batch_id: None,
            request_id: None,
            outcome: Outcome::Predicted,
            predictions_generated: 1,
            answered_at: instant(AT),
            worker: None,
        },
        body: Vec::new(),
    }
}

fn unreadable() -> Quarantined {
    Quarantined {
        id: 0,
        source: "complete".to_owned(),
        message_id: MessageId::new("complete/2"),
        received_at: instant(AT),
        code: "not_json".to_owned(),
        reason: "it is no JSON".to_owned(),
        body: b"?".to_vec(),
        bytes: 1,
        sha256: String::new(),
    }
}

/// On one thread, both are in the queue before the commit looks into it: they share a group.
#[tokio::test]
async fn a_group_that_the_database_undid_is_refused_as_a_whole_and_counts_once_when_it_comes_again()
{
    let app = TestApp::start().await;
    app.send_out(&["lebronjames", "stephencurry"]).await;
    app.run_sql(
        "CREATE TRIGGER lost BEFORE INSERT ON quarantine
         BEGIN SELECT RAISE(ROLLBACK, 'as if the disk had failed'); END",
    )
    .await;
    let inbox = app.engine.inbox();
    let before = app.run().await;
    let (answered, kept) = tokio::join!(
        inbox.answers(vec![answer()]),
        inbox.quarantine(unreadable())
    );
    assert!(answered.is_err(), "{answered:?}");
    assert!(kept.is_err(), "{kept:?}");
    assert_eq!(app.run().await, before, "nothing was done");

    app.run_sql("DROP TRIGGER lost").await;
    let (answered, kept) = tokio::join!(
        inbox.answers(vec![answer()]),
        inbox.quarantine(unreadable())
    );
    assert_eq!(answered.unwrap().accepted, 1);
    kept.unwrap();
    let status = app.get("/status").await.json();
    assert_eq!(status["counts"]["predicted"], 1);
    assert_eq!(status["counts"]["outstanding"], 1);
}
