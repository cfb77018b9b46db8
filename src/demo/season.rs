//! A season made of the remembered nights alone: every other date is one without games.
//!
//! The nights' figures belong to `night`; playing them belongs to `commands`.

use std::collections::BTreeSet;

use super::night::Night;
use crate::domain::calendar::Season;

/// The season that has games on these nights and on no other date, so that nothing is promised for a date there are
/// no figures of; `None` without a night. A night that had no games keeps having none.
pub fn calendar(nights: &[Night]) -> Option<Season> {
    let date = |night: &Night| night.game_date.0;
    let from = nights.iter().map(date).min()?;
    let until = nights.iter().map(date).max()?;
    let played: BTreeSet<_> = nights
        .iter()
        .filter(|night| night.games != Some(0))
        .map(date)
        .collect();
    let dates = from.iter_days().take_while(|day| *day <= until);
    Some(Season {
        from,
        until,
        without_games: dates.filter(|day| !played.contains(day)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Night, calendar};
    use crate::domain::{calendar::Expectation, ids::GameDate};

    #[test]
    fn only_remembered_nights_have_games_and_the_empty_one_has_none() {
        assert_eq!(calendar(&[]), None);
        let season = calendar(Night::all()).unwrap();
        let of = |date: &str| season.expectation(GameDate(date.parse().unwrap()));
        assert_eq!(of("2025-11-28"), Expectation::Games);
        assert_eq!(of("2025-11-29"), Expectation::NoGames);
        assert_eq!(of("2026-02-13"), Expectation::NoGames);
        assert_eq!(of("2026-03-02"), Expectation::Games);
        assert_eq!(of("2026-03-03"), Expectation::Unknown);
        let played = Night::all().iter().filter(|night| night.games != Some(0));
        let without = season.without_games.len() as i64;
        let span = (season.until - season.from).num_days() + 1;
        assert_eq!(span - without, played.count() as i64);
    }
}
