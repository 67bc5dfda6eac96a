//! Whitening, and the axes of a layer: the rotation of the whitened data before the marginals are fitted.
//!
//! | file | idea |
//! | --- | --- |
//! | [`whitening`] | zero mean and unit covariance |
//! | [`ica`] | axes by independent component analysis (G 8) |
//! | [`sliced`] | axes of largest sliced Wasserstein-2 distance to N(0, I) |
//! | `subspaces` | axes of which two by two depend on each other |

pub mod ica;
pub mod sliced;
pub(super) mod subspaces;
pub mod whitening;

use ndarray::{Array2, ArrayView2};

use super::options::{GaussianizeOptions, Rotation};
use crate::numeric::orthogonal::haar;
use crate::numeric::random::Stream;

/// Axes for one layer and how they were found.
pub(crate) struct FittedRotation {
    /// `(d, d)` orthogonal, one axis per row.
    pub matrix: Array2<f64>,
    /// The rotation that was used in the end.
    pub used: Rotation,
    /// Whether the ICA converged, if there was one.
    pub ica_converged: Option<bool>,
    /// Its iterations.
    pub ica_iterations: usize,
}

/// Chooses the axes of layer number `layer` for whitened data `(d, n)`.
///
/// # Errors
/// A sentence when a factorization fails.
pub(crate) fn rotate(
    white: ArrayView2<f64>,
    layer: usize,
    options: &GaussianizeOptions,
    stream: &Stream,
) -> Result<FittedRotation, String> {
    let d = white.nrows();
    let plain = |matrix, used| FittedRotation { matrix, used, ica_converged: None, ica_iterations: 0 };
    let rotation = match options.rotation {
        Rotation::IcaRandom if layer == 0 => Rotation::Ica,
        Rotation::IcaRandom => Rotation::Random,
        other => other,
    };
    match rotation {
        Rotation::Pca => Ok(plain(Array2::eye(d), rotation)),
        Rotation::Random | Rotation::IcaRandom => {
            Ok(plain(haar(&stream.child("rotation").standard_normal(layer as u64, d, d))?, rotation))
        }
        Rotation::Sliced => Ok(plain(sliced::fit(white, &stream.child("sliced"), layer as u64)?, rotation)),
        Rotation::Ica => {
            let fit = ica::fit(white, options.contrast, options.ica_iterations, options.ica_tolerance)?;
            let (matrix, used) =
                if fit.converged { (fit.rotation, Rotation::Ica) } else { (Array2::eye(d), Rotation::Pca) };
            Ok(FittedRotation {
                matrix,
                used,
                ica_converged: Some(fit.converged),
                ica_iterations: fit.iterations,
            })
        }
    }
}
