//! How much work a run is, by a guess in seconds of one core: only what runs and stages weigh against each other is
//! used. Who shows progress measures how fast each stage really is.

use super::stage::Stage;
use crate::gaussianize::{Coupling, Watch};
use crate::metrics::scored::Distances;
use crate::spec::{DenoiserKind, Pipeline, Plan};
use crate::store::Label;

/// Operations of a network in a second, in `f32`.
const OPERATIONS: f64 = 5e10;

/// Seconds of an iteration of a training beside its operations.
const ITERATION: f64 = 2e-5;

/// Seconds to fit one dimension of a layer of a Gaussianizer, and beside these for each point.
const FIT_LAYER: f64 = 2.5e-2;
const FIT: f64 = 2e-6;

/// Seconds to invert one dimension of a layer of marginal maps at a point; of a joint map, for each dimension that it
/// depends on.
const INVERT: f64 = 7e-8;
const INVERT_JOINT: f64 = 1e-8;

/// Seconds to find the neighbours of a point in the plane among any number; by comparing it with a point by a tree, and
/// without one in many dimensions.
const NEIGHBOURS: f64 = 7.5e-7;
const BY_TREE: f64 = 2e-9;
const BY_PRODUCTS: f64 = 5e-10;

/// Seconds of the distance of a pair of points in one dimension.
const PAIR: f64 = 1.5e-10;

/// Seconds of a sample in a sliced distance.
const SLICED: f64 = 5e-6;

/// Seconds of the density of a component of a mixture at a point, in one dimension.
const DENSITY: f64 = 1e-8;

/// A fit that is watched usually ends within this part of its layers.
const WATCHED: f64 = 1.0 / 3.0;

/// Seconds of the work of each stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StageWork {
    seconds: [f64; Stage::ALL.len()],
    fit_is_watched: bool,
}

impl StageWork {
    /// The work of a run of a pipeline when no stage is taken from another run.
    pub fn of(plan: &Plan, pipeline: &Pipeline) -> Self {
        let (d, count) = (plan.data.source.dim() as f64, plan.sample.count as f64);
        let samples = plan.data.samples;
        let (mut layers, mut invert, mut fit_is_watched) = (0.0, 0.0, false);
        for options in pipeline.space.iter().filter_map(|space| space.gaussianizer(&plan.gaussianize)) {
            let is_watched = options.watch(samples) != Watch::Nothing;
            // The part of the dimensions that is mapped.
            let mapped = options.mapped(plan.data.source.dim()) as f64 / d;
            let of_map = options.layers as f64 * mapped * if is_watched { WATCHED } else { 1.0 };
            layers += of_map;
            invert += of_map
                * d
                * if options.coupling == Coupling::Marginal { INVERT } else { INVERT_JOINT * mapped * d };
            fit_is_watched |= is_watched;
        }
        let multiply_adds = plan.multiply_adds() as f64;
        let components = plan.data.source.mixture().map_or(0.0, |mixture| mixture.len() as f64);
        let reference = plan.metrics.reference as f64;
        let score_of = |count| score(plan, d, count, reference, components);
        let score = score_of(count);
        let steps = plan.sample.steps as f64;
        let scored = (steps / plan.metrics.every.max(1) as f64).ceil() + 1.0;
        let predict = match pipeline.denoiser {
            DenoiserKind::None => 0.0,
            DenoiserKind::Exact => components * d * DENSITY,
            DenoiserKind::Network => 2.0 * multiply_adds / OPERATIONS,
        };
        let moves = if pipeline.denoiser == DenoiserKind::None { 0.0 } else { steps };
        let distances = match plan.metrics.distances {
            Distances::None => 0.0,
            Distances::Ends => 2.0,
            Distances::All => scored,
            Distances::Every(every) => 2.0 + steps / every.max(1) as f64,
        };
        let distance = 0.5 * (count + reference).powi(2) * d * PAIR + count * SLICED;
        let sample = moves * count * (predict + d * 1e-8)
            + scored.min(moves + 1.0) * (score + count * invert)
            + distances.min(moves + 1.0) * distance;
        let diagnostics = &plan.diagnostics;
        let asked = [diagnostics.cloning, diagnostics.error_over_t, diagnostics.likelihood > 0];
        let iteration =
            ITERATION + plan.train.points_of_an_iteration() as f64 * 6.0 * multiply_adds / OPERATIONS;
        let mut seconds = [0.0; Stage::ALL.len()];
        // The real points are scored too, and what scores prepare takes as long.
        let real = if plan.metrics.distances == Distances::None { 0.0 } else { 2.0 * distance };
        seconds[Stage::Data as usize] = 2.0 * score + real;
        seconds[Stage::Gaussianize as usize] = layers * d * (FIT_LAYER + samples as f64 * FIT);
        if pipeline.is_trained() {
            seconds[Stage::Train as usize] = plan.iterations as f64 * iteration;
            if let Some(own) = &plan.train.evaluate {
                let count = own.count as f64;
                let predictions = own.predictions(plan.schedule.steps()) as f64;
                let each = predictions * (predict + d * 1e-8) + count * invert;
                let each = each + score_of(count) + count * reference * d * PAIR;
                seconds[Stage::Train as usize] += own.times(plan.iterations) as f64 * each;
            }
        }
        seconds[Stage::Sample as usize] = sample;
        seconds[Stage::Diagnose as usize] = 0.5 * sample * asked.into_iter().filter(|on| *on).count() as f64;
        Self { seconds, fit_is_watched }
    }

    /// The part of a stage's work that is done with so much of its units. A fit that is watched usually ends within a
    /// third of its layers, so the first ones are most of it.
    pub fn part(&self, stage: Stage, units: f64) -> f64 {
        match stage {
            Stage::Gaussianize if self.fit_is_watched => 1.0 - (1.0 - units.min(1.0)).powi(3),
            _ => units.min(1.0),
        }
    }

    /// Work of given seconds by stage, in the order of [`Stage::ALL`].
    pub fn of_seconds(seconds: [f64; Stage::ALL.len()]) -> Self {
        Self { seconds, fit_is_watched: false }
    }

    /// Seconds of a stage.
    pub fn get(&self, stage: Stage) -> f64 {
        self.seconds[stage as usize]
    }

    /// Seconds of all stages.
    pub fn total(&self) -> f64 {
        self.seconds.iter().sum()
    }
}

/// Seconds to score `count` points of `d` dimensions once.
fn score(plan: &Plan, d: f64, count: f64, reference: f64, components: f64) -> f64 {
    // Each point has neighbours among the others and among the real ones.
    let all = count + reference;
    let neighbours =
        if d <= 8.0 { (NEIGHBOURS * 2_f64.powf(d - 2.0)).min(all * BY_TREE) } else { all * BY_PRODUCTS };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    const SPEC: &str = "name = \"a\"\npipelines = [\"baseline\", \"gaussianized\", \"exact\"]\n[data]\nkind = \"eight_gaussians\"\nsamples = 1000\n[train]\niterations = 1000\n[sample]\ncount = 500\n[metrics]\nreference = 500\n";

    /// The work of the pipelines of a spec, in which a text stands for another.
    fn works(from: &str, to: &str) -> Vec<StageWork> {
        assert!(SPEC.contains(from));
        let study = spec::read_text("spec.toml", &SPEC.replace(from, to), &[]).unwrap();
        let plan = &study.points[0].plan;
        plan.pipelines.iter().map(|pipeline| StageWork::of(plan, pipeline)).collect()
    }

    #[test]
    fn stages_weigh_by_what_they_do() {
        let works_of = works("", "");
        let [baseline, gaussianized, exact] = works_of.as_slice() else { panic!("three pipelines") };
        assert_eq!(baseline.get(Stage::Gaussianize), 0.0);
        assert!(gaussianized.get(Stage::Gaussianize) > 0.0);
        assert_eq!(gaussianized.get(Stage::Train), baseline.get(Stage::Train));
        assert_eq!((exact.get(Stage::Train), exact.get(Stage::Diagnose)), (0.0, 0.0));
        let longer = works("iterations = 1000", "iterations = 3000")[0];
        assert!((longer.get(Stage::Train) / baseline.get(Stage::Train) - 3.0).abs() < 1e-9);
        assert_eq!(longer.get(Stage::Sample), baseline.get(Stage::Sample));
        let more = works("count = 500", "count = 5000")[0];
        assert!(more.get(Stage::Sample) > 5.0 * baseline.get(Stage::Sample));
        let wider = works("[train]", "[network]\nwidth = 256\n[train]")[0];
        assert!(wider.get(Stage::Train) > 10.0 * baseline.get(Stage::Train));
        let total: f64 = Stage::ALL.into_iter().map(|stage| wider.get(stage)).sum();
        assert!(total > 0.0 && (total - wider.total()).abs() < 1e-12 * total);
    }

    #[test]
    fn the_first_layers_of_a_watched_fit_are_most_of_it() {
        let gaussianized = works("", "")[1];
        let part = |units| gaussianized.part(Stage::Gaussianize, units);
        assert!(part(1.0 / 3.0) > 0.7 && part(0.0) == 0.0 && part(1.0) == 1.0 && part(2.0) == 1.0);
        assert_eq!(gaussianized.part(Stage::Train, 0.25), 0.25);
        let whole = works("[train]", "[gaussianize]\nheld_out = 0.0\n[train]")[1];
        assert_eq!(whole.part(Stage::Gaussianize, 0.25), 0.25);
        assert!((whole.get(Stage::Gaussianize) / gaussianized.get(Stage::Gaussianize) - 3.0).abs() < 1e-9);
    }
}
