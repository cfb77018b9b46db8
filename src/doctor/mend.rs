//! The commands that mend what is wrong on Google Cloud, each to be pasted as it is.
//!
//! Whether something is wrong belongs to each check.

use super::{ask::Project, wanted::Subscription};
use crate::infra::plan::Job;

/// A text as a shell takes it: in quotes where it holds anything special.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@=,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Makes a topic.
pub fn create_topic(project: &Project, name: &str) -> String {
    let project = &project.google.project;
    format!("gcloud pubsub topics create {name} --project={project}")
}

/// Makes a subscription that keeps messages until somebody reads them.
pub fn create_pulled(project: &Project, (name, topic): (&str, &str)) -> String {
    let project = &project.google.project;
    format!(
        "gcloud pubsub subscriptions create {name} --topic={topic} --expiration-period=never --project={project}"
    )
}

/// Makes one of our subscriptions.
pub fn create_subscription(project: &Project, wanted: &Subscription) -> String {
    let Subscription { name, topic, .. } = wanted;
    format!(
        "gcloud pubsub subscriptions create {name} --topic={topic} {}",
        options(project, wanted)
    )
}

/// Brings one of our subscriptions to what it ought to be.
pub fn update_subscription(project: &Project, wanted: &Subscription) -> String {
    format!(
        "gcloud pubsub subscriptions update {} {}",
        wanted.name,
        options(project, wanted)
    )
}

/// Makes one of our subscriptions anew: its topic cannot be changed.
pub fn replace_subscription(project: &Project, wanted: &Subscription) -> String {
    let Subscription { name, .. } = wanted;
    format!(
        "gcloud pubsub subscriptions delete {name} --project={} && {}",
        project.google.project,
        create_subscription(project, wanted)
    )
}

fn options(project: &Project, wanted: &Subscription) -> String {
    let google = &project.google;
    let mut options = Vec::new();
    if let Some(endpoint) = &wanted.endpoint {
        options.push(format!("--push-endpoint={}", quoted(endpoint)));
        let account = google.identity.push_accounts.first();
        options.extend(account.map(|it| format!("--push-auth-service-account={it}")));
        let audience = google.identity.audience.as_ref();
        options.extend(audience.map(|it| format!("--push-auth-token-audience={}", quoted(it))));
    }
    let dead = &google.dead_letters;
    options.extend([
        format!("--ack-deadline={}", super::subscriptions::ACK_SECONDS),
        "--min-retry-delay=10s --max-retry-delay=600s".to_owned(),
        format!(
            "--dead-letter-topic={} --max-delivery-attempts={}",
            dead.topic, dead.deliveries_max
        ),
        "--expiration-period=never".to_owned(),
        format!("--project={}", google.project),
    ]);
    options.join(" ")
}

/// Makes a job, or brings it to what it ought to be.
pub fn job(project: &Project, wanted: &Job, verb: &str) -> String {
    let google = &project.google;
    let Job {
        name,
        cron,
        zone,
        method,
        uri,
        ..
    } = wanted;
    let mut text = format!(
        "gcloud scheduler jobs {verb} http {name} --schedule={} --time-zone={zone} --uri={} --http-method={method}",
        quoted(cron),
        quoted(uri),
    );
    if let Some(body) = &wanted.body {
        let headers = if verb == "create" {
            "--headers"
        } else {
            "--update-headers"
        };
        text += &format!(
            " --message-body={} {headers}=Content-Type=application/json",
            quoted(body)
        );
    }
    if let Some(account) = google.identity.scheduler_accounts.first() {
        text += &format!(" --oidc-service-account-email={account}");
    }
    if let Some(audience) = &google.identity.audience {
        text += &format!(" --oidc-token-audience={}", quoted(audience));
    }
    text += &format!(
        " --attempt-deadline=180s --location={} --project={}",
        google.region, google.project
    );
    text
}

/// Does something with a job by its name: `resume`, `run`, `describe`.
pub fn of_job(project: &Project, name: &str, verb: &str) -> String {
    let google = &project.google;
    format!(
        "gcloud scheduler jobs {verb} {name} --location={} --project={}",
        google.region, google.project
    )
}

/// Gives the service's account a role on a topic, a subscription or the whole project.
pub fn bind(project: &Project, on: On<'_>, role: &str) -> String {
    let google = &project.google;
    let member = format!("serviceAccount:{}", google.identity.service_account);
    let id = &google.project;
    match on {
        On::Topic(name) => format!(
            "gcloud pubsub topics add-iam-policy-binding {name} --member={member} --role={role} --project={id}"
        ),
        On::Subscription(name) => format!(
            "gcloud pubsub subscriptions add-iam-policy-binding {name} --member={member} --role={role} --project={id}"
        ),
        On::Project => {
            format!("gcloud projects add-iam-policy-binding {id} --member={member} --role={role}")
        }
    }
}

/// What a role is given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On<'a> {
    /// A topic.
    Topic(&'a str),
    /// A subscription.
    Subscription(&'a str),
    /// The whole project.
    Project,
}

/// Shows the dead letters without taking them away.
pub fn look_at_dead_letters(project: &Project) -> String {
    let google = &project.google;
    format!(
        "gcloud pubsub subscriptions pull {} --limit=10 --format=json --project={}",
        google.dead_letters.subscription, google.project
    )
}
