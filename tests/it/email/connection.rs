//! Connections that hang, break, are kept and are ended.
//!
//! Refusals belong to `email` and `readers`.

use std::{collections::HashSet, time::Duration};

use tipoff::{
    channels::email::EmailSettings,
    ports::{Channel, notice::Parcel},
};
use tokio::time::timeout;

use super::{SOON, ada_and_zoe, alarm, email, failure, plain, settings};
use crate::support::smtp::SmtpServer;

/// How long the caller of a channel waits in these tests for a server that never answers.
const PATIENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_server_that_never_answers_takes_the_callers_patience_and_nothing_else() {
    for step in ["banner", "reader", "content"] {
        let mut server = SmtpServer::start();
        let email = plain(&server);
        email.deliver(&alarm("n/0/0", Vec::new())).await.unwrap();
        let before = if step == "banner" {
            // The kept connection is gone, so that a new one meets the silence.
            server.set_mode("refuse");
            1
        } else {
            0
        };
        server.set_mode(&format!("hang {step}"));
        let hung = timeout(PATIENCE, email.deliver(&alarm("n/1/0", Vec::new()))).await;
        assert!(hung.is_err(), "{step}: {hung:?}");
        // Nothing is left half-open: the connection ends with the call that was given up.
        server.wait_for_ended(before + 1);
        server.set_mode("ok");
        email.deliver(&alarm("n/2/0", Vec::new())).await.unwrap();
        let last = server.messages().pop().unwrap();
        assert_eq!(last.header("X-Tipoff-Notice"), "n/2/0", "{step}");
        assert_eq!(last.connection, server.connections() as u64, "{step}");
        assert_eq!(server.connections(), before + 2, "{step}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_caller_gave_up_is_not_taken_for_the_next_mails() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    server.set_mode("hold");
    let hung = timeout(PATIENCE, email.deliver(&alarm("n/1/0", Vec::new()))).await;
    assert!(hung.is_err(), "{hung:?}");
    server.set_mode("perm");
    let failure = failure(&email, &alarm("n/2/0", Vec::new())).await;
    assert!(failure.error.contains("550 5.1.1"), "{failure:?}");
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn a_connection_cut_before_the_receipt_leaves_doubt_and_the_repeat_carries_the_same_id() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    let parcel = alarm("n/1/0", ada_and_zoe());
    server.set_mode("cut");
    let failure = failure(&email, &parcel).await;
    assert!(failure.doubtful && !failure.permanent, "{failure:?}");
    assert!(
        failure.error.contains("did not say whether it took"),
        "{failure:?}"
    );
    server.set_mode("ok");
    email.deliver(&parcel).await.unwrap();
    let mails = server.wait_for(2, SOON);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[0].rcpt_tos, mails[1].rcpt_tos, "doubt is no receipt");
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    let parcel = alarm("n/1/0", Vec::new());
    email.deliver(&parcel).await.unwrap();
    server.set_mode("refuse");
    let refused = failure(&email, &parcel).await;
    assert!(!refused.permanent && !refused.doubtful, "{refused:?}");
    assert!(
        refused.error.contains("could not be reached"),
        "{refused:?}"
    );
    assert!(refused.error.contains("check host and port"), "{refused:?}");
    server.set_mode("ok");
    email.deliver(&parcel).await.unwrap();

    let nowhere = EmailSettings {
        host: "mail.invalid".to_owned(),
        ..settings(server.port())
    };
    let unknown = failure(&self::email(nowhere), &parcel).await;
    assert!(!unknown.permanent && !unknown.doubtful, "{unknown:?}");
    assert!(unknown.error.contains("check host and port"), "{unknown:?}");
}

#[tokio::test]
async fn many_mails_share_a_connection_and_each_arrives_whole() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    for number in 0..50 {
        let parcel = alarm(&format!("n/{number}/0"), Vec::new());
        email.deliver(&parcel).await.unwrap();
    }
    let mails = server.wait_for(50, SOON);
    assert!(mails.iter().all(|mail| mail.connection == 1), "{mails:#?}");

    server.set_mode("slow 0.05");
    let parcels: Vec<Parcel> = (50..58)
        .map(|number| alarm(&format!("n/{number}/0"), Vec::new()))
        .collect();
    let sent = futures::future::join_all(parcels.iter().map(|it| email.deliver(it))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mails = server.wait_for(58, SOON);
    let ids: HashSet<String> = mails
        .iter()
        .map(|it| it.header("X-Tipoff-Notice"))
        .collect();
    assert_eq!(ids.len(), 58, "none is lost, none comes twice");
}

#[tokio::test]
async fn a_server_that_has_enough_of_a_connection_gets_a_new_one() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    server.set_mode("enough 2");
    for number in 0..5 {
        let parcel = alarm(&format!("n/{number}/0"), Vec::new());
        email.deliver(&parcel).await.unwrap();
    }
    let mails = server.wait_for(5, SOON);
    let connections: Vec<u64> = mails.iter().map(|mail| mail.connection).collect();
    assert_eq!(connections, [1, 1, 2, 2, 3]);
}

#[tokio::test]
async fn a_kept_connection_that_answers_no_more_does_not_hold_up_the_next_mail() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    server.set_mode("hang reset");
    for number in 1..3 {
        let parcel = alarm(&format!("n/{number}/0"), Vec::new());
        email.deliver(&parcel).await.unwrap();
        assert_eq!(server.connections(), number);
    }
    server.wait_for_ended(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_needs_is_ended() {
    let server = SmtpServer::start();
    let settings = EmailSettings {
        kept_for: Duration::from_millis(20),
        ..settings(server.port())
    };
    let email = email(settings);
    for number in 1..3 {
        let parcel = alarm(&format!("n/{number}/0"), Vec::new());
        email.deliver(&parcel).await.unwrap();
        server.wait_for_ended(number);
        assert_eq!(server.connections(), number);
    }
}
