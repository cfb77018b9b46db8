//! Who is heard with a token configured, and what anyone may ask.
//!
//! The single headers are tested next to `identify`.

use reqwest::Method;
use rstest::rstest;

use crate::support::{Differs, TOKEN, TestApp, event};

async fn closed() -> TestApp {
    TestApp::start_as(Differs {
        config: "",
        token: true,
    })
    .await
}

#[rstest]
#[case(Method::POST, "/trigger")]
#[case(Method::POST, "/complete")]
#[case(Method::POST, "/start")]
#[case(Method::POST, "/retry")]
#[case(Method::POST, "/reset")]
#[case(Method::POST, "/check-stalled")]
#[case(Method::POST, "/tick")]
#[case(Method::GET, "/status")]
#[case(Method::GET, "/history")]
#[case(Method::GET, "/quarantine")]
#[case(Method::GET, "/quarantine/1")]
#[case(Method::POST, "/quarantine/1/replay")]
#[case(Method::DELETE, "/quarantine/1")]
#[tokio::test]
async fn without_the_token_nothing_is_done_or_shown(#[case] method: Method, #[case] path: &str) {
    let app = closed().await;
    let bare = app.request(method.clone(), path).body(event().to_string());
    let scheduler = app
        .request(method.clone(), path)
        .header("x-cloudscheduler", "true");
    let wrong = app.request(method, path).bearer_auth("0123456789abcdeX");
    for request in [bare, scheduler, wrong] {
        let answer = app.answer(request).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(!answer.text.contains(TOKEN));
    }
    let mine = app.request(Method::GET, "/quarantine").bearer_auth(TOKEN);
    assert_eq!(app.answer(mine).await.text, "[]", "nothing was quarantined");
}

#[tokio::test]
async fn with_the_token_people_and_pushes_are_heard() {
    let app = closed().await;
    let start = app.request(Method::POST, "/start").bearer_auth(TOKEN);
    assert_eq!(app.answer(start).await.status, 202);
    let push = app
        .request(Method::POST, "/trigger")
        .bearer_auth(TOKEN)
        .body(event().to_string());
    assert_eq!(app.answer(push).await.status, 202);
}

#[tokio::test]
async fn probes_need_no_token() {
    let app = closed().await;
    for path in ["/health", "/ready", "/version", "/metrics"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn without_a_token_a_web_page_of_elsewhere_is_not_heard() {
    let app = TestApp::start().await;
    let request = app
        .request(Method::POST, "/reset")
        .header("origin", "https://elsewhere.example");
    assert_eq!(app.answer(request).await.status, 403);
}
