//! The text for Terraform: the objects of the plan with their options, and nothing that points nowhere.
//!
//! Whether Terraform takes it cannot be seen here.

use rstest::rstest;
use serde_json::{Value, json};

use crate::infra::tipoff;

fn json_of(form: &str, profile: &str) -> Value {
    serde_json::from_str(&tipoff(form, profile)).unwrap()
}

#[rstest]
#[case("always-on")]
#[case("frugal")]
fn every_object_of_the_plan_is_in_it_and_no_other(#[case] profile: &str) {
    let (plan, terraform) = (json_of("plan", profile), json_of("terraform", profile));
    let kinds = [
        ("topics", "google_pubsub_topic"),
        ("subscriptions", "google_pubsub_subscription"),
        ("jobs", "google_cloud_scheduler_job"),
    ];
    for (planned, kind) in kinds {
        let planned = plan[planned].as_array().unwrap();
        let names: Vec<&str> = planned
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert!(!names.is_empty());
        let made = terraform["resource"][kind].as_object().unwrap();
        let made: Vec<&str> = made
            .values()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        let (mut names, mut made) = (names, made);
        names.sort_unstable();
        made.sort_unstable();
        assert_eq!(made, names, "{kind}");
    }
    let resources = terraform["resource"].as_object().unwrap();
    let members = resources
        .iter()
        .filter(|(kind, _)| kind.ends_with("_iam_member"));
    let members: usize = members
        .map(|(_, of_kind)| of_kind.as_object().unwrap().len())
        .sum();
    assert_eq!(members, plan["bindings"].as_array().unwrap().len());
    let accounts = resources["google_service_account"].as_object().unwrap();
    assert_eq!(accounts.len(), plan["accounts"].as_array().unwrap().len());
}

#[test]
fn what_pushes_and_what_calls_have_the_platform_s_options() {
    let terraform = json_of("terraform", "frugal");
    let identity = |name: &str| {
        json!({
            "service_account_email": format!("{name}@nba-props-platform.iam.gserviceaccount.com"),
            "audience": "https://prediction-coordinator.example.com",
        })
    };
    let trigger = &terraform["resource"]["google_pubsub_subscription"]["nba-phase5-trigger-sub"];
    let expected = json!({
        "name": "nba-phase5-trigger-sub",
        "topic": "${google_pubsub_topic.nba-phase4-precompute-complete.id}",
        "ack_deadline_seconds": 60,
        "expiration_policy": {"ttl": ""},
        "retry_policy": {"minimum_backoff": "10s", "maximum_backoff": "600s"},
        "dead_letter_policy": {
            "dead_letter_topic": "${google_pubsub_topic.nba-dlq.id}",
            "max_delivery_attempts": 100,
        },
        "push_config": {
            "push_endpoint": "https://prediction-coordinator.example.com/trigger",
            "oidc_token": identity("tipoff-push"),
        },
        "depends_on": ["google_service_account.tipoff-push"],
    });
    assert_eq!(*trigger, expected);
    let backup = &terraform["resource"]["google_cloud_scheduler_job"]["phase5-daily-backup"];
    let expected = json!({
        "name": "phase5-daily-backup",
        "schedule": "0 6 * * *",
        "time_zone": "America/Los_Angeles",
        "attempt_deadline": "180s",
        "http_target": {
            "uri": "https://prediction-coordinator.example.com/start",
            "http_method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": r#"${base64encode("{\"trigger_source\":\"scheduler_backup\"}")}"#,
            "oidc_token": identity("tipoff-scheduler"),
        },
        "depends_on": ["google_service_account.tipoff-scheduler"],
    });
    assert_eq!(*backup, expected);
    let kept = &terraform["resource"]["google_pubsub_topic"]["nba-phase4-precompute-complete"];
    assert_eq!(kept["message_retention_duration"], "86400s");
    let watched = &terraform["resource"]["google_monitoring_alert_policy"]["nba-dlq-sub"];
    let filter = watched["conditions"]["condition_threshold"]["filter"].as_str();
    assert!(
        filter
            .unwrap()
            .ends_with(r#"subscription_id="nba-dlq-sub""#)
    );
}

#[rstest]
#[case("always-on")]
#[case("frugal")]
fn whatever_it_points_at_is_there(#[case] profile: &str) {
    let terraform = json_of("terraform", profile);
    let text = terraform.to_string();
    let expressions = text.split("${").skip(1);
    let expressions = expressions.map(|it| it.split('}').next().unwrap());
    let mut count = 0;
    for expression in expressions.filter(|it| !it.starts_with("base64encode(")) {
        let (part, path) = match expression.strip_prefix("data.") {
            Some(path) => ("data", path),
            None => ("resource", expression),
        };
        let [kind, name, _attribute] = path.split('.').collect::<Vec<_>>()[..] else {
            panic!("{expression}");
        };
        assert!(terraform[part][kind][name].is_object(), "{expression}");
        count += 1;
    }
    assert!(count > 10, "{count}");
    let resources = terraform["resource"].as_object().unwrap().values();
    let needed = resources.flat_map(|of_kind| of_kind.as_object().unwrap().values());
    for needed in needed
        .filter_map(|it| it["depends_on"].as_array())
        .flatten()
    {
        let (kind, name) = needed.as_str().unwrap().split_once('.').unwrap();
        assert!(terraform["resource"][kind][name].is_object(), "{needed}");
    }
}
