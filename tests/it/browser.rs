//! A person opens the link of a message in a real browser and acknowledges: Chromium without a window, driven by
//! chromedriver. What it looked like is kept under `target/pictures`.
//!
//! What the page does with other input is tested over HTTP.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Map, Value, json};
use tipoff::{
    domain::{
        alert::{Change, Kind, Role},
        routing::Person,
        run::State,
    },
    ports::notice::Notice,
};

use crate::support::{EARLY, RecordingChannel, TONIGHT, TestApp, event};

/// How long chromedriver may take to listen, and a page to change.
const PATIENCE: Duration = Duration::from_secs(30);
/// A phone, in points.
const PHONE: (u32, u32) = (390, 844);
/// As wide, and high enough for the whole page.
const WHOLE: (u32, u32) = (390, 2_000);

/// A running chromedriver. Dropping it ends it; the browser goes with its session.
struct Driver {
    child: Child,
    url: String,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let asked = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

impl Driver {
    /// Starts one; `None` where there is no browser, which CI has to have.
    fn start() -> Option<Self> {
        if !(is_installed("chromium") && is_installed("chromedriver")) {
            let why = "!!! SKIPPED: the browser test needs chromium and chromedriver (Debian: chromium chromium-driver)";
            assert_ne!(option_env!("CI"), Some("true"), "{why}");
            eprintln!("{why}");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Some(Self { child, url })
    }

    /// Waits until it listens.
    async fn ready(&self) {
        let listens = async {
            let status = format!("{}/status", self.url);
            while reqwest::get(&status).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        let listened = tokio::time::timeout(PATIENCE, listens).await;
        assert!(listened.is_ok(), "chromedriver never listened");
    }

    /// A phone's browser with an empty folder of its own.
    async fn phone(&self, folder: &Path, (width, height): (u32, u32), dark: bool) -> Client {
        let mut args: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ]
        .map(str::to_owned)
        .to_vec();
        args.push(format!("--user-data-dir={}", folder.display()));
        if dark {
            args.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let emulated = json!({"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0, "touch": true}});
        let options = json!({"args": args, "mobileEmulation": emulated});
        let wanted: Map<String, Value> =
            Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .build();
        let connected = ClientBuilder::new(connector)
            .capabilities(wanted)
            .connect(&self.url)
            .await;
        connected.unwrap()
    }
}

async fn keep_picture(client: &Client, name: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let picture = client.screenshot().await.unwrap();
    assert!(picture.starts_with(b"\x89PNG"), "a picture");
    std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

/// What the page says; `None` while another one is taking its place.
async fn text(client: &Client) -> Option<String> {
    let body = client.find(Locator::Css("body")).await.ok()?;
    body.text().await.ok()
}

/// Waits until the page says this.
async fn until_says(client: &Client, part: &str) -> String {
    let says = async {
        loop {
            if let Some(text) = text(client).await
                && text.contains(part)
            {
                return text;
            }
        }
    };
    let said = tokio::time::timeout(PATIENCE, says).await;
    match said {
        Ok(text) => text,
        Err(_) => panic!("the page never says {part:?}: {:?}", text(client).await),
    }
}

/// How often people were told again of the failure.
fn told_again(notices: &[Notice]) -> usize {
    let told = notices.iter().flat_map(|notice| notice.told());
    told.filter(|told| told.alert.kind == Kind::NothingDispatched)
        .filter(|told| matches!(told.change, Change::Escalated | Change::Reminded))
        .count()
}

fn tells_of_failure(phone: &RecordingChannel) -> bool {
    let latest = phone.notices().pop();
    latest.is_some_and(|it| it.told()[0].alert.kind == Kind::NothingDispatched)
}

/// A night that failed, hours before its deadline.
async fn failed_night(phone: &Arc<RecordingChannel>) -> TestApp {
    let people = vec![Person {
        name: "Dana Ünlü".to_owned(),
        role: Role::Developer,
        email: Some("dana@example.com".to_owned()),
        slack: None,
    }];
    let app = TestApp::start_telling(EARLY, &[("mail", phone.clone())], people).await;
    let started = app.post("/trigger", event().to_string()).await;
    assert_eq!(started.status, 202, "{started:?}");
    while app.run().await.state != State::Failed || !tells_of_failure(phone) {
        app.clock.advance(TimeDelta::minutes(5));
        app.post("/tick", "").await;
    }
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_acknowledges_from_a_mails_link_in_a_real_browser() {
    let Some(driver) = Driver::start() else {
        return;
    };
    driver.ready().await;
    let phone = Arc::new(RecordingChannel::default());
    let app = failed_night(&phone).await;
    let link = phone.parcels().last().unwrap().links.page.clone().unwrap();
    let told = phone.notices().last().unwrap().told()[0].alert.text.clone();
    let folder = tempfile::tempdir().unwrap();

    let client = driver
        .phone(&folder.path().join("light"), PHONE, false)
        .await;
    client.goto(&link).await.unwrap();
    let page = until_says(&client, "Verdict").await;
    assert!(page.to_lowercase().contains(&told.to_lowercase()), "{page}");
    assert!(page.contains("Nobody has acknowledged it"), "{page}");
    let wide = client
        .execute("return document.documentElement.scrollWidth", Vec::new())
        .await
        .unwrap();
    assert_eq!(wide, json!(PHONE.0), "nothing stands out at the side");
    keep_picture(&client, "respond-before").await;
    let name = client.find(Locator::Id("acknowledge-by")).await.unwrap();
    assert_eq!(
        name.prop("value").await.unwrap().as_deref(),
        Some("Dana Ünlü")
    );
    name.clear().await.unwrap();
    name.send_keys("Dana from the train").await.unwrap();
    let button = client.find(Locator::Css("button")).await.unwrap();
    button.click().await.unwrap();
    let page = until_says(&client, "Dana from the train acknowledged it").await;
    assert!(page.contains("PST /"), "it says when: {page}");
    keep_picture(&client, "respond-after").await;
    client.refresh().await.unwrap();
    until_says(&client, "Dana from the train acknowledged it").await;
    client.close().await.unwrap();

    let codes = app.history_codes(TONIGHT).await;
    let times = codes.iter().filter(|code| *code == "acknowledged").count();
    assert_eq!(times, 1, "{codes:?}");
    for _ in 0..4 {
        app.clock.advance(TimeDelta::minutes(10));
        app.post("/tick", "").await;
    }
    assert_eq!(told_again(&phone.notices()), 0);

    let client = driver.phone(&folder.path().join("dark"), WHOLE, true).await;
    client.goto(&link).await.unwrap();
    until_says(&client, "Acknowledged by Dana from the train").await;
    let silence = client.find(Locator::Css("summary")).await.unwrap();
    silence.click().await.unwrap();
    until_says(&client, "For how long").await;
    keep_picture(&client, "respond-dark").await;
    client.close().await.unwrap();
}
