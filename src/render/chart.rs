//! Pictures of a week: start latency and completion, night by night, with the promise drawn in.
//!
//! The same week gives the same bytes. What the week means in words belongs to `letter`.

use std::sync::LazyLock;

use plotters::style::{FontStyle, register_font};

use super::{
    letter::Picture,
    words::{plural, ratio, seconds},
};
use crate::{
    domain::sla::Verdict,
    ports::notice::{NightFigures, Week},
};

mod draw;
mod scale;

/// Pixels of a picture: twice what a phone shows, for sharp screens.
const SIZE: (u32, u32) = (800, 520);

/// The font, registered once.
static FONT_READY: LazyLock<bool> =
    LazyLock::new(|| register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok());

/// The name under which it is known.
const FONT: &str = "dejavu";

/// One series of a week, ready to be drawn.
struct Chart {
    /// Stands above it, with its unit.
    title: &'static str,
    /// The nights before, earliest first; `None`: no sample.
    before: Vec<Option<f64>>,
    /// The week's nights.
    nights: Vec<Night>,
    /// The promised value.
    promise: f64,
    /// What stands at the promise's line.
    promise_text: String,
    /// Whether these words stand above the line: where most samples lie below it.
    promise_above: bool,
    /// Lowest and highest value shown; what lies above is drawn at the edge, with its number.
    range: (f64, f64),
}

/// One night of the week.
struct Night {
    /// What stands below it.
    label: String,
    /// The value; `None`: no sample.
    value: Option<f64>,
    /// Whether its promise was broken.
    breached: bool,
}

/// The pictures of a week: those of its series that have a sample.
pub fn pictures(week: &Week) -> Vec<Picture> {
    [latency(week), completion(week)]
        .into_iter()
        .flatten()
        .collect()
}

/// Start latency in minutes; `None` if no night of the week has one.
pub fn latency(week: &Week) -> Option<Picture> {
    let minutes = |night: &NightFigures| night.latency_seconds.map(|seconds| seconds / 60.0);
    let promise = week.latency_target_seconds / 60.0;
    let chart = Chart {
        title: "Start latency, minutes",
        before: week.before.iter().map(minutes).collect(),
        nights: nights(week, minutes),
        promise,
        promise_text: format!("promised: under {}", seconds(week.latency_target_seconds)),
        promise_above: true,
        range: scale::from_zero(promise, samples(week, minutes)),
    };
    let promised = format!("promised under {}", seconds(week.latency_target_seconds));
    picture(&chart, "latency", || {
        alt("Start latency", &promised, week, |night| {
            night.latency_seconds.map(seconds)
        })
    })
}

/// Completion in percent; `None` if no night of the week has one.
pub fn completion(week: &Week) -> Option<Picture> {
    let percent = |night: &NightFigures| night.completion.map(|ratio| ratio * 100.0);
    let promise = week.completion_target * 100.0;
    let chart = Chart {
        title: "Completion, percent",
        before: week.before.iter().map(percent).collect(),
        nights: nights(week, percent),
        promise,
        promise_text: format!("promised: over {}", ratio(week.completion_target)),
        promise_above: false,
        range: scale::to_hundred(promise, samples(week, percent)),
    };
    let promised = format!("promised over {}", ratio(week.completion_target));
    picture(&chart, "completion", || {
        alt("Completion", &promised, week, |night| {
            night.completion.map(ratio)
        })
    })
}

fn samples(week: &Week, value: impl Fn(&NightFigures) -> Option<f64>) -> Vec<f64> {
    let all = week.nights.iter().chain(&week.before);
    all.filter_map(value).collect()
}

fn nights(week: &Week, value: impl Fn(&NightFigures) -> Option<f64>) -> Vec<Night> {
    let nights = week.nights.iter();
    nights
        .map(|night| Night {
            label: night.game_date.0.format("%a %-d").to_string(),
            value: value(night).filter(|value| value.is_finite()),
            breached: night.verdict == Some(Verdict::Breached),
        })
        .collect()
}

/// The numbers of a picture, for readers who do not see it.
fn alt(
    title: &str,
    promised: &str,
    week: &Week,
    value: impl Fn(&NightFigures) -> Option<String>,
) -> String {
    let nights = week.nights.iter();
    let nights: Vec<String> = nights
        .map(|night| {
            let value = value(night).unwrap_or_else(|| "no sample".to_owned());
            let breached = match night.verdict {
                Some(Verdict::Breached) => " (breached)",
                Some(Verdict::OnTrack | Verdict::AtRisk | Verdict::Judging | Verdict::Met)
                | None => "",
            };
            format!("{} {value}{breached}", night.game_date)
        })
        .collect();
    let before = week.before.iter().filter_map(value).count();
    let noun = match before {
        1 => "night".to_owned(),
        _ => plural("night"),
    };
    format!(
        "{title}, {promised}: {}. Drawn faintly beside it: {before} {noun} of the four weeks before.",
        nights.join(", ")
    )
}

fn picture(chart: &Chart, name: &str, text: impl FnOnce() -> String) -> Option<Picture> {
    chart.nights.iter().find_map(|night| night.value)?;
    if !*FONT_READY {
        return None;
    }
    let mut pixels = vec![0; SIZE.0 as usize * SIZE.1 as usize * 3];
    draw::draw(chart, &mut pixels).ok()?;
    Some(Picture {
        name: name.to_owned(),
        text: text(),
        png: encode(&pixels)?,
    })
}

/// The pixels as PNG.
fn encode(pixels: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}
