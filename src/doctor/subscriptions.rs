//! Our subscriptions: whether each is there, alive, and brings its messages here with the right identity.
//!
//! Whether others read what we publish belongs to `topics`.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::Value;

use super::{Look, ask::Project, mend, wanted::Subscription};
use crate::domain::wiring::{Check, Finding};

/// How long Pub/Sub waits for a push to be answered: longer than the service takes to answer one.
pub const ACK_SECONDS: i64 = 60;
/// Fewer deliveries than this end within minutes, before anybody can mend what is wrong.
const DELIVERIES_MIN: i64 = 20;
/// A subscription that would vanish within this of silence does not outlive the pause between two seasons' rounds.
const EXPIRES_MIN: TimeDelta = TimeDelta::days(31);
/// What Pub/Sub calls the topic of a subscription whose topic was deleted
/// (<https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>).
pub const DELETED_TOPIC: &str = "_deleted-topic_";

/// Looks at every subscription of ours.
pub async fn look(look: &Look<'_>) -> Vec<Finding> {
    let all = look.wanted.subscriptions.iter();
    join_all(all.map(|wanted| one(look.project, wanted))).await
}

async fn one(project: &Project, wanted: &Subscription) -> Finding {
    let name = wanted.name.as_str();
    let whole = project.subscription(name);
    let endpoint = &project.google.endpoints.pubsub;
    let found = match project.object(endpoint, &whole).await {
        Err(why) => return Finding::could_not_ask(Check::Subscriptions, name, why),
        Ok(None) => {
            return Finding::wrong(
                Check::Subscriptions,
                name,
                format!(
                    "the subscription is not there: nothing comes from {}",
                    wanted.topic
                ),
                mend::create_subscription(project, wanted),
            );
        }
        Ok(Some(found)) => found,
    };
    if found["topic"].as_str().is_none_or(str::is_empty) {
        let why = "the answer does not name the subscription's topic";
        return Finding::could_not_ask(Check::Subscriptions, name, why);
    }
    if let Some(wrong) = dead(project, wanted, &found) {
        let mend = mend::replace_subscription(project, wanted);
        return Finding::wrong(Check::Subscriptions, name, wrong, mend);
    }
    let wrong = [way(project, wanted, &found), handling(project, &found)].concat();
    if !wrong.is_empty() {
        let mend = mend::update_subscription(project, wanted);
        return Finding::wrong(Check::Subscriptions, name, wrong.join("; "), mend);
    }
    let text = match &wanted.endpoint {
        Some(endpoint) => format!("pushes {} to {endpoint}", wanted.topic),
        None => format!("keeps {} to be pulled", wanted.topic),
    };
    Finding::ok(Check::Subscriptions, name, text)
}

/// What cannot be mended on the subscription itself.
fn dead(project: &Project, wanted: &Subscription, found: &Value) -> Option<String> {
    let topic = found["topic"].as_str().unwrap_or_default();
    if topic == DELETED_TOPIC {
        return Some(format!(
            "its topic {} was deleted: it gets nothing any more",
            wanted.topic
        ));
    }
    if found["detached"] == true {
        return Some("it is detached from its topic: it gets nothing any more".to_owned());
    }
    let other = topic != project.topic(&wanted.topic);
    other.then(|| format!("it belongs to {topic}, not to {}", wanted.topic))
}

/// What is wrong with where it pushes, and as whom.
fn way(project: &Project, wanted: &Subscription, found: &Value) -> Vec<String> {
    let push = &found["pushConfig"];
    let pushes_to = push["pushEndpoint"].as_str().filter(|it| !it.is_empty());
    let Some(endpoint) = &wanted.endpoint else {
        let wrong = pushes_to.map(|to| format!("it pushes to {to}, but is to be pulled"));
        return wrong.into_iter().collect();
    };
    let Some(to) = pushes_to else {
        return vec![format!("it pushes nowhere, not to {endpoint}")];
    };
    let mut wrong = Vec::new();
    if !leads_here(to, endpoint, &wanted.handoff) {
        wrong.push(format!("it pushes to {to}, not to {endpoint}"));
    }
    let identity = &project.google.identity;
    let Some(account) = push["oidcToken"]["serviceAccountEmail"].as_str() else {
        wrong.push("it pushes without an identity, which is refused".to_owned());
        return wrong;
    };
    if !identity.push_accounts.iter().any(|it| it == account) {
        wrong.push(format!(
            "it pushes as {account}, not as {}",
            identity.push_accounts.join(" or ")
        ));
    }
    // Without an audience of its own a token is made for the endpoint.
    let audience = push["oidcToken"]["audience"].as_str().unwrap_or(to);
    match &identity.audience {
        Some(wanted) if wanted != audience => wrong.push(format!(
            "its tokens are made for {audience}, not for {wanted}"
        )),
        Some(_) | None => {}
    }
    wrong
}

/// Whether a push goes to this address, for this handoff where it names one.
fn leads_here(to: &str, endpoint: &str, handoff: &str) -> bool {
    let (path, query) = to.split_once('?').unwrap_or((to, ""));
    let mut named = query
        .split('&')
        .filter_map(|it| it.strip_prefix("handoff="));
    path == endpoint && named.all(|it| it == handoff)
}

/// What is wrong with how long it waits, tries, and lives.
fn handling(project: &Project, found: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let deadline = found["ackDeadlineSeconds"].as_i64().unwrap_or(10);
    if deadline < ACK_SECONDS {
        wrong.push(format!(
            "its ack deadline is {deadline} s: it delivers again what is still being taken; {ACK_SECONDS} s is needed"
        ));
    }
    if !found["retryPolicy"].is_object() {
        wrong.push("it has no retry policy: it tries again without a pause".to_owned());
    }
    let policy = &found["deadLetterPolicy"];
    let dead_letters = project.topic(&project.google.dead_letters.topic);
    match policy["deadLetterTopic"].as_str() {
        None => wrong.push("it has no dead-letter topic".to_owned()),
        Some(topic) if topic != dead_letters => {
            wrong.push(format!(
                "its dead letters go to {topic}, not to {dead_letters}"
            ));
        }
        Some(_) => {}
    }
    // Pub/Sub's own number where none is set (<https://cloud.google.com/pubsub/docs/handling-failures>).
    let attempts = policy["maxDeliveryAttempts"].as_i64().unwrap_or(5);
    if policy.is_object() && attempts < DELIVERIES_MIN {
        wrong.push(format!(
            "messages become dead letters after {attempts} deliveries, which end within minutes; \
             {DELIVERIES_MIN} at least are needed"
        ));
    }
    let expiry = &found["expirationPolicy"];
    let ttl = expiry["ttl"]
        .as_str()
        .and_then(|it| it.strip_suffix('s')?.parse::<f64>().ok());
    if ttl.is_some_and(|seconds| seconds < EXPIRES_MIN.as_seconds_f64()) {
        let text = expiry["ttl"].as_str().unwrap_or_default();
        wrong.push(format!("it expires after {text} without a reader"));
    }
    wrong
}
