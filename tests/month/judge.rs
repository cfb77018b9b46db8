//! Whether a service stays the same over a month: the last nights against the first ones.
//!
//! What is measured, and when, belongs to `sample`.

use super::sample::{MEASURES, Sample};

/// Nights until everything that is kept ready has been made once.
pub const WARM_UP: usize = 3;
/// Nights at each end that are compared.
pub const COMPARED: usize = 10;

/// What one figure may be more at the end than at the beginning.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// So much more, in its own unit.
    pub more: f64,
}

/// What grew further than it may.
///
/// # Panics
///
/// When there are too few nights to compare.
pub fn grown(samples: &[Sample]) -> Vec<String> {
    let samples = &samples[WARM_UP..];
    assert!(samples.len() >= 2 * COMPARED, "{} nights", samples.len());
    let (first, last) = (&samples[..COMPARED], &samples[samples.len() - COMPARED..]);
    let measures = MEASURES.iter();
    measures
        .filter_map(|(limit, of)| {
            let most = |nights: &[Sample]| nights.iter().map(of).fold(f64::MIN, f64::max);
            let (before, after) = (most(first), most(last));
            let name = limit.name;
            (after > before + limit.more).then(|| {
                format!("{name}: at most {before:.0} on the first nights, {after:.0} on the last")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Sample, grown};

    /// A month on which a figure changes by so much a night, and by a little to and fro.
    fn month(change: impl Fn(&mut Sample, f64)) -> Vec<Sample> {
        let night = |number: u32| {
            let mut sample = Sample {
                memory_bytes: 60e6 + f64::from(number % 3) * 1e6,
                handles: 40.0 + f64::from(number % 2),
                threads: 10.0,
                tasks: 12.0,
                metrics_bytes: 90_000.0 + f64::from(number % 5) * 20.0,
                series: 1_100.0,
                night_bytes: 200_000.0 + f64::from(number % 4) * 4_096.0,
            };
            change(&mut sample, f64::from(number));
            sample
        };
        (0..31).map(night).collect()
    }

    #[test]
    fn a_month_that_stays_the_same_is_flat() {
        assert_eq!(grown(&month(|_, _| ())), [""; 0]);
    }

    #[test]
    fn whatever_grows_a_little_every_night_is_found_by_its_name() {
        type Leak = fn(&mut Sample, f64);
        let leaks: [(&str, Leak); 7] = [
            ("memory", |it, night| it.memory_bytes += night * 1e6),
            ("open handles", |it, night| it.handles += night),
            ("threads", |it, night| it.threads += night),
            ("tasks", |it, night| it.tasks += night),
            ("bytes of /metrics", |it, night| {
                it.metrics_bytes += night * 500.0
            }),
            ("series of /metrics", |it, night| it.series += night),
            ("bytes of the store a night", |it, night| {
                it.night_bytes += night * 4_096.0;
            }),
        ];
        for (name, leak) in leaks {
            let found = grown(&month(leak));
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].starts_with(&format!("{name}:")), "{found:?}");
        }
    }
}
