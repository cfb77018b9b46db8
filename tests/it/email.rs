//! The mail channel against a real mail server on a real socket: what arrives, and what is said when it does not.
//!
//! What the texts say is tested in `render`; when a mail is tried again in `domain::routing`.

use std::{sync::Arc, time::Duration};

use tipoff::{
    channels::email::{Email, EmailSettings, Security},
    clock::ManualClock,
    domain::{
        alert::{Alert, Change, Kind, Role, Severity, Told},
        ids::ChannelId,
        routing::{Failure, Person},
    },
    ports::{
        Channel,
        notice::{About, Content, Links, Notice, Parcel, Way},
    },
};

use crate::support::{
    BEGIN, instant,
    smtp::{Received, SmtpServer},
    tonight,
};

mod connection;
mod protection;
mod readers;

/// How long a mail may take to be seen.
const SOON: Duration = Duration::from_secs(20);

fn settings(port: u16) -> EmailSettings {
    EmailSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        account: None,
        ca_file: None,
        from: "tipoff@example.com".to_owned(),
        to: vec!["team@example.com".to_owned()],
        connect_timeout: Duration::from_secs(5),
        kept_for: Duration::from_secs(60),
    }
}

fn email(settings: EmailSettings) -> Email {
    let clock = Arc::new(ManualClock::new(instant(BEGIN)));
    Email::new(ChannelId::new("email"), settings, clock).unwrap()
}

fn plain(server: &SmtpServer) -> Email {
    email(settings(server.port()))
}

fn person(name: &str, address: &str) -> Person {
    Person {
        name: name.to_owned(),
        role: Role::Developer,
        email: Some(address.to_owned()),
        slack: None,
    }
}

fn ada_and_zoe() -> Vec<Person> {
    vec![
        person("Ada", "ada@example.com"),
        person("Zoë Ñandú", "zoe@example.com"),
    ]
}

fn alerts(severity: Severity, change: Change) -> Content {
    let alert = Alert {
        kind: Kind::DeadlineBreached,
        subject: None,
        severity,
        text: "40 of 100 are missing".to_owned(),
        opened_at: instant(BEGIN),
        critical_since: None,
        told_at: None,
        told_up_to: None,
        acknowledged: None,
        resolved_at: (change == Change::Resolved).then(|| instant(BEGIN)),
    };
    Content::Alerts {
        told: vec![Told {
            change,
            alert,
            known_up_to: None,
        }],
        night: None,
        units: Vec::new(),
    }
}

fn notice(id: &str, content: Content) -> Notice {
    Notice {
        id: id.to_owned(),
        about: About::Night(tonight()),
        at: instant(BEGIN),
        content,
    }
}

fn parcel(notices: Vec<Notice>, audience: Vec<Person>) -> Parcel {
    Parcel {
        notices,
        audience,
        way: Way::default(),
        thread: None,
        links: Links::default(),
    }
}

/// A critical alert for these people.
fn alarm(id: &str, audience: Vec<Person>) -> Parcel {
    let content = alerts(Severity::Critical, Change::Opened);
    parcel(vec![notice(id, content)], audience)
}

async fn failure(email: &Email, parcel: &Parcel) -> Failure {
    email.deliver(parcel).await.unwrap_err()
}

fn only(server: &SmtpServer) -> Received {
    let mails = server.wait_for(1, SOON);
    assert_eq!(mails.len(), 1, "{mails:#?}");
    mails[0].clone()
}

#[tokio::test]
async fn a_critical_alert_arrives_with_a_head_that_programs_and_people_can_read() {
    let server = SmtpServer::start();
    let receipt = plain(&server)
        .deliver(&alarm("phase4-to-phase5/2026-01-19/7/0", ada_and_zoe()))
        .await
        .unwrap();
    let mail = only(&server);
    assert_eq!(mail.mail_from, "tipoff@example.com");
    assert_eq!(mail.rcpt_tos, ["ada@example.com", "zoe@example.com"]);
    assert_eq!(
        mail.header("To"),
        "Ada <ada@example.com>, Zoë Ñandú <zoe@example.com>"
    );
    assert_eq!(mail.header("From"), "Tipoff CRITICAL <tipoff@example.com>");
    assert!(mail.header("Subject").contains("2026-01-19"), "{mail:?}");
    let id = format!("<{}>", mail.header("Message-ID"));
    assert_eq!(id, receipt.message_id);
    assert!(id.ends_with(".email@example.com>"), "{id}");
    assert_eq!(
        mail.header("X-Tipoff-Notice"),
        "phase4-to-phase5/2026-01-19/7/0"
    );
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("X-Auto-Response-Suppress"), "All");
    assert_eq!(mail.header("Importance"), "high");
    assert!(
        mail.content
            .contains("Date: Mon, 19 Jan 2026 07:00:00 +0000")
    );
    assert_eq!(
        mail.media_types(),
        ["multipart/alternative", "text/plain", "text/html"]
    );
    assert!(!mail.text().trim().is_empty(), "{mail:?}");
    assert!(mail.html().contains('<'), "{mail:?}");
    assert!(mail.content.is_ascii(), "every server takes ASCII");
}

#[tokio::test]
async fn the_messages_of_one_thread_share_subject_and_root_and_tell_their_status_by_the_sender() {
    let server = SmtpServer::start();
    let email = plain(&server);
    let opened = notice("n/1/0", alerts(Severity::Warning, Change::Opened));
    let worse = notice("n/2/0", alerts(Severity::Critical, Change::Worsened));
    for notice in [opened, worse] {
        email
            .deliver(&parcel(vec![notice], Vec::new()))
            .await
            .unwrap();
    }
    let mails = server.wait_for(2, SOON);
    let all = |name: &str| -> Vec<String> { mails.iter().map(|it| it.header(name)).collect() };
    let same = |name: &str| all(name).windows(2).all(|pair| pair[0] == pair[1]);
    assert!(same("Subject") && same("References"), "{mails:#?}");
    assert_eq!(all("References"), all("In-Reply-To"));
    assert!(!same("Message-ID"), "{mails:#?}");
    assert_eq!(
        all("From"),
        [
            "Tipoff WARNING <tipoff@example.com>",
            "Tipoff CRITICAL <tipoff@example.com>"
        ]
    );
    assert_eq!(all("Importance"), ["", "high"]);
    assert_eq!(
        mails[0].rcpt_tos,
        ["team@example.com"],
        "nobody else is known"
    );
}

#[tokio::test]
async fn a_digest_is_one_mail_whose_id_is_none_of_its_messages() {
    let server = SmtpServer::start();
    let email = plain(&server);
    let notices =
        ["n/1/0", "n/2/0"].map(|id| notice(id, alerts(Severity::Warning, Change::Opened)));
    email
        .deliver(&parcel(notices.to_vec(), Vec::new()))
        .await
        .unwrap();
    email
        .deliver(&parcel(notices[..1].to_vec(), Vec::new()))
        .await
        .unwrap();
    let mails = server.wait_for(2, SOON);
    assert_eq!(mails[0].header("X-Tipoff-Notice"), "n/1/0 n/2/0");
    assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
}

#[tokio::test]
async fn a_refusal_for_now_may_pass_and_one_for_good_may_not() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    let parcel = alarm("n/1/0", Vec::new());
    for (mode, permanent, words) in [
        ("temp", false, "451 4.3.0 try again later"),
        ("perm", true, "550 5.1.1 no such user"),
        ("late", false, "451 4.3.2 the disk is full"),
    ] {
        server.set_mode(mode);
        let failure = failure(&email, &parcel).await;
        assert_eq!(failure.permanent, permanent, "{failure:?}");
        assert!(!failure.doubtful, "it answered: {failure:?}");
        assert!(failure.error.contains(words), "{failure:?}");
        let name = format!("127.0.0.1:{}", server.port());
        assert!(failure.error.contains(&name), "{failure:?}");
    }
    assert!(server.messages().is_empty());
    server.set_mode("ok");
    email.deliver(&parcel).await.unwrap();
    only(&server);
    assert_eq!(
        server.connections(),
        1,
        "a refusal does not end a connection"
    );
}

#[tokio::test]
async fn a_mail_that_is_greylisted_passes_at_its_third_try_under_the_same_id() {
    let mut server = SmtpServer::start();
    let email = plain(&server);
    let parcel = alarm("n/1/0", Vec::new());
    server.set_mode("greylist 2");
    for _ in 0..2 {
        let failure = failure(&email, &parcel).await;
        assert!(failure.error.contains("greylisted"), "{failure:?}");
        assert!(!failure.permanent, "{failure:?}");
    }
    let receipt = email.deliver(&parcel).await.unwrap();
    let first = only(&server);
    assert_eq!(
        format!("<{}>", first.header("Message-ID")),
        receipt.message_id
    );
    let again = email.deliver(&parcel).await.unwrap();
    assert_eq!(again, receipt, "a repeat is known by its id");
}
