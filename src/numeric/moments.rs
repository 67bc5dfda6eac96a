//! Mean and covariance of points, the same for any number of threads.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Mean `(d)` and covariance `(d, d)` of points `(n, d)`, with the divisor `n`; products are summed over parts of so many
/// rows, whose sums are added in order.
pub fn moments(x: ArrayView2<f64>, rows: usize) -> (Array1<f64>, Array2<f64>) {
    let (n, d) = x.dim();
    let mean = x.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(d));
    let parts: Vec<Array2<f64>> = x
        .axis_chunks_iter(Axis(0), rows)
        .into_par_iter()
        .map(|part| {
            let centred = &part - &mean;
            centred.t().dot(&centred)
        })
        .collect();
    let total = parts.into_iter().fold(Array2::zeros((d, d)), |total, part| total + part);
    (mean, total / n.max(1) as f64)
}
