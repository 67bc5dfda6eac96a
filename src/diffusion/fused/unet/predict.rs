//! The prediction of a U-Net for many points at one step.

use super::images::{Images, Shared, Work};
use super::plan::{Plan, images_together};
use crate::diffusion::{DiffusionError, Network};
use candle_core::DType;
use pulp::Arch;
use rayon::prelude::*;

/// A network whose parameters no longer change.
#[derive(Clone, Debug)]
pub(in crate::diffusion) struct UnetPredictor {
    arch: Arch,
    plan: Plan,
    parameters: Vec<f32>,
}

impl UnetPredictor {
    /// The predictor of a network, with its parameters in `f32` on the host.
    ///
    /// # Errors
    /// If the parameters cannot be read.
    pub fn new(network: &Network) -> Result<Self, DiffusionError> {
        let plan = Plan::new(network.layout(), images_together(network.options()));
        let parameters = network.parameters().flat()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        Ok(Self { arch: Arch::new(), plan, parameters })
    }

    /// The first `columns` outputs, those of `eps_theta` before all others, of points `(n, d)` at the step in row `row` of the
    /// tables, to `out` `(n, columns)`, both row after row.
    pub fn predict(&self, row: usize, x: &[f64], columns: usize, out: &mut [f64]) {
        let Self { arch, plan, parameters } = self;
        let d = x.len() / (out.len() / columns).max(1);
        let shared = Shared { arch: *arch, plan, parameters, transposed: &[] };
        let outputs = plan.program.output().count();
        let buffers = || (Images::for_prediction(plan), Work::for_prediction());
        out.par_chunks_mut(plan.images * columns).zip(x.par_chunks(plan.images * d)).for_each_init(
            buffers,
            |(images, work), (out, x)| {
                let steps = std::iter::repeat_n(row as u32, x.len() / d);
                images.forward(shared, x, steps, None, work);
                for (out, outputs) in out.chunks_exact_mut(columns).zip(images.outputs.chunks_exact(outputs))
                {
                    out.iter_mut().zip(outputs).for_each(|(out, v)| *out = f64::from(*v));
                }
            },
        );
    }
}
