//! Points as every metric takes them: checked, and row after row.

use ndarray::ArrayView2;
use std::borrow::Cow;

use super::MetricsError;

/// The points row after row; `which` of them ("real" or "generated") is named in errors.
///
/// # Errors
/// No columns, or a coordinate that is not finite.
pub(super) fn checked<'a>(
    points: &'a ArrayView2<f64>,
    which: &'static str,
) -> Result<Cow<'a, [f64]>, MetricsError> {
    if points.ncols() == 0 {
        return Err(MetricsError::NoColumns { which });
    }
    let finite = |some: &[f64]| some.iter().fold(true, |all, value| all & value.is_finite());
    // Without a way out for every number, which is faster; what is wrong is looked for only where something is.
    if !points.as_slice().is_some_and(|all| all.chunks(512).all(finite))
        && let Some(((row, column), &value)) = points.indexed_iter().find(|(_, value)| !value.is_finite())
    {
        return Err(MetricsError::NotFinite { which, row, column, value });
    }
    Ok(match points.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(points.iter().copied().collect()),
    })
}

/// Points row after row, all finite, at least one.
pub(super) struct Checked<'a> {
    pub rows: Cow<'a, [f64]>,
    pub n: usize,
    pub d: usize,
}

/// As [`checked`], and at least one point.
///
/// # Errors
/// No point, or as [`checked`].
pub(super) fn checked_points<'a>(
    points: &'a ArrayView2<f64>,
    which: &'static str,
) -> Result<Checked<'a>, MetricsError> {
    let rows = checked(points, which)?;
    let (n, d) = points.dim();
    if n == 0 { Err(MetricsError::NoPoints { which }) } else { Ok(Checked { rows, n, d }) }
}

/// At least two points, all finite.
///
/// # Errors
/// A single point, or as [`checked_points`].
pub(super) fn checked_set<'a>(
    points: &'a ArrayView2<f64>,
    which: &'static str,
) -> Result<Checked<'a>, MetricsError> {
    let points = checked_points(points, which)?;
    if points.n == 1 { Err(MetricsError::OnePoint { which }) } else { Ok(points) }
}
