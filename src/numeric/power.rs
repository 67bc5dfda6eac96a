//! How many replicates tell a difference: the power of the paired two-sided t-test at the 5 % level, which says "told"
//! where the 95 % interval of the mean difference leaves out 0.

use super::intervals::t_quantile;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// The level of the test.
const LEVEL: f64 = 0.05;

/// The power that is asked for: a difference of the stated size is told four times in five.
pub const POWER: f64 = 0.8;

/// Points of the quadrature over the sample's standard deviation.
const QUADRATURE: usize = 400;

/// More replicates than this are no answer.
pub const MOST_REPLICATES: usize = 1_000_000;

/// The probability that `n` replicates tell a true difference of `ratio` standard deviations of the differences.
///
/// # Formula
///
/// With `t` the 97.5 % quantile of Student's t with `n - 1` degrees of freedom, `lambda = ratio sqrt(n)` and `s` the ratio
/// of the sample's standard deviation to the true one, `s^2 (n - 1)` chi-squared:
/// `E_s[Phi(lambda - t s) + Phi(-lambda - t s)]`, by the midpoint rule over the quantiles of `s`.
pub fn power(ratio: f64, n: usize) -> Option<f64> {
    let freedom = n.checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    let t = t_quantile(freedom)?;
    let chi = ChiSquared::new(freedom).ok()?;
    let normal = Normal::standard();
    let lambda = ratio.abs() * (n as f64).sqrt();
    let told = |i: usize| {
        let s = (chi.inverse_cdf((i as f64 + 0.5) / QUADRATURE as f64) / freedom).sqrt();
        normal.cdf(lambda - t * s) + normal.cdf(-lambda - t * s)
    };
    Some((0..QUADRATURE).map(told).sum::<f64>() / QUADRATURE as f64)
}

/// The smallest difference, in standard deviations of the differences, that `n` replicates tell with [`POWER`].
fn detectable_ratio(n: usize) -> Option<f64> {
    let (mut low, mut high) = (0.0, 1.0);
    while power(high, n)? < POWER {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if power(middle, n)? < POWER { low = middle } else { high = middle }
    }
    Some(high)
}

/// The smallest difference that `n` replicates tell with [`POWER`], where their own mean difference has an interval of
/// this half-width.
pub fn detectable(half_width: f64, n: usize) -> Option<f64> {
    Some(detectable_ratio(n)? * deviation(half_width, n)?)
}

/// The standard deviation of `n` values whose mean has a 95 % interval (Student's t) of this half-width.
pub fn deviation(half_width: f64, n: usize) -> Option<f64> {
    let freedom = n.checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    Some(half_width * (n as f64).sqrt() / t_quantile(freedom)?)
}

/// The fewest replicates that tell a difference of this size with [`POWER`], where the differences have this standard
/// deviation; none where more than [`MOST_REPLICATES`] would be needed.
pub fn replicates_for(size: f64, deviation: f64) -> Option<usize> {
    let ratio = size.abs() / deviation;
    let enough = |n: usize| power(ratio, n).is_some_and(|power| power >= POWER);
    if deviation == 0.0 {
        return (size != 0.0).then_some(2);
    }
    let mut high = 2;
    while !enough(high) {
        if high == MOST_REPLICATES {
            return None;
        }
        high = (2 * high).min(MOST_REPLICATES);
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = (low + high) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The 95 % interval of a standard deviation that was estimated from `n` normal values.
pub fn deviation_interval(deviation: f64, n: usize) -> Option<(f64, f64)> {
    let freedom = n.checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    let chi = ChiSquared::new(freedom).ok()?;
    let end = |quantile: f64| deviation * (freedom / chi.inverse_cdf(quantile)).sqrt();
    Some((end(1.0 - LEVEL / 2.0), end(LEVEL / 2.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scipy's noncentral t distribution: see scripts/oracles/power.py.
    const ORACLE: &str = include_str!("../../tests/oracles/power.json");

    #[test]
    fn the_power_is_that_of_the_noncentral_t_distribution() {
        let cases: Vec<(f64, usize, f64)> = serde_json::from_str(ORACLE).unwrap();
        assert!(cases.len() > 20);
        for (ratio, n, expected) in cases {
            let found = power(ratio, n).unwrap();
            assert!((found - expected).abs() < 2e-3, "{ratio} {n}: {found} against {expected}");
        }
        assert_eq!(power(1.0, 1), None);
        assert!((power(0.0, 7).unwrap() - LEVEL).abs() < 1e-3);
    }

    #[test]
    fn the_fewest_replicates_are_enough_and_one_fewer_is_not() {
        for ratio in [0.05, 0.3, 1.0, 3.0] {
            let n = replicates_for(ratio, 1.0).unwrap();
            assert!(power(ratio, n).unwrap() >= POWER);
            assert!(n == 2 || power(ratio, n - 1).unwrap() < POWER, "{ratio}: {n}");
            // What n replicates can tell is at most that ratio.
            assert!(detectable_ratio(n).unwrap() <= ratio * (1.0 + 1e-9));
        }
        assert_eq!(replicates_for(1e-9, 1.0), None);
        assert_eq!(replicates_for(1.0, 0.0), Some(2));
    }

    #[test]
    fn a_deviation_is_found_again_in_its_interval() {
        let values = [1.0, 4.0, 2.5, 3.5];
        let interval = crate::numeric::intervals::mean_interval(&values).unwrap();
        let sd = deviation(interval.half_width.unwrap(), 4).unwrap();
        assert!((sd - 1.75f64.sqrt()).abs() < 1e-9, "{sd}");
        let (low, high) = deviation_interval(sd, 4).unwrap();
        assert!(
            (low - sd * (3.0 / 9.348404f64).sqrt()).abs() < 1e-5
                && (high - sd * (3.0 / 0.215795f64).sqrt()).abs() < 1e-3
        );
    }
}
