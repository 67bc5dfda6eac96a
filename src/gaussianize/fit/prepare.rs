//! The data before the first layer: checks, and the split into training and held-out points.

use ndarray::{Array2, ArrayView2, Axis};

use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::options::GaussianizeOptions;
use crate::numeric::random::Stream;

/// Fewest held-out points that can decide when to stop.
const FEWEST_HELD_OUT: usize = 20;

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

/// Training and held-out rows, drawn by the stream.
///
/// # Errors
/// Too few rows are left for training.
pub(crate) fn split(
    x: ArrayView2<f64>,
    options: &GaussianizeOptions,
    stream: &Stream,
    warnings: &mut Vec<String>,
) -> Result<(Array2<f64>, Array2<f64>), GaussianizeError> {
    let (n, d) = x.dim();
    let mut held = (options.held_out * n as f64).round() as usize;
    if held > 0 && held < FEWEST_HELD_OUT {
        warnings.push(format!(
            "{held} held-out points are too few to watch (at least {FEWEST_HELD_OUT}), so all {} layers are used unwatched",
            options.layers
        ));
        held = 0;
    }
    if n - held < d + 1 {
        return Err(GaussianizeError::TooFew { rows: n - held, columns: d, needed: d + 1 });
    }
    let keys = stream.child("held out").standard_normal(0, n, 1);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| keys[[*a, 0]].total_cmp(&keys[[*b, 0]]));
    let (out, mut rows) = (order[..held].to_vec(), order[held..].to_vec());
    rows.sort_unstable();
    Ok((x.select(Axis(0), &rows), x.select(Axis(0), &out)))
}
