//! Which mode each sample is in, and how far it has chosen it.

use super::MetricsError;
use super::points::checked_points;
use crate::data::mixture::GaussianMixture;
use ndarray::ArrayView2;

/// The modes of points under a mixture of `K` components.
#[derive(Debug, Clone, PartialEq)]
pub struct ModeChoice {
    /// `argmax_k r_k(x_i)` of each point: the component most likely to have made it.
    pub modes: Vec<u32>,
    /// `mean_i -sum_k r_k(x_i) log r_k(x_i)`, nats: 0 where every point belongs to one component, `log K` where all
    /// components are equally likely.
    pub entropy: f64,
}

/// The mode of each point of `x`, shape `(n, d)`, and the mean entropy of the responsibilities `r_k` of the components
/// (see [`GaussianMixture::responsibilities`]).
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
/// let mixture = GaussianMixture::new(&[1.0, 1.0], &[arr1(&[-50.0]), arr1(&[50.0])], &[unit.clone(), unit])?;
/// let choice = gdiff::metrics::mode_choice(&mixture, arr2(&[[-49.0], [52.0]]).view())?;
/// assert_eq!((choice.modes, choice.entropy), (vec![0, 1], 0.0));
/// // Between the two, nothing is chosen.
/// let between = gdiff::metrics::mode_choice(&mixture, arr2(&[[0.0]]).view())?;
/// assert!((between.entropy - 2f64.ln()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mode_choice(mixture: &GaussianMixture, x: ArrayView2<f64>) -> Result<ModeChoice, MetricsError> {
    let (real, generated) = (mixture.dim(), x.ncols());
    if real != generated {
        return Err(MetricsError::DifferentColumns { real, generated });
    }
    checked_points(&x, "generated")?;
    let responsibilities = mixture.responsibilities(x);
    let mut modes = Vec::with_capacity(x.nrows());
    let mut entropy = 0.0;
    for row in responsibilities.rows() {
        let largest = (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
        modes.push(largest as u32);
        entropy -= row.iter().filter(|r| **r != 0.0).map(|r| r * r.ln()).sum::<f64>();
    }
    // A sum of zeros is not to be printed as -0.
    Ok(ModeChoice { modes, entropy: (entropy / x.nrows() as f64).max(0.0) })
}

/// Share of the points that are in the same mode in both lists, over the points that both have.
pub fn share_alike(a: &[u32], b: &[u32]) -> f64 {
    let alike = a.iter().zip(b).filter(|(a, b)| a == b).count();
    alike as f64 / a.len().min(b.len()) as f64
}
