//! What the rounds of `alerts` caused, against what the channels have: the test's own word, not the store's.
//!
//! What is true of every message belongs to `told`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    alerts::{Point, WORD, word},
    told::{self, Copy},
};

/// Every alert was told over both channels, and its end, and each kill repeated one message a channel at most.
pub fn prove(copies: &[Copy], rounds: Range<u64>) {
    prove_caused(copies, rounds.clone());
    prove_repeats(copies, rounds);
}

/// Every cause is told over both channels: as the alarm and as the recovery, or as both in one.
fn prove_caused(copies: &[Copy], rounds: Range<u64>) {
    let mut lost = Vec::new();
    for round in rounds {
        for channel in ["email", "slack"] {
            let word = word(round);
            let mine = copies
                .iter()
                .filter(|it| it.channel == channel && it.text.contains(&word));
            let ids: BTreeSet<&str> = mine.map(|it| it.notice_id.as_str()).collect();
            if ids.len() != Point::of(round).messages() {
                lost.push((round, Point::of(round), channel, ids));
            }
        }
    }
    assert!(lost.is_empty(), "lost or told too often: {lost:#?}");
}

/// At most one repeat a kill and channel, and as many as the point says.
fn prove_repeats(copies: &[Copy], rounds: Range<u64>) {
    let mut repeats: BTreeMap<(u64, &str), u64> = BTreeMap::new();
    for copy in told::repeats(copies) {
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
