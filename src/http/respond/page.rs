//! How the page of a message looks: for a phone, light and dark, without scripts.
//!
//! What is on it is read by `respond`. Every text that is not written here is escaped by maud.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::forms::Entered;
use crate::{
    domain::{
        Instant,
        alert::{Alert, Change, Kind, Severity, Told},
        routing::Silence,
        run::Snapshot,
        seconds,
    },
    ports::{
        OpenUnit,
        notice::{Content, Notice},
    },
    render::{Zones, kinds::guide, sentence},
    wire::alerts::Whose,
};

/// What the page shows.
pub struct View {
    /// The link's signed part.
    pub token: String,
    /// The only reader of the message, if it had only one.
    pub reader: Option<String>,
    /// Until when the link is valid.
    pub valid_until: Instant,
    /// The zones its reader reads.
    pub zones: Zones,
    /// Now.
    pub now: Instant,
    /// The message.
    pub notice: Notice,
    /// The kinds it told of.
    pub kinds: Vec<Kind>,
    /// Whose alerts it can be answered with.
    pub whose: Option<Whose>,
    /// The night as it stands now.
    pub night: Option<Snapshot>,
    /// The first units that need work now.
    pub units: Vec<OpenUnit>,
    /// The alerts as they stand now.
    pub alerts: Vec<Alert>,
    /// What is silenced of the same handoff's, or the service's own.
    pub silences: Vec<Silence>,
    /// Noon of the next day.
    pub tomorrow_noon_at: Instant,
}

/// What was done just now; what is said of it is read from the alerts, so that nothing can be claimed by an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Alerts were acknowledged.
    Acknowledged,
    /// Nothing was left to acknowledge.
    NothingLeft,
    /// Kinds were silenced.
    Silenced,
    /// They were silent that long already.
    SilentAlready,
}

impl Done {
    const ALL: [Self; 4] = [
        Self::Acknowledged,
        Self::NothingLeft,
        Self::Silenced,
        Self::SilentAlready,
    ];

    /// The word in the page's address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::NothingLeft => "nothing-left",
            Self::Silenced => "silenced",
            Self::SilentAlready => "silent-already",
        }
    }

    /// What the word means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.word() == word)
    }
}

/// A whole page with this title.
pub fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · Tipoff" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body { (body) }
        }
    }
}

/// The page of a link that leads nowhere, with the other way to the same end.
pub fn refusal(title: &str, text: &str) -> Markup {
    let body = html! {
        main {
            h1 { (title) }
            section {
                p { (text) }
                p { "Newer messages have links of their own. Without one, on a machine that reaches the service:" }
                pre { "tipoff alerts list\ntipoff alerts ack ALERT --by NAME" }
            }
        }
    };
    document(title, &body)
}

impl View {
    /// The page.
    pub fn markup(&self, done: Option<Done>, entered: &Entered) -> Markup {
        let title = self.title();
        let body = html! {
            main {
                h1 { (self.symptom()) small { (self.about()) br; "told " (self.when(self.notice.at)) } }
                @if let Some(error) = &entered.error {
                    section.error role="alert" { p { (error) } }
                }
                @if let Some(text) = done.and_then(|done| self.banner(done)) {
                    section.banner role="status" { p { (text) } }
                }
                section { h2 { "The message" } (self.message()) }
                (self.acknowledge_form(entered))
                @if let Some(night) = &self.night { (self.night_now(night)) }
                (self.alerts_now())
                (self.silence_form(entered))
                p.quiet { "Whoever has this link can do this, until " (self.when(self.valid_until)) "." }
            }
        };
        document(&title, &body)
    }

    fn title(&self) -> String {
        format!("{}: {}", self.symptom(), self.about())
    }

    fn symptom(&self) -> String {
        match (self.notice.told().first(), &self.notice.content) {
            (Some(told), _) => kind_title(told.alert.kind).to_owned(),
            (None, Content::Test { .. }) => "A test".to_owned(),
            (None, Content::Alerts { .. } | Content::Daily(_) | Content::Weekly(_)) => {
                "A summary".to_owned()
            }
        }
    }

    fn about(&self) -> String {
        match (&self.whose, self.notice.about.handoff()) {
            (Some(Whose::Night(key)), _) => format!("{} {}", key.handoff, key.game_date),
            (_, Some(handoff)) => handoff.to_string(),
            (Some(Whose::Service) | None, None) => "the service itself".to_owned(),
        }
    }

    /// `Mon 19 Jan 07:00 PST / 10:00 EST`.
    pub(super) fn when(&self, at: Instant) -> String {
        let day = self.zones.schedule.local(at).format("%a %-d %b");
        format!("{day} {}", self.zones.both(at))
    }

    fn banner(&self, done: Done) -> Option<String> {
        let latest = || {
            let taken_on = self.alerts.iter().filter_map(|it| it.acknowledged.as_ref());
            taken_on.max_by_key(|it| it.at)
        };
        match done {
            Done::Acknowledged => latest().map(|it| {
                let mine = self
                    .alerts
                    .iter()
                    .filter(|alert| alert.acknowledged.as_ref() == Some(it));
                let names: Vec<&str> = mine.map(|alert| kind_title(alert.kind)).collect();
                format!(
                    "{} acknowledged it on {}: {}.",
                    it.by,
                    self.when(it.at),
                    names.join(", ")
                )
            }),
            Done::NothingLeft => Some(latest().map_or_else(
                || "There was nothing left to acknowledge.".to_owned(),
                |it| {
                    format!(
                        "It was done already: {} acknowledged it on {}.",
                        it.by,
                        self.when(it.at)
                    )
                },
            )),
            Done::Silenced | Done::SilentAlready => {
                let told = |it: &&Silence| it.kind.is_none_or(|kind| self.kinds.contains(&kind));
                let silence = self
                    .silences
                    .iter()
                    .filter(told)
                    .max_by_key(|it| it.since)?;
                let already = if done == Done::Silenced {
                    ""
                } else {
                    "It was done already: "
                };
                let until = self.when(silence.until);
                Some(format!(
                    "{already}{} silenced it until {until}.",
                    silence.by
                ))
            }
        }
    }

    fn message(&self) -> Markup {
        match &self.notice.content {
            Content::Alerts { told, .. } => html! {
                ul.alerts { @for told in told { li { (told_item(told)) } } }
            },
            Content::Daily(_) => html! { p { "The summary of this night." } },
            Content::Weekly(_) => {
                html! { p { "The summary of a week. There is nothing to acknowledge." } }
            }
            Content::Test { by } => html! {
                p { "A test of the channel, asked for by " (by) ". There is nothing to acknowledge." }
            },
        }
    }

    fn night_now(&self, night: &Snapshot) -> Markup {
        let counts = &night.counts;
        let noun = &night.unit_noun;
        html! {
            section {
                h2 { "The night now" }
                dl {
                    dt { "State" }
                    dd { (words(night.state.name())) @if night.observing { " (only observing)" } }
                    dt { "Verdict" }
                    dd { @match night.verdict {
                        Some(verdict) => (words(verdict.name())),
                        None => "none: nothing is promised",
                    } }
                    @if let Some(at) = night.deadline_at {
                        dt { "Deadline" }
                        dd { (self.when(at)) br; span.quiet { (self.distance(at)) } }
                    }
                    @if let Some(forecast) = &night.forecast {
                        dt { "Forecast" }
                        dd { @match forecast.latest_at {
                            Some(_) => (self.when(forecast.finish_at)),
                            None => "no finish is in sight",
                        } }
                    }
                    dt { (sentence(noun)) "s" }
                    dd { (unit_counts(night)) }
                    dt { "Need work" }
                    dd { (counts.needing_work) @if !self.units.is_empty() { br; span.quiet { (self.unit_names(counts.needing_work)) } } }
                }
            }
        }
    }

    fn unit_names(&self, needing_work: u64) -> String {
        let names: Vec<&str> = self.units.iter().map(|unit| unit.unit.as_str()).collect();
        let more = needing_work.saturating_sub(names.len() as u64);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}{rest}", names.join(", "))
    }

    fn distance(&self, at: Instant) -> String {
        let minutes = chrono::TimeDelta::minutes((at - self.now).abs().num_minutes());
        let length = match seconds::text(minutes) {
            none if minutes.is_zero() => none.replace("0s", "less than a minute"),
            length => length,
        };
        if at > self.now {
            format!("in {length}")
        } else {
            format!("{length} ago")
        }
    }

    fn alerts_now(&self) -> Markup {
        let told = |alert: &&Alert| {
            self.notice
                .told()
                .iter()
                .any(|it| it.alert.name() == alert.name())
        };
        let shown: Vec<&Alert> = self
            .alerts
            .iter()
            .filter(|alert| alert.is_open() || told(alert))
            .collect();
        html! {
            @if self.whose.is_some() {
                section {
                    h2 { "Its alerts now" }
                    @if shown.is_empty() { p { "No alert is open." } }
                    ul.alerts { @for alert in shown { li { (self.alert_now(alert)) } } }
                }
            }
        }
    }

    fn alert_now(&self, alert: &Alert) -> Markup {
        let is_of = |it: &&Silence| it.kind.is_none_or(|kind| kind == alert.kind);
        html! {
            (headed(alert, ""))
            p { (sentence(&alert.text)) }
            p.quiet {
                @if let Some(at) = alert.resolved_at { span.good { "Over since " (self.when(at)) } }
                @else { "Since " (self.when(alert.opened_at)) }
                @if let Some(taken_on) = &alert.acknowledged {
                    br; span.good { "Acknowledged by " (taken_on.by) ", " (self.when(taken_on.at)) }
                } @else if alert.is_open() { br; "Nobody has acknowledged it" }
                @for silence in self.silences.iter().filter(is_of) {
                    br; "Silenced by " (silence.by) " until " (self.when(silence.until)) ": " (silence.reason)
                }
                br; a href={ "../runbooks/" (guide(alert.kind).runbook) } { "What to do" }
            }
        }
    }
}

/// `142 predicted of 154 ready, 154 sent, 3 failed`: what is none is left out.
fn unit_counts(night: &Snapshot) -> String {
    let counts = &night.counts;
    let others = [
        (counts.skipped, "skipped"),
        (counts.failed, "failed"),
        (counts.in_flight, "in flight"),
    ];
    let first = format!(
        "{} predicted of {} ready, {} sent",
        counts.predicted, counts.ready, counts.dispatched
    );
    let others = others.iter().filter(|(units, _)| *units > 0);
    others.fold(first, |text, (units, word)| {
        format!("{text}, {units} {word}")
    })
}

fn told_item(told: &Told) -> Markup {
    let change = match told.change {
        Change::Opened => "new",
        Change::Worsened => "worse",
        Change::Escalated => "nobody has acknowledged it",
        Change::Reminded => "still open",
        Change::Resolved => "over",
    };
    html! {
        (headed(&told.alert, change))
        p { (sentence(&told.alert.text)) }
    }
}

fn headed(alert: &Alert, change: &str) -> Markup {
    let (class, word) = match alert.severity {
        Severity::Critical => ("critical", "Critical"),
        Severity::Warning => ("warning", "Warning"),
        Severity::Info => ("info", "Info"),
    };
    let subject = alert
        .subject
        .as_deref()
        .map_or_else(String::new, |it| format!(" ({it})"));
    html! {
        p.title {
            span class=(class) { (word) } " · " (kind_title(alert.kind)) (subject)
            @if !change.is_empty() { span.quiet { " · " (change) } }
        }
    }
}

/// `Deadline breached`.
pub(super) fn kind_title(kind: Kind) -> &'static str {
    guide(kind).title
}

/// A name from a closed set as people write it.
fn words(name: &str) -> String {
    name.replace('_', " ")
}
