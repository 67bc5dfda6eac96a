//! When the samples have become as good as real points.

use std::iter::zip;

/// Nats by which the mean log-likelihood may be below that of fresh real points.
const NATS: f64 = 0.1;

/// By how much precision and coverage may differ from those of fresh real points.
const FRACTION: f64 = 0.02;

/// The reverse process of one run, and fresh real points, in one metric or a pair of them.
#[derive(Debug, Clone, Copy)]
pub enum Quality<'a> {
    /// Mean log-likelihood under the true density at each step; that of fresh real points.
    LogLikelihood(&'a [f64], f64),
    /// Precision and coverage at each step; those of fresh real points.
    PrecisionCoverage(&'a [[f64; 2]], [f64; 2]),
}

/// The first of the reverse steps from which the samples stay as good as fresh real points, to the last one.
///
/// # Formula
///
/// Where the density of the data is known: the mean log-likelihood is at least that of fresh real points minus 0.1 nat.
/// Elsewhere precision and coverage are both within 0.02 of those of fresh real points. Values that are not finite are
/// not good.
///
/// `None` when the last step is not good, there are no steps, or the lengths differ.
///
/// # Examples
///
/// ```
/// use gdiff::metrics::{Quality, steps_to_real};
/// let curve = [-9.0, -1.85, -4.0, -1.87, -1.7];
/// let step = steps_to_real(&[0, 10, 20, 30, 40], Quality::LogLikelihood(&curve, -1.8));
/// assert_eq!(step, Some(30));
/// ```
pub fn steps_to_real(steps: &[usize], quality: Quality) -> Option<usize> {
    let good: Vec<bool> = match quality {
        Quality::LogLikelihood(values, fresh) => {
            values.iter().map(|value| value.is_finite() && *value >= fresh - NATS).collect()
        }
        Quality::PrecisionCoverage(values, fresh) => {
            let near = |(value, fresh): (&f64, f64)| (value - fresh).abs() <= FRACTION;
            values.iter().map(|pair| zip(pair, fresh).all(near)).collect()
        }
    };
    if steps.len() != good.len() {
        return None;
    }
    let stays = good.iter().rev().take_while(|good| **good).count();
    steps.get(steps.len() - stays).copied()
}
