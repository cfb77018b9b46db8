//! One message in words, before any layout: what every channel says, in the order in which it says it.
//!
//! Layouts are `html`, `plain` and the channels' own; what is true is in the notice, and nothing is worked out here
//! that is not.

use crate::{
    domain::{Instant, alert::Severity},
    ports::notice::{Content, Notice, Parcel},
};

mod alerts;
mod daily;
mod digest;
mod night;
mod tidy;
mod units;
mod way;
mod weekly;

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
    /// The words of a parcel, as they are true now. A parcel without a notice says that it is empty.
    pub fn of(parcel: &Parcel, now: Instant) -> Self {
        let letter = match parcel.notices.as_slice() {
            [notice] => single(notice, parcel),
            notices => digest::letter(notices, parcel, now),
        };
        let sent = Letter {
            notes: [letter.notes.clone(), way::notes(parcel, now)].concat(),
            ..letter
        };
        tidy::tidied(sent)
    }

    /// A letter that says nothing yet.
    fn blank(at: Instant) -> Self {
        Self {
            id: String::new(),
            thread: String::new(),
            status: Status::Summary,
            subject: String::new(),
            headline: String::new(),
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
            at,
        }
    }
}

impl Status {
    /// The word that stands first: it says how bad it is without any colour.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds(Severity::Critical) => "CRITICAL",
            Self::Holds(Severity::Warning) => "WARNING",
            Self::Holds(Severity::Info) => "INFO",
            Self::Resolved => "RESOLVED",
            Self::Summary => "SUMMARY",
            Self::Test => "TEST",
        }
    }
}

fn single(notice: &Notice, parcel: &Parcel) -> Letter {
    let letter = match &notice.content {
        Content::Alerts { told, night, units } => {
            let change = alerts::Change {
                told,
                night: night.as_ref(),
                units,
            };
            alerts::letter(&change, notice, parcel)
        }
        Content::Daily(night) => daily::letter(night, notice, parcel),
        Content::Weekly(week) => weekly::letter(week, notice, parcel),
        Content::Test { by } => test(by, notice),
    };
    Letter {
        id: notice.id.clone(),
        footer: way::footer(notice, &parcel.links),
        ..letter
    }
}

fn test(by: &str, notice: &Notice) -> Letter {
    Letter {
        thread: format!("test/{}", notice.id),
        status: Status::Test,
        subject: "tipoff test of this channel".to_owned(),
        headline: format!("{by} asked for this test of the channel; nothing is wrong"),
        ..Letter::blank(notice.at)
    }
}
