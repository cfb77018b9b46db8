//! What an HTTP server's answer, or its silence, means for a message: taken, to be tried again, or refused for good.
//!
//! Codes that one service alone uses belong to its channel.

use chrono::{DateTime, TimeDelta};
use reqwest::{
    StatusCode,
    header::{HeaderMap, LOCATION, RETRY_AFTER},
};

use crate::{
    domain::{Instant, routing::Failure},
    ports,
};

/// Characters of a server's own words that an error repeats.
const WORDS_MAX: usize = 200;

/// A failure that another try may mend.
pub(super) fn transient(error: impl Into<String>) -> Failure {
    Failure {
        error: error.into(),
        permanent: false,
        doubtful: false,
        retry_after: None,
    }
}

/// A failure that no further try mends by itself.
pub(super) fn permanent(error: impl Into<String>) -> Failure {
    Failure {
        permanent: true,
        ..transient(error)
    }
}

/// A failure after which the message may have arrived all the same.
pub(super) fn doubtful(error: impl Into<String>) -> Failure {
    Failure {
        doubtful: true,
        ..transient(error)
    }
}

/// What a status other than 2xx means for a message sent to `whom`.
pub(super) fn refusal(
    whom: &str,
    status: StatusCode,
    headers: &HeaderMap,
    now: Instant,
) -> Failure {
    let error = format!("{whom} answered {status}");
    if status.is_redirection() {
        let target = headers.get(LOCATION).and_then(|it| it.to_str().ok());
        let target = target.map_or_else(|| "an address it does not name".to_owned(), address);
        return permanent(format!(
            "{error} and points to {target}: redirects are not followed, configure the final address"
        ));
    }
    let failure = if status == StatusCode::GATEWAY_TIMEOUT {
        doubtful(error)
    } else if may_pass(status) {
        transient(error)
    } else {
        permanent(error)
    };
    Failure {
        retry_after: retry_after(headers, now),
        ..failure
    }
}

/// Beyond 5xx these ask for another try: RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// What it means that a message sent to `whom` was not answered.
pub(super) fn silence(whom: &str, error: reqwest::Error) -> Failure {
    let before_sending = error.is_connect();
    let never_sent = error.is_builder();
    // The address may be a secret.
    let text = format!("{whom}: {}", chain(&error.without_url()));
    match (never_sent, before_sending) {
        (true, _) => permanent(text),
        (false, true) => transient(text),
        (false, false) => doubtful(text),
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    words(&ports::chain(error))
}

/// The first of a server's own words, on one line.
pub(super) fn words(text: &str) -> String {
    let clean = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clean
        .chars()
        .filter(|letter| !letter.is_control())
        .take(WORDS_MAX)
        .collect()
}

/// How long a server wants to be left alone: seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Instant) -> Option<TimeDelta> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(TimeDelta::seconds(seconds.into()));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.to_utc() - now).max(TimeDelta::zero()))
}

/// An address without what may be secret in it: who asks, the path's end, the query.
fn address(text: &str) -> String {
    match reqwest::Url::parse(text) {
        Ok(url) => format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()),
        Err(_) => "another path of the same server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use reqwest::{StatusCode, header::HeaderMap};

    use super::{refusal, words};
    use crate::domain::{Instant, routing::Failure};

    fn answer(status: u16, header: Option<(&'static str, &str)>) -> Failure {
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        refusal(
            "the webhook",
            StatusCode::from_u16(status).unwrap(),
            &headers,
            now,
        )
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, permanent) in [
            (400, true),
            (401, true),
            (404, true),
            (408, false),
            (410, true),
            (425, false),
            (429, false),
            (500, false),
            (503, false),
            (504, false),
            (302, true),
        ] {
            let failure = answer(status, None);
            assert_eq!(failure.permanent, permanent, "{failure:?}");
            assert!(failure.error.contains(&status.to_string()), "{failure:?}");
            assert_eq!(failure.doubtful, status == 504, "{failure:?}");
        }
    }

    #[test]
    fn the_servers_wish_is_read_as_seconds_and_as_a_date() {
        for (value, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("Mon, 19 Jan 2026 15:02:00 GMT", Some(120)),
            ("Mon, 19 Jan 2026 14:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let failure = answer(429, Some(("retry-after", value)));
            assert_eq!(
                failure.retry_after,
                seconds.map(TimeDelta::seconds),
                "{value}"
            );
        }
    }

    #[test]
    fn a_redirect_names_the_other_server_and_no_secret_of_the_address() {
        let failure = answer(
            302,
            Some(("location", "https://me:pw@other.test/secret?token=1")),
        );
        assert!(
            failure.error.contains("https://other.test:")
                || failure.error.contains("https://other.test")
        );
        for secret in ["pw", "secret", "token"] {
            assert!(!failure.error.contains(secret), "{failure:?}");
        }
    }

    #[test]
    fn a_servers_words_are_cut_and_put_on_one_line() {
        assert_eq!(words("a\nb\u{1b}[2J\tc"), "a b[2J c");
        assert_eq!(words(&"é".repeat(900)).chars().count(), 200);
    }
}
