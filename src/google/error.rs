//! What can go wrong with a call to Google, and whether another try may help.
//!
//! What is done about it is decided by whoever called.

use std::fmt;

use chrono::TimeDelta;
use serde_json::Value;

use crate::ports::PortError;

/// Most characters of an answer that are kept for people.
const DETAIL_CHARACTERS_MAX: usize = 300;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No connection, a cut one, or no answer in time: whether it was done is not known.
    Unreachable,
    /// 5xx: Google's own trouble.
    Unavailable,
    /// 429, or a 403 whose reason is a rate or a quota: later.
    Quota,
    /// There was no token to be had, or it was refused (401).
    Unauthenticated,
    /// The account may not do this (403).
    Forbidden,
    /// The object is not there (404).
    NotFound,
    /// It is there already (409).
    Exists,
    /// The request makes no sense (any other 4xx).
    Invalid,
    /// An answer that says it worked and cannot be read or is not whole: taken for no answer.
    Unreadable,
}

/// A call to Google that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleError {
    /// What was being done, to what.
    pub doing: String,
    /// What kind of failure it is.
    pub kind: Kind,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// What was said, shortened; never a token.
    pub detail: String,
    /// How long Google asks to wait.
    pub retry_after: Option<TimeDelta>,
}

impl fmt::Display for GoogleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{}: answered {status}: {}", self.doing, self.detail),
            None => write!(f, "{}: {}", self.doing, self.detail),
        }
    }
}

impl std::error::Error for GoogleError {}

impl GoogleError {
    /// A failure without an answer.
    pub fn new(doing: impl Into<String>, kind: Kind, detail: impl fmt::Display) -> Self {
        Self {
            doing: doing.into(),
            kind,
            status: None,
            detail: shortened(&detail.to_string()),
            retry_after: None,
        }
    }

    /// Reads an answer that is no success (<https://cloud.google.com/apis/design/errors>). The status decides; a body
    /// of another shape is quoted.
    pub fn of_answer(
        doing: impl Into<String>,
        status: u16,
        body: &[u8],
        retry_after: Option<TimeDelta>,
    ) -> Self {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &said["error"];
        let message = error["message"].as_str();
        Self {
            doing: doing.into(),
            kind: kind(status, error),
            status: Some(status),
            detail: shortened(message.unwrap_or(&String::from_utf8_lossy(body))),
            retry_after,
        }
    }

    /// Whether another try may help.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            Kind::Unreachable
            | Kind::Unavailable
            | Kind::Quota
            | Kind::Unauthenticated
            | Kind::Unreadable => true,
            Kind::Forbidden | Kind::NotFound | Kind::Exists | Kind::Invalid => false,
        }
    }

    /// The same without what was being done, for a `PortError` that says it.
    fn said(&self) -> String {
        match self.status {
            Some(status) => format!("answered {status}: {}", self.detail),
            None => self.detail.clone(),
        }
    }
}

impl From<GoogleError> for PortError {
    fn from(error: GoogleError) -> Self {
        let said = error.said();
        if error.is_transient() {
            Self::transient(error.doing, said)
        } else {
            Self::permanent(error.doing, said)
        }
    }
}

fn kind(status: u16, error: &Value) -> Kind {
    match status {
        401 => Kind::Unauthenticated,
        403 if is_quota(error) => Kind::Quota,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        409 => Kind::Exists,
        408 => Kind::Unreachable,
        429 => Kind::Quota,
        500.. => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

/// BigQuery says a quota by a 403 with a reason (<https://cloud.google.com/bigquery/docs/error-messages>).
fn is_quota(error: &Value) -> bool {
    let said = |reason: &Value| {
        matches!(
            reason.as_str(),
            Some(
                "rateLimitExceeded"
                    | "quotaExceeded"
                    | "jobRateLimitExceeded"
                    | "RATE_LIMIT_EXCEEDED"
            )
        )
    };
    error["status"] == "RESOURCE_EXHAUSTED"
        || error["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| said(&it["reason"]))
        || error["details"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| said(&it["reason"]))
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(DETAIL_CHARACTERS_MAX).collect();
    if short.is_empty() {
        "nothing was said".to_owned()
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{GoogleError, Kind};

    #[rstest]
    #[case(401, "", Kind::Unauthenticated, true)]
    #[case(
        403,
        r#"{"error": {"message": "no", "errors": [{"reason": "accessDenied"}]}}"#,
        Kind::Forbidden,
        false
    )]
    #[case(
        403,
        r#"{"error": {"message": "no", "errors": [{"reason": "quotaExceeded"}]}}"#,
        Kind::Quota,
        true
    )]
    #[case(
        403,
        r#"{"error": {"message": "no", "status": "RESOURCE_EXHAUSTED"}}"#,
        Kind::Quota,
        true
    )]
    #[case(403, "<html>no</html>", Kind::Forbidden, false)]
    #[case(404, "{}", Kind::NotFound, false)]
    #[case(409, "{}", Kind::Exists, false)]
    #[case(400, "{}", Kind::Invalid, false)]
    #[case(429, "{}", Kind::Quota, true)]
    #[case(500, "", Kind::Unavailable, true)]
    #[case(503, "<html>", Kind::Unavailable, true)]
    fn an_answer_is_told_by_its_status_whatever_its_body(
        #[case] status: u16,
        #[case] body: &str,
        #[case] kind: Kind,
        #[case] transient: bool,
    ) {
        let error = GoogleError::of_answer("asking", status, body.as_bytes(), None);
        assert_eq!((error.kind, error.is_transient()), (kind, transient));
        assert!(
            error
                .to_string()
                .starts_with(&format!("asking: answered {status}: ")),
            "{error}"
        );
    }
}
