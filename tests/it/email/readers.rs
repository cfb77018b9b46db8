//! Who gets a mail when a server refuses some, and what odd names do to its head.
//!
//! What a mail looks like otherwise belongs to `email`.

use std::collections::HashSet;

use tipoff::{
    channels::email::EmailSettings,
    domain::{ids::HandoffId, routing::Person},
    ports::{Channel, notice::About},
};

use super::{SOON, ada_and_zoe, alarm, email, failure, only, person, plain, settings};
use crate::support::smtp::SmtpServer;

#[tokio::test]
async fn one_reader_who_is_refused_keeps_the_mail_from_nobody_else_and_nobody_gets_it_twice() {
    for (mode, permanent) in [("perm", true), ("temp", false)] {
        let mut server = SmtpServer::start();
        let email = plain(&server);
        let parcel = alarm("n/1/0", ada_and_zoe());
        server.set_mode(&format!("{mode} zoe@example.com"));
        let partly = failure(&email, &parcel).await;
        assert_eq!(partly.permanent, permanent, "{partly:?}");
        assert!(!partly.doubtful, "{partly:?}");
        assert!(partly.error.contains("1 of 2 readers"), "{partly:?}");
        assert!(partly.error.contains("Zoë Ñandú: "), "{partly:?}");
        assert_eq!(only(&server).rcpt_tos, ["ada@example.com"]);

        let again = failure(&email, &parcel).await;
        assert!(again.error.contains("1 of 2 readers"), "{again:?}");
        only(&server);

        server.set_mode("ok");
        email.deliver(&parcel).await.unwrap();
        let mails = server.wait_for(2, SOON);
        assert_eq!(mails[1].rcpt_tos, ["zoe@example.com"]);
        assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
        assert_eq!(mails[0].header("To"), mails[1].header("To"));
    }
}

#[tokio::test]
async fn readers_of_one_name_are_told_apart_by_their_address() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    let twins = vec![
        person("Sam", "sam.a@example.com"),
        person("Sam", "sam.b@example.com"),
        person("Sam again", "sam.a@example.com"),
    ];
    let parcel = alarm("n/1/0", twins);
    server.set_mode("perm sam.b@example.com");
    failure(&email, &parcel).await;
    assert_eq!(only(&server).rcpt_tos, ["sam.a@example.com"]);
    failure(&email, &parcel).await;
    only(&server);
}

#[tokio::test]
async fn an_address_that_is_none_is_named_and_the_others_get_the_mail() {
    let server = SmtpServer::start();
    let email = plain(&server);
    for bad in [
        "zoe",
        "zoe@exämple.com",
        "zoe@example.com\r\nRCPT TO:<x@y.z>",
        "",
    ] {
        let people = vec![person("Ada", "ada@example.com"), person("Zoë", bad)];
        let parcel = alarm(&format!("n/{}/0", bad.len()), people);
        let failure = failure(&email, &parcel).await;
        assert!(failure.permanent, "{failure:?}");
        assert!(failure.error.contains("Zoë: "), "{failure:?}");
        assert!(failure.error.contains("is no mail address"), "{failure:?}");
        assert!(!failure.error.contains('\n'), "{failure:?}");
    }
    let mails = server.wait_for(4, SOON);
    assert!(
        mails.iter().all(|it| it.rcpt_tos == ["ada@example.com"]),
        "{mails:#?}"
    );
}

#[tokio::test]
async fn a_message_for_nobody_is_a_failure_that_names_the_fix() {
    let server = SmtpServer::start();
    let settings = EmailSettings {
        to: Vec::new(),
        ..settings(server.port())
    };
    let unreachable = Person {
        email: None,
        ..person("Ada", "")
    };
    let failure = failure(&email(settings), &alarm("n/1/0", vec![unreachable])).await;
    assert!(failure.permanent, "{failure:?}");
    assert!(failure.error.contains("give a person"), "{failure:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn hostile_ids_and_names_make_no_header_of_their_own_and_no_line_too_long() {
    let server = SmtpServer::start();
    let email = plain(&server);
    let hostile = [
        "a\r\nBcc: all@example.com\r\n\r\nhello".to_owned(),
        "\0\u{1b}[31m\u{7f}\u{85}\u{2028}".to_owned(),
        "🏀 ñandú o'neal/\"2\" <x@y.z>, (a) =?utf-8?q?x?=".to_owned(),
        "x".repeat(2_048),
        "ñ".repeat(2_048),
        "word ".repeat(400),
        String::new(),
    ];
    for text in &hostile {
        let mut parcel = alarm(text, vec![person(text, "ada@example.com")]);
        parcel.notices[0].about = About::Handoff(HandoffId::new(text.clone()));
        email.deliver(&parcel).await.unwrap();
    }
    let mails = server.wait_for(hostile.len(), SOON);
    let expected: HashSet<&str> = HashSet::from([
        "From",
        "Subject",
        "Date",
        "Message-ID",
        "References",
        "In-Reply-To",
        "To",
        "X-Tipoff-Notice",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "Importance",
        "MIME-Version",
        "Content-Type",
    ]);
    for mail in &mails {
        let names = mail.header_names();
        let distinct: HashSet<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(distinct, expected, "{mail:#?}");
        assert_eq!(names.len(), expected.len(), "none stands twice: {mail:#?}");
        assert_eq!(mail.rcpt_tos, ["ada@example.com"]);
        assert!(mail.content.is_ascii(), "{mail:#?}");
        let longest = mail.content.split("\r\n").map(str::len).max();
        assert!(longest <= Some(998), "{longest:?}: {mail:#?}");
        assert!(
            !mail.content.replace("\r\n", "").contains(['\r', '\n']),
            "{mail:#?}"
        );
    }
    let ids: HashSet<String> = mails.iter().map(|it| it.header("Message-ID")).collect();
    assert_eq!(ids.len(), hostile.len(), "each has its own");
    let name = mails[2].header("To");
    assert!(name.contains("🏀 ñandú o'neal/\"2\""), "{name}");
}
