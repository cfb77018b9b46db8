//! What an examination of the night's surroundings found: topics, schedules, tables, accounts, channels.
//!
//! How they are asked belongs to `doctor`. A fact has three values here: as it ought to be, wrong, could not ask.

use serde::{Deserialize, Serialize};

use super::Instant;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The topics that are published to and read from.
    Topics,
    /// Their subscriptions, where these push and with whose identity.
    Subscriptions,
    /// Where messages end that nobody could take, and how many are there.
    DeadLetters,
    /// The external scheduler's jobs, and when each was last heard from.
    Schedule,
    /// What the service's account may do.
    Permissions,
    /// The tables and columns that are asked.
    Tables,
    /// The ways to people.
    Channels,
    /// The season file's span.
    Calendar,
    /// The zone database.
    Zones,
    /// This machine's clock.
    Clock,
}

impl Check {
    /// Every check, in the order in which people read them.
    pub const ALL: [Self; 10] = [
        Self::Topics,
        Self::Subscriptions,
        Self::DeadLetters,
        Self::Schedule,
        Self::Permissions,
        Self::Tables,
        Self::Channels,
        Self::Calendar,
        Self::Zones,
        Self::Clock,
    ];

    /// The name as it stands in metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topics => "topics",
            Self::Subscriptions => "subscriptions",
            Self::DeadLetters => "dead_letters",
            Self::Schedule => "schedule",
            Self::Permissions => "permissions",
            Self::Tables => "tables",
            Self::Channels => "channels",
            Self::Calendar => "calendar",
            Self::Zones => "zones",
            Self::Clock => "clock",
        }
    }
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As it ought to be.
    Ok,
    /// Not as it ought to be.
    Wrong,
    /// It could not be asked: nothing is known.
    CouldNotAsk,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Wrong, Self::CouldNotAsk];

    /// The name as it stands in metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::CouldNotAsk => "could_not_ask",
        }
    }
}

/// The subject of a finding about all that a check looks at.
pub const EVERYTHING: &str = "everything";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub check: Check,
    /// Which: a topic, a job, a table, a channel.
    pub subject: String,
    /// How it was found.
    pub standing: Standing,
    /// What was seen, in one sentence.
    pub text: String,
    /// The command or the setting that mends it; for what is wrong only.
    #[serde(default)]
    pub mend: Option<String>,
}

impl Finding {
    /// Something as it ought to be.
    pub fn ok(check: Check, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self::of(check, subject, (Standing::Ok, text))
    }

    /// Something wrong, and what mends it.
    pub fn wrong(
        check: Check,
        subject: impl Into<String>,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            mend: Some(mend.into()),
            ..Self::of(check, subject, (Standing::Wrong, text))
        }
    }

    /// Something that could not be asked, and why.
    pub fn could_not_ask(check: Check, subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self::of(check, subject, (Standing::CouldNotAsk, why))
    }

    fn of(
        check: Check,
        subject: impl Into<String>,
        (standing, text): (Standing, impl Into<String>),
    ) -> Self {
        Self {
            check,
            subject: subject.into(),
            standing,
            text: text.into(),
            mend: None,
        }
    }
}

/// Everything that one examination found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// When it ended.
    pub at: Instant,
    /// What it found.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// How many things of a kind were found so.
    pub fn count(&self, check: Check, standing: Standing) -> usize {
        let of = |finding: &&Finding| finding.check == check && finding.standing == standing;
        self.findings.iter().filter(of).count()
    }

    /// What is wrong.
    pub fn wrong(&self) -> impl Iterator<Item = &Finding> {
        let wrong = |finding: &&Finding| finding.standing == Standing::Wrong;
        self.findings.iter().filter(wrong)
    }
}
