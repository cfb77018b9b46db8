//! The REST interface: paths and bodies.
//!
//! What they lead to belongs to `state`.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    routing::get,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Pubsub,
    refuse::{Refusal, exists, invalid, messages, not_found, unimplemented},
    scaled,
    state::{Subscription, Topic},
};

/// How long a pull waits for a message at most; the real one waits up to 90 s.
const PULL_SECONDS_MAX: f64 = 2.0;

type Answer = Result<Json<Value>, Refusal>;
type Shared = State<Arc<Pubsub>>;

pub fn routes(pubsub: Arc<Pubsub>) -> Router {
    tokio::spawn(super::deliver::run(pubsub.clone()));
    Router::new()
        .route("/v1/projects/{project}/topics", get(list_topics))
        .route(
            "/v1/projects/{project}/topics/{name}/subscriptions",
            get(list_of_topic),
        )
        .route(
            "/v1/projects/{project}/subscriptions",
            get(list_subscriptions),
        )
        .route(
            "/v1/projects/{project}/{kind}/{name}",
            get(show).put(create).patch(change).delete(delete).post(act),
        )
        .layer(DefaultBodyLimit::max(64 * 1024 * 1024))
        .with_state(pubsub)
}

type Named = Path<(String, String, String)>;

fn whole((project, kind, name): (String, String, String)) -> String {
    format!("projects/{project}/{kind}/{name}")
}

async fn list_topics(State(pubsub): Shared, Path(project): Path<String>) -> Json<Value> {
    let state = pubsub.state();
    let of_project = format!("projects/{project}/");
    let all = state
        .topics
        .iter()
        .filter(|(name, _)| name.starts_with(&of_project));
    let bodies: Vec<&Value> = all.map(|(_, it)| &it.body).collect();
    Json(json!({"topics": bodies}))
}

async fn list_subscriptions(State(pubsub): Shared, Path(project): Path<String>) -> Json<Value> {
    let state = pubsub.state();
    let of_project = format!("projects/{project}/");
    let all = state
        .subscriptions
        .iter()
        .filter(|(name, _)| name.starts_with(&of_project));
    let bodies: Vec<&Value> = all.map(|(_, it)| &it.body).collect();
    Json(json!({"subscriptions": bodies}))
}

async fn list_of_topic(
    State(pubsub): Shared,
    Path((project, name)): Path<(String, String)>,
) -> Answer {
    let topic = format!("projects/{project}/topics/{name}");
    let state = pubsub.state();
    if !state.topics.contains_key(&topic) {
        return Err(not_found(&name));
    }
    let of_topic = state
        .subscriptions
        .iter()
        .filter(|(_, it)| it.body["topic"] == topic);
    let names: Vec<&String> = of_topic.map(|(name, _)| name).collect();
    Ok(Json(json!({"subscriptions": names})))
}

async fn show(State(pubsub): Shared, Path(path): Named) -> Answer {
    let name = whole(path);
    if let Some(resource) = name.strip_suffix(":getIamPolicy") {
        pubsub
            .resource(resource)
            .ok_or_else(|| not_found(resource))?;
        let state = pubsub.state();
        let policy = state.policies.get(resource).cloned();
        return Ok(Json(policy.unwrap_or_else(|| json!({"etag": "ACAB"}))));
    }
    pubsub
        .resource(&name)
        .map(Json)
        .ok_or_else(|| not_found(&name))
}

async fn create(State(pubsub): Shared, Path(path): Named, body: Bytes) -> Answer {
    let is_topic = path.1 == "topics";
    let name = whole(path);
    if pubsub.resource(&name).is_some() {
        return Err(exists(&name));
    }
    let mut body: Value = if body.is_empty() {
        json!({})
    } else {
        parsed(&body)?
    };
    body["name"] = json!(name);
    if is_topic {
        pubsub.state().topics.insert(name, Topic::of(body.clone()));
        return Ok(Json(body));
    }
    let topic = body["topic"].as_str().unwrap_or_default().to_owned();
    let mut state = pubsub.state();
    if !state.topics.contains_key(&topic) {
        return Err(not_found(&topic));
    }
    let made = Subscription::of(body);
    let shown = made.body.clone();
    state.subscriptions.insert(name, made);
    Ok(Json(shown))
}

/// `{"subscription": {…}, "updateMask": "ackDeadlineSeconds,pushConfig"}`, or the same of a topic; the mask in either
/// spelling, in the body or the address.
async fn change(
    State(pubsub): Shared,
    Path(path): Named,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
    body: Bytes,
) -> Answer {
    let kind = if path.1 == "topics" {
        "topic"
    } else {
        "subscription"
    };
    let name = whole(path);
    let body: Value = parsed(&body)?;
    let in_query = query.unwrap_or_default();
    let in_query = in_query
        .split('&')
        .find_map(|it| it.strip_prefix("updateMask="));
    let Some(mask) = body["updateMask"].as_str().or(in_query) else {
        return Err(invalid("The update_mask in the request is empty."));
    };
    {
        let mut state = pubsub.state();
        let topic = state.topics.get_mut(&name).map(|it| &mut it.body);
        let held = match topic {
            Some(topic) => topic,
            None => state
                .subscriptions
                .get_mut(&name)
                .map(|it| &mut it.body)
                .ok_or_else(|| not_found(&name))?,
        };
        for field in mask.replace("%2C", ",").split(',') {
            let root = camel(field.split('.').next().unwrap_or(field));
            held[&root] = body[kind][&root].clone();
        }
    }
    pubsub.changed.notify_waiters();
    pubsub
        .resource(&name)
        .map(Json)
        .ok_or_else(|| not_found(&name))
}

async fn delete(State(pubsub): Shared, Path(path): Named) -> Answer {
    let name = whole(path);
    let was_there = pubsub.state().delete(&name);
    pubsub.changed.notify_waiters();
    if was_there {
        Ok(Json(json!({})))
    } else {
        Err(not_found(&name))
    }
}

async fn act(State(pubsub): Shared, Path(path): Named, body: Bytes) -> Answer {
    let named = whole(path);
    let Some((name, verb)) = named.rsplit_once(':') else {
        return Err(not_found(&named));
    };
    if pubsub.resource(name).is_none() {
        return Err(not_found(name));
    }
    if verb == "publish" {
        return publish(&pubsub, name, &body);
    }
    let body: Value = parsed(&body)?;
    match verb {
        "testIamPermissions" => Ok(permissions(&pubsub, name, &body)),
        "setIamPolicy" => {
            let policy = body["policy"].clone();
            pubsub
                .state()
                .policies
                .insert(name.to_owned(), policy.clone());
            Ok(Json(policy))
        }
        "pull" => pull(&pubsub, name, &body).await,
        "acknowledge" | "modifyAckDeadline" | "modifyPushConfig" => {
            of_subscription(&pubsub, name, (verb, &body))
        }
        other => Err(unimplemented(other)),
    }
}

fn publish(pubsub: &Pubsub, topic: &str, body: &[u8]) -> Answer {
    let messages = messages(body)?;
    let ids: Vec<String> = {
        let mut state = pubsub.state();
        let taken = messages
            .into_iter()
            .map(|(data, attributes)| state.publish(topic, data, attributes));
        taken
            .collect::<Option<_>>()
            .ok_or_else(|| not_found(topic))?
    };
    pubsub.changed.notify_waiters();
    Ok(Json(json!({"messageIds": ids})))
}

async fn pull(pubsub: &Pubsub, name: &str, body: &Value) -> Answer {
    let max = body["maxMessages"].as_u64().unwrap_or_default() as usize;
    if max == 0 {
        return Err(invalid("max_messages must be greater than 0."));
    }
    let scale = pubsub.state().scale;
    let until = Instant::now() + scaled(PULL_SECONDS_MAX, scale);
    loop {
        let mut changed = std::pin::pin!(pubsub.changed.notified());
        changed.as_mut().enable();
        let now = Instant::now();
        let (handed, next_at) = {
            let mut state = pubsub.state();
            let Some(subscription) = state.subscriptions.get(name) else {
                return Err(not_found(name));
            };
            if subscription.endpoint().is_some() {
                return Err(invalid(
                    "This method is not supported for this subscription type.",
                ));
            }
            (state.hand_out(name, max, now), state.next_at())
        };
        if !handed.is_empty() || body["returnImmediately"] == true || now >= until {
            pubsub.changed.notify_waiters();
            return Ok(Json(received(&handed)));
        }
        let look_at = next_at
            .filter(|at| *at > now)
            .map_or(until, |at| at.min(until));
        tokio::select! {
            () = tokio::time::sleep_until(look_at) => {}
            () = &mut changed => {}
        }
    }
}

fn received(handed: &[super::state::Handed]) -> Value {
    let one = |it: &super::state::Handed| {
        let mut body = json!({"ackId": it.ack_id, "message": it.message.body()});
        if let Some(attempt) = it.attempt {
            body["deliveryAttempt"] = json!(attempt);
        }
        body
    };
    let messages: Vec<Value> = handed.iter().map(one).collect();
    // Proto3's JSON leaves an empty list out.
    if messages.is_empty() {
        json!({})
    } else {
        json!({"receivedMessages": messages})
    }
}

fn of_subscription(pubsub: &Pubsub, name: &str, (verb, body): (&str, &Value)) -> Answer {
    let ids = || {
        let ids = body["ackIds"].as_array().into_iter().flatten();
        ids.filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let now = Instant::now();
    {
        let mut state = pubsub.state();
        match verb {
            "acknowledge" => ids().iter().for_each(|id| state.acknowledge(name, id)),
            "modifyAckDeadline" => {
                let seconds = body["ackDeadlineSeconds"].as_f64().unwrap_or_default();
                if !(0.0..=600.0).contains(&seconds) {
                    return Err(invalid("ack_deadline_seconds must be between 0 and 600."));
                }
                ids()
                    .iter()
                    .for_each(|id| state.extend(name, id, seconds, now));
            }
            _ => {
                let subscription = state
                    .subscriptions
                    .get_mut(name)
                    .ok_or_else(|| not_found(name))?;
                subscription.body["pushConfig"] = body["pushConfig"].clone();
            }
        }
    }
    pubsub.changed.notify_waiters();
    Ok(Json(json!({})))
}

fn permissions(pubsub: &Pubsub, name: &str, body: &Value) -> Json<Value> {
    let state = pubsub.state();
    let permitted = state.permitted.get(name);
    let asked = body["permissions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let has = |it: &&str| permitted.is_none_or(|all| all.iter().any(|one| one == it));
    let granted: Vec<&str> = asked.filter(has).collect();
    Json(if granted.is_empty() {
        json!({})
    } else {
        json!({"permissions": granted})
    })
}

fn parsed(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| invalid(format!("Invalid JSON payload received. {error}")))
}

fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|it| it.to_ascii_uppercase());
        text + &head.into_iter().chain(letters).collect::<String>()
    })
}
