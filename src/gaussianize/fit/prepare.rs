//! The data before the first layer: checks, and the split into training and held-out points.

use ndarray::{Array2, ArrayView2, Axis};

use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::options::FOLDS;
use crate::numeric::random::Stream;

/// Refuses data that no map can be fitted to.
///
/// # Errors
/// The first of: no columns, a number that is not finite, too few rows, a constant column.
pub(crate) fn check_data(x: ArrayView2<f64>) -> Result<(), GaussianizeError> {
    let (n, d) = x.dim();
    if d == 0 {
        return Err(GaussianizeError::NoColumns);
    }
    if let Some(((row, column), value)) = x.indexed_iter().find(|(_, v)| !v.is_finite()) {
        return Err(GaussianizeError::NotFinite { row, column, value: *value });
    }
    let needed = d + 1;
    if n < needed {
        return Err(GaussianizeError::TooFew { rows: n, columns: d, needed });
    }
    for (column, values) in x.columns().into_iter().enumerate() {
        if values.iter().all(|v| *v == values[0]) {
            return Err(GaussianizeError::ConstantColumn { column, value: values[0] });
        }
    }
    Ok(())
}

/// Training rows and `held` held-out ones, drawn by the stream.
///
/// # Errors
/// Too few rows are left for training.
pub(crate) fn split(
    x: ArrayView2<f64>,
    held: usize,
    stream: &Stream,
) -> Result<(Array2<f64>, Array2<f64>), GaussianizeError> {
    let (n, d) = x.dim();
    if n - held < d + 1 {
        return Err(GaussianizeError::TooFew { rows: n - held, columns: d, needed: d + 1 });
    }
    let order = held_out_order(n, stream);
    let (out, mut rows) = (order[..held].to_vec(), order[held..].to_vec());
    rows.sort_unstable();
    Ok((x.select(Axis(0), &rows), x.select(Axis(0), &out)))
}

/// The rows `0..n` in the order in which they are held out.
pub(crate) fn held_out_order(n: usize, stream: &Stream) -> Vec<usize> {
    shuffled(n, &stream.child("held out"))
}

/// The rows `0..n` in the order that the stream draws.
pub(crate) fn shuffled(n: usize, stream: &Stream) -> Vec<usize> {
    let keys = stream.standard_normal(0, n, 1);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| keys[[*a, 0]].total_cmp(&keys[[*b, 0]]));
    order
}

/// Deals rows into [`FOLDS`] parts, one after the other: those of the other parts, and those of part `fold`, both in the
/// order of `rows`.
pub(crate) fn dealt(rows: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    let of = |held: bool| {
        let own = rows.iter().enumerate().filter(|(i, _)| (i % FOLDS == fold) == held);
        own.map(|(_, row)| *row).collect()
    };
    (of(false), of(true))
}
