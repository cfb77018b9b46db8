//! The mail channel against a real mail server on a real socket: what arrives, and what is said when it does not.
//!
//! What the texts say is tested in `render`; when a mail is tried again in `domain::routing`.

use std::{collections::HashSet, fs, path::PathBuf, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tipoff::{
    channels::email::{Email, EmailSettings, Password, Security},
    clock::ManualClock,
    domain::{
        alert::{Alert, Change, Kind, Role, Severity, Told},
        ids::{ChannelId, HandoffId, RunKey},
        routing::{Failure, Person},
    },
    ports::{
        Channel,
        notice::{About, Content, Links, Notice, Parcel, Way},
    },
};
use tokio::time::timeout;

use crate::support::{
    BEGIN, TONIGHT, date, instant,
    smtp::{Protection, Received, SmtpServer},
};

/// How long a mail may take to be seen.
const SOON: Duration = Duration::from_secs(20);
/// How long the caller of a channel waits in these tests for a server that never answers.
const PATIENCE: Duration = Duration::from_millis(300);
const PASSWORD: &str = "open sesame/+é";

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
        about: About::Night(RunKey {
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: date(TONIGHT),
        }),
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

/// Certificates of an authority of our own.
struct Authority {
    folder: TempDir,
}

impl Authority {
    /// An authority and a certificate for this name.
    fn new(name: &str) -> Self {
        let mut own = CertificateParams::new(Vec::new()).unwrap();
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(own, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("ca.pem", issuer.pem()),
            ("cert.pem", certificate.pem()),
            ("key.pem", key.serialize_pem()),
        ];
        for (file, text) in files {
            fs::write(folder.path().join(file), text).unwrap();
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self, security: Security) -> SmtpServer {
        let (certificate, key) = (self.file("cert.pem"), self.file("key.pem"));
        let files = Some((certificate.as_path(), key.as_path()));
        SmtpServer::start_with(&Protection {
            tls: files.filter(|_| security == Security::Tls),
            starttls: files.filter(|_| security == Security::StartTls),
            strip: false,
            auth: Some(("tipoff", PASSWORD)),
        })
    }

    fn settings(&self, port: u16, security: Security) -> EmailSettings {
        EmailSettings {
            security,
            ca_file: Some(self.file("ca.pem")),
            account: Some(("tipoff".to_owned(), Password::new(PASSWORD))),
            ..settings(port)
        }
    }
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
    assert!(mail.html().contains("<!DOCTYPE html>"), "{mail:?}");
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
async fn a_mail_goes_over_tls_after_signing_in_where_the_authority_is_trusted() {
    for security in [Security::Tls, Security::StartTls] {
        for name in ["localhost", "127.0.0.1"] {
            let authority = Authority::new(name);
            let server = authority.server(security);
            let settings = EmailSettings {
                host: name.to_owned(),
                ..authority.settings(server.port(), security)
            };
            let sent = email(settings).deliver(&alarm("n/1/0", Vec::new())).await;
            sent.unwrap_or_else(|failure| panic!("{security:?} {name}: {failure:?}"));
            let mail = only(&server);
            assert!(mail.tls, "{security:?}");
            assert_eq!(mail.user.as_deref(), Some("tipoff"));
        }
    }
}

#[tokio::test]
async fn a_server_whose_authority_or_name_is_another_is_refused_and_nothing_is_sent() {
    for security in [Security::Tls, Security::StartTls] {
        let (ours, other) = (Authority::new("127.0.0.1"), Authority::new("127.0.0.1"));
        let elsewhere = Authority::new("mail.example.com");
        let server = other.server(security);
        let misnamed = elsewhere.server(security);
        let public = EmailSettings {
            ca_file: None,
            ..other.settings(server.port(), security)
        };
        for settings in [
            ours.settings(server.port(), security),
            elsewhere.settings(misnamed.port(), security),
            public,
        ] {
            let failure = failure(&email(settings), &alarm("n/1/0", Vec::new())).await;
            assert!(failure.error.contains("certificate"), "{failure:?}");
            assert!(failure.error.contains("ca_file"), "{failure:?}");
            assert!(!failure.permanent && !failure.doubtful, "{failure:?}");
        }
        assert!(server.messages().is_empty() && misnamed.messages().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_does_not_offer_starttls_is_sent_nothing() {
    let authority = Authority::new("127.0.0.1");
    let (certificate, key) = (authority.file("cert.pem"), authority.file("key.pem"));
    let server = SmtpServer::start_with(&Protection {
        starttls: Some((&certificate, &key)),
        strip: true,
        auth: Some(("tipoff", PASSWORD)),
        ..Protection::default()
    });
    let email = email(authority.settings(server.port(), Security::StartTls));
    let failure = failure(&email, &alarm("n/1/0", Vec::new())).await;
    assert!(
        failure.error.contains("does not offer STARTTLS"),
        "{failure:?}"
    );
    assert!(failure.error.contains("nothing was sent"), "{failure:?}");
    assert!(!failure.permanent && !failure.doubtful, "{failure:?}");
    server.wait_for_ended(1);
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn tls_towards_a_server_that_speaks_in_the_clear_names_port_and_security() {
    let server = SmtpServer::start();
    let authority = Authority::new("127.0.0.1");
    let email = email(authority.settings(server.port(), Security::Tls));
    let failure = failure(&email, &alarm("n/1/0", Vec::new())).await;
    assert!(
        failure.error.contains("check port and security"),
        "{failure:?}"
    );
    assert!(!failure.permanent, "{failure:?}");
}

#[tokio::test]
async fn a_wrong_password_is_permanent_and_never_printed_even_if_the_server_says_it() {
    let wrong = "wrong horse/+é";
    let server = SmtpServer::start_with(&Protection {
        auth: Some(("tipoff", PASSWORD)),
        ..Protection::default()
    });
    let account = |password: &str| EmailSettings {
        account: Some(("tipoff".to_owned(), Password::new(password))),
        ..settings(server.port())
    };
    let failed = failure(&email(account(wrong)), &alarm("n/1/0", Vec::new())).await;
    assert!(failed.permanent, "{failed:?}");
    assert!(
        failed.error.contains("535 5.7.8 no such user"),
        "{failed:?}"
    );
    assert!(failed.error.contains("password_file"), "{failed:?}");
    assert!(!failed.error.contains("horse"), "{failed:?}");
    assert!(!format!("{:?}", account(wrong)).contains("horse"));
    assert!(server.messages().is_empty());

    email(account(PASSWORD))
        .deliver(&alarm("n/1/0", Vec::new()))
        .await
        .unwrap();
    assert_eq!(only(&server).user.as_deref(), Some("tipoff"));

    let unsigned = failure(&plain(&server), &alarm("n/2/0", Vec::new())).await;
    assert!(unsigned.permanent, "{unsigned:?}");
    assert!(unsigned.error.contains("530"), "{unsigned:?}");
    assert!(unsigned.error.contains("set username"), "{unsigned:?}");
}

#[tokio::test]
async fn an_account_for_a_server_without_sign_in_is_permanent() {
    let server = SmtpServer::start();
    let settings = EmailSettings {
        account: Some(("tipoff".to_owned(), Password::new(PASSWORD))),
        ..settings(server.port())
    };
    let failure = failure(&email(settings), &alarm("n/1/0", Vec::new())).await;
    assert!(failure.permanent, "{failure:?}");
    assert!(failure.error.contains("no way to sign in"), "{failure:?}");
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
        assert_eq!(server.connections(), before as usize + 2, "{step}");
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
