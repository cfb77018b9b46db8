//! A night's games, players and feature rows, generated so that its figures come out.
//!
//! The figures come from `figures`, the workers' part from `conduct`.

use chrono::TimeDelta;
use rand::{Rng, rngs::StdRng, seq::SliceRandom};

use super::{
    conduct::{self, Playing, Trouble, trouble},
    figures::Figures,
    names::{TEAMS_TOTAL, players, team},
    night::Night,
    random,
    upstream::Upstream,
};
use crate::{
    domain::{
        Instant,
        ids::{GameId, UnitId},
    },
    sinks::local::Behaviour,
    warehouse::{ContextRow, EmbeddedWarehouse, FeatureRow, WarehouseError},
};

/// The minutes filter the slate is made for.
pub const MIN_MINUTES: f64 = 15.0;

/// Of the players passing the filter, one in so many is back from a break and has no minutes.
const NO_MINUTES_ONE_IN: u32 = 30;

/// Of the listed players without a feature row, one in so many would have played enough.
const UNFEATURED_PASSING_ONE_IN: u32 = 4;

/// Feature rows are written within so many seconds before the upstream finishes.
const WRITTEN_SECONDS_MAX: i64 = 600;

/// Everything there is on a generated night.
#[derive(Debug, Clone, PartialEq)]
pub struct Slate {
    /// The night it is made after.
    pub night: Night,
    /// Its figures, with the gaps filled.
    pub figures: Figures,
    /// The games' players.
    pub contexts: Vec<ContextRow>,
    /// The feature rows, as they stand when the upstream has finished.
    pub features: Vec<FeatureRow>,
    /// The upstream's night; `None` on a date without games.
    pub upstream: Option<Upstream>,
    /// How the workers act.
    pub behaviour: Behaviour,
}

/// What the figures make of one listed player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Ready, and passes the filter.
    Passing,
    /// Ready, and the filter takes it out.
    Filtered,
    /// Has a feature row that is not ready.
    NotReady,
    /// Has no feature row.
    Unfeatured,
}

impl Slate {
    /// Makes the night; the same night and seed always give the same.
    pub fn generate(night: &Night, seed: u64) -> Self {
        let figures = Figures::fill(night, seed);
        let upstream = Upstream::generate(night, &figures, seed);
        let mut random = random(seed, night.game_date, "slate");
        let mut contexts = contexts(night, &figures, &mut random);
        let standings = standings(night, &figures, &mut random);
        for (context, standing) in contexts.iter_mut().zip(&standings) {
            context.avg_minutes_per_game_last_7 = minutes(*standing, &mut random);
        }
        let pairs = contexts.iter().zip(&standings);
        let playing: Vec<Playing<'_>> = pairs
            .clone()
            .filter(|(_, standing)| **standing == Standing::Passing)
            .map(|(context, _)| Playing {
                unit: &context.player_lookup,
                game_id: &context.game_id,
            })
            .collect();
        let behaviour = conduct::behaviour(night, &figures, &playing, seed);
        let features = upstream.as_ref().map_or_else(Vec::new, |upstream| {
            pairs
                .filter(|(_, standing)| **standing != Standing::Unfeatured)
                .map(|(context, standing)| {
                    feature(context, *standing, upstream.finished_at, &mut random)
                })
                .collect()
        });
        Self {
            night: night.clone(),
            figures,
            contexts,
            features,
            upstream,
            behaviour,
        }
    }

    /// Has the upstream, if it runs at all, finish at another instant, with its rows.
    pub fn finish_upstream(&mut self, at: Instant) {
        let Some(upstream) = &mut self.upstream else {
            return;
        };
        let by = at - upstream.finished_at;
        upstream.started_at += by;
        upstream.finished_at = at;
        for feature in &mut self.features {
            feature.updated_at += by;
        }
    }

    /// Writes what is in the tables before the upstream has finished: who plays, and that it is at work.
    ///
    /// # Errors
    ///
    /// When the warehouse refuses.
    pub async fn put_listing(&self, warehouse: &EmbeddedWarehouse) -> Result<(), WarehouseError> {
        warehouse.put_contexts(&self.contexts).await?;
        match &self.upstream {
            Some(upstream) => warehouse.put_run_history(&upstream.running_rows()).await,
            None => Ok(()),
        }
    }

    /// Writes what is in the tables once the upstream has finished: the features, then its run.
    ///
    /// # Errors
    ///
    /// When the warehouse refuses.
    pub async fn put_finished(&self, warehouse: &EmbeddedWarehouse) -> Result<(), WarehouseError> {
        warehouse.put_features(&self.features).await?;
        match &self.upstream {
            Some(upstream) => warehouse.put_run_history(&upstream.finished_rows()).await,
            None => Ok(()),
        }
    }
}

/// Which game a listed player is in: all games get the same number of players, give or take one.
fn game_of(player: usize, figures: &Figures) -> usize {
    player % (figures.games.value as usize).max(1)
}

fn contexts(night: &Night, figures: &Figures, random: &mut StdRng) -> Vec<ContextRow> {
    let games = figures.games.value as usize;
    if games == 0 {
        return Vec::new();
    }
    let mut draw: Vec<usize> = (0..TEAMS_TOTAL.max(games * 2)).collect();
    draw.shuffle(random);
    let names = players(figures.listed.value, random);
    let day = night.game_date.0.format("%Y%m%d");
    let row = |(number, name): (usize, String)| {
        let game = game_of(number, figures);
        let (home, away) = (team(draw[game * 2]), team(draw[game * 2 + 1]));
        let game_id = GameId::new(format!("{day}_{away}_{home}"));
        let home_game = (number / games).is_multiple_of(2);
        let (team_abbr, opponent_team_abbr) = if home_game {
            (home, away)
        } else {
            (away, home)
        };
        let line = f64::from(random.random_range(8..64)) / 2.0;
        let has_prop_line = random.random_range(0..10) > 0;
        ContextRow {
            player_lookup: UnitId::new(name),
            game_id,
            game_date: night.game_date,
            team_abbr,
            opponent_team_abbr,
            home_game,
            has_prop_line,
            current_points_line: has_prop_line.then_some(line),
            avg_minutes_per_game_last_7: None,
            player_status: "active".to_owned(),
        }
    };
    names.into_iter().enumerate().map(row).collect()
}

/// What becomes of each listed player, spread evenly over the games so that none goes dark by chance.
fn standings(night: &Night, figures: &Figures, random: &mut StdRng) -> Vec<Standing> {
    let listed = figures.listed.value as usize;
    let games = (figures.games.value as usize).max(1);
    let mut order: Vec<usize> = (0..listed).collect();
    order.shuffle(random);
    let mut seen = vec![0_usize; games];
    let mut ranked: Vec<(usize, usize)> = order
        .into_iter()
        .map(|player| {
            let rank = &mut seen[game_of(player, figures)];
            *rank += 1;
            (*rank, player)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let dark = (trouble(night.game_date) == Trouble::GameDark).then_some(games - 1);
    let (last, first): (Vec<usize>, Vec<usize>) = ranked
        .into_iter()
        .map(|(_, player)| player)
        .partition(|player| Some(game_of(*player, figures)) == dark);
    let passing = figures.passing as usize;
    let ready = figures.ready.value as usize;
    let feature_rows = figures.feature_rows.value as usize;
    let mut standings = vec![Standing::Unfeatured; listed];
    for (place, player) in first.into_iter().chain(last).enumerate() {
        standings[player] = match place {
            place if place < passing => Standing::Passing,
            place if place < ready => Standing::Filtered,
            place if place < feature_rows => Standing::NotReady,
            _ => Standing::Unfeatured,
        };
    }
    standings
}

fn minutes(standing: Standing, random: &mut StdRng) -> Option<f64> {
    let enough = match standing {
        Standing::Passing | Standing::NotReady => true,
        Standing::Filtered => false,
        Standing::Unfeatured => random.random_range(0..UNFEATURED_PASSING_ONE_IN) == 0,
    };
    let tenths = if enough {
        random.random_range((MIN_MINUTES * 10.0) as u32..=380)
    } else {
        random.random_range(20..(MIN_MINUTES * 10.0) as u32)
    };
    let back_from_a_break = enough && random.random_range(0..NO_MINUTES_ONE_IN) == 0;
    (!back_from_a_break).then_some(f64::from(tenths) / 10.0)
}

fn feature(
    context: &ContextRow,
    standing: Standing,
    finished_at: Instant,
    random: &mut StdRng,
) -> FeatureRow {
    let ready = match standing {
        Standing::Passing | Standing::Filtered => true,
        Standing::NotReady | Standing::Unfeatured => false,
    };
    let tenths = if ready {
        random.random_range(800..=985)
    } else {
        random.random_range(450..700)
    };
    let (score, fault) = match trouble(context.game_date) {
        Trouble::ScoresCapped => (690, "column_missing"),
        Trouble::RollingEmpty if !ready => (tenths - 200, "rolling_features_empty"),
        Trouble::None
        | Trouble::WorkersGone
        | Trouble::WorkersGoneAllNight
        | Trouble::RowsNotStored
        | Trouble::NothingSent
        | Trouble::Burst
        | Trouble::PlayersOut
        | Trouble::SchemaDrift
        | Trouble::SkipsSilent
        | Trouble::LateLines
        | Trouble::GameDark
        | Trouble::WrongDay
        | Trouble::RollingEmpty => (tenths, "upstream_dependency_missing"),
    };
    let written_before = TimeDelta::seconds(random.random_range(1..=WRITTEN_SECONDS_MAX));
    FeatureRow {
        player_lookup: context.player_lookup.clone(),
        game_date: context.game_date,
        game_id: context.game_id.clone(),
        is_production_ready: ready,
        feature_quality_score: Some(f64::from(score) / 10.0),
        feature_version: "v2_33features".to_owned(),
        data_quality_issues: if ready {
            Vec::new()
        } else {
            vec![fault.to_owned()]
        },
        circuit_breaker_active: false,
        updated_at: finished_at - written_before,
    }
}

#[cfg(test)]
mod tests;
