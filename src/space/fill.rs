//! Columns that were set aside as columns of zeros, at their places among the others: for a network that takes a value for
//! each pixel of an image.

use super::transform::{LogDet, Transform};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// `z -> x` with `x[kept] = z` and 0 elsewhere; the inverse takes the columns `kept` and leaves whatever the others hold. The
/// zeros add no information, so densities stay those of the columns that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Where the columns go, rising.
    pub(super) kept: Vec<usize>,
    /// How many columns there are then.
    pub(super) dim: usize,
}

impl Fill {
    /// The columns that are no zeros.
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// How many columns are zeros.
    pub fn zeros(&self) -> usize {
        self.dim - self.kept.len()
    }

    /// Whether the stored numbers make a map.
    pub(super) fn is_consistent(&self) -> bool {
        !self.kept.is_empty()
            && self.kept.is_sorted_by(|a, b| a < b)
            && self.kept.last().is_some_and(|last| *last < self.dim)
    }
}

impl Transform for Fill {
    fn dims(&self) -> (usize, usize) {
        (self.kept.len(), self.dim)
    }

    fn axes(&self, axes: &[String]) -> Vec<String> {
        let mut all: Vec<String> = (0..self.dim).map(|column| format!("zero{column}")).collect();
        self.kept.iter().zip(axes).for_each(|(column, name)| all[*column].clone_from(name));
        all
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut all = Array2::zeros((x.nrows(), self.dim));
        for (from, column) in self.kept.iter().enumerate() {
            all.column_mut(*column).assign(&x.column(from));
        }
        all
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        z.select(Axis(1), &self.kept)
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        (self.forward(x), LogDet::Constant(0.0))
    }
}
