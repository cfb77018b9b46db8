//! A night's figures with the gaps filled by stated rules, each marked as recorded or generated.
//!
//! Who the players are belongs to `slate`; what goes wrong belongs to `conduct`.

use std::fmt;

use rand::{Rng, rngs::StdRng};

use super::{
    conduct::{Trouble, trouble},
    night::Night,
    random,
};

/// Listed players a game.
const LISTED_PER_GAME: u32 = 34;

/// Fewest feature rows a game: only those likely to play.
const FEATURES_PER_GAME_MIN: u32 = 14;

/// Most feature rows a game: every listed player.
const FEATURES_PER_GAME_MAX: u32 = 36;

/// Feature rows a game, where the games are to be told from them.
const FEATURES_PER_GAME_USUAL: u32 = 21;

/// Requests a game, where the games are to be told from them.
const REQUESTED_PER_GAME_USUAL: u32 = 17;

/// Least and most share of the feature rows that is ready, in percent: what real nights mostly had.
const READY_PERCENT: (u32, u32) = (43, 93);

/// Share of the answers that are permanent skips, in percent.
const PERMANENT_SKIPS_PERCENT: u32 = 12;

/// Most games a date: each of the 30 teams plays once.
pub(super) const GAMES_MAX: u32 = 15;

/// One figure of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The figure.
    pub value: u32,
    /// Whether it was filled in by a rule; otherwise it is in the records.
    pub generated: bool,
}

impl Figure {
    fn recorded(value: u32) -> Self {
        Self {
            value,
            generated: false,
        }
    }

    fn or_generated(known: Option<u32>, generate: impl FnOnce() -> u32) -> Self {
        known.map_or_else(
            || Self {
                value: generate(),
                generated: true,
            },
            Self::recorded,
        )
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generated {
            true => write!(f, "{} (generated)", self.value),
            false => write!(f, "{}", self.value),
        }
    }
}

/// A night's figures, none of them missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Games played.
    pub games: Figure,
    /// Players with a game.
    pub listed: Figure,
    /// Players with a feature row.
    pub feature_rows: Figure,
    /// Players with a production-ready feature row.
    pub ready: Figure,
    /// Players that were dispatched that night.
    pub requested: Figure,
    /// Players that were answered that night.
    pub answered: Figure,
    /// Of the answers: skips for a reason that no retry mends.
    pub permanent_skips: Figure,
    /// Ready players that pass the minutes filter, so those that there are to dispatch. As many as were requested,
    /// except where the records say that players were held back by a fault and not by the filter.
    pub passing: u32,
}

impl Figures {
    /// Fills what is not known: games = listed / 34 (or feature rows / 21, or requested / 17, or 2 to 14), listed =
    /// 34 a game, feature rows 14 to 36 a game, ready = requested or 43 to 93 % of the feature rows, requested =
    /// ready, answered = requested, permanent skips = 12 % of the answered.
    pub fn fill(night: &Night, seed: u64) -> Self {
        let mut random = random(seed, night.game_date, "figures");
        let trouble = trouble(night.game_date);
        let games = Figure::or_generated(night.games, || games(night, &mut random));
        let feature_rows = Figure::or_generated(night.feature_rows, || {
            feature_rows(night, games.value, &mut random)
        });
        let listed = Figure::or_generated(night.listed, || {
            (games.value * LISTED_PER_GAME).max(feature_rows.value)
        });
        let ready = Figure::or_generated(night.ready, || {
            let percent = random.random_range(READY_PERCENT.0..=READY_PERCENT.1);
            let requested = night.requested.filter(|requested| *requested > 0);
            requested.unwrap_or(feature_rows.value * percent / 100)
        });
        let requested = Figure::or_generated(night.requested, || ready.value);
        let answered = Figure::or_generated(night.answered, || requested.value);
        Self {
            games,
            listed,
            feature_rows,
            ready,
            requested,
            answered,
            permanent_skips: permanent_skips(night, trouble, requested, answered),
            passing: match trouble.held_back_units() {
                true => ready.value,
                false => requested.value.min(ready.value),
            },
        }
    }
}

fn games(night: &Night, random: &mut StdRng) -> u32 {
    let told = [
        (night.listed, LISTED_PER_GAME),
        (night.feature_rows, FEATURES_PER_GAME_USUAL),
        (night.requested, REQUESTED_PER_GAME_USUAL),
    ];
    told.into_iter()
        .find_map(|(known, per_game)| known.map(|known| (known + per_game / 2) / per_game))
        .unwrap_or_else(|| random.random_range(2..=14))
        .clamp(1, GAMES_MAX)
}

fn feature_rows(night: &Night, games: u32, random: &mut StdRng) -> u32 {
    let ready = night.ready.or(night.requested).unwrap_or(0);
    let listed = night.listed.unwrap_or(games * FEATURES_PER_GAME_MAX);
    // So many that the ready share is one that real nights had.
    let fewest = (games * FEATURES_PER_GAME_MIN).max((ready * 100).div_ceil(READY_PERCENT.1));
    let most = (games * FEATURES_PER_GAME_MAX).min(listed.max(ready));
    random.random_range(fewest.min(most)..=most)
}

fn permanent_skips(night: &Night, trouble: Trouble, requested: Figure, answered: Figure) -> Figure {
    match trouble {
        // The note says so: those not answered were the players out.
        Trouble::PlayersOut => Figure::recorded(requested.value - answered.value),
        // Skips are what was not answered; a night whose workers all fail has none.
        Trouble::SkipsSilent | Trouble::SchemaDrift => Figure::recorded(0),
        Trouble::None
        | Trouble::WorkersGone
        | Trouble::WorkersGoneAllNight
        | Trouble::RowsNotStored
        | Trouble::NothingSent
        | Trouble::Burst
        | Trouble::LateLines
        | Trouble::GameDark
        | Trouble::WrongDay
        | Trouble::RollingEmpty
        | Trouble::ScoresCapped => {
            let designed = night == Night::designed();
            Figure::or_generated(designed.then_some(0), || {
                (answered.value * PERMANENT_SKIPS_PERCENT + 50) / 100
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Figures};
    use crate::demo::night::Night;

    fn figures(date: &str) -> Figures {
        let game_date = crate::domain::ids::GameDate(date.parse().unwrap());
        Figures::fill(Night::find(game_date).unwrap(), 7)
    }

    #[test]
    fn what_is_recorded_stays_and_what_is_not_is_marked() {
        for night in Night::all() {
            let figures = Figures::fill(night, 7);
            let pairs = [
                (night.games, figures.games),
                (night.listed, figures.listed),
                (night.feature_rows, figures.feature_rows),
                (night.ready, figures.ready),
                (night.requested, figures.requested),
                (night.answered, figures.answered),
            ];
            for (known, figure) in pairs {
                assert_eq!(figure.generated, known.is_none(), "{}", night.game_date);
                assert!(
                    known.is_none_or(|known| known == figure.value),
                    "{}",
                    night.game_date
                );
            }
        }
    }

    #[test]
    fn every_seed_gives_figures_that_fit_together() {
        for seed in 0..50 {
            for night in Night::all() {
                let figures = Figures::fill(night, seed);
                let told = format!("{} with seed {seed}: {figures:?}", night.game_date);
                assert!(figures.passing <= figures.ready.value, "{told}");
                assert!(figures.ready.value <= figures.feature_rows.value, "{told}");
                assert!(figures.feature_rows.value <= figures.listed.value, "{told}");
                assert!(figures.answered.value <= figures.requested.value, "{told}");
            }
        }
    }

    #[test]
    fn the_designed_night_is_as_designed() {
        let figures = figures("2025-11-28");
        assert_eq!(
            (figures.listed.value, figures.feature_rows.value),
            (450, 450)
        );
        assert_eq!((figures.ready.value, figures.passing), (420, 420));
        assert_eq!(
            figures.permanent_skips,
            Figure {
                value: 0,
                generated: false
            }
        );
        assert_eq!(
            figures.games,
            Figure {
                value: 13,
                generated: true
            }
        );
        assert_eq!(figures.games.to_string(), "13 (generated)");
    }

    #[test]
    fn players_held_back_by_a_fault_are_there_to_dispatch_and_filtered_ones_are_not() {
        assert_eq!(figures("2026-02-11").passing, 113);
        assert_eq!(figures("2026-02-09").passing, 95);
        assert!(figures("2026-01-27").passing > 100);
        assert_eq!(figures("2026-03-02").passing, 0);
        assert_eq!(
            figures("2026-02-05").permanent_skips,
            Figure {
                value: 17,
                generated: false
            }
        );
    }
}
