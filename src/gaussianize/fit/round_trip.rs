//! The error of the map followed by its inverse, where it is largest: not at the training points, whose neighbourhood
//! every estimate knows, but between modes and beyond the data, where samples of the diffusion lie too.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::gaussianize::kde::marginal::Tails;

/// Error, in standard deviations of a column, from which on the map is said not to be invertible there.
const BAD: f64 = 1e-6;

/// Points between and beyond the points `x` `(n, d)`, twice as many: the middle between each one and the one half of all
/// rows further, and each one moved away from the mean to twice its distance.
pub(super) fn off_data(x: ArrayView2<f64>) -> Array2<f64> {
    let n = x.nrows();
    let mean = x.mean_axis(Axis(0)).expect("a fit has points");
    let other = |i: usize| x.row((i + n / 2) % n);
    let between = Array2::from_shape_fn(x.dim(), |(i, j)| 0.5 * x[[i, j]] + 0.5 * other(i)[j]);
    let beyond = Array2::from_shape_fn(x.dim(), |(i, j)| x[[i, j]] + (x[[i, j]] - mean[j]));
    concatenate(Axis(0), &[between.view(), beyond.view()]).expect("they have the same columns")
}

/// Largest difference; infinite where one is not a number.
pub(super) fn worst(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst: f64, v| if v.is_nan() { f64::INFINITY } else { worst.max(v) })
}

/// What to say of a map that takes the points `off_data` to `back`; nothing where they come back. `x` are the training
/// points, `(n, d)`.
pub(super) fn warning(
    x: ArrayView2<f64>,
    off_data: &Array2<f64>,
    back: &Array2<f64>,
    tails: Tails,
) -> Option<String> {
    let std = x.std_axis(Axis(0), 0.0);
    let (mut error, mut bad) = (0.0_f64, 0);
    for (a, b) in off_data.rows().into_iter().zip(back.rows()) {
        let relative = a.iter().zip(b).zip(&std).map(|((a, b), std)| (a - b).abs() / std);
        let own = relative.fold(0.0, |worst: f64, v| if v.is_nan() { f64::INFINITY } else { worst.max(v) });
        bad += usize::from(own > BAD);
        error = error.max(own);
    }
    let mend = match tails {
        Tails::Kernel => {
            "with tails = \"kernel\" it is flat there; tails = \"gentle\" has an inverse everywhere"
        }
        Tails::Gentle => "samples that lie there are moved by as much",
    };
    (bad > 0).then(|| {
        format!(
            "the map is not invertible between the modes or beyond the data: {:.1} % of the points tried there come back more than {BAD:e} standard deviations away, the worst by {error:.1e}; {mend}",
            100.0 * bad as f64 / off_data.nrows() as f64
        )
    })
}
