//! Reading a season file: its span and the dates without games.
//!
//! What a season means for a date belongs to `domain::calendar`.

use std::{collections::BTreeSet, path::Path};

use chrono::NaiveDate;
use serde::Deserialize;

use super::{Error, from_toml};
use crate::domain::calendar::Season;

const NBA_2025_26: &str = include_str!("seasons/nba-2025-26.toml");

/// A season file. TOML dates are written without quotes in the file and read as text here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    from: toml::value::Datetime,
    until: toml::value::Datetime,
    without_games: Vec<toml::value::Datetime>,
}

/// The season shipped under this name, or `None` for the name `none`.
pub(super) fn shipped(name: &str, field: &str) -> Result<Option<Season>, Error> {
    match name {
        "none" => Ok(None),
        "nba-2025-26" => parse(NBA_2025_26, "the shipped season nba-2025-26").map(Some),
        other => Err(Error::value(
            field,
            format!("{other:?}"),
            "write \"nba-2025-26\", \"none\", or name your own file with season_file",
        )),
    }
}

/// The season of a file.
pub(super) fn read(path: &Path) -> Result<Season, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        what: "the season file".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    parse(&text, &format!("the season file {}", path.display()))
}

fn parse(text: &str, what: &str) -> Result<Season, Error> {
    let file: File = from_toml(what, text)?;
    let season = Season {
        from: date(file.from, what)?,
        until: date(file.until, what)?,
        without_games: file
            .without_games
            .into_iter()
            .map(|written| date(written, what))
            .collect::<Result<BTreeSet<_>, _>>()?,
    };
    if season.until < season.from {
        return Err(Error::value(
            format!("until in {what}"),
            season.until,
            format!("write a date from {} on", season.from),
        ));
    }
    let span = season.from..=season.until;
    if let Some(outside) = season.without_games.iter().find(|day| !span.contains(day)) {
        return Err(Error::value(
            format!("without_games in {what}"),
            outside,
            format!(
                "a date outside the span is unknown: remove it, or widen {} to {}",
                season.from, season.until
            ),
        ));
    }
    Ok(season)
}

fn date(written: toml::value::Datetime, what: &str) -> Result<NaiveDate, Error> {
    written.to_string().parse().map_err(|_| {
        Error::value(
            format!("a date in {what}"),
            written,
            "write a date alone, such as 2025-11-27",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{NaiveDate, parse, shipped};
    use crate::domain::{calendar::Expectation, ids::GameDate};

    #[test]
    fn the_shipped_season_has_the_months_it_is_known_to_have() {
        let season = shipped("nba-2025-26", "season").unwrap().unwrap();
        for (month, games) in [
            ("2025-10", 11),
            ("2025-11", 29),
            ("2025-12", 30),
            ("2026-01", 31),
            ("2026-02", 22),
            ("2026-03", 31),
        ] {
            let first: NaiveDate = format!("{month}-01").parse().unwrap();
            let days = first
                .iter_days()
                .take_while(|day| day.to_string().starts_with(month));
            let dates = days.filter(|day| season.expectation(GameDate(*day)) == Expectation::Games);
            assert_eq!(dates.count(), games, "{month}");
        }
        assert_eq!(
            season.expectation(GameDate("2026-04-13".parse().unwrap())),
            Expectation::Unknown
        );
    }

    #[test]
    fn a_season_that_contradicts_itself_is_refused() {
        for (text, fix) in [
            (
                "from = 2026-01-02\nuntil = 2026-01-01\nwithout_games = []",
                "2026-01-02 on",
            ),
            (
                "from = 2026-01-01\nuntil = 2026-01-31\nwithout_games = [2026-02-01]",
                "outside the span",
            ),
            (
                "from = 2026-01-01T00:00:00Z\nuntil = 2026-01-31\nwithout_games = []",
                "a date alone",
            ),
            (
                "from = 2026-01-01\nuntil = 2026-01-31\nwithout = []",
                "unknown field",
            ),
        ] {
            let error = parse(text, "a season").unwrap_err().to_string();
            assert!(error.contains(fix), "{error}");
        }
    }
}
