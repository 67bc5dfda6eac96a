//! How likely the samples are under the density of the data (G 24-25), in three numbers.

use serde::Serialize;

/// Summary of the log-densities `l_i = log p(x_i)` of a set of samples under the true data density
/// (G 24-25).
///
/// The mean alone misleads: a few samples far from all data pull it down without bound. The median
/// shows the typical sample, and `off_support` how many are far out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogLikelihoodStats {
    /// `1/n sum_i l_i` (G 24).
    pub mean: f64,
    /// The middle one of the sorted `l_i`, or the mean of the middle two.
    pub median: f64,
    /// Fraction of samples less likely than every real point: `1/n #{ i : l_i < min_real l }`.
    pub off_support: f64,
}

/// Mean, median and off-support fraction of the log-densities of `n` samples. `smallest_real` is the
/// smallest log-density among real points.
///
/// Sums run in the order given, so that the result does not depend on threads. A log-density that is
/// NaN makes mean and median NaN and counts as off-support; with no samples at all three are NaN.
///
/// # Examples
///
/// ```
/// let stats = gdiff::metrics::log_likelihood_stats(&[-1.0, -2.0, -9.0, -4.0], -5.0);
/// assert_eq!((stats.mean, stats.median, stats.off_support), (-4.0, -3.0, 0.25));
/// ```
pub fn log_likelihood_stats(log_density: &[f64], smallest_real: f64) -> LogLikelihoodStats {
    let n = log_density.len();
    let mean = log_density.iter().sum::<f64>() / n as f64;
    let off = log_density.iter().filter(|l| l.is_nan() || **l < smallest_real).count();
    LogLikelihoodStats { mean, median: median(log_density), off_support: off as f64 / n as f64 }
}

/// The median; NaN when there are no values or one is NaN.
fn median(values: &[f64]) -> f64 {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    let (below, &mut upper, _) = sorted.select_nth_unstable_by(values.len() / 2, f64::total_cmp);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if lower == upper { upper } else { 0.5 * lower + 0.5 * upper }
}
