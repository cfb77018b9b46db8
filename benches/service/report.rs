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
const SPREAD_OF: &str = "lowest and highest of ";

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md")
}

/// Prints the figures, and keeps them as JSON.
pub fn show(figures: &[Figure]) {
    println!("\n{}", table(figures, None));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("service-figures.json");
    let json = serde_json::to_string_pretty(figures).expect("JSON");
    fs::write(&path, json).expect("a target folder");
    println!("kept in {}", path.display());
}

/// What the document states.
struct Stated {
    lines: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Reports that its spread is of.
    reports: usize,
}

impl Stated {
    fn of(text: &str) -> Self {
        let cells = |line: &str| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        };
        let count = text
            .split_once(SPREAD_OF)
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        Self {
            lines: text.lines().map(str::to_owned).collect(),
            rows: text.lines().map(cells).collect(),
            reports: count.unwrap_or(0),
        }
    }

    /// The lowest and the highest value of a figure.
    fn spread(&self, figure: &Figure) -> Option<(f64, f64)> {
        let is_its = |row: &&Vec<String>| row.first() == Some(&figure.what);
        let row = self.rows.iter().find(is_its)?;
        let number = |place: usize| row.get(place)?.parse::<f64>().ok();
        Some((number(3)?, number(4)?))
    }
}

/// Writes the table into the document, with the machine and the day. Where it is to be widened, the spread that is stated
/// stays part of it, and what was not measured stays as it is: so it becomes that of several reports, of other days and machines.
pub fn write(figures: &[Figure], rounds: usize, widen: bool) {
    let text = fs::read_to_string(document()).expect("docs/performance.md");
    let (before, rest) = text.split_once(BEGIN).expect("where figures begin");
    let (known, after) = rest.split_once(END).expect("where figures end");
    let known = Stated::of(if widen { known } else { "" });
    let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let machine = machine();
    let reports = match known.reports + 1 {
        1 => "1 report".to_owned(),
        several => format!("{several} reports"),
    };
    let table = table(figures, Some(&known));
    let said = format!(
        "{machine}; {now}; {rounds} rounds, of a million units one. Median of these rounds; {SPREAD_OF}{reports}."
    );
    let text = format!("{before}{BEGIN}\n\n{said}\n\n{table}\n{END}{after}");
    fs::write(document(), text).expect("docs/performance.md");
    println!("written to docs/performance.md");
}

/// Says of each figure whether it lies within the spread that the document states; returns how many are worse.
pub fn compare(figures: &[Figure]) -> usize {
    let text = fs::read_to_string(document()).expect("docs/performance.md");
    let stated = Stated::of(&text);
    let mut worse = 0;
    for figure in figures {
        let Some((low, high)) = stated.spread(figure) else {
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

fn table(figures: &[Figure], known: Option<&Stated>) -> String {
    let mut lines = vec![
        "| what | wanted | median | lowest | highest | |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let mut measured: Vec<String> = figures.iter().map(|figure| row(figure, known)).collect();
    if let Some(known) = known {
        for (line, cells) in known.lines.iter().zip(&known.rows) {
            let is_figure = cells.len() > 4 && cells[3].parse::<f64>().is_ok();
            let is_measured = figures.iter().any(|it| Some(&it.what) == cells.first());
            if is_figure && !is_measured {
                measured.push(line.clone());
            }
        }
    }
    lines.extend(measured);
    lines.join("\n") + "\n"
}

/// A figure's row, with the spread that is stated already as part of its own.
fn row(figure: &Figure, known: Option<&Stated>) -> String {
    let (mut low, mut high) = figure.spread();
    if let Some((lowest, highest)) = known.and_then(|known| known.spread(figure)) {
        (low, high) = (low.min(lowest), high.max(highest));
    }
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
    format!("| {what} | {wanted} | {median} {unit} | {low} | {high} | {reached} |")
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
