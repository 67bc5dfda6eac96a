//! The training stage of runs, with checkpoints.

use super::checkpoints::Checkpoints;
use super::error::{ExperimentError, StageError};
use super::files;
use super::observer::Stage;
use super::pipeline::{Begun, Run, StageOrFile};
use super::records::{LossRow, read_rows};
use super::replicate::Purpose;
use super::together::{failed_together, together};
use super::wait_point::{Point, wait_at};
use crate::diffusion::forward::mean_square_prediction;
use crate::diffusion::loss::isotropy_scale;
use crate::diffusion::{
    Batch, DiffusionError, LossTerms, MixtureDenoiser, Network, NetworkDenoiser, Reduction, TrainStreams,
    Trainer, TrainerStack,
};
use crate::spec::Pipeline;
use ndarray::ArrayView2;
use std::collections::BTreeMap;
use std::time::Instant;

/// A run whose points can be drawn.
pub(super) struct Trained<'a> {
    pub begun: Begun<'a>,
    pub denoiser: Model,
    /// The factor on the network's output that a control run adds.
    pub control_scale: Option<f64>,
}

/// What predicts the noise.
pub(super) enum Model {
    Exact(Box<MixtureDenoiser>),
    Network(Box<NetworkDenoiser>),
}

/// A network to be trained, or to go on with.
struct Pupil<'a> {
    run: &'a Run<'a>,
    exact: Option<&'a MixtureDenoiser>,
    trainer: Trainer,
    checkpoints: Checkpoints,
    rows: Vec<LossRow>,
}

/// A network and its logged losses.
type Taught = (Network, Vec<LossRow>);

/// The training stage of these runs: those that need it are trained in step, others take the network of the
/// plain run or the exact denoiser. Writes each one's model and `loss.csv`.
pub(super) fn train(members: Vec<Begun>) -> Vec<Result<Trained, ExperimentError>> {
    let clock = Instant::now();
    let taught = members.iter().map(|begun| match (begun.run.pipeline, begun.run.trained_already()) {
        (Pipeline::Exact, _) => Ok(None),
        (_, Some(taught)) => {
            taught.1.iter().for_each(|row| begun.run.observer.loss(&begun.run.label.run, row));
            Ok(Some(Either::Taught(taught)))
        }
        (_, None) => begun.pupil().map(|pupil| Some(Either::Pupil(Box::new(pupil)))),
    });
    let taught = together(taught.collect(), teach);
    members
        .into_iter()
        .zip(taught)
        .map(|(mut begun, taught)| {
            let taught = taught?;
            begun.seconds.train = clock.elapsed().as_secs_f64();
            begun.trained(taught)
        })
        .collect()
}

/// A run before its training, where it needs one.
enum Either<'a> {
    Pupil(Box<Pupil<'a>>),
    Taught(Taught),
}

/// Trains the pupils, those with as many iterations behind them in step.
fn teach(members: Vec<Option<Either>>) -> Vec<Result<Option<Taught>, ExperimentError>> {
    let mut results: Vec<Option<Result<Option<Taught>, ExperimentError>>> = Vec::new();
    let mut classes: BTreeMap<usize, (Vec<usize>, Vec<Pupil>)> = BTreeMap::new();
    for (place, member) in members.into_iter().enumerate() {
        results.push(match member {
            None => Some(Ok(None)),
            Some(Either::Taught(taught)) => Some(Ok(Some(taught))),
            Some(Either::Pupil(pupil)) => {
                let (places, pupils) = classes.entry(pupil.trainer.iteration()).or_default();
                places.push(place);
                pupils.push(*pupil);
                None
            }
        });
    }
    for (places, pupils) in classes.into_values() {
        for (place, result) in places.into_iter().zip(in_step(pupils)) {
            results[place] = Some(result.map(Some));
        }
    }
    let missing = || Err(ExperimentError::Defect("training".to_string()));
    results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

/// Trains pupils that have done equally many iterations.
fn in_step(pupils: Vec<Pupil>) -> Vec<Result<Taught, ExperimentError>> {
    let runs: Vec<&Run> = pupils.iter().map(|pupil| pupil.run).collect();
    let mut trainers = Vec::new();
    let mut class = Vec::new();
    for Pupil { run, exact, trainer, checkpoints, rows } in pupils {
        trainers.push(trainer);
        class.push(Seat { run, exact, checkpoints, rows, failure: None });
    }
    match lessons(trainers, &mut class) {
        Ok(networks) => class
            .into_iter()
            .zip(networks)
            .map(|(seat, network)| match seat.failure {
                Some(failure) => Err(seat.run.failed(Stage::Train)(failure)),
                None => Ok((network.map_err(seat.run.failed(Stage::Train))?, seat.rows)),
            })
            .collect(),
        Err(failure) => failed_together(&runs, Stage::Train, failure).into_iter().map(Err).collect(),
    }
}

/// What a pupil has beside its trainer.
struct Seat<'a> {
    run: &'a Run<'a>,
    exact: Option<&'a MixtureDenoiser>,
    checkpoints: Checkpoints,
    rows: Vec<LossRow>,
    failure: Option<DiffusionError>,
}

/// All iterations, with checkpoints; returns the networks of the trainings, failed ones too.
fn lessons(
    trainers: Vec<Trainer>,
    class: &mut [Seat],
) -> Result<Vec<Result<Network, DiffusionError>>, StageOrFile> {
    let mut stack = TrainerStack::new(trainers)?;
    let Some(Run { plan, interrupt, .. }) = class.first().map(|seat| seat.run) else {
        return Ok(Vec::new());
    };
    for iteration in stack.iteration() + 1..=plan.train.iterations {
        class.iter().for_each(|seat| {
            wait_at(Point::Train(iteration), &seat.run.label.run, || interrupt.is_set());
        });
        if interrupt.is_set() || class.iter().any(|seat| seat.checkpoints.due()) {
            stack.share()?;
            for (seat, trainer) in class.iter_mut().zip(stack.trainers()) {
                if seat.failure.is_none() {
                    seat.checkpoints.save(trainer.iteration(), &trainer.checkpoint()?, &seat.rows)?;
                }
            }
        }
        interrupt.check()?;
        let terms = stack.step()?;
        let logged = iteration == 1 || iteration % plan.log_every == 0 || iteration == plan.train.iterations;
        for ((seat, terms), trainer) in class.iter_mut().zip(terms).zip(stack.trainers()) {
            match terms {
                _ if seat.failure.is_some() => {}
                Err(failure) => seat.failure = Some(failure),
                Ok(terms) if logged => seat.log(iteration, terms, trainer.last_batch())?,
                Ok(_) => {}
            }
        }
        if class.iter().all(|seat| seat.failure.is_some()) {
            break;
        }
    }
    Ok(stack.into_trainers()?.into_iter().map(Trainer::into_network).collect())
}

impl Seat<'_> {
    fn log(&mut self, iteration: usize, terms: LossTerms, batch: &Batch) -> Result<(), DiffusionError> {
        let LossTerms { loss, mse, isotropy } = terms;
        let reduction = self.run.plan.train.loss.reduction;
        let optimal = self.exact.map(|exact| optimal_mse(exact, batch, reduction)).transpose()?;
        let (id, row) = (&self.run.label.run, LossRow { iteration, loss, mse, isotropy, optimal });
        self.run.observer.loss(id, &row);
        self.rows.push(row);
        self.run.observer.progress(id, Stage::Train, iteration as u64, Some(("loss", loss)));
        Ok(())
    }
}

impl<'a> Begun<'a> {
    /// The network to be trained, from its newest checkpoint on if there is one.
    fn pupil(&'a self) -> Result<Pupil<'a>, ExperimentError> {
        let run = &self.run;
        let (plan, replicate) = (run.plan, run.label.replicate);
        run.observer.stage(&run.label.run, Stage::Train, plan.train.iterations as u64);
        let stream = |purpose: Purpose| purpose.stream(plan, replicate);
        let streams = TrainStreams {
            shuffle: stream(Purpose::Shuffle),
            timestep: stream(Purpose::Timestep),
            noise: stream(Purpose::TrainNoise),
        };
        let (dim, steps) = (self.points.ncols(), plan.schedule.steps());
        let parameters = stream(Purpose::Parameters);
        let mut trainer = Network::new(dim, steps, &plan.network, &parameters, run.device)
            .and_then(|network| {
                Trainer::new(self.points.clone(), &plan.schedule, network, plan.train, streams)
            })
            .map_err(run.failed(Stage::Train))?;
        let mut checkpoints = Checkpoints::new(self.folder, run.checkpoint_every);
        let restored = checkpoints.restore(|bytes, iteration| {
            trainer.restore(bytes).ok().filter(|()| trainer.iteration() == iteration)
        });
        let rows = restored.map_or(Vec::new(), |((), rows)| rows);
        rows.iter().for_each(|row| run.observer.loss(&run.label.run, row));
        Ok(Pupil { run, exact: self.exact.as_ref(), trainer, checkpoints, rows })
    }

    /// Writes the model and its losses; without them this is a run of the exact denoiser.
    fn trained(mut self, taught: Option<Taught>) -> Result<Trained<'a>, ExperimentError> {
        let (run, folder) = (&self.run, self.folder);
        let Some((network, rows)) = taught else {
            let Some(exact) = self.exact.take() else {
                return Err(ExperimentError::Defect(run.label.run.clone()));
            };
            return Ok(Trained { begun: self, denoiser: Model::Exact(Box::new(exact)), control_scale: None });
        };
        run.write_table(&folder.join("loss.csv"), &rows)?;
        let bytes = network.to_safetensors().map_err(|e| run.failed(Stage::Train)(e))?;
        files::write(&folder.join("model.safetensors"), |out| out.write_all(&bytes))?;
        Checkpoints::new(folder, run.checkpoint_every).clear()?;
        let plain = NetworkDenoiser::new(network, 1.0);
        let scale = run.plan.control.map(|lambda| run.control_scale(&plain, self.points.view(), lambda));
        let control_scale = scale.transpose().map_err(run.failed(Stage::Train))?;
        let epsilon_scale = control_scale.unwrap_or(1.0) * run.plan.sample.epsilon_scale;
        let denoiser = Model::Network(Box::new(plain.with_epsilon_scale(epsilon_scale)));
        Ok(Trained { begun: self, denoiser, control_scale })
    }
}

impl Run<'_> {
    /// The factor that the isotropy loss with this lambda would put on the network's output, from the
    /// measured `Q` of the plain network (I 28 and its derivative).
    fn control_scale(
        &self,
        plain: &NetworkDenoiser,
        points: ArrayView2<f64>,
        lambda: f64,
    ) -> Result<f64, StageError> {
        let noise = Purpose::Forward.stream(self.plan, self.label.replicate);
        let q = mean_square_prediction(plain, points, &self.plan.schedule, &noise)?;
        let scale = isotropy_scale(lambda, self.plan.train.loss.reduction, points.ncols(), q);
        scale.ok_or(StageError::NoScale { q })
    }

    /// Network and losses of the plain run, where this is its control: training again would give the same.
    fn trained_already(&self) -> Option<(Network, Vec<LossRow>)> {
        let folder = self.plain.as_ref()?;
        let bytes = std::fs::read(folder.join("model.safetensors")).ok()?;
        let network = Network::from_safetensors(&bytes, self.device).ok()?;
        Some((network, read_rows(&folder.join("loss.csv")).ok()?))
    }
}

/// The first term of the loss (G 7) that the exact denoiser has on a batch: what no network can beat.
fn optimal_mse(exact: &MixtureDenoiser, batch: &Batch, reduction: Reduction) -> Result<f64, DiffusionError> {
    let rest = &batch.eps - &exact.predict_noise_each(batch.x_t.view(), &batch.t)?;
    let terms = match reduction {
        Reduction::Mean => rest.len(),
        Reduction::Sum => rest.nrows(),
    };
    Ok(rest.iter().map(|v| v * v).sum::<f64>() / terms as f64)
}
