//! The forward and backward pass of some images of a batch, on buffers that are kept between iterations.

use super::attention::Attention;
use super::convolution::{Convolution, Scratch};
use super::norm::{self, Norm};
use super::plan::{Buffers, Plan};
use super::pointwise::{self, Rows, Silu, SiluBackward, pass};
use super::product::grow;
use crate::diffusion::fused::loss::{OutputRows, Rows as LossRows};
use crate::diffusion::network::unet::{Node, Op};
use pulp::Arch;
use std::mem::take;

/// What all images have in common.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub arch: Arch,
    pub plan: &'a Plan,
    pub parameters: &'a [f32],
    /// The weights for the way back.
    pub transposed: &'a [f32],
}

/// Maps in buffers.
#[derive(Debug)]
struct Maps {
    of_node: Vec<usize>,
    buffers: Vec<Vec<f32>>,
}

impl Maps {
    fn new(buffers: Buffers) -> Self {
        let Buffers { of_node, lengths } = buffers;
        Self { of_node, buffers: lengths.into_iter().map(|length| vec![0.0; length]).collect() }
    }

    fn get(&self, node: usize) -> &[f32] {
        &self.buffers[self.of_node[node]]
    }

    /// Takes the buffer of a node out, until it is [put](Self::put) back.
    fn take(&mut self, node: usize) -> Vec<f32> {
        take(&mut self.buffers[self.of_node[node]])
    }

    fn put(&mut self, node: usize, buffer: Vec<f32>) {
        self.buffers[self.of_node[node]] = buffer;
    }
}

/// What some images need while they go through the program, and others may use after them.
#[derive(Debug)]
pub(super) struct Work {
    /// The gradients of maps.
    gradients: Maps,
    scratch: Scratch,
}

impl Work {
    /// Buffers for both ways.
    pub fn for_training(plan: &Plan) -> Self {
        Self { gradients: Maps::new(plan.gradients()), scratch: Scratch::default() }
    }

    /// Buffers for the way forward alone.
    pub fn for_prediction() -> Self {
        let none = Buffers { of_node: Vec::new(), lengths: Vec::new() };
        Self { gradients: Maps::new(none), scratch: Scratch::default() }
    }
}

/// A function that gives the factors of a node's values for an image: 0 where a value is left out.
pub(super) type Mask<'a> = &'a (dyn Fn(usize, usize, &mut [f32]) + Sync);

/// Some images.
#[derive(Debug)]
pub(super) struct Images {
    /// Row of each image's step in a table, `t - 1`.
    steps: Vec<u32>,
    maps: Maps,
    /// Mean and inverse deviation of each group of each image, of the nodes that normalize.
    moments: Vec<Vec<[f32; 2]>>,
    /// The weights of attention, of the nodes that have it.
    weights: Vec<Vec<f32>>,
    /// Factors of the values that are left out or kept, of the nodes that leave some out.
    masks: Vec<Vec<f32>>,
    /// What the network gives for each image, `(n, outputs)`, and the gradient with respect to that.
    pub outputs: Vec<f32>,
    deltas: Vec<f32>,
    /// Outputs of one image.
    stride: usize,
}

impl Images {
    /// Buffers for images that are trained on.
    pub fn for_training(plan: &Plan) -> Self {
        Self::new(plan, plan.kept(), true)
    }

    /// Buffers for images that are only looked at.
    pub fn for_prediction(plan: &Plan) -> Self {
        Self::new(plan, plan.passing(), false)
    }

    fn new(plan: &Plan, maps: Buffers, with_deltas: bool) -> Self {
        let (images, outputs) = (plan.images, plan.program.output().count());
        let nodes = || plan.program.nodes.iter();
        let moments = nodes().map(|node| match node.op {
            Op::Norm { groups, .. } => vec![[0.0; 2]; groups * images],
            _ => Vec::new(),
        });
        let weights = nodes().map(|node| match node.op {
            Op::Attention => vec![0.0; images * Attention::weights_of_image(node.shape.pixels())],
            _ => Vec::new(),
        });
        Self {
            steps: Vec::with_capacity(images),
            maps: Maps::new(maps),
            moments: moments.collect(),
            weights: weights.collect(),
            masks: vec![Vec::new(); plan.program.nodes.len()],
            outputs: vec![0.0; images * outputs],
            deltas: if with_deltas { vec![0.0; images * outputs] } else { Vec::new() },
            stride: outputs,
        }
    }

    /// The forward pass of `images` points `(n, d)` with the rows of their steps in the table, to `outputs`. Factors that
    /// `mask` draws for a node's values and an image leave some of them out.
    pub fn forward(
        &mut self,
        shared: Shared,
        points: &[f64],
        steps: impl Iterator<Item = u32>,
        mask: Option<Mask>,
        work: &mut Work,
    ) {
        let plan = shared.plan;
        self.steps.clear();
        self.steps.extend(steps);
        for (i, node) in plan.program.nodes.iter().enumerate() {
            let mut y = self.maps.take(i);
            self.node_forward(shared, (i, node), (points, mask), &mut y, &mut work.scratch);
            self.maps.put(i, y);
        }
        let (last, shape) = (plan.program.nodes.len() - 1, plan.program.output());
        let (row, pixels) = (plan.row(shape), shape.pixels());
        let map = self.maps.get(last);
        for (image, outputs) in
            self.outputs.chunks_exact_mut(shape.count()).take(self.steps.len()).enumerate()
        {
            for (channel, outputs) in outputs.chunks_exact_mut(pixels).enumerate() {
                outputs.copy_from_slice(&map[channel * row + image * pixels..][..pixels]);
            }
        }
    }

    fn node_forward(
        &mut self,
        shared: Shared,
        (i, node): (usize, &Node),
        (points, mask): (&[f64], Option<Mask>),
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Shared { arch, plan, parameters, .. } = shared;
        let rows = rows_of(plan, node, self.steps.len());
        let y = &mut y[..node.shape.channels * rows.row];
        let maps = &self.maps;
        let x = maps.get(if matches!(node.op, Op::Image | Op::Time) { i } else { node.from });
        match node.op {
            Op::Image => {
                let pixels = node.shape.pixels();
                for (image, point) in points.chunks_exact(node.shape.count()).enumerate() {
                    for (channel, from) in point.chunks_exact(pixels).enumerate() {
                        let to = &mut y[channel * rows.row + image * pixels..][..pixels];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
                    }
                }
            }
            Op::Time => {
                for (image, &step) in self.steps.iter().enumerate() {
                    for (channel, value) in plan.encoding(step as usize).iter().enumerate() {
                        y[channel * rows.row + image] = *value;
                    }
                }
            }
            Op::Convolution { weight, bias, .. } => {
                let (weight, bias) = (&parameters[plan.parameter(weight)], &parameters[plan.parameter(bias)]);
                convolution(shared, node, rows).forward(x, weight, bias, y, scratch);
            }
            Op::Norm { .. } => {
                let norm = normalization(shared, node, rows);
                arch.dispatch(norm::Forward { norm, x, y, moments: &mut self.moments[i] });
            }
            Op::Silu => arch.dispatch(Silu { x: &x[..y.len()], y }),
            Op::AddVector { vector } => {
                let row = plan.row(plan.program.nodes[vector].shape);
                pointwise::add_vector(rows, x, (maps.get(vector), row), y);
            }
            Op::Add { other } => {
                let other = maps.get(other);
                y.iter_mut().zip(x.iter().zip(other)).for_each(|(y, (a, b))| *y = a + b);
            }
            Op::Concat { other } => {
                let (first, second) = y.split_at_mut(plan.program.nodes[node.from].shape.channels * rows.row);
                first.copy_from_slice(&x[..first.len()]);
                second.copy_from_slice(&maps.get(other)[..second.len()]);
            }
            Op::Upsample => {
                let from = rows_of(plan, &plan.program.nodes[node.from], rows.images);
                pointwise::upsample(from, rows, x, y);
            }
            Op::Attention => {
                attention(shared, node, rows).forward(
                    x,
                    &mut self.weights[i],
                    y,
                    &mut scratch.packed,
                    &mut scratch.work,
                );
            }
            Op::Dropout => match mask {
                None => y.copy_from_slice(&x[..y.len()]),
                Some(mask) => {
                    let factors = &mut self.masks[i];
                    grow(factors, y.len());
                    let mut of_image = vec![0.0; node.shape.count()];
                    for image in 0..rows.images {
                        mask(i, image, &mut of_image);
                        for (channel, from) in of_image.chunks_exact(node.shape.pixels()).enumerate() {
                            factors[channel * rows.row + image * from.len()..][..from.len()]
                                .copy_from_slice(from);
                        }
                    }
                    y.iter_mut().zip(x.iter().zip(&*factors)).for_each(|(y, (x, factor))| *y = x * factor);
                }
            },
        }
    }

    /// The backward pass, from the gradient with respect to the outputs to that of the parameters, which is added to
    /// `gradient`.
    pub fn backward(&mut self, shared: Shared, masked: bool, work: &mut Work, gradient: &mut [f32]) {
        let plan = shared.plan;
        let (last, shape) = (plan.program.nodes.len() - 1, plan.program.output());
        let (row, pixels) = (plan.row(shape), shape.pixels());
        let mut dy = work.gradients.take(last);
        for (image, deltas) in self.deltas.chunks_exact(shape.count()).take(self.steps.len()).enumerate() {
            for (channel, deltas) in deltas.chunks_exact(pixels).enumerate() {
                dy[channel * row + image * pixels..][..pixels].copy_from_slice(deltas);
            }
        }
        work.gradients.put(last, dy);
        let mut written = vec![false; plan.program.nodes.len()];
        for (i, node) in plan.program.nodes.iter().enumerate().rev() {
            if matches!(node.op, Op::Image | Op::Time) {
                continue;
            }
            let mut dy = work.gradients.take(i);
            self.node_backward(shared, (i, node), (masked, &mut dy), &mut written, (work, gradient));
            work.gradients.put(i, dy);
        }
    }

    fn node_backward(
        &self,
        shared: Shared,
        (i, node): (usize, &Node),
        (masked, dy): (bool, &mut [f32]),
        written: &mut [bool],
        (work, gradient): (&mut Work, &mut [f32]),
    ) {
        let Shared { arch, plan, transposed, .. } = shared;
        let (rows, nodes) = (rows_of(plan, node, self.steps.len()), &plan.program.nodes);
        let dy = &mut dy[..node.shape.channels * rows.row];
        let Work { gradients, scratch } = work;
        let x = self.maps.get(node.from);
        if let Op::Convolution { weight, bias, .. } = node.op {
            let [weight, bias] = [weight, bias].map(|number| plan.parameter(number));
            // The bias stands behind its weight.
            let (before, behind) = gradient.split_at_mut(bias.start);
            let (weight, bias) = (&mut before[weight], &mut behind[..bias.len()]);
            convolution(shared, node, rows).backward_parameters(x, dy, weight, bias, scratch);
        }
        let of_network = matches!(nodes[node.from].op, Op::Image | Op::Time);
        if of_network {
            return;
        }
        let mut into = |input: usize, compute: &mut dyn FnMut(&mut [f32], bool)| {
            let mut dx = gradients.take(input);
            let length = nodes[input].shape.channels * plan.row(nodes[input].shape);
            compute(&mut dx[..length], written[input]);
            written[input] = true;
            gradients.put(input, dx);
        };
        match node.op {
            Op::Image | Op::Time => {}
            Op::Convolution { .. } => into(node.from, &mut |dx, keep| {
                let transposed = &transposed[plan.transposed(i)];
                convolution(shared, node, rows).backward_input(dy, transposed, dx, keep, scratch);
            }),
            Op::Norm { scale, shift, .. } => into(node.from, &mut |dx, keep| {
                let norm = normalization(shared, node, rows);
                let [scale, shift] = [scale, shift].map(|number| plan.parameter(number));
                let (before, behind) = gradient.split_at_mut(shift.start);
                let (scale, shift) = (&mut before[scale], &mut behind[..shift.len()]);
                let moments = &self.moments[i];
                arch.dispatch(norm::Backward { norm, x, moments, dy, dx, keep, scale, shift });
            }),
            Op::Silu => into(node.from, &mut |dx, keep| {
                arch.dispatch(SiluBackward { x: &x[..dx.len()], dy, dx, keep });
            }),
            Op::AddVector { vector } => {
                into(node.from, &mut |dx, keep| pass(dy, dx, keep));
                let row = plan.row(nodes[vector].shape);
                into(vector, &mut |dx, keep| pointwise::vector_backward(rows, dy, (dx, row), keep));
            }
            Op::Add { other } => {
                into(node.from, &mut |dx, keep| pass(dy, dx, keep));
                into(other, &mut |dx, keep| pass(dy, dx, keep));
            }
            Op::Concat { other } => {
                let (first, second) = dy.split_at(nodes[node.from].shape.channels * rows.row);
                into(node.from, &mut |dx, keep| pass(first, dx, keep));
                into(other, &mut |dx, keep| pass(second, dx, keep));
            }
            Op::Upsample => into(node.from, &mut |dx, keep| {
                let from = rows_of(plan, &nodes[node.from], rows.images);
                pointwise::upsample_backward(from, rows, dy, dx, keep);
            }),
            Op::Attention => into(node.from, &mut |dx, keep| {
                let weights = &self.weights[i];
                let Scratch { packed, work, .. } = &mut *scratch;
                attention(shared, node, rows).backward(x, weights, dy, (dx, keep), packed, work);
            }),
            Op::Dropout => into(node.from, &mut |dx, keep| {
                if masked {
                    dy.iter_mut().zip(&self.masks[i]).for_each(|(dy, factor)| *dy *= factor);
                }
                pass(dy, dx, keep);
            }),
        }
    }
}

impl OutputRows for Images {
    fn rows(&mut self) -> LossRows<'_> {
        let Self { steps, outputs, deltas, stride, .. } = self;
        LossRows { steps, predicted: outputs, delta: deltas, stride: *stride }
    }
}

fn rows_of(plan: &Plan, node: &Node, images: usize) -> Rows {
    Rows { images, shape: node.shape, row: plan.row(node.shape) }
}

fn convolution(shared: Shared, node: &Node, rows: Rows) -> Convolution {
    let Op::Convolution { kernel, stride, .. } = node.op else { unreachable!("the node is a convolution") };
    let input = shared.plan.program.nodes[node.from].shape;
    let rows_of_maps = [shared.plan.row(input), rows.row];
    let (arch, images) = (shared.arch, rows.images);
    Convolution { arch, images, input, output: node.shape, kernel, stride, rows: rows_of_maps }
}

fn normalization<'a>(shared: Shared<'a>, node: &Node, rows: Rows) -> Norm<'a> {
    let Op::Norm { scale, shift, groups, silu } = node.op else { unreachable!("the node normalizes") };
    let parameter = |number| &shared.parameters[shared.plan.parameter(number)];
    let (images, shape, row) = (rows.images, rows.shape, rows.row);
    Norm { images, shape, row, groups, silu, scale: parameter(scale), shift: parameter(shift) }
}

fn attention(shared: Shared, node: &Node, rows: Rows) -> Attention {
    let input = shared.plan.program.nodes[node.from].shape;
    let (channels, pixels) = (node.shape.channels, node.shape.pixels());
    let rows_of_maps = [shared.plan.row(input), rows.row];
    Attention { arch: shared.arch, images: rows.images, channels, pixels, rows: rows_of_maps }
}
