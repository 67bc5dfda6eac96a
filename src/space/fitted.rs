//! The transforms that there are, once they are fitted.

use super::scaling::Scaling;
use super::transform::{LogDet, Transform};
use super::whitening::Whitening;
use crate::data::mixture::{GaussianMixture, MixtureError};
use crate::gaussianize::Gaussianizer;
use ndarray::{Array2, ArrayView2};

/// A fitted transform.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted {
    /// Axis by axis.
    Scaling(Scaling),
    /// To zero mean and unit covariance.
    Whitening(Whitening),
    /// To independent standard normal numbers.
    Gaussianize(Gaussianizer),
}

impl Fitted {
    /// The transform behind it.
    pub fn transform(&self) -> &dyn Transform {
        match self {
            Self::Scaling(scaling) => scaling,
            Self::Whitening(whitening) => whitening,
            Self::Gaussianize(map) => map,
        }
    }
}

impl Transform for Gaussianizer {
    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        Self::forward(self, x)
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        Self::inverse(self, z)
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        let (z, log_det) = Self::forward_with_log_det(self, x);
        (z, LogDet::Each(log_det))
    }

    fn push_forward(&self, _: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        Ok(None)
    }
}
