//! The samples of a network while it trains: `[train.evaluate]`. An evaluation computes beside the training, on threads of
//! its own, so that it takes cores that are free.

use super::bits_per_dim::ImageModel;
use super::likelihood::held_out;
use super::prepare::Prepared;
use super::replicate::Purpose;
use super::{Event, Run, StageError};
use crate::data::images::images_of;
use crate::diffusion::likelihood::bits_per_dim::BitsPerDim;
use crate::diffusion::{self, EvaluateOptions, Network, NetworkDenoiser};
use crate::metrics::scored::ScoreStep;
use crate::store::wait_point::{Point, wait_at};
use crate::store::{TrainingMetricsRow, names};
use ndarray::{Array2, ArrayView2, s};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};

/// Images of a picture: so many in a row, and in all.
const COLUMNS: usize = 8;
const IMAGES: usize = COLUMNS * COLUMNS;

/// What an evaluation gives.
type Evaluated = Result<TrainingMetricsRow, StageError>;

/// The evaluations of one training, one after the other.
pub(super) struct Evaluations<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    run: &'env Run<'env>,
    prepared: &'env Prepared,
    /// Set when the training is over: then nobody wants what is still being computed.
    over: &'env AtomicBool,
    under_way: Option<ScopedJoinHandle<'scope, Evaluated>>,
}

impl<'scope, 'env> Evaluations<'scope, 'env> {
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        run: &'env Run<'env>,
        prepared: &'env Prepared,
        over: &'env AtomicBool,
    ) -> Self {
        Self { scope, run, prepared, over, under_way: None }
    }

    /// Begins to evaluate a network after an iteration. The one before must be taken away.
    pub fn begin(&mut self, options: EvaluateOptions, iteration: usize, network: Network) {
        let (run, prepared, over) = (self.run, self.prepared, self.over);
        let threads = rayon::current_num_threads();
        self.under_way = Some(self.scope.spawn(move || {
            // As many threads as the study has, also where it has fewer than there are cores.
            match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                Ok(pool) => pool.install(|| evaluate(run, prepared, options, (iteration, network), over)),
                Err(_) => evaluate(run, prepared, options, (iteration, network), over),
            }
        }));
    }

    /// Whether one is being computed.
    pub fn is_under_way(&self) -> bool {
        self.under_way.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits for the one that is being computed, if there is one, and takes its row away.
    pub fn take(&mut self) -> Result<Option<TrainingMetricsRow>, StageError> {
        let row =
            self.under_way.take().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        let row = row.transpose()?;
        if let Some(row) = &row {
            self.run.report(Event::TrainingMetrics { run: &self.run.label.run, row });
        }
        Ok(row)
    }
}

/// Says that the training is over when it goes, however it ended.
pub(super) struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Samples with the network after an iteration, scores the points, and draws them where they are images.
fn evaluate(
    run: &Run,
    prepared: &Prepared,
    options: EvaluateOptions,
    (iteration, network): (usize, Network),
    over: &AtomicBool,
) -> Evaluated {
    let _span = run.trace.span("part", "evaluate");
    let plan = run.plan;
    let train = prepared.space.points.view();
    let denoiser = NetworkDenoiser::new(network, 1.0)?;
    let bounds = plan.sample.bounds(run.pipeline.denoiser, train);
    let sampler = options.sampler(plan.schedule.steps(), bounds.clone())?;
    let start = run.stream(Purpose::Start).standard_normal(0, options.count, train.ncols());
    let noise = run.stream(Purpose::SampleNoise);
    let stopped = || over.load(Ordering::Relaxed) || run.interrupt.is_set();
    wait_at(Point::Evaluate(iteration), &run.label.run, stopped);
    let go_on = || match stopped() {
        true => Err(StageError::Interrupted),
        false => Ok(()),
    };
    let mut after = |_: usize, _: usize, _: &Array2<f64>| go_on();
    let x = diffusion::sample(&denoiser, &plan.schedule, sampler, start, &noise, &mut after)?;
    let scores = match prepared.to_data_space(x.view(), options.steps, 0) {
        Ok(points) => {
            draw(run, iteration, points.view())?;
            run.replicate.score(points.view(), ScoreStep::FINAL, &run.trace)?
        }
        // The training goes on: its samples may be finite later.
        Err(StageError::Diverged { .. }) => {
            run.report(Event::Notice(&format!(
                "{}: after iteration {iteration} of the training, samples are not finite; their row of {} is empty",
                run.label.run,
                names::TRAINING_METRICS
            )));
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let bits_per_dim = match options.bits_per_dim {
        count if count > 0 && prepared.space.chain.keeps_bins() => {
            let (chain, denoiser, bounds) = (&prepared.space.chain, &denoiser, bounds.as_ref());
            let replicate = run.label.replicate;
            let images = held_out(plan, replicate, count);
            let model = ImageModel { plan, replicate, chain, denoiser, bounds };
            let found = model.bits_per_dim(images.view(), &mut |_| go_on())?;
            Some(found.iter().map(BitsPerDim::total).sum::<f64>() / found.len() as f64)
        }
        _ => None,
    };
    Ok(TrainingMetricsRow::new(iteration, scores, bits_per_dim))
}

/// Writes a picture of the first points where they are images.
fn draw(run: &Run, iteration: usize, points: ArrayView2<f64>) -> Result<(), StageError> {
    let Some(shape) = run.plan.data.source.image_shape() else { return Ok(()) };
    let first = points.slice(s![..points.nrows().min(IMAGES), ..]);
    let png = images_of(first, shape).sheet(COLUMNS).map_err(StageError::Picture)?;
    run.folder.write(&names::training_picture(iteration), |out| out.write_all(&png))?;
    Ok(())
}
