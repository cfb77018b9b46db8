//! Several messages in one, where a channel takes no more in an hour: a line each, the rest counted.
//!
//! When messages become a digest is decided by `domain::routing`.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Item, Letter, Status, alerts, single, way};
use crate::{
    domain::Instant,
    ports::notice::{Content, Notice, Parcel},
    render::{kinds, words::lower},
};

/// Messages with a line of their own.
const LINES_MAX: usize = 20;

/// The letter of several notices, or of none.
pub fn letter(notices: &[Notice], parcel: &Parcel, now: Instant) -> Letter {
    let (Some(first), Some(last)) = (notices.first(), notices.last()) else {
        return Letter {
            headline: "A message that tells of nothing".to_owned(),
            subject: "tipoff: empty message".to_owned(),
            ..Letter::blank(now)
        };
    };
    let mut sorted: Vec<&Notice> = notices.iter().collect();
    sorted.sort_by_key(|notice| rank(notice));
    let (named, rest) = sorted.split_at(sorted.len().min(LINES_MAX));
    let alerts: usize = notices.iter().map(|it| it.told().len().max(1)).sum();
    let status = sorted.first().map_or(Status::Summary, |it| status(it));
    let times = [way::times(first).at(first.at), way::times(last).at(last.at)];
    Letter {
        id: first.id.clone(),
        thread: format!("digest/{}", first.id),
        status,
        subject: format!("tipoff digest: {alerts} alerts"),
        headline: format!(
            "{} messages in one: this channel has its limit of messages an hour",
            notices.len()
        ),
        items: named.iter().map(|notice| item(notice, parcel)).collect(),
        facts: more(rest),
        links: way::links(Status::Summary, &[], &parcel.links),
        footer: format!(
            "Decided from {} to {}. Ids {} to {}",
            times[0], times[1], first.id, last.id
        ),
        ..Letter::blank(last.at)
    }
}

fn status(notice: &Notice) -> Status {
    match &notice.content {
        Content::Alerts { told, .. } => alerts::status(told),
        Content::Daily(_) | Content::Weekly(_) => Status::Summary,
        Content::Test { .. } => Status::Test,
    }
}

/// What holds comes first, gravest first; then what is over, summaries, tests.
fn rank(notice: &Notice) -> Reverse<u8> {
    Reverse(match status(notice) {
        Status::Holds(severity) => 3 + severity as u8,
        Status::Resolved => 2,
        Status::Summary => 1,
        Status::Test => 0,
    })
}

fn item(notice: &Notice, parcel: &Parcel) -> Item {
    let times = way::times(notice);
    let Some(lead) = alerts::leading(notice.told()) else {
        let letter = single(notice, parcel);
        return Item {
            status: letter.status,
            change: "new".to_owned(),
            title: letter.subject,
            text: letter.headline,
            since: times.at(notice.at),
            acknowledged: None,
            runbook: None,
        };
    };
    let plain = alerts::state(&lead.alert, &times);
    let change = alerts::change_words(lead);
    Item {
        status: status(notice),
        change: match notice.told().len() {
            1 => change,
            many => format!("{change}, and {} more", many - 1),
        },
        title: format!("{}: {}", alerts::scope(&notice.about), lower(&plain.title)),
        runbook: way::runbook(lead, &parcel.links),
        ..plain
    }
}

/// How many have no line of their own, by what leads them.
fn more(rest: &[&Notice]) -> Vec<(String, String)> {
    if rest.is_empty() {
        return Vec::new();
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for notice in rest {
        let name = match alerts::leading(notice.told()) {
            Some(told) => kinds::guide(told.alert.kind).title,
            None => "Summary or test",
        };
        *kinds.entry(name).or_default() += 1;
    }
    let counted = kinds.iter();
    let counted: Vec<String> = counted
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    vec![(format!("And {} more", rest.len()), counted.join(", "))]
}
