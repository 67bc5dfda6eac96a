//! Training: an iteration is a batch, a loss, its gradient, and one step of the optimizer. With `accumulate = A` it is `A`
//! batches, numbers `A i .. A (i + 1)` of the training's sequence, and one step along the mean of their gradients, weighted by
//! points. Each batch has its own isotropy term of the form `"batch"`, as if it were alone.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`options`], [`evaluate_options`] | `[train]` and `[train.evaluate]` of a spec |
//! | `job` | a network to be trained, from the beginning or from a checkpoint |
//! | [`batch`] | which points, steps and noise batch `i` holds |
//! | [`loss`] | the simple loss (G 7) and the isotropy loss (I 28) |
//! | [`variational_bound`] | the term of the loss by which the variance of the reverse steps is learned |
//! | [`optimizer`], [`average`] | Adam, AdamW, SGD; learning-rate decay, clipping; moving average |
//! | [`backend`], `backend_choice` | what does the iterations, and which one it is |
//! | `fused_backend`, `candle_backend` | without a graph, in `f32` on the host; on the candle graph |

pub mod average;
pub mod backend;
mod backend_choice;
pub mod batch;
mod candle_backend;
pub mod evaluate_options;
mod fused_backend;
mod job;
pub mod loss;
pub mod optimizer;
pub mod options;
pub mod variational_bound;

pub use backend_choice::BackendChoice;
pub use batch::{Batch, TrainStreams};
pub use evaluate_options::EvaluateOptions;
pub use job::TrainingJob;
pub use loss::{IsotropyForm, IsotropyLoss, LossTerms, Reduction};
pub use optimizer::{Decay, OptimizerKind, OptimizerOptions};
pub use options::TrainOptions;
pub use variational_bound::{LossKind, VariationalBound};

use super::{DiffusionError, Network, safetensors_file};
use average::Average;
use backend::{State, TrainBackend, Turn};
use batch::Batches;
use job::Header;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// One network of a training.
#[derive(Debug)]
struct Member {
    batches: Batches,
    network: Network,
    last_batch: Batch,
}

/// A training under way, of one network or of several in lockstep. Everything random comes from the streams and the
/// iteration's number, so a training that was stopped and goes on from a checkpoint gives the same bits.
///
/// Several networks get on the host the very bits that each gets alone, and on other devices, where they are one
/// tensor program, the same values up to rounding.
#[derive(Debug)]
pub struct Training {
    members: Vec<Member>,
    /// Batches of an iteration.
    accumulate: usize,
    iteration: usize,
    backend: Box<dyn TrainBackend>,
}

impl Training {
    /// The training of these jobs, which have done equally many iterations and differ in data, seed, learning rate
    /// and lambda at most.
    ///
    /// # Errors
    /// If there is no job, jobs differ in more than that, or the device fails.
    pub fn new(jobs: Vec<TrainingJob>, backend: BackendChoice) -> Result<Self, DiffusionError> {
        let Some(first) = jobs.first() else {
            return Err(DiffusionError::Option("there is no network to train".into()));
        };
        let networks: Vec<&Network> = jobs.iter().map(|job| &job.network).collect();
        Network::check_alike(&networks)?;
        let refuse = |alike: bool, message: &str| DiffusionError::unless(alike, || message.to_string());
        refuse(
            jobs.iter().all(|job| job.iteration == first.iteration),
            "trainings that have done different numbers of iterations cannot go on in lockstep",
        )?;
        refuse(
            jobs.iter().all(|job| job.batches.sizes() == first.batches.sizes()),
            "trainings with different numbers of points cannot go in lockstep",
        )?;
        refuse(
            jobs.iter().all(|job| job.options.batches_with(&first.options)),
            "trainings whose options differ in more than learning rate and lambda cannot go in lockstep",
        )?;
        refuse(
            jobs.iter().all(|job| job.bound == first.bound),
            "trainings of a learned variance with different schedules cannot go in lockstep",
        )?;
        let options: Vec<TrainOptions> = jobs.iter().map(|job| job.options).collect();
        let size = (first.total_iterations(), first.batches.size());
        let mut backend = backend.build(&networks, &options, first.bound.as_ref(), size)?;
        for (member, job) in jobs.iter().enumerate() {
            job.state.as_ref().map_or(Ok(()), |state| backend.restore(member, state))?;
        }
        let (iteration, accumulate) = (first.iteration, first.options.accumulate);
        let member = |TrainingJob { batches, network, .. }: TrainingJob| Member {
            last_batch: Batch::empty(network.dim()),
            batches,
            network,
        };
        Ok(Self { members: jobs.into_iter().map(member).collect(), accumulate, iteration, backend })
    }

    /// Number of networks.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// The points of the iteration that network number `member` has done last, those of all its batches; empty before the
    /// first.
    pub fn last_batch(&self, member: usize) -> &Batch {
        &self.members[member].last_batch
    }

    /// One iteration of each network on the batches that its number picks: the loss, or why it failed. A network whose
    /// loss is infinite or NaN does not disturb the others, and what it does from then on means nothing.
    ///
    /// # Errors
    /// If the device fails; then no network has done the iteration.
    pub fn step(&mut self) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError> {
        let mut all = Vec::new();
        for number in self.iteration * self.accumulate..(self.iteration + 1) * self.accumulate {
            match &mut self.members[..] {
                [member] => all.push(member.batches.get(number)),
                members => {
                    all.par_extend(members.par_iter_mut().map(|member| member.batches.get(number)));
                }
            }
        }
        self.step_on(all)
    }

    /// One iteration on given batches: one for each network, then as many again for each further batch of the iteration.
    ///
    /// # Errors
    /// As [`step`](Self::step), or if a batch does not fit; nothing has changed then.
    pub fn step_on(
        &mut self,
        batches: Vec<Batch>,
    ) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError> {
        let members = self.members.len();
        DiffusionError::unless(batches.len() == members * self.accumulate, || {
            format!(
                "{} batches cannot be shared among {members} networks, each with {} in an iteration",
                batches.len(),
                self.accumulate
            )
        })?;
        for (member, batch) in self.members.iter().cycle().zip(&batches) {
            batch.check(member.network.dim(), member.network.steps())?;
        }
        let points = |batches: &[Batch]| batches[0].x_t.nrows();
        let all: usize = batches.chunks(members).map(points).sum();
        let mut sums: Vec<Result<Vec<(f64, LossTerms)>, DiffusionError>> =
            (0..members).map(|_| Ok(Vec::new())).collect();
        for (k, batches) in batches.chunks(members).enumerate() {
            let turn = Turn {
                iteration: self.iteration,
                share: points(batches) as f64 / all as f64,
                is_first: k == 0,
                is_last: k + 1 == self.accumulate,
            };
            for (sum, terms) in sums.iter_mut().zip(self.backend.step(batches, turn)?) {
                match (&mut *sum, terms) {
                    (Ok(sum), Ok(terms)) => sum.push((turn.share, terms)),
                    (Ok(_), Err(failed)) => *sum = Err(failed),
                    (Err(_), _) => {}
                }
            }
            if sums.iter().all(Result::is_err) {
                break;
            }
        }
        let terms: Vec<_> = sums.into_iter().map(|sum| sum.map(|terms| LossTerms::mean(&terms))).collect();
        if terms.iter().any(Result::is_ok) {
            self.record_batches(batches);
        }
        Ok(terms)
    }

    /// Notes that an iteration was done on these batches.
    fn record_batches(&mut self, batches: Vec<Batch>) {
        self.iteration += 1;
        let members = self.members.len();
        let mut of_each: Vec<Vec<Batch>> =
            (0..members).map(|_| Vec::with_capacity(self.accumulate)).collect();
        batches.into_iter().enumerate().for_each(|(i, batch)| of_each[i % members].push(batch));
        for (member, batches) in self.members.iter_mut().zip(of_each) {
            member.last_batch = Batch::joined(batches);
        }
    }

    /// Network number `member` with its newest parameters (not the average), to look at: later iterations do not
    /// take over what is changed in it.
    ///
    /// # Errors
    /// If the device or memory fails.
    pub fn network(&self, member: usize) -> Result<&Network, DiffusionError> {
        let network = &self.members[member].network;
        network.parameters().assign(&self.backend.state(member)?.parameters)?;
        Ok(network)
    }

    /// Everything that network number `member` needs to go on later, as a safetensors file: parameters, moments and
    /// average as vectors in the order of its layout, the iteration in the header.
    ///
    /// # Errors
    /// If the device or memory fails.
    pub fn checkpoint(&self, member: usize) -> Result<Vec<u8>, DiffusionError> {
        let State { parameters, steps, first, second, average } = self.backend.state(member)?;
        let mut tensors = BTreeMap::from([
            ("parameters".to_string(), parameters),
            ("optimizer.first".to_string(), first),
            ("optimizer.second".to_string(), second),
        ]);
        tensors.extend(average.map(|average| ("average".to_string(), average)));
        safetensors_file::write(&Header { iteration: self.iteration, optimizer_steps: steps }, &tensors)
    }

    /// The trained networks, with the averaged parameters if the average is on; an error in place of a network whose
    /// parameters became infinite or NaN.
    ///
    /// # Errors
    /// If the device or memory fails.
    pub fn into_networks(self) -> Result<Vec<Result<Network, DiffusionError>>, DiffusionError> {
        (0..self.members.len()).map(|member| self.finite_network(member)).collect()
    }

    /// Network number `member` as it is now, with the averaged parameters if the average is on. It shares its
    /// parameters with no later iteration.
    ///
    /// # Errors
    /// If its parameters became infinite or NaN, or the device or memory fails.
    pub fn trained_network(&self, member: usize) -> Result<Network, DiffusionError> {
        self.finite_network(member)?
    }

    fn finite_network(&self, member: usize) -> Result<Result<Network, DiffusionError>, DiffusionError> {
        let State { parameters, average, .. } = self.backend.state(member)?;
        let value = average.unwrap_or(parameters);
        let sum = value.to_dtype(candle_core::DType::F64)?.abs()?.sum_all()?.to_scalar::<f64>()?;
        if !sum.is_finite() {
            return Ok(Err(DiffusionError::Diverged { iteration: self.iteration, loss: sum }));
        }
        let network = self.members[member].network.duplicate()?;
        network.parameters().assign(&value)?;
        Ok(Ok(network))
    }
}
