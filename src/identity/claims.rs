//! What a signed token says: whether it is Google's word, for us, now, about a verified account. Pure.
//!
//! Its signature belongs to `verifier`; which accounts may call belongs to `http`.

use chrono::{DateTime, TimeDelta};
use serde_json::{Map, Value};

use super::Refusal;
use crate::domain::Instant;

/// The two ways in which Google writes its name
/// (<https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken>).
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// How far Google's clock and ours may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// The account that the claims are about, where they are good for this audience at `now`. At `exp` and the leeway the
/// token is over (RFC 7519, section 4.1.4: on or after).
///
/// # Errors
///
/// The first thing that is wrong.
pub fn judge(claims: &Map<String, Value>, audience: &str, now: Instant) -> Result<String, Refusal> {
    let issuer = claims.get("iss").and_then(Value::as_str);
    if !issuer.is_some_and(|issuer| ISSUERS.contains(&issuer)) {
        return Err(Refusal::WrongIssuer);
    }
    judge_time(claims, now)?;
    if !is_for(claims.get("aud"), audience) {
        return Err(Refusal::WrongAudience);
    }
    let email = claims.get("email").and_then(Value::as_str);
    let email = email.filter(|text| !text.is_empty());
    let email = email.ok_or(Refusal::NoEmail)?;
    // A text "true" is no true: Google writes a boolean.
    if claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err(Refusal::UnverifiedEmail);
    }
    Ok(email.to_owned())
}

fn judge_time(claims: &Map<String, Value>, now: Instant) -> Result<(), Refusal> {
    let expires_at = instant(claims, "exp")?.ok_or(Refusal::NoExpiry)?;
    let made_at = instant(claims, "iat")?.ok_or(Refusal::Malformed)?;
    let begins_at = instant(claims, "nbf")?.unwrap_or(made_at).max(made_at);
    if expires_at <= made_at {
        return Err(Refusal::Malformed);
    }
    if now >= expires_at + LEEWAY {
        return Err(Refusal::Expired);
    }
    if now < begins_at - LEEWAY {
        return Err(Refusal::NotYet);
    }
    Ok(())
}

/// A claim that is an instant in whole seconds; far beyond any calendar is malformed.
fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<Instant>, Refusal> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
    let at = seconds
        .filter(|seconds| *seconds < i64::from(u32::MAX) * 10)
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    at.map(Some).ok_or(Refusal::Malformed)
}

/// A list is good only where the audience stands alone in it: a token for several readers can be replayed by each.
fn is_for(said: Option<&Value>, audience: &str) -> bool {
    match said {
        Some(Value::String(text)) => text == audience,
        Some(Value::Array(list)) => list.as_slice() == [Value::from(audience)],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Refusal, judge};
    use crate::domain::Instant;

    const AUDIENCE: &str = "https://tipoff.example.com";

    fn now() -> Instant {
        "2026-01-19T14:00:00Z".parse().unwrap()
    }

    fn claims() -> Value {
        let now = now().timestamp();
        json!({
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "iat": now, "exp": now + 3600,
            "email": "push@example.com", "email_verified": true,
        })
    }

    fn judged(claims: &Value) -> Result<String, Refusal> {
        judge(claims.as_object().unwrap(), AUDIENCE, now())
    }

    #[rstest]
    #[case("iss", json!("accounts.google.com"))]
    #[case("aud", json!([AUDIENCE]))]
    #[case("exp", json!(now().timestamp() - 29))]
    #[case("nbf", json!(now().timestamp() + 30))]
    fn what_google_may_write_is_good(#[case] name: &str, #[case] value: Value) {
        let mut claims = claims();
        claims["iat"] = (now().timestamp() - 7_200).into();
        claims[name] = value;
        assert_eq!(judged(&claims).as_deref(), Ok("push@example.com"));
    }

    #[rstest]
    #[case("iss", json!(null), Refusal::WrongIssuer)]
    #[case("iss", json!("https://accounts.google.com/"), Refusal::WrongIssuer)]
    #[case("iss", json!(["accounts.google.com"]), Refusal::WrongIssuer)]
    #[case("exp", json!(now().timestamp() - 30), Refusal::Expired)]
    #[case("exp", json!("1999999999"), Refusal::Malformed)]
    #[case("exp", json!(1e300), Refusal::Malformed)]
    #[case("exp", json!(i64::MAX), Refusal::Malformed)]
    #[case("exp", json!(-1), Refusal::Malformed)]
    #[case("exp", json!(null), Refusal::Malformed)]
    #[case("iat", json!(now().timestamp() + 31), Refusal::NotYet)]
    #[case("iat", json!(now().timestamp() + 3600), Refusal::Malformed)]
    #[case("nbf", json!(now().timestamp() + 31), Refusal::NotYet)]
    #[case("aud", json!(format!("{AUDIENCE}/")), Refusal::WrongAudience)]
    #[case("aud", json!([AUDIENCE, "https://other"]), Refusal::WrongAudience)]
    #[case("aud", json!([]), Refusal::WrongAudience)]
    #[case("aud", json!(null), Refusal::WrongAudience)]
    #[case("email", json!(""), Refusal::NoEmail)]
    #[case("email", json!(["push@example.com"]), Refusal::NoEmail)]
    #[case("email_verified", json!("true"), Refusal::UnverifiedEmail)]
    #[case("email_verified", json!(1), Refusal::UnverifiedEmail)]
    #[case("email_verified", json!(false), Refusal::UnverifiedEmail)]
    fn what_is_wrong_is_named(#[case] name: &str, #[case] value: Value, #[case] refusal: Refusal) {
        let mut claims = claims();
        claims["iat"] = (now().timestamp() - 7_200).into();
        claims[name] = value;
        assert_eq!(judged(&claims), Err(refusal));
    }

    #[rstest]
    #[case("iss", Refusal::WrongIssuer)]
    #[case("exp", Refusal::NoExpiry)]
    #[case("iat", Refusal::Malformed)]
    #[case("aud", Refusal::WrongAudience)]
    #[case("email", Refusal::NoEmail)]
    #[case("email_verified", Refusal::UnverifiedEmail)]
    fn what_is_missing_is_named(#[case] name: &str, #[case] refusal: Refusal) {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(judged(&claims), Err(refusal));
    }
}
