//! The body of a webhook call, as Alertmanager writes it in version 4 of its format.
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>
//!
//! Sending it does not belong here.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        Instant,
        alert::{Severity, Told},
        run::Snapshot,
    },
    ports::notice::{About, Content, Links, Notice, Parcel, Way, Week},
    render::sentence,
};

/// What Go's zero time looks like: Alertmanager's "not yet".
const NEVER: &str = "0001-01-01T00:00:00Z";

type Texts = BTreeMap<&'static str, String>;

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    version: &'static str,
    group_key: String,
    truncated_alerts: u64,
    status: Status,
    receiver: String,
    group_labels: Texts,
    common_labels: Texts,
    common_annotations: Texts,
    #[serde(rename = "externalURL")]
    external_url: String,
    alerts: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Firing,
    Resolved,
}

/// One alert's change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    status: Status,
    labels: Texts,
    annotations: Texts,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// The body for a parcel: one alert a change, in the order in which they were decided.
pub(super) fn write(parcel: &Parcel, receiver: &str) -> Body {
    let links = &parcel.links;
    let mut alerts: Vec<Entry> = parcel
        .notices
        .iter()
        .flat_map(|notice| entries(notice, links))
        .collect();
    if let Some(way) = way(&parcel.way) {
        for entry in &mut alerts {
            entry.annotations.insert("way", way.clone());
        }
    }
    let group_labels = common(parcel.notices.iter().map(|notice| scope(&notice.about)));
    let fires = alerts.iter().any(|entry| entry.status == Status::Firing);
    Body {
        version: "4",
        group_key: group_key(&group_labels),
        truncated_alerts: 0,
        status: if fires {
            Status::Firing
        } else {
            Status::Resolved
        },
        receiver: receiver.to_owned(),
        common_labels: common(alerts.iter().map(|entry| entry.labels.clone())),
        common_annotations: common(alerts.iter().map(|entry| entry.annotations.clone())),
        group_labels,
        external_url: links.page.clone().unwrap_or_default(),
        alerts,
    }
}

/// What the reader should know of the message's way here; `None`: it came as it should.
fn way(way: &Way) -> Option<String> {
    let instead = way.instead_of.as_ref().map(|(channel, error)| {
        format!("{channel} did not take this message ({error}), so it comes here instead")
    });
    let repeat = "this may be a repeat: the server's answer to an earlier try was lost";
    let repeat = way.may_repeat.then(|| repeat.to_owned());
    let elsewhere = way.elsewhere.iter();
    let late: Vec<String> = elsewhere
        .map(|(channel, at)| format!("{channel} has it since {}", time(*at)))
        .collect();
    let late = (!late.is_empty()).then(|| format!("late: {}", late.join(", ")));
    let notes: Vec<String> = [instead, late, repeat].into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn entries(notice: &Notice, links: &Links) -> Vec<Entry> {
    match &notice.content {
        Content::Alerts { told, .. } => told
            .iter()
            .map(|told| entry(told, &notice.about, links))
            .collect(),
        Content::Daily(night) => vec![note(notice, "TipoffSummary", &daily(night), links)],
        Content::Weekly(week) => vec![note(notice, "TipoffSummary", &weekly(week), links)],
        Content::Test { by } => {
            let text = format!("A test of this channel, asked for by {by}");
            vec![note(notice, "TipoffTest", &text, links)]
        }
    }
}

fn entry(told: &Told, about: &About, links: &Links) -> Entry {
    let alert = &told.alert;
    let kind = alert.kind.name();
    let mut labels = scope(about);
    labels.insert("alertname", format!("Tipoff{}", camel(&kind)));
    labels.insert("severity", severity(alert.severity).to_owned());
    if let Some(subject) = &alert.subject {
        labels.insert("subject", subject.clone());
    }
    let mut annotations = Texts::from([
        ("summary", sentence(&kind.replace('_', " "))),
        ("description", sentence(&alert.text)),
    ]);
    if let Some(runbooks) = &links.runbooks {
        annotations.insert("runbook_url", format!("{runbooks}/{}.md", camel(&kind)));
    }
    if let Some(acknowledged) = &alert.acknowledged {
        annotations.insert("acknowledged_by", acknowledged.by.clone());
    }
    let subject = alert.subject.as_deref().unwrap_or_default();
    let fingerprint = fingerprint(about, &kind, subject);
    labels.insert("kind", kind);
    Entry {
        status: match alert.resolved_at {
            Some(_) => Status::Resolved,
            None => Status::Firing,
        },
        labels,
        annotations,
        starts_at: time(alert.opened_at),
        ends_at: alert.resolved_at.map_or_else(|| NEVER.to_owned(), time),
        generator_url: links.page.clone().unwrap_or_default(),
        fingerprint,
    }
}

/// A summary or a test: worth knowing, and nothing that will be resolved.
fn note(notice: &Notice, name: &str, text: &str, links: &Links) -> Entry {
    let mut labels = scope(&notice.about);
    labels.insert("alertname", name.to_owned());
    labels.insert("severity", severity(Severity::Info).to_owned());
    Entry {
        status: Status::Firing,
        labels,
        annotations: Texts::from([
            ("summary", text.to_owned()),
            ("description", text.to_owned()),
        ]),
        starts_at: time(notice.at),
        ends_at: NEVER.to_owned(),
        generator_url: links.page.clone().unwrap_or_default(),
        fingerprint: fingerprint(&notice.about, name, &notice.id),
    }
}

fn daily(night: &Snapshot) -> String {
    let verdict = night.verdict.map_or("none", |verdict| verdict.name());
    format!(
        "{} {}: {}, verdict {}, {} of {} ready predicted, {} skipped, {} failed",
        night.key.handoff,
        night.key.game_date,
        night.state.name(),
        verdict.replace('_', " "),
        night.counts.predicted,
        night.counts.ready,
        night.counts.skipped,
        night.counts.failed,
    )
}

fn weekly(week: &Week) -> String {
    let met = week
        .nights
        .iter()
        .filter(|night| night.verdict == Some(crate::domain::sla::Verdict::Met));
    format!(
        "{} from {} to {}: promise kept on {} of {} nights",
        week.handoff,
        week.from,
        week.to,
        met.count(),
        week.nights.len(),
    )
}

fn scope(about: &About) -> Texts {
    match about {
        About::Night(key) => Texts::from([
            ("handoff", key.handoff.to_string()),
            ("game_date", key.game_date.to_string()),
        ]),
        About::Handoff(handoff) => Texts::from([("handoff", handoff.to_string())]),
        About::Service => Texts::new(),
    }
}

/// What all of them say alike.
fn common(all: impl IntoIterator<Item = Texts>) -> Texts {
    let mut all = all.into_iter();
    let mut common = all.next().unwrap_or_default();
    for texts in all {
        common.retain(|name, text| texts.get(name) == Some(text));
    }
    common
}

/// `{}:{game_date="2026-01-19", handoff="phase4-to-phase5"}`: Alertmanager's form, values quoted.
fn group_key(labels: &Texts) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, text)| format!("{name}={text:?}"))
        .collect();
    format!("{{}}:{{{}}}", pairs.join(", "))
}

/// The same for an alert from its opening to its end, whoever sends it.
fn fingerprint(about: &About, kind: &str, subject: &str) -> String {
    let scope: Vec<String> = scope(about).into_values().collect();
    let mut hash = Sha256::new();
    for part in scope.iter().map(String::as_str).chain([kind, subject]) {
        hash.update(part);
        hash.update([0]);
    }
    let mut text = format!("{:x}", hash.finalize());
    // As long as Alertmanager's.
    text.truncate(16);
    text
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// `deadline_breached` → `DeadlineBreached`.
fn camel(kind: &str) -> String {
    kind.split('_').map(sentence).collect()
}

fn time(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests;
