//! How far the weights of the modes among the samples are from those of the true mixture.

use ndarray::{ArrayView2, Axis};

use super::MetricsError;
use super::points::checked_points;
use crate::data::mixture::GaussianMixture;

/// The L1 error of the mode weights of points `x`, shape `(n, d)`, under the true mixture of `K` components.
///
/// # Formula
///
/// `sum_k |w^_k - w_k|` with `w^_k = 1/n sum_i r_k(x_i)`, where `r_k(x)` is the responsibility of component `k` for `x`
/// (see [`GaussianMixture::responsibilities`]). From 0 to below 2: 0 where the samples hold the modes in their true
/// weights, `2 (1 - w_k)` where all are in mode `k`. `n` true samples have about
/// `sum_k sqrt(2 w_k (1 - w_k) / (pi n))`. Components that overlap share their points, which makes it blind to an
/// exchange between them.
///
/// Not a number where a Mahalanobis distance exceeds the range of numbers.
///
/// # Errors
///
/// No points, `d` other than that of the mixture, or a coordinate that is not finite.
///
/// # Examples
///
/// ```
/// use gdiff::data::mixture::GaussianMixture;
/// use ndarray::{arr1, arr2};
/// let unit = arr2(&[[1.0]]);
/// let mixture = GaussianMixture::new(&[0.7, 0.3], &[arr1(&[-50.0]), arr1(&[50.0])], &[unit.clone(), unit])?;
/// // Half of the samples are in each mode.
/// let samples = arr2(&[[-50.0], [-49.0], [51.0], [50.0]]);
/// let error = gdiff::metrics::mode_error(&mixture, samples.view())?;
/// assert!((error - 0.4).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mode_error(mixture: &GaussianMixture, x: ArrayView2<f64>) -> Result<f64, MetricsError> {
    let (real, generated) = (mixture.dim(), x.ncols());
    if real != generated {
        return Err(MetricsError::DifferentColumns { real, generated });
    }
    checked_points(&x, "generated")?;
    let sums = mixture.responsibilities(x).sum_axis(Axis(0));
    let n = x.nrows() as f64;
    Ok(sums.iter().zip(mixture.weights()).map(|(sum, weight)| (sum / n - weight).abs()).sum())
}
