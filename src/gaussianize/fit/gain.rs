//! By how much one map is better than another at the same points.

use ndarray::Array1;

use crate::numeric::intervals::mean_and_error;

/// Mean difference `a - b` of scores, with its standard error: the larger of those over points and over the parts of these
/// sizes that the points lie in.
pub(super) fn paired(a: &Array1<f64>, b: &Array1<f64>, sizes: &[usize]) -> (f64, f64) {
    let gains: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let (mean, of_points) = mean_and_error(&gains);
    let mut begin = 0;
    let means: Vec<f64> = sizes
        .iter()
        .map(|size| {
            begin += size;
            gains[begin - size..begin].iter().sum::<f64>() / (*size).max(1) as f64
        })
        .collect();
    let of_parts = if sizes.len() > 1 { mean_and_error(&means).1 } else { 0.0 };
    (mean, of_points.max(of_parts))
}
