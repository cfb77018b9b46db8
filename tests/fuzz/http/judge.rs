//! What an answer has to be, whatever was called: never a fault of ours, and a refusal that says what is wrong.
//!
//! Whether a good message was counted belongs to `beside`.

use super::{
    attack::Attack,
    call::Answer,
    endpoints::{Endpoint, Kind},
};

/// Characters of a refusal: it is read in a terminal.
const DETAIL_MAX: usize = 1_200;
/// Answers to a push that make its sender give up, or wait days.
const NEVER: [u16; 3] = [408, 413, 415];
/// Refusals that are about one field.
const OF_A_FIELD: [&str; 4] = ["missing_field", "wrong_type", "wrong_value", "not_base64"];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was taken.
    Taken,
    /// It was taken, and something of it is in quarantine.
    Quarantined,
    /// It was refused.
    Refused,
}

/// Says how the call ended.
///
/// # Errors
///
/// When the answer is not as it has to be.
pub fn judge(endpoint: &Endpoint, attack: &Attack, answer: &Answer) -> Result<Ended, String> {
    let status = answer.status;
    if status >= 500 || NEVER.contains(&status) {
        return Err(format!("answered {status}: {answer:?}"));
    }
    if answer.header("cache-control") != "no-store" {
        return Err(format!("may be kept by a proxy: {answer:?}"));
    }
    if attack.method == "HEAD" {
        return Ok(Ended::Taken);
    }
    let is_own = attack.method == endpoint.method;
    let is_push = matches!(endpoint.kind, Kind::Completions | Kind::Events);
    if is_push && is_own && !attack.is_foreign() {
        return push(endpoint, answer);
    }
    if !endpoint.is_called(&attack.method) && !matches!(status, 404 | 405) {
        return Err(format!("{} was taken: {answer:?}", attack.method));
    }
    match status {
        200..400 => Ok(Ended::Taken),
        _ if endpoint.kind == Kind::Page && !matches!(status, 404 | 405) => page(answer),
        _ if answer.header("content-type").starts_with("text/html") => page(answer),
        _ => problem(answer),
    }
}

/// A push is acknowledged, and says what became of it.
fn push(endpoint: &Endpoint, answer: &Answer) -> Result<Ended, String> {
    if ![200, 201, 202, 204].contains(&answer.status) {
        return Err(format!("a push that would come again: {answer:?}"));
    }
    let json = answer.json();
    if endpoint.kind == Kind::Completions {
        let counts = answer.counts();
        return match counts {
            [0, 0, 0, 0] => Err(format!("counted as nothing: {answer:?}")),
            [.., 0] => Ok(Ended::Taken),
            _ => Ok(Ended::Quarantined),
        };
    }
    let why = json["why"].as_array().map_or(0, Vec::len);
    match json["quarantined"].as_bool() {
        _ if why == 0 => Err(format!("without a reason: {answer:?}")),
        Some(true) => Ok(Ended::Quarantined),
        Some(false) | None => Ok(Ended::Taken),
    }
}

/// RFC 9457: one readable line that says what is wrong, and of which field.
fn problem(answer: &Answer) -> Result<Ended, String> {
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let (kind, detail) = (text("type"), text("detail"));
    let kind = kind.strip_prefix("urn:tipoff:problem:").unwrap_or_default();
    let names_field = !OF_A_FIELD.contains(&kind) || !text("field").is_empty();
    let is_well = answer
        .header("content-type")
        .starts_with("application/problem+json")
        && !kind.is_empty()
        && !text("title").is_empty()
        && json["status"] == answer.status
        && names_field
        && is_line(&detail);
    match is_well {
        true => Ok(Ended::Refused),
        false => Err(format!("a refusal that does not help: {answer:?}")),
    }
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= DETAIL_MAX
        && !text.chars().any(char::is_control)
}

/// A page for people, with a heading.
fn page(answer: &Answer) -> Result<Ended, String> {
    let is_page = answer.header("content-type").starts_with("text/html")
        && answer.body.contains("<h1")
        && !answer.body.contains("<script");
    match is_page {
        true => Ok(Ended::Refused),
        false => Err(format!("no page: {answer:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ended, problem};

    fn answer(content_type: &str, body: &str) -> Answer {
        Answer {
            status: 400,
            head: format!("http/1.1 400 bad request\r\ncontent-type: {content_type}"),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_refusal_that_does_not_help_is_found() {
        let json = "application/problem+json";
        let whole = r#"{"type":"urn:tipoff:problem:wrong_value","title":"t","status":400,"detail":"d","field":"f"}"#;
        assert_eq!(problem(&answer(json, whole)), Ok(Ended::Refused));
        for (kind, body) in [
            ("text/plain", whole.to_owned()),
            (json, "Invalid URL".to_owned()),
            (json, whole.replace(r#","field":"f""#, "")),
            (json, whole.replace(r#""d""#, r#"" ""#)),
            (json, whole.replace(r#""d""#, r#""a\u001bb""#)),
            (json, whole.replace("400", "404")),
            (
                json,
                whole.replace(r#""d""#, &format!("{:?}", "d".repeat(2_000))),
            ),
        ] {
            assert!(problem(&answer(kind, &body)).is_err(), "{kind} {body}");
        }
    }
}
