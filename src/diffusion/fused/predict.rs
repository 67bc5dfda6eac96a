//! The network's prediction for many points at one step.

use super::{
    block::{Shared, forward},
    elementwise::{Activate, Multiply},
    gemm::{FEW, Product},
    matrix::Matrix,
    model::{Dense, Model},
    packed::{padded, panels, stride},
    transpose::Transpose,
};
use crate::diffusion::{DiffusionError, Network};
use candle_core::DType;
use pulp::Arch;

/// Rows that go through the network together: few enough that their activations stay in the cache.
const TILE_ROWS: usize = 64;

/// A network whose parameters no longer change.
#[derive(Clone, Debug)]
pub(in crate::diffusion) struct Predictor {
    pub(super) arch: Arch,
    pub(super) model: Model,
    pub(super) parameters: Vec<f32>,
    pub(super) transposed: Vec<f32>,
}

/// What a step does to each layer: the same for all points.
pub(in crate::diffusion) struct AtStep {
    /// Bias, with the embedding of the step in it, and the factors of the outputs.
    pub(super) layers: Vec<(Vec<f32>, Option<Vec<f32>>)>,
}

impl Predictor {
    /// The predictor of a network, with its parameters in `f32` on the host.
    ///
    /// # Errors
    /// If the parameters cannot be read.
    pub fn new(network: &Network) -> Result<Self, DiffusionError> {
        let model = Model::new(network.layout(), network.options());
        let (arch, parameters) =
            (Arch::new(), model.pack(&network.parameters().flat()?.to_dtype(DType::F32)?)?);
        let mut transposed = vec![0.0; model.transposed_size()];
        for dense in model.maps.iter().filter(|map| map.output <= FEW) {
            for range in panels(dense.input) {
                let (column, width) = (range.start, range.len());
                let first = dense.transposed().start + column * dense.output;
                let out = &mut transposed[first..first + width * dense.output];
                arch.dispatch(Transpose {
                    dense: *dense,
                    column,
                    width,
                    weight: &parameters[dense.weight()],
                    out,
                });
            }
        }
        Ok(Self { arch, model, parameters, transposed })
    }

    /// What the step in row `row` of the tables does to each layer.
    pub fn at_step(&self, row: usize) -> AtStep {
        let mut step = self.at_encoding(self.model.encoding(&self.parameters, row));
        for (plan, (_, scale)) in self.model.layers.iter().zip(&mut step.layers) {
            *scale = plan.scale.map(|table| table.row(&self.parameters, row).to_vec());
        }
        step
    }

    /// What the step of that time encoding does to each layer, without factors from a table over steps.
    pub fn at_encoding(&self, encoding: &[f32]) -> AtStep {
        let Self { arch, model, parameters, .. } = self;
        let layers = model.layers.iter().enumerate().map(|(i, plan)| {
            let mut bias = parameters[plan.dense.bias()].to_vec();
            if model.concat && i == 0 {
                self.one_row(&plan.dense, model.dim, encoding, &mut bias);
            }
            if let Some([first, second]) = &plan.time {
                let mut hidden = parameters[first.bias()].to_vec();
                self.one_row(first, 0, encoding, &mut hidden);
                arch.dispatch(Activate { activation: model.activation, y: &mut hidden, derivative: &mut [] });
                bias.iter_mut().zip(&parameters[second.bias()]).for_each(|(bias, b)| *bias += b);
                self.one_row(second, 0, &hidden[..second.input], &mut bias);
            }
            (bias, None)
        });
        AtStep { layers: layers.collect() }
    }

    /// `out = out + e W^T` of the inputs from `skip` on.
    fn one_row(&self, map: &Dense, skip: usize, e: &[f32], out: &mut [f32]) {
        self.arch.dispatch(Product {
            rows: 1,
            depth: e.len(),
            columns: map.output,
            a: e,
            a_stride: e.len(),
            b: &self.parameters[map.weight()],
            height: map.input,
            skip,
            keep: true,
            out,
            out_stride: padded(map.output),
            ..Product::default()
        });
    }

    /// The first `columns` outputs, those of `eps_theta` before all others, of points `(n, d)` at a step, to `out`
    /// `(n, columns)`, both row after row.
    pub fn predict(&self, step: &AtStep, x: &[f64], columns: usize, out: &mut [f64]) {
        let Self { arch, model, parameters, transposed } = self;
        let shared = Shared { arch: *arch, model, parameters, transposed };
        let mut buffers: Vec<Matrix> = std::iter::once(model.dim)
            .chain(model.layers.iter().map(|plan| plan.dense.output))
            .map(|width| Matrix { values: vec![0.0; TILE_ROWS * stride(width)], stride: stride(width) })
            .collect();
        let (d, last) = (model.dim, model.layers.len());
        for (x, out) in x.chunks(TILE_ROWS * d).zip(out.chunks_mut(TILE_ROWS * columns)) {
            let rows = x.len() / d;
            buffers[0].read_rows(x, d);
            for (i, (plan, (bias, scale))) in model.layers.iter().zip(&step.layers).enumerate() {
                let (before, rest) = buffers.split_at_mut(i + 1);
                let (input, output) = (&before[i], &mut rest[0]);
                let depth = if i == 0 { d } else { plan.dense.input };
                // In one product with everything that the step adds.
                let rectify = plan.last().rectified;
                forward(shared, &plan.dense, (input, rows, depth), (bias, false, rectify), output);
                if let Some(scale) = scale {
                    (0..rows).for_each(|row| arch.dispatch(Multiply { a: output.row_mut(row), b: scale }));
                }
                if i + 1 < last && !rectify {
                    let y = &mut output.values[..rows * output.stride];
                    arch.dispatch(Activate { activation: model.activation, y, derivative: &mut [] });
                }
            }
            buffers[last].write_rows(out, columns, 1.0);
        }
    }
}
