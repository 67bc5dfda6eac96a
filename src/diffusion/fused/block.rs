//! Some rows of a batch on their way through the network and back, on buffers that are kept.

use super::{
    elementwise::{Activate, Chain, Multiply},
    gemm::{FEW, FewColumns, Product},
    model::{Dense, LayerPlan, Model},
    panel::{NARROW, stride},
};
use crate::diffusion::Activation;
use pulp::Arch;

/// Rows of equal length, `stride` numbers from one to the next; padding is 0.
#[derive(Debug)]
pub(super) struct Matrix {
    pub numbers: Vec<f32>,
    pub stride: usize,
}

impl Matrix {
    fn new(rows: usize, columns: usize) -> Self {
        let stride = stride(columns);
        Self { numbers: vec![0.0; rows * stride], stride }
    }

    /// Nothing at all.
    fn none() -> Self {
        Self { numbers: Vec::new(), stride: 1 }
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.stride..(row + 1) * self.stride]
    }

    /// The first columns from rows of `d` numbers, one after the other.
    pub fn take_rows(&mut self, from: &[f64], d: usize) {
        let rows = self.numbers.chunks_exact_mut(self.stride);
        match d {
            // A length known to the compiler: the loop over a short row costs more than what it does.
            2 => rows
                .zip(from.as_chunks::<2>().0)
                .for_each(|(to, x)| (to[0], to[1]) = (x[0] as f32, x[1] as f32)),
            _ => rows
                .zip(from.chunks_exact(d))
                .for_each(|(to, x)| to.iter_mut().zip(x).for_each(|(to, x)| *to = *x as f32)),
        }
    }

    /// `factor` times the first columns, to rows of `d` numbers, one after the other.
    pub fn give_rows(&self, to: &mut [f64], d: usize, factor: f64) {
        let rows = self.numbers.chunks_exact(self.stride);
        let times = |x: f32| factor * f64::from(x);
        match d {
            2 => rows.zip(to.as_chunks_mut::<2>().0).for_each(|(x, to)| *to = [times(x[0]), times(x[1])]),
            _ => rows
                .zip(to.chunks_exact_mut(d))
                .for_each(|(x, to)| to.iter_mut().zip(x).for_each(|(to, x)| *to = times(*x))),
        }
    }

    /// One row, to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.numbers[row * self.stride..(row + 1) * self.stride]
    }
}

/// The buffers of an activated map.
#[derive(Debug)]
pub(super) struct Activated {
    /// What the activation gave.
    pub y: Matrix,
    /// Its slope there; nothing with ReLU.
    slope: Matrix,
    /// The gradient with respect to what the activation got.
    pub delta: Matrix,
}

impl Activated {
    fn new(rows: usize, columns: usize, activation: Activation) -> Self {
        let matrix = || Matrix::new(rows, columns);
        let slope = if activation == Activation::Relu { Matrix::none() } else { matrix() };
        Self { y: matrix(), slope, delta: matrix() }
    }
}

/// The buffers of a layer.
#[derive(Debug)]
pub(super) struct Work {
    pub main: Activated,
    /// The hidden part of the layer's own time embedding.
    pub time: Option<Activated>,
    /// Outputs before the factors; on the way back, times the gradient: the gradient of the factors.
    pub scaled: Option<Matrix>,
}

/// What all blocks share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub arch: Arch,
    pub model: &'a Model,
    /// The parameters.
    pub numbers: &'a [f32],
    /// The weights the other way round.
    pub back: &'a [f32],
}

/// Some rows of a batch.
#[derive(Debug)]
pub(super) struct Block {
    pub rows: usize,
    /// Row of each point's step in a table, `t - 1`.
    pub steps: Vec<u32>,
    /// The network's input: points, with the encoding appended if it is.
    pub x: Matrix,
    /// The encoding, if it goes to the layers' own embeddings.
    pub encoding: Matrix,
    /// The gradient with respect to the encoding (or all of the input), if it is learned.
    pub encoding_delta: Matrix,
    pub layers: Vec<Work>,
}

impl Block {
    /// A block for at most `rows` rows.
    pub fn new(model: &Model, rows: usize) -> Self {
        let work = |plan: &LayerPlan| {
            let output = plan.dense.output;
            let main = Activated::new(rows, output, model.activation);
            let time = plan.time.map(|_| Activated::new(rows, output, model.activation));
            Work { main, time, scaled: plan.scale.map(|_| Matrix::new(rows, output)) }
        };
        let input = model.layers.first().map_or(model.dim, |plan| plan.dense.input);
        let encoded = |width| if model.time_width > 0 { Matrix::new(rows, width) } else { Matrix::none() };
        Self {
            rows: 0,
            steps: Vec::with_capacity(rows),
            x: Matrix::new(rows, input),
            encoding: if model.concat { Matrix::none() } else { encoded(model.time_width) },
            encoding_delta: match model.learned {
                Some(_) => encoded(if model.concat { input } else { model.time_width }),
                None => Matrix::none(),
            },
            layers: model.layers.iter().map(work).collect(),
        }
    }

    /// Takes in points and the rows of their steps.
    pub fn fill(&mut self, shared: Shared, points: &[f64], steps: impl Iterator<Item = u32>) {
        let Shared { model, numbers, .. } = shared;
        self.steps.clear();
        self.steps.extend(steps);
        self.rows = self.steps.len();
        let d = model.dim;
        self.x.take_rows(points, d);
        if model.time_width > 0 {
            for (row, &t) in self.steps.iter().enumerate() {
                let to =
                    if model.concat { &mut self.x.row_mut(row)[d..] } else { self.encoding.row_mut(row) };
                copy(model.encoding(numbers, t as usize), to);
            }
        }
    }

    /// The forward pass; the last layer's `y` is the prediction.
    pub fn forward(&mut self, shared: Shared) {
        let Shared { arch, model, numbers, .. } = shared;
        let (rows, last) = (self.rows, model.layers.len() - 1);
        for (i, plan) in model.layers.iter().enumerate() {
            let (before, rest) = self.layers.split_at_mut(i);
            let input = before.last().map_or(&self.x, |work| &work.main.y);
            let Some(Work { main, time, scaled }) = rest.first_mut() else { return };
            apply(shared, &plan.dense, (input, rows), false, &mut main.y);
            if let (Some(time), Some([first, second])) = (time, &plan.time) {
                apply(shared, first, (&self.encoding, rows), false, &mut time.y);
                activate(shared, first, time, rows);
                apply(shared, second, (&time.y, rows), true, &mut main.y);
            }
            if let (Some(scaled), Some(table)) = (scaled, plan.scale) {
                for (row, &t) in self.steps.iter().enumerate() {
                    scaled.row_mut(row).copy_from_slice(main.y.row(row));
                    let b = table.row(numbers, t as usize);
                    arch.dispatch(Multiply { a: main.y.row_mut(row), b });
                }
            }
            if i < last {
                activate(shared, plan.last(), main, rows);
            }
        }
    }

    /// The backward pass, from the last layer's `delta`.
    pub fn backward(&mut self, shared: Shared) {
        let Shared { arch, model, numbers, .. } = shared;
        let (rows, learned) = (self.rows, model.learned.is_some());
        let mut keep = false;
        for (i, plan) in model.layers.iter().enumerate().rev() {
            let (before, rest) = self.layers.split_at_mut(i);
            let Some(Work { main, time, scaled }) = rest.first_mut() else { return };
            if let (Some(time), Some([first, second])) = (time, &plan.time) {
                apply_back_activated(shared, second, (&main.delta, rows), time);
                if learned {
                    apply_back(shared, first, (&time.delta, rows), (keep, None), &mut self.encoding_delta);
                    keep = true;
                }
            }
            if let (Some(scaled), Some(table)) = (scaled, plan.scale) {
                for (row, &t) in self.steps.iter().enumerate() {
                    let delta = main.delta.row_mut(row);
                    arch.dispatch(Multiply { a: scaled.row_mut(row), b: delta });
                    arch.dispatch(Multiply { a: delta, b: table.row(numbers, t as usize) });
                }
            }
            if let Some(below) = before.last_mut() {
                apply_back_activated(shared, &plan.dense, (&main.delta, rows), &mut below.main);
            } else if learned && model.concat {
                apply_back(shared, &plan.dense, (&main.delta, rows), (false, None), &mut self.encoding_delta);
            }
        }
    }
}

/// `y = x W^T + b`, on top of `y` if `keep`, and through the ReLU behind it if the map is one that does that.
fn apply(shared: Shared, map: &Dense, (x, rows): (&Matrix, usize), keep: bool, y: &mut Matrix) {
    let bias = &shared.numbers[map.bias()];
    forward(shared, map, (x, rows, map.input), (bias, keep, map.rectified), y);
}

/// `y = x W^T + bias` of the first `depth` inputs, on top of `y` if `keep`; negative results become 0 if `rectify`.
pub(super) fn forward(
    shared: Shared,
    map: &Dense,
    (x, rows, depth): (&Matrix, usize, usize),
    (bias, keep, rectify): (&[f32], bool, bool),
    y: &mut Matrix,
) {
    let (columns, out_stride) = (map.output, y.stride);
    let (a, a_stride, out) = (&x.numbers, x.stride, &mut y.numbers);
    // The short form has no way to leave out part of the depth, nor to add.
    if columns <= FEW && depth == map.input && !keep {
        let b = &shared.back[map.back()];
        shared.arch.dispatch(FewColumns { rows, depth, columns, a, a_stride, b, bias, out, out_stride });
        return;
    }
    let (b, height, bias) = (&shared.numbers[map.weight()], map.input, Some(bias));
    let sizes = Product { rows, depth, columns, a_stride, out_stride, height, ..Product::default() };
    shared.arch.dispatch(Product { a, b, bias, keep, rectify, out, ..sizes });
}

/// Copies a short row, sixteen numbers at a time: a call of `memcpy` for each costs more.
fn copy(from: &[f32], to: &mut [f32]) {
    let (chunks, rest) = from.as_chunks::<NARROW>();
    for (to, from) in to.as_chunks_mut::<NARROW>().0.iter_mut().zip(chunks) {
        *to = *from;
    }
    to[chunks.len() * NARROW..].iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
}

/// `dx = dy W`, on top of `dx` if `keep`, behind a gate.
fn apply_back(
    shared: Shared,
    map: &Dense,
    (dy, rows): (&Matrix, usize),
    (keep, gate): (bool, Option<&[f32]>),
    dx: &mut Matrix,
) {
    let (depth, columns, b) = (map.output, map.input, &shared.back[map.back()]);
    let (a, a_stride, out_stride, out) = (&dy.numbers, dy.stride, dx.stride, &mut dx.numbers);
    let sizes = Product { rows, depth, columns, a_stride, out_stride, height: depth, ..Product::default() };
    shared.arch.dispatch(Product { a, b, keep, gate, out, ..sizes });
}

/// `dx = dy W` and back through the activation that gave `x`.
fn apply_back_activated(shared: Shared, map: &Dense, (dy, rows): (&Matrix, usize), x: &mut Activated) {
    if shared.model.activation == Activation::Relu {
        return apply_back(shared, map, (dy, rows), (false, Some(&x.y.numbers)), &mut x.delta);
    }
    apply_back(shared, map, (dy, rows), (false, None), &mut x.delta);
    chain(shared, x, rows);
}

/// The activation of the first rows of what a map gave, unless the map has done it.
fn activate(shared: Shared, map: &Dense, part: &mut Activated, rows: usize) {
    if map.rectified {
        return;
    }
    let used = rows * part.y.stride;
    let slope = part.slope.numbers.get_mut(..used).unwrap_or(&mut []);
    let activation = shared.model.activation;
    shared.arch.dispatch(Activate { activation, y: &mut part.y.numbers[..used], slope });
}

/// From the gradient of what an activation gave to that of what it got.
fn chain(shared: Shared, part: &mut Activated, rows: usize) {
    let used = rows * part.y.stride;
    let slope = part.slope.numbers.get(..used).unwrap_or(&[]);
    let (activation, y) = (shared.model.activation, &part.y.numbers[..used]);
    shared.arch.dispatch(Chain { activation, delta: &mut part.delta.numbers[..used], y, slope });
}
