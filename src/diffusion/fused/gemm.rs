//! The product of a block of rows with a packed matrix: the forward pass, and the gradient with
//! respect to a layer's input.
//!
//! Every entry of the result is `init + a_0 b_0 + a_1 b_1 + ...` in that order, one fused multiply-add
//! each, wherever in a tile it falls. So it does not depend on how rows are cut into blocks.

use super::packed::{NARROW, WIDE, panels};
use pulp::{Simd, WithSimd};

/// Columns that count as few: see [`FewColumns`].
pub(super) const FEW: usize = 4;

/// `out = init + a b`: `a` `(rows, depth)`, `b` the rows `skip..skip + depth` of a packed matrix with
/// `height` rows, `out` `(rows, columns)`. `init` is `bias` (0 if none), plus `out` itself if `keep`.
#[derive(Default)]
pub(super) struct Product<'a> {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub a: &'a [f32],
    pub a_stride: usize,
    pub b: &'a [f32],
    pub height: usize,
    pub skip: usize,
    /// One number per column, padded.
    pub bias: Option<&'a [f32]>,
    pub keep: bool,
    /// ReLU on the way out.
    pub rectify: bool,
    /// The output of a ReLU, laid out as `out`, which becomes 0 where it is 0: the backward pass of the ReLU.
    pub gate: Option<&'a [f32]>,
    pub out: &'a mut [f32],
    pub out_stride: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for columns in panels(self.columns) {
            let start = columns.start * self.height + self.skip * columns.len();
            let panel = &self.b[start..start + self.depth * columns.len()];
            if columns.len() == WIDE {
                self.panel::<S, WIDE>(simd, panel.as_chunks().0, columns.start);
            } else {
                self.panel::<S, NARROW>(simd, panel.as_chunks().0, columns.start);
            }
        }
    }
}

impl Product<'_> {
    /// All rows times one panel, whose first column is `column`.
    #[inline(always)]
    fn panel<S: Simd, const W: usize>(&mut self, simd: S, panel: &[[f32; W]], column: usize) {
        let mut row = 0;
        if S::F32_LANES == NARROW {
            while row + 8 <= self.rows {
                self.tile::<S, 8, W>(simd, panel, row, column);
                row += 8;
            }
        }
        // As many sums as registers of this width allow, which hides how long one takes.
        while S::F32_LANES == NARROW / 2 && row + 6 <= self.rows {
            self.tile::<S, 6, W>(simd, panel, row, column);
            row += 6;
        }
        while row + 4 <= self.rows {
            self.tile::<S, 4, W>(simd, panel, row, column);
            row += 4;
        }
        while row < self.rows {
            self.tile::<S, 1, W>(simd, panel, row, column);
            row += 1;
        }
    }

    /// `R` rows times one panel, two registers of columns at a time if there are two, and four for a single row.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const W: usize>(
        &mut self,
        simd: S,
        panel: &[[f32; W]],
        row: usize,
        column: usize,
    ) {
        let registers = W / S::F32_LANES;
        let mut first = 0;
        while R == 1 && first + 4 <= registers {
            self.registers::<S, R, 4, W>(simd, panel, row, column, first);
            first += 4;
        }
        while first + 2 <= registers {
            self.registers::<S, R, 2, W>(simd, panel, row, column, first);
            first += 2;
        }
        if first < registers {
            self.registers::<S, R, 1, W>(simd, panel, row, column, first);
        }
    }

    /// `R` rows times `N` registers of columns of one panel.
    #[inline(always)]
    fn registers<S: Simd, const R: usize, const N: usize, const W: usize>(
        &mut self,
        simd: S,
        panel: &[[f32; W]],
        row: usize,
        column: usize,
        first: usize,
    ) {
        let (depth, lanes) = (self.depth, S::F32_LANES);
        let from = column + first * lanes;
        let a: [&[f32]; R] = std::array::from_fn(|r| &self.a[(row + r) * self.a_stride..][..depth]);
        let mut sums = [[simd.splat_f32s(0.0); N]; R];
        if let Some(bias) = self.bias {
            let bias = S::as_simd_f32s(&bias[from..from + N * lanes]).0;
            sums = [std::array::from_fn(|j| bias[j]); R];
        }
        if self.keep {
            for r in 0..R {
                let out = &self.out[(row + r) * self.out_stride + from..][..N * lanes];
                let out = S::as_simd_f32s(out).0;
                for j in 0..N {
                    sums[r][j] = simd.add_f32s(sums[r][j], out[j]);
                }
            }
        }
        let panel = &panel[..depth];
        for k in 0..depth {
            let b = &S::as_simd_f32s(&panel[k]).0[first..first + N];
            for r in 0..R {
                let a = simd.splat_f32s(a[r][k]);
                for j in 0..N {
                    sums[r][j] = simd.mul_add_e_f32s(a, b[j], sums[r][j]);
                }
            }
        }
        if self.rectify {
            for sum in sums.as_flattened_mut() {
                *sum = simd.max_f32s(*sum, simd.splat_f32s(0.0));
            }
        }
        if let Some(gate) = self.gate {
            for r in 0..R {
                let gate = S::as_simd_f32s(&gate[(row + r) * self.out_stride + from..][..N * lanes]).0;
                for j in 0..N {
                    let open = simd.greater_than_f32s(gate[j], simd.splat_f32s(0.0));
                    sums[r][j] = simd.select_f32s(open, sums[r][j], simd.splat_f32s(0.0));
                }
            }
        }
        for r in 0..R {
            let out = &mut self.out[(row + r) * self.out_stride + from..][..N * lanes];
            S::as_mut_simd_f32s(out).0.copy_from_slice(&sums[r]);
        }
    }
}

/// `out = bias + a b^T` for at most [`FEW`] columns: `b` `(columns, depth)` packed. The depth lies along
/// the registers, so that no lane works for padding; lanes are summed at the end.
pub(super) struct FewColumns<'a> {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub a: &'a [f32],
    pub a_stride: usize,
    pub b: &'a [f32],
    /// One number per column.
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
    pub out_stride: usize,
}

impl WithSimd for FewColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.columns {
            1 => self.columns::<S, 1>(simd),
            2 => self.columns::<S, 2>(simd),
            3 => self.columns::<S, 3>(simd),
            _ => self.columns::<S, FEW>(simd),
        }
    }
}

impl FewColumns<'_> {
    #[inline(always)]
    fn columns<S: Simd, const O: usize>(mut self, simd: S) {
        let mut row = 0;
        while row + 4 <= self.rows {
            self.tile::<S, 4, O>(simd, row);
            row += 4;
        }
        while row < self.rows {
            self.tile::<S, 1, O>(simd, row);
            row += 1;
        }
    }

    /// `R` rows times all `O` columns.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const O: usize>(&mut self, simd: S, row: usize) {
        let mut sums = [[simd.splat_f32s(0.0); O]; R];
        for range in panels(self.depth) {
            let width = range.len();
            let panel = &self.b[range.start * O..range.end * O];
            let b: [&[S::f32s]; O] =
                std::array::from_fn(|o| S::as_simd_f32s(&panel[o * width..(o + 1) * width]).0);
            let a: [&[S::f32s]; R] = std::array::from_fn(|r| {
                S::as_simd_f32s(&self.a[(row + r) * self.a_stride + range.start..][..width]).0
            });
            for k in 0..width / S::F32_LANES {
                for r in 0..R {
                    for o in 0..O {
                        sums[r][o] = simd.mul_add_e_f32s(a[r][k], b[o][k], sums[r][o]);
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut self.out[(row + r) * self.out_stride..][..O];
            for ((out, sum), bias) in out.iter_mut().zip(sums).zip(&self.bias[..O]) {
                *out = simd.reduce_sum_f32s(*sum) + bias;
            }
        }
    }
}
