//! The affine map, axis by axis, between data space and the space that the network sees.

use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a data set is scaled before training; metrics are always in the unscaled space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleKind {
    /// As it is.
    None,
    /// Each axis to [-1, 1] by the training set's smallest and largest value.
    MinMax,
    /// Each axis to mean 0 and variance 1 over the training set.
    Standardize,
}

/// How the reference points are brought to the network's scale before they are compared with samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceScale {
    /// By the training set's scaling, so that they stay what they are in data space.
    Training,
    /// By their own smallest and largest values (or moments), as in the second paper's notebooks: in data
    /// space they are stretched to the training set's ranges.
    Own,
}

/// A column in which all points agree, or nearly so, so that it cannot be scaled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "column {column} {}, so it cannot be scaled; drop it or use scale = \"none\"",
    match spread {
        0.0 => format!("has the same value ({value}) in every training point"),
        spread if *spread > 1e-6 => format!("has values such as {value:e}, whose squares leave the range of numbers"),
        spread => format!("is nearly constant over the training points ({value}, relative spread {spread:.0e})"),
    }
)]
pub struct ConstantColumn {
    /// The column, from 0.
    pub column: usize,
    /// Its smallest value.
    pub value: f64,
    /// Largest minus smallest value over the largest magnitude; 0 where all points agree.
    pub spread: f64,
}

/// `x -> (x - shift) / scale`, axis by axis, fitted on training points.
/// ```
/// use gdiff::space::{ScaleKind, Scaling, Transform};
/// use ndarray::array;
///
/// let x = array![[1.0, 10.0], [3.0, 30.0], [2.0, 50.0]];
/// let scaling = Scaling::fit(ScaleKind::MinMax, x.view())?;
/// let z = scaling.forward(x.view());
/// assert_eq!(z, array![[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]);
/// assert_eq!(scaling.inverse(z.view()), x);
/// # Ok::<(), gdiff::space::ConstantColumn>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Subtracted first, shape `(d)`.
    pub shift: Array1<f64>,
    /// Divided by then, shape `(d)`, positive.
    pub scale: Array1<f64>,
}

impl Scaling {
    /// Fits the map of the given kind to points `(n, d)`, `n >= 1`.
    ///
    /// # Errors
    /// If a column is constant, or its spread is out of the range of numbers, and the kind needs it.
    pub fn fit(kind: ScaleKind, x: ArrayView2<f64>) -> Result<Self, ConstantColumn> {
        let d = x.ncols();
        let mut scaling = Self { shift: Array1::zeros(d), scale: Array1::ones(d) };
        for (j, column) in x.axis_iter(Axis(1)).enumerate() {
            let low = column.iter().copied().fold(f64::INFINITY, f64::min);
            let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (shift, scale) = match kind {
                ScaleKind::None => continue,
                ScaleKind::MinMax => (low + 0.5 * (high - low), 0.5 * (high - low)),
                ScaleKind::Standardize => {
                    let mean = column.mean().unwrap_or(0.0);
                    let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.nrows() as f64;
                    (mean, variance.sqrt())
                }
            };
            if low == high || scale <= 0.0 || !scale.is_finite() {
                let spread = if low == high { 0.0 } else { (high - low) / low.abs().max(high.abs()) };
                return Err(ConstantColumn { column: j, value: low, spread });
            }
            (scaling.shift[j], scaling.scale[j]) = (shift, scale);
        }
        Ok(scaling)
    }
}

impl Transform for Scaling {
    fn dims(&self) -> (usize, usize) {
        (self.shift.len(), self.shift.len())
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        (&x - &self.shift) / &self.scale
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        &z * &self.scale + &self.shift
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        let log_scale: f64 = self.scale.iter().map(|s| s.ln()).sum();
        (self.forward(x), LogDet::Constant(-log_scale))
    }

    fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        mixture.rescaled(&self.shift, &self.scale).map(Some)
    }
}
