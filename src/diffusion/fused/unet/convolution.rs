//! Convolutions, forward and backward, as products with the neighbourhoods of the pixels. Those are made for a few pixels at
//! a time, so that they stay in the cache.

use super::patches::{Bordered, NEIGHBOURS, Run};
use super::product::{Times, View, grow};
use crate::diffusion::fused::gemm::Product;
use crate::diffusion::fused::packed::{NARROW, WIDE, padded};
use crate::diffusion::fused::transpose::square_transposed;
use crate::diffusion::network::unet::MapShape;
use pulp::Arch;

/// Pixels of one product for the gradient of a weight whose rows have `depth` numbers: as many as keep their neighbourhoods in
/// the nearest cache, and many where no fair number does. How many does not change the result.
fn pixels_together(depth: usize) -> usize {
    const NUMBERS: usize = 12 << 10;
    const MOST: usize = 8 * WIDE;
    let near = NUMBERS / depth / WIDE * WIDE;
    if near < 2 * WIDE { MOST } else { near.min(MOST) }
}

/// Buffers that convolutions and attention use one after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bordered: Bordered,
    places: Vec<Run>,
    patches: Vec<f32>,
    pub packed: Vec<f32>,
    product: Vec<f32>,
    pub work: [Vec<f32>; 3],
}

/// A convolution of some images.
#[derive(Clone, Copy)]
pub(super) struct Convolution {
    pub arch: Arch,
    pub images: usize,
    pub input: MapShape,
    pub output: MapShape,
    pub kernel: usize,
    pub stride: usize,
    /// Numbers from channel to channel of both maps.
    pub rows: [usize; 2],
}

impl Convolution {
    /// Numbers in a row of the weight.
    fn depth(&self) -> usize {
        self.input.channels * self.kernel * self.kernel
    }

    fn output_pixels(&self) -> usize {
        self.images * self.output.pixels()
    }

    /// `y = weight * x + bias`.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        let (pixels, [input_row, output_row]) = (self.output_pixels(), self.rows);
        for (y, bias) in y.chunks_exact_mut(output_row).zip(bias) {
            y[..pixels].fill(*bias);
        }
        let out = Out { map: y, row: output_row, pixels, channels: self.output.channels };
        if self.kernel == 1 {
            return self.of_channels(weight, self.depth(), View::rows(x, input_row), out, true, scratch);
        }
        scratch.bordered.fill(x, input_row, self.input, self.images);
        self.of_neighbours(weight, self.depth(), self.stride, out, true, scratch);
    }

    /// The gradient with respect to `x` from that with respect to `y`, with the weight as [`transpose`] gives it; added to
    /// `dx` or in its place.
    pub fn backward_input(
        &self,
        dy: &[f32],
        transposed: &[f32],
        dx: &mut [f32],
        keep: bool,
        scratch: &mut Scratch,
    ) {
        let [input_row, output_row] = self.rows;
        let depth = self.output.channels * self.kernel * self.kernel;
        let pixels = self.images * self.input.pixels();
        let out = Out { map: dx, row: input_row, pixels, channels: self.input.channels };
        if self.kernel == 1 {
            return self.of_channels(transposed, depth, View::rows(dy, output_row), out, keep, scratch);
        }
        match self.stride {
            1 => scratch.bordered.fill(dy, output_row, self.output, self.images),
            _ => scratch.bordered.fill_spread(dy, output_row, self.output, self.images, self.input),
        }
        self.of_neighbours(transposed, depth, 1, out, keep, scratch);
    }

    /// Adds the gradients of weight and bias.
    pub fn backward_parameters(
        &self,
        x: &[f32],
        dy: &[f32],
        weight: &mut [f32],
        bias: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (pixels, depth, [input_row, output_row]) = (self.output_pixels(), self.depth(), self.rows);
        for (bias, dy) in bias.iter_mut().zip(dy.chunks_exact(output_row)) {
            *bias += sum(&dy[..pixels]);
        }
        let Scratch { bordered, places, patches, packed, product, .. } = scratch;
        let out_row = padded(self.output.channels);
        grow(product, depth * out_row);
        if self.kernel > 1 {
            bordered.fill(x, input_row, self.input, self.images);
        }
        let together = pixels_together(depth);
        for first in (0..pixels).step_by(together) {
            let count = together.min(pixels - first);
            let (a, a_row) = if self.kernel == 1 {
                (&x[first..], input_row)
            } else {
                bordered.places(first, count, self.stride, places);
                self.arch.dispatch(bordered.matrix(places, padded(count), patches));
                (&patches[..], padded(count))
            };
            let b = View::rows(&dy[first..], output_row).t();
            let times = Times {
                arch: self.arch,
                rows: depth,
                depth: count,
                columns: self.output.channels,
                a,
                a_row,
                b,
                keep: first > 0,
                out: product,
                out_row,
            };
            times.compute(packed);
        }
        add_transposed(product, out_row, weight, depth);
    }

    /// A product with the channels of each pixel.
    fn of_channels(&self, a: &[f32], depth: usize, b: View, out: Out, keep: bool, scratch: &mut Scratch) {
        let Out { map, row, pixels, channels } = out;
        let times = Times {
            arch: self.arch,
            rows: channels,
            depth,
            columns: pixels,
            a,
            a_row: depth,
            b,
            keep,
            out: map,
            out_row: row,
        };
        times.compute(&mut scratch.packed);
    }

    /// A product with the neighbourhoods of every `step`-th pixel of the images in `scratch`.
    fn of_neighbours(
        &self,
        a: &[f32],
        depth: usize,
        step: usize,
        out: Out,
        keep: bool,
        scratch: &mut Scratch,
    ) {
        let Out { map, row, pixels, channels } = out;
        let Scratch { bordered, places, patches, .. } = scratch;
        for first in (0..pixels).step_by(WIDE) {
            let count = WIDE.min(pixels - first);
            let width = padded(count);
            bordered.places(first, count, step, places);
            self.arch.dispatch(bordered.matrix(places, width, patches));
            self.arch.dispatch(Product {
                rows: channels,
                depth,
                columns: count,
                a,
                a_stride: depth,
                b: &patches[..depth * width],
                height: depth,
                keep,
                out: &mut map[first..],
                out_stride: row,
                ..Product::default()
            });
        }
    }
}

/// Where a product goes: a map with `row` numbers from channel to channel.
struct Out<'a> {
    map: &'a mut [f32],
    row: usize,
    pixels: usize,
    channels: usize,
}

/// The weight `(output, input, kernel, kernel)` for the way back: inputs and outputs exchanged, and the kernel turned round.
pub(super) fn transpose(weight: &[f32], [output, input, kernel]: [usize; 3], out: &mut [f32]) {
    let size = kernel * kernel;
    debug_assert!(size == 1 || size == NEIGHBOURS);
    for (o, weight) in weight.chunks_exact(input * size).enumerate() {
        for (i, weight) in weight.chunks_exact(size).enumerate() {
            let to = &mut out[(i * output + o) * size..][..size];
            to.iter_mut().rev().zip(weight).for_each(|(to, weight)| *to = *weight);
        }
    }
}

/// Adds a matrix `(depth, outputs)` with rows of `row` numbers, padded ones included, to the transposed one, in squares that are
/// turned first.
fn add_transposed(from: &[f32], row: usize, to: &mut [f32], depth: usize) {
    const SIDE: usize = NARROW;
    for (outputs, to) in to.chunks_mut(SIDE * depth).enumerate() {
        for first in (0..depth).step_by(SIDE) {
            let count = SIDE.min(depth - first);
            let mut square = [[0.0f32; SIDE]; SIDE];
            for (square, from) in square.iter_mut().zip(from[first * row..].chunks_exact(row)).take(count) {
                square.copy_from_slice(&from[outputs * SIDE..][..SIDE]);
            }
            let turned = square_transposed(square);
            for (to, turned) in to.chunks_exact_mut(depth).zip(&turned) {
                let to = &mut to[first..][..count];
                to.iter_mut().zip(turned).for_each(|(to, v)| *to += v);
            }
        }
    }
}

/// Sixteen interleaved sums, added up at the end.
pub(super) fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += v);
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
