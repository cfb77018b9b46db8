//! What has to be true of what people were told, however often the service was killed meanwhile. The witnesses: what
//! the store decided, and what the channels have.
//!
//! When it is killed belongs to `alerts`, what the rounds there caused to `tally`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use percent_encoding::percent_decode_str;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use super::office::Office;

/// What a message says that may be there twice.
pub const NOTE: &str = "may be a repeat: the server's answer to an earlier try was lost";

/// A message as a channel has it.
#[derive(Debug)]
pub struct Copy {
    pub channel: &'static str,
    /// The service's own id of it.
    pub notice_id: String,
    /// By which a reader's program knows a repeat: the same for all copies.
    pub known_by: String,
    /// All of it.
    pub text: String,
}

/// A delivery as the store keeps it.
#[derive(Debug)]
struct Kept {
    notice_id: String,
    channel: String,
    state: String,
}

/// Nothing decided is lost, nothing is made up, and what is there twice says so. Gives back what the channels have.
pub async fn prove(office: &Office) -> Vec<Copy> {
    let copies = copies(office).await;
    prove_copies(&office.file(), &copies).await;
    copies
}

/// The same of what channels have, whichever they are.
pub async fn prove_copies(file: &Path, copies: &[Copy]) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut store = options.read_only(true).connect().await.unwrap();
    let kept = kept(&mut store).await;
    let openings = openings(&mut store).await;
    store.close().await.unwrap();
    prove_decided(copies, &kept, &openings);
    prove_repeats(copies);
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

/// What is there again, each known by what the first was known by, and each saying that it may be a repeat.
fn prove_repeats(copies: &[Copy]) {
    let mut first: BTreeMap<(&str, &str), &Copy> = BTreeMap::new();
    for copy in copies {
        match first.get(&(copy.channel, copy.notice_id.as_str())) {
            None => {
                first.insert((copy.channel, copy.notice_id.as_str()), copy);
            }
            Some(first) => {
                assert_eq!(copy.known_by, first.known_by, "{copy:#?}");
                assert!(copy.text.contains(NOTE), "it does not say so: {copy:#?}");
            }
        }
    }
}

/// What a channel has more than once, without the first of each.
pub fn repeats(copies: &[Copy]) -> Vec<&Copy> {
    let mut seen = BTreeSet::new();
    let mut is_first = |it: &Copy| seen.insert((it.channel, it.notice_id.clone()));
    copies.iter().filter(|it| !is_first(it)).collect()
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
        if metadata["event_type"] != "tipoff_notice" {
            continue; // A live message, which is brought up to date and tells of nothing by itself.
        }
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
