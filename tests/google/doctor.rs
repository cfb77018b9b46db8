//! The examination of a project: every fault of the wiring is named with what mends it, and what could not be asked is
//! neither right nor wrong.
//!
//! Who is told of it is tested next to `domain::service`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant as Started},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tipoff::{
    clock::{Clock, ManualClock, SystemClock},
    config::{self, Config, Environment},
    doctor::{Examiner, Project, Wanted},
    domain::{
        Instant,
        ids::{ChannelId, GameDate, HandoffId},
        plan::ListedUnit,
        readiness::Readiness,
        wiring::{Check, Finding, Standing},
    },
    google::{GoogleClient, Tokens},
    ports::{Doctor, Known, Missing, Page, PortError, RunRecord, Scope, StoredRow, Warehouse},
};

use crate::stand_in::{Google, faults::Fault};

mod cases;
mod command;

use cases::CASES;

const HERE: &str = "https://tipoff.example.com";
const PUSHER: &str = "tipoff-push@p.iam.gserviceaccount.com";

/// A project in which all is well, and the examiner that asks it.
pub struct Scene {
    google: Google,
    examiner: Examiner,
    known: Known,
    tables: Arc<Tables>,
}

/// Tables of which a test says what is missing.
#[derive(Default)]
struct Tables(Mutex<Vec<Missing>>);

#[async_trait]
impl Warehouse for Tables {
    async fn readiness(&self, _: &Scope) -> Result<Readiness, PortError> {
        Err(PortError::permanent("asking", "not here"))
    }
    async fn ready_units(&self, _: &Scope, _: Page<'_>) -> Result<Vec<ListedUnit>, PortError> {
        Ok(Vec::new())
    }
    async fn stored_rows(&self, _: GameDate, _: Page<'_>) -> Result<Vec<StoredRow>, PortError> {
        Ok(Vec::new())
    }
    async fn record_run(&self, _: &RunRecord) -> Result<(), PortError> {
        Ok(())
    }
    async fn missing(&self) -> Result<Vec<Missing>, PortError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

fn now() -> Instant {
    "2026-01-19T15:20:00Z".parse().unwrap()
}

/// The configuration of a whole night, on the stand-in of this address.
fn settings(base: &str, handoff: &str) -> String {
    format!(
        "public_url = \"{HERE}\"\n{handoff}\n[google]\nproject = \"p\"\ncredentials = \"none\"\nprofile = \"frugal\"\n\
         [google.endpoints]\npubsub = \"{base}/v1\"\nbigquery = \"{base}/bigquery/v2\"\n\
         scheduler = \"{base}/scheduler/v1\"\nmonitoring = \"{base}/monitoring/v3\"\n\
         resource_manager = \"{base}/manager/v1\"\n"
    )
}

const WHOLE: &str = "[[handoffs]]\nid = \"phase4-to-phase5\"\nwarehouse = \"bigquery\"\n\
    sink = { pubsub = { topic = \"prediction-request-prod\" } }\n";

fn parsed(text: &str) -> Config {
    config::parse(text, std::path::Path::new("."), &Environment::default()).unwrap()
}

/// Makes everything that a configuration needs.
fn build(google: &Google, config: &Config) {
    let set = config.google.as_ref().unwrap();
    let wanted = Wanted::of(config, set);
    let topic = |name: &str| format!("projects/p/topics/{name}");
    for one in &wanted.topics {
        google.pubsub.create_topic(&topic(&one.name));
        if one.needs_readers {
            google
                .pubsub
                .subscribe(&topic(&one.name), "projects/p/subscriptions/workers");
        }
        if one.published_by_others {
            let mut published = google.monitoring.published.lock().unwrap();
            published.insert(one.name.clone(), 5);
        }
    }
    let dead = &set.dead_letters;
    google.pubsub.create_topic(&topic(&dead.topic));
    let keeper = format!("projects/p/subscriptions/{}", dead.subscription);
    google.pubsub.subscribe(&topic(&dead.topic), &keeper);
    let mut waiting = google.monitoring.waiting.lock().unwrap();
    waiting.insert(dead.subscription.clone(), 0);
    for one in &wanted.subscriptions {
        let name = format!("projects/p/subscriptions/{}", one.name);
        let body = json!({
            "topic": topic(&one.topic), "ackDeadlineSeconds": 60,
            "pushConfig": {"pushEndpoint": one.endpoint,
                "oidcToken": {"serviceAccountEmail": PUSHER, "audience": HERE}},
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "deadLetterPolicy": {"deadLetterTopic": topic(&dead.topic), "maxDeliveryAttempts": 100},
        });
        google.pubsub.subscribe_as(&name, body);
    }
    for job in &wanted.jobs {
        let body = json!({
            "schedule": job.cron, "timeZone": job.zone, "state": "ENABLED",
            "httpTarget": {"uri": job.uri, "httpMethod": job.method, "oidcToken": {
                "serviceAccountEmail": set.identity.scheduler_accounts[0], "audience": HERE}},
        });
        google.scheduler.put(&job_name(&job.name), body);
    }
}

fn job_name(name: &str) -> String {
    format!("projects/p/locations/us-west2/jobs/{name}")
}

async fn scene() -> Scene {
    scene_of(WHOLE).await
}

async fn scene_of(handoffs: &str) -> Scene {
    let google = Google::start().await;
    let config = parsed(&settings(&google.base(), handoffs));
    build(&google, &config);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now()));
    let http = reqwest::Client::new();
    let set = config.google.clone().unwrap();
    let limit = Duration::from_secs(5);
    let tokens = Tokens::new(set.credentials.clone(), http.clone(), clock.clone(), limit);
    let jobs = Wanted::of(&config, &set).jobs;
    let heard: BTreeMap<String, Instant> = jobs
        .iter()
        .map(|job| (job.name.clone(), now() - TimeDelta::minutes(5)))
        .collect();
    let tables = Arc::new(Tables::default());
    let asked: Arc<dyn Warehouse> = tables.clone();
    Scene {
        examiner: Examiner {
            project: Some(Project {
                client: GoogleClient::new(http.clone(), tokens),
                google: set,
                http,
            }),
            tables: vec![(HandoffId::new("phase4-to-phase5"), asked)],
            config: Arc::new(config),
            clock,
        },
        known: Known {
            heard: Some(heard),
            channels: Some(vec![(ChannelId::new("slack"), None)]),
            installed_at: Some(now() - TimeDelta::days(30)),
            latest_at: Some(now()),
        },
        google,
        tables,
    }
}

#[tokio::test]
async fn what_infra_makes_of_a_late_deadline_and_two_handoffs_is_right() {
    let late = format!("{WHOLE}[handoffs.schedule]\ndeadline = \"07:55\"\n");
    let other = "[[handoffs]]\nid = \"props\"\nupstream_topic = \"props-ready\"\nscheduler_prefix = \"props\"\n\
        trigger_subscription = \"props-sub\"\ncompletion_subscription = \"props-answers-sub\"\n";
    let scene = scene_of(&(late + other)).await;
    let jobs = &Wanted::of(
        &scene.examiner.config,
        &scene.examiner.project.as_ref().unwrap().google,
    )
    .jobs;
    let tick = jobs.iter().find(|it| it.name == "phase5-tick").unwrap();
    assert_eq!(tick.cron, "*/5 0-8 * * *");
    let body = jobs
        .iter()
        .find(|it| it.name == "props-daily-backup")
        .unwrap();
    assert!(body.body.as_ref().unwrap().contains("props"), "{body:?}");
    let findings = scene.findings().await;
    let wrong: Vec<_> = findings
        .iter()
        .filter(|it| it.check == Check::Schedule && it.standing != Standing::Ok)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_schedule_that_no_job_can_have_is_wrong() {
    let fixed = format!("{WHOLE}[handoffs.schedule]\nzone = \"-08:00\"\n");
    let scene = scene_of(&fixed).await;
    let findings = scene.findings().await;
    let found = findings.iter().find(|it| it.subject == "configuration");
    let found = found.unwrap();
    assert_eq!(found.standing, Standing::Wrong);
    assert!(
        found.text.contains("takes a zone's name alone"),
        "{found:?}"
    );
}

impl Scene {
    /// What is found, without the comparison with Google's clock: the scene's stands still in January.
    async fn findings(&self) -> Vec<Finding> {
        let mut findings = self.examiner.examine(&self.known).await;
        findings.retain(|it| it.subject != "Google's clock");
        findings
    }

    fn subscription(&self, change: impl FnOnce(&mut Value)) {
        let name = "projects/p/subscriptions/nba-phase5-trigger-sub";
        let mut body = self.google.pubsub.resource(name).unwrap();
        change(&mut body);
        self.google.pubsub.subscribe_as(name, body);
    }

    fn job(&self, change: impl FnOnce(&mut Value)) {
        let name = job_name("phase5-daily-backup");
        self.google.scheduler.change(&name, change);
    }

    fn silent(&mut self, job: &str, length: TimeDelta) {
        let heard = self.known.heard.as_mut().unwrap();
        heard.insert(job.to_owned(), now() - length);
    }
}

#[tokio::test]
async fn where_all_is_well_every_finding_is_ok_and_every_check_has_one() {
    let scene = scene().await;
    let findings = scene.findings().await;
    let not_ok: Vec<&Finding> = findings
        .iter()
        .filter(|it| it.standing != Standing::Ok)
        .collect();
    assert!(not_ok.is_empty(), "{not_ok:#?}");
    for check in Check::ALL {
        assert!(findings.iter().any(|it| it.check == check), "{check:?}");
    }
}

#[tokio::test]
async fn each_fault_of_the_wiring_is_named_alone_with_what_mends_it() {
    for (name, fault, check, text, mend) in CASES {
        let mut scene = scene().await;
        fault(&mut scene);
        let findings = scene.findings().await;
        let wrong: Vec<&Finding> = findings
            .iter()
            .filter(|it| it.standing == Standing::Wrong)
            .collect();
        assert_eq!(wrong.len(), 1, "{name}: {wrong:#?}");
        let found = wrong[0];
        assert_eq!(
            (found.check, found.standing),
            (check, Standing::Wrong),
            "{name}: {found:#?}"
        );
        assert!(found.text.contains(text), "{name}: {found:#?}");
        assert!(
            found.mend.as_ref().unwrap().contains(mend),
            "{name}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn a_season_that_ends_within_a_fortnight_is_wrong_and_a_day_earlier_is_not() {
    for (from_end, standing) in [
        (15, Standing::Ok),
        (14, Standing::Wrong),
        (-1, Standing::Wrong),
    ] {
        let mut scene = scene().await;
        let season = scene.examiner.config.handoffs[0].season.clone().unwrap();
        let day = season.until - TimeDelta::days(from_end);
        let noon = day.and_hms_opt(17, 0, 0).unwrap().and_utc();
        scene.examiner.clock = Arc::new(ManualClock::new(noon));
        let findings = scene.findings().await;
        let found = findings
            .iter()
            .find(|it| it.check == Check::Calendar)
            .unwrap();
        assert_eq!(found.standing, standing, "{from_end}: {found:?}");
    }
}

#[tokio::test]
async fn what_google_does_not_answer_is_neither_right_nor_wrong() {
    let places = [
        ("GET /v1/projects/p/topics", Check::Topics),
        (
            "/v1/projects/p/subscriptions/nba-phase5",
            Check::Subscriptions,
        ),
        (
            "/v1/projects/p/subscriptions/nba-dlq-sub",
            Check::DeadLetters,
        ),
        ("/monitoring/", Check::DeadLetters),
        ("/scheduler/", Check::Schedule),
        ("testIamPermissions", Check::Permissions),
    ];
    let html = "<html>a proxy</html>".to_owned();
    let faults = [
        Fault::Status(503, "later".to_owned()),
        Fault::Status(429, "{}".to_owned()),
        Fault::Status(403, "{}".to_owned()),
        Fault::Status(404, html.clone()),
        Fault::Status(200, html),
        Fault::Status(200, "{}".to_owned()),
        Fault::Status(200, "[]".to_owned()),
        Fault::CutBefore,
    ];
    for (place, check) in places {
        for fault in &faults {
            // An answer without a permission says that it is not given.
            let plain = matches!(fault, Fault::Status(200, body) if body == "{}");
            if plain && check == Check::Permissions {
                continue;
            }
            let scene = scene().await;
            scene.google.faults.add(place, 1_000, fault.clone());
            let findings = scene.findings().await;
            let wrong: Vec<&Finding> = findings
                .iter()
                .filter(|it| it.standing == Standing::Wrong)
                .collect();
            assert!(wrong.is_empty(), "{place} {fault:?}: {wrong:#?}");
            let unknown = |it: &&Finding| it.check == check && it.standing == Standing::CouldNotAsk;
            assert!(
                findings.iter().any(|it| unknown(&it)),
                "{place} {fault:?}: {findings:#?}"
            );
        }
    }
}

#[tokio::test]
async fn one_stumble_is_asked_again() {
    let scene = scene().await;
    scene
        .google
        .faults
        .add("/scheduler/", 1, Fault::Status(503, "later".to_owned()));
    let findings = scene.findings().await;
    assert!(
        findings.iter().all(|it| it.standing == Standing::Ok),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn a_slow_project_is_given_up_within_half_a_minute() {
    let scene = scene().await;
    let slow = Fault::Slow(Duration::from_secs(60));
    scene.google.faults.add("/v1/projects", 1_000, slow.clone());
    scene.google.faults.add("/monitoring/", 1_000, slow);
    let started = Started::now();
    let findings = scene.findings().await;
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(
        findings.iter().all(|it| it.standing != Standing::Wrong),
        "{findings:#?}"
    );
    let topics = findings.iter().filter(|it| it.check == Check::Topics);
    assert!(topics.clone().count() > 0);
    assert!(
        topics
            .into_iter()
            .all(|it| it.standing == Standing::CouldNotAsk),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn an_empty_answer_of_monitoring_is_no_number() {
    let scene = scene().await;
    scene.google.monitoring.waiting.lock().unwrap().clear();
    scene.google.monitoring.published.lock().unwrap().clear();
    let findings = scene.findings().await;
    let unknown: Vec<&Finding> = findings
        .iter()
        .filter(|it| it.standing != Standing::Ok)
        .collect();
    let subjects: Vec<&str> = unknown.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(
        subjects,
        [
            "publishers of nba-phase4-precompute-complete",
            "waiting in nba-dlq-sub"
        ]
    );
    assert!(
        unknown
            .iter()
            .all(|it| it.standing == Standing::CouldNotAsk)
    );
}

#[tokio::test]
async fn a_clock_is_held_against_googles() {
    let mut scene = scene().await;
    let skewed = |findings: Vec<Finding>| {
        let found = findings
            .into_iter()
            .find(|it| it.subject == "Google's clock");
        found.unwrap().standing
    };
    assert_eq!(
        skewed(scene.examiner.examine(&scene.known).await),
        Standing::Wrong
    );
    scene.examiner.clock = Arc::new(SystemClock);
    assert_eq!(
        skewed(scene.examiner.examine(&scene.known).await),
        Standing::Ok
    );
}

#[tokio::test]
async fn a_job_of_a_new_installation_need_not_have_called_yet() {
    let mut scene = scene().await;
    scene.known.heard = Some(BTreeMap::new());
    for (hours, wrong) in [(24, false), (26, true)] {
        scene.known.installed_at = Some(now() - TimeDelta::hours(hours));
        let findings = scene.findings().await;
        let of = |it: &&Finding| it.subject == "phase5-daily-backup heard";
        let found = findings.iter().find(of).unwrap();
        assert_eq!(found.standing == Standing::Wrong, wrong, "{found:?}");
    }
}
