//! Access tokens: cached, fetched once for many, forgotten when refused, and never there without a reason.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tipoff::{
    clock::{Clock, ManualClock},
    google::{GoogleError, Kind, Source, Tokens},
};

use crate::stand_in::{Google, faults::Fault};

struct Scene {
    google: Google,
    clock: Arc<ManualClock>,
    tokens: Tokens,
}

async fn scene(source: impl FnOnce(&Google) -> Source) -> Scene {
    let google = Google::start().await;
    let clock = Arc::new(ManualClock::new("2026-01-19T07:00:00Z".parse().unwrap()));
    let timeout = Duration::from_millis(500);
    let shared: Arc<dyn Clock> = clock.clone();
    let tokens = Tokens::new(source(&google), reqwest::Client::new(), shared, timeout);
    Scene {
        google,
        clock,
        tokens,
    }
}

fn metadata(google: &Google) -> Source {
    Source::Metadata(google.host.clone())
}

#[tokio::test]
async fn a_hundred_callers_share_one_token_until_it_is_nearly_over() {
    let scene = scene(metadata).await;
    let calls = (0..100).map(|_| scene.tokens.token());
    let tokens: Vec<Option<String>> = futures::future::try_join_all(calls).await.unwrap();
    assert!(
        tokens
            .iter()
            .all(|token| token.as_deref() == Some("access-token-1"))
    );
    assert_eq!(scene.google.metadata.given(), 1);
    scene.clock.advance(TimeDelta::minutes(55));
    assert_eq!(
        scene.tokens.token().await.unwrap().unwrap(),
        "access-token-1"
    );
    scene.clock.advance(TimeDelta::minutes(2));
    assert_eq!(
        scene.tokens.token().await.unwrap().unwrap(),
        "access-token-2"
    );
    scene.tokens.forget().await;
    assert_eq!(
        scene.tokens.token().await.unwrap().unwrap(),
        "access-token-3"
    );
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_and_the_error_says_why() {
    let scene = scene(metadata).await;
    let slow = Fault::Slow(Duration::from_secs(5));
    let cases = [
        (
            Fault::Status(404, "no account".to_owned()),
            Kind::Unauthenticated,
        ),
        (
            Fault::Status(503, "later".to_owned()),
            Kind::Unauthenticated,
        ),
        (
            Fault::Status(200, "{\"access_token\": 7}".to_owned()),
            Kind::Unreadable,
        ),
        (Fault::CutBefore, Kind::Unreachable),
        (slow, Kind::Unreachable),
    ];
    for (fault, kind) in cases {
        scene.google.faults.add("/token", 1, fault.clone());
        let error: GoogleError = scene.tokens.token().await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault:?}: {error}");
        assert!(error.is_transient(), "{error}");
        assert!(
            error.to_string().starts_with("fetching an access token: "),
            "{error}"
        );
    }
    assert!(scene.tokens.token().await.is_ok(), "it recovers by itself");
}

#[tokio::test]
async fn an_emulator_is_sent_no_token() {
    let scene = scene(|_| Source::None).await;
    assert_eq!(scene.tokens.token().await.unwrap(), None);
    assert_eq!(scene.google.metadata.given(), 0);
}

#[tokio::test]
async fn a_service_accounts_key_is_turned_into_a_token_and_a_broken_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    let scene = scene(|google| {
        let file = serde_json::json!({
            "type": "service_account", "project_id": "p", "private_key_id": "1",
            "private_key": include_str!("keys/signer-1.pem"),
            "client_email": "tipoff@p.iam.gserviceaccount.com", "client_id": "1", "auth_uri": "https://a",
            "token_uri": format!("{}/token", google.base()), "auth_provider_x509_cert_url": "https://a",
            "client_x509_cert_url": "https://a",
        });
        std::fs::write(&path, file.to_string()).unwrap();
        Source::Key(path.clone())
    })
    .await;
    assert_eq!(
        scene.tokens.token().await.unwrap().unwrap(),
        "access-token-1"
    );
    std::fs::write(&path, "{}").unwrap();
    scene.tokens.forget().await;
    let error = scene.tokens.token().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthenticated, "{error}");
}
