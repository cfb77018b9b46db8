//! What has to be true of what people were told, however often the service was killed meanwhile. Three witnesses: what
//! the test caused, what the store decided, and what the channels have.
//!
//! When it is killed belongs to `alerts`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use percent_encoding::percent_decode_str;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    alerts::{Point, WORD, word},
    office::Office,
};

/// What a message says that may be there twice.
const NOTE: &str = "may be a repeat: the server's answer to an earlier try was lost";

/// A message as a channel has it.
#[derive(Debug)]
struct Copy {
    channel: &'static str,
    /// The service's own id of it.
    notice_id: String,
    /// By which a reader's program knows a repeat: the same for all copies.
    known_by: String,
    /// All of it.
    text: String,
}

/// A delivery as the store keeps it.
#[derive(Debug)]
struct Kept {
    notice_id: String,
    channel: String,
    state: String,
}

/// Nothing is lost, nothing is made up, and what is there twice says so.
pub async fn prove(office: &Office, rounds: Range<u64>) {
    let copies = copies(office).await;
    let options = SqliteConnectOptions::new().filename(office.file());
    let mut store = options.read_only(true).connect().await.unwrap();
    let kept = kept(&mut store).await;
    let openings = openings(&mut store).await;
    store.close().await.unwrap();
    prove_caused(&copies, rounds.clone());
    prove_decided(&copies, &kept, &openings);
    let kills: u64 = rounds.clone().map(|it| Point::of(it).kills()).sum();
    assert_eq!(office.kills, kills);
    prove_repeats(&copies, rounds);
}

/// Every cause is told over both channels: as the alarm and as the recovery.
fn prove_caused(copies: &[Copy], rounds: Range<u64>) {
    let mut lost = Vec::new();
    for round in rounds {
        for channel in ["email", "slack"] {
            let word = word(round);
            let mine = copies
                .iter()
                .filter(|it| it.channel == channel && it.text.contains(&word));
            let ids: BTreeSet<&str> = mine.map(|it| it.notice_id.as_str()).collect();
            if ids.len() != 2 {
                lost.push((round, Point::of(round), channel, ids));
            }
        }
    }
    assert!(lost.is_empty(), "lost or told too often: {lost:#?}");
}

/// Every decided message arrived where it was to go, or a later one about the same did; nothing else arrived.
fn prove_decided(copies: &[Copy], kept: &[Kept], openings: &BTreeMap<String, BTreeSet<String>>) {
    let arrived: BTreeSet<(&str, &str)> = copies
        .iter()
        .map(|it| (it.notice_id.as_str(), it.channel))
        .collect();
    let has = |it: &&Kept| arrived.contains(&(it.notice_id.as_str(), it.channel.as_str()));
    let mut replaced = 0;
    for delivery in kept {
        match delivery.state.as_str() {
            "done" => assert!(has(&delivery), "a receipt for nothing: {delivery:?}"),
            "replaced" => {
                replaced += 1;
                let mine = &openings[&delivery.notice_id];
                let instead = kept.iter().filter(has).filter(|it| {
                    it.notice_id != delivery.notice_id && openings[&it.notice_id].is_superset(mine)
                });
                assert!(instead.count() > 0, "replaced by nothing: {delivery:?}");
            }
            _ => panic!("never delivered: {delivery:?}"),
        }
    }
    let decided: BTreeSet<(&str, &str)> = kept
        .iter()
        .map(|it| (it.notice_id.as_str(), it.channel.as_str()))
        .collect();
    let made_up: Vec<_> = arrived.difference(&decided).collect();
    assert!(made_up.is_empty(), "nobody decided {made_up:?}");
    println!("{} deliveries, {replaced} of them replaced", kept.len());
}

/// At most one repeat a kill and channel; each is known by what the first was known by, and says that it may be one.
fn prove_repeats(copies: &[Copy], rounds: Range<u64>) {
    let mut first: BTreeMap<(&str, &str), &Copy> = BTreeMap::new();
    let mut repeats: BTreeMap<(u64, &str), u64> = BTreeMap::new();
    for copy in copies {
        let key = (copy.channel, copy.notice_id.as_str());
        let Some(first) = first.get(&key) else {
            first.insert(key, copy);
            continue;
        };
        assert_eq!(copy.known_by, first.known_by, "{copy:#?}");
        assert!(copy.text.contains(NOTE), "it does not say so: {copy:#?}");
        *repeats.entry((round_of(copy), copy.channel)).or_default() += 1;
    }
    let mut figures: BTreeMap<Point, Figures> = BTreeMap::new();
    for round in rounds {
        let point = Point::of(round);
        let figures = figures.entry(point).or_default();
        figures.kills += point.kills();
        let (mails, posts) = point.repeats();
        let of_mail = (&mut figures.mails, "email", mails);
        let of_slack = (&mut figures.posts, "slack", posts);
        for (sum, channel, expected) in [of_mail, of_slack] {
            let here = repeats.get(&(round, channel)).copied().unwrap_or(0);
            *sum += here;
            assert!(
                here <= point.kills(),
                "round {round}: {here} over {channel}"
            );
            if let Some(each) = expected {
                let expected = each * point.kills();
                assert_eq!(here, expected, "round {round}, {point:?}, over {channel}");
            }
        }
    }
    println!("{figures:#?}");
}

/// Kills at a point, and what came again after them.
#[derive(Debug, Default)]
struct Figures {
    kills: u64,
    mails: u64,
    posts: u64,
}

/// The round that a message tells of.
fn round_of(copy: &Copy) -> u64 {
    let at = copy.text.find(WORD).expect("it names its round") + WORD.len();
    copy.text[at..at + 5].parse().unwrap()
}

async fn copies(office: &Office) -> Vec<Copy> {
    let mut copies = Vec::new();
    for mail in office.mail.messages() {
        let ids = mail.header("X-Tipoff-Notice");
        assert!(!ids.contains(' '), "a digest: {ids}");
        copies.push(Copy {
            channel: "email",
            notice_id: percent_decode_str(&ids).decode_utf8().unwrap().into_owned(),
            known_by: mail.header("Message-ID"),
            text: mail.text(),
        });
    }
    for message in office.slack.messages().await {
        let metadata = &message["metadata"];
        let id = metadata["event_payload"]["id"].as_str();
        copies.push(Copy {
            channel: "slack",
            notice_id: id
                .unwrap_or_else(|| panic!("no id: {message:#}"))
                .to_owned(),
            known_by: metadata.to_string(),
            text: message.to_string(),
        });
    }
    copies
}

async fn kept(store: &mut SqliteConnection) -> Vec<Kept> {
    let rows = sqlx::query("SELECT notice_id, channel, state FROM deliveries ORDER BY rowid");
    let rows = rows.fetch_all(store).await.unwrap();
    let kept = |row: &sqlx::sqlite::SqliteRow| Kept {
        notice_id: row.get("notice_id"),
        channel: row.get("channel"),
        state: row.get("state"),
    };
    rows.iter().map(kept).collect()
}

/// What each message tells of.
async fn openings(store: &mut SqliteConnection) -> BTreeMap<String, BTreeSet<String>> {
    let rows = sqlx::query(
        "SELECT id, opening FROM notices LEFT JOIN notice_openings ON notice_id = id ORDER BY id",
    );
    let mut openings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows.fetch_all(store).await.unwrap() {
        let told: Option<String> = row.get("opening");
        openings.entry(row.get("id")).or_default().extend(told);
    }
    openings
}
