//! What nights usually look like: medians of the last ten, frozen in a run at its opening.
//!
//! Which nights there are is the store's to say.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{seconds, trigger::Source};

/// Nights a baseline looks back.
pub const NIGHTS_MAX: u32 = 10;

/// One past night's figures, as its run left them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// What started it; `None`: nothing did.
    pub started_by: Option<Source>,
    /// From the run's opening to the upstream's finish, in seconds.
    pub finish_after_opening_seconds: Option<i64>,
    /// Ready share of the feature rows, 0 to 1.
    pub ready_share: Option<f64>,
    /// Share of expected units that were not ready, 0 to 1.
    pub readiness_gap: Option<f64>,
    /// Ready units a game.
    pub ready_per_game: Option<f64>,
    /// Seconds from the first dispatch to the last answer, per unit dispatched.
    pub seconds_per_unit: Option<f64>,
}

/// Medians of the nights known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// How many nights were looked at, at most [`NIGHTS_MAX`].
    pub nights: u32,
    /// Whether the game night before was not started by its event.
    pub last_without_event: bool,
    /// Median ready share.
    pub ready_share: Option<f64>,
    /// Median readiness gap.
    pub readiness_gap: Option<f64>,
    /// Median ready units a game.
    pub ready_per_game: Option<f64>,
    /// Median seconds a unit took.
    pub seconds_per_unit: Option<f64>,
    /// Median time from opening to the upstream's finish.
    #[serde(with = "optional_seconds")]
    pub usual_finish: Option<TimeDelta>,
    /// Longest time from opening to the upstream's finish.
    #[serde(with = "optional_seconds")]
    pub slowest_finish: Option<TimeDelta>,
}

impl Baseline {
    /// The medians of the last nights, latest first.
    pub fn of(nights: &[Night]) -> Self {
        let finishes = || {
            nights
                .iter()
                .filter_map(|night| night.finish_after_opening_seconds)
        };
        let of =
            |figure: fn(&Night) -> Option<f64>| median(nights.iter().filter_map(figure).collect());
        Self {
            nights: u32::try_from(nights.len()).unwrap_or(NIGHTS_MAX),
            last_without_event: nights
                .first()
                .is_some_and(|night| night.started_by != Some(Source::Event)),
            ready_share: of(|night| night.ready_share),
            readiness_gap: of(|night| night.readiness_gap),
            ready_per_game: of(|night| night.ready_per_game),
            seconds_per_unit: of(|night| night.seconds_per_unit),
            usual_finish: median(finishes().map(|seconds| seconds as f64).collect())
                .map(|seconds| TimeDelta::seconds(seconds as i64)),
            slowest_finish: finishes().max().map(TimeDelta::seconds),
        }
    }

    /// The figure, once enough nights are known to trust it.
    pub fn trusted(&self, figure: Option<f64>, nights_known_min: u32) -> Option<f64> {
        figure.filter(|_| self.nights >= nights_known_min)
    }
}

/// The middle value; the mean of the two middle ones where their number is even.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 {
        upper
    } else {
        (values[middle - 1] + upper) / 2.0
    })
}

mod optional_seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{TimeDelta, seconds};

    #[derive(Serialize, Deserialize)]
    struct Seconds(#[serde(with = "seconds")] TimeDelta);

    pub fn serialize<S: Serializer>(
        length: &Option<TimeDelta>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        length.map(Seconds).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<TimeDelta>, D::Error> {
        Ok(Option::<Seconds>::deserialize(deserializer)?.map(|length| length.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Night, median};
    use crate::domain::trigger::Source;

    fn night(started_by: Option<Source>, share: f64, finish: i64) -> Night {
        Night {
            started_by,
            finish_after_opening_seconds: Some(finish),
            ready_share: Some(share),
            readiness_gap: None,
            ready_per_game: None,
            seconds_per_unit: None,
        }
    }

    #[test]
    fn no_nights_make_no_baseline() {
        let baseline = Baseline::of(&[]);
        assert_eq!(baseline, Baseline::default());
        assert!(!baseline.last_without_event);
    }

    #[test]
    fn the_middle_value_counts_and_the_slowest_is_kept() {
        let nights = [
            night(Some(Source::Backup), 0.9, 300),
            night(Some(Source::Event), 0.5, 900),
            night(None, 0.7, 600),
        ];
        let baseline = Baseline::of(&nights);
        assert_eq!(baseline.ready_share, Some(0.7));
        assert_eq!(baseline.usual_finish, Some(chrono::TimeDelta::seconds(600)));
        assert_eq!(
            baseline.slowest_finish,
            Some(chrono::TimeDelta::seconds(900))
        );
        assert!(baseline.last_without_event);
        assert_eq!(
            baseline.trusted(baseline.ready_share, 10),
            None,
            "three nights are too few"
        );
        assert_eq!(baseline.trusted(baseline.ready_share, 3), Some(0.7));
        let text = serde_json::to_string(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
    }

    #[test]
    fn an_even_number_of_values_has_the_mean_of_its_middle_two() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
