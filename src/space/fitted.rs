//! The transforms that there are, once they are fitted.

use super::dequantize::Dequantize;
use super::fill::Fill;
use super::leading::Leading;
use super::principal::Principal;
use super::rotate_back::RotateBack;
use super::scaling::Scaling;
use super::set_aside::SetAside;
use super::transform::{LogDet, Transform};
use super::whitening::Whitening;
use crate::gaussianize::Gaussianizer;
use ndarray::{Array2, ArrayView2};

/// A fitted transform.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted {
    /// Columns that hold nothing of their own are taken out.
    SetAside(SetAside),
    /// Tied values are spread.
    Dequantize(Dequantize),
    /// Axis by axis.
    Scaling(Scaling),
    /// To zero mean and unit covariance.
    Whitening(Whitening),
    /// To principal components.
    Principal(Principal),
    /// To independent standard normal numbers.
    Gaussianize(Gaussianizer),
    /// The same for the leading axes alone.
    GaussianizeLeading(Leading),
    /// Back to the axes of the data.
    RotateBack(RotateBack),
    /// Columns of zeros for those that were set aside.
    Fill(Fill),
}

impl Fitted {
    /// The transform behind it.
    pub fn transform(&self) -> &dyn Transform {
        match self {
            Self::SetAside(set_aside) => set_aside,
            Self::Dequantize(dequantize) => dequantize,
            Self::Scaling(scaling) => scaling,
            Self::Whitening(whitening) => whitening,
            Self::Principal(principal) => principal,
            Self::Gaussianize(map) => map,
            Self::GaussianizeLeading(leading) => leading,
            Self::RotateBack(rotation) => rotation,
            Self::Fill(fill) => fill,
        }
    }

    /// Its Gaussianizer, if it has one.
    pub fn gaussianizer(&self) -> Option<&Gaussianizer> {
        match self {
            Self::Gaussianize(map) => Some(map),
            Self::GaussianizeLeading(leading) => Some(&leading.map),
            _ => None,
        }
    }

    /// Whether it models nothing of the data: it takes each column by itself, or takes it out.
    pub fn is_column_by_column(&self) -> bool {
        matches!(self, Self::SetAside(_) | Self::Dequantize(_) | Self::Scaling(_) | Self::Fill(_))
    }
}

impl Transform for Gaussianizer {
    fn dims(&self) -> (usize, usize) {
        (self.dim(), self.dim())
    }

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
}
