//! Who is heard, over the real router: identity tokens good and bad, and a key server that fails.
//!
//! What the claims must say one by one is tested next to `claims`; what headers may look like next to `http::identity`.

use std::{
    io::Write,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tipoff::{
    clock::{Clock, ManualClock},
    commands::serve::{App, Setup},
    config::{self, Environment},
    domain::Instant,
};

use crate::stand_in::{
    Google,
    faults::Fault,
    keys::{self, Signer, claims, hmac_token, part},
};

mod bad;
mod outage;

const AUDIENCE: &str = "https://tipoff.example.com";
const PUSH: &str = "tipoff-push@p.iam.gserviceaccount.com";
const SCHEDULER: &str = "tipoff-scheduler@p.iam.gserviceaccount.com";

/// Everything that is logged while these tests run in this process.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log() -> &'static Captured {
    static LOG: OnceLock<Captured> = OnceLock::new();
    LOG.get_or_init(|| {
        let captured = Captured::default();
        let writer = captured.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .init();
        captured
    })
}

/// The service and the key server.
struct Scene {
    google: Google,
    clock: Arc<ManualClock>,
    app: App,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let scene = Self::start_with(Google::start().await, "").await;
        assert_eq!(
            scene.get(&scene.scheduler_token()).await,
            StatusCode::NOT_FOUND
        );
        scene
    }

    async fn start_with(google: Google, more: &str) -> Self {
        log();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-19T07:00:00Z".parse().unwrap()));
        google.keys.set_now(clock.now());
        let text = format!(
            "{more}\n[google]\nproject = \"p\"\ncredentials = \"none\"\n\
             [google.identity]\naudience = \"{AUDIENCE}\"\n\
             [google.endpoints]\nkeys = \"{}{}\"\n",
            google.base(),
            keys::PATH
        );
        let mut config = config::parse(&text, folder.path(), &Environment::default()).unwrap();
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.data_dir = folder.path().to_owned();
        for handoff in &mut config.handoffs {
            handoff.sink = config::Sink::Local;
            handoff.downstream_topic = None;
        }
        let shared: Arc<dyn Clock> = clock.clone();
        let app = App::open(Setup::of(config, shared)).await.unwrap();
        Self {
            google,
            clock,
            app,
            client: reqwest::Client::new(),
            _folder: folder,
        }
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn push_token(&self) -> String {
        self.google.keys.push_token(AUDIENCE, PUSH)
    }

    fn scheduler_token(&self) -> String {
        self.google.keys.push_token(AUDIENCE, SCHEDULER)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.app.address);
        self.client.request(method, url)
    }

    async fn call(&self, method: Method, path: &str, token: &str) -> StatusCode {
        let request = self.request(method, path).bearer_auth(token);
        request.send().await.unwrap().status()
    }

    /// An empty push: it is quarantined and acknowledged where its sender is heard.
    async fn push(&self, token: &str) -> StatusCode {
        self.call(Method::POST, "/complete", token).await
    }

    /// The status of a night that nobody knows: 404 where the caller is heard.
    async fn get(&self, token: &str) -> StatusCode {
        self.call(Method::GET, "/status?game_date=2025-07-01", token)
            .await
    }

    async fn metric(&self, line: &str) -> f64 {
        let answer = self.request(Method::GET, "/metrics").send().await.unwrap();
        let text = answer.text().await.unwrap();
        let found = text.lines().find_map(|it| it.strip_prefix(line));
        found
            .unwrap_or_else(|| panic!("{line} is not there"))
            .trim()
            .parse()
            .unwrap()
    }

    async fn refusals(&self, reason: &str) -> f64 {
        self.metric(&format!(
            "tipoff_identity_refusals_total{{reason=\"{reason}\"}}"
        ))
        .await
    }
}

#[tokio::test]
async fn each_account_is_heard_where_it_has_business_and_nowhere_else() {
    let scene = Scene::start().await;
    let (push, scheduler) = (scene.push_token(), scene.scheduler_token());
    let paths = [
        (Method::POST, "/trigger", Some(PUSH)),
        (Method::POST, "/complete", Some(PUSH)),
        (Method::POST, "/start", Some(SCHEDULER)),
        (Method::POST, "/retry", Some(SCHEDULER)),
        (Method::GET, "/status", Some(SCHEDULER)),
        (Method::POST, "/tick", Some(SCHEDULER)),
        (Method::POST, "/reset", None),
        (Method::POST, "/adopt", None),
        (Method::POST, "/check-stalled", None),
        (Method::GET, "/history", None),
        (Method::GET, "/alerts", None),
        (Method::POST, "/alerts/ack", None),
        (Method::POST, "/alerts/silence", None),
        (Method::POST, "/alerts/test", None),
        (Method::GET, "/quarantine", None),
        (Method::DELETE, "/quarantine/1", None),
        (Method::POST, "/quarantine/1/replay", None),
    ];
    let mut refused = 0.0;
    for (method, path, who) in paths {
        for (account, token) in [(PUSH, &push), (SCHEDULER, &scheduler)] {
            let status = scene.call(method.clone(), path, token).await;
            let is_heard = who == Some(account);
            assert_eq!(
                status != 403,
                is_heard,
                "{method} {path} {account}: {status}"
            );
            assert_ne!(status, 401, "{method} {path} {account}");
            refused += f64::from(u8::from(!is_heard));
        }
    }
    assert_eq!(scene.refusals("not_allowed").await, refused);
    assert_eq!(scene.google.keys.asked(), 1);
    let fetched = scene.metric("tipoff_identity_keys_timestamp_seconds").await;
    assert_eq!(fetched, scene.now().timestamp() as f64);
}

#[tokio::test]
async fn a_job_that_calls_is_kept_by_its_expected_name_and_only_once_it_is_verified() {
    let scene = Scene::start().await;
    let job = "projects/p/locations/us-west2/jobs/phase5-daily-backup";
    let call = |token: &str, job: &str| {
        let request = scene.request(Method::POST, "/tick").bearer_auth(token);
        request.header("x-cloudscheduler-jobname", job).send()
    };
    let heard = async |name: &str| loop {
        // Noted beside the call; each look is a question to the store.
        let service = scene.app.engine.shared().store.service().await.unwrap();
        if service.heard.contains_key(name) {
            return service.heard;
        }
    };
    assert_eq!(call("nonsense", job).await.unwrap().status(), 401);
    assert_eq!(call(&scene.push_token(), job).await.unwrap().status(), 403);
    call(&scene.scheduler_token(), "made-up").await.unwrap();
    let names = heard("POST /tick").await;
    assert!(!names.contains_key("phase5-daily-backup"), "{names:?}");
    assert!(!names.contains_key("made-up"), "{names:?}");
    call(&scene.scheduler_token(), job).await.unwrap();
    heard("phase5-daily-backup").await;
}

#[tokio::test]
async fn accounts_named_tokens_and_their_holders_are_heard_together() {
    let token = "tipoff_dana-has-this";
    let sha256 = config::NamedToken::of("dana", config::Role::Person, token).sha256_text();
    let more = format!("[[tokens]]\nname = \"dana\"\nsha256 = \"{sha256}\"\n");
    let scene = Scene::start_with(Google::start().await, &more).await;
    assert_eq!(scene.push(&scene.push_token()).await, StatusCode::OK);
    assert_eq!(scene.get(token).await, StatusCode::NOT_FOUND);
    assert_eq!(scene.push(token).await, StatusCode::FORBIDDEN);
    assert_eq!(
        scene.get("tipoff_dana-has-that").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(scene.refusals("wrong_token").await, 1.0);
    let start = scene.request(Method::POST, "/start").bearer_auth(token);
    let start = start.header("tipoff-by", "someone else");
    assert_eq!(start.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let history = scene.request(Method::GET, "/history").bearer_auth(token);
    let history = history.send().await.unwrap().text().await.unwrap();
    assert!(history.contains("manual by dana"), "{history}");
    assert!(!history.contains("someone else"), "{history}");
}
