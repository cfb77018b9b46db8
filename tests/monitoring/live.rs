//! Nights that go wrong while real servers watch: what Prometheus sees, and what Alertmanager tells people.
//!
//! Seven nights at once, at the real clock's speed, so it takes minutes: it is not part of the quick run. What a rule
//! says at which instant belongs to `rules`.

mod night;
pub mod servers;
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

/// How long until the deadline of all nights, from the first one's start on.
const DEADLINE_IN: Duration = Duration::from_secs(360);
/// How much of it is watched at least, after the nights' histories.
const WATCHED_MIN: Duration = Duration::from_secs(80);
/// How long before the deadline the late upstream finishes.
const UPSTREAM_BEFORE: Duration = Duration::from_secs(75);
/// How long after the deadlines what follows from them has to have arrived.
const ARRIVED_WITHIN: Duration = Duration::from_secs(50);
/// How long nothing unexpected may come after all that is expected.
const QUIET: Duration = Duration::from_secs(20);
/// The night whose process is killed.
const KILLED: &str = "killed";
/// The night whose upstream finishes after the waiting has ended.
const MENDED: &str = "late-and-mended";
/// The night whose service has a channel to people.
const TELLING: &str = "telling";

/// A night and what it has to set off: alerts with their severities.
struct Case {
    name: &'static str,
    arguments: &'static [&'static str],
    fires: &'static [(&'static str, &'static str)],
    /// Those that Alertmanager tells people: not what another one covers, and not what the service tells itself.
    told: &'static [(&'static str, &'static str)],
    /// Those that may fire and be told, or not.
    may: &'static [(&'static str, &'static str)],
}

/// What fires while every attempt of every unit fails.
const ALL_FAIL: &[(&str, &str)] = &[
    ("CompletionLow", "critical"),
    ("CompletionLow", "warning"),
    ("DeadlineAtRisk", "warning"),
    ("DeadlineBreached", "critical"),
    ("GameWithoutPredictions", "warning"),
    ("GapExceeded", "critical"),
    ("GapExceeded", "warning"),
    ("NothingPredicted", "critical"),
];

const CASES: [Case; 7] = [
    Case {
        name: "good",
        arguments: &[],
        fires: &[],
        told: &[],
        may: &[],
    },
    Case {
        name: "workers-gone",
        arguments: &["--night", "2026-01-11"],
        fires: &[
            ("WorkersSilent", "critical"),
            ("CompletionLow", "critical"),
            ("CompletionLow", "warning"),
            ("GapExceeded", "warning"),
            ("GapExceeded", "critical"),
            ("DeadlineBreached", "critical"),
        ],
        told: &[
            ("WorkersSilent", "critical"),
            ("CompletionLow", "critical"),
            ("DeadlineBreached", "critical"),
        ],
        // Its last batch stands still until shortly before the deadline; on a slow machine it still does when it is live.
        may: &[("DeadlineAtRisk", "warning"), ("BatchStalled", "warning")],
    },
    Case {
        name: "nobody-ready",
        arguments: &["--night", "2026-03-02"],
        fires: &[
            ("StartLatencyHigh", "critical"),
            ("StartLatencyHigh", "warning"),
            ("NothingDispatched", "critical"),
            ("DeadlineAtRisk", "warning"),
            ("DeadlineBreached", "critical"),
            ("NothingPredicted", "critical"),
        ],
        told: &[
            ("StartLatencyHigh", "critical"),
            ("NothingDispatched", "critical"),
            ("DeadlineAtRisk", "warning"),
            ("DeadlineBreached", "critical"),
        ],
        may: &[],
    },
    Case {
        name: "all-fail",
        arguments: &["--night", "2026-02-07"],
        fires: ALL_FAIL,
        told: &[
            ("CompletionLow", "critical"),
            ("DeadlineAtRisk", "warning"),
            ("DeadlineBreached", "critical"),
            ("GameWithoutPredictions", "warning"),
        ],
        may: &[],
    },
    Case {
        name: MENDED,
        arguments: &["--night", "2025-12-30"],
        fires: &[
            ("NothingDispatched", "critical"),
            ("DeadlineAtRisk", "warning"),
            ("UpstreamLate", "warning"),
        ],
        told: &[
            ("NothingDispatched", "critical"),
            ("DeadlineAtRisk", "warning"),
            ("UpstreamLate", "warning"),
        ],
        may: &[],
    },
    Case {
        name: KILLED,
        arguments: &["--night", "2026-01-06"],
        fires: &[("ServiceDown", "critical")],
        told: &[("ServiceDown", "critical")],
        may: &[],
    },
    Case {
        name: TELLING,
        arguments: &["--night", "2026-02-07"],
        fires: ALL_FAIL,
        told: &[],
        may: &[],
    },
];

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
        let mut nights: Vec<Night> = Vec::new();
        for case in &CASES {
            // Two at a time: fast motion on a busy machine would make its night slow.
            if let Some(before) = nights.len().checked_sub(2) {
                nights[before].until_live().await;
            }
            let left = DEADLINE_IN.saturating_sub(began.elapsed());
            let arguments = arguments(case, left, &own_mail);
            nights.push(Night::begin(folder, case.name, &arguments));
        }
        for night in &mut nights {
            night.until_live().await;
        }
        println!("all are live after {} s", began.elapsed().as_secs());
        assert!(
            began.elapsed() + WATCHED_MIN < DEADLINE_IN,
            "the machine is too busy: the histories leave less than {WATCHED_MIN:?} to watch"
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

    /// What these messages say is wrong: a line with the severity, and below it the runbook at the night's instance.
    fn told(&self, messages: &[String]) -> BTreeSet<Fired> {
        let mut told = BTreeSet::new();
        for message in messages {
            let mut severity = "";
            for line in message.lines() {
                severity = severity_of(line).unwrap_or(severity);
                told.extend(self.linked(line, severity));
            }
        }
        told
    }

    /// The alert whose runbook this line leads to.
    fn linked(&self, line: &str, severity: &str) -> Option<Fired> {
        CASES.iter().zip(&self.nights).find_map(|(case, night)| {
            let link = format!("http://127.0.0.1:{}/runbooks/", night.port);
            let (_, name) = line.split_once(&link)?;
            let name: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
            Some(fired(case.name, (&name, severity)))
        })
    }
}

fn severity_of(line: &str) -> Option<&'static str> {
    let known = [("CRITICAL: ", "critical"), ("WARNING: ", "warning")];
    let found = known.into_iter().find(|(word, _)| line.contains(word));
    found.map(|(_, severity)| severity)
}

fn fired(night: &str, (alert, severity): (&str, &str)) -> Fired {
    Fired {
        night: night.to_owned(),
        alert: alert.to_owned(),
        severity: severity.to_owned(),
    }
}

fn arguments(case: &Case, left: Duration, own_mail: &StandIn) -> Vec<String> {
    let mut arguments: Vec<String> = case.arguments.iter().map(|it| it.to_string()).collect();
    let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    add("--deadline-in", format!("{}s", left.as_secs()));
    if case.name == MENDED {
        let upstream_in = left.saturating_sub(UPSTREAM_BEFORE);
        add("--upstream-in", format!("{}s", upstream_in.as_secs()));
    }
    if case.name == TELLING {
        add("--smtp", format!("127.0.0.1:{}", own_mail.port));
    }
    arguments
}

fn expected_to_fire() -> BTreeSet<Fired> {
    let mut expected = BTreeSet::from([fired(TELLING, ("TipoffTellsPeople", "none"))]);
    for case in &CASES {
        expected.extend(case.fires.iter().map(|it| fired(case.name, *it)));
    }
    expected
}

/// What has to reach people by Alertmanager, by its severities.
fn expected_to_be_told(severities: &[&str]) -> BTreeSet<Fired> {
    let told = |case: &Case| -> Vec<Fired> {
        let told = case
            .told
            .iter()
            .filter(|(_, severity)| severities.contains(severity));
        told.map(|it| fired(case.name, *it)).collect()
    };
    CASES.iter().flat_map(told).collect()
}

/// What is missing, and what came unexpectedly.
fn differences(what: &str, expected: &BTreeSet<Fired>, is: &BTreeSet<Fired>) -> String {
    let mut text = String::new();
    for missing in expected.difference(is) {
        text += &format!("{what}: missing: {missing:?}\n");
    }
    let may: BTreeSet<Fired> = CASES
        .iter()
        .flat_map(|case| case.may.iter().map(|it| fired(case.name, *it)))
        .collect();
    for unexpected in is.difference(expected).filter(|it| !may.contains(it)) {
        text += &format!("{what}: unexpected: {unexpected:?}\n");
    }
    text
}

async fn compare(scene: &Scene) -> String {
    let fired = scene.servers.fired().await;
    let mails = scene.told(&scene.mail.mails());
    let posts = scene.told(&scene.slack.posts());
    let everybody = expected_to_be_told(&["critical", "warning"]);
    [
        differences("Prometheus", &expected_to_fire(), &fired),
        differences("mail", &expected_to_be_told(&["critical"]), &mails),
        differences("Slack", &everybody, &posts),
    ]
    .concat()
}

#[test]
fn what_is_missing_and_what_came_unexpectedly_is_named() {
    let expected = BTreeSet::from([fired("good", ("A", "critical"))]);
    let is = BTreeSet::from([
        fired("good", ("B", "warning")),
        fired("workers-gone", ("BatchStalled", "warning")),
    ]);
    let text = differences("mail", &expected, &is);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "what may come is not unexpected: {text}");
    assert!(
        lines[0].contains("missing") && lines[0].contains("\"A\""),
        "{text}"
    );
    assert!(
        lines[1].contains("unexpected") && lines[1].contains("\"B\""),
        "{text}"
    );
    assert_eq!(differences("mail", &expected, &expected), "");
}

#[tokio::test]
#[ignore = "plays for five minutes at the real clock's speed"]
async fn bad_nights_reach_people_by_mail_and_slack_and_good_ones_reach_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    // In mid-night, once Prometheus has seen it.
    let seen = "up{job=\"killed\"} == 1";
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
