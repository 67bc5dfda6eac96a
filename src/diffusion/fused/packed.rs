//! Packed matrices: the form in which weights are multiplied and trained, as in the packing of BLAS libraries.
//!
//! A matrix `(depth, columns)` is stored panel after panel. A panel holds [`WIDE`] columns (the last one
//! [`NARROW`], if that is enough), row after row; missing columns are zeros. So the innermost loop of a
//! product reads one short contiguous row of values after the other, whatever the shape of the matrix.

use std::ops::Range;

/// Columns of a panel.
pub(super) const WIDE: usize = 32;

/// Columns of a last panel that needs no more, and the unit of all padding: the widest vector register.
pub(super) const NARROW: usize = 16;

/// `width` rounded up to whole registers.
pub(super) fn padded(width: usize) -> usize {
    width.next_multiple_of(NARROW)
}

/// Numbers from one row of activations to the next. An odd number of cache lines where rows are long, so
/// that the same column of many rows does not fall into one set of the cache.
pub(super) fn stride(width: usize) -> usize {
    let padded = padded(width);
    if padded >= 8 * NARROW && padded.is_multiple_of(2 * NARROW) { padded + NARROW } else { padded }
}

/// The column ranges of the panels of a matrix with so many columns, padding included.
pub(super) fn panels(columns: usize) -> impl Iterator<Item = Range<usize>> {
    let all = padded(columns);
    (0..all).step_by(WIDE).map(move |first| first..all.min(first + WIDE))
}

/// Where entry `(row, column)` of a matrix `(depth, columns)` lies.
pub(super) fn position(depth: usize, columns: usize, row: usize, column: usize) -> usize {
    let first = column / WIDE * WIDE;
    let width = WIDE.min(padded(columns) - first);
    first * depth + row * width + (column - first)
}
