//! The configuration: one TOML file and the environment, read once, turned into domain types or refused.
//!
//! One file a section. Whether a configuration can keep its promise is `domain::feasibility`'s question; how messages
//! travel over a channel is the adapters'. Nothing is read from the environment anywhere else.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer};

use crate::domain::{policy::Schedule, routing::Person, seconds};

mod address;
mod callers;
mod channels;
mod doctor;
mod google;
mod handoff;
mod heartbeat;
mod limits;
mod listen;
mod people;
mod routes;
mod season;
mod secret;
mod token;
mod unknown;
mod workers;

pub use address::{Links, is_loopback};
pub use callers::{NamedToken, Role};
pub use channels::{CONSOLE, Channel, ChannelKind, Credentials, Email, Security, Slack, Webhook};
pub use doctor::Doctor;
pub use google::{BigQuery, DeadLetters, Endpoints, Google, Identity, Profile};
pub use handoff::{Handoff, Intake, Sink, Tables};
pub use heartbeat::Heartbeat;
pub use routes::Routing;
pub use secret::Secret;
pub use token::Token;
pub use workers::Workers;

/// Name of the handoff that is there when nothing is configured.
pub const BUILT_IN_HANDOFF: &str = "phase4-to-phase5";

/// The environment variables that are looked at.
const VARIABLES: [&str; 11] = [
    "BIGQUERY_EMULATOR_HOST",
    "GCE_METADATA_HOST",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "PORT",
    "PUBSUB_EMULATOR_HOST",
    "TIPOFF_ADDRESS",
    "TIPOFF_DATA",
    "TIPOFF_LOG_FORMAT",
    "TIPOFF_PUBLIC_URL",
    "TIPOFF_TOKEN",
];

/// Everything a running service is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The folder its files are kept in.
    pub data_dir: PathBuf,
    /// What people's and workers' calls may carry; without it, `tokens` and `google`, only a loopback address is allowed.
    pub token: Option<Token>,
    /// The tokens of people and workers by name.
    pub tokens: Vec<NamedToken>,
    /// The project on Google Cloud, where there is one.
    pub google: Option<Google>,
    /// How it writes its log.
    pub log_format: LogFormat,
    /// The handoffs it watches, at least one, in the order of the file.
    pub handoffs: Vec<Handoff>,
    /// The built-in workers.
    pub workers: Workers,
    /// Where the links in messages lead.
    pub links: Links,
    /// Every way to people; the console is always among them.
    pub channels: Vec<Channel>,
    /// How people hear of the service itself, and who they are.
    pub routing: Routing,
    /// Who hears regularly that the service is alive.
    pub heartbeat: Option<Heartbeat>,
    /// When the surroundings are examined.
    pub doctor: Doctor,
    /// Variables that are set, hold a secret, and are used by nothing.
    pub unused_variables: Vec<&'static str>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people at a terminal.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What is wrong with a configuration, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("reading {what} {}: {source}", path.display())]
    File {
        /// What the file is, or the setting that names it.
        what: String,
        /// Where it was looked for.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A file is no TOML, or holds a value of the wrong kind.
    #[error("reading {what}:\n{}", readable(source))]
    Syntax {
        /// What is read.
        what: String,
        /// Where and what, with the line.
        source: Box<toml::de::Error>,
    },
    /// A value cannot stand as it is.
    #[error("{field} = {value}: {fix}")]
    Value {
        /// The field, with its section, or the environment variable.
        field: String,
        /// What is written there; never a secret.
        value: String,
        /// What to write instead.
        fix: String,
    },
}

impl Error {
    fn value(
        field: impl Into<String>,
        value: impl std::fmt::Display,
        fix: impl Into<String>,
    ) -> Self {
        Self::Value {
            field: readable(&field.into()),
            value: readable(&value),
            fix: readable(&fix.into()),
        }
    }
}

/// Most characters of a line that an error shows.
const LINE_CHARACTERS_MAX: usize = 200;

/// What is written in a file as a terminal can show it: long lines cut off, no control characters but the end of a line.
fn readable(text: &impl std::fmt::Display) -> String {
    let text = text.to_string();
    let line = |line: &str| {
        let shown: String = line
            .chars()
            .take(LINE_CHARACTERS_MAX)
            .map(|it| if it.is_control() { ' ' } else { it })
            .collect();
        if shown.chars().count() < line.chars().count() {
            format!("{shown}…")
        } else {
            shown
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The environment variables that mean something here, read once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads this process's environment. An empty variable counts as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        let read = |name: &str| {
            let value = std::env::var_os(name)?.to_string_lossy().into_owned();
            Some((name.to_owned(), value))
        };
        let names = VARIABLES.into_iter().chain(secret::VARIABLES);
        Self::of(names.filter_map(read))
    }

    /// An environment of these variables. An empty one counts as unset.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let set = variables.into_iter().filter(|(_, value)| !value.is_empty());
        Self(set.collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The whole file, every section optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    token_file: Option<PathBuf>,
    tokens: Vec<callers::Section>,
    google: Option<google::Section>,
    log_format: Option<LogFormat>,
    public_url: Option<String>,
    runbook_url: Option<String>,
    listen: listen::Section,
    handoffs: Vec<handoff::Section>,
    workers: Workers,
    channels: BTreeMap<String, toml::Table>,
    people: Vec<people::Section>,
    routes: routes::Section,
    heartbeat: heartbeat::Section,
    doctor: doctor::Section,
}

/// Reads the configuration file, if one is named, and the environment, which goes before it.
///
/// # Errors
///
/// Names the field, what is written there, and what to write instead.
pub fn read(path: Option<&Path>, environment: &Environment) -> Result<Config, Error> {
    let Some(path) = path else {
        return parse("", Path::new("."), environment);
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        what: "the configuration".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path.parent().unwrap_or(Path::new(".")), environment)
}

/// Turns the text of a configuration into settings. Files it names are looked for in `folder`.
///
/// # Errors
///
/// Names the field, what is written there, and what to write instead.
pub fn parse(text: &str, folder: &Path, environment: &Environment) -> Result<Config, Error> {
    let file: File = from_toml("the configuration", text)?;
    unknown::refuse(text)?;
    let token = token::read(file.token_file.as_deref(), folder, environment)?;
    let tokens = callers::read_all(file.tokens)?;
    let links = links(file.public_url, file.runbook_url, environment)?;
    let given = google::Given {
        folder,
        environment,
        public_url: links.public_url.as_deref(),
    };
    let google = file.google.map(|section| section.read(given)).transpose()?;
    let identities = google
        .as_ref()
        .and_then(|google| google.identity.audience.as_ref());
    let is_guarded = token.is_some() || !tokens.is_empty() || identities.is_some();
    let listen = listen::address(&file.listen, is_guarded, environment)?;
    let data_dir = match environment.get("TIPOFF_DATA") {
        Some(data) => PathBuf::from(data),
        None => file.data.unwrap_or_else(|| PathBuf::from("tipoff-data")),
    };
    limits::check_workers(&file.workers)?;
    let sources = secret::Sources {
        folder,
        environment,
    };
    let people: Vec<Person> = people::read_all(file.people)?;
    let channels = channels::read_all(file.channels, &people, sources)?;
    let reach = routes::Reach {
        channels: &channels,
        people: &people,
    };
    // Read before the handoffs', which fill their gaps from it, so that what is wrong here is said of here.
    let read_routes = |schedule: &Schedule| file.routes.read("routes", schedule, reach);
    read_routes(&Schedule::default())?;
    let given = handoff::Given {
        folder,
        routes: &file.routes,
        reach,
        has_google: google.is_some(),
    };
    let handoffs = handoff::read_all(file.handoffs, given)?;
    let first = handoffs.first().map(|first| first.policy.schedule.clone());
    let first = first.unwrap_or_default();
    let routing = read_routes(&first)?;
    let heartbeat = file.heartbeat.read(sources)?;
    Ok(Config {
        listen,
        data_dir,
        token,
        tokens,
        google,
        log_format: log_format(file.log_format, environment)?,
        handoffs,
        workers: file.workers,
        links,
        unused_variables: unused(&channels, heartbeat.as_ref(), environment),
        channels,
        routing,
        heartbeat,
        doctor: file.doctor.read(&first)?,
    })
}

fn log_format(given: Option<LogFormat>, environment: &Environment) -> Result<LogFormat, Error> {
    match environment.get("TIPOFF_LOG_FORMAT") {
        None => Ok(given.unwrap_or_default()),
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(Error::value(
            "TIPOFF_LOG_FORMAT",
            format!("{other:?}"),
            "write text or json",
        )),
    }
}

fn links(
    public_url: Option<String>,
    runbook_url: Option<String>,
    environment: &Environment,
) -> Result<Links, Error> {
    let (public_url, field) = match environment.get("TIPOFF_PUBLIC_URL") {
        Some(url) => (Some(url.to_owned()), "TIPOFF_PUBLIC_URL"),
        None => (public_url, "public_url"),
    };
    let base =
        |url: Option<String>, field: &str| url.map(|url| address::base(&url, field)).transpose();
    Ok(Links {
        public_url: base(public_url, field)?,
        runbook_url: base(runbook_url, "runbook_url")?,
    })
}

/// Secrets that somebody put into the environment and that nothing takes from there.
fn unused(
    channels: &[Channel],
    heartbeat: Option<&Heartbeat>,
    environment: &Environment,
) -> Vec<&'static str> {
    let mut used: Vec<&Secret> = channels.iter().flat_map(|it| it.kind.secrets()).collect();
    used.extend(heartbeat.map(|heartbeat| &heartbeat.url));
    let set = secret::VARIABLES.into_iter();
    set.filter(|name| environment.get(name).is_some())
        .filter(|name| used.iter().all(|secret| secret.source() != *name))
        .collect()
}

/// A length of time that may be left out.
fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeDelta>, D::Error> {
    seconds::deserialize(deserializer).map(Some)
}

fn from_toml<'de, T: Deserialize<'de>>(what: &str, text: &'de str) -> Result<T, Error> {
    toml::from_str(text).map_err(|source| Error::Syntax {
        what: what.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Config, Environment, Error, Handoff, LogFormat, Path, Sink, Workers, parse, read};
    use crate::domain::{
        ids::HandoffId,
        policy::{Mode, Policy},
    };

    const TOKEN: &str = "0123456789abcdef";

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment::of(variables.iter().map(owned))
    }

    fn read_text(text: &str) -> Result<Config, Error> {
        parse(text, Path::new("."), &Environment::default())
    }

    fn handoff(text: &str) -> Handoff {
        let text = format!("[[handoffs]]\nid = \"phase4-to-phase5\"\n{text}");
        read_text(&text).unwrap().handoffs.remove(0)
    }

    #[test]
    fn nothing_configured_is_the_shipped_handoff_on_loopback() {
        let config = read(None, &Environment::default()).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.token, None);
        assert_eq!(config.workers, Workers::default());
        let [handoff] = config.handoffs.as_slice() else {
            panic!("{:?}", config.handoffs);
        };
        assert_eq!(handoff.id, HandoffId::new("phase4-to-phase5"));
        assert_eq!(handoff.policy, Policy::phase4_to_phase5());
        assert_eq!(handoff.sink, Sink::Local);
        assert_eq!(
            handoff.upstream_topic.as_deref(),
            Some("nba-phase4-precompute-complete")
        );
        assert!(handoff.season.is_some());
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let text = "data = \"here\"\n[listen]\naddress = \"127.0.0.2\"\nport = 1";
        let variables = environment(&[
            ("PORT", "9090"),
            ("TIPOFF_DATA", "/there"),
            ("TIPOFF_LOG_FORMAT", "json"),
            ("TIPOFF_ADDRESS", ""),
        ]);
        let config = parse(text, Path::new("."), &variables).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.2:9090");
        assert_eq!(config.data_dir, Path::new("/there"));
        assert_eq!(config.log_format, LogFormat::Json);
    }

    #[test]
    fn an_address_others_can_reach_needs_a_token() {
        for address in ["0.0.0.0", "::", "10.0.0.7"] {
            let open = environment(&[("TIPOFF_ADDRESS", address)]);
            let error = parse("", Path::new("."), &open).unwrap_err().to_string();
            assert!(error.contains("TIPOFF_TOKEN"), "{error}");
            let closed = environment(&[("TIPOFF_ADDRESS", address), ("TIPOFF_TOKEN", TOKEN)]);
            assert!(parse("", Path::new("."), &closed).is_ok());
        }
    }

    #[test]
    fn the_token_may_come_from_a_file_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let text = "token_file = \"token\"";
        let config = parse(text, folder.path(), &Environment::default()).unwrap();
        assert!(
            config
                .token
                .as_ref()
                .is_some_and(|token| token.matches(TOKEN))
        );
        assert!(!format!("{config:?}").contains(TOKEN));
        let twice = environment(&[("TIPOFF_TOKEN", TOKEN)]);
        let error = parse(text, folder.path(), &twice).unwrap_err().to_string();
        assert!(error.contains("twice"), "{error}");
    }

    #[test]
    fn every_promise_can_be_set() {
        let handoff = handoff(
            r#"
            mode = "observe"
            unit_noun = "ticker"
            calendar_zone = "Europe/London"
            season = "none"
            [handoffs.schedule]
            zone = "Europe/Berlin"
            deadline = "07:00 Europe/London"
            backup = "none"
            retries = ["05:00", "05:30 overlap=both"]
            gap = "skip"
            [handoffs.readiness]
            wait = "10m"
            share_min = 0.5
            [handoffs.sla.latency]
            target = 60
            [handoffs.upstream]
            usual_finish = "00:10 Europe/London"
            [handoffs.sink.http]
            url = "https://workers.example/requests"
            "#,
        );
        let policy = handoff.policy;
        assert_eq!(policy.mode, Mode::Observe);
        assert_eq!(policy.unit_noun, "ticker");
        assert_eq!(policy.schedule.backup, None);
        let written: Vec<String> = policy
            .schedule
            .retries
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            written,
            [
                "05:00 Europe/Berlin gap=skip",
                "05:30 Europe/Berlin gap=skip overlap=both"
            ]
        );
        assert_eq!(policy.readiness.wait, TimeDelta::minutes(10));
        assert_eq!(policy.sla.latency.target, TimeDelta::seconds(60));
        assert_eq!(policy.sla.latency.warning, TimeDelta::seconds(600));
        assert_eq!(handoff.season, None);
        assert_eq!(
            handoff.sink,
            Sink::Http {
                url: "https://workers.example/requests".to_owned(),
                batch: 1
            }
        );
    }

    #[test]
    fn a_schedule_in_another_zone_keeps_its_times_of_day() {
        let handoff = handoff("[handoffs.schedule]\nzone = \"America/New_York\"");
        assert_eq!(
            handoff.policy.schedule.deadline.to_string(),
            "07:00 America/New_York"
        );
    }

    /// Reads each text, and expects it to be refused with these words in the message.
    fn assert_refused(cases: &[(&str, [&str; 2])]) {
        for (text, words) in cases {
            let error = read_text(text).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{word} is missing\n{text}\n{error}");
            }
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_field_and_what_to_write() {
        assert_refused(&[
            ("prot = 1", ["prot", "unknown field"]),
            ("[listen]\nport = 70000", ["port", "70000"]),
            (
                "public_url = \"tipoff\"",
                ["public_url = \"tipoff\"", "https://"],
            ),
            (
                "runbook_url = \"ftp://x\"",
                ["runbook_url = \"ftp://x\"", "https://"],
            ),
            ("[heartbeat]\nevery = 1", ["heartbeat.every = 1s", "10s"]),
            (
                "[workers]\nskip_share = 12",
                ["workers.skip_share = 12", "from 0 to 1"],
            ),
            ("[[handoffs]]", ["handoffs[0].id", "a name"]),
            (
                "[[handoffs]]\nid = \"other\"",
                ["upstream_topic", "name the topic"],
            ),
        ]);
    }

    #[test]
    fn a_wrong_value_of_a_handoff_is_refused_with_its_field_and_what_to_write() {
        let cases = [
            (
                "calendar_zone = \"ET\"",
                ["calendar_zone", "America/Los_Angeles"],
            ),
            (
                "season = \"nba-1999\"",
                ["handoffs[0].season", "nba-2025-26"],
            ),
            (
                "[handoffs.schedule]\ndeadline = \"7 am\"",
                ["handoffs[0].schedule.deadline = \"7 am\"", "06:00"],
            ),
            (
                "[handoffs.readiness]\nshare = 0.5",
                ["handoffs[0].readiness.share = 0.5", "share_min"],
            ),
            (
                "[handoffs.sla.latency]\nwarn = 60",
                ["handoffs[0].sla.latency.warn", "warning"],
            ),
            (
                "[handoffs.readiness]\nshare_min = 80",
                ["handoffs[0].readiness.share_min = 80", "80 % is 0.8"],
            ),
            (
                "[handoffs.readiness]\nwait = \"half an hour\"",
                ["half an hour", "30m"],
            ),
            (
                "[handoffs.pace]\nin_flight_max = 0",
                ["handoffs[0].pace.in_flight_max = 0", "at least 1"],
            ),
            (
                "[handoffs.pace]\nfull_per_second = nan",
                ["pace.full_per_second", "above 0"],
            ),
            (
                "upstream_handoff = \"lost\"",
                ["upstream_handoff", "no handoff"],
            ),
            (
                "upstream_handoff = \"phase4-to-phase5\"",
                ["upstream_handoff", "circle"],
            ),
            (
                "[handoffs.sink.http]\nurl = \"ftp://x\"",
                ["sink.http.url", "http://"],
            ),
        ];
        for (text, words) in cases {
            let text = format!("[[handoffs]]\nid = \"phase4-to-phase5\"\n{text}");
            assert_refused(&[(&text, words)]);
        }
    }

    #[test]
    fn alerts_that_would_flood_people_or_pass_somebody_over_are_refused() {
        for (text, words) in [
            (
                "[handoffs.alerts]\nremind_critical_after = \"59s\"",
                ["alerts.remind_critical_after = 59s", "at least 1m"],
            ),
            (
                "[handoffs.alerts]\nescalate_lead_after = \"5m\"",
                [
                    "alerts.escalate_lead_after = 5m",
                    "escalate_on_call_after, 10m",
                ],
            ),
            (
                "[handoffs.alerts]\nfailure_before_deadline = \"later\"",
                ["failure_before_deadline", "`deadline`"],
            ),
        ] {
            let text = format!("[[handoffs]]\nid = \"phase4-to-phase5\"\n{text}");
            assert_refused(&[(&text, words)]);
        }
    }

    #[test]
    fn handoffs_that_could_be_mistaken_for_each_other_are_refused() {
        let two = |second: &str| {
            format!("[[handoffs]]\nid = \"phase4-to-phase5\"\n[[handoffs]]\n{second}")
        };
        for (second, fix) in [
            ("id = \"phase4-to-phase5\"", "different"),
            (
                "id = \"b\"\nupstream_topic = \"t\"\ntrigger_subscription = \"nba-phase5-trigger-sub\"",
                "subscription",
            ),
        ] {
            let error = read_text(&two(second)).unwrap_err().to_string();
            assert!(error.contains(fix), "{error}");
        }
        let chained = two("id = \"phase5-to-phase6\"\nupstream_handoff = \"phase4-to-phase5\"");
        assert_eq!(read_text(&chained).unwrap().handoffs.len(), 2);
    }

    const EVERY_SETTING: &str = include_str!("../../docs/examples/every-setting.toml");

    #[test]
    fn the_example_of_every_setting_is_the_default() {
        let example = read_text(EVERY_SETTING).unwrap();
        assert_eq!(example, read(None, &Environment::default()).unwrap());
    }

    #[test]
    fn the_example_of_every_setting_leaves_none_out() {
        let example: toml::Table = EVERY_SETTING.parse().unwrap();
        let policy = serde_json::to_value(Policy::default()).unwrap();
        assert_names_all(&example["handoffs"][0], &policy, "handoffs");
    }

    fn assert_names_all(given: &toml::Value, known: &serde_json::Value, path: &str) {
        for (key, value) in known.as_object().into_iter().flatten() {
            let given = given.get(key);
            assert!(given.is_some(), "{path}.{key} is missing");
            assert_names_all(given.unwrap(), value, &format!("{path}.{key}"));
        }
    }

    /// The text with every commented-out section written out, and those settings of the others that stand alone.
    fn written_out(example: &str) -> String {
        let mut in_section = false;
        let lines = example.lines().map(|line| {
            in_section = match line.chars().next() {
                Some('#') => in_section || line.starts_with("#["),
                Some(_) => line == "[routes]",
                None => false,
            };
            match line.strip_prefix('#') {
                Some(setting) if in_section && !setting.starts_with(' ') => setting,
                Some(_) | None => line,
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_the_example_of_every_setting_comments_out_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = [
            "slack-token",
            "slack-webhook",
            "smtp-password",
            "hook-token",
        ];
        for (name, secret) in secrets
            .into_iter()
            .zip(["xoxb-1", "https://a.example", "x", "x"])
        {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
        let text = written_out(EVERY_SETTING)
            .replace("/run/secrets/", "")
            .replace("/etc/tipoff/", "");
        // The other way of giving an address, which cannot be given twice.
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("url_file") && !line.starts_with("fail_url_file"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let config = parse(&text, folder.path(), &Environment::default()).unwrap();
        let names: Vec<&str> = config.channels.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(names, ["email", "hook", "slack", "slack-hook", "console"]);
        assert_eq!(config.routing.routes.people.len(), 1);
        assert_eq!(config.routing.routes.warning.otherwise.len(), 2);
        assert_eq!(config.handoffs[0].routing.routes.critical.at_once.len(), 2);
        assert!(config.heartbeat.is_some_and(|it| it.fail_url.is_some()));
        // What is called a default there is one.
        let named = |name: &str| config.channels.iter().find(|it| it.id.as_str() == name);
        let bare = parse(
            "[channels.slack]\nkind = \"slack\"\nchannel = \"#nba-alerts\"\ntoken_file = \"slack-token\"",
            folder.path(),
            &Environment::default(),
        );
        assert_eq!(named("slack"), bare.unwrap().channels.first());
        let google = config.google.as_ref().unwrap();
        let bare = "[google]\nproject = \"nba-props-platform\"";
        let bare = read_text(bare).unwrap().google.unwrap();
        assert_eq!(google.endpoints, bare.endpoints);
        assert_eq!(google.dead_letters, bare.dead_letters);
        assert_eq!(google.bigquery.timeout, bare.bigquery.timeout);
        assert_eq!(google.identity.push_accounts, bare.identity.push_accounts);
        assert_eq!(
            (&google.region, &google.service),
            (&bare.region, &bare.service)
        );
        assert_eq!(config.tokens.len(), 1);
    }

    #[test]
    fn the_example_with_slack_and_mail_needs_three_secrets_and_routes_by_itself() {
        let text = include_str!("../../docs/examples/slack-and-email.toml");
        assert!(
            read_text(text)
                .unwrap_err()
                .to_string()
                .contains("TIPOFF_SMTP_PASSWORD")
        );
        let secrets = environment(&[
            ("TIPOFF_SLACK_TOKEN", "xoxb-1"),
            ("TIPOFF_SMTP_PASSWORD", "x"),
            ("TIPOFF_HEARTBEAT_URL", "https://beat.example"),
        ]);
        let config = parse(text, Path::new("."), &secrets).unwrap();
        assert_eq!(config.routing.routes.critical.at_once.len(), 2);
        assert_eq!(config.routing.routes.people.len(), 3);
        assert_eq!(config.unused_variables, [""; 0]);
        assert!(config.heartbeat.is_some());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Some(Path::new("no/such.toml")), &Environment::default());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("no/such.toml"), "{error}");
    }
}
