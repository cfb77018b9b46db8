//! Each fault of the wiring as it is made, with what its finding says and what mends it.
//!
//! That each is found alone is tested one level up.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tipoff::{
    domain::{ids::ChannelId, wiring::Check},
    ports::Missing,
};

use super::{Scene, job_name};

/// A fault, what its finding says, and what its mend begins with or holds.
pub type Case = (
    &'static str,
    fn(&mut Scene),
    Check,
    &'static str,
    &'static str,
);

pub const CASES: [Case; 27] = [
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
