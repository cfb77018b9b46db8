//! The plan as a script of `gcloud` commands that may be run again and again.
//!
//! It creates what is missing and brings the rest up to date; it deletes nothing. Taking back belongs to `rollback`.

use serde_json::json;

use super::{
    plan::{Binding, Delivery, Job, Plan, Resource, Subscription, SubscriptionOwner},
    shell::{option, quote},
};

/// What the script begins with; a step is told before it is done.
const HEAD: &str = r#"#!/usr/bin/env bash
# Written by `tipoff infra gcloud`. Creates what is missing, brings the rest up to date, deletes nothing; run it again
# after every change. Needs gcloud, and bq where tables are asked.
set -euo pipefail

step() { printf '== %s\n' "$*"; }
"#;

/// The whole script.
pub fn render(plan: &Plan) -> String {
    let mut script = HEAD.to_owned();
    let project = option("--project", &plan.project);
    script += &format!(
        "PROJECT_NUMBER=$(gcloud projects describe {} --format='value(projectNumber)')\n",
        quote(&plan.project)
    );
    for account in &plan.accounts {
        script += &step(&format!("service account {}", account.email));
        script += &format!(
            "gcloud iam service-accounts describe {} {project} >/dev/null 2>&1 ||\n  gcloud iam service-accounts create {} {project}\n",
            quote(&account.email),
            quote(&account.name)
        );
    }
    for topic in &plan.topics {
        let retention = topic
            .retention_seconds
            .map(|seconds| format!(" --message-retention-duration={seconds}s"));
        let options = format!("{project}{}", retention.clone().unwrap_or_default());
        let object = format!("pubsub topics {{}} {}", quote(&topic.name));
        script += &step(&format!("topic {}", topic.name));
        script += &made(
            &object,
            &project,
            &options,
            retention.map(|_| options.as_str()),
        );
    }
    for subscription in &plan.subscriptions {
        script += &subscribed(subscription, &project);
    }
    for job in &plan.jobs {
        script += &scheduled(job, plan, &project);
    }
    for binding in &plan.bindings {
        script += &bound(binding, plan, &project);
    }
    script + &watched(plan, &project)
}

fn step(what: &str) -> String {
    format!("\nstep {}\n", quote(what))
}

/// Describe it; then update it, or create it where it is not there. `object` has `{}` in place of the verb.
fn made(object: &str, place: &str, create: &str, update: Option<&str>) -> String {
    let verb = |verb: &str| object.replacen("{}", verb, 1);
    let update = match update {
        Some(options) => format!("gcloud {} {options}", verb("update")),
        None => "echo 'there already, nothing to set'".to_owned(),
    };
    format!(
        "if gcloud {} {place} >/dev/null 2>&1; then\n  {update}\nelse\n  gcloud {} {create}\nfi\n",
        verb("describe"),
        verb("create"),
    )
}

fn subscribed(subscription: &Subscription, project: &str) -> String {
    let topic = quote(&subscription.topic);
    let (SubscriptionOwner::Ours, Some(name)) = (subscription.owner, &subscription.name) else {
        let told = step(&format!(
            "the workers' subscription to {}",
            subscription.topic
        ));
        let missing = quote("warning: nobody subscribes to it: requests would be lost");
        return format!(
            "{told}SUBSCRIBERS=$(gcloud pubsub topics list-subscriptions {topic} {project})\n\
             [ -n \"$SUBSCRIBERS\" ] || echo {missing} >&2\n"
        );
    };
    let mut options = vec![
        project.to_owned(),
        format!("--ack-deadline={}", subscription.ack_deadline_seconds),
        "--expiration-period=never".to_owned(),
    ];
    if let Some([least, most]) = subscription.retry_seconds {
        options.push(format!("--min-retry-delay={least}s"));
        options.push(format!("--max-retry-delay={most}s"));
    }
    if let Some(dead) = &subscription.dead_letter {
        options.push(option("--dead-letter-topic", &dead.topic));
        options.push(format!("--max-delivery-attempts={}", dead.deliveries_max));
    }
    options.extend(pushed(&subscription.delivery));
    let options = options.join(" ");
    let create = format!("--topic={topic} {options}");
    let object = format!("pubsub subscriptions {{}} {}", quote(name));
    step(&format!("subscription {name}")) + &made(&object, project, &create, Some(&options))
}

/// The options of a push; an empty endpoint means that messages are fetched.
pub(super) fn pushed(delivery: &Delivery) -> Vec<String> {
    match delivery {
        Delivery::Pull => vec!["--push-endpoint=".to_owned()],
        Delivery::Push {
            endpoint,
            account,
            audience,
        } => vec![
            option("--push-endpoint", endpoint),
            option("--push-auth-service-account", account),
            option("--push-auth-token-audience", audience),
        ],
    }
}

fn scheduled(job: &Job, plan: &Plan, project: &str) -> String {
    let place = format!("{project} {}", option("--location", &plan.region));
    let mut options = vec![
        place.clone(),
        option("--schedule", &job.cron),
        option("--time-zone", &job.zone),
        option("--uri", &job.uri),
        option("--http-method", job.method),
        format!("--attempt-deadline={}s", job.attempt_deadline_seconds),
        option("--oidc-service-account-email", &job.account),
        option("--oidc-token-audience", &job.audience),
    ];
    options.extend(job.body.iter().map(|body| option("--message-body", body)));
    let options = options.join(" ");
    let name = quote(&job.name);
    let told = step(&format!("scheduler job {}", job.name));
    format!(
        "{told}if gcloud scheduler jobs describe {name} {place} >/dev/null 2>&1; then\n  \
         gcloud scheduler jobs update http {name} {options} --update-headers=Content-Type=application/json\n\
         else\n  \
         gcloud scheduler jobs create http {name} {options} --headers=Content-Type=application/json\nfi\n"
    )
}

fn bound(binding: &Binding, plan: &Plan, project: &str) -> String {
    let account = binding
        .account
        .replace("PROJECT_NUMBER", "'\"$PROJECT_NUMBER\"'");
    let member = if account == binding.account {
        option("--member", &format!("serviceAccount:{account}"))
    } else {
        // The account's own characters are letters, digits, - and dots; only the number is the shell's to fill in.
        format!("--member='serviceAccount:{account}'")
    };
    let role = format!("{member} --role={}", binding.role);
    let add = "add-iam-policy-binding";
    let line = match &binding.resource {
        Resource::Project => format!(
            "gcloud projects {add} {} {role} --condition=None",
            quote(&plan.project)
        ),
        Resource::Topic(name) => {
            format!(
                "gcloud pubsub topics {add} {} {project} {role}",
                quote(name)
            )
        }
        Resource::Subscription(name) => {
            let name = quote(name);
            format!("gcloud pubsub subscriptions {add} {name} {project} {role}")
        }
        Resource::Service(name) => {
            let place = format!(
                "{} {project} {}",
                quote(name),
                option("--region", &plan.region)
            );
            let missing =
                quote("warning: the service is not deployed yet: run this again afterwards");
            format!(
                "if gcloud run services describe {place} >/dev/null 2>&1; then\n  \
                 gcloud run services {add} {place} {role}\nelse\n  echo {missing} >&2\nfi"
            )
        }
        Resource::Account(email) => {
            let email = quote(email);
            format!("gcloud iam service-accounts {add} {email} {project} {role}")
        }
        Resource::Dataset {
            project: data,
            name,
        } => {
            let grant = format!(
                "GRANT `{}` ON SCHEMA `{data}`.`{name}` TO \"serviceAccount:{}\"",
                binding.role, binding.account
            );
            format!(
                "bq query {} --use_legacy_sql=false {}",
                option("--project_id", &plan.project),
                quote(&grant)
            )
        }
    };
    step(&format!("{} for {}", binding.role, binding.account)) + &line + "\n"
}

fn watched(plan: &Plan, project: &str) -> String {
    let alert = &plan.alert;
    let policy = json!({
        "displayName": alert.name,
        "combiner": "OR",
        "conditions": [{
            "displayName": alert.name,
            "conditionThreshold": {
                "filter": alert.filter(),
                "comparison": "COMPARISON_GT",
                "thresholdValue": 0,
                "duration": "0s",
                "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MAX"}],
            },
        }],
    });
    let filter = option("--filter", &format!("display_name=\"{}\"", alert.name));
    let policy = option("--policy", &policy.to_string());
    let told = step(&format!("alert policy {}", alert.name));
    format!(
        "{told}POLICY=$(gcloud monitoring policies list {project} {filter} --format='value(name)')\n\
         if [ -n \"$POLICY\" ]; then\n  gcloud monitoring policies update \"$POLICY\" {project} {policy}\n\
         else\n  gcloud monitoring policies create {project} {policy}\nfi\n"
    )
}
