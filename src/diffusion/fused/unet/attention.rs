//! Attention with one head over the pixels of each image, forward and backward.

use super::product::{Times, View, grow};
use crate::diffusion::fused::packed::padded;
use pulp::Arch;

/// The attention of some images: `out_i = sum_j w_ij v_j` with `w_i = softmax(q_i . k_j / sqrt(channels))`.
#[derive(Clone, Copy)]
pub(super) struct Attention {
    pub arch: Arch,
    pub images: usize,
    pub channels: usize,
    pub pixels: usize,
    /// Numbers from channel to channel of `(q, k, v)` and of the result.
    pub rows: [usize; 2],
}

impl Attention {
    /// Numbers that the weights of one image take.
    pub fn weights_of_image(pixels: usize) -> usize {
        pixels * padded(pixels)
    }

    fn factor(&self) -> f32 {
        1.0 / (self.channels as f32).sqrt()
    }

    /// Part 0, 1 or 2 of an image's `(q, k, v)`, from its first channel on.
    fn start(&self, part: usize, image: usize) -> usize {
        part * self.channels * self.rows[0] + image * self.pixels
    }

    fn times<'a>(
        &self,
        a: View<'a>,
        b: View<'a>,
        sizes: [usize; 3],
        out: &'a mut Vec<f32>,
        packed: &mut Vec<f32>,
    ) {
        let [rows, depth, columns] = sizes;
        let out_row = padded(columns);
        grow(out, rows * out_row);
        let times = Times {
            arch: self.arch,
            rows,
            depth,
            columns,
            a: a.values,
            a_row: a.row,
            b,
            keep: false,
            out,
            out_row,
        };
        times.compute(packed);
    }

    /// The results of all images, and the weights, which the way back needs.
    pub fn forward(
        &self,
        qkv: &[f32],
        weights: &mut [f32],
        out: &mut [f32],
        packed: &mut Vec<f32>,
        work: &mut [Vec<f32>; 3],
    ) {
        let Self { channels, pixels, rows: [row, out_row], .. } = *self;
        let [turned, result, _] = work;
        let each = Self::weights_of_image(pixels);
        for (image, weights) in weights.chunks_exact_mut(each).take(self.images).enumerate() {
            let part = |part: usize| View::rows(&qkv[self.start(part, image)..], row);
            transposed(part(0), [channels, pixels], turned);
            let sizes = [pixels, channels, pixels];
            self.times(View::rows(turned, channels), part(1), sizes, result, packed);
            for (weights, scores) in
                weights.chunks_exact_mut(padded(pixels)).zip(result.chunks_exact(padded(pixels)))
            {
                softmax(&scores[..pixels], self.factor(), &mut weights[..pixels]);
            }
            let by_pixel = View::rows(weights, padded(pixels)).t();
            self.times(part(2), by_pixel, [channels, pixels, pixels], result, packed);
            for (channel, result) in result.chunks_exact(padded(pixels)).take(channels).enumerate() {
                out[channel * out_row + image * pixels..][..pixels].copy_from_slice(&result[..pixels]);
            }
        }
    }

    /// The gradient with respect to `(q, k, v)`, added to `dqkv` or in its place.
    pub fn backward(
        &self,
        qkv: &[f32],
        weights: &[f32],
        dout: &[f32],
        (dqkv, keep): (&mut [f32], bool),
        packed: &mut Vec<f32>,
        work: &mut [Vec<f32>; 3],
    ) {
        let Self { channels, pixels, rows: [row, out_row], .. } = *self;
        let [turned, scores, result] = work;
        let (each, line) = (Self::weights_of_image(pixels), padded(pixels));
        for (image, weights) in weights.chunks_exact(each).take(self.images).enumerate() {
            let part = |part: usize| View::rows(&qkv[self.start(part, image)..], row);
            let dout = View::rows(&dout[image * pixels..], out_row);
            let square = [channels, pixels, pixels];
            let mut put = |of: usize, result: &[f32]| {
                let to = dqkv[self.start(of, image)..].chunks_mut(row);
                for (to, from) in to.zip(result.chunks_exact(line)).take(channels) {
                    let pairs = to[..pixels].iter_mut().zip(from);
                    if keep { pairs.for_each(|(to, v)| *to += v) } else { pairs.for_each(|(to, v)| *to = *v) }
                }
            };
            self.times(dout, View::rows(weights, line), square, result, packed);
            put(2, result);
            transposed(dout, [channels, pixels], turned);
            self.times(View::rows(turned, channels), part(2), [pixels, channels, pixels], scores, packed);
            for (scores, weights) in
                scores.chunks_exact_mut(line).zip(weights.chunks_exact(line)).take(pixels)
            {
                let (scores, weights) = (&mut scores[..pixels], &weights[..pixels]);
                let mean: f32 = scores.iter().zip(weights).map(|(d, w)| d * w).sum();
                for (score, weight) in scores.iter_mut().zip(weights) {
                    *score = weight * (*score - mean) * self.factor();
                }
            }
            self.times(part(1), View::rows(scores, line).t(), square, result, packed);
            put(0, result);
            self.times(part(0), View::rows(scores, line), square, result, packed);
            put(1, result);
        }
    }
}

fn transposed(from: View, [rows, columns]: [usize; 2], out: &mut Vec<f32>) {
    grow(out, rows * columns);
    for i in 0..rows {
        let from = &from.values[i * from.row..][..columns];
        from.iter().zip(out[i..].iter_mut().step_by(rows)).for_each(|(from, out)| *out = *from);
    }
}

fn softmax(scores: &[f32], factor: f32, out: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    out.iter_mut().zip(scores).for_each(|(out, score)| *out = ((score - largest) * factor).exp());
    let sum: f32 = out.iter().sum();
    out.iter_mut().for_each(|out| *out /= sum);
}
