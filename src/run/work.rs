//! How much work a run is, by a guess in seconds of one core: only what runs and stages weigh against each other is
//! used. Who shows progress measures how fast each stage really is.

use super::stage::Stage;
use crate::spec::{DenoiserKind, Pipeline, Plan};
use crate::store::Label;

/// Operations of a network in a second, in `f32`.
const OPERATIONS: f64 = 5e10;

/// Seconds of an iteration of a training beside its operations.
const ITERATION: f64 = 2e-5;

/// Seconds of a point in one layer of a Gaussianizer and one dimension: to fit it, and to invert it.
const FIT: f64 = 2e-6;
const INVERT: f64 = 2e-8;

/// Seconds to find the neighbours of a point in the plane among any number, and the distance of a pair of points in one
/// dimension, which is what is left in many dimensions.
const NEIGHBOURS: f64 = 1e-6;
const PAIR: f64 = 1.5e-10;

/// Seconds of the density of a component of a mixture at a point, in one dimension.
const DENSITY: f64 = 1e-8;

/// Seconds of the work of each stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StageWork([f64; Stage::ALL.len()]);

impl StageWork {
    /// The work of a run of a pipeline when no stage is taken from another run.
    pub fn of(plan: &Plan, pipeline: &Pipeline) -> Self {
        let (dim, count) = (plan.data.source.dim(), plan.sample.count as f64);
        let d = dim as f64;
        let layers: usize = pipeline
            .space
            .iter()
            .filter_map(|transform| transform.gaussianizer(&plan.gaussianize))
            .map(|options| options.layers)
            .sum();
        let parameters =
            plan.network.parameter_count(dim, plan.sample.variance.outputs(), plan.schedule.steps()) as f64;
        let components = plan.data.source.mixture().map_or(0.0, |mixture| mixture.len() as f64);
        let reference = plan.metrics.reference as f64;
        let score = score(plan, d, count, reference, components);
        let steps = plan.sample.steps as f64;
        let scored = (steps / plan.metrics.every.max(1) as f64).ceil() + 1.0;
        let predict = match pipeline.denoiser {
            DenoiserKind::None => 0.0,
            DenoiserKind::Exact => components * d * DENSITY,
            DenoiserKind::Network => 2.0 * parameters / OPERATIONS,
        };
        let invert = layers as f64 * d * INVERT;
        let moves = if pipeline.denoiser == DenoiserKind::None { 0.0 } else { steps };
        let sample =
            moves * count * (predict + d * 1e-8) + scored.min(moves + 1.0) * (score + count * invert);
        let diagnostics = &plan.diagnostics;
        let asked = [diagnostics.cloning, diagnostics.error_over_t, diagnostics.likelihood > 0];
        let iteration = ITERATION + plan.train.batch_size as f64 * 6.0 * parameters / OPERATIONS;
        let mut work = Self::default();
        work.0[Stage::Data as usize] = 2.0 * score;
        work.0[Stage::Gaussianize as usize] = plan.data.samples as f64 * d * layers as f64 * FIT;
        if pipeline.is_trained() {
            work.0[Stage::Train as usize] = plan.iterations as f64 * iteration;
        }
        work.0[Stage::Sample as usize] = sample;
        work.0[Stage::Diagnose as usize] = 0.5 * sample * asked.into_iter().filter(|on| *on).count() as f64;
        work
    }

    /// Work of given seconds by stage, in the order of [`Stage::ALL`].
    pub fn of_seconds(seconds: [f64; Stage::ALL.len()]) -> Self {
        Self(seconds)
    }

    /// Seconds of a stage.
    pub fn get(&self, stage: Stage) -> f64 {
        self.0[stage as usize]
    }

    /// Seconds of all stages.
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// Seconds to score `count` points of `d` dimensions once.
fn score(plan: &Plan, d: f64, count: f64, reference: f64, components: f64) -> f64 {
    let brute = reference * d * PAIR;
    // A tree of neighbours serves a few dimensions.
    let neighbours = if d < 8.0 { (NEIGHBOURS * 2_f64.powf(d - 2.0)).min(brute) } else { brute };
    let prdc = if plan.metrics.prdc { count * neighbours } else { 0.0 };
    let density = if plan.metrics.log_likelihood { count * components * d * DENSITY } else { 0.0 };
    prdc + density + count * 1e-8
}

/// A run that is about to be done, and its work.
#[derive(Debug, Clone)]
pub struct ExpectedRun<'a> {
    /// What it is.
    pub label: &'a Label,
    /// Its work if no stage were taken from another run.
    pub work: StageWork,
    /// Whether each stage, in the order of [`Stage::ALL`], is likely to be taken from another run.
    pub taken_over: [bool; Stage::ALL.len()],
}

impl ExpectedRun<'_> {
    /// Seconds of the stages that it does itself.
    pub fn own_work(&self) -> f64 {
        let own = Stage::ALL.into_iter().filter(|stage| !self.taken_over[*stage as usize]);
        own.map(|stage| self.work.get(stage)).sum()
    }
}

/// Runs that were finished before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Before {
    /// How many.
    pub runs: usize,
    /// Seconds of their work, guessed as that of the others.
    pub work: f64,
}
