//! Fewer points where all of them would cost time and tell nothing more.

use ndarray::{Array2, ArrayView2, s};

/// At most `most` columns of `x`, evenly spaced; points are columns, shape `(d, n)`.
pub(super) fn thin_columns(x: ArrayView2<f64>, most: usize) -> Array2<f64> {
    let stride = x.ncols().div_ceil(most).max(1);
    x.slice(s![.., ..;stride]).to_owned()
}
