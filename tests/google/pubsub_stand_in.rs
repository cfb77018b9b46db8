//! The stand-in for Pub/Sub behaves as the real one is documented to: what other tests rely on.
//!
//! The adapters are tested in files of their own.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::{Value, json};

use crate::stand_in::Google;

const TOPIC: &str = "projects/p/topics/t";
const DEAD: &str = "projects/p/topics/dead";
const SUBSCRIPTION: &str = "projects/p/subscriptions/s";

async fn call(google: &Google, path: String, body: Value) -> (u16, Value) {
    let url = format!("{}/v1/{path}", google.base());
    let sent = reqwest::Client::new().post(url).json(&body).send();
    let answer = sent.await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// What came: its authorization and its body.
type Came = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// An endpoint that answers each push by the next status, the last one for ever, and keeps what came.
#[derive(Clone)]
struct Endpoint {
    statuses: Arc<Vec<u16>>,
    came: Came,
    count: Arc<AtomicUsize>,
}

async fn endpoint(statuses: &[u16]) -> (String, Endpoint) {
    let endpoint = Endpoint {
        statuses: Arc::new(statuses.to_vec()),
        came: Arc::default(),
        count: Arc::default(),
    };
    let take = |State(it): State<Endpoint>, headers: HeaderMap, Json(body): Json<Value>| async move {
        let token = headers
            .get("authorization")
            .map(|it| it.to_str().unwrap().to_owned());
        it.came.lock().unwrap().push((token, body));
        let count = it.count.fetch_add(1, Ordering::SeqCst);
        let status = it.statuses.get(count).or(it.statuses.last());
        StatusCode::from_u16(*status.unwrap()).unwrap()
    };
    let router = Router::new()
        .route("/", post(take))
        .with_state(endpoint.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, endpoint)
}

#[tokio::test]
async fn what_is_not_there_is_404_and_a_topic_nobody_reads_takes_everything() {
    let google = Google::start().await;
    let message = json!({"messages": [{"data": "e30="}]});
    let (status, said) = call(&google, format!("{TOPIC}:publish"), message.clone()).await;
    assert_eq!(
        (status, &said["error"]["status"]),
        (404, &json!("NOT_FOUND"))
    );
    google.pubsub.create_topic(TOPIC);
    let (status, said) = call(&google, format!("{TOPIC}:publish"), message).await;
    assert_eq!(
        (status, said["messageIds"].as_array().unwrap().len()),
        (200, 1)
    );
    google.pubsub.subscribe(TOPIC, SUBSCRIPTION);
    assert_eq!(
        google.pubsub.depth(SUBSCRIPTION),
        0,
        "what was published before is lost to it"
    );
}

#[tokio::test]
async fn one_bad_message_refuses_the_whole_request() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    let long = "x".repeat(1_025);
    let bad = [
        json!({"data": "%"}),
        json!({}),
        json!({"data": "e30=", "attributes": {"request_id": long}}),
    ];
    for bad in bad {
        let body = json!({"messages": [{"data": "e30="}, bad]});
        assert_eq!(call(&google, format!("{TOPIC}:publish"), body).await.0, 400);
    }
    let many = json!({"messages": vec![json!({"data": "e30="}); 1_001]});
    assert_eq!(call(&google, format!("{TOPIC}:publish"), many).await.0, 400);
    assert!(google.pubsub.published(TOPIC).is_empty());
}

#[tokio::test]
async fn what_is_not_acknowledged_in_time_comes_again_and_an_old_acknowledgement_is_void() {
    let google = Google::start().await;
    google.pubsub.scale(0.02);
    google.pubsub.create_topic(TOPIC);
    google.pubsub.subscribe(TOPIC, SUBSCRIPTION);
    google.pubsub.publish(TOPIC, b"{}", &[("request_id", "1")]);
    let pull = || {
        call(
            &google,
            format!("{SUBSCRIPTION}:pull"),
            json!({"maxMessages": 10}),
        )
    };
    let first = pull().await.1["receivedMessages"][0].clone();
    assert_eq!(first["message"]["attributes"]["request_id"], "1");
    assert_eq!(pull().await.1, json!({}), "the first has it");
    google
        .pubsub
        .until("the lease to end", || {
            google.pubsub.leased(SUBSCRIPTION) == 0
        })
        .await;
    let second = pull().await.1["receivedMessages"][0].clone();
    assert_eq!(first["message"], second["message"]);
    let acknowledge = |id: &Value| {
        call(
            &google,
            format!("{SUBSCRIPTION}:acknowledge"),
            json!({"ackIds": [id]}),
        )
    };
    acknowledge(&first["ackId"]).await;
    assert_eq!(google.pubsub.depth(SUBSCRIPTION), 1);
    acknowledge(&second["ackId"]).await;
    assert_eq!(google.pubsub.depth(SUBSCRIPTION), 0);
}

#[tokio::test]
async fn a_push_carries_an_identity_comes_again_and_ends_among_the_dead_letters() {
    let google = Google::start().await;
    google.pubsub.scale(0.001);
    google
        .pubsub
        .sign_with(|account, audience| format!("{account}->{audience}"));
    google.pubsub.create_topic(TOPIC);
    google.pubsub.create_topic(DEAD);
    let (url, endpoint) = endpoint(&[500]).await;
    google.pubsub.subscribe_as(
        SUBSCRIPTION,
        json!({
            "topic": TOPIC, "ackDeadlineSeconds": 600,
            "pushConfig": {"pushEndpoint": url, "oidcToken": {"serviceAccountEmail": "a@p", "audience": "https://us"}},
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "deadLetterPolicy": {"deadLetterTopic": DEAD, "maxDeliveryAttempts": 5},
        }),
    );
    let id = google.pubsub.publish(TOPIC, b"{\"a\": 1}", &[]);
    let dead = google.pubsub.until_published(DEAD, 1).await;
    assert_eq!(
        dead[0].attributes["CloudPubSubDeadLetterSourceDeliveryCount"],
        "5"
    );
    assert_eq!(dead[0].data, b"{\"a\": 1}");
    assert_eq!(google.pubsub.depth(SUBSCRIPTION), 0);
    let came = endpoint.came.lock().unwrap().clone();
    let attempts: Vec<&Value> = came
        .iter()
        .map(|(_, body)| &body["deliveryAttempt"])
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    let (token, body) = &came[0];
    assert_eq!(token.as_deref(), Some("Bearer a@p->https://us"));
    assert_eq!(body["subscription"], SUBSCRIPTION);
    assert_eq!(
        (
            &body["message"]["messageId"],
            &body["message"]["message_id"]
        ),
        (&json!(id), &json!(id))
    );
}

#[tokio::test]
async fn a_push_that_is_answered_is_over() {
    let google = Google::start().await;
    google.pubsub.scale(0.01);
    google.pubsub.create_topic(TOPIC);
    let (url, endpoint) = endpoint(&[503, 204]).await;
    google.pubsub.push(TOPIC, SUBSCRIPTION, &url);
    google.pubsub.publish(TOPIC, b"{}", &[]);
    google
        .pubsub
        .until("the second push", || google.pubsub.depth(SUBSCRIPTION) == 0)
        .await;
    assert_eq!(endpoint.came.lock().unwrap().len(), 2);
    assert_eq!(google.pubsub.deliveries(SUBSCRIPTION), 2);
}

#[tokio::test]
async fn it_says_what_there_is_and_what_it_is_like() {
    let google = Google::start().await;
    let http = reqwest::Client::new();
    let at = |path: &str| format!("{}/v1/{path}", google.base());
    let put = |path: &'static str, body: Value| http.put(at(path)).json(&body).send();
    assert_eq!(
        put(SUBSCRIPTION, json!({"topic": TOPIC}))
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        put(TOPIC, json!({"messageRetentionDuration": "86400s"}))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(put(TOPIC, json!({})).await.unwrap().status(), 409);
    assert_eq!(
        put(SUBSCRIPTION, json!({"topic": TOPIC}))
            .await
            .unwrap()
            .status(),
        200
    );
    let shown: Value = http
        .get(at(SUBSCRIPTION))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&shown["topic"], &shown["ackDeadlineSeconds"]),
        (&json!(TOPIC), &json!(10))
    );
    let of_topic = http
        .get(at(&format!("{TOPIC}/subscriptions")))
        .send()
        .await
        .unwrap();
    assert_eq!(
        of_topic.json::<Value>().await.unwrap(),
        json!({"subscriptions": [SUBSCRIPTION]})
    );
    let patch =
        json!({"subscription": {"ackDeadlineSeconds": 60}, "updateMask": "ackDeadlineSeconds"});
    assert_eq!(
        http.patch(at(SUBSCRIPTION))
            .json(&patch)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        google.pubsub.resource(SUBSCRIPTION).unwrap()["ackDeadlineSeconds"],
        60
    );
    assert_eq!(http.delete(at(TOPIC)).send().await.unwrap().status(), 200);
    assert_eq!(
        google.pubsub.resource(SUBSCRIPTION).unwrap()["topic"],
        "_deleted-topic_"
    );
}

#[tokio::test]
async fn it_says_what_may_be_done() {
    let google = Google::start().await;
    google.pubsub.create_topic(TOPIC);
    let asked = json!({"permissions": ["pubsub.topics.publish", "pubsub.topics.get"]});
    let test = || {
        call(
            &google,
            format!("{TOPIC}:testIamPermissions"),
            asked.clone(),
        )
    };
    assert_eq!(test().await.1, asked);
    google.pubsub.permit(TOPIC, &["pubsub.topics.get"]);
    assert_eq!(
        test().await.1,
        json!({"permissions": ["pubsub.topics.get"]})
    );
}
