//! The registry: every metric of the catalogue with every label set, from the first scrape on.
//!
//! What a metric means belongs to the catalogue; nothing outside its closed sets becomes a series.

use std::{borrow::Cow, collections::HashMap};

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
    proto::MetricFamily,
};

use super::{
    catalogue,
    entry::{Entry, Kind},
    labels::{Label, OTHER, Sets},
};
use crate::domain::ids::HandoffId;

const CATALOGUED: &str = "the catalogue's names, labels and edges are valid, which its tests check";

/// Every metric of the service, on a registry of its own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: HashMap<&'static str, Family>,
}

#[derive(Debug)]
struct Family {
    values: Vec<Vec<String>>,
    series: Series,
}

#[derive(Debug)]
enum Series {
    Counters(IntCounterVec),
    Gauges(GaugeVec),
    Histograms(HistogramVec),
}

impl Metrics {
    /// Registers every metric and starts every label set at 0. `unit_reasons` are the reasons that units of the
    /// handoffs are counted under; any other counts as `other`.
    pub fn new(handoffs: &[HandoffId], unit_reasons: &[String]) -> Self {
        Self::of(&Sets {
            handoffs: handoffs.to_vec(),
            unit_reasons: unit_reasons.to_vec(),
            channels: Vec::new(),
        })
    }

    /// Registers every metric and starts every label set at 0.
    pub fn of(sets: &Sets) -> Self {
        let registry = Registry::new();
        let families = catalogue::ALL
            .iter()
            .map(|entry| (entry.name, Family::register(entry, sets, &registry)))
            .collect();
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(
                prometheus::process_collector::ProcessCollector::for_self(),
            ))
            .expect("no metric of the catalogue is named like the process's: they all begin with `tipoff_`");
        let metrics = Self { registry, families };
        metrics.set(&catalogue::BUILD, &[env!("CARGO_PKG_VERSION")], 1.0);
        metrics
    }

    /// Adds to a counter.
    pub fn add(&self, entry: &Entry, labels: &[&str], more: u64) {
        if let Some((Series::Counters(counters), values)) = self.find(entry, labels) {
            counters.with_label_values(&values).inc_by(more);
        }
    }

    /// Sets a gauge.
    pub fn set(&self, entry: &Entry, labels: &[&str], value: f64) {
        if let Some((Series::Gauges(gauges), values)) = self.find(entry, labels) {
            gauges.with_label_values(&values).set(value);
        }
    }

    /// Sets a gauge unless it is higher already.
    pub fn raise(&self, entry: &Entry, labels: &[&str], value: f64) {
        if let Some((Series::Gauges(gauges), values)) = self.find(entry, labels) {
            let gauge = gauges.with_label_values(&values);
            gauge.set(gauge.get().max(value));
        }
    }

    /// Adds an observation to a histogram.
    pub fn observe(&self, entry: &Entry, labels: &[&str], value: f64) {
        if let Some((Series::Histograms(histograms), values)) = self.find(entry, labels) {
            histograms.with_label_values(&values).observe(value);
        }
    }

    /// The reasons that units are counted under, `other` among them.
    pub fn unit_reasons(&self) -> &[String] {
        let family = self.families.get(catalogue::RUN_REASON_UNITS.name);
        family
            .and_then(|family| family.values.last())
            .map_or(&[], Vec::as_slice)
    }

    /// The series with these labels: a value outside its closed set counts as `other`, or there is no such series.
    fn find<'a>(&self, entry: &Entry, labels: &[&'a str]) -> Option<(&Series, Vec<Cow<'a, str>>)> {
        let family = self.families.get(entry.name)?;
        let values = labels
            .iter()
            .zip(&family.values)
            .map(|(value, known)| admit(value, known))
            .collect::<Option<Vec<_>>>()?;
        (values.len() == family.values.len()).then_some((&family.series, values))
    }
}

fn admit<'a>(value: &'a str, known: &[String]) -> Option<Cow<'a, str>> {
    let knows = |text: &str| known.iter().any(|one| one == text);
    if knows(value) {
        return Some(Cow::Borrowed(value));
    }
    knows(OTHER).then_some(Cow::Borrowed(OTHER))
}

impl Family {
    fn register(entry: &Entry, sets: &Sets, registry: &Registry) -> Self {
        let values: Vec<Vec<String>> = entry
            .labels
            .iter()
            .map(|label| label.values(sets))
            .collect();
        let series = Series::register(entry, registry);
        for combination in combinations(&values) {
            series.create(&combination);
        }
        Self { values, series }
    }
}

impl Series {
    fn register(entry: &Entry, registry: &Registry) -> Self {
        let names: Vec<&str> = entry.labels.iter().copied().map(Label::name).collect();
        let options = Opts::new(entry.name, entry.help);
        let (series, registered) = match entry.kind {
            Kind::Counter => {
                let vec = IntCounterVec::new(options, &names).expect(CATALOGUED);
                let registered = registry.register(Box::new(vec.clone()));
                (Self::Counters(vec), registered)
            }
            Kind::Gauge => {
                let vec = GaugeVec::new(options, &names).expect(CATALOGUED);
                let registered = registry.register(Box::new(vec.clone()));
                (Self::Gauges(vec), registered)
            }
            Kind::Histogram(edges) => {
                let options = HistogramOpts::from(options).buckets(edges.to_vec());
                let vec = HistogramVec::new(options, &names).expect(CATALOGUED);
                let registered = registry.register(Box::new(vec.clone()));
                (Self::Histograms(vec), registered)
            }
        };
        registered.expect(CATALOGUED);
        series
    }

    /// A family without series prints nothing, so each is created before the first scrape.
    fn create(&self, values: &[&str]) {
        match self {
            Self::Counters(vec) => drop(vec.with_label_values(values)),
            Self::Gauges(vec) => drop(vec.with_label_values(values)),
            Self::Histograms(vec) => drop(vec.with_label_values(values)),
        }
    }
}

/// Every choice of one value of each label; one empty choice where there is no label.
fn combinations(labels: &[Vec<String>]) -> Vec<Vec<&str>> {
    labels.iter().fold(vec![Vec::new()], |chosen, values| {
        chosen
            .iter()
            .flat_map(|choice| {
                values.iter().map(move |value| {
                    let mut longer = choice.clone();
                    longer.push(value.as_str());
                    longer
                })
            })
            .collect()
    })
}

/// Everything as data: the families with their series, the same ones each time, in the same order.
pub fn gather(metrics: &Metrics) -> Vec<MetricFamily> {
    metrics.registry.gather()
}

/// Everything, in the Prometheus text format 0.0.4.
pub fn expose(metrics: &Metrics) -> String {
    TextEncoder::new()
        .encode_to_string(&gather(metrics))
        .expect("gathered families have a name and at least one series, and text is all that is written")
}

#[cfg(test)]
mod tests {
    use super::{Metrics, Sets, expose};
    use crate::{
        domain::{
            ids::{ChannelId, HandoffId},
            policy::Policy,
        },
        telemetry::{
            catalogue::{self, SERIES_A_HANDOFF_MAX, SERIES_FIXED_MAX},
            entry::Kind,
        },
    };

    fn shipped_reasons() -> Vec<String> {
        let completion = Policy::phase4_to_phase5().completion;
        [completion.permanent_skip_reasons, completion.other_reasons].concat()
    }

    fn series(handoffs: &[&str]) -> usize {
        let handoffs: Vec<HandoffId> = handoffs.iter().copied().map(HandoffId::new).collect();
        let text = expose(&Metrics::new(&handoffs, &shipped_reasons()));
        text.lines()
            .filter(|line| line.starts_with("tipoff_"))
            .count()
    }

    #[test]
    fn series_stay_within_their_budget() {
        let fixed = series(&[]);
        assert!(fixed <= SERIES_FIXED_MAX, "{fixed} fixed");
        let first = series(&["one"]) - fixed;
        assert!(first <= SERIES_A_HANDOFF_MAX, "{first} a handoff");
        assert_eq!(series(&["one", "two"]), fixed + 2 * first);
        // A budget far above what is used would never be noticed.
        assert!(fixed * 10 > SERIES_FIXED_MAX * 9, "{fixed} fixed");
        assert!(first * 10 > SERIES_A_HANDOFF_MAX * 9, "{first} a handoff");
    }

    #[test]
    fn everything_is_there_at_the_first_scrape() {
        let text = expose(&Metrics::of(&Sets {
            handoffs: vec![HandoffId::new("one")],
            unit_reasons: Vec::new(),
            channels: vec![ChannelId::new("slack")],
        }));
        for entry in &catalogue::ALL {
            let (kind, suffix) = match entry.kind {
                Kind::Counter => ("counter", ""),
                Kind::Gauge => ("gauge", ""),
                Kind::Histogram(_) => ("histogram", "_count"),
            };
            let name = entry.name;
            assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
            let start = format!("{name}{suffix}");
            let values: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix(start.as_str()))
                .filter(|rest| rest.starts_with(['{', ' ']))
                .filter_map(|rest| rest.rsplit(' ').next())
                .collect();
            let at_start = if name == catalogue::BUILD.name {
                "1"
            } else {
                "0"
            };
            assert!(!values.is_empty(), "{name} has no series");
            assert!(values.iter().all(|value| *value == at_start), "{name}");
        }
        #[cfg(target_os = "linux")]
        assert!(text.contains("process_resident_memory_bytes "));
    }

    #[test]
    fn what_is_outside_a_closed_set_makes_no_series() {
        let metrics = Metrics::new(&[HandoffId::new("one")], &["publish".to_owned()]);
        let before = expose(&metrics);
        metrics.add(&catalogue::STEPS, &["removed"], 1);
        metrics.add(&catalogue::STEPS, &[], 1);
        metrics.set(&catalogue::STEPS, &["one"], 7.0);
        let lines = |text: &str| -> Vec<String> {
            let ours = text.lines().filter(|line| line.starts_with("tipoff_"));
            ours.map(str::to_owned).collect()
        };
        assert_eq!(lines(&expose(&metrics)), lines(&before));
        metrics.set(&catalogue::RUN_REASON_UNITS, &["one", "made up"], 2.0);
        let text = expose(&metrics);
        assert!(text.contains("tipoff_run_reason_units{handoff=\"one\",reason=\"other\"} 2\n"));
        assert_eq!(lines(&text).len(), lines(&before).len());
    }

    #[test]
    fn an_instant_is_only_raised() {
        let metrics = Metrics::new(&[HandoffId::new("one")], &[]);
        for at in [5.0, 3.0] {
            metrics.raise(&catalogue::TRIGGER_HEARD, &["one", "event"], at);
        }
        let text = expose(&metrics);
        assert!(text.contains("heard_timestamp_seconds{handoff=\"one\",source=\"event\"} 5\n"));
    }
}
