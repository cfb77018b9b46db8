//! Identity tokens of Google's making.

use chrono::Utc;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use serde_json::Value;

use crate::stand_in::{Google, keys};

#[tokio::test]
async fn what_the_stand_in_signs_is_good_by_what_it_publishes() {
    let google = Google::start().await;
    let url = format!("{}{}", google.base(), keys::PATH);
    let published: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let key: Jwk = serde_json::from_value(published["keys"][0].clone()).unwrap();
    let token = google.keys.push_token("https://a", "push@example.com");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["https://a"]);
    let read = decode::<Value>(&token, &DecodingKey::from_jwk(&key).unwrap(), &validation).unwrap();
    assert_eq!(read.claims["email"], "push@example.com");
    assert!(read.claims["exp"].as_i64().unwrap() > Utc::now().timestamp());
    assert_eq!(google.keys.asked(), 1);
}
