//! Who is trusted, and who is let in: TLS, STARTTLS and signing in.
//!
//! Readers belong to `readers`, connections that break to `connection`.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tipoff::{
    channels::email::{EmailSettings, Password, Security},
    ports::Channel,
};

use super::{alarm, email, failure, only, plain, settings};
use crate::support::smtp::{Protection, SmtpServer};

const PASSWORD: &str = "open sesame/+é";

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
