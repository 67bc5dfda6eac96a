//! The network's prediction with its derivatives in given directions, forward through the layers: the divergence of the
//! predicted noise.
//!
//! A direction `v` goes through a layer `y = act(W x + b)` as `v -> act'(W x + b) * (W v)`. So the derivatives are those of
//! the computation in `f32`, to its rounding; differences of predictions would lose half of the digits.

use super::{
    block::{Shared, forward},
    elementwise::{Activate, Chain},
    matrix::Matrix,
    packed::{padded, stride},
    predict::{AtStep, Predictor},
};
use crate::diffusion::{Activation, denoiser::Probes};

impl Predictor {
    /// `factor * eps_theta` of points `x` `(n, d)` to `eps`, and the estimates of its divergence that `probes` asks for to
    /// `divergence` `(n, estimates)`, all row after row.
    pub fn predict_with_divergence(
        &self,
        step: &AtStep,
        x: &[f64],
        probes: Probes,
        factor: f64,
        (eps, divergence): (&mut [f64], &mut [f64]),
    ) {
        let Self { arch, model, parameters, transposed } = self;
        let shared = Shared { arch: *arch, model, parameters, transposed };
        let (d, rows, last) = (model.dim, x.len() / model.dim, model.layers.len() - 1);
        let directions = match probes {
            Probes::Exact => d,
            Probes::Signs { each, .. } => each,
        };
        let mut y = Matrix::new(rows, d);
        y.read_rows(x, d);
        // Direction after direction, each for all rows.
        let mut tangents = Matrix::new(directions * rows, d);
        match probes {
            Probes::Exact => (0..directions * rows).for_each(|row| tangents.row_mut(row)[row / rows] = 1.0),
            Probes::Signs { signs, .. } => tangents.read_rows(signs, d),
        }
        let zeros = vec![0.0; model.layers.iter().map(|plan| padded(plan.dense.output)).max().unwrap_or(0)];
        for (i, (plan, (bias, scale))) in model.layers.iter().zip(&step.layers).enumerate() {
            assert!(scale.is_none(), "factors by step are refused before");
            let (dense, depth) = (&plan.dense, if i == 0 { d } else { plan.dense.input });
            let rectify = plan.last().rectified;
            let mut output = Matrix::new(rows, dense.output);
            forward(shared, dense, (&y, rows, depth), (bias, false, rectify), &mut output);
            let mut moved = Matrix::new(directions * rows, dense.output);
            let no_bias = &zeros[..padded(dense.output)];
            forward(
                shared,
                dense,
                (&tangents, directions * rows, depth),
                (no_bias, false, false),
                &mut moved,
            );
            if i < last {
                let activation = model.activation;
                let mut derivative = match activation {
                    Activation::Relu => Vec::new(),
                    _ => vec![0.0; output.values.len()],
                };
                if !rectify {
                    let (y, derivative) = (&mut output.values, &mut derivative);
                    arch.dispatch(Activate { activation, y, derivative });
                }
                for delta in moved.values.chunks_exact_mut(rows * stride(dense.output)) {
                    arch.dispatch(Chain { activation, delta, y: &output.values, derivative: &derivative });
                }
            }
            (y, tangents) = (output, moved);
        }
        y.write_rows(eps, d, factor);
        match probes {
            Probes::Exact => {
                for (row, out) in divergence.iter_mut().enumerate() {
                    let diagonal = (0..d).map(|j| f64::from(tangents.row(j * rows + row)[j]));
                    *out = factor * diagonal.sum::<f64>();
                }
            }
            Probes::Signs { each, signs } => {
                for (k, signs) in signs.chunks_exact(rows * d).enumerate() {
                    for (row, v) in signs.chunks_exact(d).enumerate() {
                        let along = tangents.row(k * rows + row).iter().zip(v);
                        divergence[row * each + k] =
                            factor * along.map(|(t, v)| f64::from(*t) * v).sum::<f64>();
                    }
                }
            }
        }
    }
}
