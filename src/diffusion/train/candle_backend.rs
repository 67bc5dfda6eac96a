//! Training on the candle graph, on every device and in every precision. Networks of one layout train as a batch, in
//! the same operations: what a GPU is good for, which a single small network leaves idle.

use super::{
    Average, Batch, LossTerms, TrainOptions,
    backend::{State, TrainBackend, Turn},
    loss::{self, BoundOf},
    optimizer::{Optimizer, clip},
    variational_bound::VariationalBound,
};
use crate::diffusion::{
    DiffusionError, Network,
    network::{Graph, network_denoiser::batch_tensor, parameters::Parameters},
};
use candle_core::{Result as CandleResult, Tensor};

/// Parameters, moments and averages of a batch of trainings, as tensors `(models, p)`.
#[derive(Debug)]
pub(super) struct CandleBackend {
    options: Vec<TrainOptions>,
    /// By which the variance is learned; none where it is not.
    bound: Option<VariationalBound>,
    /// Iterations in all.
    iterations: usize,
    parameters: Parameters,
    graph: Graph,
    flat: Tensor,
    optimizer: Optimizer,
    /// The gradients of the batches of an iteration under way, added up.
    gradient: Option<Tensor>,
    average: Option<Average>,
}

impl CandleBackend {
    /// Fresh trainings of these networks, which are alike, with options that differ in learning rate and lambda at
    /// most.
    ///
    /// # Errors
    /// If the networks are not alike, or the device fails.
    pub fn new(
        networks: &[&Network],
        options: &[TrainOptions],
        bound: Option<&VariationalBound>,
        iterations: usize,
    ) -> Result<Self, DiffusionError> {
        let (parameters, graph) = Network::batched(networks)?;
        let flat = parameters.flat()?;
        let optimizer = Optimizer::new(options[0].optimizer(), &flat)?;
        let ema = options[0].ema;
        let average = (ema > 0.0).then(|| Average::new(ema, &flat));
        let (options, bound) = (options.to_vec(), bound.cloned());
        Ok(Self { options, bound, iterations, parameters, graph, flat, optimizer, gradient: None, average })
    }
}

impl TrainBackend for CandleBackend {
    fn step(
        &mut self,
        batches: &[Batch],
        turn: Turn,
    ) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError> {
        let parameters = &self.parameters;
        let (dtype, device) = (parameters.dtype(), parameters.device());
        let x = batch_tensor(batches.iter().map(|b| b.x_t.view()), dtype, device)?;
        let eps = batch_tensor(batches.iter().map(|b| b.eps.view()), dtype, device)?;
        let steps: Vec<u32> = batches.iter().flat_map(|b| b.t.iter().map(|t| (t - 1) as u32)).collect();
        let shape = (batches.len(), steps.len() / batches.len());
        let dropout: Vec<_> = batches.iter().filter_map(|batch| batch.dropout).collect();
        let recording = self.graph.record(&x, &Tensor::from_vec(steps, shape, device)?, &dropout)?;
        let losses: Vec<_> = self.options.iter().map(|o| o.isotropy_loss()).collect();
        let bound = self.bound.as_ref().map(|bound| {
            let t = batches.iter().flat_map(|batch| batch.t.iter().copied()).collect();
            BoundOf { bound, t }
        });
        let (loss, terms) = loss::evaluate(&losses, &recording.outputs, &eps, bound.as_ref())?;
        let reported = |terms: LossTerms| match terms.loss.is_finite() {
            true => Ok(terms),
            false => Err(DiffusionError::Diverged { iteration: turn.iteration, loss: terms.loss }),
        };
        let terms: Vec<_> = terms.into_iter().map(reported).collect();
        if terms.iter().all(Result::is_err) {
            return Ok(terms);
        }
        let mut gradient = recording.gradient(parameters, &loss)?;
        if !turn.is_whole() {
            gradient = gradient.affine(turn.share, 0.0)?;
            if let Some(before) = self.gradient.take().filter(|_| !turn.is_first) {
                gradient = before.add(&gradient)?;
            }
            if !turn.is_last {
                self.gradient = Some(gradient);
                return Ok(terms);
            }
        }
        let gradient = clip(&gradient, self.options[0].clip_norm)?;
        let rates = self.options.iter().map(|o| o.rate(turn.iteration, self.iterations));
        self.flat = self.optimizer.step(&self.flat, &gradient, &rates.collect::<Vec<_>>())?;
        parameters.assign(&self.flat)?;
        if let Some(average) = &mut self.average {
            average.update(&self.flat, turn.iteration + 1)?;
        }
        Ok(terms)
    }

    fn state(&self, member: usize) -> Result<State, DiffusionError> {
        let (steps, first, second) = self.optimizer.state();
        Ok(State {
            parameters: self.flat.get(member)?,
            steps,
            first: first.get(member)?,
            second: second.get(member)?,
            average: self.average.as_ref().map(|average| average.value().get(member)).transpose()?,
        })
    }

    fn restore(&mut self, member: usize, state: &State) -> Result<(), DiffusionError> {
        let replaced = |rows: &Tensor, row: &Tensor| -> CandleResult<Tensor> {
            let mut all = (0..self.options.len()).map(|i| rows.get(i)).collect::<CandleResult<Vec<_>>>()?;
            all[member] = row.clone();
            Tensor::stack(&all, 0)
        };
        let flat = replaced(&self.flat, &state.parameters)?;
        let (_, first, second) = self.optimizer.state();
        let (first, second) = (replaced(first, &state.first)?, replaced(second, &state.second)?);
        let average = match (&self.average, &state.average) {
            (Some(own), Some(average)) => Some(replaced(own.value(), average)?),
            _ => None,
        };
        self.parameters.assign(&flat)?;
        self.flat = flat;
        self.optimizer.restore(state.steps, first, second);
        if let (Some(own), Some(average)) = (&mut self.average, average) {
            own.restore(average);
        }
        Ok(())
    }
}
