//! Sends requests to an HTTP endpoint, one by one or a few in a call, and says of each whether it was taken.
//!
//! The shape of a request's body belongs to `wire`; trying again belongs to the engine.

use std::{fmt::Write, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::ports::{PortError, Request, Sink, chain};

/// The header that carries the idempotency key: a call repeated with it must change nothing.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Makes the JSON object that is sent for a request.
pub type Body = Arc<dyn Fn(&Request) -> Value + Send + Sync>;

/// How requests are put into calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// One JSON object a call; the key is the request's own.
    Single,
    /// Up to so many JSON objects a call, one a line, each with its `request_id`; at least 1.
    Ndjson(usize),
    /// Up to so many JSON objects a call, in one array, each with its `request_id`; at least 1.
    Array(usize),
}

impl Grouping {
    fn units_max(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Ndjson(units_max) | Self::Array(units_max) => units_max.max(1),
        }
    }
}

/// Where and how an [`HttpSink`] sends.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The endpoint.
    pub url: reqwest::Url,
    /// How requests are put into calls.
    pub grouping: Grouping,
    /// How long one call may take; then it counts as not taken, and may help when tried again.
    pub timeout: Duration,
    /// Most calls at the same time, at least 1.
    pub calls_max: usize,
}

/// An HTTP endpoint that takes requests.
#[derive(Clone)]
pub struct HttpSink {
    client: reqwest::Client,
    settings: HttpSettings,
    body: Body,
}

impl HttpSink {
    /// A sink over a client made elsewhere, which should follow no redirects.
    pub fn new(client: reqwest::Client, settings: HttpSettings, body: Body) -> Self {
        Self {
            client,
            settings,
            body,
        }
    }

    /// Sends one call and says for how many requests the result stands.
    async fn call(&self, requests: &[Request]) -> (usize, Result<(), Failure>) {
        let result = self.post(requests).await;
        (requests.len(), result)
    }

    async fn post(&self, requests: &[Request]) -> Result<(), Failure> {
        let (content_type, body) = self.content(requests);
        let sent = self
            .client
            .post(self.settings.url.clone())
            .timeout(self.settings.timeout)
            .header(CONTENT_TYPE, content_type)
            .header(IDEMPOTENCY_KEY, idempotency_key(requests))
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => judge(response.status()),
            // Refused, cut off, timed out: whether it was taken is not known, and the key makes a repeat harmless.
            Err(error) => Err(Failure {
                permanent: error.is_builder(),
                problem: chain(&error.without_url()),
            }),
        }
    }

    fn content(&self, requests: &[Request]) -> (&'static str, String) {
        let objects = requests.iter().map(|request| (self.body)(request));
        let keyed = objects.zip(requests).map(|(object, request)| {
            let mut object = object;
            if let Value::Object(fields) = &mut object {
                fields
                    .entry("request_id")
                    .or_insert_with(|| Value::from(request.request_id.as_str()));
            }
            object
        });
        match self.settings.grouping {
            Grouping::Single => {
                let lines: Vec<String> = keyed.map(|object| object.to_string()).collect();
                ("application/json", lines.concat())
            }
            Grouping::Ndjson(_) => {
                let lines: Vec<String> = keyed.map(|object| format!("{object}\n")).collect();
                ("application/x-ndjson", lines.concat())
            }
            Grouping::Array(_) => (
                "application/json",
                Value::Array(keyed.collect()).to_string(),
            ),
        }
    }

    fn error(&self, failure: &Failure) -> PortError {
        // A query or a user in the URL may be a secret.
        let url = &self.settings.url;
        let doing = format!(
            "sending to {}{}",
            url.host_str().unwrap_or_default(),
            url.path()
        );
        let problem = anyhow::anyhow!("{}", failure.problem);
        if failure.permanent {
            PortError::permanent(doing, problem)
        } else {
            PortError::transient(doing, problem)
        }
    }
}

#[async_trait]
impl Sink for HttpSink {
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>> {
        let calls: Vec<_> = requests
            .chunks(self.settings.grouping.units_max())
            .map(|chunk| self.call(chunk))
            .collect();
        let results: Vec<(usize, Result<(), Failure>)> = stream::iter(calls)
            .buffered(self.settings.calls_max.max(1))
            .collect()
            .await;
        results
            .into_iter()
            .flat_map(|(units, result)| std::iter::repeat_n(result, units))
            .map(|result| result.map_err(|failure| self.error(&failure)))
            .collect()
    }
}

/// Why a call was not taken; one call may stand for several requests, so it can be copied.
#[derive(Debug, Clone)]
struct Failure {
    permanent: bool,
    problem: String,
}

fn judge(status: StatusCode) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    // Beyond 5xx these two ask for another try: RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4.
    let transient = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    Err(Failure {
        permanent: !transient,
        problem: format!("answered {status}"),
    })
}

fn idempotency_key(requests: &[Request]) -> HeaderValue {
    let text = match requests {
        [request] => percent_encoded(request.request_id.as_str()),
        several => {
            let mut hash = Sha256::new();
            for request in several {
                hash.update(request.request_id.as_str());
                hash.update([0]);
            }
            format!("{:x}", hash.finalize())
        }
    };
    HeaderValue::from_str(&text).expect("hexadecimal and percent-encoded text is visible ASCII")
}

/// Ids are data and may hold what a header cannot.
fn percent_encoded(id: &str) -> String {
    id.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use serde_json::{Value, json};
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

    use super::{Grouping, HttpSettings, HttpSink};
    use crate::{
        domain::{
            ids::{BatchId, GameDate, GameId, HandoffId, RequestId, UnitId},
            plan::ListedUnit,
        },
        ports::{PortError, Request, Sink},
    };

    fn request(player: &str) -> Request {
        Request {
            request_id: RequestId::new(format!("phase4-to-phase5/2026-01-19/{player}/1")),
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: GameDate("2026-01-19".parse().unwrap()),
            batch_id: BatchId::new("b1"),
            attempt: 1,
            unit: ListedUnit {
                unit: UnitId::new(player),
                game_id: GameId::new("g1"),
                team_abbr: None,
                opponent_team_abbr: None,
                is_home: None,
                projected_minutes: None,
                has_prop_line: None,
                actual_prop_line: None,
                has_row: false,
            },
        }
    }

    fn sink(url: &str, grouping: Grouping) -> HttpSink {
        let settings = HttpSettings {
            url: url.parse().unwrap(),
            grouping,
            timeout: Duration::from_millis(200),
            calls_max: 4,
        };
        let body =
            Arc::new(|request: &Request| json!({"player_lookup": request.unit.unit.as_str()}));
        HttpSink::new(reqwest::Client::new(), settings, body)
    }

    async fn server(answer: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(answer)
            .mount(&server)
            .await;
        server
    }

    #[tokio::test]
    async fn what_another_try_may_mend_is_transient_and_the_rest_permanent() {
        for (status, permanent) in [
            (302, true),
            (400, true),
            (404, true),
            (408, false),
            (413, true),
            (425, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            let server = server(ResponseTemplate::new(status)).await;
            let results = sink(&server.uri(), Grouping::Single)
                .send(&[request("a")])
                .await;
            let error = results[0].as_ref().unwrap_err();
            assert_eq!(error.is_permanent(), permanent, "{status}");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_listening_and_no_answer_in_time_are_transient() {
        let results = sink("http://127.0.0.1:1/", Grouping::Single)
            .send(&[request("a")])
            .await;
        assert!(matches!(results[..], [Err(PortError::Transient { .. })]));
        let slow = server(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await;
        let results = sink(&slow.uri(), Grouping::Single)
            .send(&[request("a")])
            .await;
        assert!(matches!(results[..], [Err(PortError::Transient { .. })]));
    }

    #[tokio::test]
    async fn each_request_is_one_call_with_its_own_key_whatever_its_name() {
        let server = server(ResponseTemplate::new(204)).await;
        let requests = [request("karl-anthony"), request("o'neal\nŻ%")];
        let results = sink(&server.uri(), Grouping::Single).send(&requests).await;
        assert!(results.iter().all(Result::is_ok) && results.len() == 2);
        let mut keys: Vec<String> = Vec::new();
        for call in server.received_requests().await.unwrap() {
            keys.push(call.headers["idempotency-key"].to_str().unwrap().into());
        }
        keys.sort();
        assert_eq!(
            keys,
            [
                "phase4-to-phase5/2026-01-19/karl-anthony/1",
                "phase4-to-phase5/2026-01-19/o'neal%0A%C5%BB%25/1"
            ]
        );
    }

    #[tokio::test]
    async fn several_requests_in_a_call_carry_a_key_each_and_share_its_result() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(|call: &wiremock::Request| {
                let taken = !String::from_utf8_lossy(&call.body).contains("\"c\"");
                ResponseTemplate::new(if taken { 200 } else { 503 })
            })
            .mount(&server)
            .await;
        let requests = ["a", "b", "c", "d", "e"].map(request);
        let results = sink(&server.uri(), Grouping::Ndjson(2))
            .send(&requests)
            .await;
        let taken: Vec<bool> = results.iter().map(Result::is_ok).collect();
        assert_eq!(taken, [true, true, false, false, true]);
        let calls = server.received_requests().await.unwrap();
        let text = String::from_utf8_lossy(&calls[0].body).into_owned();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines[1],
            json!({"player_lookup": "b", "request_id": "phase4-to-phase5/2026-01-19/b/1"})
        );
        assert_eq!(
            calls[0].headers["content-type"].to_str().unwrap(),
            "application/x-ndjson"
        );
    }

    #[tokio::test]
    async fn an_array_holds_its_requests_in_order() {
        let server = server(ResponseTemplate::new(200)).await;
        let requests = ["a", "b"].map(request);
        sink(&server.uri(), Grouping::Array(10))
            .send(&requests)
            .await;
        let calls = server.received_requests().await.unwrap();
        let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
        assert_eq!(
            body[0]["player_lookup"]
                .as_str()
                .zip(body[1]["player_lookup"].as_str()),
            Some(("a", "b"))
        );
    }
}
