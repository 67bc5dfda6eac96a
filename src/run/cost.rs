//! What the stages of a run cost on this machine, measured on a small part of each: for the guess of `gdiff check`.

use super::StageError;
use super::prepare::{ISOTROPY_TIMES, exact_denoiser};
use super::replicate::{Purpose, Replicate};
use super::train::optimal_rows;
use crate::data::source::Part;
use crate::diffusion::isotropy::{isotropy, spread_times};
use crate::diffusion::lockstep::Lockstep;
use crate::diffusion::{
    self, BackendChoice, Denoiser, DiffusionError, Network, NetworkDenoiser, TrainStreams, Training,
    TrainingJob,
};
use crate::gaussianize::Coupling;
use crate::metrics::scored::ScoreStep;
use crate::numeric::trace::Trace;
use crate::space::chain::FittedChain;
use crate::space::{Chain, FitContext, MapFile};
use crate::spec::{DenoiserKind, Pipeline, Plan};
use candle_core::Device;
use ndarray::{Array2, ArrayView2, s};
use std::time::{Duration, Instant};

/// Points of each kind that are measured with at most.
const POINTS: usize = 1000;

/// Points times dimensions that a Gaussianizer is fitted to.
const FITTED: usize = 4000;

/// Points times multiply-adds of a network that one prediction is measured with at most.
const PREDICTED: usize = 200_000_000;

/// How the file of a Gaussianizer of marginal maps grows with the points, as a power; of joint maps it does not.
const MARGINAL_GROWTH: f64 = 0.4;

/// Time for each measurement that goes on until it is over.
const EACH: Duration = Duration::from_millis(60);

/// Iterations of a training before the clock starts.
const WARM_UP: u32 = 2;

/// Seconds of one thread for each part of a run of a plan, at the plan's own sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Drawing the data, and what the metrics prepare.
    pub data: f64,
    /// Fitting the space.
    pub space: f64,
    /// Bytes of the files of its Gaussianizers.
    pub map_bytes: u64,
    /// One iteration of the training.
    pub iteration: f64,
    /// The exact denoiser's loss in a row of `loss.csv`.
    pub logged: f64,
    /// One reverse step, scored or not.
    pub step: f64,
    /// Mapping back and scoring at a step in between.
    pub scored: f64,
    /// What the first and the last step cost beyond that, each.
    pub end: f64,
    /// The isotropy of the training points.
    pub isotropy: f64,
}

/// A space that was fitted to a part of the training points.
pub struct FittedPart {
    chain: Chain,
    /// The points in the space.
    points: Array2<f64>,
    /// Seconds of a fit to all points.
    pub seconds: f64,
    /// Bytes of the files of its Gaussianizers.
    pub bytes: u64,
}

/// Fits the space of a pipeline to a part of the first replicate's training points, in one thread. The seconds of a fit
/// grow as the points do.
///
/// # Errors
/// If it cannot be fitted.
pub fn fit_part(plan: &Plan, pipeline: &Pipeline) -> Result<FittedPart, StageError> {
    // Fewer in many dimensions, where a layer costs more, but enough for a covariance.
    let dim = plan.data.source.dim();
    let n = plan.data.samples.min((FITTED / dim).clamp((4 * dim).clamp(200, POINTS), POINTS));
    let train = plan.data.source.draw(Part::Train, n, plan.seed, 0);
    let mut context = FitContext {
        scale: plan.data.scale,
        gaussianize: &plan.gaussianize,
        axes: &plan.data.source.axis_names(),
        stream: &Purpose::Gaussianize.stream(plan, 0),
        fill: plan.fills(pipeline),
        progress: &mut |_| {},
    };
    let clock = Instant::now();
    let FittedChain { chain, points, .. } = Chain::fit(&pipeline.space, train.view(), &mut context)?;
    let ratio = plan.data.samples as f64 / n.max(1) as f64;
    let seconds = clock.elapsed().as_secs_f64() * ratio;
    let files = MapFile::write(&chain, &plan.data.source.axis_names())?;
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let maps = pipeline.space.iter().filter_map(|transform| transform.gaussianizer(&plan.gaussianize));
    let is_marginal = maps.into_iter().any(|options| options.coupling == Coupling::Marginal);
    let growth = if is_marginal { ratio.powf(MARGINAL_GROWTH) } else { 1.0 };
    Ok(FittedPart { chain, points, seconds, bytes: (bytes as f64 * growth) as u64 })
}

/// Measures a pipeline of a plan, in one thread.
///
/// # Errors
/// If a stage fails, as it would in a run.
pub fn measure(plan: &Plan, pipeline: &Pipeline, fitted: &FittedPart) -> Result<Cost, StageError> {
    let mut small = plan.clone();
    small.data.samples = plan.data.samples.min(POINTS);
    let network = plan.multiply_adds();
    let of_network = if pipeline.is_trained() { (PREDICTED / network.max(1)).max(50) } else { POINTS };
    small.sample.count = plan.sample.count.min(POINTS).min(of_network.max(plan.metrics.k + 1));
    small.metrics.reference = plan.metrics.reference.min(POINTS);
    let ratio = |all: usize, part: usize| all as f64 / part.max(1) as f64;
    let points = ratio(plan.data.samples, small.data.samples);
    let count = ratio(plan.sample.count, small.sample.count);
    // Of trees; and of what compares all pairs.
    let scored = (count * ratio(plan.metrics.reference, small.metrics.reference)).sqrt();
    let (trees, pairs) = (scored.powf(1.15), scored.powi(2));

    let clock = Instant::now();
    let replicate = Replicate::prepare(&small, 0, &Device::Cpu)?;
    let prepared = clock.elapsed().as_secs_f64();
    let samples = small.data.source.draw(Part::Fresh, small.sample.count, plan.seed, 0);
    let off = Trace::default();
    let middle = seconds(|| replicate.score(samples.view(), ScoreStep { step: 1, last: 3 }, &off))?;
    let ends = (seconds(|| replicate.score(samples.view(), ScoreStep::FINAL, &off))? - middle).max(0.0);
    let data = (prepared - middle - ends).max(0.0) * points.max(trees) + middle * trees + ends * pairs;

    let (chain, train) = (&fitted.chain, &fitted.points);
    let inverse =
        seconds(|| Ok(chain.inverse(train.view())))? * count * ratio(small.sample.count, train.nrows());
    let times = spread_times(&plan.schedule, ISOTROPY_TIMES);
    let few = times.len().min(4);
    let noise = Purpose::Forward.stream(plan, 0);
    let of_isotropy = seconds(|| Ok(isotropy(train.view(), &plan.schedule, &noise, &times[..few])))?;

    let mut cost = Cost {
        data,
        space: fitted.seconds,
        map_bytes: fitted.bytes,
        scored: middle * trees + inverse,
        end: ends * pairs,
        isotropy: of_isotropy * ratio(times.len(), few) * ratio(plan.data.samples, train.nrows()),
        ..Cost::default()
    };
    let exact = exact_denoiser(plan, chain)?;
    match pipeline.denoiser {
        DenoiserKind::None => {}
        DenoiserKind::Exact => {
            let exact = exact.ok_or(StageError::NoExactDenoiser)?;
            cost.step = step(&small, pipeline, &exact, train.view())? * count;
        }
        DenoiserKind::Network => {
            if let Some(exact) = &exact {
                let rows = plan.train.points_of_an_iteration().min(train.nrows()).min(optimal_rows(exact));
                let t: Vec<usize> = (0..rows).map(|i| 1 + i % plan.schedule.steps()).collect();
                cost.logged = seconds(|| Ok(exact.predict_noise_each(train.slice(s![..rows, ..]), &t)?))?;
            }
            let (network, iteration) = train_some(plan, train.clone())?;
            cost.iteration = iteration;
            let denoiser = NetworkDenoiser::new(network, 1.0)?;
            let lockstep = Lockstep::new(1);
            let members = lockstep.members();
            let member = members.first().expect("there is one member");
            member.skip_training();
            cost.step = step(&small, pipeline, &member.denoiser(denoiser), train.view())? * count;
        }
    }
    Ok(cost)
}

/// Seconds that a computation takes.
fn seconds<T>(compute: impl FnOnce() -> Result<T, StageError>) -> Result<f64, StageError> {
    let clock = Instant::now();
    compute()?;
    Ok(clock.elapsed().as_secs_f64())
}

/// A network after a few iterations, and the seconds of one of them.
fn train_some(plan: &Plan, points: Array2<f64>) -> Result<(Network, f64), StageError> {
    let stream = |purpose: Purpose| purpose.stream(plan, 0);
    let streams = TrainStreams {
        shuffle: stream(Purpose::Shuffle),
        timestep: stream(Purpose::Timestep),
        noise: stream(Purpose::TrainNoise),
    };
    let (dim, steps) = (points.ncols(), plan.schedule.steps());
    // A batch is what it is in the run, even where fewer points are at hand.
    let rows = points.nrows().max(plan.train.batch_size);
    let points = Array2::from_shape_fn((rows, dim), |(i, j)| points[[i % points.nrows(), j]]);
    let network = Network::new(dim, steps, &plan.network, &stream(Purpose::Parameters), &Device::Cpu)?;
    let job = TrainingJob::new(points, &plan.schedule, network, plan.train, streams)?;
    let mut training = Training::new(vec![job], BackendChoice::Auto)?;
    let mut step = || -> Result<(), StageError> {
        training.step()?.into_iter().next().map_or(Ok(()), |terms| terms.map(|_| ()))?;
        Ok(())
    };
    let (clock, mut done) = (Instant::now(), 0);
    while done < WARM_UP && clock.elapsed() < EACH {
        step()?;
        done += 1;
    }
    let (clock, mut done) = (Instant::now(), 0_u32);
    while done == 0 || clock.elapsed() < EACH {
        step()?;
        done += 1;
    }
    let each = clock.elapsed().as_secs_f64() / f64::from(done);
    let network = training.into_networks()?.into_iter().next().expect("there is one network")?;
    Ok((network, each))
}

/// Why a reverse process was left.
enum Left {
    /// Enough was seen.
    Enough,
    Failed(DiffusionError),
}

impl From<DiffusionError> for Left {
    fn from(error: DiffusionError) -> Self {
        Self::Failed(error)
    }
}

/// Seconds of one reverse step.
fn step(
    plan: &Plan,
    pipeline: &Pipeline,
    denoiser: &dyn Denoiser,
    train: ArrayView2<f64>,
) -> Result<f64, StageError> {
    let t = plan.schedule.steps();
    let sampler = plan.sample.sampler(t, plan.sample.bounds(pipeline.denoiser, train))?;
    let start = Purpose::Start.stream(plan, 0).standard_normal(0, plan.sample.count, train.ncols());
    let noise = Purpose::SampleNoise.stream(plan, 0);
    let (mut clock, mut done) = (Instant::now(), 0_u32);
    let mut elapsed = 0.0;
    let mut watch = |step: usize, _: usize, _: &Array2<f64>| {
        // The first step prepares what all others use.
        if step <= 1 {
            (clock, done) = (Instant::now(), 0);
            return Ok(());
        }
        done += 1;
        elapsed = clock.elapsed().as_secs_f64();
        if clock.elapsed() < EACH { Ok(()) } else { Err(Left::Enough) }
    };
    let whole = Instant::now();
    match diffusion::sample(denoiser, &plan.schedule, sampler, start, &noise, &mut watch) {
        Err(Left::Failed(error)) => return Err(error.into()),
        Ok(_) | Err(Left::Enough) => {}
    }
    Ok(if done == 0 { whole.elapsed().as_secs_f64() } else { elapsed / f64::from(done) })
}
