//! One message in words, before any layout: what every channel says, in the order in which it says it.
//!
//! Layouts are `html`, `plain` and the channels' own; what is true is in the notice, and nothing is worked out here
//! that is not.

use crate::{
    domain::{Instant, alert::Severity},
    ports::notice::{About, Content, Parcel},
};

/// One message in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// The notice's id: the receiver can tell a repeat by it. Of a digest, the first one's.
    pub id: String,
    /// Messages with the same one hang together: one alert's changes, for example.
    pub thread: String,
    /// How bad it is, or that it is over.
    pub status: Status,
    /// The subject, the same for all messages of a thread; sorts by date, then handoff.
    pub subject: String,
    /// What happened, in one sentence: the first thing read on a phone.
    pub headline: String,
    /// What the reader should know of the message's way: late, instead of another channel, may be a repeat, a test.
    pub notes: Vec<String>,
    /// The alerts, gravest first.
    pub items: Vec<Item>,
    /// The night in numbers: label and value.
    pub facts: Vec<(String, String)>,
    /// The units that need work, a group a game; what is left out is said in the last line.
    pub units: Vec<UnitGroup>,
    /// Units that are not named.
    pub units_unnamed: u64,
    /// What the service did already.
    pub done: Vec<String>,
    /// What it does next by itself.
    pub next: Vec<String>,
    /// What the reader can do.
    pub advice: Vec<String>,
    /// Where the reader can go on.
    pub links: Vec<Link>,
    /// A table, for summaries.
    pub table: Option<Table>,
    /// Pictures, for summaries by mail.
    pub pictures: Vec<Picture>,
    /// When it was decided, in both zones, and its id.
    pub footer: String,
    /// When it was decided.
    pub at: Instant,
}

/// How bad it is, or that it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The gravest of what holds.
    Holds(Severity),
    /// All it tells of is over.
    Resolved,
    /// A summary.
    Summary,
    /// A test.
    Test,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// How bad it is, or that it is over.
    pub status: Status,
    /// What changed: "new", "worse", "still open", "nobody has acknowledged", "over after 12 min".
    pub change: String,
    /// The symptom, as a title: "Deadline breached".
    pub title: String,
    /// What broke, with its numbers.
    pub text: String,
    /// Since when, in both zones.
    pub since: String,
    /// Who acknowledged it, and when.
    pub acknowledged: Option<String>,
    /// Its runbook's address.
    pub runbook: Option<String>,
}

/// Units of one game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitGroup {
    /// The game.
    pub game: String,
    /// Units, each with how it stands.
    pub units: Vec<String>,
}

/// An address with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What happens there: "Acknowledge or silence".
    pub label: String,
    /// The address.
    pub url: String,
    /// The one the reader most likely wants.
    pub primary: bool,
}

/// A table: each row has as many cells as the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Column titles.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// A picture inside a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its name inside the message, for example `latency`.
    pub name: String,
    /// What it shows, for readers with pictures off: with its numbers.
    pub text: String,
    /// The picture itself, as PNG.
    pub png: Vec<u8>,
}

impl Letter {
    /// The words of a parcel, as they are true now.
    ///
    /// A stand-in until the layouts are merged: enough for channels to be tested.
    pub fn of(parcel: &Parcel, _now: Instant) -> Self {
        let first = &parcel.notices[0];
        let subject = match &first.about {
            About::Night(key) => format!("{} {}", key.game_date, key.handoff),
            About::Handoff(handoff) => handoff.to_string(),
            About::Service => "tipoff".to_owned(),
        };
        let status = match &first.content {
            Content::Alerts { .. } => Status::Holds(first.severity()),
            Content::Daily(_) | Content::Weekly(_) => Status::Summary,
            Content::Test { .. } => Status::Test,
        };
        Self {
            id: first.id.clone(),
            thread: subject.clone(),
            status,
            headline: format!("About {subject}"),
            subject,
            notes: Vec::new(),
            items: Vec::new(),
            facts: Vec::new(),
            units: Vec::new(),
            units_unnamed: 0,
            done: Vec::new(),
            next: Vec::new(),
            advice: Vec::new(),
            links: Vec::new(),
            table: None,
            pictures: Vec::new(),
            footer: String::new(),
            at: first.at,
        }
    }
}
