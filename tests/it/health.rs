//! `tipoff health`: 0 from a service that answers, 1 with the reason from everything else.

use std::process::{Command, Output};

use crate::support::TestApp;

async fn health(url: String) -> Output {
    let ask = move || {
        Command::new(env!("CARGO_BIN_EXE_tipoff"))
            .args(["health", "--url", &url])
            .env_clear()
            .output()
            .unwrap()
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

#[tokio::test]
async fn a_service_that_answers_is_alive_and_one_that_does_not_is_not() {
    let app = TestApp::start().await;
    let alive = health(app.url().to_owned()).await;
    assert!(alive.status.success(), "{alive:?}");
    let elsewhere = health(format!("{}/nowhere", app.url())).await;
    assert_eq!(elsewhere.status.code(), Some(1), "{elsewhere:?}");
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("404"));
    let nobody = health("http://127.0.0.1:1".to_owned()).await;
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no answer"));
}
