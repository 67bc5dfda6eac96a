//! The gradient of each tensor of the parameters, from the blocks of a batch; and how the work is shared
//! among threads.

use super::{
    block::Block,
    gemm::FEW,
    gradient::{FewGradient, Pair, WeightGradient},
    matrix::Matrix,
    model::{Dense, Model, Segment},
    packed::padded,
};
use pulp::{Arch, Simd, WithSimd};

/// Calls `work` for every segment with its own slice of the vector: in order, or, with `parallel`, one half of the
/// vector in this thread and the other in another, and so on.
pub(super) fn spread<P: Copy + Send + Sync>(
    segments: &[(P, usize)],
    parameters: &mut [f32],
    parallel: bool,
    work: &(impl Fn(P, &mut [f32]) + Sync),
) {
    if !parallel || segments.len() < 2 {
        let mut rest = parameters;
        for (segment, length) in segments {
            let (own, others) = rest.split_at_mut(*length);
            work(*segment, own);
            rest = others;
        }
        return;
    }
    let (mut cut, mut length) = (1, segments[0].1);
    while cut + 1 < segments.len() && length + segments[cut].1 / 2 < parameters.len() / 2 {
        length += segments[cut].1;
        cut += 1;
    }
    let (left, right) = parameters.split_at_mut(length);
    rayon::join(
        || spread(&segments[..cut], left, true, work),
        || spread(&segments[cut..], right, true, work),
    );
}

/// The gradient of one segment, summed over the batch.
pub(super) fn gradient(arch: Arch, model: &Model, blocks: &[Block], segment: Segment, out: &mut [f32]) {
    out.fill(0.0);
    match segment {
        Segment::Bias { layer, map } => blocks.iter().for_each(|block| {
            let delta = outputs(block, layer, map);
            arch.dispatch(Add { rows: block.rows, from: delta, out });
        }),
        Segment::Weight { layer, map, column, width } => blocks.iter().for_each(|block| {
            let (x, delta) = (inputs(block, layer, map), outputs(block, layer, map));
            let pair = Pair {
                rows: block.rows,
                x: &x.values,
                x_stride: x.stride,
                delta: &delta.values,
                delta_stride: delta.stride,
            };
            let output = dense(model, layer, map).output;
            if output <= FEW {
                arch.dispatch(FewGradient { pair, output, out });
            } else {
                arch.dispatch(WeightGradient { pair, column, width, out });
            }
        }),
        Segment::Scale { layer } => blocks.iter().for_each(|block| {
            if let Some(scaled) = &block.layers[layer].scaled {
                scatter(block, scaled, (0, model.layers[layer].dense.output), out);
            }
        }),
        Segment::Encoding => blocks.iter().for_each(|block| {
            let first = if model.concat { model.dim } else { 0 };
            scatter(block, &block.encoding_delta, (first, model.time_width), out);
        }),
    }
}

fn dense(model: &Model, layer: usize, map: usize) -> Dense {
    let plan = &model.layers[layer];
    match (map, plan.time) {
        (1, Some([first, _])) => first,
        (2, Some([_, second])) => second,
        _ => plan.dense,
    }
}

/// What map `map` of a layer got.
fn inputs(block: &Block, layer: usize, map: usize) -> &Matrix {
    match (map, &block.layers[layer].time) {
        (1, _) => &block.encoding,
        (2, Some(time)) => &time.y,
        _ if layer == 0 => &block.x,
        _ => &block.layers[layer - 1].main.y,
    }
}

/// The gradient with respect to what it gave.
fn outputs(block: &Block, layer: usize, map: usize) -> &Matrix {
    match (map, &block.layers[layer].time) {
        (1, Some(time)) => &time.delta,
        _ => &block.layers[layer].main.delta,
    }
}

/// Adds `columns` values from column `first` on of each row to the row of its step.
fn scatter(block: &Block, from: &Matrix, (first, columns): (usize, usize), out: &mut [f32]) {
    let width = padded(columns);
    for (row, &t) in block.steps.iter().enumerate() {
        let from = &from.row(row)[first..first + columns];
        out[t as usize * width..].iter_mut().zip(from).for_each(|(out, v)| *out += v);
    }
}

/// Adds all rows to `out`, one after the other.
struct Add<'a> {
    rows: usize,
    from: &'a Matrix,
    out: &'a mut [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (registers, mut first) = (self.out.len() / S::F32_LANES, 0);
        while first + 4 <= registers {
            self.registers::<S, 4>(simd, first);
            first += 4;
        }
        while first < registers {
            self.registers::<S, 1>(simd, first);
            first += 1;
        }
    }
}

impl Add<'_> {
    /// `N` registers of columns. Each sum depends on its value at the row before, so several independent sums keep
    /// the processor busy.
    #[inline(always)]
    fn registers<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let columns = first * S::F32_LANES..(first + N) * S::F32_LANES;
        let out = S::as_mut_simd_f32s(&mut self.out[columns.clone()]).0;
        let mut sums: [S::f32s; N] = std::array::from_fn(|j| out[j]);
        for row in self.from.values.chunks_exact(self.from.stride).take(self.rows) {
            let row = &S::as_simd_f32s(&row[columns.clone()]).0[..N];
            for j in 0..N {
                sums[j] = simd.add_f32s(sums[j], row[j]);
            }
        }
        out.copy_from_slice(&sums);
    }
}
