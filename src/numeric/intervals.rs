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

/// `t_{n-1}(0.975) s / sqrt(n)`, where that is a number.
fn half_width(values: &[f64], mean: f64) -> Option<f64> {
    let n = values.len() as f64;
    let freedom = n - 1.0;
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / freedom;
    let half_width = student.inverse_cdf(0.5 + 0.5 * LEVEL) * (variance / n).sqrt();
    half_width.is_finite().then_some(half_width)
}
