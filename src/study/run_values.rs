//! What the summary says of one run: its last step, its first, and what is made of its curves.

use crate::metrics::scored;
use crate::metrics::{Quality, plateau_step, steps_to_real};
use crate::numeric::intervals::mean_interval;
use crate::store::{LossRow, MeanLikelihoods, MetricsRow, Status};
use std::borrow::Cow;

/// Fraction of its climb within which the log-likelihood must stay to have reached its plateau.
const PLATEAU: f64 = 0.05;

/// Distance to its end, in nats, within which it has reached its plateau in any case: more than the sampling noise of
/// 10,000 points.
const PLATEAU_FLOOR: f64 = 0.05;

/// The log-likelihood of the first step, the oldest of the rows that begin with [`FIRST`].
const FIRST_LOG_LIKELIHOOD: &str = "first_log_likelihood";

/// What the metrics of the first step are named with: those of the space alone, without diffusion.
pub const FIRST: &str = "first_";

/// The final loss is the mean over the last of the logged iterations, one in this many.
const LAST_FRACTION: usize = 10;

/// The number of the reverse step from which the samples are as good as fresh real points.
pub const STEPS_TO_REAL: &str = "steps_to_real";

/// The number of the reverse step at which the log-likelihood reaches its plateau.
const PLATEAU_STEP: &str = "plateau_step";

/// The number of the reverse step at which theory has the process choose between classes.
const SPECIATION_STEP: &str = "speciation_step";

/// The step `t` at which a late start began.
pub const START_STEP: &str = "start_step";

/// How often the denoiser was asked for each sample.
pub const NETWORK_CALLS: &str = "network_calls";

/// The number of the reverse step at which cloning finds that the process chooses between modes.
const CLONING_STEP: &str = "cloning_step";

/// A named value of one run.
pub type Named = (Cow<'static, str>, Option<f64>);

/// What the summary says of one run.
pub fn run_values(rows: &[MetricsRow], losses: &[LossRow], status: &Status) -> Vec<Named> {
    let mut values = rows.last().map(named).unwrap_or_default();
    let mut add = |name: &'static str, value: Option<f64>| values.push((name.into(), value));
    let (steps, curve): (Vec<usize>, Vec<f64>) =
        rows.iter().filter_map(|r| Some((r.step, r.get("log_likelihood")?))).unzip();
    add(FIRST_LOG_LIKELIHOOD, curve.first().copied());
    let fifth = rows.last().map(|last| last.step / 5).filter(|step| *step > 0);
    let fifth = fifth.and_then(|step| rows.iter().find(|row| row.step == step));
    add("fifth_log_likelihood", fifth.and_then(|row| row.get("log_likelihood")));
    add(PLATEAU_STEP, plateau_step(&steps, &curve, PLATEAU, PLATEAU_FLOOR).map(|s| s as f64));
    let tail = &losses[losses.len() - losses.len().div_ceil(LAST_FRACTION)..];
    let mean = |values: Vec<f64>| mean_interval(&values).map(|i| i.mean);
    add("final_loss", mean(tail.iter().map(|l| l.loss).collect()));
    add("excess_loss", mean(tail.iter().filter_map(|l| Some(l.mse - l.optimal?)).collect()));
    add("control_scale", status.control_scale);
    add("map_log_likelihood", status.map_log_likelihood);
    add(SPECIATION_STEP, status.speciation_step.map(|step| step as f64));
    add(START_STEP, status.start_step.map(|t| t as f64));
    add(NETWORK_CALLS, status.network_calls.map(|calls| calls as f64));
    add(CLONING_STEP, status.cloning_step.map(|crossing| crossing.step));
    let of = |value: fn(&MeanLikelihoods) -> Option<f64>| status.likelihoods.as_ref().and_then(value);
    let (model, map, truth) = (of(|l| l.model), of(|l| l.map), of(|l| l.truth));
    let divergence = |from: Option<f64>| truth.zip(from).map(|(truth, from)| truth - from);
    add("model_log_likelihood", model);
    add("model_kl", divergence(model));
    add("map_alone_log_likelihood", map);
    add("map_alone_kl", divergence(map));
    add("true_log_likelihood", truth);
    let reached = status.fresh.as_ref().and_then(|fresh| reached_real(rows, fresh));
    add(STEPS_TO_REAL, reached.map(|step| step as f64));
    let first = rows.first().filter(|row| row.step == 0).map(named).unwrap_or_default();
    let first = first.into_iter().map(|(name, value)| (format!("{FIRST}{name}").into(), value));
    values.extend(first.filter(|(name, _)| name != FIRST_LOG_LIKELIHOOD));
    values
}

/// The metrics of a row.
pub fn named(row: &MetricsRow) -> Vec<Named> {
    row.metrics().map(|(name, value)| (name.into(), value)).collect()
}

/// The first reverse step from which the samples stay as good as fresh real points: by their log-likelihood, and where
/// there is none by precision and coverage.
fn reached_real(rows: &[MetricsRow], fresh: &MetricsRow) -> Option<usize> {
    if let Some(real) = fresh.get("log_likelihood") {
        let (steps, curve): (Vec<usize>, Vec<f64>) =
            rows.iter().filter_map(|row| Some((row.step, row.get("log_likelihood")?))).unzip();
        return steps_to_real(&steps, Quality::LogLikelihood(&curve, real));
    }
    let both = |row: &MetricsRow| Some([row.get("precision")?, row.get("coverage")?]);
    let (steps, curve): (Vec<usize>, Vec<[f64; 2]>) =
        rows.iter().filter_map(|row| Some((row.step, both(row)?))).unzip();
    steps_to_real(&steps, Quality::PrecisionCoverage(&curve, both(fresh)?))
}

/// The smallest and the largest value that a row of the summary can have, of runs of so many reverse steps.
pub fn range(name: &str, steps: usize) -> (f64, f64) {
    let any = (f64::NEG_INFINITY, f64::INFINITY);
    match name {
        STEPS_TO_REAL | PLATEAU_STEP | SPECIATION_STEP | CLONING_STEP => (0.0, steps as f64),
        "final_loss" | "control_scale" | START_STEP | NETWORK_CALLS => (0.0, f64::INFINITY),
        name => {
            let metric = name.strip_prefix(FIRST).unwrap_or(name);
            scored::column(metric).map_or(any, |column| column.range)
        }
    }
}
