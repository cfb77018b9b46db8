//! How far a chart's scale reaches.
//!
//! Drawing belongs to `draw`.

/// Share of the height that stays free above every mark, for its number.
pub const HEAD_SHARE: f64 = 0.12;

/// From 0 to a little above the highest sample: at least 1.6 times the promise, so that its line is inside, and at
/// most 4 times it, so that one bad night does not press the others flat.
pub fn from_zero(promise: f64, samples: Vec<f64>) -> (f64, f64) {
    let promise = promise.max(0.1);
    let highest = samples.into_iter().filter(|it| it.is_finite());
    let highest = highest.fold(0.0, f64::max);
    (0.0, (highest * 1.2).clamp(promise * 1.6, promise * 4.0))
}

/// From a ten below the lowest sample, and well below the promise, to a little above 100.
pub fn to_hundred(promise: f64, samples: Vec<f64>) -> (f64, f64) {
    let lowest = samples.into_iter().filter(|it| it.is_finite());
    let lowest = lowest.fold(promise - 10.0, f64::min);
    let lower = ((lowest - 5.0) / 10.0).floor() * 10.0;
    let lower = lower.clamp(0.0, 90.0);
    (lower, 100.0 + (100.0 - lower) * 0.16)
}
