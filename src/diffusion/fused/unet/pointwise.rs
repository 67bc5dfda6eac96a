//! What goes value by value, and upsampling. Gradients are added to what is there, or put in its place.

use super::convolution::sum;
use crate::diffusion::fused::elementwise::silu;
use crate::diffusion::network::unet::MapShape;
use pulp::{Simd, WithSimd};

/// `to += from`, or `to = from`.
pub(super) fn pass(from: &[f32], to: &mut [f32], keep: bool) {
    if keep {
        to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
    } else {
        to.copy_from_slice(from);
    }
}

/// `y = x sigma(x)`, or times the derivative of that.
pub(super) struct Silu<'a> {
    pub x: &'a [f32],
    pub y: &'a mut [f32],
}

impl WithSimd for Silu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.y.iter_mut().zip(self.x).for_each(|(y, x)| *y = silu(*x).0);
    }
}

/// `dx = dy silu'(x)`, or added to it.
pub(super) struct SiluBackward<'a> {
    pub x: &'a [f32],
    pub dy: &'a [f32],
    pub dx: &'a mut [f32],
    pub keep: bool,
}

impl WithSimd for SiluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let all = self.dx.iter_mut().zip(self.x.iter().zip(self.dy));
        if self.keep {
            all.for_each(|(dx, (x, dy))| *dx += dy * silu(*x).1);
        } else {
            all.for_each(|(dx, (x, dy))| *dx = dy * silu(*x).1);
        }
    }
}

/// A map of some images with `row` numbers from channel to channel.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub images: usize,
    pub shape: MapShape,
    pub row: usize,
}

impl Rows {
    fn parts(self) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
        let Self { images, shape, row } = self;
        (0..shape.channels).flat_map(move |channel| {
            (0..images).map(move |image| {
                let start = channel * row + image * shape.pixels();
                (channel, image, start..start + shape.pixels())
            })
        })
    }
}

/// Adds to each pixel of `y = x` the vector of its image, whose channels are `vector_row` apart.
pub(super) fn add_vector(rows: Rows, x: &[f32], (vector, vector_row): (&[f32], usize), y: &mut [f32]) {
    for (channel, image, part) in rows.parts() {
        let summand = vector[channel * vector_row + image];
        y[part.clone()].iter_mut().zip(&x[part]).for_each(|(y, x)| *y = x + summand);
    }
}

/// The gradient with respect to the vector.
pub(super) fn vector_backward(rows: Rows, dy: &[f32], (vector, vector_row): (&mut [f32], usize), keep: bool) {
    for (channel, image, part) in rows.parts() {
        let to = &mut vector[channel * vector_row + image];
        *to = sum(&dy[part]) + if keep { *to } else { 0.0 };
    }
}

/// Every pixel of `x` four times, cut to the shape of `y`.
pub(super) fn upsample(from: Rows, to: Rows, x: &[f32], y: &mut [f32]) {
    let width = to.shape.width;
    for ((_, _, x_part), (_, _, y_part)) in from.parts().zip(to.parts()) {
        let x = &x[x_part];
        for (i, y) in y[y_part].chunks_exact_mut(width).enumerate() {
            let x = &x[i / 2 * from.shape.width..];
            y.iter_mut().enumerate().for_each(|(j, y)| *y = x[j / 2]);
        }
    }
}

/// The gradient with respect to `x`: the sum over the pixels that it became.
pub(super) fn upsample_backward(from: Rows, to: Rows, dy: &[f32], dx: &mut [f32], keep: bool) {
    let width = to.shape.width;
    for ((_, _, x_part), (_, _, y_part)) in from.parts().zip(to.parts()) {
        let dx = &mut dx[x_part];
        if !keep {
            dx.fill(0.0);
        }
        for (i, dy) in dy[y_part].chunks_exact(width).enumerate() {
            let dx = &mut dx[i / 2 * from.shape.width..];
            dy.iter().enumerate().for_each(|(j, dy)| dx[j / 2] += dy);
        }
    }
}
