//! What the service's account may do: exactly what the nights need.
//!
//! What the examination itself may ask shows by its own answers.

use futures::future::join_all;

use super::{
    Look,
    ask::{Project, Why},
    mend::{self, On},
};
use crate::{
    domain::wiring::{Check, Finding},
    google::Source,
};

struct Need<'a> {
    on: On<'a>,
    permission: &'static str,
    role: &'static str,
}

/// Asks for every permission that is needed.
pub async fn look(look: &Look<'_>) -> Vec<Finding> {
    let wanted = look.wanted;
    let publishes = wanted.topics.iter().filter(|it| it.published_by_us);
    let publishes = publishes.map(|topic| Need {
        on: On::Topic(&topic.name),
        permission: "pubsub.topics.publish",
        role: "roles/pubsub.publisher",
    });
    let pulls = wanted
        .subscriptions
        .iter()
        .filter(|it| it.endpoint.is_none());
    let pulls = pulls.map(|subscription| Need {
        on: On::Subscription(&subscription.name),
        permission: "pubsub.subscriptions.consume",
        role: "roles/pubsub.subscriber",
    });
    let queries = wanted.queries.then_some(Need {
        on: On::Project,
        permission: "bigquery.jobs.create",
        role: "roles/bigquery.jobUser",
    });
    let needs: Vec<Need<'_>> = publishes.chain(pulls).chain(queries).collect();
    join_all(needs.iter().map(|need| one(look.project, need))).await
}

async fn one(project: &Project, need: &Need<'_>) -> Finding {
    let google = &project.google;
    let (place, subject) = match need.on {
        On::Topic(name) => (project.topic(name), name),
        On::Subscription(name) => (project.subscription(name), name),
        On::Project => (
            format!("projects/{}", google.project),
            google.project.as_str(),
        ),
    };
    let subject = format!("{} on {subject}", need.permission);
    let account = &google.identity.service_account;
    if google.credentials == Source::Gcloud {
        let why = format!("this asks as a person, not as {account}");
        return Finding::could_not_ask(Check::Permissions, subject, why);
    }
    match has(project, need, &place).await {
        Err(why) => Finding::could_not_ask(Check::Permissions, subject, why),
        Ok(true) => Finding::ok(Check::Permissions, subject, format!("{account} has it")),
        Ok(false) => Finding::wrong(
            Check::Permissions,
            subject,
            format!("{account} may not: {} is missing", need.permission),
            mend::bind(project, need.on, need.role),
        ),
    }
}

async fn has(project: &Project, need: &Need<'_>, place: &str) -> Result<bool, Why> {
    let endpoints = &project.google.endpoints;
    let endpoint = match need.on {
        On::Topic(_) | On::Subscription(_) => &endpoints.pubsub,
        On::Project => &endpoints.resource_manager,
    };
    let asked = [need.permission];
    match project.permitted(endpoint, (place, &asked)).await? {
        Some(given) => Ok(given.iter().any(|it| it == need.permission)),
        None => Err(format!("{place} is not there")),
    }
}
