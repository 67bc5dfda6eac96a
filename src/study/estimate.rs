//! What a study will do: how many runs, trainings and fits are left when what is the same is done once, how long that
//! takes on this machine, and how much it writes.

use crate::diffusion::isotropy::spread_times;
use crate::run::prepare::ISOTROPY_TIMES;
use crate::run::{Cost, FittedPart, fit_part, measure};
use crate::spec::{Pipeline, Plan, RunIdentity, Study};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// After this time nothing more is measured.
const MEASURING: Duration = Duration::from_millis(700);

/// What a study will do.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// Runs that are different.
    pub runs: usize,
    /// Trainings that are different: runs that only sample otherwise share one.
    pub trainings: usize,
    /// Fits of a Gaussianizer that are different.
    pub fits: usize,
    /// Seconds from beginning to end with so many threads; none where nothing could be measured.
    pub seconds: Option<f64>,
    /// Bytes of the output folder.
    pub bytes: u64,
}

/// A pipeline of a point.
#[derive(Clone, Copy)]
struct Part<'a> {
    plan: &'a Plan,
    pipeline: &'a Pipeline,
    run: &'a RunIdentity,
    values: &'a [String],
}

/// Counts and guesses the whole of a study, done afresh.
pub fn estimate(study: &Study, threads: usize) -> Estimate {
    let parts: Vec<Part> = study
        .points
        .iter()
        .flat_map(|point| {
            let runs = point.plan.pipelines.iter().zip(&point.runs);
            runs.map(|(pipeline, run)| Part { plan: &point.plan, pipeline, run, values: &point.values })
        })
        .collect();
    let runs = different(&parts, |part| Some(&part.run.keys.run));
    let trainings = different(&parts, |part| part.run.keys.training.as_ref());
    let spaces = different(&parts, |part| Some(&part.run.keys.space));
    let data = different(&parts, |part| Some(&part.run.keys.data));
    let count = |all: &[(Part, usize)]| all.iter().map(|(_, replicates)| replicates).sum::<usize>();
    let gaussianized =
        spaces.iter().filter(|(part, _)| part.pipeline.is_gaussianized()).copied().collect::<Vec<_>>();
    let mut costs = Costs::begin();
    let seconds = (|| {
        let (mut all, mut longest) = (0.0, 0.0_f64);
        for (part, replicates) in &data {
            all += costs.of(part)?.data * *replicates as f64;
        }
        for (part, replicates) in &spaces {
            all += costs.of(part)?.space * *replicates as f64;
        }
        for (part, replicates) in &trainings {
            all += training(&costs.of(part)?, part.plan) * *replicates as f64;
        }
        for (part, replicates) in &runs {
            let cost = costs.of(part)?;
            let own = rest(&cost, part.plan);
            all += own * *replicates as f64;
            let trained = if part.pipeline.is_trained() { training(&cost, part.plan) } else { 0.0 };
            longest = longest.max(cost.data + cost.space + trained + own);
        }
        Some(longest.max(all / threads.max(1) as f64))
    })();
    let of_runs = runs.iter().map(|(part, replicates)| {
        let maps = costs.of(part).map_or(0, |cost| cost.map_bytes);
        folder_bytes(part, maps).saturating_mul(*replicates as u64)
    });
    let of_tables = parts.iter().map(|part| table_bytes(part).saturating_mul(part.plan.replicates as u64));
    let bytes = of_runs.chain(of_tables).fold(0, u64::saturating_add);
    Estimate { runs: count(&runs), trainings: count(&trainings), fits: count(&gaussianized), seconds, bytes }
}

/// The parts of which a key is new, each with the most replicates that a part with that key has.
fn different<'a>(
    parts: &[Part<'a>],
    key: impl Fn(&Part<'a>) -> Option<&'a String>,
) -> Vec<(Part<'a>, usize)> {
    let mut places: HashMap<&String, usize> = HashMap::new();
    let mut found: Vec<(Part, usize)> = Vec::new();
    for part in parts {
        let Some(key) = key(part) else { continue };
        let place = *places.entry(key).or_insert(found.len());
        match found.get_mut(place) {
            Some((_, replicates)) => *replicates = (*replicates).max(part.plan.replicates),
            None => found.push((*part, part.plan.replicates)),
        }
    }
    found
}

fn training(cost: &Cost, plan: &Plan) -> f64 {
    let iterations = cost.iteration * plan.iterations as f64 + cost.logged * logged_rows(plan) as f64;
    let evaluations = plan.train.evaluate.map_or(0.0, |own| {
        let of_points = 1.0 / plan.sample.count as f64;
        let predictions = own.predictions(plan.schedule.steps()) as f64;
        own.times(plan.iterations) as f64
            * of_points
            * (cost.step * predictions + cost.end * own.count as f64)
    });
    iterations + evaluations
}

/// Sampling, scoring and the isotropy.
fn rest(cost: &Cost, plan: &Plan) -> f64 {
    let steps = plan.sample.steps as f64;
    cost.step * steps + cost.scored * scored_rows(plan) as f64 + 2.0 * cost.end + cost.isotropy
}

fn logged_rows(plan: &Plan) -> usize {
    plan.iterations / plan.train.log_every + 1
}

fn scored_rows(plan: &Plan) -> usize {
    plan.sample.steps.div_ceil(plan.metrics.every) + 1
}

/// Costs that were measured or follow from others.
struct Costs {
    clock: Instant,
    pool: Option<rayon::ThreadPool>,
    /// By what they depend on; none where a measurement failed.
    known: HashMap<String, Option<Cost>>,
    /// The measured ones, with the pipeline's name and the parameters of the network.
    measured: Vec<(String, f64, Cost)>,
    /// By the key of the space.
    fitted: HashMap<String, Option<FittedPart>>,
}

impl Costs {
    fn begin() -> Self {
        // Runs share the threads, so each has about one.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().ok();
        let (known, measured, fitted) = (HashMap::new(), Vec::new(), HashMap::new());
        Self { clock: Instant::now(), pool, known, measured, fitted }
    }

    /// The cost of a part: measured; or when time is over that of the most similar one, by the size of the network.
    fn of(&mut self, part: &Part) -> Option<Cost> {
        let Part { plan, pipeline, .. } = part;
        let sizes = (plan.data.samples, plan.train.batch_size, plan.sample.count, plan.metrics.reference);
        let steps = (plan.schedule.steps(), plan.sample.steps, plan.data.source.dim());
        let key = format!(
            "{sizes:?} {steps:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            pipeline.space,
            pipeline.denoiser,
            plan.gaussianize,
            plan.network,
            plan.train.optimizer,
            (plan.sample.options.sampler, plan.sample.variance),
            plan.metrics.distances,
        );
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let network = plan.multiply_adds() as f64;
        let over = self.clock.elapsed() > MEASURING;
        let cost = match self.most_similar(&pipeline.name, network).filter(|_| over) {
            Some((size, cost)) => {
                let grown = network / size;
                Some(Cost { iteration: cost.iteration * grown, step: cost.step * grown, ..cost })
            }
            None => {
                let cost = self.measure(part);
                self.measured.extend(cost.map(|cost| (pipeline.name.clone(), network, cost)));
                cost
            }
        };
        self.known.insert(key, cost);
        cost
    }

    /// The measured cost of the same pipeline, else of any, whose network is nearest in size; with its multiply-adds.
    fn most_similar(&self, pipeline: &str, network: f64) -> Option<(f64, Cost)> {
        let far = |(name, size, _): &&(String, f64, Cost)| (name != pipeline, (size / network).ln().abs());
        let nearest =
            self.measured.iter().min_by(|a, b| far(a).partial_cmp(&far(b)).unwrap_or(Ordering::Equal));
        nearest.map(|(_, size, cost)| (*size, *cost))
    }

    fn measure(&mut self, part: &Part) -> Option<Cost> {
        let Part { plan, pipeline, run, .. } = part;
        let pool = self.pool.as_ref()?;
        let fit = || pool.install(|| fit_part(plan, pipeline)).ok();
        let space = self.fitted.entry(run.keys.space.clone()).or_insert_with(fit).as_ref()?;
        pool.install(|| measure(plan, pipeline, space)).ok()
    }
}

/// Characters of a number in a table, with what separates it.
const NUMBER: u64 = 19;
/// Of a number with few digits, as a fraction of a count of points is.
const SHORT: u64 = 8;
/// The names, shapes and options in the file of a network, and its config.json; each has abar of every step too.
const MODEL_HEADER: u64 = 2000;
/// A status file.
const STATUS: u64 = 2200;
/// A row of summary.csv with its part of provenance.json.
const SUMMARY: u64 = 1300;

/// Bytes of the folder of a run, with those of its Gaussianizers.
fn folder_bytes(part: &Part, map_bytes: u64) -> u64 {
    let Part { plan, run, .. } = part;
    let dim = plan.data.source.dim() as u64;
    let samples = plan.sample.count as u64 * dim * NUMBER;
    let model = if part.pipeline.is_trained() {
        4 * plan.parameter_count() as u64 + MODEL_HEADER + 2 * NUMBER * plan.schedule.steps() as u64
    } else {
        0
    };
    let points = if plan.metrics.points {
        (plan.sample.count + plan.metrics.reference) as u64 * (NUMBER + SHORT)
    } else {
        0
    };
    let of_spec = run.spec.len() as u64 + STATUS;
    [model, points, map_bytes, rows_bytes(part), of_spec].into_iter().fold(samples, u64::saturating_add)
}

/// Bytes that a run adds to the tables of its study.
fn table_bytes(part: &Part) -> u64 {
    rows_bytes(part).saturating_add(SUMMARY)
}

/// Bytes of the rows that a run writes into `loss.csv`, `metrics.csv` and `isotropy.csv`.
fn rows_bytes(part: &Part) -> u64 {
    let plan = part.plan;
    let name = part.pipeline.name.len() as u64;
    let values: u64 = part.values.iter().map(|value| value.len() as u64 + 1).sum();
    // Its name (with a part of its key in a sweep), pipeline and replicate.
    let label = 2 * name + 8 + values + if part.values.is_empty() { 0 } else { 17 };
    let of_mixture = plan.data.source.mixture().is_some();
    let loss = label + 5 + (3 + u64::from(of_mixture)) * NUMBER;
    let loss = if part.pipeline.is_trained() { loss.saturating_mul(logged_rows(plan) as u64) } else { 0 };
    let scores =
        2 * NUMBER * u64::from(plan.metrics.log_likelihood) + 4 * SHORT * u64::from(plan.metrics.prdc);
    let metrics = (label + 10 + scores).saturating_mul(scored_rows(plan) as u64).saturating_add(6 * NUMBER);
    let isotropy = (label + 4 + 2 * NUMBER) * spread_times(&plan.schedule, ISOTROPY_TIMES).len() as u64;
    [metrics, isotropy].into_iter().fold(loss, u64::saturating_add)
}
