//! The built-in workers against a real embedded warehouse and a real HTTP receiver.
//!
//! What a push must look like to the service is tested with the service.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use super::{
    Behaviour, Destination, Fate, LocalSettings, LocalWorkers, Override, Share, Surroundings,
};
use crate::{
    clock::{Clock, ManualClock},
    domain::{
        ids::{BatchId, GameDate, GameId, HandoffId, RequestId, UnitId},
        plan::ListedUnit,
    },
    ports::{Page, Request, Sink, Warehouse},
    warehouse::{EmbeddedWarehouse, read_instant},
};

fn night() -> GameDate {
    GameDate("2026-01-19".parse().unwrap())
}

fn request(player: &str, attempt: u32) -> Request {
    Request {
        request_id: RequestId::new(format!("phase4-to-phase5/2026-01-19/{player}/{attempt}")),
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: night(),
        batch_id: BatchId::new("batch_1"),
        attempt,
        unit: ListedUnit {
            unit: UnitId::new(player),
            game_id: GameId::new("g1"),
            team_abbr: None,
            opponent_team_abbr: None,
            is_home: None,
            projected_minutes: None,
            has_prop_line: None,
            actual_prop_line: None,
            has_row: false,
        },
    }
}

struct Stage {
    _directory: TempDir,
    warehouse: EmbeddedWarehouse,
    clock: Arc<ManualClock>,
    receiver: MockServer,
    workers: LocalWorkers,
}

async fn stage(settings: LocalSettings) -> Stage {
    let directory = TempDir::new().unwrap();
    let warehouse = EmbeddedWarehouse::open(directory.path()).await.unwrap();
    let clock = Arc::new(ManualClock::new(
        read_instant("2026-01-19T08:20:00Z").unwrap(),
    ));
    let receiver = MockServer::start().await;
    let destination = Destination {
        url: receiver.uri().parse().unwrap(),
        subscription: "prediction-ready-prod-sub".into(),
        token: None,
    };
    let surroundings = Surroundings {
        warehouse: warehouse.clone(),
        clock: clock.clone(),
        client: reqwest::Client::new(),
    };
    Stage {
        _directory: directory,
        warehouse,
        workers: LocalWorkers::start(settings, destination, surroundings),
        clock,
        receiver,
    }
}

fn quick() -> LocalSettings {
    LocalSettings {
        workers: 3,
        seconds_min: 0.0,
        seconds_max: 0.0,
        ..LocalSettings::default()
    }
}

impl Stage {
    async fn takes_everything(&self) {
        let taken = ResponseTemplate::new(204);
        Mock::given(method("POST"))
            .respond_with(taken)
            .mount(&self.receiver)
            .await;
    }

    async fn send(&self, requests: &[Request]) {
        let results = self.workers.send(requests).await;
        assert!(results.iter().all(Result::is_ok));
    }

    /// The pushes received, once there are so many.
    async fn pushes(&self, wanted: usize) -> Vec<Value> {
        let arrive = async {
            loop {
                let calls = self.receiver.received_requests().await.unwrap();
                if calls.len() >= wanted {
                    return calls;
                }
                tokio::task::yield_now().await;
            }
        };
        let calls = tokio::time::timeout(Duration::from_secs(20), arrive)
            .await
            .unwrap();
        calls
            .iter()
            .map(|call| serde_json::from_slice(&call.body).unwrap())
            .collect()
    }

    async fn stored(&self) -> Vec<String> {
        let page = Page {
            after: None,
            limit: 100,
        };
        let rows = self.warehouse.stored_rows(night(), page).await.unwrap();
        rows.iter().map(|row| row.unit.to_string()).collect()
    }

    async fn rows_total(&self) -> Value {
        let sql = "SELECT COUNT(*), SUM(is_active) FROM nba_predictions.player_prop_predictions";
        json!(self.warehouse.query(sql).await.unwrap().rows[0])
    }
}

fn answer(push: &Value) -> Value {
    let data = push["message"]["data"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(data).unwrap()).unwrap()
}

fn given(fate: Fate) -> Override {
    Override {
        fate,
        attempts_max: None,
    }
}

#[tokio::test]
async fn an_answer_not_taken_is_delivered_again_under_the_same_id() {
    let stage = stage(quick()).await;
    let refused = ResponseTemplate::new(503);
    Mock::given(method("POST"))
        .respond_with(refused)
        .up_to_n_times(1)
        .mount(&stage.receiver)
        .await;
    stage.takes_everything().await;
    stage.send(&[request("lebronjames", 1)]).await;
    let first = stage.pushes(1).await;
    let arrive = async {
        while stage.receiver.received_requests().await.unwrap().len() < 2 {
            stage.clock.advance(TimeDelta::seconds(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrive)
        .await
        .unwrap();
    let both = stage.pushes(2).await;
    assert_eq!(first[0], both[1]);
}

#[tokio::test]
async fn a_prediction_is_stored_before_its_answer_is_pushed_in_the_real_envelope() {
    let stage = stage(quick()).await;
    stage.takes_everything().await;
    stage.send(&[request("karl-o'neal", 1)]).await;
    let push = &stage.pushes(1).await[0];
    assert_eq!(stage.stored().await, ["karl-o'neal"]);
    assert_eq!(stage.rows_total().await, json!([5, 5]));
    assert_eq!(push["subscription"], "prediction-ready-prod-sub");
    assert_eq!(
        push["message"]["publishTime"],
        "2026-01-19T08:20:00.000000Z"
    );
    assert!(push["message"]["messageId"].is_string());
    let answer = answer(push);
    assert_eq!(answer["player_lookup"], "karl-o'neal");
    assert_eq!(answer["game_date"], "2026-01-19");
    assert_eq!(answer["predictions_generated"], 5);
    assert_eq!(answer["outcome"], "predicted");
    assert_eq!(
        answer["request_id"],
        "phase4-to-phase5/2026-01-19/karl-o'neal/1"
    );
}

#[tokio::test]
async fn each_fate_stores_and_answers_what_it_says() {
    let stage = stage(quick()).await;
    stage.takes_everything().await;
    let fates = [
        ("claims", Fate::ClaimedWithoutRow),
        ("fails", Fate::Failed("model_error".into())),
        ("silent", Fate::Silent),
        ("skips", Fate::Skipped("player_injury_out".into())),
        ("stores", Fate::StoredSilently),
    ];
    let overrides = fates
        .into_iter()
        .map(|(player, fate)| (UnitId::new(player), given(fate)));
    let behaviour = Behaviour {
        overrides: overrides.collect(),
        ..Behaviour::default()
    };
    stage.workers.set_behaviour_on(night(), behaviour);
    stage
        .send(
            &["claims", "fails", "silent", "skips", "stores", "works"]
                .map(|player| request(player, 1)),
        )
        .await;
    let mut answers = BTreeSet::new();
    for push in stage.pushes(4).await {
        let answer = answer(&push);
        answers.insert(format!(
            "{} {} {} {}",
            answer["player_lookup"],
            answer["outcome"],
            answer["reason"],
            answer["predictions_generated"]
        ));
    }
    let expected = [
        r#""claims" "predicted" null 5"#,
        r#""fails" "failed" "model_error" 0"#,
        r#""skips" "skipped" "player_injury_out" 0"#,
        r#""works" "predicted" null 5"#,
    ];
    assert_eq!(answers, expected.map(String::from).into());
    // Waits for the unit that never answers.
    while stage.stored().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.stored().await, ["stores", "works"]);
}

#[tokio::test]
async fn a_worker_asked_twice_stores_once_and_answers_the_same_under_a_new_id() {
    let stage = stage(quick()).await;
    stage.takes_everything().await;
    stage.workers.set_behaviour(Behaviour {
        superseded: 1.0,
        ..Behaviour::default()
    });
    stage.send(&[request("twice", 1)]).await;
    stage.pushes(1).await;
    stage.send(&[request("twice", 1)]).await;
    let pushes = stage.pushes(2).await;
    assert_eq!(stage.rows_total().await, json!([6, 5]));
    assert_ne!(
        pushes[0]["message"]["messageId"],
        pushes[1]["message"]["messageId"]
    );
    for field in ["outcome", "predictions_generated", "request_id"] {
        assert_eq!(answer(&pushes[0])[field], answer(&pushes[1])[field]);
    }
}

#[tokio::test]
async fn a_redelivery_keeps_its_id_and_a_second_message_has_its_own() {
    let stage = stage(quick()).await;
    stage.takes_everything().await;
    let behaviour = Behaviour {
        redelivered: 1.0,
        repeated: 1.0,
        ..Behaviour::default()
    };
    stage.workers.set_behaviour(behaviour);
    stage.send(&[request("thrice", 1)]).await;
    let pushes = stage.pushes(3).await;
    let ids: BTreeSet<&str> = pushes
        .iter()
        .map(|push| push["message"]["messageId"].as_str().unwrap())
        .collect();
    assert_eq!((pushes.len(), ids.len()), (3, 2));
    let contents: BTreeSet<&str> = pushes
        .iter()
        .map(|push| push["message"]["data"].as_str().unwrap())
        .collect();
    assert_eq!(contents.len(), 1);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_for_now() {
    let settings = LocalSettings {
        workers: 1,
        waiting_units_max: 2,
        seconds_min: 60.0,
        seconds_max: 60.0,
        seed: 1,
    };
    let stage = stage(settings).await;
    let requests = ["a", "b", "c", "d", "e"].map(|player| request(player, 1));
    let results = stage.workers.send(&requests).await;
    let refused: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    assert!(
        (2..=3).contains(&refused.len()),
        "one may already be with the worker"
    );
    assert!(refused.iter().all(|error| !error.is_permanent()));
}

#[tokio::test]
async fn a_cold_worker_is_late_by_the_cold_start_and_only_once() {
    let settings = LocalSettings {
        workers: 1,
        seconds_min: 10.0,
        seconds_max: 10.0,
        ..LocalSettings::default()
    };
    let stage = stage(settings).await;
    stage.takes_everything().await;
    stage.workers.set_behaviour(Behaviour {
        cold_start_seconds: 5.0,
        ..Behaviour::default()
    });
    let started_at = stage.clock.now();
    stage.send(&[request("a", 1), request("b", 1)]).await;
    let mut answered_after = Vec::new();
    while answered_after.len() < 2 {
        // Simulated time moves a second at a time, each once the workers have seen the one before.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let received = stage.receiver.received_requests().await.unwrap().len();
        let published = stage.pushes(received).await;
        answered_after = published
            .iter()
            .map(|push| push["message"]["publishTime"].to_string())
            .collect();
        stage.clock.advance(TimeDelta::seconds(1));
        assert!(
            stage.clock.now() < started_at + TimeDelta::hours(24),
            "{answered_after:?}"
        );
    }
    let at = |text: &String| read_instant(text.trim_matches('"')).unwrap();
    assert!(at(&answered_after[0]) >= started_at + TimeDelta::seconds(15));
    assert!(at(&answered_after[1]) >= at(&answered_after[0]) + TimeDelta::seconds(10));
}

#[test]
fn a_draw_depends_on_seed_unit_and_attempt_and_on_nothing_else() {
    let share = |reason: &str, share| Share {
        reason: reason.into(),
        share,
    };
    let behaviour = Behaviour {
        skips: vec![
            share("player_injury_out", 0.2),
            share("awaiting_lines", 0.1),
        ],
        failures: vec![share("model_error", 0.1)],
        silent: 0.2,
        attempts_max: Some(1),
        ..Behaviour::default()
    };
    let players: Vec<String> = (0..2000).map(|number| format!("player{number}")).collect();
    let draws = |seed, attempt| -> Vec<Fate> {
        players
            .iter()
            .map(|player| behaviour.draw(seed, &request(player, attempt)).fate)
            .collect()
    };
    assert_eq!(draws(7, 1), draws(7, 1));
    assert_ne!(draws(7, 1), draws(8, 1));
    let first = draws(7, 1);
    let silent = first.iter().filter(|fate| **fate == Fate::Silent).count();
    assert!(
        (300..500).contains(&silent),
        "about a fifth is silent, not {silent}"
    );
    assert!(
        draws(7, 2).iter().all(|fate| *fate == Fate::Predicted),
        "only first attempts are troubled"
    );
}
