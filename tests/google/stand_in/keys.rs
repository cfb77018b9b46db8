//! Google's published keys of identity tokens, and a signer that makes such tokens, true ones and any others.
//!
//! Who verifies them is not known here. The keys are those of `tests/google/keys`, which open nothing.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::header::CACHE_CONTROL,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign, jwk::Jwk};
use serde_json::{Value, json};
use tipoff::clock::{Clock, SystemClock};

/// Where the keys are, below the stand-in's base.
pub const PATH: &str = "/oauth2/v3/certs";
/// Google's tokens are good for an hour.
const SECONDS: i64 = 3_600;
const PEMS: [&str; 3] = [
    include_str!("../keys/signer-1.pem"),
    include_str!("../keys/signer-2.pem"),
    include_str!("../keys/signer-3.pem"),
];

/// One of the three keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signer(pub usize);

impl Signer {
    /// The name it is published under.
    pub fn kid(self) -> String {
        format!("signer-{}", self.0)
    }

    /// Its public half, as it is published.
    pub fn jwk(self) -> Value {
        let key = Jwk::from_encoding_key(&self.key(), Algorithm::RS256).unwrap();
        let mut published = serde_json::to_value(key).unwrap();
        published["kid"] = self.kid().into();
        published["use"] = "sig".into();
        published["alg"] = "RS256".into();
        published
    }

    /// A token of this header and these claims, signed with RS256 whatever the header says.
    pub fn token(self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = sign(message.as_bytes(), &self.key(), Algorithm::RS256).unwrap();
        format!("{message}.{signature}")
    }

    /// The header that Google writes.
    pub fn header(self) -> Value {
        json!({"alg": "RS256", "kid": self.kid(), "typ": "JWT"})
    }

    fn key(self) -> EncodingKey {
        EncodingKey::from_rsa_pem(PEMS[self.0 - 1].as_bytes()).unwrap()
    }
}

/// A token of this header and these claims, signed with HS256 and this secret.
pub fn hmac_token(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// One part of a token.
pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The claims that Google writes for a push or a scheduler's call.
pub fn claims(audience: &str, email: &str, at: DateTime<Utc>) -> Value {
    json!({
        "aud": audience, "azp": "113774264463038321964", "email": email, "email_verified": true,
        "exp": at.timestamp() + SECONDS, "iat": at.timestamp(), "iss": "https://accounts.google.com",
        "sub": "113774264463038321964",
    })
}

/// The published keys.
pub struct Keys {
    published: Mutex<Value>,
    cache_control: Mutex<String>,
    now: Mutex<DateTime<Utc>>,
    asked: AtomicUsize,
}

impl Default for Keys {
    /// The first key is published; tokens are made now.
    fn default() -> Self {
        Self {
            published: Mutex::new(json!({"keys": [Signer(1).jwk()]})),
            cache_control: Mutex::new(
                "public, max-age=20000, must-revalidate, no-transform".to_owned(),
            ),
            now: Mutex::new(SystemClock.now()),
            asked: AtomicUsize::new(0),
        }
    }
}

impl Keys {
    /// How often the keys were asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, signers: &[Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.publish_text(json!({ "keys": keys }));
    }

    /// Publishes this from now on, keys or not.
    pub fn publish_text(&self, text: Value) {
        *self.published.lock().unwrap() = text;
    }

    /// Makes tokens at this instant from now on.
    pub fn set_now(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap() = now;
    }

    /// When tokens are made.
    pub fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    /// The token that Pub/Sub sends with a push, and Cloud Scheduler with a call.
    pub fn push_token(&self, audience: &str, email: &str) -> String {
        let claims = claims(audience, email, self.now());
        Signer(1).token(&Signer(1).header(), &claims)
    }
}

pub fn routes(keys: Arc<Keys>) -> Router {
    Router::new().route(PATH, get(published)).with_state(keys)
}

async fn published(State(keys): State<Arc<Keys>>) -> Response {
    keys.asked.fetch_add(1, Ordering::SeqCst);
    let cache_control = keys.cache_control.lock().unwrap().clone();
    let published = keys.published.lock().unwrap().clone();
    ([(CACHE_CONTROL, cache_control)], Json(published)).into_response()
}
