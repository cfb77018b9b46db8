//! The live message over a real socket: posted once, edited in place, posted anew where it cannot be edited.
//!
//! What it says is tested beside it.

use tipoff::{
    domain::{
        completion::Standing,
        ids::{GameId, UnitId},
        run::Snapshot,
    },
    ports::{Channel, Live, OpenUnit, notice::Links},
};

use super::{bot, bot_of, failed, hook};
use crate::support::{
    instant,
    slack::{SlackServer, TOKEN},
};

const NIGHT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/channels/slack/live/night.json"
));

fn live(change: impl FnOnce(&mut Snapshot)) -> Live {
    let mut night: Snapshot = serde_json::from_str(NIGHT).unwrap();
    change(&mut night);
    let unit = |n| OpenUnit {
        unit: UnitId::new(format!("player{n} <!here>")),
        game_id: GameId::new("0022500601"),
        standing: Standing::Unanswered,
        reason: None,
        attempts: 1,
    };
    Live {
        night,
        units: (0..450).map(unit).collect(),
        links: Links::default(),
    }
}

#[tokio::test]
async fn the_live_message_is_posted_once_and_then_edited_in_place() {
    let server = SlackServer::start();
    // By its name, which edits do not take.
    let slack = bot_of(&server, TOKEN, "#tipoff");
    let known = slack.show(&live(|_| {}), None).await.unwrap().unwrap();
    let again = slack.show(&live(|_| {}), Some(&known)).await.unwrap();
    assert_eq!(
        again.as_deref(),
        Some(known.as_str()),
        "the same content is no error"
    );
    let later = live(|night| {
        night.counts.predicted = 300;
        night.at = instant("2026-01-19T13:46:00Z");
    });
    slack.show(&later, Some(&known)).await.unwrap();
    let messages = server.messages().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["edits"].as_array().unwrap().len(), 2);
    let said = messages[0]["blocks"].to_string();
    for words in ["in 1 h 14 min", "345 of 350", "player4 &lt;!here&gt;"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[tokio::test]
async fn a_live_message_that_cannot_be_edited_is_posted_anew() {
    let mut server = SlackServer::start();
    let slack = bot(&server);
    for known in ["C0TIPOFF:1600000000.000001", "nonsense"] {
        let shown = slack
            .show(&live(|_| {}), Some(known))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(shown, known);
    }
    assert_eq!(server.messages().await.len(), 2);
    server.set_mode("error500").await;
    let failure = failed(slack.show(&live(|_| {}), Some("C0TIPOFF:1.2")).await);
    assert!(!failure.permanent, "{failure:?}");
    server.set_mode("ok").await;
    assert_eq!(
        server.messages().await.len(),
        2,
        "a passing trouble posts nothing anew"
    );
    assert_eq!(hook(&server).show(&live(|_| {}), None).await.unwrap(), None);
}

#[tokio::test]
async fn a_live_message_whose_layout_is_not_taken_is_shown_in_words() {
    let mut server = SlackServer::start();
    let slack = bot(&server);
    let known = slack.show(&live(|_| {}), None).await.unwrap().unwrap();
    server.set_mode("okfalse invalid_blocks").await;
    slack.show(&live(|_| {}), Some(&known)).await.unwrap();
    let messages = server.messages().await;
    assert_eq!(
        (messages.len(), &messages[0]["blocks"]),
        (1, &serde_json::json!([]))
    );
}
