//! Tokens that are not believed: each is refused with its status, counted by its reason, and in no log.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::header::AUTHORIZATION;

use super::{
    AUDIENCE, Method, PUSH, SCHEDULER, Scene, Signer, TimeDelta, Value, claims, hmac_token, json,
    log, part,
};

/// A public key of 2,048 bits and the exponent 65537 as PEM: the fixed beginning and end of its DER around the modulus.
fn public_pem(modulus: &[u8]) -> String {
    let begin = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00\
                  \x30\x82\x01\x0a\x02\x82\x01\x01\x00";
    let der = [begin.as_slice(), modulus, b"\x02\x03\x01\x00\x01"].concat();
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

/// A good token's claims with one changed; `null` takes it away.
fn with(scene: &Scene, name: &str, value: Value) -> String {
    let mut claims = claims(AUDIENCE, PUSH, scene.now());
    let all = claims.as_object_mut().unwrap();
    if value.is_null() {
        all.remove(name);
    } else {
        all.insert(name.to_owned(), value);
    }
    Signer(1).token(&Signer(1).header(), &claims)
}

fn headed(scene: &Scene, header: &Value) -> String {
    Signer(1).token(header, &claims(AUDIENCE, PUSH, scene.now()))
}

fn of_claims(scene: &Scene) -> Vec<(&'static str, u16, String)> {
    let at = |seconds: i64| json!(scene.now().timestamp() + seconds);
    let old = claims(AUDIENCE, PUSH, scene.now() - TimeDelta::hours(2));
    let other_case = PUSH.to_uppercase();
    vec![
        ("expired", 401, Signer(1).token(&Signer(1).header(), &old)),
        ("not_yet", 401, with(scene, "nbf", at(120))),
        ("not_yet", 401, with(scene, "iat", at(120))),
        ("no_expiry", 401, with(scene, "exp", Value::Null)),
        (
            "wrong_audience",
            401,
            with(scene, "aud", json!("https://other.example.com")),
        ),
        (
            "wrong_audience",
            401,
            with(scene, "aud", json!([AUDIENCE, "https://other"])),
        ),
        (
            "wrong_issuer",
            401,
            with(scene, "iss", json!("https://accounts.example.com")),
        ),
        ("no_email", 401, with(scene, "email", Value::Null)),
        (
            "unverified_email",
            401,
            with(scene, "email_verified", json!(false)),
        ),
        (
            "unverified_email",
            401,
            with(scene, "email_verified", json!("true")),
        ),
        (
            "unverified_email",
            401,
            with(scene, "email_verified", Value::Null),
        ),
        (
            "unknown_account",
            403,
            with(scene, "email", json!("else@p.iam.gserviceaccount.com")),
        ),
        (
            "unknown_account",
            403,
            with(scene, "email", json!(other_case)),
        ),
        ("not_allowed", 403, with(scene, "email", json!(SCHEDULER))),
    ]
}

fn of_making(scene: &Scene) -> Vec<(&'static str, u16, String)> {
    let good = scene.push_token();
    let claims = claims(AUDIENCE, PUSH, scene.now());
    let none = json!({"alg": "none", "kid": Signer(1).kid()});
    let hmac = json!({"alg": "HS256", "kid": Signer(1).kid()});
    let jwk = Signer(1).jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let pem = public_pem(&modulus);
    assert!(jsonwebtoken::DecodingKey::from_rsa_pem(pem.as_bytes()).is_ok());
    let of_one_named_two = json!({"alg": "RS256", "kid": Signer(2).kid()});
    let other_body = format!(
        "{}.{}.{}",
        good.split('.').next().unwrap(),
        part(&json!({"email": "changed@example.com"})),
        good.split('.').next_back().unwrap()
    );
    vec![
        (
            "wrong_algorithm",
            401,
            format!("{}.{}.", part(&none), part(&claims)),
        ),
        (
            "wrong_algorithm",
            401,
            headed(scene, &json!({"alg": "RS512", "kid": "signer-1"})),
        ),
        (
            "wrong_algorithm",
            401,
            hmac_token(&hmac, &claims, pem.as_bytes()),
        ),
        ("wrong_algorithm", 401, hmac_token(&hmac, &claims, &modulus)),
        (
            "wrong_algorithm",
            401,
            hmac_token(&hmac, &claims, jwk["n"].as_str().unwrap().as_bytes()),
        ),
        // The same, and the header says it were RS256.
        (
            "bad_signature",
            401,
            hmac_token(&Signer(1).header(), &claims, &modulus),
        ),
        (
            "bad_signature",
            401,
            Signer(2).token(&Signer(1).header(), &claims),
        ),
        ("bad_signature", 401, other_body),
        (
            "unknown_key",
            401,
            Signer(2).token(&Signer(2).header(), &claims),
        ),
        ("unknown_key", 401, headed(scene, &of_one_named_two)),
        ("no_key_id", 401, headed(scene, &json!({"alg": "RS256"}))),
    ]
}

fn of_form(scene: &Scene) -> Vec<(&'static str, u16, String)> {
    let good = scene.push_token();
    vec![
        (
            "no_key_id",
            401,
            headed(scene, &json!({"alg": "RS256", "kid": 1})),
        ),
        (
            "malformed",
            401,
            headed(
                scene,
                &json!({"alg": "RS256", "kid": "signer-1", "crit": ["b64"]}),
            ),
        ),
        (
            "malformed",
            401,
            good[..good.len() - 7]
                .rsplit_once('.')
                .unwrap()
                .0
                .to_owned(),
        ),
        ("malformed", 401, "a.b.c".to_owned()),
        ("wrong_token", 401, "garbage".to_owned()),
        ("malformed", 401, format!("{good}.more")),
        ("malformed", 401, format!("{good} {good}")),
        ("malformed", 401, format!("{good},{good}")),
        ("bad_signature", 401, good[..good.len() - 8].to_owned()),
        ("too_large", 401, format!("{good}{}", "A".repeat(9_000))),
    ]
}

#[tokio::test]
async fn each_bad_token_is_refused_by_its_own_reason_and_stands_in_no_log() {
    let scene = Scene::start().await;
    let cases: Vec<_> = of_claims(&scene)
        .into_iter()
        .chain(of_making(&scene))
        .chain(of_form(&scene))
        .collect();
    for (reason, status, token) in &cases {
        let before = scene.refusals(reason).await;
        let answer = scene.request(Method::POST, "/complete").bearer_auth(token);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), *status, "{reason} {token}");
        let asks = answer.headers().contains_key("www-authenticate");
        assert_eq!(asks, *status == 401, "{reason}");
        assert!(!answer.text().await.unwrap().contains(token.as_str()));
        assert_eq!(
            scene.refusals(reason).await,
            before + 1.0,
            "{reason} {token}"
        );
    }
    assert_eq!(
        scene.push(&scene.push_token()).await,
        200,
        "a good one is heard"
    );
    let logged = String::from_utf8(log().0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("was not heard"), "the log is captured");
    for (_, _, token) in cases.iter().filter(|(_, _, token)| token.len() > 20) {
        assert!(!logged.contains(token.as_str()), "{token}");
        // Nor the part by which it could be used, without the rest.
        let last = token.rsplit('.').next().unwrap();
        assert!(last.len() < 20 || !logged.contains(last), "{token}");
    }
}

#[tokio::test]
async fn several_authorization_headers_are_refused_though_each_were_good() {
    let scene = Scene::start().await;
    let good = format!("Bearer {}", scene.push_token());
    let request = scene.request(Method::POST, "/complete");
    let twice = request
        .header(AUTHORIZATION, &good)
        .header(AUTHORIZATION, &good);
    assert_eq!(twice.send().await.unwrap().status(), 401);
    assert_eq!(scene.refusals("several").await, 1.0);
    let bare = scene.request(Method::POST, "/complete");
    let bare = bare.header("x-cloudscheduler", "true");
    assert_eq!(bare.send().await.unwrap().status(), 401);
    assert_eq!(scene.refusals("no_token").await, 1.0);
}
