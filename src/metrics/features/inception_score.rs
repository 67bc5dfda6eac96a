//! The inception score of class probabilities.

use ndarray::{ArrayView2, Axis, s};
use serde::Serialize;

use super::mean_and_std;
use crate::metrics::MetricsError;
use crate::numeric::options::require;

/// Parts over which the inception score is usually a mean.
pub const PARTS: usize = 10;

/// How far the probabilities of a row may sum to other than 1.
const TOLERANCE: f64 = 1e-3;

/// The inception score of generated images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InceptionScore {
    /// Mean over the parts.
    pub mean: f64,
    /// Standard deviation over the parts (squares divided by their number, as the usual tools do).
    pub std: f64,
}

/// The inception score (Salimans et al. 2016, "Improved techniques for training GANs") of the class probabilities
/// `p(y | x_i)` that a classifier gives to generated images, shape `(n, classes)`.
///
/// # Formula
///
/// The rows are cut in their order into `parts` (10) of equal size, but for one row; for each,
/// `exp(1/n sum_i sum_y p(y | x_i) log(p(y | x_i) / p(y)))` with `p(y) = 1/n sum_i p(y | x_i)`, from 1 (every image looks
/// like every other, or like nothing) to the number of classes. It knows nothing of real images.
///
/// # Errors
/// No part or fewer rows than parts; a row that is no distribution.
pub fn inception_score(probabilities: ArrayView2<f64>, parts: usize) -> Result<InceptionScore, MetricsError> {
    let n = probabilities.nrows();
    require((1..=n).contains(&parts), "parts", || {
        format!("is {parts}, but it must be from 1 to the number of images, {n}")
    })?;
    for (row, values) in probabilities.outer_iter().enumerate() {
        let sum = values.sum();
        let fine = (sum - 1.0).abs() <= TOLERANCE && values.iter().all(|p| *p >= 0.0);
        if !fine {
            return Err(MetricsError::NoDistribution { row, sum });
        }
    }
    let scores: Vec<f64> = (0..parts)
        .map(|part| of_part(probabilities.slice(s![part * n / parts..(part + 1) * n / parts, ..])))
        .collect();
    let (mean, std) = mean_and_std(&scores);
    Ok(InceptionScore { mean, std })
}

fn of_part(probabilities: ArrayView2<f64>) -> f64 {
    let n = probabilities.nrows() as f64;
    let marginal = probabilities.sum_axis(Axis(0)) / n;
    let divergence = |row: ndarray::ArrayView1<f64>| -> f64 {
        let present = row.iter().zip(&marginal).filter(|(p, _)| **p > 0.0);
        present.map(|(p, marginal)| p * (p / marginal).ln()).sum()
    };
    (probabilities.outer_iter().map(divergence).sum::<f64>() / n).exp()
}
