//! Dead letters: whether they have a place, and whether any wait there.
//!
//! After how many deliveries a message goes there belongs to `subscriptions`.

use chrono::TimeDelta;

use super::{
    Look,
    ask::{Project, Why},
    measured, mend,
    subscriptions::DELETED_TOPIC,
};
use crate::domain::{
    Instant,
    wiring::{Check, Finding},
};

/// How far back a depth may lie: it is sampled every minute and shown up to four minutes later
/// (<https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub>).
const MEASURED_WITHIN: TimeDelta = TimeDelta::minutes(10);
const UNDELIVERED: &str = "pubsub.googleapis.com/subscription/num_undelivered_messages";

/// Looks at the topic, its subscription, and how many messages wait there.
pub async fn look(look: &Look<'_>) -> Vec<Finding> {
    if look.wanted.subscriptions.is_empty() {
        return Vec::new();
    }
    let project = look.project;
    let (topic, subscription, depth) = tokio::join!(
        topic(project),
        subscription(project),
        waiting(project, look.now)
    );
    vec![topic, subscription, depth]
}

async fn topic(project: &Project) -> Finding {
    let name = &project.google.dead_letters.topic;
    let endpoint = &project.google.endpoints.pubsub;
    match project.object(endpoint, &project.topic(name)).await {
        Err(why) => Finding::could_not_ask(Check::DeadLetters, name, why),
        Ok(Some(_)) => Finding::ok(Check::DeadLetters, name, "the topic is there"),
        Ok(None) => Finding::wrong(
            Check::DeadLetters,
            name,
            "the topic is not there",
            mend::create_topic(project, name),
        ),
    }
}

async fn subscription(project: &Project) -> Finding {
    let dead = &project.google.dead_letters;
    let name = &dead.subscription;
    let endpoint = &project.google.endpoints.pubsub;
    let mend = mend::create_pulled(project, (name, &dead.topic));
    let wrong = |text: String| Finding::wrong(Check::DeadLetters, name, text, mend.clone());
    match project.object(endpoint, &project.subscription(name)).await {
        Err(why) => Finding::could_not_ask(Check::DeadLetters, name, why),
        Ok(None) => wrong("the subscription is not there: dead letters are lost".to_owned()),
        Ok(Some(it)) if it["topic"].as_str().is_none_or(str::is_empty) => {
            let why = "the answer does not name the subscription's topic";
            Finding::could_not_ask(Check::DeadLetters, name, why)
        }
        Ok(Some(it)) if it["topic"] == DELETED_TOPIC || it["detached"] == true => {
            wrong("it gets nothing any more: dead letters are lost".to_owned())
        }
        Ok(Some(it)) if it["topic"] != project.topic(&dead.topic) => wrong(format!(
            "it belongs to {}, not to {}",
            it["topic"], dead.topic
        )),
        Ok(Some(_)) => Finding::ok(Check::DeadLetters, name, "it keeps the dead letters"),
    }
}

async fn waiting(project: &Project, now: Instant) -> Finding {
    let subject = format!("waiting in {}", project.google.dead_letters.subscription);
    match depth(project, now).await {
        Err(why) => Finding::could_not_ask(Check::DeadLetters, subject, why),
        Ok(0) => Finding::ok(Check::DeadLetters, subject, "no dead letters wait"),
        Ok(depth) => Finding::wrong(
            Check::DeadLetters,
            subject,
            format!("dead letters waiting: {depth}"),
            mend::look_at_dead_letters(project),
        ),
    }
}

async fn depth(project: &Project, now: Instant) -> Result<i64, Why> {
    let name = &project.google.dead_letters.subscription;
    let filter =
        format!("metric.type=\"{UNDELIVERED}\" AND resource.labels.subscription_id=\"{name}\"");
    let path = measured::path(project, &filter, (now - MEASURED_WITHIN, now));
    let endpoint = &project.google.endpoints.monitoring;
    let series = project.list(endpoint, (&path, "timeSeries")).await?;
    let Some(one) = series.first() else {
        return Err("monitoring has no number for it".to_owned());
    };
    if one["resource"]["labels"]["subscription_id"] != name.as_str() {
        return Err("monitoring answered for another subscription".to_owned());
    }
    let newest = measured::values(one)?.first().copied();
    newest.ok_or_else(|| "monitoring has no number for it".to_owned())
}
