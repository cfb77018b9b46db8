//! The way back, path by path: a script that stops calls or hands them to the previous coordinator, and undoes that.
//!
//! It deletes nothing: a subscription without an address keeps its messages, a paused job keeps its options.

use super::{
    gcloud::pushed,
    plan::{Delivery, Plan},
    shell::{option, quote},
};

/// How the script is called.
const HEAD: &str = r#"#!/usr/bin/env bash
# Written by `tipoff infra rollback`. Deletes nothing. Call it with one of:
#   events                stop the pushes; Pub/Sub keeps the messages
#   schedule              pause the jobs of Cloud Scheduler
#   whole PREVIOUS_URL    pause the jobs, give the pushes to the previous coordinator
#   undo                  give the pushes back to this service, resume the jobs
set -euo pipefail

step() { printf '== %s\n' "$*"; }
"#;
/// What is done for each word; the functions are written above it.
const TAIL: &str = r#"
case "${1:-}" in
  events) stop_events ;;
  schedule) pause_schedule ;;
  whole)
    : "${2:?name the address of the previous coordinator}"
    pause_schedule
    hand_over "${2%/}"
    ;;
  undo)
    take_back
    resume_schedule
    ;;
  *)
    echo 'call it with events, schedule, whole PREVIOUS_URL or undo' >&2
    exit 2
    ;;
esac
"#;

/// The whole script.
pub fn render(plan: &Plan) -> String {
    let functions = [
        (
            "stop_events",
            pushes(plan, |_| vec!["--push-endpoint=".to_owned()]),
        ),
        ("take_back", pushes(plan, pushed)),
        (
            "hand_over",
            pushes(plan, |delivery| previous(delivery, plan)),
        ),
        ("pause_schedule", jobs(plan, "pause")),
        ("resume_schedule", jobs(plan, "resume")),
    ];
    let functions = functions.map(|(name, body)| format!("\n{name}() {{\n{body}}}\n"));
    format!("{HEAD}{}{TAIL}", functions.concat())
}

fn pushes(plan: &Plan, options: impl Fn(&Delivery) -> Vec<String>) -> String {
    let mut lines = "  step 'subscriptions'\n".to_owned();
    for subscription in plan.own_subscriptions() {
        let (Delivery::Push { .. }, Some(name)) = (&subscription.delivery, &subscription.name)
        else {
            continue;
        };
        lines += &format!(
            "  gcloud pubsub subscriptions modify-push-config {} {} {}\n",
            quote(name),
            option("--project", &plan.project),
            options(&subscription.delivery).join(" ")
        );
    }
    lines
}

/// The same path and account at the address that the script is called with.
fn previous(delivery: &Delivery, plan: &Plan) -> Vec<String> {
    let Delivery::Push {
        endpoint, account, ..
    } = delivery
    else {
        return Vec::new();
    };
    let base = plan.url.as_deref().unwrap_or_default();
    let path = endpoint.strip_prefix(base).unwrap_or_default();
    vec![
        format!("--push-endpoint=\"$1\"{}", quote(path)),
        option("--push-auth-service-account", account),
        "--push-auth-token-audience=\"$1\"".to_owned(),
    ]
}

fn jobs(plan: &Plan, verb: &str) -> String {
    let mut lines = format!("  step '{verb} the schedule'\n");
    for job in &plan.jobs {
        lines += &format!(
            "  gcloud scheduler jobs {verb} {} {} {}\n",
            quote(&job.name),
            option("--project", &plan.project),
            option("--location", &plan.region)
        );
    }
    lines
}
