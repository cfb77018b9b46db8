//! The plan for Terraform, in its JSON syntax: the same objects as `gcloud` makes, under the same names.
//!
//! Terraform owns what it makes: objects that are there already are imported first. Which objects, `plan` says.

use serde_json::{Map, Value, json};

use super::plan::{
    Binding, DeadLetterAlert, Delivery, Job, Plan, Resource, Subscription, SubscriptionOwner, Topic,
};

/// The whole text, to be kept as `main.tf.json`.
pub fn render(plan: &Plan) -> String {
    let mut made = Made::default();
    for account in &plan.accounts {
        let body = json!({"account_id": text(&account.name)});
        made.add("google_service_account", &account.name, body);
    }
    for it in &plan.topics {
        made.add("google_pubsub_topic", &it.name, topic(it));
    }
    for it in plan.own_subscriptions() {
        if let Some(name) = &it.name {
            made.add(
                "google_pubsub_subscription",
                name,
                subscription(name, it, plan),
            );
        }
    }
    for it in &plan.jobs {
        made.add("google_cloud_scheduler_job", &it.name, job(it, plan));
    }
    for it in &plan.bindings {
        let (kind, on, body) = binding(it, plan);
        let member = it.account.split('@').next().unwrap_or_default();
        made.add(kind, &format!("{on}-{}-{member}", it.role), body);
    }
    let alert = &plan.alert;
    made.add(
        "google_monitoring_alert_policy",
        &alert.subscription,
        policy(alert),
    );
    let document = json!({
        "//": notes(plan),
        "terraform": {
            "required_version": ">= 1.3",
            "required_providers": {"google": {"source": "hashicorp/google", "version": ">= 5.0"}},
        },
        "provider": {"google": {"project": text(&plan.project), "region": text(&plan.region)}},
        "data": {"google_project": {"project": {"project_id": text(&plan.project)}}},
        "resource": made.0,
    });
    format!("{document:#}\n")
}

/// What the text cannot make, said at its head.
fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = vec![
        "Written by `tipoff infra terraform`: change the configuration, not this file.".to_owned(),
        "Deploy the service before it is applied: who may call it is set on the service."
            .to_owned(),
    ];
    let others = plan.subscriptions.iter();
    notes.extend(
        others
            .filter(|it| it.owner == SubscriptionOwner::Workers)
            .map(|it| {
                format!(
                    "The workers subscribe to {} by themselves: without that, requests are lost.",
                    it.topic
                )
            }),
    );
    notes
}

/// Resources by kind and name.
#[derive(Default)]
struct Made(Map<String, Value>);

impl Made {
    fn add(&mut self, kind: &str, name: &str, body: Value) {
        let of_kind = self.0.entry(kind).or_insert_with(|| json!({}));
        of_kind[identifier(name)] = body;
    }
}

/// A name that Terraform takes: letters, digits, `_` and `-`, not beginning with a digit.
fn identifier(name: &str) -> String {
    let fit = |it: char| {
        if it.is_ascii_alphanumeric() || it == '-' {
            it
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(fit).collect();
    if name.starts_with(|it: char| it.is_ascii_digit() || it == '-') {
        return format!("_{name}");
    }
    name
}

/// A text as it is: Terraform takes `${` and `%{` for the beginning of an expression.
fn text(plain: &str) -> String {
    plain.replace("${", "$${").replace("%{", "%%{")
}

/// The value of another resource.
fn of(kind: &str, name: &str, attribute: &str) -> String {
    format!("${{{kind}.{}.{attribute}}}", identifier(name))
}

fn topic(topic: &Topic) -> Value {
    let mut body = json!({"name": text(&topic.name)});
    if let Some(seconds) = topic.retention_seconds {
        body["message_retention_duration"] = json!(format!("{seconds}s"));
    }
    body
}

fn subscription(name: &str, it: &Subscription, plan: &Plan) -> Value {
    let mut body = json!({
        "name": text(name),
        "topic": of("google_pubsub_topic", &it.topic, "id"),
        "ack_deadline_seconds": it.ack_deadline_seconds,
        // Empty: it never expires.
        "expiration_policy": {"ttl": ""},
    });
    if let Some([least, most]) = it.retry_seconds {
        body["retry_policy"] = json!({
            "minimum_backoff": format!("{least}s"),
            "maximum_backoff": format!("{most}s"),
        });
    }
    if let Some(dead) = &it.dead_letter {
        body["dead_letter_policy"] = json!({
            "dead_letter_topic": of("google_pubsub_topic", &dead.topic, "id"),
            "max_delivery_attempts": dead.deliveries_max,
        });
    }
    if let Delivery::Push {
        endpoint,
        account,
        audience,
    } = &it.delivery
    {
        body["push_config"] = json!({
            "push_endpoint": text(endpoint),
            "oidc_token": {"service_account_email": text(account), "audience": text(audience)},
        });
        body["depends_on"] = accounts(&[account], plan);
    }
    body
}

fn job(job: &Job, plan: &Plan) -> Value {
    let mut target = json!({
        "uri": text(&job.uri),
        "http_method": job.method,
        "headers": {"Content-Type": "application/json"},
        "oidc_token": {
            "service_account_email": text(&job.account),
            "audience": text(&job.audience),
        },
    });
    if let Some(body) = &job.body {
        // In an expression a text stands in quotes, escaped as in JSON.
        target["body"] = json!(format!("${{base64encode({})}}", json!(text(body))));
    }
    json!({
        "name": text(&job.name),
        "schedule": text(&job.cron),
        "time_zone": text(&job.zone),
        "attempt_deadline": format!("{}s", job.attempt_deadline_seconds),
        "http_target": target,
        "depends_on": accounts(&[&job.account], plan),
    })
}

/// The kind of resource, what it is given on, and the resource.
fn binding(binding: &Binding, plan: &Plan) -> (&'static str, String, Value) {
    let number = "${data.google_project.project.number}";
    let account = text(&binding.account).replace("PROJECT_NUMBER", number);
    let mut body = json!({
        "role": binding.role,
        "member": format!("serviceAccount:{account}"),
    });
    let (kind, on, place) = match &binding.resource {
        Resource::Project => (
            "google_project_iam_member",
            "project".to_owned(),
            vec![("project", text(&plan.project))],
        ),
        Resource::Topic(name) => (
            "google_pubsub_topic_iam_member",
            name.clone(),
            vec![("topic", of("google_pubsub_topic", name, "name"))],
        ),
        Resource::Subscription(name) => (
            "google_pubsub_subscription_iam_member",
            name.clone(),
            vec![(
                "subscription",
                of("google_pubsub_subscription", name, "name"),
            )],
        ),
        Resource::Service(name) => (
            "google_cloud_run_service_iam_member",
            name.clone(),
            vec![("service", text(name)), ("location", text(&plan.region))],
        ),
        Resource::Account(email) => {
            let id = format!("projects/{}/serviceAccounts/{email}", plan.project);
            (
                "google_service_account_iam_member",
                email.clone(),
                vec![("service_account_id", text(&id))],
            )
        }
        Resource::Dataset { project, name } => (
            "google_bigquery_dataset_iam_member",
            format!("{project}-{name}"),
            vec![("project", text(project)), ("dataset_id", text(name))],
        ),
    };
    for (key, value) in place {
        body[key] = json!(value);
    }
    let mut needed = vec![binding.account.as_str()];
    if let Resource::Account(email) = &binding.resource {
        needed.push(email);
    }
    body["depends_on"] = accounts(&needed, plan);
    (kind, on, body)
}

/// Which of these accounts are made here, and so before what names them.
fn accounts(emails: &[&str], plan: &Plan) -> Value {
    let made = plan.accounts.iter();
    let named = made.filter(|it| emails.contains(&it.email.as_str()));
    named
        .map(|it| format!("google_service_account.{}", identifier(&it.name)))
        .collect()
}

fn policy(alert: &DeadLetterAlert) -> Value {
    json!({
        "display_name": text(&alert.name),
        "combiner": "OR",
        "conditions": {
            "display_name": text(&alert.name),
            "condition_threshold": {
                "filter": text(&alert.filter()),
                "comparison": "COMPARISON_GT",
                "threshold_value": 0,
                "duration": "0s",
                "aggregations": {"alignment_period": "60s", "per_series_aligner": "ALIGN_MAX"},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{identifier, text};

    #[test]
    fn what_terraform_would_read_as_an_expression_stays_text() {
        assert_eq!(text("a ${b} %{c} $d"), "a $${b} %%{c} $d");
    }

    #[test]
    fn names_are_fit_for_terraform() {
        let names = ["nba-dlq", "a.b@c", "9lives", "-x"].map(identifier);
        assert_eq!(names, ["nba-dlq", "a_b_c", "_9lives", "_-x"]);
    }
}
