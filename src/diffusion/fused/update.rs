//! The optimizer's step and the moving average in one pass over the parameters, with the formulas of
//! [`optimizer`](crate::diffusion::train::optimizer) and [`average`](crate::diffusion::train::average).

use crate::diffusion::{OptimizerKind, OptimizerOptions};
use pulp::{Simd, WithSimd};

/// The constants of one step.
#[derive(Clone, Copy)]
pub(super) struct Constants {
    kind: OptimizerKind,
    /// What the gradient is multiplied by first (clipping).
    clip: f32,
    /// Added to the gradient, times the parameter.
    decay: f32,
    /// Multiplied with the parameter.
    shrink: f32,
    rate: f32,
    keep: [f32; 2],
    take: [f32; 2],
    root: f32,
    epsilon: f32,
    /// Fraction of the old average that is kept, and of the new parameter.
    average: [f32; 2],
}

impl Constants {
    /// Step number `step` (from 1) at this learning rate; the gradient times `clip`; the average keeps
    /// `keep` of itself.
    pub fn new(options: &OptimizerOptions, step: usize, rate: f64, clip: f64, keep: f64) -> Self {
        let OptimizerOptions { kind, beta1, beta2, epsilon, weight_decay, momentum } = *options;
        let correct = |beta: f64| 1.0 - beta.powf(step as f64);
        let adam = kind != OptimizerKind::Sgd;
        Self {
            kind,
            clip: clip as f32,
            decay: if kind == OptimizerKind::AdamW { 0.0 } else { weight_decay as f32 },
            shrink: if kind == OptimizerKind::AdamW { (1.0 - rate * weight_decay) as f32 } else { 1.0 },
            rate: if adam { (rate / correct(beta1)) as f32 } else { rate as f32 },
            keep: if adam { [beta1 as f32, beta2 as f32] } else { [momentum as f32, 1.0] },
            take: if adam { [(1.0 - beta1) as f32, (1.0 - beta2) as f32] } else { [1.0, 0.0] },
            root: (1.0 / correct(beta2).sqrt()) as f32,
            epsilon: epsilon as f32,
            average: [keep as f32, (1.0 - keep) as f32],
        }
    }
}

/// Moments smaller than this become 0: just above the numbers that processors handle slowly. A unit that
/// gets no gradient any more has moments that shrink by a constant factor in each iteration, and without
/// this an iteration takes twice as long once many such units are near the end of the range of `f32`.
const TINY: f32 = 1e-36;

/// Squares of smaller numbers would, in the second moment, become such numbers too.
const ROOT: f32 = 1e-17;

/// `v`, or 0 if it is smaller than `least`; NaN stays NaN.
#[inline(always)]
fn flush(v: f32, least: f32) -> f32 {
    if v.abs() < least { 0.0 } else { v }
}

/// One step on a stretch of the parameters. `average` is empty if there is none.
pub(super) struct Update<'a> {
    pub constants: Constants,
    pub gradient: &'a [f32],
    pub parameters: &'a mut [f32],
    pub first: &'a mut [f32],
    pub second: &'a mut [f32],
    pub average: &'a mut [f32],
}

impl WithSimd for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Constants { kind, clip, decay, shrink, rate, keep, take, root, epsilon, average } =
            self.constants;
        let n = self.parameters.len();
        let (parameters, gradient) = (&mut self.parameters[..n], &self.gradient[..n]);
        let (first, second) = (&mut self.first[..n], &mut self.second[..n]);
        if kind == OptimizerKind::Sgd {
            for i in 0..n {
                let g = gradient[i] * clip + parameters[i] * decay;
                first[i] = flush(first[i] * keep[0] + flush(g, TINY), TINY);
                parameters[i] -= first[i] * rate;
            }
        } else {
            for i in 0..n {
                let g = flush(gradient[i] * clip + parameters[i] * decay, TINY);
                let square = flush(g, ROOT) * flush(g, ROOT);
                let m = flush(first[i] * keep[0] + g * take[0], TINY);
                let v = flush(second[i] * keep[1] + square * take[1], TINY);
                (first[i], second[i]) = (m, v);
                parameters[i] = parameters[i] * shrink - m / (v.sqrt() * root + epsilon) * rate;
            }
        }
        for (mean, p) in self.average.iter_mut().zip(&*parameters) {
            *mean = *mean * average[0] + p * average[1];
        }
    }
}

/// The sum of squares, in double precision: 32 interleaved sums, added up at the end.
pub(super) struct SumOfSquares<'a>(pub &'a [f32]);

impl WithSimd for SumOfSquares<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut sums = [0.0f64; 32];
        let (chunks, rest) = self.0.as_chunks::<32>();
        for chunk in chunks {
            for (sum, v) in sums.iter_mut().zip(chunk) {
                *sum += f64::from(*v) * f64::from(*v);
            }
        }
        sums.iter().sum::<f64>() + rest.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>()
    }
}
