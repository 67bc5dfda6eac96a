//! Products of matrices by the BLAS that is linked for LAPACK, where they are large enough to be worth it.

use ndarray::{Array2, ArrayView2};
use std::ffi::{c_char, c_int};

unsafe extern "C" {
    fn sgemm_(
        trans_a: *const c_char,
        trans_b: *const c_char,
        m: *const c_int,
        n: *const c_int,
        k: *const c_int,
        alpha: *const f32,
        a: *const f32,
        lda: *const c_int,
        b: *const f32,
        ldb: *const c_int,
        beta: *const f32,
        c: *mut f32,
        ldc: *const c_int,
    );
    fn dgemm_(
        trans_a: *const c_char,
        trans_b: *const c_char,
        m: *const c_int,
        n: *const c_int,
        k: *const c_int,
        alpha: *const f64,
        a: *const f64,
        lda: *const c_int,
        b: *const f64,
        ldb: *const c_int,
        beta: *const f64,
        c: *mut f64,
        ldc: *const c_int,
    );
    fn dsyrk_(
        uplo: *const c_char,
        trans: *const c_char,
        n: *const c_int,
        k: *const c_int,
        alpha: *const f64,
        a: *const f64,
        lda: *const c_int,
        beta: *const f64,
        c: *mut f64,
        ldc: *const c_int,
    );
}

/// BLAS letters: transposed, as it is, the lower triangle.
const TRANSPOSED: c_char = b'T' as c_char;
const PLAIN: c_char = b'N' as c_char;
const LOWER: c_char = b'L' as c_char;

/// A length as BLAS takes it.
fn length(n: usize) -> c_int {
    c_int::try_from(n).expect("matrices that fit into memory have fewer than 2^31 rows and columns")
}

/// The general product of one precision.
macro_rules! gemm {
    ($name:ident, $blas:ident, $number:ty, $precision:literal) => {
        #[doc = concat!("`c = op(a) op(b)` in ", $precision, " precision, all column by column: `op(a)` `(m, k)`, `op(b)` `(k, n)`, `c` `(m, n)`.")]
        /// `op` is the transposed matrix where `transposed` says so.
        ///
        /// # Panics
        /// If a slice is shorter than its matrix.
        pub fn $name(
            transposed: [bool; 2],
            [m, n, k]: [usize; 3],
            a: &[$number],
            b: &[$number],
            c: &mut [$number],
        ) {
            assert!(a.len() >= m * k && b.len() >= k * n && c.len() >= m * n, "slices as long as their matrices");
            if m == 0 || n == 0 || k == 0 {
                return c[..m * n].fill(0.0);
            }
            let rows = [if transposed[0] { k } else { m }, if transposed[1] { n } else { k }];
            let [m, n, k, rows_a, rows_b] = [m, n, k, rows[0], rows[1]].map(length);
            let [of_a, of_b] = transposed.map(|transposed| if transposed { TRANSPOSED } else { PLAIN });
            // SAFETY: the slices hold the matrices, as was compared, and none is empty.
            unsafe {
                $blas(
                    &of_a,
                    &of_b,
                    &m,
                    &n,
                    &k,
                    &1.0,
                    a.as_ptr(),
                    &rows_a,
                    b.as_ptr(),
                    &rows_b,
                    &0.0,
                    c.as_mut_ptr(),
                    &m,
                );
            }
        }
    };
}

gemm!(sgemm, sgemm_, f32, "single");
gemm!(dgemm, dgemm_, f64, "double");

/// `a b^T` of matrices with as many columns.
///
/// # Panics
/// If the columns differ.
pub fn rows_by_rows(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    assert_eq!(a.ncols(), b.ncols(), "as many columns");
    let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
    let mut out = Array2::zeros((a.nrows(), b.nrows()));
    let [a_values, b_values] = [&a, &b].map(|x| x.as_slice().expect("the standard layout is row after row"));
    let c = out.as_slice_mut().expect("a fresh matrix lies row after row");
    // Column by column, `out` is `(n, m)`, the product of `b` transposed, which is `(depth, n)`, and `a`, `(depth, m)`.
    dgemm([true, false], [b.nrows(), a.nrows(), a.ncols()], b_values, a_values, c);
    out
}

/// The upper triangle, with the diagonal, of `a^T a` for `a` `(n, d)` row after row; zeros below.
///
/// # Panics
/// If `a` is not row after row without gaps.
pub fn columns_by_columns(a: ArrayView2<f64>) -> Array2<f64> {
    let values = a.as_slice().expect("row after row");
    let mut out = Array2::zeros((a.ncols(), a.ncols()));
    if a.is_empty() {
        return out;
    }
    let (n, d) = (length(a.nrows()), length(a.ncols()));
    // SAFETY: column by column, `a` is `(d, n)`, and the lower triangle of `out`, `(d, d)`, is the upper one row by row.
    unsafe {
        dsyrk_(&LOWER, &PLAIN, &d, &n, &1.0, values.as_ptr(), &d, &0.0, out.as_mut_ptr(), &d);
    }
    out
}

/// The upper triangle, with the diagonal, of `a a^T`, `(n, n)`, of `a` `(n, d)`; zeros below.
pub fn upper_gram(a: ArrayView2<f64>) -> Array2<f64> {
    let a = a.as_standard_layout();
    let mut out = Array2::zeros((a.nrows(), a.nrows()));
    if a.is_empty() {
        return out;
    }
    let (n, d) = (length(a.nrows()), length(a.ncols()));
    // SAFETY: column by column, `a` is `(d, n)`, and the lower triangle of `out`, `(n, n)`, is the upper one row by row.
    unsafe {
        dsyrk_(&LOWER, &TRANSPOSED, &n, &d, &1.0, a.as_ptr(), &d, &0.0, out.as_mut_ptr(), &n);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Stream;

    #[test]
    fn products_are_those_of_plain_loops() {
        for (m, n, depth) in [(1, 1, 1), (3, 5, 2), (17, 4, 9), (2, 33, 40)] {
            let normal = |index, rows| Stream::new(1, 0, "blas").standard_normal(index, rows, depth);
            let (a, b) = (normal(0, m), normal(1, n));
            let expected = Array2::from_shape_fn((m, n), |(i, j)| -> f64 {
                (0..depth).map(|c| a[[i, c]] * b[[j, c]]).sum()
            });
            let close = |found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64| {
                assert!((found - expected).iter().all(|error| error.abs() < tolerance), "{found} {expected}");
            };
            close(&rows_by_rows(a.view(), b.view()), &expected, 1e-12);
            let upper = |mut x: Array2<f64>| {
                x.indexed_iter_mut().filter(|((i, j), _)| i > j).for_each(|(_, v)| *v = 0.0);
                x
            };
            close(&upper_gram(a.view()), &upper(a.dot(&a.t())), 1e-12);
            close(&columns_by_columns(a.view()), &upper(a.t().dot(&a)), 1e-12);
        }
    }
}
