//! The metrics of a play as they stood at instants of its own clock, to be written as OpenMetrics text.
//!
//! When a sample is taken belongs to `commands`. The format is that of
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::pace::SAMPLES_APART_MAX;
use crate::{domain::Instant, telemetry::show::unix_seconds};

/// What a scrape of the demo's service adds to every series, as the shipped Prometheus example does.
const SCRAPED: &str = "job=\"tipoff\",instance=\"127.0.0.1:8080\"";

/// Samples of metrics; only changes are kept.
#[derive(Debug, Default)]
pub struct Tape {
    instants: Vec<Instant>,
    /// Where each stretch without a gap begins, as an index of `instants`.
    stretches: Vec<usize>,
    families: BTreeMap<String, Family>,
    series: Vec<Series>,
    numbers: HashMap<String, usize>,
    /// The series of a sample by their places in it; empty before the first one of a stretch.
    places: Vec<usize>,
}

#[derive(Debug)]
struct Family {
    help: String,
    kind: MetricType,
    series: Vec<usize>,
}

#[derive(Debug)]
struct Series {
    /// Its name and labels as they are written.
    text: String,
    /// Its values from these samples on, by their indexes; no number: it was not there.
    changes: Vec<(usize, f64)>,
}

/// One value of a sample.
struct Reading<'a> {
    metric: &'a Metric,
    suffix: &'static str,
    edge: Option<f64>,
    value: f64,
}

impl Tape {
    /// Begins a stretch: what is taken from now on comes from another process, with a gap before it.
    pub fn cut(&mut self) {
        self.stretches.push(self.instants.len());
        self.places.clear();
    }

    /// When the last sample of this stretch was taken.
    pub fn last_at(&self) -> Option<Instant> {
        let begun = *self.stretches.last()?;
        self.instants.get(begun..)?.last().copied()
    }

    /// Samples taken so far.
    pub fn samples(&self) -> usize {
        self.instants.len()
    }

    /// Takes a sample. Within a stretch every sample has the same series in the same order.
    pub fn take(&mut self, families: &[MetricFamily], at: Instant) {
        if self.stretches.is_empty() {
            self.cut();
        }
        let sample = self.instants.len();
        self.instants.push(at);
        if self.places.is_empty() {
            self.lay_out(families, sample);
        }
        let mut places = self.places.iter();
        for family in families {
            readings(family, |reading| {
                let Some(number) = places.next() else { return };
                self.series[*number].put(sample, reading.value);
            });
        }
    }

    /// Finds or begins every series of the sample; those that it does not have end.
    fn lay_out(&mut self, families: &[MetricFamily], sample: usize) {
        for family in families {
            let kept = self
                .families
                .entry(family.name().to_owned())
                .or_insert_with(|| Family {
                    help: family.help().to_owned(),
                    kind: family.get_field_type(),
                    series: Vec::new(),
                });
            readings(family, |reading| {
                let text = written(family.name(), &reading);
                let number = *self.numbers.entry(text).or_insert_with_key(|text| {
                    kept.series.push(self.series.len());
                    self.series.push(Series {
                        text: text.clone(),
                        changes: Vec::new(),
                    });
                    self.series.len() - 1
                });
                self.places.push(number);
            });
        }
        let mut here = vec![false; self.series.len()];
        for number in &self.places {
            here[*number] = true;
        }
        let gone = here
            .iter()
            .zip(&mut self.series)
            .filter(|(here, _)| !**here);
        gone.for_each(|(_, series)| series.put(sample, f64::NAN));
    }

    /// Writes everything, a family after the other, each series in the order of time.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let stamps: Vec<String> = self
            .instants
            .iter()
            .map(|at| format!("{:.3}", unix_seconds(*at)))
            .collect();
        for (name, family) in &self.families {
            let (family_name, kind) = match family.kind {
                MetricType::COUNTER => (name.trim_end_matches("_total"), "counter"),
                MetricType::GAUGE => (name.as_str(), "gauge"),
                MetricType::HISTOGRAM => (name.as_str(), "histogram"),
                MetricType::SUMMARY => (name.as_str(), "summary"),
                MetricType::UNTYPED => (name.as_str(), "unknown"),
            };
            writeln!(out, "# HELP {family_name} {}", escaped(&family.help))?;
            writeln!(out, "# TYPE {family_name} {kind}")?;
            for number in &family.series {
                self.write_series(&self.series[*number], &stamps, out)?;
            }
        }
        writeln!(out, "# EOF")
    }

    /// Writes one series: each change and what was before it, the ends of each stretch, and otherwise no more than
    /// is needed to keep its samples near enough to each other.
    fn write_series(
        &self,
        series: &Series,
        stamps: &[String],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut changes = series.changes.iter().peekable();
        let mut value = f64::NAN;
        let mut text = String::new();
        let mut written_at: Option<Instant> = None;
        for (sample, at) in self.instants.iter().enumerate() {
            let changed = changes.next_if(|(from, _)| *from == sample);
            if let Some((_, now)) = changed {
                value = *now;
                text = value.to_string();
            }
            if value.is_nan() {
                continue;
            }
            let changes_next = changes.peek().is_some_and(|(from, _)| *from == sample + 1);
            let next_at = self.instants.get(sample + 1);
            let alone = |next: &Instant| {
                written_at.is_none_or(|written| *next - written > SAMPLES_APART_MAX)
            };
            let at_an_end = self.begins(sample) || self.begins(sample + 1);
            if changed.is_some() || changes_next || at_an_end || next_at.is_none_or(alone) {
                writeln!(out, "{} {text} {}", series.text, stamps[sample])?;
                written_at = Some(*at);
            }
        }
        Ok(())
    }

    fn begins(&self, sample: usize) -> bool {
        self.stretches.binary_search(&sample).is_ok()
    }
}

impl Series {
    fn put(&mut self, sample: usize, value: f64) {
        let last = self.changes.last().map_or(f64::NAN, |(_, value)| *value);
        let same = last == value || (last.is_nan() && value.is_nan());
        if !same {
            self.changes.push((sample, value));
        }
    }
}

/// Every value of a family, in the order of the text format.
fn readings<'a>(family: &'a MetricFamily, mut each: impl FnMut(Reading<'a>)) {
    for metric in family.get_metric() {
        let mut plain = |value| {
            each(Reading {
                metric,
                suffix: "",
                edge: None,
                value,
            });
        };
        match family.get_field_type() {
            MetricType::COUNTER => plain(metric.get_counter().get_value()),
            MetricType::GAUGE => plain(metric.get_gauge().get_value()),
            MetricType::HISTOGRAM => histogram(metric, &mut each),
            // Neither is in the catalogue, whose kinds are counter, gauge and histogram.
            MetricType::SUMMARY | MetricType::UNTYPED => {}
        }
    }
}

fn histogram<'a>(metric: &'a Metric, each: &mut impl FnMut(Reading<'a>)) {
    let histogram = metric.get_histogram();
    let count = histogram.get_sample_count() as f64;
    let mut reading = |suffix, edge, value| {
        each(Reading {
            metric,
            suffix,
            edge,
            value,
        });
    };
    for bucket in histogram.get_bucket() {
        let edge = Some(bucket.upper_bound());
        reading("_bucket", edge, bucket.cumulative_count() as f64);
    }
    reading("_bucket", Some(f64::INFINITY), count);
    reading("_sum", None, histogram.get_sample_sum());
    reading("_count", None, count);
}

/// A series as it is written: with its labels and those that the scrape adds.
fn written(family: &str, reading: &Reading<'_>) -> String {
    let mut text = format!("{family}{}{{", reading.suffix);
    for label in reading.metric.get_label() {
        text += &format!("{}=\"{}\",", label.name(), escaped(label.value()));
    }
    match reading.edge {
        Some(edge) if edge.is_infinite() => text += "le=\"+Inf\",",
        Some(edge) => text += &format!("le=\"{edge}\","),
        None => {}
    }
    text + SCRAPED + "}"
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
