//! Mean and covariance of points, and their products with matrices, the same for any number of threads.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Parts of the points whose sums are added in order: so many at most, each of [`FEWEST`] rows or more.
const PARTS: usize = 16;
const FEWEST: usize = 1024;

/// Mean `(d)` and covariance `(d, d)` of points `(n, d)`, with the divisor `n`.
pub(super) fn moments(x: ArrayView2<f64>) -> (Array1<f64>, Array2<f64>) {
    crate::numeric::moments::moments(x, x.nrows().div_ceil(PARTS).max(FEWEST))
}

/// Whether the rows of a matrix are orthonormal, to the rounding of a file.
pub(super) fn is_orthonormal(rows: &Array2<f64>) -> bool {
    let product = rows.dot(&rows.t());
    product.indexed_iter().all(|((i, j), v)| (v - f64::from(u8::from(i == j))).abs() < 1e-8)
}

/// `(x - mean) matrix^T` for points `(n, d)` and a matrix `(k, d)`, in blocks of rows.
pub(super) fn project(x: ArrayView2<f64>, mean: &Array1<f64>, matrix: ArrayView2<f64>) -> Array2<f64> {
    by_blocks(x, matrix.nrows(), |block| (&block - mean).dot(&matrix.t()))
}

/// `z matrix` for points `(n, k)` and a matrix `(k, d)`, in blocks of rows.
pub(super) fn combine(z: ArrayView2<f64>, matrix: ArrayView2<f64>) -> Array2<f64> {
    by_blocks(z, matrix.ncols(), |block| block.dot(&matrix))
}

/// Applies `compute` to blocks of rows, each of which gives as many rows of `columns` numbers.
fn by_blocks(
    x: ArrayView2<f64>,
    columns: usize,
    compute: impl Fn(ArrayView2<f64>) -> Array2<f64> + Sync,
) -> Array2<f64> {
    const ROWS: usize = 512;
    let mut out = Array2::zeros((x.nrows(), columns));
    out.axis_chunks_iter_mut(Axis(0), ROWS)
        .into_par_iter()
        .zip(x.axis_chunks_iter(Axis(0), ROWS))
        .for_each(|(mut out, x)| out.assign(&compute(x)));
    out
}
