//! Training on the plain candle graph: the reference for the fused path, and the only one on other devices
//! and in other precisions. Several networks of one shape train side by side in the same operations.

use super::{
    Batch, DiffusionError, LossTerms, Network, TrainOptions,
    average::Average,
    inference::stack_tensor,
    network::Graph,
    optimizer::{Optimizer, clip},
    parameters::Parameters,
};
use candle_core::Tensor;

/// What one training has: its parameters `(p)`, optimiser and average.
pub(super) struct State {
    pub flat: Tensor,
    pub optimizer: (usize, Tensor, Tensor),
    /// If it is on.
    pub average: Option<Tensor>,
}

/// Parameters, moments and averages of trainings side by side, as tensors `(models, p)`.
#[derive(Debug)]
pub(super) struct GraphTraining {
    options: Vec<TrainOptions>,
    /// Iterations in all.
    iterations: usize,
    parameters: Parameters,
    graph: Graph,
    flat: Tensor,
    optimizer: Optimizer,
    average: Option<Average>,
}

impl GraphTraining {
    /// Trainings of networks, each with its options; these may differ in learning rate and loss.
    ///
    /// # Errors
    /// If networks or options do not go together, an option is out of range, or the device fails.
    pub fn new(
        networks: &[&Network],
        options: &[TrainOptions],
        iterations: usize,
    ) -> Result<Self, DiffusionError> {
        let (parameters, graph) = Network::stack(networks)?;
        let first = options[0];
        let alike = |o: &TrainOptions| {
            TrainOptions { learning_rate: first.learning_rate, isotropy: first.isotropy, ..*o } == first
                && o.loss().differs_in_weight_only(&first.loss())
        };
        DiffusionError::unless(options.len() == networks.len() && options.iter().all(alike), || {
            "trainings whose options differ in more than learning rate and lambda cannot go side by side"
                .into()
        })?;
        let flat = parameters.flat()?;
        let optimizer = Optimizer::new(first.optimizer(), &flat)?;
        let average = (first.ema > 0.0).then(|| Average::new(first.ema, &flat));
        Ok(Self { options: options.to_vec(), iterations, parameters, graph, flat, optimizer, average })
    }

    /// One iteration, number `iteration` from 0, on a batch for each training, all of one shape. A training
    /// whose loss is infinite or NaN is told so; the others do not feel it.
    ///
    /// # Errors
    /// If the batches do not fit, or the device fails.
    pub fn step(
        &mut self,
        batches: &[&Batch],
        iteration: usize,
    ) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError> {
        let parameters = &self.parameters;
        let (dtype, device) = (parameters.dtype(), parameters.device());
        let x = stack_tensor(batches.iter().map(|b| b.x_t.view()), dtype, device)?;
        let eps = stack_tensor(batches.iter().map(|b| b.eps.view()), dtype, device)?;
        let steps: Vec<u32> = batches.iter().flat_map(|b| b.t.iter().map(|t| (t - 1) as u32)).collect();
        let shape = (batches.len(), steps.len() / batches.len());
        let predicted = self.graph.forward(&x, &Tensor::from_vec(steps, shape, device)?)?;
        let TrainOptions { clip_norm, decay, .. } = self.options[0];
        let losses: Vec<_> = self.options.iter().map(|o| o.loss()).collect();
        let (loss, terms) = super::loss::evaluate(&losses, &predicted, &eps)?;
        let told = |terms: LossTerms| match terms.loss.is_finite() {
            true => Ok(terms),
            false => Err(DiffusionError::Diverged { iteration, loss: terms.loss }),
        };
        let terms: Vec<_> = terms.into_iter().map(told).collect();
        if terms.iter().all(Result::is_err) {
            return Ok(terms);
        }
        let gradient = clip(&parameters.flat_gradient(&loss.backward()?)?, clip_norm)?;
        let rates = self.options.iter().map(|o| o.learning_rate * decay.factor(iteration, self.iterations));
        self.flat = self.optimizer.step(&self.flat, &gradient, &rates.collect::<Vec<_>>())?;
        parameters.assign(&self.flat)?;
        if let Some(average) = &mut self.average {
            average.update(&self.flat, iteration + 1)?;
        }
        Ok(terms)
    }

    /// What training number `index` has.
    ///
    /// # Errors
    /// If the device fails.
    pub fn state(&self, index: usize) -> Result<State, DiffusionError> {
        let (steps, first, second) = self.optimizer.state();
        let average = self.average.as_ref().map(|average| average.value().get(index)).transpose()?;
        let optimizer = (steps, first.get(index)?, second.get(index)?);
        Ok(State { flat: self.flat.get(index)?, optimizer, average })
    }

    /// Gives each training what [`state`](Self::state) told; all have taken as many steps.
    ///
    /// # Errors
    /// If a shape differs, or the device fails; nothing has changed then.
    pub fn restore(&mut self, states: &[State]) -> Result<(), DiffusionError> {
        let stack =
            |of: &dyn Fn(&State) -> Tensor| Tensor::stack(&states.iter().map(of).collect::<Vec<_>>(), 0);
        let flat = stack(&|s| s.flat.clone())?;
        let moments = (stack(&|s| s.optimizer.1.clone())?, stack(&|s| s.optimizer.2.clone())?);
        let averages: Option<Vec<&Tensor>> = states.iter().map(|s| s.average.as_ref()).collect();
        let average = averages.map(|averages| Tensor::stack(&averages, 0)).transpose()?;
        self.parameters.assign(&flat)?;
        self.flat = flat;
        self.optimizer.restore(states[0].optimizer.0, moments.0, moments.1);
        if let (Some(own), Some(average)) = (&mut self.average, average) {
            own.restore(average);
        }
        Ok(())
    }
}
