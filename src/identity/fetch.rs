//! One look at the published keys: the answer, bounded in time and size, as keys by name and how long they are fresh.
//!
//! When it is looked and what is kept belongs to `keys`.

use std::{collections::HashMap, time::Duration};

use chrono::TimeDelta;
use jsonwebtoken::{DecodingKey, DecodingKeyKind, jwk::Jwk};
use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::Value;

/// Google's list is under 3 KiB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long one look may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// A key of fewer bits is not believed (NIST SP 800-131A); Google's have 2,048.
const MODULUS_BYTES_MIN: usize = 256;
/// Not more often, whatever the answer says.
const FRESH_MIN: TimeDelta = TimeDelta::minutes(5);
/// Not less often: a key that was withdrawn is not believed for longer. Google says about 5.5 hours.
const FRESH_MAX: TimeDelta = TimeDelta::hours(6);
/// Where the answer says nothing.
const FRESH_USUAL: TimeDelta = TimeDelta::hours(1);

/// Why the keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, a cut one, or no answer in time.
    #[error("asking for the keys of identities")]
    Unreachable(#[source] reqwest::Error),
    /// No answer within the limit.
    #[error("asking for the keys of identities: no answer within {} s", FETCH_TIMEOUT.as_secs())]
    Late,
    /// An answer that is no success.
    #[error("asking for the keys of identities: answered {0}")]
    Status(u16),
    /// More than any list of keys.
    #[error(
        "asking for the keys of identities: the answer is longer than {ANSWER_BYTES_MAX} bytes"
    )]
    TooLarge,
    /// No list of keys.
    #[error("reading the keys of identities")]
    Unreadable(#[source] serde_json::Error),
    /// A list in which no key can be used.
    #[error("reading the keys of identities: none of them can verify RS256")]
    NoKey,
}

/// The keys as they were published.
pub struct Fetched {
    /// The keys by their names.
    pub keys: HashMap<String, DecodingKey>,
    /// For how long they are fresh.
    pub fresh_for: TimeDelta,
}

#[derive(Deserialize)]
struct List {
    keys: Vec<Value>,
}

/// Looks once.
///
/// # Errors
///
/// Whatever is no whole list with a key that can be used.
pub async fn fetch(http: &reqwest::Client, url: &str) -> Result<Fetched, FetchError> {
    let answered = tokio::time::timeout(FETCH_TIMEOUT, exchange(http, url)).await;
    let (headers, body) = answered.map_err(|_| FetchError::Late)??;
    let list: List = serde_json::from_slice(&body).map_err(FetchError::Unreadable)?;
    let keys: HashMap<_, _> = list.keys.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err(FetchError::NoKey);
    }
    Ok(Fetched {
        keys,
        fresh_for: fresh_for(&headers),
    })
}

async fn exchange(http: &reqwest::Client, url: &str) -> Result<(HeaderMap, Vec<u8>), FetchError> {
    let unreachable = |error: reqwest::Error| FetchError::Unreachable(error.without_url());
    let mut answer = http.get(url).send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let headers = answer.headers().clone();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok((headers, body))
}

/// A key that RS256 may be verified with, and its name. Others may stand in the list: they are none of ours.
fn key(published: Value) -> Option<(String, DecodingKey)> {
    let is = |name: &str, value: &str| {
        let said = published.get(name);
        said.is_none_or(|said| said.as_str() == Some(value))
    };
    if published.get("kty")?.as_str()? != "RSA" || !is("use", "sig") || !is("alg", "RS256") {
        return None;
    }
    let kid = published.get("kid")?.as_str()?.to_owned();
    let jwk: Jwk = serde_json::from_value(published).ok()?;
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } if n.len() >= MODULUS_BYTES_MIN => {
            Some((kid, key))
        }
        DecodingKeyKind::RsaModulusExponent { .. } | DecodingKeyKind::SecretOrDer(_) => None,
    }
}

/// How long the answer may be kept (RFC 9111, section 5.2.2), without the time that it lay in caches between.
fn fresh_for(headers: &HeaderMap) -> TimeDelta {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let said = text(CACHE_CONTROL).unwrap_or_default();
    let directives = || said.split(',').map(|it| it.trim().to_ascii_lowercase());
    if directives().any(|it| it == "no-store" || it == "no-cache") {
        return FRESH_MIN;
    }
    let seconds = directives().find_map(|it| it.strip_prefix("max-age=")?.parse::<u32>().ok());
    let age = text(AGE).and_then(|age| age.trim().parse::<u32>().ok());
    let fresh = seconds.map_or(FRESH_USUAL, |seconds| {
        TimeDelta::seconds(i64::from(seconds) - i64::from(age.unwrap_or_default()))
    });
    fresh.clamp(FRESH_MIN, FRESH_MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::{FRESH_MAX, FRESH_MIN, FRESH_USUAL, fresh_for};

    #[rstest]
    #[case(
        Some("public, max-age=20000, must-revalidate"),
        None,
        TimeDelta::seconds(20_000)
    )]
    #[case(Some("max-age=20000"), Some("5000"), TimeDelta::seconds(15_000))]
    #[case(Some("Max-Age=1"), None, FRESH_MIN)]
    #[case(Some("max-age=4000000000"), None, FRESH_MAX)]
    #[case(Some("max-age=-1"), None, FRESH_USUAL)]
    #[case(Some("no-store, max-age=20000"), None, FRESH_MIN)]
    #[case(None, None, FRESH_USUAL)]
    fn keys_are_fresh_as_long_as_the_answer_says_within_bounds(
        #[case] said: Option<&'static str>,
        #[case] age: Option<&'static str>,
        #[case] fresh: TimeDelta,
    ) {
        let pairs = [("cache-control", said), ("age", age)];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        assert_eq!(fresh_for(&headers), fresh);
    }
}
