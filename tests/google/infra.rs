//! The scripts of `infra`, run against a `gcloud` that only records: the objects, their options, and the second run.
//!
//! What Google makes of the options cannot be seen here.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Records its arguments; what was created is found, everything else is not there.
const RECORDER: &str = r#"#!/usr/bin/env bash
cd "$(dirname "$0")"
printf '%s' "$(basename "$0")" >>calls
printf ' %s' "$@" >>calls
printf '\n' >>calls
case "$*" in
  *value\(projectNumber\)*) echo 123456 ;;
  *'policies list'*) if [ -e found ]; then echo projects/p/alertPolicies/1; fi ;;
  *list-subscriptions*) echo workers ;;
  *'run services describe '*) [ -e found ] || [ -e deployed ] ;;
  *' describe '*) [ -e found ] ;;
esac
exit $?
"#;

pub(crate) fn tipoff(form: &str, profile: &str) -> String {
    let config = format!("{ROOT}/deploy/{profile}.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_tipoff"))
        .args(["infra", form, "--config", &config])
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with these programs, which only record.
pub(crate) fn recorder(programs: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        let path = folder.path().join(program);
        fs::write(&path, RECORDER).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// Runs a script; answers what was called, one line a call.
fn run(script: &str, arguments: &[&str], folder: &Path) -> Vec<String> {
    let calls = folder.join("calls");
    let _ = fs::remove_file(&calls);
    let output = Command::new("bash")
        .args(["-c", script, "script"])
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(calls).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn has(calls: &[String], expected: &str) {
    let found = calls.iter().any(|call| call == expected);
    assert!(found, "{expected}\n\nis not among\n\n{}", calls.join("\n"));
}

const PROJECT: &str = "--project=nba-props-platform";
const URL: &str = "https://prediction-coordinator.example.com";

#[test]
fn the_script_makes_exactly_the_platform_s_objects_with_their_options() {
    let folder = recorder(&["gcloud", "bq"]);
    let calls = run(&tipoff("gcloud", "frugal"), &[], folder.path());
    let push = format!(
        "{PROJECT} --ack-deadline=60 --expiration-period=never --min-retry-delay=10s --max-retry-delay=600s \
         --dead-letter-topic=nba-dlq --max-delivery-attempts=100"
    );
    let identity = format!(
        "--push-auth-service-account=tipoff-push@nba-props-platform.iam.gserviceaccount.com \
         --push-auth-token-audience={URL}"
    );
    let job = |name: &str, cron: &str, path: &str, method: &str, body: &str| {
        format!(
            "gcloud scheduler jobs create http {name} {PROJECT} --location=us-west2 --schedule={cron} \
             --time-zone=America/Los_Angeles --uri={URL}{path} --http-method={method} --attempt-deadline=180s \
             --oidc-service-account-email=tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com \
             --oidc-token-audience={URL}{body} --headers=Content-Type=application/json"
        )
    };
    let (backup, retry) = (
        r#" --message-body={"trigger_source":"scheduler_backup"}"#,
        r#" --message-body={"trigger_source":"scheduler_retry"}"#,
    );
    let expected = [
        format!("gcloud pubsub topics create nba-dlq {PROJECT}"),
        format!(
            "gcloud pubsub topics create nba-phase4-precompute-complete {PROJECT} --message-retention-duration=86400s"
        ),
        format!("gcloud pubsub topics create prediction-request-prod {PROJECT}"),
        format!("gcloud pubsub topics create prediction-ready-prod {PROJECT}"),
        format!("gcloud pubsub topics create nba-phase5-predictions-complete {PROJECT}"),
        format!(
            "gcloud pubsub subscriptions create nba-dlq-sub --topic=nba-dlq {PROJECT} --ack-deadline=60 \
             --expiration-period=never --push-endpoint="
        ),
        format!(
            "gcloud pubsub subscriptions create nba-phase5-trigger-sub --topic=nba-phase4-precompute-complete {push} \
             --push-endpoint={URL}/trigger {identity}"
        ),
        format!(
            "gcloud pubsub subscriptions create prediction-ready-prod-sub --topic=prediction-ready-prod {push} \
             --push-endpoint={URL}/complete {identity}"
        ),
        job("phase5-daily-backup", "0 6 * * *", "/start", "POST", backup),
        job("phase5-retry-1", "15 6 * * *", "/retry", "POST", retry),
        job("phase5-retry-2", "30 6 * * *", "/retry", "POST", retry),
        job("phase5-status-check", "0 7 * * *", "/status", "GET", ""),
        job(
            "phase5-tick",
            "*/5 0-7 * * *",
            "/tick",
            "POST",
            " --message-body={}",
        ),
    ];
    let is_object = |call: &&String| {
        call.contains(" create ")
            && (call.starts_with("gcloud pubsub ") || call.starts_with("gcloud scheduler "))
    };
    let mut made: Vec<String> = calls.iter().filter(is_object).cloned().collect();
    let mut expected = expected.to_vec();
    made.sort();
    expected.sort();
    assert_eq!(made, expected);
}

const SERVICE: &str = "tipoff@nba-props-platform.iam.gserviceaccount.com";
const PUSH: &str = "tipoff-push@nba-props-platform.iam.gserviceaccount.com";
const SCHEDULER: &str = "tipoff-scheduler@nba-props-platform.iam.gserviceaccount.com";
/// Pub/Sub's own account, with the number that the recorder gives.
const AGENT: &str = "service-123456@gcp-sa-pubsub.iam.gserviceaccount.com";

#[test]
fn the_accounts_may_do_what_a_night_needs_and_no_more() {
    let folder = recorder(&["gcloud", "bq"]);
    fs::write(folder.path().join("deployed"), "").unwrap();
    let calls = run(&tipoff("gcloud", "frugal"), &[], folder.path());
    let account = |name: &str| format!("gcloud iam service-accounts create {name} {PROJECT}");
    let may = |what: &str, account: &str, role: &str| {
        format!("gcloud {what} --member=serviceAccount:{account} --role=roles/{role}")
    };
    let topic = |name: &str, account: &str| {
        let what = format!("pubsub topics add-iam-policy-binding {name} {PROJECT}");
        may(&what, account, "pubsub.publisher")
    };
    let subscription = |name: &str| {
        let what = format!("pubsub subscriptions add-iam-policy-binding {name} {PROJECT}");
        may(&what, AGENT, "pubsub.subscriber")
    };
    let invoke = |account: &str| {
        let service = "prediction-coordinator";
        let what =
            format!("run services add-iam-policy-binding {service} {PROJECT} --region=us-west2");
        may(&what, account, "run.invoker")
    };
    let project = |role: &str| {
        let what = "projects add-iam-policy-binding nba-props-platform";
        may(what, SERVICE, role) + " --condition=None"
    };
    let grant = |role: &str, dataset: &str| {
        format!(
            "bq query --project_id=nba-props-platform --use_legacy_sql=false GRANT `roles/bigquery.{role}` ON SCHEMA \
             `nba-props-platform`.`{dataset}` TO \"serviceAccount:{SERVICE}\""
        )
    };
    let mut expected = [
        account("tipoff"),
        account("tipoff-push"),
        account("tipoff-scheduler"),
        topic("prediction-request-prod", SERVICE),
        topic("nba-phase5-predictions-complete", SERVICE),
        topic("nba-dlq", AGENT),
        subscription("nba-phase5-trigger-sub"),
        subscription("prediction-ready-prod-sub"),
        invoke(PUSH),
        invoke(SCHEDULER),
        may(
            &format!("iam service-accounts add-iam-policy-binding {PUSH} {PROJECT}"),
            AGENT,
            "iam.serviceAccountTokenCreator",
        ),
        project("bigquery.jobUser"),
        project("pubsub.viewer"),
        project("cloudscheduler.viewer"),
        project("monitoring.viewer"),
        grant("dataEditor", "nba_reference"),
        grant("dataViewer", "nba_predictions"),
        grant("dataViewer", "nba_analytics"),
    ];
    let is_access = |call: &&String| {
        ["service-accounts create", "add-iam-policy-binding", "GRANT"]
            .iter()
            .any(|it| call.contains(it))
    };
    let mut made: Vec<String> = calls.iter().filter(is_access).cloned().collect();
    made.sort();
    expected.sort();
    assert_eq!(made, expected);
}

#[test]
fn dead_letters_that_nobody_looks_at_are_told() {
    let folder = recorder(&["gcloud", "bq"]);
    let calls = run(&tipoff("gcloud", "frugal"), &[], folder.path());
    let begin = format!("gcloud monitoring policies create {PROJECT} --policy=");
    let policies: Vec<_> = calls
        .iter()
        .filter_map(|it| it.strip_prefix(&begin))
        .collect();
    let [policy] = policies[..] else {
        panic!("{calls:#?}");
    };
    let policy: Value = serde_json::from_str(policy).unwrap();
    let condition = &policy["conditions"][0]["conditionThreshold"];
    assert_eq!(
        condition["filter"],
        "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND \
         resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=\"nba-dlq-sub\""
    );
    assert_eq!(condition["comparison"], "COMPARISON_GT");
    assert_eq!(condition["thresholdValue"], 0);
}

#[test]
fn the_second_run_creates_nothing() {
    let folder = recorder(&["gcloud", "bq"]);
    fs::write(folder.path().join("found"), "").unwrap();
    let calls = run(&tipoff("gcloud", "always-on"), &[], folder.path());
    let created: Vec<_> = calls.iter().filter(|it| it.contains(" create ")).collect();
    assert!(created.is_empty(), "{created:?}");
    let updated = calls.iter().filter(|it| it.contains(" update ")).count();
    // One topic with an option, three subscriptions, four jobs, one alert policy.
    assert_eq!(updated, 9, "{calls:#?}");
    assert!(!calls.iter().any(|call| call.contains("phase5-tick")));
}

#[test]
fn the_way_back_gives_the_pushes_away_and_takes_them_back_and_deletes_nothing() {
    let folder = recorder(&["gcloud", "bq"]);
    let script = tipoff("rollback", "always-on");
    assert!(!script.contains(" delete "));
    let away = run(
        &script,
        &["whole", "https://old.example.com/"],
        folder.path(),
    );
    assert_eq!(
        away.iter().filter(|it| it.contains("jobs pause")).count(),
        4
    );
    has(
        &away,
        &format!(
            "gcloud pubsub subscriptions modify-push-config nba-phase5-trigger-sub {PROJECT} \
             --push-endpoint=https://old.example.com/trigger \
             --push-auth-service-account=tipoff-push@nba-props-platform.iam.gserviceaccount.com \
             --push-auth-token-audience=https://old.example.com"
        ),
    );
    let back = run(&script, &["undo"], folder.path());
    assert_eq!(
        back.iter().filter(|it| it.contains("jobs resume")).count(),
        4
    );
    let ours = format!("--push-endpoint={URL}/trigger");
    assert!(back.iter().any(|call| call.contains(&ours)), "{back:?}");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whether to write the files is asked of the person who runs the test"
)]
fn the_files_in_deploy_are_what_the_command_prints() {
    for profile in ["always-on", "frugal"] {
        let files = [
            ("gcloud", format!("{profile}-gcloud.sh")),
            ("terraform", format!("{profile}.tf.json")),
            ("rollback", format!("{profile}-rollback.sh")),
            ("cloud-run", format!("{profile}-cloud-run.yaml")),
            ("kubernetes", format!("{profile}-kubernetes.yaml")),
            ("systemd", "tipoff.service".to_owned()),
        ];
        for (form, file) in files {
            let path = format!("{ROOT}/deploy/{file}");
            let text = tipoff(form, profile);
            if std::env::var_os("TIPOFF_REGENERATE").is_some() {
                fs::write(&path, &text).unwrap();
            }
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == text,
                "{path} is stale: set TIPOFF_REGENERATE=1 and run this test"
            );
        }
    }
}

#[test]
fn without_an_address_the_plan_says_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tipoff.toml");
    fs::write(&config, "[google]\nproject = \"nba-props-platform\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tipoff"))
        .args(["infra", "plan", "--config"])
        .arg(&config)
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("public_url"), "{said}");
}
