//! What the webhook keeps to itself, and by which key a repeat is known.
//!
//! Sending is tested over a socket.

use std::sync::Arc;

use super::{SettingsError, Webhook, WebhookSettings, key};
use crate::{
    clock::SystemClock,
    ports::notice::{About, Content, Notice},
};

fn made(url: &str, token: Option<&str>) -> Result<Webhook, SettingsError> {
    let settings = WebhookSettings {
        url: url.to_owned(),
        bearer_token: token.map(str::to_owned),
        receiver: "hook".to_owned(),
    };
    assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
    Webhook::new(&settings, reqwest::Client::new(), Arc::new(SystemClock))
}

#[test]
fn settings_that_cannot_work_are_named_without_their_value() {
    assert_eq!(made("secret", None).unwrap_err(), SettingsError::Url);
    assert_eq!(made("ftp://secret", None).unwrap_err(), SettingsError::Url);
    for token in ["", "sec ret", "secret\n"] {
        let error = made("https://a.test", Some(token)).unwrap_err();
        assert_eq!(error, SettingsError::Token);
    }
    let hook = made("https://a.test/secret", Some("secret")).unwrap();
    assert!(!format!("{hook:?}").contains("secret"), "{hook:?}");
}

#[test]
fn a_repeat_has_the_same_key_and_another_message_another() {
    let notice = |id: &str| Notice {
        id: id.to_owned(),
        about: About::Service,
        at: "2026-01-19T15:00:00Z".parse().unwrap(),
        content: Content::Test {
            by: "dana".to_owned(),
        },
    };
    assert_eq!(key(&[notice("service/7/0")]), "service/7/0");
    let keys = [
        key(&[notice("a"), notice("b")]),
        key(&[notice("ab"), notice("")]),
        key(&[notice("ä b\n")]),
        key(&[notice("")]),
    ];
    for (at, one) in keys.iter().enumerate() {
        assert_eq!(one.len(), 64);
        assert!(keys[at + 1..].iter().all(|other| other != one));
    }
}
