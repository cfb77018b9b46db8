//! docs/metrics.md, generated from the catalogue.
//!
//! No metric is described here.

use std::fmt::Write;

use super::{
    catalogue::{self, SERIES_A_HANDOFF_MAX, SERIES_FIXED_MAX},
    entry::{Entry, Kind, Unit},
    labels::{Label, Sets},
};

/// The whole document.
pub fn catalogue_markdown() -> String {
    let mut text = format!(
        "# Metrics

Generated from `src/telemetry/catalogue.rs` by `TIPOFF_REGENERATE=1 cargo test docs_metrics`; do not edit.

- Every label set is there from the first scrape on, at 0, and stays. Labels have closed sets of values; what is
  outside them counts as `other`, or nowhere.
- `tipoff_run_…` and `tipoff_open_alerts` describe the current run of a handoff: the one of today's game date, until the
  next one opens. Backfills are never shown. These and the queues come from the store: a restart forgets nothing.
- An instant is in seconds since 1970-01-01T00:00:00Z; **0 means that there is none**. Guard differences with `> 0`.
- A ratio is from 0 to 1, and 0 where it has no meaning yet: look at the units beside it.
- Counters start at 0 with the process: use `rate` and `increase`.
- At most {SERIES_FIXED_MAX} series and {SERIES_A_HANDOFF_MAX} more for each handoff, and those that the process adds
  (`process_…`), which follow the Prometheus conventions.

| metric | kind | unit | labels | what it says |
|---|---|---|---|---|
"
    );
    for entry in &catalogue::ALL {
        text.push_str(&row(entry));
    }
    text.push_str("\n## Labels\n\n| label | of | values |\n|---|---|---|\n");
    for (label, entries) in uses() {
        let values = values(label);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{}` | {entries} | {values} |", label.name());
    }
    text
}

fn row(entry: &Entry) -> String {
    let labels: Vec<String> = entry
        .labels
        .iter()
        .map(|label| format!("`{}`", label.name()))
        .collect();
    format!(
        "| `{}` | {} | {} | {} | {} |\n",
        entry.name,
        kind(entry.kind),
        unit(entry.unit),
        labels.join(", "),
        entry.help
    )
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Counter => "counter".to_owned(),
        Kind::Gauge => "gauge".to_owned(),
        Kind::Histogram(edges) => {
            let edges: Vec<String> = edges.iter().map(f64::to_string).collect();
            format!("histogram, edges {}", edges.join(", "))
        }
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "seconds",
        Unit::Timestamp => "instant",
        Unit::Ratio => "ratio",
        Unit::Count(noun) => noun,
        Unit::OneOf => "one of",
        Unit::Flag => "0 or 1",
        Unit::Info => "always 1",
    }
}

/// Each label with the metrics that have it, in the order of their first use.
fn uses() -> Vec<(Label, String)> {
    let mut uses: Vec<(Label, Vec<&str>)> = Vec::new();
    for entry in &catalogue::ALL {
        for label in entry.labels {
            match uses.iter_mut().find(|(known, _)| known == label) {
                Some((_, names)) => names.push(entry.name),
                None => uses.push((*label, vec![entry.name])),
            }
        }
    }
    uses.into_iter()
        .map(|(label, names)| match names.as_slice() {
            [first, second, _, ..] => (label, format!("`{first}`, `{second}`, …")),
            few => (
                label,
                few.iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        })
        .collect()
}

fn values(label: Label) -> String {
    match label {
        Label::Handoff => "the configured handoffs".to_owned(),
        Label::Channel => "the configured channels".to_owned(),
        Label::UnitReason => {
            "the configured `permanent_skip_reasons` and `other_reasons`, and `other`".to_owned()
        }
        Label::Version => "the version, as in `Cargo.toml`".to_owned(),
        closed => closed
            .values(&Sets::default())
            .iter()
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::catalogue_markdown;

    #[expect(
        clippy::disallowed_methods,
        reason = "whether to write the document is asked of the person who runs the test"
    )]
    fn is_to_be_written() -> bool {
        std::env::var_os("TIPOFF_REGENERATE").is_some()
    }

    #[test]
    fn docs_metrics_say_what_the_catalogue_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        let wanted = catalogue_markdown();
        if is_to_be_written() {
            std::fs::write(path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == wanted,
            "docs/metrics.md is stale; write it anew: TIPOFF_REGENERATE=1 cargo test docs_metrics"
        );
    }
}
