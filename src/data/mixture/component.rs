//! One normal distribution of a mixture, checked and factored; the weights of all.

use super::MixtureError;
use crate::numeric::gaussian::Gaussian;
use crate::numeric::power_of_two::{exponent, times_power_of_two};
use ndarray::{Array1, Array2};
use ndarray_linalg::{Cholesky, UPLO};

/// One normal distribution N(mu, Sigma) of a mixture, factored once.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) weight: f64,
    pub(super) covariance: Array2<f64>,
    pub(super) gaussian: Gaussian,
    /// `log w - d/2 log 2 pi - log det L`.
    pub(super) log_scale: f64,
}

/// The weights with sum 1. They are first divided by a power of 2 near the largest, which is exact, so that their sum
/// neither overflows nor loses small ones.
pub(super) fn normalized(weights: &[f64]) -> Result<Vec<f64>, MixtureError> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let shrunk: Vec<f64> = weights.iter().map(|w| times_power_of_two(*w, -exponent(largest))).collect();
    let total: f64 = shrunk.iter().sum();
    let normalized: Vec<f64> = shrunk.iter().map(|w| w / total).collect();
    match normalized.iter().position(|w| *w < f64::MIN_POSITIVE) {
        Some(component) => {
            Err(MixtureError::VanishingWeight { component, weight: weights[component], largest })
        }
        None => Ok(normalized),
    }
}

/// Checks and factors one component; `weight` is already normalized.
pub(super) fn component(
    k: usize,
    weight: f64,
    mean: &Array1<f64>,
    covariance: &Array2<f64>,
    dim: usize,
) -> Result<Component, MixtureError> {
    if mean.len() != dim {
        return Err(MixtureError::Dimension { component: k, expected: dim, found: mean.len() });
    }
    if covariance.dim() != (dim, dim) {
        let (rows, cols) = covariance.dim();
        return Err(MixtureError::Shape { component: k, rows, cols, dim });
    }
    let bad = |v: &&f64| !v.is_finite();
    if let Some(&value) = mean.iter().find(bad) {
        return Err(MixtureError::NotFinite { component: k, what: "mean", value });
    }
    if let Some(&value) = covariance.iter().find(bad) {
        return Err(MixtureError::NotFinite { component: k, what: "covariance", value });
    }
    for row in 0..dim {
        for col in row + 1..dim {
            let (upper, lower) = (covariance[[row, col]], covariance[[col, row]]);
            // Room for the rounding of a covariance that was computed and printed.
            if (upper - lower).abs() > 1e-12 * (covariance[[row, row]] * covariance[[col, col]]).abs().sqrt()
            {
                return Err(MixtureError::NotSymmetric { component: k, row, col, upper, lower });
            }
        }
    }
    let factor =
        covariance.cholesky(UPLO::Lower).map_err(|_| MixtureError::NotPositiveDefinite { component: k })?;
    let gaussian = Gaussian::new(mean.to_vec(), factor.iter().copied().collect());
    if !gaussian.log_det.is_finite() {
        return Err(MixtureError::NotPositiveDefinite { component: k });
    }
    let log_scale = weight.ln() - 0.5 * dim as f64 * (2.0 * std::f64::consts::PI).ln() - gaussian.log_det;
    Ok(Component { weight, covariance: covariance.clone(), gaussian, log_scale })
}
