//! Means over replicates, with their 95 % confidence intervals.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The level of every interval that is reported.
const LEVEL: f64 = 0.95;

/// A mean with the half-width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The sample mean.
    pub mean: f64,
    /// Half the width of the interval; `None` for fewer than two values, or if any is not finite.
    pub half_width: Option<f64>,
    /// How many values there were.
    pub n: usize,
}

impl Interval {
    /// The ends of the interval, cut at the smallest and the largest value that there can be; none where it has no width.
    pub fn ends_within(&self, range: (f64, f64)) -> Option<(f64, f64)> {
        self.half_width.map(|half| ((self.mean - half).max(range.0), (self.mean + half).min(range.1)))
    }
}

/// Mean and 95 % Student-t interval of independent values; `None` when there are none.
///
/// # Formula
///
/// `mean = 1/n sum_i v_i`, `half_width = t_{n-1}(0.975) s / sqrt(n)`, with
/// `s^2 = 1/(n-1) sum_i (v_i - mean)^2` and `t_{n-1}` the quantile function of Student's t.
///
/// # Examples
///
/// ```
/// let interval = gdiff::numeric::intervals::mean_interval(&[1.0, 2.0, 3.0]).unwrap();
/// assert_eq!(interval.mean, 2.0);
/// assert!((interval.half_width.unwrap() - 4.302653 / 3f64.sqrt()).abs() < 1e-6);
/// ```
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    Some(Interval { mean, half_width: half_width(values, mean), n })
}

/// Mean and its standard error `s / sqrt(n)` of independent values; the error of a single one is 0.
pub fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n * (n - 1.0).max(1.0))).sqrt())
}

/// Interval of the mean difference `a_i - b_i` between paired values, such as two pipelines on the same
/// replicate (same data, same noise); `None` when the lengths differ or are 0.
///
/// Pairing takes out what both share, so the interval is narrower than the two separate ones suggest.
pub fn paired_difference(a: &[f64], b: &[f64]) -> Option<Interval> {
    if a.len() != b.len() {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    mean_interval(&differences)
}

/// Difference `mean(a) - mean(b)` of the means of two independent sets of values, with Welch's 95 % interval, which does
/// not suppose that both have the same variance; `n` is the number of values in both together. `None` where one of them
/// is empty; no half-width where one of them has a single value.
///
/// # Formula
///
/// With `u = s_a^2 / n_a`, `v = s_b^2 / n_b`: `half_width = t_f(0.975) sqrt(u + v)`, where
/// `f = (u + v)^2 / (u^2 / (n_a - 1) + v^2 / (n_b - 1))` (Welch and Satterthwaite).
pub fn unpaired_difference(a: &[f64], b: &[f64]) -> Option<Interval> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let half_width = welch_half_width((a, mean(a)), (b, mean(b)));
    Some(Interval { mean: mean(a) - mean(b), half_width, n: a.len() + b.len() })
}

/// `t_f(0.975) sqrt(u + v)`, where that is a number.
fn welch_half_width((a, mean_a): (&[f64], f64), (b, mean_b): (&[f64], f64)) -> Option<f64> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let (a_freedom, b_freedom) = (a.len() as f64 - 1.0, b.len() as f64 - 1.0);
    let (u, v) = (variance(a, mean_a) / a.len() as f64, variance(b, mean_b) / b.len() as f64);
    if u + v == 0.0 {
        return Some(0.0);
    }
    let freedom = (u + v).powi(2) / (u * u / a_freedom + v * v / b_freedom);
    let half_width = t_quantile(freedom)? * (u + v).sqrt();
    half_width.is_finite().then_some(half_width)
}

/// `t_f(0.975)`: the half-width of a 95 % interval in standard errors; none without freedom.
pub(super) fn t_quantile(freedom: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + 0.5 * LEVEL))
}

/// `sqrt(1/(n-1) sum_i (v_i - mean)^2)`; none of fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean_interval(values)?.mean;
    (values.len() > 1).then(|| variance(values, mean).sqrt())
}

/// `1/(n-1) sum_i (v_i - mean)^2`.
fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// `t_{n-1}(0.975) s / sqrt(n)`, where that is a number.
fn half_width(values: &[f64], mean: f64) -> Option<f64> {
    let n = values.len() as f64;
    let half_width = t_quantile(n - 1.0)? * (variance(values, mean) / n).sqrt();
    half_width.is_finite().then_some(half_width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scipy's `ttest_ind(equal_var=False)`: see scripts/oracles/welch.py.
    const ORACLE: &str = include_str!("../../tests/oracles/welch.json");

    /// Two samples, the difference of their means, and the ends of its interval.
    type Case = (Vec<f64>, Vec<f64>, f64, f64, f64);

    #[test]
    fn the_unpaired_interval_is_that_of_welchs_test() {
        let cases: Vec<Case> = serde_json::from_str(ORACLE).unwrap();
        assert!(cases.len() > 10);
        for (a, b, mean, low, high) in cases {
            let found = unpaired_difference(&a, &b).unwrap();
            let ends = found.ends_within((f64::NEG_INFINITY, f64::INFINITY)).unwrap();
            for (found, expected) in [(found.mean, mean), (ends.0, low), (ends.1, high)] {
                let gap = (found - expected).abs();
                assert!(gap < 1e-7 * (high - low), "{a:?} {b:?}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn too_few_values_have_no_unpaired_interval() {
        assert_eq!(unpaired_difference(&[], &[1.0]), None);
        let alone = unpaired_difference(&[3.0, 4.0], &[1.0]).unwrap();
        assert_eq!((alone.mean, alone.half_width, alone.n), (2.5, None, 3));
        // Values without any spread.
        assert_eq!(unpaired_difference(&[3.0, 3.0], &[1.0, 1.0]).unwrap().half_width, Some(0.0));
        assert_eq!(unpaired_difference(&[f64::NAN, 3.0], &[1.0, 1.0]).unwrap().half_width, None);
    }

    #[test]
    fn an_interval_is_cut_at_what_there_can_be() {
        let interval = Interval { mean: 0.9, half_width: Some(0.25), n: 3 };
        assert_eq!(interval.ends_within((0.0, 1.0)), Some((0.65, 1.0)));
        assert_eq!(Interval { half_width: None, ..interval }.ends_within((0.0, 1.0)), None);
    }
}
