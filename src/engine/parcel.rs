//! A message on its way → what its channel is given: readers, links, and what to know of the way.
//!
//! When it is tried belongs to `courier`, what it says to `render`.

use chrono::TimeDelta;

use super::Shared;
use crate::{
    domain::{
        alert::Role,
        routing::{Person, Why},
    },
    ports::{
        deliveries::Delivery,
        notice::{Content, Links, Notice, Parcel, Way},
    },
    wire::link::{self, Claim},
};

/// How long the link in a message is valid.
const LINK_VALID: TimeDelta = TimeDelta::hours(12);

/// What the channel is given.
pub fn parcel(shared: &Shared, deliveries: &[Delivery]) -> Parcel {
    let mut audience: Vec<Person> = Vec::new();
    for delivery in deliveries {
        for reader in readers(shared, &delivery.notice) {
            if !audience.contains(reader) {
                audience.push(reader.clone());
            }
        }
    }
    let first = deliveries.first().filter(|_| deliveries.len() == 1);
    let may_repeat = deliveries.iter().any(|it| it.doubtful);
    let of_digest = Way {
        may_repeat,
        ..Way::default()
    };
    let way = first.map_or(of_digest, |delivery| Way {
        instead_of: match &delivery.why {
            Why::Instead { of, error } => Some((of.clone(), error.clone())),
            Why::Routed | Why::Recovery | Why::OwnTrouble => None,
        },
        elsewhere: delivery.elsewhere.clone(),
        may_repeat,
        attempts: delivery.attempts,
    });
    Parcel {
        notices: deliveries.iter().map(|it| it.notice.clone()).collect(),
        thread: first.and_then(|delivery| delivery.thread.clone()),
        links: links(shared, deliveries, &audience),
        audience,
        way,
    }
}

fn readers<'a>(shared: &'a Shared, notice: &Notice) -> Vec<&'a Person> {
    let routes = shared.routes(&notice.about);
    match &notice.content {
        Content::Alerts { told, .. } => routes.audience(told),
        Content::Daily(_) | Content::Weekly(_) => routes.people.iter().collect(),
        Content::Test { .. } => {
            let developer = |person: &&Person| person.role == Role::Developer;
            routes.people.iter().filter(developer).collect()
        }
    }
}

fn links(shared: &Shared, deliveries: &[Delivery], audience: &[Person]) -> Links {
    let addresses = &shared.telling.addresses;
    let until = shared.clock.now() + LINK_VALID;
    let reader = audience.first().filter(|_| audience.len() == 1);
    let claim = deliveries.first().map(|delivery| Claim {
        notice_id: delivery.notice.id.clone(),
        reader: reader.map(|person| person.name.clone()),
        until,
    });
    let page = addresses.public.as_ref().zip(claim).map(|(base, claim)| {
        let signed = link::sign(&shared.link_secret, &claim);
        format!("{base}/respond/{signed}")
    });
    Links {
        page_until: page.is_some().then_some(until),
        page,
        runbooks: addresses.runbooks.clone(),
    }
}
