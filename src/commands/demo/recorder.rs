//! Samples the service's metrics while a night is played, and writes them once it is over.
//!
//! How samples are kept and written belongs to `demo::tape`.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant as Stopwatch},
};

use anyhow::Context;
use prometheus::proto::{Gauge, Metric, MetricFamily, MetricType};

use crate::{
    clock::{Clock, WarpClock},
    commands::serve::App,
    demo::{
        pace::{SAMPLES_APART_MAX, Tempo},
        tape::Tape,
    },
    domain::Instant,
    telemetry::{gather, show::unix_seconds},
};

/// The sampled metrics of a play, and where they are to be written.
pub struct Recorder {
    file: Option<PathBuf>,
    tape: Tape,
    begun_at: Option<Instant>,
    waited: Option<Stopwatch>,
}

/// How long the clock stands for timers that are due; a service that needs longer is late, and its metrics say so.
const PATIENCE: Duration = Duration::from_secs(1);

impl Recorder {
    /// Nothing sampled yet; without a file nothing ever is.
    ///
    /// # Errors
    ///
    /// When the file cannot be written: better now than after the play.
    pub fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = file {
            File::create(path).with_context(|| writing(path))?;
        }
        Ok(Self {
            file: file.map(Path::to_owned),
            tape: Tape::default(),
            begun_at: None,
            waited: None,
        })
    }

    /// Whether anything is sampled.
    pub fn records(&self) -> bool {
        self.file.is_some()
    }

    /// Another opening of the service: what it counts begins at 0.
    pub fn cut(&mut self) {
        self.tape.cut();
        self.begun_at = None;
        self.waited = None;
    }

    /// Takes a sample if one is due. The clock stands meanwhile, so that the service has done what is due by then, and
    /// never runs further ahead of the last sample than two samples may be apart, however slow the machine is.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    pub async fn look(&mut self, app: &App, clock: &WarpClock, tempo: Tempo) -> anyhow::Result<()> {
        if !self.records() {
            return Ok(());
        }
        let last_at = self.tape.last_at();
        let is_near = last_at.is_some_and(|last| clock.now() < last + tempo.sample_every());
        // A clock that stands for a sample goes on with it alone, even if the tempo has changed meanwhile.
        if is_near && self.waited.is_none() {
            return Ok(());
        }
        clock.hold_at(Some(clock.now()));
        let at = clock.now();
        let since = *self.waited.get_or_insert_with(Stopwatch::now);
        let wake_at = app.engine.shared().store.queues().await?.next_wake_at;
        if wake_at.is_some_and(|wake_at| wake_at <= at) && since.elapsed() < PATIENCE {
            return Ok(());
        }
        self.waited = None;
        let begun_at = *self.begun_at.get_or_insert(at);
        let watch = Stopwatch::now();
        app.engine.refresh_gauges().await?;
        let mut families = gather(&app.engine.shared().metrics);
        begin(&mut families, begun_at);
        let took = watch.elapsed().as_secs_f64();
        families.extend(scrape(&families, took));
        self.tape.take(&families, at);
        clock.hold_at(Some(at + SAMPLES_APART_MAX));
        Ok(())
    }

    /// Writes the file, if there is to be one.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(&self) -> anyhow::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let mut out = BufWriter::new(File::create(path).with_context(|| writing(path))?);
        let written = self.tape.write(&mut out).and_then(|()| out.flush());
        written.with_context(|| writing(path))?;
        println!(
            "The metrics of {} instants are in {}.",
            self.tape.samples(),
            path.display()
        );
        Ok(())
    }
}

fn writing(path: &Path) -> String {
    format!("writing the metrics to {}", path.display())
}

/// The process began when its play did: its own clock is the play's.
fn begin(families: &mut [MetricFamily], begun_at: Instant) {
    let start = families
        .iter_mut()
        .filter(|family| family.name() == "process_start_time_seconds");
    for metric in start.flat_map(MetricFamily::mut_metric) {
        metric.set_gauge(gauge(unix_seconds(begun_at)));
    }
}

/// What Prometheus itself notes of a scrape
/// (<https://prometheus.io/docs/concepts/jobs_instances/#automatically-generated-labels-and-time-series>).
fn scrape(families: &[MetricFamily], took_seconds: f64) -> Vec<MetricFamily> {
    let samples: usize = families.iter().map(samples).sum();
    [
        ("up", 1.0),
        ("scrape_duration_seconds", took_seconds),
        ("scrape_samples_scraped", samples as f64),
    ]
    .into_iter()
    .map(|(name, value)| {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help("Noted by whoever scrapes".to_owned());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(vec![Metric::from_gauge(gauge(value))]);
        family
    })
    .collect()
}

/// The samples of a family: a histogram has one for each edge, and three.
fn samples(family: &MetricFamily) -> usize {
    let metrics = family.get_metric();
    match family.get_field_type() {
        MetricType::HISTOGRAM => {
            let edges = |metric: &Metric| metric.get_histogram().get_bucket().len() + 3;
            metrics.iter().map(edges).sum()
        }
        MetricType::COUNTER | MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => {
            metrics.len()
        }
    }
}

fn gauge(value: f64) -> Gauge {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    gauge
}
