//! Training on the plain candle graph: the reference for the fused path, and the only one on other devices
//! and in other precisions.

use super::{
    Batch, DiffusionError, LossTerms, Network, TrainOptions,
    average::Average,
    inference::to_tensor,
    optimizer::{Optimizer, clip},
};
use candle_core::Tensor;

/// Parameters, moments and average of a training, as flat tensors.
#[derive(Debug)]
pub(super) struct GraphTraining {
    options: TrainOptions,
    flat: Tensor,
    optimizer: Optimizer,
    average: Option<Average>,
}

impl GraphTraining {
    /// A training of a network.
    ///
    /// # Errors
    /// If an option is out of range or the device fails.
    pub fn new(network: &Network, options: TrainOptions) -> Result<Self, DiffusionError> {
        let flat = network.parameters().flat()?;
        let optimizer = Optimizer::new(options.optimizer, &flat)?;
        let average = (options.ema > 0.0).then(|| Average::new(options.ema, &flat));
        Ok(Self { options, flat, optimizer, average })
    }

    /// One iteration, number `iteration` from 0; the network has the new parameters afterwards.
    ///
    /// # Errors
    /// If the loss is infinite or NaN, or the device fails.
    pub fn step(
        &mut self,
        network: &Network,
        batch: &Batch,
        iteration: usize,
    ) -> Result<LossTerms, DiffusionError> {
        let parameters = network.parameters();
        let (dtype, device) = (parameters.dtype(), parameters.device());
        let x = to_tensor(batch.x_t.view(), dtype, device)?;
        let eps = to_tensor(batch.eps.view(), dtype, device)?;
        let predicted = network.forward(&x, &batch.t)?;
        let TrainOptions { loss, clip_norm, decay, iterations, learning_rate, .. } = &self.options;
        let (loss, terms) = loss.evaluate(&predicted, &eps)?;
        if !terms.loss.is_finite() {
            return Err(DiffusionError::Diverged { iteration, loss: terms.loss });
        }
        let gradient = clip(&parameters.flat_gradient(&loss.backward()?)?, *clip_norm)?;
        let rate = learning_rate * decay.factor(iteration, *iterations);
        self.flat = self.optimizer.step(&self.flat, &gradient, rate)?;
        parameters.assign(&self.flat)?;
        if let Some(average) = &mut self.average {
            average.update(&self.flat, iteration + 1)?;
        }
        Ok(terms)
    }

    /// The parameters.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// The average, if it is on.
    pub fn average(&self) -> Option<&Tensor> {
        self.average.as_ref().map(Average::value)
    }

    /// Steps taken, first moment and second moment.
    pub fn optimizer(&self) -> (usize, &Tensor, &Tensor) {
        self.optimizer.state()
    }

    /// Puts back what [`flat`](Self::flat), [`optimizer`](Self::optimizer) and [`average`](Self::average)
    /// told.
    pub fn restore(
        &mut self,
        flat: Tensor,
        (steps, first, second): (usize, Tensor, Tensor),
        average: Option<Tensor>,
    ) {
        self.flat = flat;
        self.optimizer.restore(steps, first, second);
        if let (Some(own), Some(average)) = (&mut self.average, average) {
            own.restore(average);
        }
    }
}
