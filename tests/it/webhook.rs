//! The generic webhook over a real socket: what is sent, and what each answer means.
//!
//! The body's shape is tested beside it.

use std::sync::Arc;

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::Value;
use tipoff::{
    channels::webhook::{Webhook, WebhookSettings},
    clock::ManualClock,
    domain::routing::Failure,
    ports::{
        Channel,
        notice::{About, Content, Links, Notice, Parcel},
    },
};
use tokio::{io::AsyncReadExt, net::TcpListener};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::support::instant;

fn webhook(url: &str, token: Option<&str>) -> Webhook {
    let settings = WebhookSettings {
        url: url.to_owned(),
        bearer_token: token.map(str::to_owned),
        receiver: "ops".to_owned(),
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let clock = ManualClock::new(instant("2026-01-19T15:00:00Z"));
    Webhook::new(&settings, client.build().unwrap(), Arc::new(clock)).unwrap()
}

fn parcel(ids: &[&str]) -> Parcel {
    let notice = |id: &&str| Notice {
        id: (*id).to_owned(),
        about: About::Service,
        at: instant("2026-01-19T15:00:00Z"),
        content: Content::Test {
            by: "dana".to_owned(),
        },
    };
    Parcel {
        notices: ids.iter().map(notice).collect(),
        audience: Vec::new(),
        way: Default::default(),
        thread: None,
        links: Links::default(),
    }
}

async fn failed(answer: ResponseTemplate) -> Failure {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    let url = format!("{}/secret?token=secret", server.uri());
    let failure = webhook(&url, Some("secret"))
        .deliver(&parcel(&["service/7/0"]))
        .await
        .unwrap_err();
    assert!(!failure.error.contains("secret"), "{failure:?}");
    failure
}

#[tokio::test]
async fn a_message_is_json_with_a_key_and_the_token() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/alerts"))
        .and(header("authorization", "Bearer secret"))
        .and(header("content-type", "application/json"))
        .and(header("idempotency-key", "service/7/0"))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    let webhook = webhook(&format!("{}/alerts", server.uri()), Some("secret"));
    let receipt = webhook.deliver(&parcel(&["service/7/0"])).await.unwrap();
    assert_eq!(
        (receipt.message_id.as_str(), receipt.thread),
        ("service/7/0", None)
    );
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(
        (&body["version"], &body["receiver"]),
        (&"4".into(), &"ops".into())
    );
    assert_eq!(body["alerts"][0]["labels"]["alertname"], "TipoffTest");
}

#[tokio::test]
async fn a_digest_is_one_call_with_several_alerts_and_one_key() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .expect(2)
        .mount(&server)
        .await;
    let webhook = webhook(&server.uri(), None);
    for _ in 0..2 {
        webhook
            .deliver(&parcel(&["service/7/0", "service/8/0"]))
            .await
            .unwrap();
    }
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(body["alerts"].as_array().unwrap().len(), 2);
    let keys: Vec<_> = sent
        .iter()
        .map(|it| it.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert!(!sent[0].headers.contains_key("authorization"));
}

#[rstest]
#[tokio::test]
async fn a_status_says_whether_another_try_helps(
    #[values((400, true), (401, true), (403, true), (404, true), (410, true), (408, false), (425, false),
             (429, false), (500, false), (503, false))]
    row: (u16, bool),
) {
    let failure = failed(ResponseTemplate::new(row.0).set_body_string("secret")).await;
    assert_eq!(failure.permanent, row.1, "{failure:?}");
    assert!(failure.error.contains(&row.0.to_string()), "{failure:?}");
}

#[rstest]
#[case("30", 30)]
#[case("Mon, 19 Jan 2026 15:02:00 GMT", 120)]
#[tokio::test]
async fn the_servers_wish_is_handed_on(#[case] wish: &str, #[case] seconds: i64) {
    let failure = failed(ResponseTemplate::new(503).insert_header("retry-after", wish)).await;
    assert_eq!(failure.retry_after, Some(TimeDelta::seconds(seconds)));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_tells_the_address_to_configure() {
    let answer = ResponseTemplate::new(301).insert_header("location", "https://new.test/secret");
    let failure = failed(answer).await;
    assert!(
        failure.permanent && failure.error.contains("https://new.test"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_cut_connection_leaves_a_doubt_and_a_refused_one_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let cuts = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 64]).await.unwrap();
    });
    let webhook = webhook(&format!("http://{address}/secret"), None);
    let cut = webhook.deliver(&parcel(&["1"])).await.unwrap_err();
    cuts.await.unwrap();
    let refused = webhook.deliver(&parcel(&["1"])).await.unwrap_err();
    assert!(cut.doubtful && !cut.permanent, "{cut:?}");
    assert!(!refused.doubtful && !refused.permanent, "{refused:?}");
    for failure in [cut, refused] {
        assert!(!failure.error.contains("secret"), "{failure:?}");
    }
}
