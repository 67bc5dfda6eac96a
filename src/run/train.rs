//! The training stage of a run: a network from its newest checkpoint on, or the one that another run trained already.

use super::divergence::DivergenceWatch;
use super::evaluate::{Evaluations, Over};
use super::model_config::ModelConfig;
use super::prepare::Prepared;
use super::replicate::Purpose;
use super::{Event, Run, Stage, StageError};
use crate::diffusion::isotropy::prediction_moments;
use crate::diffusion::lockstep::TrainingHandle;
use crate::diffusion::train::loss::isotropy_scale;
use crate::diffusion::{
    Batch, Denoiser, DiffusionError, LossTerms, MixtureDenoiser, Network, NetworkDenoiser, Reduction,
    TrainStreams, TrainingJob,
};
use crate::spec::DenoiserKind;
use crate::store::run_folder::{read_checked, read_checked_rows, read_if_there};
use crate::store::wait_point::{Point, wait_at};
use crate::store::{Checkpoints, LossRow, Status, StoreError, TrainingRecord, names};
use candle_core::DType;
use ndarray::{ArrayView2, s};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// How often a training says how far it is, beside the rows that it logs.
const REPORTS: usize = 200;

/// What predicts the noise of a run.
pub(super) struct Model<'a> {
    /// None where the samples are those of the space alone.
    pub denoiser: Option<Box<dyn Denoiser + 'a>>,
    /// The factor on the network's output that a control run adds.
    pub control_scale: Option<f64>,
    pub seconds: f64,
}

/// A trained network and the tables of its training.
struct Trained {
    network: Network,
    record: TrainingRecord,
}

/// Trains the network of a run, or takes what needs no training. Writes `loss.csv` and the model.
pub(super) fn train<'a>(run: &'a Run, prepared: &Prepared) -> Result<Model<'a>, StageError> {
    let clock = Instant::now();
    match run.pipeline.denoiser {
        DenoiserKind::None => Ok(Model { denoiser: None, control_scale: None, seconds: 0.0 }),
        DenoiserKind::Exact => {
            let exact = prepared.exact.clone().ok_or(StageError::NoExactDenoiser)?;
            Ok(Model {
                denoiser: Some(Box::new(exact)),
                control_scale: None,
                seconds: clock.elapsed().as_secs_f64(),
            })
        }
        DenoiserKind::Network => {
            let taken_over = run.stages.trained(run).and_then(|(folder, status)| {
                // What cannot be read back is trained again.
                let notice = |e: &StoreError| run.report(Event::Notice(&format!("{}: {e}", run.label.run)));
                take_over(run, &folder, &status).inspect_err(notice).ok()
            });
            let trained = match taken_over {
                Some(trained) => {
                    run.lockstep.skip_training();
                    trained
                }
                None => fit_network(run, prepared)?,
            };
            let seconds = clock.elapsed().as_secs_f64();
            keep(run, prepared, trained).map(|model| Model { seconds, ..model })
        }
    }
}

/// The network that a finished run trained with the same key.
fn take_over(run: &Run, folder: &Path, status: &Status) -> Result<Trained, StoreError> {
    let bytes = read_checked(folder, status, names::MODEL)?;
    let network = Network::from_safetensors(&bytes, run.device)
        .and_then(|network| match network.outputs() == run.plan.sample.variance.outputs() {
            true => Ok(network),
            false => Err(DiffusionError::Saved("its outputs are not those of diffusion.variance".into())),
        })
        .map_err(|e| StoreError::Read { path: folder.join(names::MODEL), reason: e.to_string() })?;
    let losses: Vec<LossRow> = read_checked_rows(folder, status, names::LOSS)?;
    let evaluations = read_if_there(folder, status, names::TRAINING_METRICS)?;
    let record = TrainingRecord { losses, evaluations };
    report(run, &record);
    Ok(Trained { network, record })
}

/// Reports the rows of a training that were computed before.
fn report(run: &Run, record: &TrainingRecord) {
    let name = &run.label.run;
    record.losses.iter().for_each(|row| run.report(Event::Loss { run: name, row }));
    record.evaluations.iter().for_each(|row| run.report(Event::TrainingMetrics { run: name, row }));
}

/// All iterations of the training, with checkpoints and evaluations.
fn fit_network(run: &Run, prepared: &Prepared) -> Result<Trained, StageError> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&over);
        iterate(run, prepared, Evaluations::new(scope, run, prepared, &over))
    })
}

fn iterate(run: &Run, prepared: &Prepared, mut evaluations: Evaluations) -> Result<Trained, StageError> {
    let (plan, points) = (run.plan, &prepared.space.points);
    let streams = TrainStreams {
        shuffle: run.stream(Purpose::Shuffle),
        timestep: run.stream(Purpose::Timestep),
        noise: run.stream(Purpose::TrainNoise),
    };
    let (shape, steps) = ((points.ncols(), plan.sample.variance.outputs()), plan.schedule.steps());
    let stream = run.stream(Purpose::Parameters);
    let network = Network::with_dtype(shape, steps, &plan.network, &stream, run.device, DType::F32)?;
    let mut job = TrainingJob::new(points.clone(), &plan.schedule, network, plan.train, streams)?;
    let mut checkpoints = checkpoints(run);
    let restored = checkpoints
        .restore(|bytes, iteration| job.resume(bytes).ok().filter(|()| job.iteration() == iteration));
    let mut record = restored.map_or(TrainingRecord::default(), |((), record)| record);
    run.go_on_with_stage(Stage::Train, plan.iterations, job.iteration());
    report(run, &record);
    record.evaluations.iter().for_each(|row| run.folder.keep(&names::training_picture(row.iteration)));
    let points_of_an_iteration = plan.train.points_of_an_iteration();
    if let Some(rows) =
        prepared.exact.as_ref().map(optimal_rows).filter(|&rows| rows < points_of_an_iteration)
    {
        run.report(Event::Notice(&format!(
            "{}: the exact denoiser of this mixture is costly, so the column `optimal` of loss.csv is made of the first {rows} of the {points_of_an_iteration} points of an iteration",
            run.label.run
        )));
    }
    let mut training = run.lockstep.train(job)?;
    let often = plan.iterations.div_ceil(REPORTS);
    let mut divergence = DivergenceWatch::of(plan);
    let evaluated = |iteration| plan.train.evaluate.filter(|own| own.follows(iteration, plan.iterations));
    let done = training.iteration();
    if let Some(options) = evaluated(done)
        && record.evaluations.last().is_none_or(|row| row.iteration < done)
    {
        evaluations.begin(options, done, training.network()?);
    }
    for iteration in done + 1..=plan.iterations {
        wait_at(Point::Train(iteration), &run.label.run, || run.interrupt.is_set());
        // While an evaluation is under way, the checkpoint at which it began is the one to go on from.
        if !evaluations.is_under_way() {
            record.evaluations.extend(evaluations.take()?);
            if run.interrupt.is_set() || checkpoints.due() {
                checkpoints.save(iteration - 1, &training.checkpoint()?, &record)?;
            }
        }
        run.interrupt.check()?;
        let terms = training.step()?;
        if iteration == 1 || iteration % plan.train.log_every == 0 || iteration == plan.iterations {
            let row = logged(run, prepared, iteration, terms, &training)?;
            if let Some(notice) = divergence.see(&row) {
                run.report(Event::Notice(&format!("{}: {notice}", run.label.run)));
            }
            record.losses.push(row);
        } else if iteration.is_multiple_of(often) {
            run.progress(Stage::Train, iteration, None);
        }
        if let Some(options) = evaluated(iteration) {
            record.evaluations.extend(evaluations.take()?);
            checkpoints.save(iteration, &training.checkpoint()?, &record)?;
            evaluations.begin(options, iteration, training.network()?);
        }
    }
    record.evaluations.extend(evaluations.take()?);
    Ok(Trained { network: training.network()?, record })
}

/// The checkpoints of this run's training and of no other.
pub(super) fn checkpoints(run: &Run) -> Checkpoints {
    let training = run.keys.training_of(run.label.replicate).unwrap_or_default();
    Checkpoints::new(run.folder.path(), &training, run.checkpoint_every)
}

fn logged(
    run: &Run,
    prepared: &Prepared,
    iteration: usize,
    terms: LossTerms,
    training: &TrainingHandle,
) -> Result<LossRow, StageError> {
    let LossTerms { loss, mse, isotropy, .. } = terms;
    let reduction = run.plan.train.isotropy_loss().reduction;
    let optimal = match &prepared.exact {
        Some(exact) => Some(training.with_last_batch(|batch| optimal_mse(exact, batch, reduction))?),
        None => None,
    };
    let row = LossRow { iteration, loss, mse, isotropy, optimal };
    run.report(Event::Loss { run: &run.label.run, row: &row });
    run.progress(Stage::Train, iteration, Some(("loss", loss)));
    Ok(row)
}

/// Writes the model and its losses, and makes a denoiser of it.
fn keep<'a>(run: &'a Run, prepared: &Prepared, trained: Trained) -> Result<Model<'a>, StageError> {
    run.folder.write_rows(names::LOSS, run.sweep_keys, run.label, &trained.record.losses)?;
    let evaluations = &trained.record.evaluations;
    if evaluations.is_empty() {
        run.folder.remove(names::TRAINING_METRICS)?;
    } else {
        run.folder.write_rows(names::TRAINING_METRICS, run.sweep_keys, run.label, evaluations)?;
    }
    let config = ModelConfig::new(run, prepared, &trained.network);
    let bytes = trained.network.to_safetensors_with(&config.metadata())?;
    run.folder.write(names::MODEL, |out| out.write_all(&bytes))?;
    checkpoints(run).clear()?;
    let plain = NetworkDenoiser::new(trained.network, 1.0)?;
    let points = prepared.space.points.view();
    let control_scale =
        run.plan.control().map(|lambda| control_scale(run, &plain, points, lambda)).transpose()?;
    let epsilon_scale = control_scale.unwrap_or(1.0) * run.plan.sample.epsilon_scale;
    let config = config.of_run(run, epsilon_scale);
    run.folder.write(names::CONFIG, |out| out.write_all(config.as_bytes()))?;
    let denoiser = Box::new(run.lockstep.denoiser(plain.with_epsilon_scale(epsilon_scale)));
    Ok(Model { denoiser: Some(denoiser), control_scale, seconds: 0.0 })
}

/// The factor that the isotropy loss with this lambda would put on the network's output, from the measured `Q` of the
/// plain network (I 28 and its derivative).
fn control_scale(
    run: &Run,
    plain: &NetworkDenoiser,
    points: ArrayView2<f64>,
    lambda: f64,
) -> Result<f64, StageError> {
    let forward = run.stream(Purpose::Forward);
    let q = prediction_moments(plain, points, &run.plan.schedule, &forward)?.mean_square;
    let scale = isotropy_scale(lambda, run.plan.train.isotropy_loss().reduction, points.ncols(), q);
    scale.ok_or(StageError::NoScale { q })
}

/// Operations that one value of the column `optimal` may take: some tenths of a second. Mixtures of a few dimensions
/// are far below.
const OPTIMAL_OPERATIONS: f64 = 5e8;

/// Points of a batch that the column `optimal` is made of, at most.
pub(super) fn optimal_rows(exact: &MixtureDenoiser) -> usize {
    exact.rows_within(OPTIMAL_OPERATIONS)
}

/// The first term of the loss (G 7) that the exact denoiser has on the points of an iteration, or on the first of them where
/// all would take too long: what no network can beat. The points of a batch are in random order, so the first ones are as good as any.
fn optimal_mse(exact: &MixtureDenoiser, batch: &Batch, reduction: Reduction) -> Result<f64, DiffusionError> {
    let rows = optimal_rows(exact).min(batch.x_t.nrows());
    let (x_t, eps) = (batch.x_t.slice(s![..rows, ..]), batch.eps.slice(s![..rows, ..]));
    let rest = &eps - &exact.predict_noise_each(x_t, &batch.t[..rows])?;
    let terms = match reduction {
        Reduction::Mean => rest.len(),
        Reduction::Sum => rest.nrows(),
    };
    Ok(rest.iter().map(|v| v * v).sum::<f64>() / terms as f64)
}
