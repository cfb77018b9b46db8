//! Speaking to a running service, or reading its store where none answers.
//!
//! What is asked and printed belongs to each command.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// Where the service is and who is calling.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// Where the service listens
    #[arg(
        long,
        value_name = "URL",
        env = "TIPOFF_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub url: String,
    /// The token it asks for
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TIPOFF_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which night a command is about.
#[derive(Debug, clap::Args)]
pub struct NightArgs {
    /// The handoff; may be left out where one is configured
    #[arg(long, value_name = "ID")]
    pub handoff: Option<String>,
    /// The game date: 2026-01-11, TODAY, TOMORROW or YESTERDAY
    #[arg(long, value_name = "DATE")]
    pub game_date: Option<String>,
}

/// The folder to read where no service answers.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    /// The service's folder, read where no service answers
    #[arg(
        long,
        value_name = "DIR",
        env = "TIPOFF_DATA",
        default_value = "./tipoff-data"
    )]
    pub data: PathBuf,
}

impl NightArgs {
    /// As members of a request's body.
    pub fn members(&self) -> Value {
        let mut members = serde_json::Map::new();
        for (name, value) in [("handoff", &self.handoff), ("game_date", &self.game_date)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), value.clone().into());
            }
        }
        Value::Object(members)
    }

    /// As a query.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let pairs = [("handoff", &self.handoff), ("game_date", &self.game_date)];
        pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect()
    }
}

/// Longest wait for an answer; a dry run may take 20 s.
const ANSWER_SECONDS_MAX: u64 = 30;

/// One call, and its answer.
pub struct Call {
    /// How.
    pub method: Method,
    /// Where, below the service's address.
    pub path: String,
    /// What is asked for.
    pub query: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Option<Value>,
}

impl Call {
    /// A question.
    pub fn get(path: &str, query: Vec<(&'static str, String)>) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            query,
            body: None,
        }
    }

    /// An order.
    pub fn post(path: &str, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.to_owned(),
            query: Vec::new(),
            body: Some(body),
        }
    }
}

impl Target {
    /// Calls the service; `None`: nobody listens there. An answer without content is null.
    ///
    /// # Errors
    ///
    /// When the address is no address, the answer does not come or is not JSON.
    pub async fn try_call(&self, call: Call) -> anyhow::Result<Option<(StatusCode, Value)>> {
        let url = format!("{}{}", self.url.trim_end_matches('/'), call.path);
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
            .build()?;
        let mut request = client.request(call.method, &url).query(&call.query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("calling {url}")),
        };
        let status = response.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(Some((status, Value::Null)));
        }
        let body = response
            .json()
            .await
            .with_context(|| format!("reading the answer of {url}"))?;
        Ok(Some((status, body)))
    }

    /// Calls the service; where nobody listens, says how to start it.
    ///
    /// # Errors
    ///
    /// When no service answers, or it answers something that is not JSON.
    pub async fn call(&self, call: Call) -> anyhow::Result<(StatusCode, Value)> {
        match self.try_call(call).await? {
            Some(answer) => Ok(answer),
            None => bail!(
                "no service listens on {}; start one with `tipoff serve`, or name its --url",
                self.url
            ),
        }
    }

    /// Prints what an order led to; exits with 1 where the service turned it down.
    pub fn print_outcome(&self, status: StatusCode, body: &Value) -> ExitCode {
        if self.json {
            println!("{body:#}");
        } else if status.is_success() {
            println!("{}", outcome_text(status, body));
        } else {
            eprintln!("tipoff: {}", problem_text(body));
        }
        if status.is_success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or("")
}

fn outcome_text(status: StatusCode, body: &Value) -> String {
    let word = if status == StatusCode::ACCEPTED {
        "accepted"
    } else {
        "nothing to do"
    };
    let night = format!(
        "{} {} is {}",
        text(body, "handoff"),
        text(body, "game_date"),
        text(body, "state")
    );
    let why: Vec<&str> = body["why"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|reason| text(reason, "text"))
        .collect();
    let reason = why.join("; ");
    let batch = body
        .get("batch_id")
        .and_then(Value::as_str)
        .map(|id| format!(", {id}"))
        .unwrap_or_default();
    format!(
        "{word}: {night}{batch}{}{reason}",
        if reason.is_empty() { "" } else { "\n" }
    )
}

/// A problem as one line: what is wrong, and the field.
pub fn problem_text(body: &Value) -> String {
    let detail = text(body, "detail");
    if detail.is_empty() {
        text(body, "title").to_owned()
    } else {
        detail.to_owned()
    }
}
