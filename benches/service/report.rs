//! The figures on the screen, as JSON in the target folder, and as the table of docs/performance.md; and whether they
//! lie within what that table states.
//!
//! The text around the table is written by hand.

use std::{fs, path::PathBuf};

use chrono::SecondsFormat;
use tipoff::clock::{Clock, SystemClock};

use super::figure::{Figure, Wanted};

const BEGIN: &str = "<!-- figures:begin -->";
const END: &str = "<!-- figures:end -->";

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md")
}

/// Prints the figures, and keeps them as JSON.
pub fn show(figures: &[Figure]) {
    println!("\n{}", table(figures));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("service-figures.json");
    let json = serde_json::to_string_pretty(figures).expect("JSON");
    fs::write(&path, json).expect("a target folder");
    println!("kept in {}", path.display());
}

/// Writes the table into the document, with the machine and the day.
pub fn write(figures: &[Figure], rounds: usize) {
    let text = fs::read_to_string(document()).expect("docs/performance.md");
    let (before, rest) = text.split_once(BEGIN).expect("where figures begin");
    let (_, after) = rest.split_once(END).expect("where figures end");
    let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let machine = machine();
    let table = table(figures);
    let said = format!(
        "{machine}; {now}; {rounds} rounds, of a million units one. Median, lowest and highest of the rounds."
    );
    let text = format!("{before}{BEGIN}\n\n{said}\n\n{table}\n{END}{after}");
    fs::write(document(), text).expect("docs/performance.md");
    println!("written to docs/performance.md");
}

/// Says of each figure whether it lies within the spread that the document states; returns how many are worse.
pub fn compare(figures: &[Figure]) -> usize {
    let text = fs::read_to_string(document()).expect("docs/performance.md");
    let stated: Vec<Vec<&str>> = text.lines().map(cells).collect();
    let mut worse = 0;
    for figure in figures {
        let row = stated
            .iter()
            .find(|row| row.first() == Some(&&*figure.what));
        let number = |place: usize| row?.get(place)?.split(' ').next()?.parse::<f64>().ok();
        let (Some(low), Some(high)) = (number(3), number(4)) else {
            println!("{}: not stated", figure.what);
            worse += 1;
            continue;
        };
        let median = figure.median();
        // As it is written: a spread is not narrower than its last digit.
        let shown: f64 = digits(median).parse().expect("a number");
        let said = match figure.wanted {
            _ if (low..=high).contains(&shown) => "within the stated spread",
            Wanted::AtMost(_) if shown < low => "better than stated",
            Wanted::AtLeast(_) if shown > high => "better than stated",
            Wanted::Known => "outside the stated spread",
            Wanted::AtMost(_) | Wanted::AtLeast(_) => {
                worse += 1;
                "WORSE than stated"
            }
        };
        println!("{}: {} {}, {said}", figure.what, shown, figure.unit);
    }
    worse
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

fn table(figures: &[Figure]) -> String {
    let mut lines = vec![
        "| what | wanted | median | lowest | highest | |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for figure in figures {
        let (low, high) = figure.spread();
        let unit = figure.unit;
        let wanted = match figure.wanted {
            Wanted::AtMost(most) => format!("≤ {most} {unit}"),
            Wanted::AtLeast(least) => format!("≥ {least} {unit}"),
            Wanted::Known => "–".to_owned(),
        };
        let reached = match figure.is_reached() {
            Some(true) => "reached",
            Some(false) => "**not reached**",
            None => "",
        };
        let [median, low, high] = [figure.median(), low, high].map(digits);
        let what = &figure.what;
        lines.push(format!(
            "| {what} | {wanted} | {median} {unit} | {low} | {high} | {reached} |"
        ));
    }
    lines.join("\n") + "\n"
}

/// Three digits that say something, and no decimals beyond a hundred.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The processor, the cores, the memory and the kernel, as Linux names them.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |model| {
        model.trim_start_matches([':', '\t', ' '])
    });
    let cores = cpus
        .lines()
        .filter(|it| it.starts_with("processor"))
        .count();
    let memory = read("/proc/meminfo");
    let kib = memory
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse::<u64>().ok());
    let gib = kib.unwrap_or_default() / 1024 / 1024;
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} cores of {model}, {gib} GiB, Linux {}",
        kernel.trim()
    )
}
