//! Products of matrices that lie row after row with a fixed distance between the rows.

use crate::diffusion::fused::gemm::Product;
use crate::diffusion::fused::packed::{NARROW, WIDE, padded};
use pulp::{Arch, Simd, WithSimd};

/// A matrix in memory: entry `(i, j)` at `i * row + j * column`.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub values: &'a [f32],
    pub row: usize,
    pub column: usize,
}

impl<'a> View<'a> {
    /// Rows one after the other.
    pub fn rows(values: &'a [f32], row: usize) -> Self {
        Self { values, row, column: 1 }
    }

    /// The transposed matrix.
    pub fn t(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }
}

/// `out = a b` or `out += a b`, with `a` `(rows, depth)` whose columns are neighbours, and any `b` `(depth, columns)`, which
/// is packed panel by panel into `scratch`. Up to 15 numbers behind each row of `out` are overwritten.
pub(super) struct Times<'a> {
    pub arch: Arch,
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub a: &'a [f32],
    pub a_row: usize,
    pub b: View<'a>,
    pub keep: bool,
    pub out: &'a mut [f32],
    pub out_row: usize,
}

impl Times<'_> {
    pub fn compute(self, scratch: &mut Vec<f32>) {
        let Self { arch, rows, depth, columns, a, a_row, b, keep, out, out_row } = self;
        for first in (0..columns).step_by(WIDE) {
            let count = WIDE.min(columns - first);
            let width = padded(count);
            grow(scratch, depth * width + NARROW);
            let b = View { values: &b.values[first * b.column..], ..b };
            arch.dispatch(Pack { b, depth, count, width, out: scratch });
            arch.dispatch(Product {
                rows,
                depth,
                columns: count,
                a,
                a_stride: a_row,
                b: &scratch[..depth * width],
                height: depth,
                keep,
                out: &mut out[first..],
                out_stride: out_row,
                ..Product::default()
            });
        }
    }
}

/// Makes a buffer at least so long.
pub(super) fn grow(buffer: &mut Vec<f32>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
}

/// One panel of a matrix: `count` columns in `width` places of each row.
struct Pack<'a> {
    b: View<'a>,
    depth: usize,
    count: usize,
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { b: View { values, row, column }, depth, count, width, out } = self;
        if column == 1 {
            for (k, out) in out.chunks_exact_mut(width).take(depth).enumerate() {
                out[..count].copy_from_slice(&values[k * row..][..count]);
            }
        } else if row == 1 {
            // Rows are neighbours: the panel is a transposed one.
            for j in 0..count {
                let from = &values[j * column..][..depth];
                for (from, out) in from.iter().zip(out.chunks_exact_mut(width)) {
                    out[j] = *from;
                }
            }
        } else {
            for (k, out) in out.chunks_exact_mut(width).take(depth).enumerate() {
                for (j, out) in out.iter_mut().take(count).enumerate() {
                    *out = values[k * row + j * column];
                }
            }
        }
    }
}
