//! Topics: whether each is there, has readers, and is the one that the upstream publishes to.
//!
//! Our own subscriptions are looked at by `subscriptions`.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::Value;

use super::{
    Look,
    ask::{Project, Why, encoded},
    measured, mend,
    wanted::Topic,
};
use crate::domain::{
    Instant,
    wiring::{Check, Finding},
};

/// How far back publishing is looked for: a night and the two hours that it may differ from the one before.
const PUBLISHED_WITHIN: TimeDelta = TimeDelta::hours(26);
/// What counts publish requests (<https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub>).
const PUBLISHES: &str = "pubsub.googleapis.com/topic/send_request_count";

/// Looks at every topic.
pub async fn look(look: &Look<'_>) -> Vec<Finding> {
    let (project, topics) = (look.project, &look.wanted.topics);
    let (listed, found) = tokio::join!(
        others(look),
        join_all(topics.iter().map(|topic| one(project, topic)))
    );
    let mut findings: Vec<Finding> = Vec::new();
    for (topic, mut finding) in topics.iter().zip(found) {
        let near = listed
            .as_ref()
            .ok()
            .and_then(|all| nearest(&topic.name, all));
        if let (Some(near), Some(_)) = (near, &finding.mend)
            && finding.text == NOT_THERE
        {
            finding.text = format!("{NOT_THERE}; {near} is: was that meant?");
        }
        findings.push(finding);
    }
    if topics.iter().any(|it| it.published_by_others) {
        findings.extend(publishing(look, listed.as_ref().ok()).await);
    }
    findings
}

/// The topics of the project that this configuration does not name.
async fn others(look: &Look<'_>) -> Result<Vec<Value>, Why> {
    let google = &look.project.google;
    let path = format!("/projects/{}/topics", google.project);
    let endpoint = &google.endpoints.pubsub;
    let mut listed = look.project.list(endpoint, (&path, "topics")).await?;
    let ours = |it: &Value| {
        let name = it["name"].as_str().and_then(|it| it.rsplit('/').next());
        let mut names = look.wanted.topics.iter().map(|it| it.name.as_str());
        name.is_some_and(|name| names.any(|it| it == name))
    };
    listed.retain(|it| !ours(it));
    Ok(listed)
}

const NOT_THERE: &str = "the topic is not there";

async fn one(project: &Project, topic: &Topic) -> Finding {
    let name = topic.name.as_str();
    let whole = project.topic(name);
    let endpoint = &project.google.endpoints.pubsub;
    match project.object(endpoint, &whole).await {
        Err(why) => return Finding::could_not_ask(Check::Topics, name, why),
        Ok(None) => {
            let mend = mend::create_topic(project, name);
            return Finding::wrong(Check::Topics, name, NOT_THERE, mend);
        }
        Ok(Some(_)) => {}
    }
    if !topic.needs_readers {
        return Finding::ok(Check::Topics, name, "the topic is there");
    }
    match readers(project, &whole).await {
        Err(why) => Finding::could_not_ask(Check::Topics, name, why),
        Ok(0) => {
            let own = format!("{name}-sub");
            Finding::wrong(
                Check::Topics,
                name,
                "the topic has no live subscription: whatever is published there reaches nobody",
                mend::create_pulled(project, (&own, name)),
            )
        }
        Ok(live) => Finding::ok(Check::Topics, name, format!("live subscriptions: {live}")),
    }
}

/// How many subscriptions of a topic are attached and know their topic.
async fn readers(project: &Project, topic: &str) -> Result<usize, Why> {
    let endpoint = &project.google.endpoints.pubsub;
    let path = format!("/{topic}/subscriptions");
    let names = project.list(endpoint, (&path, "subscriptions")).await?;
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let all = join_all(names.iter().map(|name| project.object(endpoint, name))).await;
    let mut live = 0;
    for one in all {
        let is_live = |it: &Value| it["topic"] == topic && it["detached"] != true;
        live += usize::from(one?.as_ref().is_some_and(is_live));
    }
    Ok(live)
}

/// Whether somebody publishes to the topics that the upstream ought to publish to.
async fn publishing(look: &Look<'_>, listed: Option<&Vec<Value>>) -> Vec<Finding> {
    let topics = look
        .wanted
        .topics
        .iter()
        .filter(|it| it.published_by_others);
    let subject = |topic: &Topic| format!("publishers of {}", topic.name);
    if !look.games_within(PUBLISHED_WITHIN) {
        let ok = |it| {
            Finding::ok(
                Check::Topics,
                subject(it),
                "no games lately: nothing to publish",
            )
        };
        return topics.map(ok).collect();
    }
    let counted = published(look.project, look.now).await;
    let judge = |topic: &Topic| match &counted {
        Err(why) => Finding::could_not_ask(Check::Topics, subject(topic), why),
        // Without a single series it is not known whether anything is measured at all.
        Ok(names) if names.is_empty() => Finding::could_not_ask(
            Check::Topics,
            subject(topic),
            "monitoring shows no publishing on any topic of the project",
        ),
        Ok(names) if names.contains(&topic.name) => {
            let hours = PUBLISHED_WITHIN.num_hours();
            let text = format!("somebody published within {hours} h");
            Finding::ok(Check::Topics, subject(topic), text)
        }
        Ok(names) => nobody(look.project, (topic, names), listed),
    };
    topics.map(judge).collect()
}

fn nobody(
    project: &Project,
    (topic, published): (&Topic, &[String]),
    listed: Option<&Vec<Value>>,
) -> Finding {
    let name = &topic.name;
    let all: Vec<Value> = published
        .iter()
        .map(|it| project.topic(it).into())
        .collect();
    let used = nearest(name, &all);
    let near = used.or_else(|| nearest(name, listed?));
    let hours = PUBLISHED_WITHIN.num_hours();
    let text = match &near {
        Some(near) => format!("nobody has published to {name} for {hours} h; {near} is used"),
        None => format!("nobody has published to {name} for {hours} h"),
    };
    let mend = match near {
        Some(near) => format!(
            "set upstream_topic = \"{near}\", if that is where the upstream publishes, and see its subscription"
        ),
        None => format!(
            "ask the upstream which topic it publishes to, and set upstream_topic; to try ours: \
             tipoff publish; its publishers: gcloud pubsub topics get-iam-policy {name} --project={}",
            project.google.project
        ),
    };
    Finding::wrong(Check::Topics, format!("publishers of {name}"), text, mend)
}

/// The topics with at least one publish request of late.
async fn published(project: &Project, now: Instant) -> Result<Vec<String>, Why> {
    let filter = format!("metric.type=\"{PUBLISHES}\"");
    let window = format!("{}s", PUBLISHED_WITHIN.num_seconds());
    let path = format!(
        "{}&aggregation.alignmentPeriod={window}&aggregation.perSeriesAligner=ALIGN_DELTA\
         &aggregation.crossSeriesReducer=REDUCE_SUM&aggregation.groupByFields={}",
        measured::path(project, &filter, (now - PUBLISHED_WITHIN, now)),
        encoded("resource.labels.topic_id"),
    );
    let endpoint = &project.google.endpoints.monitoring;
    let series = project.list(endpoint, (&path, "timeSeries")).await?;
    let mut names = Vec::new();
    for one in &series {
        let Some(name) = one["resource"]["labels"]["topic_id"].as_str() else {
            return Err("monitoring's answer names no topic".to_owned());
        };
        if measured::values(one)?.iter().sum::<i64>() > 0 {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The topic whose name shares most words with this one, two at least, and is not it.
fn nearest(name: &str, topics: &[Value]) -> Option<String> {
    let words = |text: &str| -> Vec<String> {
        text.split(['-', '_', '.']).map(str::to_lowercase).collect()
    };
    let wanted = words(name);
    let shared = |other: &str| words(other).iter().filter(|it| wanted.contains(it)).count();
    let names = topics
        .iter()
        .filter_map(|it| it.as_str().or_else(|| it["name"].as_str()))
        .filter_map(|whole| whole.rsplit('/').next());
    names
        .filter(|other| *other != name && shared(other) >= 2)
        .max_by_key(|other| shared(other))
        .map(str::to_owned)
}
