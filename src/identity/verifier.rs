//! One token → the account it is about, or why it is not believed.
//!
//! Where keys come from belongs to `keys`, what the claims must say to `claims`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Refusal, claims, keys::Keys};
use crate::{clock::Clock, domain::Instant};

/// Google's identity tokens have about 1 KiB; longer ones are not looked at.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a verifier is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the keys are published, the whole address.
    pub keys_url: String,
    /// What tokens have to be made for, to the letter.
    pub audience: String,
}

/// Verifies identity tokens with Google's published keys.
pub struct Verifier {
    keys: Keys,
    audience: String,
    clock: Arc<dyn Clock>,
}

/// What is looked at of a token's header. It is not believed in anything: it may only name a key.
#[derive(Deserialize)]
struct Header {
    alg: Option<Value>,
    kid: Option<Value>,
    crit: Option<Value>,
}

impl Verifier {
    /// Begins to fetch the keys in the background, which ends with the verifier. The client should follow no
    /// redirects.
    pub fn start(settings: Settings, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys: Keys::start(http, settings.keys_url, clock.clone()),
            audience: settings.audience,
            clock,
        }
    }

    /// When the keys were fetched last; `None`: never yet.
    pub fn keys_fetched_at(&self) -> Option<Instant> {
        self.keys.fetched_at()
    }

    /// The verified address of the account that a token is about, now.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it; [`Refusal::KeysUnavailable`] says that nothing is known.
    pub async fn account(&self, token: &str) -> Result<String, Refusal> {
        let kid = key_id(token)?;
        let key = self.keys.key(&kid).await?;
        let claims = signed(token, &key)?;
        claims::judge(&claims, &self.audience, self.clock.now())
    }
}

/// The name of the key that a token says it is signed with, where it is of the only kind that is believed.
fn key_id(token: &str) -> Result<String, Refusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Malformed);
    };
    let bytes = URL_SAFE_NO_PAD.decode(header);
    let bytes = bytes.map_err(|_| Refusal::Malformed)?;
    let header: Header = serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)?;
    if header.alg.as_ref().and_then(Value::as_str) != Some("RS256") {
        return Err(Refusal::WrongAlgorithm);
    }
    // RFC 7515, section 4.1.11: what is not understood and critical makes the token no good.
    if header.crit.is_some() {
        return Err(Refusal::Malformed);
    }
    let kid = header.kid.as_ref().and_then(Value::as_str);
    let kid = kid.filter(|kid| !kid.is_empty());
    kid.map(str::to_owned).ok_or(Refusal::NoKeyId)
}

/// What the token says, where the key has signed it. The times and names in it are judged by `claims`, on our clock.
fn signed(token: &str, key: &DecodingKey) -> Result<Map<String, Value>, Refusal> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match decode::<Map<String, Value>>(token, key, &validation) {
        Ok(read) => Ok(read.claims),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {
            Err(Refusal::BadSignature)
        }
        Err(error) if matches!(error.kind(), ErrorKind::InvalidAlgorithm) => {
            Err(Refusal::WrongAlgorithm)
        }
        Err(_) => Err(Refusal::Malformed),
    }
}
