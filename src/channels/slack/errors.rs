//! What Slack's answers mean: taken, to be tried again, or refused for good, with what to do about it.
//!
//! Statuses of HTTP belong to `answer`; trying again belongs to the engine.

use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use slack_morphism::errors::SlackClientError;

use crate::{
    channels::answer::{chain, doubtful, permanent, refusal, transient},
    domain::{Instant, routing::Failure},
};

/// What people can do about a refusal. <https://docs.slack.dev/reference/methods/chat.postMessage#errors>
const FIXES: [(&str, &str); 19] = [
    (
        "invalid_auth",
        "the token is not valid: copy the bot token again, it starts with xoxb-",
    ),
    ("not_authed", "no token arrived: configure the bot token"),
    (
        "account_inactive",
        "the token's app was removed: install it again and copy the new bot token",
    ),
    (
        "token_revoked",
        "the token was revoked: install the app again and copy the new bot token",
    ),
    (
        "token_expired",
        "the token has expired: copy the new bot token",
    ),
    (
        "missing_scope",
        "the app lacks a right: add the scope chat:write and install it again",
    ),
    (
        "no_permission",
        "the app lacks a right: add the scope chat:write and install it again",
    ),
    (
        "channel_not_found",
        "the channel is not known to the app: check its id and invite the app to it",
    ),
    (
        "not_in_channel",
        "the app is not in the channel: invite it with /invite",
    ),
    (
        "is_archived",
        "the channel is archived: configure another one or bring it back",
    ),
    (
        "channel_is_archived",
        "the channel is archived: configure another one or bring it back",
    ),
    (
        "restricted_action",
        "the workspace does not let the app post there: ask its owner",
    ),
    (
        "posting_to_general_channel_denied",
        "the workspace does not let the app post there: configure another channel",
    ),
    (
        "ekm_access_denied",
        "the workspace's owner has suspended posting: ask them",
    ),
    (
        "no_service",
        "the webhook does not exist any more: make a new one and configure its address",
    ),
    (
        "no_service_id",
        "the webhook's address is not complete: copy it again",
    ),
    (
        "no_team",
        "the webhook's workspace does not exist any more: make a new webhook",
    ),
    (
        "team_disabled",
        "the workspace is not active any more: configure another one",
    ),
    (
        "action_prohibited",
        "the workspace's owner does not let webhooks post there: ask them",
    ),
];

/// Slack is to blame, or the pace is: another try may help.
const PASSING: [&str; 6] = [
    "ratelimited",
    "rate_limited",
    "rollup_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
];

/// The same, but part of it may have been done before the error.
const PASSING_IN_DOUBT: [&str; 2] = ["internal_error", "fatal_error"];

/// Slack does not like how the message is laid out, or how long it is.
const LAYOUT: [&str; 7] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_attachments",
    "msg_too_long",
    "msg_blocks_too_long",
    "metadata_too_large",
    "invalid_metadata_format",
];

/// Slack cannot hang the message under the one named.
const THREAD: [&str; 5] = [
    "thread_not_found",
    "invalid_thread_ts",
    "cannot_reply_to_message",
    "restricted_action_thread_locked",
    "message_not_found",
];

/// Slack cannot edit the message named.
const EDIT: [&str; 4] = [
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "channel_not_found",
];

/// Whether a refusal is about the layout: without one the message may be taken.
pub(super) fn is_layout(code: &str) -> bool {
    LAYOUT.contains(&code)
}

/// Whether a refusal is about the thread: without one the message may be taken.
pub(super) fn is_thread(code: &str) -> bool {
    THREAD.contains(&code)
}

/// Whether a message cannot be edited any more: a new one may be posted.
pub(super) fn is_edit(code: &str) -> bool {
    EDIT.contains(&code)
}

/// Slack's own code for a refusal, if there is one.
pub(super) fn code(error: &SlackClientError) -> Option<&str> {
    match error {
        SlackClientError::ApiError(error) => Some(error.code.as_str()),
        SlackClientError::HttpError(_)
        | SlackClientError::HttpProtocolError(_)
        | SlackClientError::EndOfStream(_)
        | SlackClientError::SystemError(_)
        | SlackClientError::ProtocolError(_)
        | SlackClientError::SocketModeProtocolError(_)
        | SlackClientError::RateLimitError(_) => None,
    }
}

/// What a code of Slack's means.
pub(super) fn refused(code: &str) -> Failure {
    if PASSING_IN_DOUBT.contains(&code) {
        return doubtful(format!("slack refused it: {code}"));
    }
    if PASSING.contains(&code) {
        return transient(format!("slack refused it: {code}"));
    }
    let fix = FIXES.iter().find(|(known, _)| *known == code);
    match fix {
        Some((_, fix)) => permanent(format!("slack refused it: {code}: {fix}")),
        None => permanent(format!(
            "slack refused it: {}: see the errors of chat.postMessage in slack's documentation",
            printable(code)
        )),
    }
}

/// What an error of the client means. Neither the server's body nor anything of the request is repeated in it.
pub(super) fn failure(error: &SlackClientError, now: Instant) -> Failure {
    match error {
        SlackClientError::ApiError(error) => refused(&error.code),
        SlackClientError::RateLimitError(error) => Failure {
            retry_after: error
                .retry_after
                .and_then(|after| TimeDelta::from_std(after).ok()),
            ..transient("slack wants fewer messages: ratelimited")
        },
        SlackClientError::HttpError(error) => {
            refusal("slack", error.status_code, &HeaderMap::new(), now)
        }
        SlackClientError::HttpProtocolError(error) => match &error.cause {
            Some(cause) => lost(cause.as_ref()),
            None => doubtful("slack: the connection failed"),
        },
        SlackClientError::SystemError(_) | SlackClientError::EndOfStream(_) => {
            doubtful("slack: the connection was cut while it answered")
        }
        SlackClientError::ProtocolError(error) => doubtful(format!(
            "slack's answer cannot be read (line {}, column {}): is something between us and slack?",
            error.json_error.line(),
            error.json_error.column()
        )),
        SlackClientError::SocketModeProtocolError(_) => {
            doubtful("slack: an answer of another protocol")
        }
    }
}

/// A request that was not answered: in doubt, unless no connection came about.
fn lost(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> Failure {
    let text = format!("slack: {}", chain(cause));
    match cause.downcast_ref::<hyper_util::client::legacy::Error>() {
        Some(error) if error.is_connect() => transient(text),
        Some(_) => doubtful(text),
        None => permanent(text),
    }
}

/// A code as Slack writes them; anything else is not repeated.
fn printable(code: &str) -> &str {
    let is_code =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if code.len() <= 60 && !code.is_empty() && code.chars().all(is_code) {
        code
    } else {
        "an error that is no code"
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;
    use slack_morphism::errors::{
        SlackClientApiError, SlackClientError, SlackClientHttpError, SlackRateLimitError,
        map_serde_error,
    };

    use super::{FIXES, PASSING, failure, is_layout, refused};
    use crate::domain::Instant;

    fn now() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_refusal_for_good_says_what_to_do() {
        for (code, fix) in FIXES {
            let failure = refused(code);
            assert!(failure.permanent, "{code}");
            assert!(
                failure.error.contains(code) && failure.error.contains(fix),
                "{failure:?}"
            );
        }
        for code in PASSING {
            assert!(!refused(code).permanent, "{code}");
        }
        assert!(refused("internal_error").doubtful);
        assert!(is_layout("invalid_blocks") && !is_layout("invalid_auth"));
    }

    #[test]
    fn a_code_that_is_none_is_not_repeated() {
        for code in ["xoxb-1-secret", "", "Bearer x", &"a".repeat(61)] {
            let failure = refused(code);
            assert!(
                failure.permanent && failure.error.contains("no code"),
                "{failure:?}"
            );
        }
        assert!(refused("some_new_code").error.contains("some_new_code"));
    }

    #[test]
    fn the_servers_wish_is_kept_and_its_body_is_not() {
        let limited = SlackRateLimitError::new()
            .with_retry_after(Duration::from_secs(7))
            .with_http_response_body("secret".to_owned());
        let limited = failure(&SlackClientError::RateLimitError(limited), now());
        assert_eq!(limited.retry_after, Some(TimeDelta::seconds(7)));
        assert!(!limited.permanent && !limited.error.contains("secret"));

        let broken = SlackClientHttpError::new(reqwest::StatusCode::BAD_GATEWAY)
            .with_http_response_body("secret".to_owned());
        let broken = failure(&SlackClientError::HttpError(broken), now());
        assert!(
            !broken.permanent && broken.error.contains("502") && !broken.error.contains("secret")
        );

        let refused = SlackClientApiError::new("invalid_auth".to_owned())
            .with_http_response_body("secret".to_owned());
        let refused = failure(&SlackClientError::ApiError(refused), now());
        assert!(refused.permanent && !refused.error.contains("secret"));

        let error = serde_json::from_str::<u8>("\"secret\"").unwrap_err();
        let unreadable = failure(&map_serde_error(error, Some("secret")), now());
        assert!(
            unreadable.doubtful && !unreadable.error.contains("secret"),
            "{unreadable:?}"
        );
    }
}
