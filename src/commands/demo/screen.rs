//! What the demo shows on the terminal.
//!
//! The story of a night belongs to `render`.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::Act;
use crate::{
    commands::serve::App,
    demo::{figures::Figures, night::Night},
    domain::{
        Instant,
        ids::RunKey,
        run::{Run, State},
        sla::Verdict,
    },
    render::{Zones, alert, sentence, story, wrap},
};

/// Columns of the terminal.
const WIDTH: usize = 80;
/// What scripts wait for, too: from then on nothing is played in fast motion.
const LIVE: &str = "From here on it is live: the real clock's time, at its speed.";

/// The nights that can be played.
pub fn list() {
    for night in Night::all() {
        println!(
            "{}  {}",
            night.game_date,
            night.note.as_deref().unwrap_or("")
        );
    }
}

/// What is about to be played.
pub fn announce(act: &Act) {
    let play = &act.stage.play;
    let note = act
        .night
        .note
        .as_deref()
        .unwrap_or("nothing is noted of it");
    println!(
        "{}",
        wrap(&format!("The night of {}: {note}.", play.night), WIDTH, 0)
    );
    println!("{}", wrap(&figures(&act.slate.figures), WIDTH, 0));
    let deadline_at = act.policy().instants(play.game_date).deadline_at;
    println!("Promised by {}.", act.zones().both(deadline_at));
    if act.stage.resumed {
        let at = act.zones().both(act.from);
        let text =
            format!("It was begun before and goes on from the last committed instant, {at}.");
        println!("{}", wrap(&text, WIDTH, 0));
    }
}

fn figures(figures: &Figures) -> String {
    format!(
        "{} games, {} players listed, {} feature rows, {} of them ready.",
        figures.games, figures.listed, figures.feature_rows, figures.ready
    )
}

/// Where the service listens.
pub fn listening(app: &App) {
    println!("The service listens on http://{}.\n", app.address);
}

/// The service goes on.
pub fn serving(app: &App) {
    println!("\nThe service goes on; look at it, then stop it with Ctrl-C:");
    for path in ["/status", "/metrics"] {
        println!("  curl http://{}{path}", app.address);
    }
    println!("  tipoff explain --url http://{}", app.address);
}

/// The night as it goes: a bar on a terminal, a line a change of state elsewhere.
pub struct Progress {
    bar: Option<ProgressBar>,
    zones: Zones,
    brief: bool,
    state: Option<State>,
    live: bool,
}

impl Progress {
    /// Shows nothing yet.
    pub fn begin(act: &Act) -> Self {
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}");
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0));
        if let (Some(bar), Ok(style)) = (&bar, style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            zones: act.zones(),
            brief: act.is_brief(),
            state: None,
            live: false,
        }
    }

    /// Says once that the history is over and the real clock goes on from here.
    pub fn fall_in(&mut self, caught_up: bool) {
        if caught_up && !self.live {
            self.live = true;
            self.line(LIVE);
        }
    }

    /// Shows how it stands.
    pub fn show(&mut self, run: Option<&Run>, now: Instant) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(self.zones.schedule.time_text(now));
        }
        let Some(run) = run else { return };
        if let Some(bar) = &self.bar {
            bar.set_length(run.counts.ready);
            bar.set_position(run.counts.plan.satisfied());
            bar.set_message(format!(
                "{}, {} in flight",
                run.state.name(),
                run.counts.in_flight
            ));
        }
        if self.state != Some(run.state) && !self.brief {
            self.state = Some(run.state);
            self.line(&format!("{}  {}", self.zones.both(now), run.state.name()));
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The story of the night, its verdict and its alerts.
pub async fn story(act: &Act, app: &App) -> anyhow::Result<()> {
    let store = &app.engine.shared().store;
    let key = RunKey {
        handoff: act.config.handoffs[0].id.clone(),
        game_date: act.stage.play.game_date,
    };
    let entries = store.history(&key).await?;
    println!(
        "\nThe story of the night\n\n{}",
        story::story(&entries, &act.zones())
    );
    if let Some(run) = store.run(&key).await? {
        println!("{}", verdict(&run, &act.zones()));
        print!("{}", alerts(&run, &act.zones()));
    }
    Ok(())
}

/// The verdict and the counts, in a few lines.
pub fn verdict(run: &Run, zones: &Zones) -> String {
    let counts = &run.counts;
    let noun = &run.policy.unit_noun;
    let told = match (run.verdict(), &run.ruling) {
        (Some(Verdict::Met), Some(ruling)) => format!("met at {}", zones.both(ruling.dated_at)),
        (Some(Verdict::Breached), Some(ruling)) => {
            format!("breached at {}", zones.both(ruling.dated_at))
        }
        (Some(verdict), _) => verdict.name().to_owned(),
        (None, _) => "none: nothing was promised for this date".to_owned(),
    };
    let figures = format!(
        "{} ready {noun}s: {} predicted, {} skipped, {} failed, {} without an answer; gap {}.",
        counts.ready,
        counts.plan.predicted(),
        counts.skipped(),
        counts.failed(),
        counts.outstanding(),
        counts.gap(),
    );
    let reasons: Vec<String> = counts
        .reasons
        .iter()
        .filter(|(_, units)| **units > 0)
        .map(|(reason, units)| format!("{reason} {units}"))
        .collect();
    let reasons = if reasons.is_empty() {
        String::new()
    } else {
        format!("\nReasons: {}.", reasons.join(", "))
    };
    format!(
        "State:   {}\nVerdict: {told}\n{}{reasons}",
        run.state.name(),
        wrap(&figures, WIDTH, 0)
    )
}

/// A night of a season in one line.
pub fn night_line(act: &Act, run: Option<&Run>) -> String {
    let date = act.stage.play.game_date;
    let Some(run) = run else {
        return format!("{date}  no run");
    };
    let Some(verdict) = run.verdict() else {
        return format!("{date}  {}, nothing promised", run.state.name());
    };
    let latency = run
        .start_latency_seconds(run.instants.deadline_at)
        .filter(|_| run.start.dispatched_at.is_some());
    let latency = latency.map_or_else(
        || "start not measured".to_owned(),
        |latency| format!("started after {latency:.0} s"),
    );
    let completion = run.counts.completion().map_or_else(
        || "nothing dispatched".to_owned(),
        |share| format!("completion {:.1} %", share * 100.0),
    );
    format!("{date}  {}, {latency}, {completion}", verdict.name())
}

/// Every alert that opened.
pub fn alerts(run: &Run, zones: &Zones) -> String {
    if run.alerts.is_empty() {
        return "Alerts:  none\n".to_owned();
    }
    let mut text = String::from("Alerts:\n");
    for alert in &run.alerts {
        let end = match alert.resolved_at {
            Some(at) => format!("resolved {}", zones.schedule.time_text(at)),
            None => "open".to_owned(),
        };
        let told = if alert.told_at.is_some() {
            ""
        } else {
            ", covered by another"
        };
        let severity = alert::severity(alert.severity);
        let line = format!(
            "{severity} {}: {} ({}, {end}{told})",
            zones.schedule.time_text(alert.opened_at),
            sentence(&alert.text),
            alert.kind.name()
        );
        text += &format!("  {}\n", wrap(&line, WIDTH - 4, 4));
    }
    text
}
