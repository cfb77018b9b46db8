//! Nights that go wrong while real servers watch: what Prometheus sees, and what Alertmanager tells people.
//!
//! Seven nights at once, at the real clock's speed, so it takes minutes: it is not part of the quick run. What a rule
//! says at which instant belongs to `rules`.

mod night;
mod servers;
mod stand_ins;

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use night::Night;
use serde_json::Value;
use servers::{Fired, LOOK, Receivers, Servers, Target};
use stand_ins::StandIn;

/// How long until the nights' deadlines, from their start on. Their history has to be played before.
const DEADLINE_IN: Duration = Duration::from_secs(240);
/// How long after the deadlines what follows from them has to have arrived.
const ARRIVED_WITHIN: Duration = Duration::from_secs(60);
/// How long nothing unexpected may come after all that is expected.
const QUIET: Duration = Duration::from_secs(20);
/// The night whose process is killed.
const KILLED: &str = "killed";
/// The night whose service has a channel to people.
const TELLING: &str = "telling";

/// A night and what it has to set off: alerts with their severities.
struct Case {
    name: &'static str,
    arguments: &'static [&'static str],
    fires: &'static [(&'static str, &'static str)],
}

/// What fires while no worker answers.
const WORKERS_GONE: &[(&str, &str)] = &[
    ("WorkersSilent", "critical"),
    ("CompletionLow", "critical"),
    ("CompletionLow", "warning"),
    ("GapExceeded", "warning"),
    ("GapExceeded", "critical"),
    ("DeadlineAtRisk", "warning"),
    ("DeadlineBreached", "critical"),
];

const CASES: [Case; 8] = [
    Case {
        name: "good",
        arguments: &[],
        fires: &[],
    },
    Case {
        name: "workers-gone",
        arguments: &["--night", "2026-01-11"],
        fires: WORKERS_GONE,
    },
    Case {
        name: "nobody-ready",
        arguments: &["--night", "2026-03-02"],
        fires: &[],
    },
    Case {
        name: "schema-drift",
        arguments: &["--night", "2026-02-07"],
        fires: &[],
    },
    Case {
        name: "skips-silent",
        arguments: &["--night", "2026-02-09"],
        fires: &[],
    },
    Case {
        name: "late-and-mended",
        arguments: &["--night", "2025-12-30", "--upstream-in", "180s"],
        fires: &[],
    },
    Case {
        name: KILLED,
        arguments: &["--night", "2026-01-06"],
        fires: &[("ServiceDown", "critical")],
    },
    Case {
        name: TELLING,
        arguments: &["--night", "2026-01-11"],
        fires: WORKERS_GONE,
    },
];

/// A word of what arrived: the night and the alert that it is about.
type Told = BTreeSet<(String, String)>;

struct Scene {
    nights: Vec<Night>,
    servers: Servers,
    mail: StandIn,
    slack: StandIn,
    own_mail: StandIn,
    began: Instant,
}

impl Scene {
    async fn begin(folder: &Path) -> Self {
        let mail = StandIn::start("smtpd", &folder.join("mail.log")).await;
        let own_mail = StandIn::start("smtpd", &folder.join("own-mail.log")).await;
        let slack = StandIn::start("slackd", &folder.join("slack.log")).await;
        let began = Instant::now();
        let begin = |case: &Case| Night::begin(folder, case.name, &arguments(case, &own_mail));
        let mut nights: Vec<Night> = CASES.iter().map(begin).collect();
        for night in &mut nights {
            night.until_live().await;
        }
        println!("all live after {} s", began.elapsed().as_secs());
        assert!(
            began.elapsed() < DEADLINE_IN,
            "the history took longer than the deadline is away"
        );
        let targets = CASES.iter().zip(&nights).map(|(case, night)| Target {
            night: case.name.to_owned(),
            port: night.port,
        });
        let targets: Vec<Target> = targets.collect();
        let receivers = Receivers {
            smtp_port: mail.port,
            slack_port: slack.port,
        };
        let servers = Servers::start(folder, &targets, &receivers).await;
        Self {
            nights,
            servers,
            mail,
            slack,
            own_mail,
            began,
        }
    }

    fn night(&mut self, name: &str) -> &mut Night {
        let position = CASES.iter().position(|case| case.name == name).unwrap();
        &mut self.nights[position]
    }

    /// What these messages are about: each names its night's instance and its runbook.
    fn told(&self, messages: &[String]) -> Told {
        let mut told = Told::new();
        for message in messages {
            for (case, night) in CASES.iter().zip(&self.nights) {
                let link = format!("http://127.0.0.1:{}/runbooks/", night.port);
                for rest in message.split(link.as_str()).skip(1) {
                    let name: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
                    told.insert((case.name.to_owned(), name));
                }
            }
        }
        told
    }
}

fn arguments(case: &Case, own_mail: &StandIn) -> Vec<String> {
    let mut arguments: Vec<String> = case.arguments.iter().map(|it| it.to_string()).collect();
    arguments.push("--deadline-in".to_owned());
    arguments.push(format!("{}s", DEADLINE_IN.as_secs()));
    if case.name == TELLING {
        arguments.push("--smtp".to_owned());
        arguments.push(format!("127.0.0.1:{}", own_mail.port));
    }
    arguments
}

fn expected_to_fire() -> BTreeSet<Fired> {
    let mut expected = BTreeSet::new();
    for case in &CASES {
        for (alert, severity) in case.fires {
            expected.insert(Fired {
                night: case.name.to_owned(),
                alert: (*alert).to_owned(),
                severity: (*severity).to_owned(),
            });
        }
    }
    expected.insert(Fired {
        night: TELLING.to_owned(),
        alert: "TipoffTellsPeople".to_owned(),
        severity: "none".to_owned(),
    });
    expected
}

/// What has to reach people by Alertmanager: the night that tells by itself excepted.
fn expected_to_be_told(severities: &[&str]) -> Told {
    let fired = expected_to_fire().into_iter();
    fired
        .filter(|it| it.night != TELLING && severities.contains(&it.severity.as_str()))
        .map(|it| (it.night, it.alert))
        .collect()
}

fn differences<T: Ord + std::fmt::Debug>(
    what: &str,
    expected: &BTreeSet<T>,
    is: &BTreeSet<T>,
) -> String {
    let mut text = String::new();
    for missing in expected.difference(is) {
        text += &format!("{what}: missing: {missing:?}\n");
    }
    for unexpected in is.difference(expected) {
        text += &format!("{what}: unexpected: {unexpected:?}\n");
    }
    text
}

async fn compare(scene: &Scene) -> String {
    let fired = scene.servers.fired().await;
    let mails = scene.told(&scene.mail.mails());
    let posts = scene.told(&scene.slack.posts());
    [
        differences("Prometheus", &expected_to_fire(), &fired),
        differences("mail", &expected_to_be_told(&["critical"]), &mails),
        differences(
            "Slack",
            &expected_to_be_told(&["critical", "warning"]),
            &posts,
        ),
    ]
    .concat()
}

#[tokio::test]
#[ignore = "plays for five minutes at the real clock's speed"]
async fn bad_nights_reach_people_by_mail_and_slack_and_good_ones_reach_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    // In mid-night, once Prometheus has seen it.
    let seen = "up{night=\"killed\"} == 1";
    while scene.servers.query(seen).await.is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    scene.night(KILLED).kill();
    let last = scene.began + DEADLINE_IN + ARRIVED_WITHIN;
    let mut all_there_at = None;
    let mut difference = compare(&scene).await;
    while Instant::now() < last {
        let complete = !difference.contains("missing");
        let since = *all_there_at.get_or_insert_with(Instant::now);
        if !complete {
            all_there_at = None;
        } else if since.elapsed() > QUIET {
            break;
        }
        tokio::time::sleep(LOOK).await;
        difference = compare(&scene).await;
    }
    let refused: Vec<Value> = scene.slack.refused();
    assert!(refused.is_empty(), "Slack refused: {refused:#?}");
    let own = scene.own_mail.mails();
    assert!(!own.is_empty(), "the service told nobody by itself");
    if !difference.is_empty() {
        let kept = folder.keep();
        panic!("all files are kept in {}\n{difference}", kept.display());
    }
}
