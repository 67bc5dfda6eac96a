//! Which buffer holds which map, and where each parameter lies in the vector of all.

use super::convolution::transpose;
use crate::diffusion::fused::packed::stride;
use crate::diffusion::network::{
    Layout, NetworkOptions, time,
    unet::{MapShape, Node, Op, Program},
};
use std::ops::Range;

/// Buffers that hold one map after the other.
#[derive(Clone, Debug)]
pub(super) struct Buffers {
    /// The buffer of each node's map.
    pub of_node: Vec<usize>,
    /// Their lengths.
    pub lengths: Vec<usize>,
}

/// Everything about a U-Net that does not change while it is trained or asked.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub program: Program,
    /// Images that go through the program together at most.
    pub images: usize,
    /// A row of the table for each step.
    encoding: Vec<f32>,
    /// Where each parameter lies, in the order of the layout.
    parameters: Vec<Range<usize>>,
    /// Where the transposed weight of each convolution lies among those, by node.
    transposed: Vec<Range<usize>>,
    /// Number of parameters.
    pub count: usize,
}

impl Plan {
    /// The plan of a network of this layout, for so many images at once.
    pub fn new(layout: &Layout, images: usize) -> Self {
        let program = layout.unet.clone().expect("only U-Nets are computed by a program");
        let parameters: Vec<Range<usize>> =
            layout.parameters.iter().map(|p| p.offset..p.offset + p.count()).collect();
        let mut end = 0;
        let transposed = program.nodes.iter().map(|node| {
            let length = match node.op {
                Op::Convolution { weight, .. } => parameters[weight].len(),
                _ => 0,
            };
            let start = end;
            end += length;
            start..end
        });
        let transposed = transposed.collect();
        let encoding =
            time::sinusoidal(layout.steps, layout.time_width).into_iter().map(|v| v as f32).collect();
        Self { program, images, encoding, parameters, transposed, count: layout.count() }
    }

    /// The encoding of the step in row `row` of the table.
    pub fn encoding(&self, row: usize) -> &[f32] {
        let width = self.program.nodes.iter().find(|node| node.op == Op::Time);
        let width = width.expect("a program has the step's encoding").shape.channels;
        &self.encoding[row * width..][..width]
    }

    /// Where parameter number `number` lies.
    pub fn parameter(&self, number: usize) -> Range<usize> {
        self.parameters[number].clone()
    }

    /// Where the transposed weight of a convolution lies among those.
    pub fn transposed(&self, node: usize) -> Range<usize> {
        self.transposed[node].clone()
    }

    /// Number of values of all transposed weights.
    pub fn transposed_count(&self) -> usize {
        self.transposed.last().map_or(0, |last| last.end)
    }

    /// The weights of all convolutions for the way back.
    pub fn transpose(&self, parameters: &[f32], out: &mut [f32]) {
        for (i, node) in self.program.nodes.iter().enumerate() {
            if let Op::Convolution { weight, kernel, .. } = node.op {
                let input = self.program.nodes[node.from].shape.channels;
                let sizes = [node.shape.channels, input, kernel];
                transpose(&parameters[self.parameter(weight)], sizes, &mut out[self.transposed(i)]);
            }
        }
    }

    /// Numbers from one channel of a map to the next.
    pub fn row(&self, shape: MapShape) -> usize {
        stride(self.images * shape.pixels())
    }

    fn length(&self, node: &Node) -> usize {
        node.shape.channels * self.row(node.shape)
    }

    /// Buffers for a training: one for each map that a node which takes it reads again on the way back, and for the others as
    /// [`passing`](Self::passing).
    pub fn kept(&self) -> Buffers {
        let (nodes, last) = (&self.program.nodes, self.last_uses());
        let mut read_again = vec![false; nodes.len()];
        for node in nodes {
            let reads =
                matches!(node.op, Op::Convolution { .. } | Op::Norm { .. } | Op::Silu | Op::Attention);
            read_again[node.from] |= reads;
        }
        let until = |node: usize| if read_again[node] { usize::MAX } else { last[node].max(node) };
        self.assigned((0..nodes.len()).map(|node| (node, until(node))))
    }

    /// Buffers for maps that are needed until the last node has taken them.
    pub fn passing(&self) -> Buffers {
        let last = self.last_uses();
        self.assigned((0..self.program.nodes.len()).map(|node| (node, last[node].max(node))))
    }

    /// Buffers for the gradients of all maps, from the last node back: each is needed from its last use on until its own node
    /// has gone back.
    pub fn gradients(&self) -> Buffers {
        let (nodes, last) = (&self.program.nodes, self.last_uses());
        let end = nodes.len() - 1;
        let mut spans: Vec<(usize, usize, usize)> =
            (0..nodes.len()).map(|node| (end - last[node].max(node), end - node, node)).collect();
        spans.sort_unstable();
        let mut of_node = vec![0; nodes.len()];
        let mut pool = Pool::default();
        for (from, to, node) in spans {
            of_node[node] = pool.take(self.length(&nodes[node]), from, to);
        }
        Buffers { of_node, lengths: pool.lengths }
    }

    /// The last node that takes each map.
    fn last_uses(&self) -> Vec<usize> {
        let mut last = vec![0; self.program.nodes.len()];
        for (i, node) in self.program.nodes.iter().enumerate() {
            node.inputs().for_each(|input| last[input] = i);
        }
        last
    }

    fn assigned(&self, spans: impl Iterator<Item = (usize, usize)>) -> Buffers {
        let nodes = &self.program.nodes;
        let mut pool = Pool::default();
        let of_node =
            spans.enumerate().map(|(node, (from, to))| pool.take(self.length(&nodes[node]), from, to));
        let of_node = of_node.collect();
        Buffers { of_node, lengths: pool.lengths }
    }
}

/// Images that go through the network together: as many as make products long, few enough for the caches.
pub(super) fn images_together(options: &NetworkOptions) -> usize {
    let [_, height, width] = options.unet().image;
    (2048 / (height * width).max(1)).clamp(1, 32)
}

/// Buffers that are used again once what they held is no longer needed.
#[derive(Default)]
struct Pool {
    lengths: Vec<usize>,
    /// The last moment at which each is needed.
    until: Vec<usize>,
}

impl Pool {
    /// A buffer of at least `length`, from one moment to another, both included. Moments are asked for in order.
    fn take(&mut self, length: usize, from: usize, to: usize) -> usize {
        let free = (0..self.lengths.len()).filter(|i| self.until[*i] < from);
        let fits = |i: &usize| (self.lengths[*i] < length, self.lengths[*i].abs_diff(length));
        let chosen = free.min_by_key(fits).unwrap_or_else(|| {
            self.lengths.push(0);
            self.until.push(0);
            self.lengths.len() - 1
        });
        self.lengths[chosen] = self.lengths[chosen].max(length);
        self.until[chosen] = to;
        chosen
    }
}
