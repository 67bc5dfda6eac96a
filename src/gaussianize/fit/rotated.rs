//! A layer on axes of its own: whitening, a rotation, and the maps of the components there.

use ndarray::{Array2, ArrayView2};

use super::components::{FittedComponents, fit_components};
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::options::GaussianizeOptions;
use crate::gaussianize::rotation::whitening::{Whitening, affine};
use crate::gaussianize::rotation::{FittedRotation, rotate};
use crate::numeric::random::Stream;

/// The layer, and how it came to be.
pub(super) struct RotatedLayer {
    pub layer: Layer,
    pub rotation: FittedRotation,
    /// The points on the layer's axes, `(d, n)`.
    pub sources: Array2<f64>,
    /// Of each component; NaN where there are no kernels.
    pub bandwidths: Vec<f64>,
    pub notes: Vec<String>,
}

/// Fits layer `layer`, from 0, to points `(d, n)`. Its rotation is drawn by `stream`, its pairs by `of_pairs`.
///
/// # Errors
/// Columns without a whitening, or a failed factorization.
pub(super) fn fit(
    points: ArrayView2<f64>,
    layer: usize,
    options: &GaussianizeOptions,
    stream: &Stream,
    of_pairs: &Stream,
) -> Result<RotatedLayer, GaussianizeError> {
    let failed = |reason: String| GaussianizeError::Numerical { layer, reason };
    let whitening = Whitening::fit(points, layer)?;
    let white = affine(&whitening.matrix, &whitening.mean, points);
    let rotation = rotate(white.view(), layer, options, stream).map_err(failed)?;
    let w = rotation.matrix.dot(&whitening.matrix);
    let sources = affine(&w, &whitening.mean, points);
    let components = fit_components(sources.view(), options, layer + 1, of_pairs).map_err(failed)?;
    let FittedComponents { marginals, pairs, joint, bandwidths, notes } = components;
    let w_inverse = whitening.inverse.dot(&rotation.matrix.t());
    let layer = Layer::new(whitening.mean, w, w_inverse, whitening.log_det, marginals)?.with_pairs(pairs)?;
    let layer = match joint {
        Some(joint) => layer.with_joint(joint)?,
        None => layer,
    };
    Ok(RotatedLayer { layer, rotation, sources, bandwidths, notes })
}
