//! The signed link in a message: what its holder may look at, acknowledge and silence, and until when.
//!
//! What the page shows belongs to `http`; the secret is the store's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::Instant;

/// What a link allows: the page of one message's alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The message it was sent in.
    pub notice_id: String,
    /// The only reader of the message, if it had only one.
    pub reader: Option<String>,
    /// Until when it is valid; exactly then it is not.
    pub until: Instant,
}

/// Why a link is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was not made by this service, or was changed.
    #[error("the link is not one of this service's, or was cut off")]
    Forged,
    /// It was valid until then.
    #[error("the link was valid until {0}")]
    Expired(Instant),
}

/// Signs a claim; the text is safe in a path.
pub fn sign(secret: &[u8], claim: &Claim) -> String {
    // A claim is texts and an instant: it always has a JSON form.
    let body = serde_json::to_vec(claim).unwrap_or_default();
    let signature = keyed(secret, &body).finalize().into_bytes();
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(&body),
        URL_SAFE_NO_PAD.encode(signature)
    )
}

/// Reads a signed claim that is still valid.
///
/// # Errors
///
/// When it was not signed with this secret, or is not valid any more.
pub fn verify(secret: &[u8], text: &str, now: Instant) -> Result<Claim, Refused> {
    let (body, signature) = text.split_once('.').ok_or(Refused::Forged)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Forged);
    let (body, signature) = (decode(body)?, decode(signature)?);
    keyed(secret, &body)
        .verify_slice(&signature)
        .map_err(|_| Refused::Forged)?;
    let claim: Claim = serde_json::from_slice(&body).map_err(|_| Refused::Forged)?;
    if now >= claim.until {
        return Err(Refused::Expired(claim.until));
    }
    Ok(claim)
}

fn keyed(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut keyed =
        Hmac::<Sha256>::new_from_slice(secret).expect("a key may have any length (RFC 2104)");
    keyed.update(body);
    keyed
}

#[cfg(test)]
mod tests {
    use super::{Claim, Refused, sign, verify};
    use crate::domain::Instant;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn at(time: &str) -> Instant {
        format!("2026-01-11T{time}Z").parse().unwrap()
    }

    fn claim() -> Claim {
        Claim {
            notice_id: "phase4-to-phase5/2026-01-11/42/0".to_owned(),
            reader: Some("Dana Ünlü <x>".to_owned()),
            until: at("19:00:00"),
        }
    }

    #[test]
    fn a_link_holds_until_its_end_and_then_says_so() {
        let text = sign(SECRET, &claim());
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        );
        assert_eq!(verify(SECRET, &text, at("18:59:59.999999")), Ok(claim()));
        let late = verify(SECRET, &text, at("19:00:00"));
        assert_eq!(late, Err(Refused::Expired(at("19:00:00"))));
    }

    #[test]
    fn a_link_that_was_changed_cut_or_made_elsewhere_is_refused() {
        let text = sign(SECRET, &claim());
        let (body, signature) = text.split_once('.').unwrap();
        let longer = Claim {
            until: at("23:00:00"),
            ..claim()
        };
        let (other_body, _) = sign(SECRET, &longer)
            .split_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let elsewhere = sign(b"another secret", &claim());
        for forged in [
            "",
            ".",
            body,
            &text[..text.len() - 2],
            &format!("{other_body}.{signature}"),
            &format!("{body}."),
            &elsewhere,
            "é.é",
        ] {
            let refused = verify(SECRET, forged, at("12:00:00"));
            assert_eq!(refused, Err(Refused::Forged), "{forged}");
        }
    }
}
