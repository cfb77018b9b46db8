//! Who calls, and whether they may: the shared token now, and the one place where other identities are verified.
//!
//! No header but `Authorization` is believed; in particular none that says it is a scheduler. A caller may say who
//! they are in `Tipoff-By`: that name stands in the history and gives no right to anything.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{HttpState, problem::problem};
use crate::{config::Token, wire::people::Problem};

/// The header in which a caller says who they are.
const BY: &str = "tipoff-by";
/// Most characters of a name.
const NAME_CHARACTERS_MAX: usize = 64;

/// Who a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Pub/Sub and workers.
    Push,
    /// People, their tools and schedules.
    People,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A push or a worker, verified.
    Push,
    /// A person or their tool, verified, with the name they gave.
    Person(String),
    /// Someone on this machine, where no token is configured.
    Anonymous,
}

impl Caller {
    /// The name for the history.
    pub fn name(&self) -> &str {
        match self {
            Self::Push => "a push",
            Self::Person(name) => name,
            Self::Anonymous => "someone on this machine",
        }
    }
}

/// Says who calls. Google's signed identities of pushes and schedules are to be verified here, before the token.
///
/// # Errors
///
/// 401 without the token or with a wrong one, 403 for a web page of somewhere else.
pub fn identify(
    headers: &HeaderMap,
    access: Access,
    token: Option<&Token>,
) -> Result<Caller, Problem> {
    let name = said_name(headers);
    let Some(token) = token else {
        refuse_other_sites(headers)?;
        return Ok(name.map_or(Caller::Anonymous, Caller::Person));
    };
    match bearer(headers) {
        Some(presented) if token.matches(presented) => Ok(match access {
            Access::Push => Caller::Push,
            Access::People => {
                Caller::Person(name.unwrap_or_else(|| "a holder of the token".to_owned()))
            }
        }),
        Some(_) => Err(unknown("the token is not the one of this service")),
        None => Err(unknown(
            "the call carries no token; send it as `Authorization: Bearer …`",
        )),
    }
}

/// Lets only those through who may, and tells what follows who they are.
pub async fn guard(
    State((state, access)): State<(Arc<HttpState>, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    match identify(request.headers(), access, state.token.as_ref()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn unknown(detail: &str) -> Problem {
    problem(StatusCode::UNAUTHORIZED, "not_identified", detail)
}

/// The scheme's name is not case-sensitive (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn said_name(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(BY)?.to_str().ok()?.trim();
    let name: String = text.chars().take(NAME_CHARACTERS_MAX).collect();
    (!name.is_empty()).then_some(name)
}

/// Without a token every page that a browser on this machine shows could call. Browsers say which page it is, and
/// under which name they found this machine.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let host = text(header::HOST.as_str());
    let foreign = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) if site != "same-origin" && site != "none" => true,
        (_, Some(origin)) => origin.split_once("://").map(|(_, rest)| rest) != host,
        (_, None) => false,
    };
    if foreign || !host.is_none_or(names_this_machine) {
        let detail = "without a token only callers on this machine are heard, under localhost or an address, and no \
                      web pages of elsewhere; configure a token for others";
        return Err(problem(StatusCode::FORBIDDEN, "other_site", detail));
    }
    Ok(())
}

fn names_this_machine(host: &str) -> bool {
    let Ok(uri) = Uri::try_from(format!("http://{host}/")) else {
        return false;
    };
    let name = uri
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use rstest::rstest;

    use super::{Access, Caller, identify};
    use crate::config::{self, Environment, Token};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let owned = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(owned).collect()
    }

    fn token() -> Token {
        let set = ("TIPOFF_TOKEN".to_owned(), "0123456789abcdef".to_owned());
        let folder = std::path::Path::new(".");
        config::parse("", folder, &Environment::of([set]))
            .unwrap()
            .token
            .unwrap()
    }

    #[rstest]
    #[case(&[], Some(401))]
    #[case(&[("authorization", "Bearer 0123456789abcdef")], None)]
    #[case(&[("authorization", "bearer  0123456789abcdef")], None)]
    #[case(&[("authorization", "Bearer 0123456789abcdeg")], Some(401))]
    #[case(&[("authorization", "Basic 0123456789abcdef")], Some(401))]
    #[case(&[("authorization", "0123456789abcdef")], Some(401))]
    #[case(&[("x-cloudscheduler", "true")], Some(401))]
    #[case(&[("tipoff-by", "jane")], Some(401))]
    fn with_a_token_only_its_holders_are_heard(
        #[case] sent: &[(&'static str, &'static str)],
        #[case] status: Option<u16>,
    ) {
        for access in [Access::Push, Access::People] {
            let refused = identify(&headers(sent), access, Some(&token())).err();
            assert_eq!(refused.map(|problem| problem.status), status);
        }
    }

    #[test]
    fn a_name_is_taken_from_who_may_call_and_only_for_the_history() {
        let sent = headers(&[
            ("authorization", "Bearer 0123456789abcdef"),
            ("tipoff-by", "jane"),
        ]);
        let caller = identify(&sent, Access::People, Some(&token())).unwrap();
        assert_eq!(caller, Caller::Person("jane".to_owned()));
        let caller = identify(&sent, Access::Push, Some(&token())).unwrap();
        assert_eq!(caller, Caller::Push);
        let caller = identify(&headers(&[]), Access::People, None).unwrap();
        assert_eq!(caller.name(), "someone on this machine");
    }

    #[rstest]
    #[case(&[("host", "127.0.0.1:8080")], true)]
    #[case(&[("host", "[::1]:8080")], true)]
    #[case(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")], true)]
    #[case(&[("host", "localhost:8080"), ("origin", "https://evil.example")], false)]
    #[case(&[("host", "localhost:8080"), ("origin", "null")], false)]
    #[case(&[("host", "localhost:8080"), ("sec-fetch-site", "cross-site")], false)]
    #[case(&[("host", "localhost:8080"), ("sec-fetch-site", "none")], true)]
    #[case(&[("host", "evil.example:8080"), ("sec-fetch-site", "same-origin")], false)]
    fn without_a_token_no_web_page_of_elsewhere_is_heard(
        #[case] sent: &[(&'static str, &'static str)],
        #[case] heard: bool,
    ) {
        let answer = identify(&headers(sent), Access::People, None);
        assert_eq!(answer.is_ok(), heard, "{answer:?}");
        assert!(answer.is_ok() || answer.is_err_and(|problem| problem.status == 403));
    }
}
