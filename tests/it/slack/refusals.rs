//! What goes wrong between us and Slack, over a real socket: each error says whether another try helps.
//!
//! Codes and their fixes are listed and tested with the channel.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::Value;
use tipoff::{channels::slack::Way, domain::alert::Change};

use super::{bot, bot_of, failed, hook, letter, parcel, slack, slack_verdicts};
use crate::support::slack::{CHANNEL, SlackServer, TOKEN};

#[tokio::test]
async fn each_refusal_says_whether_another_try_helps_and_what_to_do() {
    let mut server = SlackServer::start();
    for (mode, permanent, words) in [
        ("okfalse invalid_auth", true, "copy the bot token"),
        ("okfalse channel_not_found", true, "invite the app"),
        ("okfalse not_in_channel", true, "/invite"),
        ("okfalse account_inactive", true, "install it again"),
        ("okfalse token_revoked", true, "install the app again"),
        ("okfalse is_archived", true, "archived"),
        ("okfalse some_new_error", true, "some_new_error"),
        ("okfalse ratelimited", false, "ratelimited"),
        ("okfalse internal_error", false, "internal_error"),
        ("notfound", true, "404"),
        ("error500", false, "500"),
        ("html", false, "cannot be read"),
    ] {
        server.set_mode(mode).await;
        let failure = failed(
            bot(&server)
                .send(&letter(), &parcel(Change::Opened, None))
                .await,
        );
        assert_eq!(failure.permanent, permanent, "{mode}: {failure:?}");
        assert!(failure.error.contains(words), "{mode}: {failure:?}");
    }
    assert_eq!(server.messages().await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_refusal_of_a_webhook_says_whether_another_try_helps() {
    let mut server = SlackServer::start();
    for (mode, permanent, words) in [
        ("notfound", true, "make a new one"),
        ("okfalse no_team", true, "new webhook"),
        ("okfalse channel_is_archived", true, "archived"),
        ("okfalse action_prohibited", true, "owner"),
        ("error500", false, "500"),
        ("html", false, "between us and slack"),
    ] {
        server.set_mode(mode).await;
        let failure = failed(
            hook(&server)
                .send(&letter(), &parcel(Change::Opened, None))
                .await,
        );
        assert_eq!(failure.permanent, permanent, "{mode}: {failure:?}");
        assert!(failure.error.contains(words), "{mode}: {failure:?}");
    }
    server.set_mode("ok").await;
    let url = server.gone_webhook_url();
    let gone = slack(Way::Webhook { url }, &server);
    let failure = failed(gone.send(&letter(), &parcel(Change::Opened, None)).await);
    assert!(
        failure.permanent && failure.error.contains("no_service"),
        "{failure:?}"
    );
    let receipt = hook(&server)
        .send(&letter(), &parcel(Change::Opened, None))
        .await
        .unwrap();
    assert_eq!((receipt.message_id, receipt.thread), (letter().id, None));
}

#[tokio::test]
async fn slacks_own_wish_is_handed_on_and_nothing_is_tried_again() {
    let mut server = SlackServer::start();
    server.set_mode("ratelimit 37").await;
    for slack in [bot(&server), hook(&server)] {
        let failure = failed(slack.send(&letter(), &parcel(Change::Opened, None)).await);
        assert_eq!(
            failure.retry_after,
            Some(TimeDelta::seconds(37)),
            "{failure:?}"
        );
        assert!(!failure.permanent && !failure.doubtful, "{failure:?}");
    }
    slack_verdicts(&server, 2, "ratelimit").await;
}

#[tokio::test]
async fn a_cut_connection_leaves_a_doubt_and_a_refused_one_none() {
    let mut server = SlackServer::start();
    for (mode, doubtful) in [("cut", true), ("refuse", false)] {
        server.set_mode(mode).await;
        for slack in [bot(&server), hook(&server)] {
            let failure = failed(slack.send(&letter(), &parcel(Change::Opened, None)).await);
            assert!(!failure.permanent, "{mode}: {failure:?}");
            assert_eq!(failure.doubtful, doubtful, "{mode}: {failure:?}");
        }
    }
    server.set_mode("ok").await;
    assert_eq!(
        server.messages().await.len(),
        2,
        "what was cut off had arrived"
    );
}

#[tokio::test]
async fn a_try_that_is_given_up_leaves_a_channel_that_works() {
    let mut server = SlackServer::start();
    let slack = Arc::new(bot(&server));
    server.set_mode("hang").await;
    let hanging = slack.clone();
    let letter_parcel = (letter(), parcel(Change::Opened, None));
    let trying =
        tokio::spawn(async move { hanging.send(&letter_parcel.0, &letter_parcel.1).await });
    server
        .wait_for(|events| events.iter().any(|it| it["hanging"] == "chat.postMessage"))
        .await;
    trying.abort();
    assert!(trying.await.unwrap_err().is_cancelled());
    server.set_mode("ok").await;
    slack
        .send(&letter(), &parcel(Change::Opened, None))
        .await
        .unwrap();
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test]
async fn a_wrong_token_or_channel_is_refused_for_good() {
    let server = SlackServer::start();
    for (slack, words) in [
        (bot_of(&server, "xoxb-other", CHANNEL), "invalid_auth"),
        (bot_of(&server, TOKEN, "C0OTHER"), "channel_not_found"),
    ] {
        let failure = failed(slack.send(&letter(), &parcel(Change::Opened, None)).await);
        assert!(
            failure.permanent && failure.error.contains(words),
            "{failure:?}"
        );
    }
}
