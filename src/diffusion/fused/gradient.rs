//! The gradient with respect to a layer's weight: inputs times deltas, summed over the rows of the batch.
//!
//! Rows are added one after the other, in their order in the batch, one fused multiply-add each: neither
//! blocks nor tiles change a bit.

use super::{
    gemm::FEW,
    packed::{NARROW, WIDE},
};
use pulp::{Simd, WithSimd};

/// One block of the batch as a weight sees it.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// Rows in use.
    pub rows: usize,
    /// The layer's input, `(rows, input)`.
    pub x: &'a [f32],
    pub x_stride: usize,
    /// The gradient with respect to the layer's output, `(rows, output)`.
    pub delta: &'a [f32],
    pub delta_stride: usize,
}

/// `out = out + x^T delta` for the panel of `width` columns whose first is `column`; `out` has a row of
/// `width` values for each input.
pub(super) struct WeightGradient<'a> {
    pub pair: Pair<'a>,
    pub column: usize,
    pub width: usize,
    pub out: &'a mut [f32],
}

impl WithSimd for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pair, column, width, out } = self;
        if width == WIDE {
            panel::<S, WIDE>(simd, pair, column, out.as_chunks_mut().0);
        } else {
            panel::<S, NARROW>(simd, pair, column, out.as_chunks_mut().0);
        }
    }
}

/// One panel, eight inputs at a time while there are so many.
#[inline(always)]
fn panel<S: Simd, const W: usize>(simd: S, pair: Pair, column: usize, out: &mut [[f32; W]]) {
    let mut input = 0;
    if S::F32_LANES == NARROW {
        for tile in out.as_chunks_mut::<8>().0 {
            strip::<S, 8, W>(simd, pair, (input, column), tile);
            input += 8;
        }
    }
    for tile in out[input..].as_chunks_mut::<4>().0 {
        strip::<S, 4, W>(simd, pair, (input, column), tile);
        input += 4;
    }
    for tile in out[input..].as_chunks_mut::<1>().0 {
        strip::<S, 1, W>(simd, pair, (input, column), tile);
        input += 1;
    }
}

/// `R` inputs of one panel, two registers of columns at a time if there are two.
#[inline(always)]
fn strip<S: Simd, const R: usize, const W: usize>(
    simd: S,
    pair: Pair,
    (input, column): (usize, usize),
    out: &mut [[f32; W]; R],
) {
    let (registers, mut first) = (W / S::F32_LANES, 0);
    while first + 2 <= registers {
        tile::<S, R, 2, W>(simd, pair, (input, column), first, out);
        first += 2;
    }
    if first < registers {
        tile::<S, R, 1, W>(simd, pair, (input, column), first, out);
    }
}

/// `R` inputs times `N` registers of columns.
#[inline(always)]
fn tile<S: Simd, const R: usize, const N: usize, const W: usize>(
    simd: S,
    pair: Pair,
    (input, column): (usize, usize),
    first: usize,
    out: &mut [[f32; W]; R],
) {
    let from = column + first * S::F32_LANES;
    let to = from + N * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for (sums, out) in sums.iter_mut().zip(&*out) {
        sums.copy_from_slice(&S::as_simd_f32s(out).0[first..first + N]);
    }
    let rows = pair.x.chunks_exact(pair.x_stride).zip(pair.delta.chunks_exact(pair.delta_stride));
    for (x, delta) in rows.take(pair.rows) {
        let x = &x[input..input + R];
        let delta = &S::as_simd_f32s(&delta[from..to]).0[..N];
        for r in 0..R {
            let x = simd.splat_f32s(x[r]);
            for j in 0..N {
                sums[r][j] = simd.mul_add_e_f32s(x, delta[j], sums[r][j]);
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(&sums) {
        S::as_mut_simd_f32s(out).0[first..first + N].copy_from_slice(sums);
    }
}

/// As [`WeightGradient`] for a layer of at most [`FEW`] outputs, whose only panel is mostly padding: here
/// the inputs lie side by side in the registers.
pub(super) struct FewGradient<'a> {
    pub pair: Pair<'a>,
    /// Columns that are not padding.
    pub output: usize,
    pub out: &'a mut [f32],
}

impl WithSimd for FewGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.output {
            1 => self.columns::<S, 1>(simd),
            2 => self.columns::<S, 2>(simd),
            3 => self.columns::<S, 3>(simd),
            _ => self.columns::<S, FEW>(simd),
        }
    }
}

impl FewGradient<'_> {
    #[inline(always)]
    fn columns<S: Simd, const O: usize>(self, simd: S) {
        let Self { pair, out, .. } = self;
        let (mut first, out) = (0, out.as_chunks_mut::<NARROW>().0);
        while first + 4 * S::F32_LANES <= out.len() {
            registers::<S, O, 4>(simd, pair, first, out);
            first += 4 * S::F32_LANES;
        }
        while first < out.len() {
            registers::<S, O, 1>(simd, pair, first, out);
            first += S::F32_LANES;
        }
    }
}

/// `N` registers of inputs from `first` on. Each sum depends on its value at the row before, so several independent
/// sums keep the processor busy.
#[inline(always)]
fn registers<S: Simd, const O: usize, const N: usize>(
    simd: S,
    pair: Pair,
    first: usize,
    out: &mut [[f32; NARROW]],
) {
    let (lanes, inputs) = (S::F32_LANES, N * S::F32_LANES);
    let last = out.len().min(first + inputs);
    let out = &mut out[first..last];
    let mut transposed = [[[0.0f32; NARROW]; O]; N];
    for (i, out) in out.iter().enumerate() {
        (0..O).for_each(|o| transposed[i / lanes][o][i % lanes] = out[o]);
    }
    let mut sums = [[simd.splat_f32s(0.0); O]; N];
    for n in 0..N {
        for o in 0..O {
            sums[n][o] = S::as_simd_f32s(&transposed[n][o]).0[0];
        }
    }
    let rows = pair.x.chunks_exact(pair.x_stride).zip(pair.delta.chunks_exact(pair.delta_stride));
    for (x, delta) in rows.take(pair.rows) {
        let x = &S::as_simd_f32s(&x[first..first + inputs]).0[..N];
        let delta = &delta[..O];
        for o in 0..O {
            let delta = simd.splat_f32s(delta[o]);
            for n in 0..N {
                sums[n][o] = simd.mul_add_e_f32s(x[n], delta, sums[n][o]);
            }
        }
    }
    for n in 0..N {
        for o in 0..O {
            S::as_mut_simd_f32s(&mut transposed[n][o]).0[0] = sums[n][o];
        }
    }
    for (i, out) in out.iter_mut().enumerate() {
        (0..O).for_each(|o| out[o] = transposed[i / lanes][o][i % lanes]);
    }
}
