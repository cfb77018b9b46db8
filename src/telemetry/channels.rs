//! How messages stand on each channel, and whether people are reached at all: gauges set from what the store holds.
//!
//! Tries to deliver are counted by `measure`.

use super::{
    Metrics, catalogue,
    show::{holds, since, unix_seconds},
};
use crate::{
    domain::{Instant, ids::ChannelId},
    ports::deliveries::ChannelFigures,
};

/// One configured channel.
#[derive(Debug, Clone, Copy)]
pub struct ChannelGauges<'a> {
    /// Its name.
    pub channel: &'a ChannelId,
    /// How messages stand; `None`: it never had one.
    pub figures: Option<&'a ChannelFigures>,
    /// It does not take messages.
    pub failing: bool,
    /// It leads to people; the process's own output does not.
    pub reaches_people: bool,
}

/// Sets every gauge of every configured channel. `unheard_since`: when the oldest waiting message was decided that
/// has reached nobody.
pub fn show_channels(
    metrics: &Metrics,
    channels: &[ChannelGauges<'_>],
    unheard_since: Option<Instant>,
    now: Instant,
) {
    for one in channels {
        let name = one.channel.as_str();
        let waiting = one.figures.map_or(0, |figures| figures.waiting);
        let oldest_at = one.figures.and_then(|figures| figures.oldest_at);
        let done_at = one.figures.and_then(|figures| figures.done_at);
        let gauges = [
            (&catalogue::CHANNEL_WAITING, waiting as f64),
            (&catalogue::CHANNEL_OLDEST, since(oldest_at, now)),
            (&catalogue::CHANNEL_DONE, done_at.map_or(0.0, unix_seconds)),
            (&catalogue::CHANNEL_FAILING, holds(one.failing)),
        ];
        for (entry, value) in gauges {
            metrics.set(entry, &[name], value);
        }
    }
    let reaching = channels
        .iter()
        .filter(|one| one.reaches_people && !one.failing);
    metrics.set(&catalogue::REACHING_CHANNELS, &[], reaching.count() as f64);
    metrics.set(&catalogue::UNHEARD_AGE, &[], since(unheard_since, now));
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{ChannelGauges, show_channels};
    use crate::{
        domain::{Instant, ids::ChannelId},
        ports::deliveries::ChannelFigures,
        telemetry::{Metrics, expose, labels::Sets},
    };

    fn now() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    #[track_caller]
    fn assert_shows(metrics: &Metrics, lines: &[&str]) {
        let text = expose(metrics);
        for line in lines {
            assert!(
                text.contains(&format!("\n{line}\n")),
                "no `{line}` in {text}"
            );
        }
    }

    #[test]
    fn only_channels_that_lead_to_people_and_work_reach_them() {
        let names = ["console", "email", "slack"].map(ChannelId::new);
        let metrics = Metrics::of(&Sets {
            channels: names.to_vec(),
            ..Sets::default()
        });
        let slack = ChannelFigures {
            channel: names[2].clone(),
            waiting: 3,
            oldest_at: Some(now() - TimeDelta::minutes(7)),
            done_at: Some(now() - TimeDelta::hours(1)),
        };
        let channels = [
            (&names[0], None, false, false),
            (&names[1], None, false, true),
            (&names[2], Some(&slack), true, true),
        ];
        let channels = channels.map(
            |(channel, figures, failing, reaches_people)| ChannelGauges {
                channel,
                figures,
                failing,
                reaches_people,
            },
        );
        let unheard_since = Some(now() - TimeDelta::seconds(90));
        show_channels(&metrics, &channels, unheard_since, now());
        let lines = [
            "tipoff_reaching_channels 1",
            "tipoff_unheard_age_seconds 90",
            "tipoff_channel_failing{channel=\"slack\"} 1",
            "tipoff_channel_failing{channel=\"email\"} 0",
            "tipoff_channel_waiting_deliveries{channel=\"slack\"} 3",
            "tipoff_channel_oldest_age_seconds{channel=\"slack\"} 420",
            "tipoff_channel_done_timestamp_seconds{channel=\"slack\"} 1768831200",
            "tipoff_channel_done_timestamp_seconds{channel=\"email\"} 0",
        ];
        assert_shows(&metrics, &lines);
        show_channels(&metrics, &channels[..1], None, now());
        let alone = ["tipoff_reaching_channels 0", "tipoff_unheard_age_seconds 0"];
        assert_shows(&metrics, &alone);
    }
}
