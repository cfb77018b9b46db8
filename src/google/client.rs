//! One call to one of Google's interfaces: its token, its time limit, its answer as JSON or as a named failure.
//!
//! Trying again belongs to whoever calls.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, header::RETRY_AFTER};
use serde_json::Value;

use super::{GoogleError, Kind, Tokens};
use crate::ports::chain;

/// Where one interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The base of its addresses, without a slash at the end, for example `https://pubsub.googleapis.com/v1`.
    pub base: String,
    /// An emulator: no token is sent there.
    pub emulator: bool,
}

impl Endpoint {
    /// The address of something below the base; `path` begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// Calls Google with the account's token.
#[derive(Clone)]
pub struct GoogleClient {
    http: reqwest::Client,
    tokens: Tokens,
}

/// What a call says beside its address.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What is being done, to what: the beginning of every error.
    pub doing: &'a str,
    /// How long it may take, the token included.
    pub timeout: Duration,
}

impl GoogleClient {
    /// Calls over a client made elsewhere, which should follow no redirects.
    pub fn new(http: reqwest::Client, tokens: Tokens) -> Self {
        Self { http, tokens }
    }

    /// The tokens it sends.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Asks for something.
    ///
    /// # Errors
    ///
    /// Whatever is no whole answer, by its kind.
    pub async fn get(
        &self,
        call: Call<'_>,
        endpoint: &Endpoint,
        path: &str,
    ) -> Result<Value, GoogleError> {
        self.send(call, (Method::GET, endpoint, path), None).await
    }

    /// Has something done.
    ///
    /// # Errors
    ///
    /// Whatever is no whole answer, by its kind.
    pub async fn post(
        &self,
        call: Call<'_>,
        endpoint: &Endpoint,
        path: &str,
        body: &Value,
    ) -> Result<Value, GoogleError> {
        self.send(call, (Method::POST, endpoint, path), Some(body))
            .await
    }

    async fn send(
        &self,
        call: Call<'_>,
        target: (Method, &Endpoint, &str),
        body: Option<&Value>,
    ) -> Result<Value, GoogleError> {
        let answered =
            tokio::time::timeout(call.timeout, self.exchange(call.doing, target, body)).await;
        let late = || {
            GoogleError::new(
                call.doing,
                Kind::Unreachable,
                format!("no answer within {:?}", call.timeout),
            )
        };
        let answer = answered.map_err(|_| late())?;
        if let Err(error) = &answer
            && error.kind == Kind::Unauthenticated
        {
            self.tokens.forget().await;
        }
        answer
    }

    async fn exchange(
        &self,
        doing: &str,
        (method, endpoint, path): (Method, &Endpoint, &str),
        body: Option<&Value>,
    ) -> Result<Value, GoogleError> {
        let unreachable = |error: reqwest::Error| {
            GoogleError::new(doing, Kind::Unreachable, chain(&error.without_url()))
        };
        let mut request = self.http.request(method, endpoint.at(path));
        if !endpoint.emulator
            && let Some(token) = self.tokens.token().await?
        {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let retry_after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|it| it.to_str().ok()?.parse().ok());
        let bytes = answer.bytes().await.map_err(unreachable)?;
        if !status.is_success() {
            let retry_after = retry_after.and_then(TimeDelta::try_seconds);
            return Err(GoogleError::of_answer(
                doing,
                status.as_u16(),
                &bytes,
                retry_after,
            ));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| GoogleError::new(doing, Kind::Unreadable, error))
    }
}
