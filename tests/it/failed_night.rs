//! A night that failed hours before its deadline, and what its people were told: where most tests of alerts begin.
//!
//! No test belongs here.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::Value;
use tipoff::{
    clock::Clock,
    domain::{
        alert::{Alert, Change, Kind, Role},
        routing::{Failure, Person},
        run::State,
    },
    ports::{
        Channel,
        notice::{Parcel, Receipt},
        store::Store,
    },
    wire::link::{self, Claim},
};

use crate::support::{Answer, EARLY, RecordingChannel, TestApp, event, instant};

/// Looks before a test gives up; between two, the engine's tasks get their turn.
pub const LOOKS_MAX: usize = 200;
/// The failure's full name.
pub const FAILED: &str = "phase4-to-phase5/2026-01-19/nothing_dispatched";

/// A channel that refuses everything for good.
pub struct Refusing;

#[async_trait]
impl Channel for Refusing {
    async fn deliver(&self, _: &Parcel) -> Result<Receipt, Failure> {
        Err(Failure {
            error: "the token was revoked".to_owned(),
            permanent: true,
            doubtful: false,
            retry_after: None,
        })
    }
}

/// A service whose night failed, and the channel that its people hear.
pub struct Failed {
    pub app: TestApp,
    pub phone: Arc<RecordingChannel>,
}

/// A developer, an engineer on call and a project lead.
pub fn people() -> Vec<Person> {
    let person = |name: &str, role| Person {
        name: name.to_owned(),
        role,
        email: None,
        slack: None,
    };
    vec![
        person("Dana Ünlü", Role::Developer),
        person("Omar", Role::OnCall),
        person("Lee", Role::Lead),
    ]
}

impl Failed {
    /// Nobody was listed, so nothing could be sent: a critical alert, told to the developer alone.
    pub async fn night() -> Self {
        let phone = Arc::new(RecordingChannel::default());
        let app = TestApp::start_telling(EARLY, &[("phone", phone.clone())], people()).await;
        let started = app.post("/trigger", event().to_string()).await;
        assert_eq!(started.status, 202, "{started:?}");
        let failed = Self { app, phone };
        // The wait for readiness ends by itself, hours before the deadline.
        while failed.app.run().await.state != State::Failed {
            failed.pass(TimeDelta::minutes(5)).await;
            assert!(failed.app.clock.now() < instant("2026-01-19T14:00:00Z"));
        }
        failed.until_told(Change::Opened, 1).await;
        failed
    }

    /// How often people were told this of the failure.
    pub fn told(&self, change: Change) -> usize {
        let notices = self.phone.notices();
        let told = notices.iter().flat_map(|notice| notice.told());
        told.filter(|it| it.change == change && it.alert.kind == Kind::NothingDispatched)
            .count()
    }

    pub async fn until_told(&self, change: Change, times: usize) {
        for _ in 0..LOOKS_MAX {
            if self.told(change) >= times {
                return;
            }
            self.app.post("/tick", "").await;
        }
        panic!("not told {times} times: {change:?}");
    }

    /// Lets time pass, has everything done that is due, and returns once it is.
    pub async fn pass(&self, length: TimeDelta) {
        self.app.clock.advance(length);
        let ticked = self.app.post("/tick", "").await;
        assert_eq!(ticked.status, 200, "{ticked:?}");
    }

    pub async fn alert(&self) -> Alert {
        let run = self.app.run().await;
        let mut alerts = run.alerts.into_iter();
        alerts
            .find(|alert| alert.kind == Kind::NothingDispatched)
            .unwrap()
    }

    /// The message that told of the failure.
    pub fn parcel(&self) -> Parcel {
        let tells = |parcel: &Parcel| {
            let told = parcel.notices.iter().flat_map(|notice| notice.told());
            told.into_iter()
                .any(|it| it.alert.kind == Kind::NothingDispatched)
        };
        self.phone.parcels().into_iter().find(tells).unwrap()
    }

    /// The failure as it is listed.
    pub async fn listed(&self) -> Value {
        let listed = self.app.get("/alerts").await.json();
        let alerts = listed["alerts"].as_array().unwrap();
        let found = alerts.iter().find(|alert| alert["id"] == FAILED);
        found.cloned().unwrap_or_else(|| panic!("{listed:#}"))
    }

    /// The path of the link in the message that told of the failure.
    pub fn link(&self) -> String {
        let page = self.parcel().links.page.unwrap();
        page.strip_prefix(self.app.url()).unwrap().to_owned()
    }

    pub async fn reply(&self, form: &[(&str, &str)]) -> Answer {
        let request = self.app.request(Method::POST, &self.link()).form(form);
        self.app.answer(request).await
    }

    /// The page that a reply leads to.
    pub async fn follow(&self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, 303, "{answer:?}");
        let path = format!("/respond/{}", answer.header("location"));
        let page = self.app.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        page
    }

    pub async fn sign(&self, notice_id: &str, until: &str) -> String {
        let mut transaction = self.app.store.begin().await.unwrap();
        let secret = transaction.secret("links", &[]).await.unwrap();
        drop(transaction);
        let claim = Claim {
            notice_id: notice_id.to_owned(),
            reader: None,
            until: instant(until),
        };
        format!("/respond/{}", link::sign(&secret, &claim))
    }
}
