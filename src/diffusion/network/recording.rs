//! A forward pass and the gradient of the parameters after it: by the candle graph, or by a way back of the network's own.

use super::parameters::Parameters;
#[cfg(feature = "cuda")]
use super::unet::cuda::Pass;
use crate::diffusion::DiffusionError;
use candle_core::Tensor;
use std::marker::PhantomData;

/// The outputs of a batch of models, and the way back from a loss of them.
#[derive(Debug)]
pub(in crate::diffusion) struct Recording<'a> {
    /// `(models, n, outputs)`.
    pub outputs: Tensor,
    /// The pass of each model, for which the outputs are where the graph begins.
    #[cfg(feature = "cuda")]
    passes: Option<Vec<Pass<'a>>>,
    network: PhantomData<&'a ()>,
}

impl<'a> Recording<'a> {
    /// Of outputs that the graph leads to.
    pub(super) fn of_graph(outputs: Tensor) -> Self {
        Self {
            outputs,
            #[cfg(feature = "cuda")]
            passes: None,
            network: PhantomData,
        }
    }

    /// Of passes of each model.
    #[cfg(feature = "cuda")]
    pub(super) fn of_passes(passes: Vec<Pass<'a>>) -> candle_core::Result<Self> {
        let outputs = passes.iter().map(Pass::outputs).collect::<candle_core::Result<Vec<_>>>()?;
        let outputs = candle_core::Var::from_tensor(&Tensor::stack(&outputs, 0)?)?;
        Ok(Self { outputs: outputs.into_inner(), passes: Some(passes), network: PhantomData })
    }

    /// The gradient of a loss of the outputs, in the shape of [`Parameters::flat`].
    ///
    /// # Errors
    /// If the device fails.
    pub fn gradient(self, parameters: &Parameters, loss: &Tensor) -> Result<Tensor, DiffusionError> {
        let gradients = loss.backward()?;
        #[cfg(feature = "cuda")]
        if let Some(passes) = self.passes {
            let of_outputs = match gradients.get(&self.outputs) {
                Some(gradient) => gradient.clone(),
                None => self.outputs.zeros_like()?,
            };
            let of_model = |(model, pass): (usize, Pass)| {
                let all = pass.gradient(&of_outputs.get(model)?)?;
                let all = all.iter().map(Tensor::flatten_all).collect::<candle_core::Result<Vec<_>>>()?;
                Tensor::cat(&all, 0)
            };
            let all = passes.into_iter().enumerate().map(of_model);
            return Ok(Tensor::stack(&all.collect::<candle_core::Result<Vec<_>>>()?, 0)?);
        }
        parameters.flat_gradient(&gradients)
    }
}
