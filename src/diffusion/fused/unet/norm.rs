//! Group normalization with SiLU behind it, forward and backward.

use crate::diffusion::fused::elementwise::silu;
use crate::diffusion::network::unet::{MapShape, program::NORM_EPSILON};
use pulp::{Simd, WithSimd};

/// The normalization of some images.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub images: usize,
    pub shape: MapShape,
    /// Numbers from channel to channel.
    pub row: usize,
    pub groups: usize,
    pub silu: bool,
    pub scale: &'a [f32],
    pub shift: &'a [f32],
}

impl Norm<'_> {
    fn group(&self, group: usize) -> std::ops::Range<usize> {
        let each = self.shape.channels / self.groups;
        group * each..(group + 1) * each
    }

    fn start(&self, channel: usize, image: usize) -> usize {
        channel * self.row + image * self.shape.pixels()
    }
}

/// `y` of `x`; mean and inverse deviation of each group of each image go to `moments`.
pub(super) struct Forward<'a> {
    pub norm: Norm<'a>,
    pub x: &'a [f32],
    pub y: &'a mut [f32],
    pub moments: &'a mut [[f32; 2]],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { norm, x, y, moments } = self;
        let pixels = norm.shape.pixels();
        for group in 0..norm.groups {
            let channels = norm.group(group);
            let count = (channels.len() * pixels) as f32;
            for image in 0..norm.images {
                let part = |channel: usize| &x[norm.start(channel, image)..][..pixels];
                let mean = channels.clone().map(|c| sum(part(c), |v| v)).sum::<f32>() / count;
                let square = |v: f32| (v - mean) * (v - mean);
                let variance = channels.clone().map(|c| sum(part(c), square)).sum::<f32>() / count;
                let inverse = 1.0 / (variance + NORM_EPSILON as f32).sqrt();
                moments[group * norm.images + image] = [mean, inverse];
                for channel in channels.clone() {
                    let factor = inverse * norm.scale[channel];
                    let summand = norm.shift[channel] - mean * factor;
                    let y = &mut y[norm.start(channel, image)..][..pixels];
                    let pairs = y.iter_mut().zip(part(channel));
                    if norm.silu {
                        pairs.for_each(|(y, x)| *y = silu(x * factor + summand).0);
                    } else {
                        pairs.for_each(|(y, x)| *y = x * factor + summand);
                    }
                }
            }
        }
    }
}

/// From the gradient with respect to `y` that with respect to `x`, added to `dx` or in its place; those of the factors
/// and summands are added. What `dy` held is lost.
pub(super) struct Backward<'a> {
    pub norm: Norm<'a>,
    pub x: &'a [f32],
    pub moments: &'a [[f32; 2]],
    pub dy: &'a mut [f32],
    pub dx: &'a mut [f32],
    pub keep: bool,
    pub scale: &'a mut [f32],
    pub shift: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { norm, x, moments, dy, dx, keep, scale, shift } = self;
        let pixels = norm.shape.pixels();
        for group in 0..norm.groups {
            let channels = norm.group(group);
            let count = (channels.len() * pixels) as f32;
            for image in 0..norm.images {
                let [mean, inverse] = moments[group * norm.images + image];
                let (mut plain, mut weighted) = (0.0f32, 0.0f32);
                for channel in channels.clone() {
                    let at = norm.start(channel, image);
                    let (x, dy) = (&x[at..][..pixels], &mut dy[at..][..pixels]);
                    let (factor, summand) = (norm.scale[channel], norm.shift[channel]);
                    if norm.silu {
                        for (x, dy) in x.iter().zip(&mut *dy) {
                            *dy *= silu((x - mean) * inverse * factor + summand).1;
                        }
                    }
                    let of_shift = sum(dy, |v| v);
                    let of_scale = product(x, dy, mean) * inverse;
                    shift[channel] += of_shift;
                    scale[channel] += of_scale;
                    plain += factor * of_shift;
                    weighted += factor * of_scale;
                }
                let (plain, weighted) = (plain / count, weighted / count);
                for channel in channels.clone() {
                    let at = norm.start(channel, image);
                    let (x, dy, dx) = (&x[at..][..pixels], &dy[at..][..pixels], &mut dx[at..][..pixels]);
                    let factor = norm.scale[channel];
                    let of =
                        |x: f32, dy: f32| inverse * (factor * dy - plain - (x - mean) * inverse * weighted);
                    let all = dx.iter_mut().zip(x.iter().zip(dy));
                    if keep {
                        all.for_each(|(dx, (x, dy))| *dx += of(*x, *dy));
                    } else {
                        all.for_each(|(dx, (x, dy))| *dx = of(*x, *dy));
                    }
                }
            }
        }
    }
}

/// The sum of a function of each value: sixteen interleaved sums, added up at the end.
#[inline(always)]
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        for (sum, v) in sums.iter_mut().zip(chunk) {
            *sum += f(*v);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|v| f(*v)).sum::<f32>()
}

/// The sum of `(x - mean) y`, in the same way.
#[inline(always)]
fn product(x: &[f32], y: &[f32], mean: f32) -> f32 {
    let mut sums = [0.0f32; 16];
    let ((xs, x), (ys, y)) = (x.as_chunks::<16>(), y.as_chunks::<16>());
    for (x, y) in xs.iter().zip(ys) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += (x - mean) * y;
        }
    }
    sums.iter().sum::<f32>() + x.iter().zip(y).map(|(x, y)| (x - mean) * y).sum::<f32>()
}
