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

mod command;

const HERE: &str = "https://tipoff.example.com";
const PUSHER: &str = "tipoff-push@p.iam.gserviceaccount.com";

/// A project in which all is well, and the examiner that asks it.
struct Scene {
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
            "schedule": job.schedule, "timeZone": job.zone, "state": "ENABLED",
            "httpTarget": {"uri": job.url, "httpMethod": job.method, "oidcToken": {
                "serviceAccountEmail": set.identity.scheduler_accounts[0], "audience": HERE}},
        });
        google.scheduler.put(&job_name(&job.name), body);
    }
}

fn job_name(name: &str) -> String {
    format!("projects/p/locations/us-west2/jobs/{name}")
}

async fn scene() -> Scene {
    let google = Google::start().await;
    let config = parsed(&settings(&google.base(), WHOLE));
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

/// A fault, what its finding says, and what its mend begins with or holds.
type Case = (
    &'static str,
    fn(&mut Scene),
    Check,
    &'static str,
    &'static str,
);

const CASES: [Case; 27] = [
    (
        "a topic without a live subscription",
        |s| s.google.pubsub.delete("projects/p/subscriptions/workers"),
        Check::Topics,
        "no live subscription",
        "gcloud pubsub subscriptions create ",
    ),
    (
        "a detached reader",
        |s| {
            s.google.pubsub.subscribe_as(
                "projects/p/subscriptions/workers",
                json!({"topic": "projects/p/topics/prediction-request-prod", "detached": true}),
            )
        },
        Check::Topics,
        "no live subscription",
        "--topic=prediction-request-prod",
    ),
    (
        "a missing topic",
        |s| {
            s.google
                .pubsub
                .delete("projects/p/topics/nba-phase5-predictions-complete")
        },
        Check::Topics,
        "the topic is not there",
        "gcloud pubsub topics create nba-phase5-predictions-complete --project=p",
    ),
    (
        "a topic name nobody publishes to",
        |s| {
            s.google
                .pubsub
                .create_topic("projects/p/topics/nba-phase4-complete");
            *s.google.monitoring.published.lock().unwrap() =
                [("nba-phase4-complete".to_owned(), 3)].into();
        },
        Check::Topics,
        "for 26 h; nba-phase4-complete is used",
        "set upstream_topic = \"nba-phase4-complete\"",
    ),
    (
        "zero publishes",
        |s| {
            let mut published = s.google.monitoring.published.lock().unwrap();
            published.insert("nba-phase4-precompute-complete".to_owned(), 0);
            published.insert("other".to_owned(), 2);
        },
        Check::Topics,
        "nobody has published to nba-phase4-precompute-complete for 26 h",
        "tipoff publish",
    ),
    (
        "a missing subscription",
        |s| {
            s.google
                .pubsub
                .delete("projects/p/subscriptions/nba-phase5-trigger-sub")
        },
        Check::Subscriptions,
        "is not there",
        "gcloud pubsub subscriptions create nba-phase5-trigger-sub ",
    ),
    (
        "a push endpoint of another service",
        |s| {
            s.subscription(|it| {
                it["pushConfig"]["pushEndpoint"] = json!("https://old.example.com/trigger")
            })
        },
        Check::Subscriptions,
        "https://old.example.com/trigger, not to https://tipoff.example.com/trigger",
        "--push-endpoint=https://tipoff.example.com/trigger",
    ),
    (
        "no identity on the push",
        |s| s.subscription(|it| it["pushConfig"]["oidcToken"] = Value::Null),
        Check::Subscriptions,
        "without an identity",
        "--push-auth-service-account=tipoff-push@p.iam.gserviceaccount.com",
    ),
    (
        "another account",
        |s| {
            s.subscription(|it| {
                it["pushConfig"]["oidcToken"]["serviceAccountEmail"] = json!("x@p.iam")
            })
        },
        Check::Subscriptions,
        "pushes as x@p.iam",
        "--push-auth-service-account=",
    ),
    (
        "another audience",
        |s| s.subscription(|it| it["pushConfig"]["oidcToken"]["audience"] = json!("https://other")),
        Check::Subscriptions,
        "made for https://other",
        "--push-auth-token-audience=https://tipoff.example.com",
    ),
    (
        "dead-letter attempts 5",
        |s| s.subscription(|it| it["deadLetterPolicy"]["maxDeliveryAttempts"] = json!(5)),
        Check::Subscriptions,
        "after 5 deliveries",
        "--max-delivery-attempts=100",
    ),
    (
        "no dead letters",
        |s| s.subscription(|it| it["deadLetterPolicy"] = Value::Null),
        Check::Subscriptions,
        "no dead-letter topic",
        "--dead-letter-topic=nba-dlq",
    ),
    (
        "a deleted topic",
        |s| s.subscription(|it| it["topic"] = json!("_deleted-topic_")),
        Check::Subscriptions,
        "was deleted",
        "gcloud pubsub subscriptions delete nba-phase5-trigger-sub",
    ),
    (
        "a short deadline",
        |s| s.subscription(|it| it["ackDeadlineSeconds"] = json!(10)),
        Check::Subscriptions,
        "ack deadline is 10 s",
        "--ack-deadline=60",
    ),
    (
        "a detached subscription",
        |s| s.subscription(|it| it["detached"] = json!(true)),
        Check::Subscriptions,
        "detached",
        "gcloud pubsub subscriptions delete",
    ),
    (
        "expiry",
        |s| s.subscription(|it| it["expirationPolicy"] = json!({"ttl": "86400s"})),
        Check::Subscriptions,
        "expires after 86400s",
        "--expiration-period=never",
    ),
    (
        "dead letters waiting",
        |s| {
            s.google
                .monitoring
                .waiting
                .lock()
                .unwrap()
                .insert("nba-dlq-sub".to_owned(), 3);
        },
        Check::DeadLetters,
        "dead letters waiting: 3",
        "gcloud pubsub subscriptions pull nba-dlq-sub",
    ),
    (
        "a missing scheduler job",
        |s| s.google.scheduler.delete(&job_name("phase5-retry-1")),
        Check::Schedule,
        "the job is not there",
        "gcloud scheduler jobs create http phase5-retry-1 --schedule='15 6 * * *'",
    ),
    (
        "a paused one",
        |s| s.job(|it| it["state"] = json!("PAUSED")),
        Check::Schedule,
        "is paused",
        "gcloud scheduler jobs resume phase5-daily-backup --location=us-west2 --project=p",
    ),
    (
        "a wrong zone",
        |s| s.job(|it| it["timeZone"] = json!("Etc/UTC")),
        Check::Schedule,
        "time zone is Etc/UTC, not America/Los_Angeles",
        "--time-zone=America/Los_Angeles",
    ),
    (
        "a failing job",
        |s| s.job(|it| it["status"] = json!({"code": 7, "message": "denied"})),
        Check::Schedule,
        "failed with code 7: denied",
        "gcloud scheduler jobs run",
    ),
    (
        "one not heard from for 25 h",
        |s| s.silent("phase5-daily-backup", TimeDelta::minutes(25 * 60 + 1)),
        Check::Schedule,
        "has not called for 25 h",
        "gcloud scheduler jobs run phase5-daily-backup",
    ),
    (
        "a tick not heard from",
        |s| s.silent("phase5-tick", TimeDelta::minutes(16)),
        Check::Schedule,
        "phase5-tick has not called",
        "gcloud scheduler jobs run phase5-tick",
    ),
    (
        "a missing column",
        |s| {
            s.tables.0.lock().unwrap().push(Missing {
                table: "nba_predictions.t".to_owned(),
                column: Some("c".to_owned()),
                found: None,
                wanted: "BOOL".to_owned(),
            })
        },
        Check::Tables,
        "the column is not there",
        "ALTER TABLE `nba_predictions.t` ADD COLUMN c BOOL",
    ),
    (
        "a revoked permission",
        |s| {
            s.google
                .pubsub
                .permit("projects/p/topics/prediction-request-prod", &[])
        },
        Check::Permissions,
        "tipoff@p.iam.gserviceaccount.com may not: pubsub.topics.publish",
        "gcloud pubsub topics add-iam-policy-binding prediction-request-prod --member=serviceAccount:tipoff@p.iam",
    ),
    (
        "no queries",
        |s| s.google.resource_manager.revoke("bigquery.jobs.create"),
        Check::Permissions,
        "bigquery.jobs.create is missing",
        "gcloud projects add-iam-policy-binding p ",
    ),
    (
        "a dead webhook",
        |s| s.known.channels = Some(vec![(ChannelId::new("slack"), Some("410".to_owned()))]),
        Check::Channels,
        "does not take messages: 410",
        "tipoff alerts test",
    ),
];

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
