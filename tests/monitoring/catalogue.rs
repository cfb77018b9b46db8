//! What rules, panels and documents name is in the catalogue, and what is in the catalogue is shown or alerts.
//!
//! Reading expressions belongs to `promql`, finding places to `places`.

use std::collections::{BTreeMap, BTreeSet};

use tipoff::telemetry::{
    catalogue,
    entry::{Entry, Kind},
    labels::{Label, OTHER, Sets},
};

use crate::{
    files::{Rule, boards, read, rules},
    places::{self, Place, Text},
    promql::{Known, LabelSets, Walk},
};

/// What Prometheus adds to every series that it scrapes.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// What there is without us: what Prometheus notes of scrapes
/// (<https://prometheus.io/docs/concepts/jobs_instances/>) and what the process says of itself
/// (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).
const FOREIGN: [&str; 11] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
];

/// Whatever is named, by the names that expressions use: the catalogue's, those of Prometheus, and the recorded ones.
pub fn known(entries: &[Entry], rules: &[Rule]) -> Known {
    let scraped = || SCRAPED.iter().map(|label| ((*label).to_owned(), None));
    let mut known = Known::default();
    for entry in entries {
        let mut labels: LabelSets = scraped().collect();
        labels.extend(entry.labels.iter().map(|label| {
            let values = is_closed(*label).then(|| label.values(&Sets::default()));
            (label.name().to_owned(), values.map(BTreeSet::from_iter))
        }));
        for (suffix, edged) in suffixes(entry) {
            let mut labels = labels.clone();
            if edged {
                labels.insert("le".to_owned(), None);
            }
            known
                .0
                .insert(format!("{}{suffix}", entry.name), Some(labels));
        }
    }
    for name in FOREIGN {
        known.0.insert(name.to_owned(), Some(scraped().collect()));
    }
    // An alert has the labels of its expression and its own ones.
    known.0.insert("ALERTS".to_owned(), None);
    known.0.insert("ALERTS_FOR_STATE".to_owned(), None);
    record(&mut known, rules);
    known
}

/// Adds the recorded names, each with the labels of its result. One may build on another.
fn record(known: &mut Known, rules: &[Rule]) {
    for _ in 0..2 {
        for rule in rules {
            let Some(name) = &rule.record else { continue };
            let (_, result) = Walk::through(known, &rule.expr);
            let labels = result.map(|labels| {
                let own = rule.labels.keys().cloned();
                labels
                    .into_iter()
                    .chain(own)
                    .map(|label| (label, None))
                    .collect()
            });
            known.0.insert(name.clone(), labels);
        }
    }
}

fn suffixes(entry: &Entry) -> Vec<(&'static str, bool)> {
    match entry.kind {
        Kind::Counter | Kind::Gauge => vec![("", false)],
        Kind::Histogram(_) => vec![("_bucket", true), ("_sum", false), ("_count", false)],
    }
}

/// Whether the values are the same in every configuration and version.
fn is_closed(label: Label) -> bool {
    !matches!(
        label,
        Label::Handoff | Label::Channel | Label::UnitReason | Label::Version
    )
}

/// What is wrong at these places, a line each.
pub fn faults(known: &Known, places: &[Place]) -> Vec<String> {
    let mut faults = Vec::new();
    for place in places {
        let found = match &place.text {
            Text::Expression(expr) => Walk::through(known, expr).0.faults,
            Text::LabelOf(expr, label) => label_faults(known, expr, label),
            Text::Words(text) => word_faults(known, text),
        };
        faults.extend(found.iter().map(|fault| format!("{} {fault}", place.name)));
    }
    faults.sort();
    faults.dedup();
    faults
}

fn label_faults(known: &Known, expr: &str, label: &str) -> Vec<String> {
    let (walk, result) = Walk::through(known, expr);
    let mut faults = walk.faults;
    if result.is_some_and(|labels| !labels.contains(label)) {
        faults.push(format!(
            "asks {expr} for the label {label}, which it has not"
        ));
    }
    faults
}

/// A word of prose names a metric, the family of a histogram, or the start of several, with `…` or `*` behind it.
fn word_faults(known: &Known, text: &str) -> Vec<String> {
    let names = |word: &str| {
        let family = format!("{word}_count");
        known.0.contains_key(word) || known.0.contains_key(&family)
    };
    let starts = |word: &str| known.0.keys().any(|name| name.starts_with(word));
    words(text)
        .filter(|(word, open)| if *open { !starts(word) } else { !names(word) })
        .map(|(word, _)| format!("names {word}, which is not in the catalogue"))
        .collect()
}

/// The words of a text that are or begin metric names, and whether each only begins them.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
    text.match_indices("tipoff_").filter_map(move |(at, _)| {
        let before = &text[..at];
        let is_recorded = before.ends_with(':');
        let start = before.rfind(|c| !is_part(c)).map_or(0, |index| {
            index + before[index..].chars().next().map_or(1, char::len_utf8)
        });
        let start = if is_recorded { start } else { at };
        let joined =
            !is_recorded && before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let rest = &text[at..];
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let open = rest[length..].starts_with(['…', '*', '<', '{'])
            && rest[..length].ends_with('_')
            || rest[length..].starts_with(['…', '*']);
        let word = text[start..at + length].trim_end_matches(':');
        (!joined).then_some((word, open))
    })
}

/// The same where `other` stands for one more value of each closed set: rule tests show with it that a rule looks at
/// its own values alone.
fn with_other(known: &Known) -> Known {
    let mut known = known.clone();
    let labels = known.0.values_mut().flatten();
    for values in labels.flat_map(|labels| labels.values_mut()).flatten() {
        values.insert(OTHER.to_owned());
    }
    known
}

/// Every place that ships but the rules' tests.
fn shipped() -> (Vec<Rule>, Vec<Place>) {
    let rules = rules();
    let mut all = places::of_rules(&rules);
    all.extend(boards().iter().flat_map(places::of_board));
    all.extend(places::of_documents());
    (rules, all)
}

#[test]
fn whatever_rules_panels_and_documents_name_is_in_the_catalogue() {
    let (rules, places) = shipped();
    let known = known(&catalogue::ALL, &rules);
    let mut faults = faults(&known, &places);
    faults.extend(self::faults(&with_other(&known), &places::of_rule_tests()));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The names that stand at a place as text, found without reading it as PromQL.
fn stands_at(place: &Place, name: &str) -> bool {
    let (Text::Expression(text) | Text::LabelOf(text, _) | Text::Words(text)) = &place.text;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.match_indices(name).any(|(at, _)| {
        let after = &text[at + name.len()..];
        let after = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| after.strip_prefix(suffix))
            .unwrap_or(after);
        !text[..at].ends_with(is_part)
            && !after.starts_with(is_part)
            && !after.starts_with(['…', '*'])
    })
}

#[test]
fn every_rule_panel_and_document_that_names_a_renamed_metric_is_told() {
    let (rules, mut places) = shipped();
    places.extend(places::of_rule_tests());
    for renamed in [
        catalogue::RUN_DEADLINE,
        catalogue::OPEN_ALERTS,
        catalogue::STORE_TRANSACTION,
    ] {
        let entries = catalogue::ALL.map(|entry| match entry.name == renamed.name {
            true => Entry {
                name: "tipoff_renamed",
                ..entry
            },
            false => entry,
        });
        let faults = faults(&known(&entries, &rules), &places);
        let named: BTreeSet<&str> = places
            .iter()
            .filter(|place| stands_at(place, renamed.name))
            .map(|place| place.name.as_str())
            .collect();
        assert!(
            named.len() >= 2,
            "{} is named nowhere: {named:?}",
            renamed.name
        );
        let untold = named.iter().filter(|place| {
            let start = format!("{place} names {}", renamed.name);
            !faults.iter().any(|fault| fault.starts_with(&start))
        });
        let untold: Vec<_> = untold.collect();
        assert!(
            untold.is_empty(),
            "{}: {untold:?} is not told",
            renamed.name
        );
    }
}

#[test]
fn a_metric_comes_with_its_panel_or_its_alert() {
    let (rules, _) = shipped();
    let known = known(&catalogue::ALL, &rules);
    let mut places = places::of_rules(&rules);
    places.extend(boards().iter().flat_map(places::of_board));
    let selected: BTreeSet<String> = places
        .iter()
        .flat_map(|place| match &place.text {
            Text::Expression(expr) | Text::LabelOf(expr, _) => Walk::through(&known, expr).0.names,
            Text::Words(_) => BTreeSet::new(),
        })
        .collect();
    let told = read("docs/monitoring.md");
    let told: BTreeSet<&str> = words(&told).map(|(word, _)| word).collect();
    let unused: Vec<&str> = catalogue::ALL
        .iter()
        .filter(|entry| {
            let mut names = suffixes(entry).into_iter();
            let selected =
                names.any(|(suffix, _)| selected.contains(&format!("{}{suffix}", entry.name)));
            !selected && !told.contains(entry.name)
        })
        .map(|entry| entry.name)
        .collect();
    assert!(
        unused.is_empty(),
        "no rule or panel has these, and docs/monitoring.md does not name them: {unused:?}"
    );
}

#[test]
fn a_wrong_name_is_told_with_its_place() {
    let rules = vec![rule(
        "one:tipoff_x:sum",
        "sum by (handoff) (tipoff_run_gap_units)",
    )];
    let known = known(&catalogue::ALL, &rules);
    let place = |text| Place {
        name: "panel a".to_owned(),
        text,
    };
    let of = |text| faults(&known, &[place(text)]).join("; ");
    let expression = |expr: &str| of(Text::Expression(expr.to_owned()));
    assert_eq!(
        expression("tipoff_x > 0"),
        "panel a names tipoff_x, which is not in the catalogue"
    );
    assert_eq!(expression("one:tipoff_x:sum{handoff=\"a\"} > 0"), "");
    assert!(expression("one:tipoff_x:sum{job=\"a\"} > 0").contains("label job"));
    assert!(expression("tipoff_store_transaction_seconds").contains("not in the catalogue"));
    assert_eq!(
        expression("tipoff_store_transaction_seconds_bucket{le=\"2\"}"),
        ""
    );
    assert!(expression("tipoff_run_verdict{verdict=~\"met|late\"}").contains("`late`"));
    let other = Text::Expression("tipoff_run_verdict{verdict=\"other\"}".to_owned());
    assert_eq!(faults(&known, &[place(other.clone())]).len(), 1);
    assert_eq!(faults(&with_other(&known), &[place(other)]).len(), 0);
    assert_eq!(
        expression("tipoff_run_reason_units{reason=\"a_configured_one\"}"),
        ""
    );
    let label = |label: &str| {
        of(Text::LabelOf(
            "tipoff_run_gap_units".to_owned(),
            label.to_owned(),
        ))
    };
    assert_eq!(label("handoff"), "");
    assert!(label("state").contains("label state"));
    let words = |text: &str| of(Text::Words(text.to_owned()));
    for wrong in [
        "`tipoff_x`",
        "tipoff_run_gone_…",
        "two:tipoff_x:sum",
        "tipoff_run",
    ] {
        assert!(words(wrong).contains("not in the catalogue"), "{wrong}");
    }
    for right in [
        "`tipoff_run_gap_units`, and",
        "tipoff_run_…",
        "tipoff_nights…",
        "tipoff_start_latency_seconds",
        "one:tipoff_x:sum",
        "my_tipoff_thing",
    ] {
        assert_eq!(words(right), "", "{right}");
    }
}

fn rule(record: &str, expr: &str) -> Rule {
    Rule {
        file: "a.yml".to_owned(),
        alert: None,
        record: Some(record.to_owned()),
        expr: expr.to_owned(),
        pending: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}
