//! The forward and backward pass of some rows of a batch, on buffers that are kept between iterations.

use super::{
    elementwise::{Activate, Chain, Multiply},
    gemm::{FEW, FewColumns, Product},
    loss::{OutputRows, Rows},
    matrix::Matrix,
    model::{Dense, LayerPlan, Model},
    packed::NARROW,
};
use crate::diffusion::Activation;
use pulp::Arch;

/// The buffers of an affine map with an activation behind it.
#[derive(Debug)]
pub(super) struct Activated {
    /// The activation's output.
    pub y: Matrix,
    /// Its derivative there; nothing with ReLU.
    derivative: Matrix,
    /// The gradient with respect to the activation's input.
    pub delta: Matrix,
}

impl Activated {
    fn new(rows: usize, columns: usize, activation: Activation) -> Self {
        let matrix = || Matrix::new(rows, columns);
        let derivative = if activation == Activation::Relu { Matrix::none() } else { matrix() };
        Self { y: matrix(), derivative, delta: matrix() }
    }
}

/// The buffers of a layer.
#[derive(Debug)]
pub(super) struct Work {
    pub main: Activated,
    /// The hidden layer of the layer's own time embedding.
    pub time: Option<Activated>,
    /// Outputs before the factors; on the way back, times the gradient: the gradient of the factors.
    pub scaled: Option<Matrix>,
}

/// What all blocks of a batch have in common.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub arch: Arch,
    pub model: &'a Model,
    /// The parameters.
    pub parameters: &'a [f32],
    /// The transposed weights.
    pub transposed: &'a [f32],
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

impl OutputRows for Block {
    fn rows(&mut self) -> Rows<'_> {
        let work = &mut self.layers.last_mut().expect("a network has a layer").main;
        let stride = work.y.stride;
        debug_assert_eq!(stride, work.delta.stride);
        Rows { steps: &self.steps, predicted: &work.y.values, delta: &mut work.delta.values, stride }
    }
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

    /// Reads points, and the rows of their steps in the tables.
    pub fn fill(&mut self, shared: Shared, points: &[f64], steps: impl Iterator<Item = u32>) {
        let Shared { model, parameters, .. } = shared;
        self.steps.clear();
        self.steps.extend(steps);
        self.rows = self.steps.len();
        let d = model.dim;
        self.x.read_rows(points, d);
        if model.time_width > 0 {
            for (row, &t) in self.steps.iter().enumerate() {
                let to =
                    if model.concat { &mut self.x.row_mut(row)[d..] } else { self.encoding.row_mut(row) };
                copy(model.encoding(parameters, t as usize), to);
            }
        }
    }

    /// The forward pass; the last layer's `y` is the prediction.
    pub fn forward(&mut self, shared: Shared) {
        let Shared { arch, model, parameters, .. } = shared;
        let (rows, last) = (self.rows, model.layers.len() - 1);
        for (i, plan) in model.layers.iter().enumerate() {
            let (before, rest) = self.layers.split_at_mut(i);
            let input = before.last().map_or(&self.x, |work| &work.main.y);
            let Work { main, time, scaled } = rest.first_mut().expect("every layer has its buffers");
            apply(shared, &plan.dense, (input, rows), false, &mut main.y);
            if let (Some(time), Some([first, second])) = (time, &plan.time) {
                apply(shared, first, (&self.encoding, rows), false, &mut time.y);
                activate(shared, first, time, rows);
                apply(shared, second, (&time.y, rows), true, &mut main.y);
            }
            if let (Some(scaled), Some(table)) = (scaled, plan.scale) {
                for (row, &t) in self.steps.iter().enumerate() {
                    scaled.row_mut(row).copy_from_slice(main.y.row(row));
                    let b = table.row(parameters, t as usize);
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
        let Shared { arch, model, parameters, .. } = shared;
        let (rows, learned) = (self.rows, model.learned.is_some());
        let mut keep = false;
        for (i, plan) in model.layers.iter().enumerate().rev() {
            let (before, rest) = self.layers.split_at_mut(i);
            let Work { main, time, scaled } = rest.first_mut().expect("every layer has its buffers");
            if let (Some(time), Some([first, second])) = (time, &plan.time) {
                input_gradient_activated(shared, second, (&main.delta, rows), time);
                if learned {
                    input_gradient(
                        shared,
                        first,
                        (&time.delta, rows),
                        (keep, None),
                        &mut self.encoding_delta,
                    );
                    keep = true;
                }
            }
            if let (Some(scaled), Some(table)) = (scaled, plan.scale) {
                for (row, &t) in self.steps.iter().enumerate() {
                    let delta = main.delta.row_mut(row);
                    arch.dispatch(Multiply { a: scaled.row_mut(row), b: delta });
                    arch.dispatch(Multiply { a: delta, b: table.row(parameters, t as usize) });
                }
            }
            if let Some(below) = before.last_mut() {
                input_gradient_activated(shared, &plan.dense, (&main.delta, rows), &mut below.main);
            } else if learned && model.concat {
                input_gradient(
                    shared,
                    &plan.dense,
                    (&main.delta, rows),
                    (false, None),
                    &mut self.encoding_delta,
                );
            }
        }
    }
}

/// `y = x W^T + b`, added to `y` if `keep`; the ReLU behind it is applied too where the map is rectified.
fn apply(shared: Shared, map: &Dense, (x, rows): (&Matrix, usize), keep: bool, y: &mut Matrix) {
    let bias = &shared.parameters[map.bias()];
    forward(shared, map, (x, rows, map.input), (bias, keep, map.rectified), y);
}

/// `y = x W^T + bias` of the first `depth` inputs, added to `y` if `keep`; negative results become 0 if `rectify`.
pub(super) fn forward(
    shared: Shared,
    map: &Dense,
    (x, rows, depth): (&Matrix, usize, usize),
    (bias, keep, rectify): (&[f32], bool, bool),
    y: &mut Matrix,
) {
    let (columns, out_stride) = (map.output, y.stride);
    let (a, a_stride, out) = (&x.values, x.stride, &mut y.values);
    // `FewColumns` takes the whole depth and does not add.
    if columns <= FEW && depth == map.input && !keep {
        let b = &shared.transposed[map.transposed()];
        shared.arch.dispatch(FewColumns { rows, depth, columns, a, a_stride, b, bias, out, out_stride });
        return;
    }
    let (b, height, bias) = (&shared.parameters[map.weight()], map.input, Some(bias));
    let sizes = Product { rows, depth, columns, a_stride, out_stride, height, ..Product::default() };
    shared.arch.dispatch(Product { a, b, bias, keep, rectify, out, ..sizes });
}

/// Copies a short row, sixteen values at a time: a call of `memcpy` for each costs more.
fn copy(from: &[f32], to: &mut [f32]) {
    let (chunks, rest) = from.as_chunks::<NARROW>();
    for (to, from) in to.as_chunks_mut::<NARROW>().0.iter_mut().zip(chunks) {
        *to = *from;
    }
    to[chunks.len() * NARROW..].iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
}

/// The gradient with respect to a map's input, `dx = dy W`, added to `dx` if `keep`; 0 where the ReLU output `gate` is 0.
fn input_gradient(
    shared: Shared,
    map: &Dense,
    (dy, rows): (&Matrix, usize),
    (keep, gate): (bool, Option<&[f32]>),
    dx: &mut Matrix,
) {
    let (depth, columns, b) = (map.output, map.input, &shared.transposed[map.transposed()]);
    let (a, a_stride, out_stride, out) = (&dy.values, dy.stride, dx.stride, &mut dx.values);
    let sizes = Product { rows, depth, columns, a_stride, out_stride, height: depth, ..Product::default() };
    shared.arch.dispatch(Product { a, b, keep, gate, out, ..sizes });
}

/// The gradient `dx = dy W`, and through the activation whose output is `x`.
fn input_gradient_activated(shared: Shared, map: &Dense, (dy, rows): (&Matrix, usize), x: &mut Activated) {
    if shared.model.activation == Activation::Relu {
        return input_gradient(shared, map, (dy, rows), (false, Some(&x.y.values)), &mut x.delta);
    }
    input_gradient(shared, map, (dy, rows), (false, None), &mut x.delta);
    chain(shared, x, rows);
}

/// Applies the activation to the first rows of a map's output, unless the map has done it.
fn activate(shared: Shared, map: &Dense, map_output: &mut Activated, rows: usize) {
    if map.rectified {
        return;
    }
    let used = rows * map_output.y.stride;
    let derivative = map_output.derivative.values.get_mut(..used).unwrap_or(&mut []);
    let activation = shared.model.activation;
    shared.arch.dispatch(Activate { activation, y: &mut map_output.y.values[..used], derivative });
}

/// From the gradient with respect to an activation's output to that with respect to its input.
fn chain(shared: Shared, map_output: &mut Activated, rows: usize) {
    let used = rows * map_output.y.stride;
    let derivative = map_output.derivative.values.get(..used).unwrap_or(&[]);
    let (activation, y) = (shared.model.activation, &map_output.y.values[..used]);
    shared.arch.dispatch(Chain { activation, delta: &mut map_output.delta.values[..used], y, derivative });
}
