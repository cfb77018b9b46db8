//! A completion that is announced again or too late: it starts nothing of the next handoff that ought not to start.
//!
//! When a run announces what belongs to the domain.

use chrono::TimeDelta;
use serde_json::json;
use tipoff::{
    clock::Clock,
    domain::{
        effect::{AnnouncedStatus, Announcement, Effect},
        ids::{HandoffId, RunKey},
        run::{Run, State},
    },
    ports::store::{OutboxItem, Store},
};

use crate::support::{Differs, TONIGHT, TestApp, completion, date, rows, tonight};

const PLAYERS: [&str; 3] = ["karl-anthonytowns", "lebronjames", "stephencurry"];
/// The second follows the first.
const IN_A_CHAIN: &str = "
[[handoffs]]
id = \"phase4-to-phase5\"
[[handoffs]]
id = \"phase5-to-phase6\"
upstream_handoff = \"phase4-to-phase5\"
";

/// The run of the handoff behind tonight's.
fn downstream() -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase5-to-phase6"),
        ..tonight()
    }
}

async fn next(app: &TestApp) -> Run {
    let run = app.store.run(&downstream()).await.unwrap();
    run.expect("the next handoff's run")
}

/// Both handoffs are done with tonight, and the first has said so.
async fn completed() -> TestApp {
    let app = TestApp::start_as(Differs {
        config: IN_A_CHAIN,
        token: false,
    })
    .await;
    app.list(&PLAYERS).await;
    let start = json!({"handoff": "phase4-to-phase5", "force": true});
    assert_eq!(app.post_json("/start", start).await.status, 202);
    app.until(State::Running).await;
    let predictions =
        PLAYERS.map(|player| rows::prediction(player, date(TONIGHT), app.clock.now()));
    app.warehouse
        .insert_predictions(&predictions)
        .await
        .unwrap();
    for player in PLAYERS {
        let mut claim = completion(player);
        claim["request_id"] = json!(format!("phase4-to-phase5/{TONIGHT}/{player}/1"));
        assert_eq!(app.post_json("/complete", claim).await.status, 200);
    }
    app.until(State::Complete).await;
    app.until_of(&downstream(), |run| run.start.triggered_at.is_some())
        .await;
    app
}

/// What was left to be announced, as a topic that cannot be reached leaves it.
async fn announce_late(app: &TestApp, announcement: Announcement) {
    let now = app.clock.now();
    let left = OutboxItem {
        id: "late".to_owned(),
        key: tonight(),
        effect: Effect::Announce(announcement),
        decided_at: now,
        due_at: now,
        tries: 3,
    };
    let mut transaction = app.store.begin().await.unwrap();
    transaction.put(&left, now).await.unwrap();
    transaction.commit().await.unwrap();
    app.engine.tick().await.unwrap();
    while app.store.queues().await.unwrap().outbox > 0 {
        app.pass().await;
    }
}

#[tokio::test]
async fn an_announcement_that_a_later_one_has_overtaken_triggers_nothing() {
    let app = completed().await;
    let said = app.run().await.announced.expect("it has announced its end");
    assert_eq!(said.status, AnnouncedStatus::Success);
    let before = next(&app).await.start;
    let overtaken = Announcement {
        status: AnnouncedStatus::Partial,
        finished_at: said.finished_at + TimeDelta::minutes(1),
        ..said
    };
    announce_late(&app, overtaken).await;
    assert_eq!(next(&app).await.start, before);
}

#[tokio::test]
async fn an_announcement_of_a_past_date_opens_no_closed_run_of_the_next_handoff() {
    let app = completed().await;
    let said = app.run().await.announced.expect("it has announced its end");
    while next(&app).await.closed_at.is_none() {
        app.clock.advance(TimeDelta::minutes(10));
        app.engine.tick().await.unwrap();
    }
    let closed = next(&app).await;
    announce_late(&app, said).await;
    assert_eq!(next(&app).await, closed);
}
