//! What went wrong on each remembered night, and how the built-in workers act so that its figures come out again.
//!
//! How a worker acts in general belongs to `sinks::local`; the figures themselves belong to `figures`.

use rand::seq::SliceRandom;

use super::{figures::Figures, night::Night, random};
use crate::{
    domain::ids::{GameDate, GameId, UnitId},
    sinks::local::{Behaviour, Fate, Override},
};

/// What went wrong on a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing, or nothing that workers or tables would show.
    None,
    /// Workers scaled to zero: first requests that found none are never answered; retried ones are.
    WorkersGone,
    /// Workers scaled to zero and stayed there: requests that found none are never answered, however often sent.
    WorkersGoneAllNight,
    /// Writes ran into a limit: first answers that claim predictions without a row; retried ones have theirs.
    RowsNotStored,
    /// The batch was prepared and nothing was sent. The fault was the coordinator's; the nearest that workers can do
    /// is to answer no first request.
    NothingSent,
    /// All at once on cold workers: a few first requests are lost, and first answers are late.
    Burst,
    /// Players who are out, once told as errors for ever: permanent skips here, as workers say it now.
    PlayersOut,
    /// A schema drifted in the worker: every attempt of every unit fails.
    SchemaDrift,
    /// Skips sent no completion: those units never answer, however often they are asked.
    SkipsSilent,
    /// Lines came late: all games but one are skipped for a passing reason until the second attempt.
    LateLines,
    /// One game has no ready player, so it gets no prediction.
    GameDark,
    /// "Today" was yesterday for want of time-zone data: most ready players were never asked for. The fault was the
    /// coordinator's, so here they all are there to dispatch.
    WrongDay,
    /// The first night after the break: all rolling features are empty and hardly anyone is ready.
    RollingEmpty,
    /// One missing column caps every quality score at 69: nobody is ready.
    ScoresCapped,
}

impl Trouble {
    /// Whether ready players were not requested because of the fault, and not because of the filter.
    pub(super) fn held_back_units(self) -> bool {
        match self {
            Self::NothingSent | Self::WrongDay => true,
            Self::None
            | Self::WorkersGone
            | Self::WorkersGoneAllNight
            | Self::RowsNotStored
            | Self::Burst
            | Self::PlayersOut
            | Self::SchemaDrift
            | Self::SkipsSilent
            | Self::LateLines
            | Self::GameDark
            | Self::RollingEmpty
            | Self::ScoresCapped => false,
        }
    }
}

/// What went wrong on a date, by the records.
pub fn trouble(game_date: GameDate) -> Trouble {
    match game_date.to_string().as_str() {
        "2025-12-20" | "2026-01-08" => Trouble::WorkersGone,
        "2026-01-11" => Trouble::WorkersGoneAllNight,
        "2025-12-29" => Trouble::RowsNotStored,
        "2026-01-19" | "2026-01-20" => Trouble::GameDark,
        "2026-01-27" => Trouble::NothingSent,
        "2026-02-03" => Trouble::Burst,
        "2026-02-05" => Trouble::PlayersOut,
        "2026-02-07" => Trouble::SchemaDrift,
        "2026-02-09" => Trouble::SkipsSilent,
        "2026-02-11" => Trouble::WrongDay,
        "2026-02-12" => Trouble::LateLines,
        "2026-02-19" => Trouble::RollingEmpty,
        "2026-03-02" => Trouble::ScoresCapped,
        _ => Trouble::None,
    }
}

/// Seconds a worker's first request takes longer after the workers were scaled to zero: 3 to 5 were seen.
const COLD_START_SECONDS: f64 = 5.0;

/// Share of answers that come twice, one way or the other, on every night: delivery is at least once.
const TWICE_SHARE: f64 = 0.01;

/// Share of stored units with a superseded row besides.
const SUPERSEDED_SHARE: f64 = 0.05;

/// Reasons of generated permanent skips, the commonest first.
const PERMANENT_REASONS: [&str; 3] = ["player_injury_out", "no_prop_lines", "player_inactive"];

/// A unit that there is to dispatch, and its game.
pub(super) struct Playing<'a> {
    /// The unit.
    pub unit: &'a UnitId,
    /// Its game.
    pub game_id: &'a GameId,
}

/// How the workers act on a night, given who there is to dispatch.
pub(super) fn behaviour(
    night: &Night,
    figures: &Figures,
    playing: &[Playing<'_>],
    seed: u64,
) -> Behaviour {
    let mut order: Vec<&Playing<'_>> = playing.iter().collect();
    order.shuffle(&mut random(seed, night.game_date, "conduct"));
    let trouble = trouble(night.game_date);
    let unanswered = figures
        .requested
        .value
        .saturating_sub(figures.answered.value) as usize;
    let troubled = troubled(trouble, &order, unanswered);
    let mut behaviour = Behaviour {
        redelivered: TWICE_SHARE,
        repeated: TWICE_SHARE,
        superseded: SUPERSEDED_SHARE,
        cold_start_seconds: COLD_START_SECONDS,
        ..Behaviour::default()
    };
    for unit in &troubled {
        if let Some(given) = fate(trouble) {
            behaviour.overrides.insert((*unit).clone(), given);
        }
    }
    if trouble == Trouble::PlayersOut {
        // They are the troubled ones already.
        return behaviour;
    }
    let skipped = order
        .iter()
        .filter(|playing| !behaviour.overrides.contains_key(playing.unit))
        .map(|playing| playing.unit.clone())
        .take(figures.permanent_skips.value as usize);
    let skips: Vec<(UnitId, Override)> = skipped
        .enumerate()
        .map(|(number, unit)| (unit, permanent_skip(PERMANENT_REASONS[number % 3])))
        .collect();
    behaviour.overrides.extend(skips);
    behaviour
}

/// The units that the night's trouble befalls.
fn troubled<'a>(trouble: Trouble, order: &[&Playing<'a>], unanswered: usize) -> Vec<&'a UnitId> {
    let units = order.iter().map(|playing| playing.unit);
    match trouble {
        Trouble::NothingSent | Trouble::SchemaDrift => units.collect(),
        Trouble::LateLines => {
            let spared = order.iter().map(|playing| playing.game_id).min();
            order
                .iter()
                .filter(|playing| Some(playing.game_id) != spared)
                .map(|playing| playing.unit)
                .collect()
        }
        Trouble::WorkersGone
        | Trouble::WorkersGoneAllNight
        | Trouble::RowsNotStored
        | Trouble::Burst
        | Trouble::PlayersOut
        | Trouble::SkipsSilent => units.take(unanswered).collect(),
        Trouble::None
        | Trouble::GameDark
        | Trouble::WrongDay
        | Trouble::RollingEmpty
        | Trouble::ScoresCapped => Vec::new(),
    }
}

/// What befalls a troubled unit, and up to which attempt.
fn fate(trouble: Trouble) -> Option<Override> {
    let (fate, attempts_max) = match trouble {
        Trouble::WorkersGone | Trouble::NothingSent | Trouble::Burst => (Fate::Silent, Some(1)),
        Trouble::RowsNotStored => (Fate::ClaimedWithoutRow, Some(1)),
        Trouble::PlayersOut => return Some(permanent_skip("player_injury_out")),
        Trouble::SchemaDrift => (Fate::Failed("schema_drift".to_owned()), None),
        Trouble::WorkersGoneAllNight | Trouble::SkipsSilent => (Fate::Silent, None),
        Trouble::LateLines => (Fate::Skipped("awaiting_lines".to_owned()), Some(2)),
        Trouble::None
        | Trouble::GameDark
        | Trouble::WrongDay
        | Trouble::RollingEmpty
        | Trouble::ScoresCapped => return None,
    };
    Some(Override { fate, attempts_max })
}

fn permanent_skip(reason: &str) -> Override {
    Override {
        fate: Fate::Skipped(reason.to_owned()),
        attempts_max: None,
    }
}
