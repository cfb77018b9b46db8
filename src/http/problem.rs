//! Errors as callers get them: problem+json (RFC 9457), naming the field and the mend, without internals.
//!
//! What is wrong with a body is said by `wire::Malformed`; what operators need is logged here.

use std::{any::Any, time::Duration};

use axum::{
    body::Body,
    extract::rejection::PathRejection,
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};

use crate::{
    engine::EngineError,
    ports::{chain, store::StoreError},
    wire::{
        Malformed,
        people::{PROBLEM_MEDIA_TYPE, Problem},
    },
};

/// Seconds after which a caller may try again what could not be done now.
const RETRY_SECONDS: &str = "5";
/// Most characters of a detail.
const DETAIL_CHARACTERS_MAX: usize = 1_000;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let mut set = |name: HeaderName, value| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        };
        set(CONTENT_TYPE, PROBLEM_MEDIA_TYPE);
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 15.5.2: a 401 says how to authenticate.
            set(WWW_AUTHENTICATE, "Bearer realm=\"tipoff\"");
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            set(RETRY_AFTER, RETRY_SECONDS);
        }
        response
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::from(&malformed)
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        tracing::error!(
            error = chain(&error),
            "a call could not be done: {}; look at the store's disk and the log before this",
            chain(&error)
        );
        not_now()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        // The only case of a path that leads here: its bytes are no text.
        let detail = format!("the address cannot be read: {}", rejection.body_text());
        problem(StatusCode::BAD_REQUEST, "bad_address", detail)
    }
}

/// A problem of this kind.
pub fn problem(status: StatusCode, kind: &str, detail: impl Into<String>) -> Problem {
    Problem {
        kind: format!("urn:tipoff:problem:{kind}"),
        title: title(status).to_owned(),
        status: status.as_u16(),
        detail: shorten(detail.into()),
        field: None,
    }
}

/// What a caller wrote may stand in the detail, however long it was: it stays one line that can be read.
fn shorten(mut detail: String) -> String {
    if let Some((end, _)) = detail.char_indices().nth(DETAIL_CHARACTERS_MAX) {
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request cannot be read",
        StatusCode::UNAUTHORIZED => "The caller is not known",
        StatusCode::FORBIDDEN => "The caller may not do this",
        StatusCode::NOT_FOUND => "There is no such thing",
        StatusCode::METHOD_NOT_ALLOWED => "The path is called in another way",
        StatusCode::CONFLICT => "Something is in the way",
        StatusCode::SERVICE_UNAVAILABLE => "It cannot be done now",
        _ => "Something went wrong here",
    }
}

/// A field that cannot be what it is.
pub fn bad_field(field: &str, detail: impl Into<String>) -> Problem {
    Problem {
        field: Some(field.to_owned()),
        ..problem(StatusCode::BAD_REQUEST, "wrong_value", detail)
    }
}

/// Something that is not known.
pub fn not_known(detail: impl Into<String>) -> Problem {
    problem(StatusCode::NOT_FOUND, "not_known", detail)
}

/// Something that cannot be done now and may be tried again.
pub fn not_now() -> Problem {
    let detail = "it could not be done now, and nothing of it was; try again";
    problem(StatusCode::SERVICE_UNAVAILABLE, "not_now", detail)
}

/// A call that took too long.
pub fn timed_out(longest: Duration) -> Problem {
    let detail = format!(
        "no answer within {} s; what was taken in by then is done, and asking again does it no second time",
        longest.as_secs()
    );
    problem(StatusCode::SERVICE_UNAVAILABLE, "timed_out", detail)
}

/// A path that leads nowhere.
pub async fn no_such_path(uri: Uri) -> Problem {
    let detail = format!("nothing is at {}", uri.path());
    problem(StatusCode::NOT_FOUND, "no_such_path", detail)
}

/// A path called with another method than its own.
pub async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    problem(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", detail)
}

/// A fault of ours; what it was is in the log only.
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    tracing::error!(panic = text, "a call panicked: {text}; please report it");
    let detail = "a fault of the service; its log says more";
    problem(StatusCode::INTERNAL_SERVER_ERROR, "fault", detail).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse};

    use super::{DETAIL_CHARACTERS_MAX, not_known, not_now, panicked, problem};

    #[test]
    fn a_detail_stays_short_whatever_was_written() {
        let detail = |text: String| not_known(text).detail.chars().count();
        let most = DETAIL_CHARACTERS_MAX;
        assert_eq!(detail("é".repeat(most)), most);
        assert_eq!(detail("é".repeat(most + 1)), most + 1);
        assert_eq!(detail("é".repeat(most * 9)), most + 1);
    }

    #[test]
    fn a_problem_says_how_to_go_on() {
        let unknown = problem(StatusCode::UNAUTHORIZED, "no_token", "x").into_response();
        assert_eq!(
            unknown.headers()["www-authenticate"],
            "Bearer realm=\"tipoff\""
        );
        assert_eq!(
            unknown.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(not_now().into_response().headers()["retry-after"], "5");
    }

    #[test]
    fn a_panic_is_a_problem_without_its_words() {
        let response = panicked(Box::new("secret"));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
}
