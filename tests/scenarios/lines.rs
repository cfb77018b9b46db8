//! Channels of a night that keep what they are given, and take nothing while they are dead.
//!
//! What is expected of them belongs to the scenarios.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chrono::TimeDelta;
use tipoff::{
    domain::{
        Instant,
        alert::{Change, Kind, Role, Told},
        ids::ChannelId,
        routing::{Failure, Person, Route, Routes},
    },
    engine::{Addresses, Means, Telling},
    ports::{
        Channel,
        notice::{Parcel, Receipt},
    },
};

/// One channel.
#[derive(Default)]
pub struct Line {
    parcels: Mutex<Vec<Parcel>>,
    /// It takes nothing, as an address that is gone.
    pub dead: AtomicBool,
}

impl Line {
    /// Everything it took, in order.
    pub fn parcels(&self) -> Vec<Parcel> {
        self.parcels.lock().unwrap().clone()
    }

    /// Every change of one kind of alert that it told of, with the instant it was decided at and who was to read it.
    pub fn heard(&self, kind: Kind) -> Vec<(Instant, Change, Vec<String>)> {
        let told = |told: &Told| (told.alert.kind == kind).then_some(told.change);
        let heard = self.parcels().into_iter().flat_map(|parcel| {
            let readers: Vec<String> = parcel.audience.iter().map(|it| it.name.clone()).collect();
            let notices = parcel.notices.into_iter();
            notices.flat_map(move |notice| {
                let changes = notice.told().iter().filter_map(told);
                let changes = changes.map(|change| (notice.at, change, readers.clone()));
                changes.collect::<Vec<_>>()
            })
        });
        heard.collect()
    }

    /// How often each change of each opening of an alert was told.
    pub fn changes(&self) -> BTreeMap<(String, String), usize> {
        let mut changes = BTreeMap::new();
        for parcel in self.parcels() {
            for notice in &parcel.notices {
                for (opening, told) in notice.openings().into_iter().zip(notice.told()) {
                    let change = format!("{:?}", told.change);
                    *changes.entry((opening, change)).or_insert(0) += 1;
                }
            }
        }
        changes
    }
}

#[async_trait]
impl Channel for Line {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(Failure {
                error: "404 no_service".to_owned(),
                permanent: true,
                doubtful: false,
                retry_after: None,
            });
        }
        let mut parcels = self.parcels.lock().unwrap();
        parcels.push(parcel.clone());
        Ok(Receipt {
            message_id: parcels.len().to_string(),
            thread: None,
        })
    }
}

/// Slack and mail: what is critical over both, a warning over Slack and else by mail; one person of each role.
pub fn slack_and_email(slack: &Arc<Line>, email: &Arc<Line>, messages_per_hour: usize) -> Telling {
    let id = |name: &str| ChannelId::new(name);
    let means = |line: &Arc<Line>| Means {
        channel: line.clone(),
        patience: TimeDelta::seconds(4),
        messages_per_hour,
        reaches_people: true,
        live_every: None,
    };
    let person = |name: &str, role| Person {
        name: name.to_owned(),
        role,
        email: None,
        slack: None,
    };
    Telling {
        channels: [(id("slack"), means(slack)), (id("email"), means(email))].into(),
        routes: Routes {
            critical: Route {
                at_once: vec![id("slack"), id("email")],
                otherwise: Vec::new(),
            },
            warning: Route {
                at_once: vec![id("slack")],
                otherwise: vec![id("email")],
            },
            daily: vec![id("slack")],
            weekly: vec![id("email")],
            people: vec![
                person("dana", Role::Developer),
                person("ola", Role::OnCall),
                person("lea", Role::Lead),
            ],
        },
        addresses: Addresses::default(),
    }
}
