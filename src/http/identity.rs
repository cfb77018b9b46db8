//! How a request says who calls, and what it is told where that is not enough: the one place that decides.
//!
//! No header but `Authorization` is believed; in particular none that says it is a scheduler. A holder of the shared
//! token may say who they are in `Tipoff-By`: that name stands in the history and gives no right to anything. Whose a
//! token is belongs to `callers`.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Access, Caller, Callers, HttpState, problem::problem};
use crate::{
    domain::service::Happened,
    identity::{Refusal, TOKEN_BYTES_MAX},
    telemetry::measure::record_identity_refusal,
    wire::people::Problem,
};

/// The header in which a caller says who they are.
const BY: &str = "tipoff-by";
/// The header in which Cloud Scheduler names its job
/// (<https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#httptarget>).
const JOB: &str = "x-cloudscheduler-jobname";
/// Most characters of a name.
const NAME_CHARACTERS_MAX: usize = 64;
/// `Bearer` and blanks, beside the longest token.
const HEADER_BYTES_MAX: usize = TOKEN_BYTES_MAX + 16;
/// How long noting that a job called may take; the call itself does not wait for it.
const NOTING_SECONDS_MAX: u64 = 10;

/// Why a caller is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turned {
    /// Who calls is not known, or may not.
    Away(Refusal),
    /// A web page of somewhere else.
    OtherSite,
}

/// Says who calls.
async fn identify(
    headers: &HeaderMap,
    access: Access,
    callers: &Callers,
) -> Result<Caller, Turned> {
    let name = said_name(headers);
    if callers.is_empty() {
        refuse_other_sites(headers)?;
        return Ok(name.map_or(Caller::Anonymous, Caller::Person));
    }
    let presented = bearer(headers).map_err(Turned::Away)?;
    let known = callers.of_token(presented, access, name).await;
    known.map_err(Turned::Away)
}

/// Lets only those through who may, and tells what follows who they are.
pub async fn guard(
    State((state, access)): State<(Arc<HttpState>, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    match identify(request.headers(), access, &state.callers).await {
        Ok(caller) => {
            if matches!(caller, Caller::Scheduler(_)) {
                state.note_job(&request);
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(Turned::OtherSite) => other_site().into_response(),
        Err(Turned::Away(refusal)) => {
            let (reason, path) = (refusal.name(), path(&request));
            record_identity_refusal(&state.engine.shared().metrics, reason);
            tracing::warn!(reason, path, "a call of {path} was not heard: {refusal}");
            turned_away(refusal).into_response()
        }
    }
}

impl HttpState {
    /// Keeps that a job of the external scheduler called; its identity is verified by now. A name that is not
    /// expected is none: then the path stands for it.
    fn note_job(self: &Arc<Self>, request: &Request) {
        let said = request.headers().get(JOB);
        let said = said.and_then(|value| value.to_str().ok());
        let accounts = self.callers.accounts.as_ref();
        let known = said.and_then(|said| accounts?.job(said));
        let job = known.map_or_else(
            || format!("{} {}", request.method(), path(request)),
            str::to_owned,
        );
        let state = self.clone();
        tokio::spawn(async move {
            let longest = Duration::from_secs(NOTING_SECONDS_MAX);
            let noting = state.engine.inbox().happened(Happened::Heard(job.clone()));
            if !matches!(tokio::time::timeout(longest, noting).await, Ok(Ok(()))) {
                tracing::warn!(job, "it could not be kept that {job} called");
            }
        });
    }
}

/// The path as the router knows it: a closed set, and nothing of what the caller wrote.
fn path(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>();
    matched.map_or("other", MatchedPath::as_str).to_owned()
}

/// 401 where it is not known who calls, 403 where it is and they may not, 503 where it could not be asked.
fn turned_away(refusal: Refusal) -> Problem {
    let (status, kind) = match refusal {
        Refusal::NotAllowed | Refusal::UnknownAccount => (StatusCode::FORBIDDEN, "not_allowed"),
        Refusal::KeysUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable"),
        Refusal::NoToken
        | Refusal::WrongToken
        | Refusal::Several
        | Refusal::TooLarge
        | Refusal::Malformed
        | Refusal::WrongAlgorithm
        | Refusal::NoKeyId
        | Refusal::UnknownKey
        | Refusal::BadSignature
        | Refusal::WrongIssuer
        | Refusal::NoExpiry
        | Refusal::Expired
        | Refusal::NotYet
        | Refusal::WrongAudience
        | Refusal::NoEmail
        | Refusal::UnverifiedEmail => (StatusCode::UNAUTHORIZED, "not_identified"),
    };
    problem(status, kind, refusal.text())
}

/// The one token that is presented. The scheme's name is not case-sensitive (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next().ok_or(Refusal::NoToken)?;
    if all.next().is_some() {
        return Err(Refusal::Several);
    }
    if value.len() > HEADER_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let text = value.to_str().map_err(|_| Refusal::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refusal::NoToken)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Refusal::NoToken);
    }
    if token.contains(char::is_whitespace) {
        return Err(Refusal::Malformed);
    }
    Ok(token)
}

fn said_name(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(BY)?.to_str().ok()?.trim();
    let name: String = text.chars().take(NAME_CHARACTERS_MAX).collect();
    (!name.is_empty()).then_some(name)
}

/// Without a token every page that a browser on this machine shows could call. Browsers say which page it is, and
/// under which name they found this machine.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Turned> {
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
        return Err(Turned::OtherSite);
    }
    Ok(())
}

fn other_site() -> Problem {
    let detail = "without a token only callers on this machine are heard, under localhost or an address, and no \
                  web pages of elsewhere; configure a token for others";
    problem(StatusCode::FORBIDDEN, "other_site", detail)
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

    use super::{Access, Caller, Callers, Turned, identify, turned_away};
    use crate::{
        config::{self, Environment, NamedToken, Role},
        domain::trigger::Source,
        identity::Refusal,
        telemetry::labels::IDENTITY_REFUSALS,
    };

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let owned = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let mut map = HeaderMap::new();
        for (name, value) in pairs.iter().map(owned) {
            map.append(name, value);
        }
        map
    }

    fn callers() -> Callers {
        let set = ("TIPOFF_TOKEN".to_owned(), "0123456789abcdef".to_owned());
        let folder = std::path::Path::new(".");
        let config = config::parse("", folder, &Environment::of([set])).unwrap();
        Callers {
            token: config.token,
            tokens: vec![
                NamedToken::of("dana", Role::Person, "tipoff_dana"),
                NamedToken::of("prediction workers", Role::Worker, "tipoff_workers"),
            ],
            accounts: None,
        }
    }

    #[rstest]
    #[case(&[], Some(Refusal::NoToken))]
    #[case(&[("authorization", "Bearer 0123456789abcdef")], None)]
    #[case(&[("authorization", "bearer  0123456789abcdef")], None)]
    #[case(&[("authorization", "Bearer 0123456789abcdeg")], Some(Refusal::WrongToken))]
    #[case(&[("authorization", "Basic 0123456789abcdef")], Some(Refusal::NoToken))]
    #[case(&[("authorization", "0123456789abcdef")], Some(Refusal::NoToken))]
    #[case(&[("authorization", "Bearer ")], Some(Refusal::NoToken))]
    #[case(&[("authorization", "Bearer a 0123456789abcdef")], Some(Refusal::Malformed))]
    #[case(
        &[("authorization", "Bearer 0123456789abcdef"), ("authorization", "Bearer a")],
        Some(Refusal::Several)
    )]
    #[case(&[("x-cloudscheduler", "true")], Some(Refusal::NoToken))]
    #[case(&[("tipoff-by", "jane")], Some(Refusal::NoToken))]
    #[tokio::test]
    async fn with_a_token_only_its_holders_are_heard(
        #[case] sent: &[(&'static str, &'static str)],
        #[case] refusal: Option<Refusal>,
    ) {
        for access in [Access::Push, Access::People, Access::Schedule] {
            let refused = identify(&headers(sent), access, &callers()).await.err();
            assert_eq!(refused, refusal.map(Turned::Away));
        }
    }

    #[rstest]
    #[case("Bearer tipoff_dana", [false, true, true])]
    #[case("Bearer tipoff_workers", [true, false, false])]
    #[tokio::test]
    async fn a_named_token_goes_where_its_role_may(
        #[case] sent: &'static str,
        #[case] heard: [bool; 3],
    ) {
        let sent = headers(&[("authorization", sent)]);
        for (access, heard) in [Access::Push, Access::People, Access::Schedule]
            .into_iter()
            .zip(heard)
        {
            let answer = identify(&sent, access, &callers()).await;
            assert_eq!(answer.is_ok(), heard, "{access:?}: {answer:?}");
            assert!(heard || answer == Err(Turned::Away(Refusal::NotAllowed)));
        }
    }

    #[tokio::test]
    async fn a_named_token_speaks_as_nobody_else() {
        let sent = headers(&[
            ("authorization", "Bearer tipoff_dana"),
            ("tipoff-by", "jane"),
        ]);
        let caller = identify(&sent, Access::People, &callers()).await.unwrap();
        assert_eq!(caller, Caller::Named("dana".to_owned()));
        assert_eq!(caller.speaking_as(Some("jane".to_owned())), "dana");
        assert_eq!(caller.asked_as(Source::Retry).as_deref(), Some("dana"));
        let account = Caller::Scheduler("schedule@example.com".to_owned());
        assert_eq!(account.asked_as(Source::Backup), None);
    }

    #[tokio::test]
    async fn a_name_is_taken_from_who_may_call_and_only_for_the_history() {
        let sent = headers(&[
            ("authorization", "Bearer 0123456789abcdef"),
            ("tipoff-by", "jane"),
        ]);
        let caller = identify(&sent, Access::People, &callers()).await.unwrap();
        assert_eq!(caller, Caller::Person("jane".to_owned()));
        assert_eq!(caller.speaking_as(Some("kim".to_owned())), "kim");
        let caller = identify(&sent, Access::Push, &callers()).await.unwrap();
        assert_eq!(caller, Caller::Push);
        let nobody = Callers::default();
        let caller = identify(&headers(&[]), Access::People, &nobody).await;
        assert_eq!(caller.unwrap().name(), "someone on this machine");
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
    #[tokio::test]
    async fn without_a_token_no_web_page_of_elsewhere_is_heard(
        #[case] sent: &[(&'static str, &'static str)],
        #[case] heard: bool,
    ) {
        let answer = identify(&headers(sent), Access::People, &Callers::default()).await;
        assert_eq!(answer.is_ok(), heard, "{answer:?}");
        assert!(answer.is_ok() || answer == Err(Turned::OtherSite));
    }

    #[test]
    fn every_refusal_has_its_label_and_says_whether_to_come_again() {
        assert_eq!(Refusal::ALL.map(Refusal::name), IDENTITY_REFUSALS);
        for refusal in Refusal::ALL {
            let status = turned_away(refusal).status;
            assert!(matches!(status, 401 | 403 | 503), "{refusal:?}: {status}");
        }
        assert_eq!(turned_away(Refusal::KeysUnavailable).status, 503);
    }
}
