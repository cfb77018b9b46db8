//! What the section of Google takes and refuses.
//!
//! Where its values lead is tested with the adapters.

use std::path::Path;

use rstest::rstest;

use super::{Google, Profile};
use crate::{
    config::{Environment, parse},
    google::Source,
};

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Environment::of(variables.iter().map(owned))
}

fn read(text: &str, variables: &[(&str, &str)]) -> Google {
    let config = parse(text, Path::new("/etc/tipoff"), &environment(variables)).unwrap();
    config.google.unwrap()
}

#[test]
fn a_project_alone_is_the_first_users_platform() {
    let google = read("[google]\nproject = \"nba-props-platform\"", &[]);
    assert_eq!(
        (google.region.as_str(), google.profile),
        ("us-west2", Profile::AlwaysOn)
    );
    assert_eq!(google.service, "prediction-coordinator");
    assert_eq!(
        google.credentials,
        Source::Metadata("metadata.google.internal".to_owned())
    );
    assert_eq!(google.bigquery.data_project, "nba-props-platform");
    assert_eq!(
        (
            google.dead_letters.topic.as_str(),
            google.dead_letters.deliveries_max
        ),
        ("nba-dlq", 100)
    );
    let identity = &google.identity;
    assert_eq!(
        identity.push_accounts,
        ["tipoff-push@nba-props-platform.iam.gserviceaccount.com"]
    );
    assert_eq!(
        identity.audience, None,
        "without a public address nobody can be told whom a token is for"
    );
    assert_eq!(
        google.endpoints.pubsub.base,
        "https://pubsub.googleapis.com/v1"
    );
    assert!(!google.endpoints.pubsub.emulator);
}

#[test]
fn without_the_section_nothing_of_google_is_there_whatever_the_environment_says() {
    let variables = environment(&[("GOOGLE_CLOUD_PROJECT", "p")]);
    assert_eq!(parse("", Path::new("."), &variables).unwrap().google, None);
    assert_eq!(
        read("[google]", &[("GOOGLE_CLOUD_PROJECT", "p")]).project,
        "p"
    );
}

#[rstest]
#[case("", &[], Source::Metadata("metadata.google.internal".to_owned()))]
#[case("", &[("GCE_METADATA_HOST", "127.0.0.1:9")], Source::Metadata("127.0.0.1:9".to_owned()))]
#[case("", &[("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")], Source::Key("/k.json".into()))]
#[case("credentials_file = \"k.json\"", &[], Source::Key("/etc/tipoff/k.json".into()))]
#[case("credentials = \"metadata\"", &[("GOOGLE_APPLICATION_CREDENTIALS", "/k")], Source::Metadata("metadata.google.internal".to_owned()))]
#[case("credentials = \"gcloud\"", &[], Source::Gcloud)]
#[case("credentials = \"none\"", &[], Source::None)]
fn tokens_come_from_where_it_is_said(
    #[case] line: &str,
    #[case] variables: &[(&str, &str)],
    #[case] source: Source,
) {
    let google = read(&format!("[google]\nproject = \"p\"\n{line}"), variables);
    assert_eq!(google.credentials, source);
}

#[test]
fn an_emulators_variable_leads_there_without_a_token() {
    let variables = [
        ("PUBSUB_EMULATOR_HOST", "127.0.0.1:8085"),
        ("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9050/"),
    ];
    let endpoints = read("[google]\nproject = \"p\"", &variables).endpoints;
    assert_eq!(endpoints.pubsub.base, "http://127.0.0.1:8085/v1");
    assert_eq!(endpoints.bigquery.base, "http://127.0.0.1:9050/bigquery/v2");
    assert!(endpoints.pubsub.emulator && endpoints.bigquery.emulator);
    assert!(!endpoints.scheduler.emulator);
}

#[rstest]
#[case("[google]", "google.project = (not given)")]
#[case("[google]\nproject = \"projects/p\"", "google.project")]
#[case("[google]\nproject = \"p\"\nprofile = \"cheap\"", "frugal")]
#[case("[google]\nproject = \"p\"\nregon = \"x\"", "regon")]
#[case(
    "[google]\nproject = \"p\"\ncredentials = \"file\"",
    "google.credentials_file"
)]
#[case(
    "[google]\nproject = \"p\"\ncredentials = \"key\"",
    "google.credentials = \"key\""
)]
#[case(
    "[google]\nproject = \"p\"\ncredentials = \"metadata\"\ncredentials_file = \"k\"",
    "only with file"
)]
#[case(
    "[google]\nproject = \"p\"\n[google.bigquery]\nbytes_billed_max = 1",
    "10485760"
)]
#[case(
    "[google]\nproject = \"p\"\n[google.bigquery]\ntimeout = \"0s\"",
    "google.bigquery.timeout = 0s"
)]
#[case(
    "[google]\nproject = \"p\"\n[google.dead_letters]\ndeliveries_max = 4",
    "from 5 to 100"
)]
#[case(
    "[google]\nproject = \"p\"\n[google.identity]\npush_accounts = [\"me\"]",
    "google.identity.push_accounts"
)]
#[case(
    "[google]\nproject = \"p\"\n[google.endpoints]\npubsub = \"http://10.0.0.1/v1\"",
    "loopback"
)]
#[case(
    "[[handoffs]]\nid = \"phase4-to-phase5\"\nwarehouse = \"bigquery\"",
    "handoffs[0].warehouse"
)]
#[case(
    "[[handoffs]]\nid = \"phase4-to-phase5\"\nintake = \"pull\"",
    "handoffs[0].intake"
)]
#[case(
    "[[handoffs]]\nid = \"phase4-to-phase5\"\nsink = { pubsub = { topic = \"t\" } }",
    "handoffs[0].sink.pubsub"
)]
#[case(
    "[[handoffs]]\nid = \"phase4-to-phase5\"\ndownstream_topic = \"t\"",
    "handoffs[0].downstream_topic"
)]
fn what_cannot_be_is_refused_with_its_field(#[case] text: &str, #[case] words: &str) {
    let refused = parse(text, Path::new("."), &Environment::default());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}
