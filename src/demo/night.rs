//! Figures of game nights that happened, as far as they are known.
//!
//! What is not known is filled in `figures`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::ids::GameDate;

const NIGHTS: &str = include_str!("nights.csv");

/// The night the system was designed for.
const DESIGNED: &str = "2025-11-28";

static ALL: LazyLock<Vec<Night>> = LazyLock::new(|| {
    csv::Reader::from_reader(NIGHTS.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("the file is compiled in, and a test reads it")
});

/// One game night as a coordinator saw it; `None` is not known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Night {
    /// The date.
    pub game_date: GameDate,
    /// Games played.
    pub games: Option<u32>,
    /// Players with a game.
    pub listed: Option<u32>,
    /// Players with a feature row.
    pub feature_rows: Option<u32>,
    /// Players with a production-ready feature row.
    pub ready: Option<u32>,
    /// Players that were dispatched.
    pub requested: Option<u32>,
    /// Players that were answered.
    pub answered: Option<u32>,
    /// Columns that are derived, not recorded, with semicolons between.
    pub inferred: Option<String>,
    /// What is remembered of it.
    pub note: Option<String>,
}

impl Night {
    /// All nights there are figures of, by date.
    pub fn all() -> &'static [Night] {
        &ALL
    }

    /// The night of a date, if there are figures of it.
    pub fn find(game_date: GameDate) -> Option<&'static Night> {
        Self::all()
            .iter()
            .find(|night| night.game_date == game_date)
    }

    /// The night the system was designed for: 450 listed, 420 ready, all of them answered.
    pub fn designed() -> &'static Night {
        Self::all()
            .iter()
            .find(|night| night.game_date.to_string() == DESIGNED)
            .expect("the file is compiled in, and a test finds the night in it")
    }

    /// A night of which nothing is known but its date.
    pub fn unknown(game_date: GameDate) -> Night {
        Night {
            game_date,
            games: None,
            listed: None,
            feature_rows: None,
            ready: None,
            requested: None,
            answered: None,
            inferred: None,
            note: None,
        }
    }

    /// What went wrong that night; `None` where nothing is remembered to have.
    pub fn missed(&self) -> Option<&str> {
        let harmless = ["clean", "healthy", "small slate"];
        self.note
            .as_deref()
            .filter(|note| !harmless.contains(note) && !note.starts_with("the designed night"))
            .filter(|_| self.games != Some(0))
    }

    /// Whether the figure of that column is derived, not recorded.
    pub fn is_inferred(&self, column: &str) -> bool {
        self.inferred
            .as_deref()
            .is_some_and(|inferred| inferred.split(';').any(|name| name == column))
    }
}

#[cfg(test)]
mod tests {
    use super::Night;
    use crate::domain::ids::GameDate;

    #[test]
    fn an_empty_field_is_not_known_and_never_zero() {
        let date = GameDate("2026-01-11".parse().unwrap());
        let night = Night::find(date).unwrap();
        assert_eq!(night.feature_rows, None);
        assert_eq!((night.requested, night.answered), (Some(218), Some(78)));
        assert!(
            night.is_inferred("games")
                && night.is_inferred("ready")
                && !night.is_inferred("listed")
        );
        assert_eq!(night.missed(), Some("workers scaled to zero"));
        let empty = Night::find(GameDate("2026-02-13".parse().unwrap())).unwrap();
        assert_eq!((empty.games, empty.missed()), (Some(0), None));
    }

    #[test]
    fn the_shipped_nights_are_read_in_the_order_of_their_dates() {
        let nights = Night::all();
        assert_eq!(nights.len(), 26);
        assert!(nights.is_sorted_by_key(|night| night.game_date));
        let designed = Night::designed();
        assert_eq!(
            (designed.listed, designed.ready, designed.missed()),
            (Some(450), Some(420), None)
        );
    }
}
