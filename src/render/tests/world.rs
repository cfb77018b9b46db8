//! Nights, alerts and parcels that the tests tell of.

use chrono::TimeDelta;

use crate::{
    domain::{
        Instant,
        alert::{Alert, Change, Kind, Role, Severity, Told},
        completion::{GameCounts, Standing},
        forecast::Forecast,
        ids::{BatchId, GameDate, GameId, HandoffId, RunKey, UnitId},
        routing::Person,
        run::{NextStep, Snapshot, State},
        sla::Verdict,
        trigger::Source,
        zone::Zone,
    },
    ports::{
        OpenUnit,
        notice::{About, Content, Links, NightFigures, Notice, Parcel, Way, Week},
    },
};

/// An instant as it is written.
pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// The deadline of the bad night: 07:00 in Los Angeles.
pub fn deadline() -> Instant {
    at("2026-01-11T15:00:00Z")
}

pub fn date(text: &str) -> GameDate {
    GameDate(text.parse().unwrap())
}

pub fn pacific() -> Zone {
    "America/Los_Angeles".parse().unwrap()
}

pub fn eastern() -> Zone {
    "America/New_York".parse().unwrap()
}

pub fn key() -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: date("2026-01-11"),
    }
}

/// The night on which the workers had been scaled to zero: 218 were ready, 78 were answered.
pub fn bad_night() -> Snapshot {
    let mut night = unlisted_night();
    night.counts.expected = 324;
    night.counts.ready = 218;
    night.counts.filtered = 12;
    night.counts.dispatched = 218;
    night.counts.predicted = 78;
    night.counts.failed = 3;
    night.counts.outstanding = 137;
    night.counts.needing_work = 140;
    night
}

/// The same night as if nothing had ever been listed.
pub fn unlisted_night() -> Snapshot {
    let batch = BatchId::new("batch_2026-01-11_1768129500");
    Snapshot {
        key: key(),
        at: deadline() + TimeDelta::minutes(1),
        schedule_zone: pacific(),
        calendar_zone: eastern(),
        unit_noun: "player".to_owned(),
        observing: false,
        state: State::Running,
        verdict: Some(Verdict::Breached),
        confirmed: Some(true),
        deadline_at: Some(deadline()),
        started_by: Some(Source::Backup),
        upstream_finished_at: Some(at("2026-01-11T11:05:00Z")),
        triggered_at: Some(at("2026-01-11T14:00:00Z")),
        dispatched_at: Some(at("2026-01-11T14:00:20Z")),
        latency_seconds: Some(10_520.0),
        completed_at: None,
        batch_id: Some(batch),
        forecast: Some(Forecast {
            finish_at: at("2026-01-11T15:40:00Z"),
            earliest_at: at("2026-01-11T15:20:00Z"),
            latest_at: None,
        }),
        counts: Default::default(),
        reasons: [("timeout".to_owned(), 3)].into(),
        games: games(),
        retries: 2,
        next: vec![NextStep::Closes(deadline() + TimeDelta::hours(24))],
        could_not_ask: None,
        alerts: Vec::new(),
    }
}

fn games() -> std::collections::BTreeMap<GameId, GameCounts> {
    let game = |number: u64, ready, predicted| {
        let id = GameId::new(format!("00225005{number}"));
        (id, GameCounts { ready, predicted })
    };
    [game(50, 100, 50), game(51, 90, 28), game(52, 28, 0)].into()
}

pub fn alert(kind: Kind, severity: Severity, text: &str) -> Alert {
    Alert {
        kind,
        subject: (kind == Kind::ChannelFailing).then(|| "slack".to_owned()),
        severity,
        text: text.to_owned(),
        opened_at: deadline() + TimeDelta::minutes(1),
        critical_since: (severity == Severity::Critical)
            .then(|| deadline() + TimeDelta::minutes(1)),
        told_at: Some(deadline() + TimeDelta::minutes(1)),
        told_up_to: Some(Role::Developer),
        acknowledged: None,
        resolved_at: None,
    }
}

pub fn breach() -> Alert {
    let text = "140 of 218 ready still need work, due 07:00 PST";
    alert(Kind::DeadlineBreached, Severity::Critical, text)
}

/// The change; one that is over ended 12 minutes after it opened.
pub fn told(change: Change, alert: Alert) -> Told {
    let over = alert.opened_at + TimeDelta::minutes(12);
    Told {
        change,
        alert: Alert {
            resolved_at: (change == Change::Resolved).then_some(over),
            ..alert
        },
        known_up_to: None,
    }
}

pub fn units(count: usize) -> Vec<OpenUnit> {
    let unit = |number: usize| OpenUnit {
        unit: UnitId::new(format!("player{number:03}")),
        game_id: GameId::new(format!("00225005{}", 50 + number / 12)),
        standing: match number % 5 {
            4 => Standing::Failed,
            _ => Standing::Unanswered,
        },
        reason: (number % 5 == 4).then(|| "timeout".to_owned()),
        attempts: 3,
    };
    (0..count).map(unit).collect()
}

pub fn alerts(told: Vec<Told>, night: Option<Snapshot>, units: Vec<OpenUnit>) -> Notice {
    Notice {
        id: "phase4-to-phase5/2026-01-11/41/0".to_owned(),
        about: match &night {
            Some(night) => About::Night(night.key.clone()),
            None => About::Service,
        },
        at: deadline() + TimeDelta::minutes(1),
        content: Content::Alerts { told, night, units },
    }
}

pub fn parcel(notices: Vec<Notice>) -> Parcel {
    Parcel {
        notices,
        audience: vec![person("ann", Role::Developer)],
        way: Way::default(),
        thread: None,
        links: Links {
            page: Some("https://tipoff.example.org/page/abc?sig=1&until=2".to_owned()),
            page_until: Some(deadline() + TimeDelta::hours(12)),
            runbooks: Some("https://docs.example.org/runbooks".to_owned()),
        },
    }
}

pub fn person(name: &str, role: Role) -> Person {
    Person {
        name: name.to_owned(),
        role,
        email: None,
        slack: None,
    }
}

/// The breach of the bad night as it is first told.
pub fn bad_parcel() -> Parcel {
    let notice = alerts(
        vec![told(Change::Opened, breach())],
        Some(bad_night()),
        units(30),
    );
    parcel(vec![notice])
}

/// One night of a week: met if its completion is high enough.
pub fn figures(day: &str, latency_seconds: Option<f64>, predicted: u64) -> NightFigures {
    let completion = predicted as f64 / 200.0;
    NightFigures {
        game_date: date(day),
        state: State::Complete,
        verdict: Some(match completion >= 0.95 {
            true => Verdict::Met,
            false => Verdict::Breached,
        }),
        started_by: latency_seconds.map(|_| Source::Event),
        latency_seconds,
        expected: 240,
        ready: 200,
        dispatched: 200,
        predicted,
        skipped: 0,
        failed: 200 - predicted,
        needing_work: 200 - predicted,
        completion: latency_seconds.map(|_| completion),
        completed_at: None,
        alerts: Vec::new(),
    }
}

/// A week with a broken night, a slow one and one without a sample.
pub fn week() -> Week {
    let broken = NightFigures {
        alerts: vec![breach()],
        started_by: Some(Source::CatchUp),
        ..figures("2026-01-11", Some(10_520.0), 78)
    };
    let before = (0..24).map(|night| {
        let day = date("2025-12-08").0 + TimeDelta::days(night + night / 7);
        let latency = 120.0 + 30.0 * (night % 5) as f64;
        figures(&day.to_string(), Some(latency), 190 + night as u64 % 11)
    });
    Week {
        handoff: HandoffId::new("phase4-to-phase5"),
        from: date("2026-01-05"),
        to: date("2026-01-11"),
        schedule_zone: pacific(),
        calendar_zone: eastern(),
        unit_noun: "player".to_owned(),
        latency_target_seconds: 300.0,
        completion_target: 0.95,
        nights: vec![
            figures("2026-01-05", Some(130.0), 198),
            figures("2026-01-06", Some(150.0), 200),
            figures("2026-01-07", Some(660.0), 196),
            figures("2026-01-08", None, 0),
            figures("2026-01-09", Some(95.0), 199),
            broken,
        ],
        before: before.collect(),
        without_games: 1,
    }
}

pub fn weekly(week: Week) -> Parcel {
    let notice = Notice {
        id: "phase4-to-phase5/week/2026-01-05".to_owned(),
        about: About::Handoff(week.handoff.clone()),
        at: at("2026-01-12T17:00:00Z"),
        content: Content::Weekly(week),
    };
    let mut parcel = parcel(vec![notice]);
    parcel.links.page_until = Some(at("2026-01-13T05:00:00Z"));
    parcel
}

pub fn daily(night: Snapshot) -> Parcel {
    parcel(vec![Notice {
        id: "phase4-to-phase5/2026-01-11/60/0".to_owned(),
        about: About::Night(night.key.clone()),
        at: night.at,
        content: Content::Daily(night),
    }])
}
