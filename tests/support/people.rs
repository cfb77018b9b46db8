//! How people are reached in tests: over channels that keep what they are given.
//!
//! What is done about it belongs to each test.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use tipoff::{
    domain::{
        ids::ChannelId,
        routing::{Failure, Person, Route, Routes},
    },
    engine::{Addresses, Means, Telling},
    ports::{
        Channel,
        notice::{Notice, Parcel, Receipt},
    },
};

/// Everything goes over this one channel.
pub fn routes_over(channel: &str) -> Routes {
    let channel = || vec![ChannelId::new(channel)];
    let route = || Route {
        at_once: channel(),
        otherwise: Vec::new(),
    };
    Routes {
        critical: route(),
        warning: route(),
        daily: channel(),
        weekly: channel(),
        people: Vec::new(),
    }
}

/// One channel, without a limit that a test could run into.
pub fn telling_over(name: &str, channel: Arc<dyn Channel>) -> Telling {
    let means = Means {
        channel,
        patience: TimeDelta::seconds(4),
        messages_per_hour: 10_000,
        reaches_people: true,
        live_every: None,
    };
    Telling {
        channels: [(ChannelId::new(name), means)].into(),
        routes: routes_over(name),
        addresses: Addresses::default(),
    }
}

/// All of these at once, for these people.
pub fn telling_people(channels: &[(&str, Arc<dyn Channel>)], people: Vec<Person>) -> Telling {
    let mut telling = Telling::default();
    for (name, channel) in channels {
        telling
            .channels
            .extend(telling_over(name, channel.clone()).channels);
    }
    let all: Vec<ChannelId> = telling.channels.keys().cloned().collect();
    let route = Route {
        at_once: all.clone(),
        otherwise: Vec::new(),
    };
    telling.routes = Routes {
        critical: route.clone(),
        warning: route,
        daily: all.clone(),
        weekly: all,
        people,
    };
    telling
}

/// A channel that takes everything and keeps it.
#[derive(Default)]
pub struct RecordingChannel(Mutex<Vec<Parcel>>);

impl RecordingChannel {
    /// What it took, in order; a repeat is there twice.
    pub fn notices(&self) -> Vec<Notice> {
        let parcels = self.parcels();
        parcels.into_iter().flat_map(|it| it.notices).collect()
    }

    /// What it was given, each with its links and readers.
    pub fn parcels(&self) -> Vec<Parcel> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Channel for RecordingChannel {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        self.0.lock().unwrap().push(parcel.clone());
        Ok(Receipt {
            message_id: parcel.notices[0].id.clone(),
            thread: None,
        })
    }
}
