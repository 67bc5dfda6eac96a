//! `coupling = "auto"`: candidates of several kinds, judged by the density of points that they were not fitted to.
//!
//! | file | idea |
//! | --- | --- |
//! | `search` | which maps are tried |
//! | `candidate` | a map of some stages, and what it makes of the points that judge it |
//! | `stage` | the stages of which candidates are made |
//! | `column` | the map of one column, its kind chosen by points left out |
//! | `normal` | one normal distribution with shrunk correlations |
//!
//! With many points the held-out ones judge; with fewer, each of five parts is left out once. The best candidate is
//! extended while a further stage gains more than twice its standard error. *The guard*: each part of the scored points is
//! scored by the candidate that is best on the other parts, so no point has a say in the choice of what scores it; where
//! the choice is worse than one normal distribution by more than the standard error, the map is that of the
//! normal distribution. What is chosen is fitted once more to all points.

mod candidate;
mod column;
mod normal;
mod search;
mod stage;

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::Fit;
use super::gain::paired;
use super::report::{CandidateReport, LayerReport, StopReason};
use super::state::State;
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::map::Gaussianizer;
use crate::gaussianize::options::{Coupling, FOLDS, GaussianizeOptions, Watch};
use crate::gaussianize::rotation::whitening::Whitening;
use crate::numeric::random::Stream;
use candidate::{Candidate, Part, honest, mean, parts, stage_stream};
use search::{LEAST_GAIN, Search};
use stage::{Fitted, Stage};

/// Density, in nats per column, by which a mixture must be better than the joint map of one or two columns.
const JOINT_MARGIN: f64 = 5e-3;

/// One of the maps that may be chosen.
#[derive(Clone, Copy, PartialEq)]
enum Choice {
    /// A candidate by its number.
    Candidate(usize),
    Joint,
}

impl Fit {
    /// The best of the candidates.
    pub(super) fn selected(
        x: ArrayView2<f64>,
        options: &GaussianizeOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, GaussianizeError> {
        let (n, d) = x.dim();
        // What cannot be whitened is refused, by the error that says why.
        Whitening::fit(x.t(), 0)?;
        let held = match options.watch(n) {
            Watch::HeldOut(held) => held,
            _ => 0,
        };
        let search = Search { n, parts: parts(x, held, stream)?, options, stream };
        let found = search.run(progress).ok_or_else(|| numerical("no point can be scored"))?;
        let (candidates, best) = found;
        let plain = candidates.iter().position(|c| c.stages == [Stage::Normal]);
        let plain =
            plain.ok_or_else(|| numerical("one normal distribution could not be fitted in some part"))?;
        let sizes = search.sizes();
        let (best, guarded) = guarded(&candidates, (best, plain), &sizes);
        // The joint map of one or two columns, as it is without a selection.
        let joint = match options.watch(n) {
            Watch::HeldOut(held) if d <= 2 => Self::joint(x, held, &search.parts, options, stream, progress)?,
            _ => None,
        };
        let mut joint = joint.filter(|(_, scores)| scores.iter().all(|v| v.is_finite()));
        let joint_scores = joint.as_ref().map(|(_, scores)| scores.clone());
        let scores = |choice: Choice| match (choice, &joint_scores) {
            (Choice::Candidate(i), _) => &candidates[i].scores,
            (Choice::Joint, Some(scores)) => scores,
            (Choice::Joint, None) => unreachable!("a joint map is no choice where there is none"),
        };
        let first = match &joint_scores {
            Some(joint) => against_joint(&candidates, best, joint, (&sizes, d)),
            None => Choice::Candidate(best),
        };
        let mut order: Vec<Choice> = (0..candidates.len()).map(Choice::Candidate).collect();
        order.extend(joint_scores.as_ref().map(|_| Choice::Joint));
        order.sort_by(|a, b| mean(scores(*b)).total_cmp(&mean(scores(*a))));
        let rest = order.iter().copied().filter(|choice| *choice != first);
        let name = |choice: Choice| match choice {
            Choice::Candidate(i) => candidates[i].name(),
            Choice::Joint => "joint".to_string(),
        };
        let mut warnings: Vec<String> = guarded.into_iter().collect();
        for choice in [first].into_iter().chain(rest) {
            let fit = match choice {
                Choice::Joint => joint.take().map(|(fit, _)| fit),
                Choice::Candidate(i) => Self::refitted(x, &candidates[i], order.len(), options, stream)?,
            };
            let Some(mut fit) = fit else {
                // Dependence that a part of the points showed by chance.
                warnings.push(format!(
                    "the map \"{}\" has nothing to do at all points, though it had in a part of them, so the next best map takes its place",
                    name(choice)
                ));
                continue;
            };
            // Of the other maps nothing need be said where the joint one is preferred to all of them.
            if first != Choice::Joint {
                fit.warnings.splice(0..0, warnings);
            }
            let report = |other: Choice| {
                let (below, error) = paired(scores(choice), scores(other), &sizes);
                let log_likelihood = mean(scores(other));
                CandidateReport { name: name(other), log_likelihood, below, error, chosen: other == choice }
            };
            return Ok(Self { candidates: order.iter().copied().map(report).collect(), ..fit });
        }
        Err(numerical("no map could be fitted to all points"))
    }

    /// The joint map of today and its scores at the scored points.
    fn joint(
        x: ArrayView2<f64>,
        held: usize,
        parts: &[Part],
        options: &GaussianizeOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Option<(Self, Array1<f64>)>, GaussianizeError> {
        let options = GaussianizeOptions { coupling: Coupling::Joint, ..options.clone() };
        let fit = Self::layer_by_layer(x, held, &options, stream, progress)?;
        let score = |layers: &[Layer], points: &Array2<f64>| {
            let map = Gaussianizer { dim: x.ncols(), layers: layers.to_vec() };
            map.log_density(points.view()).to_vec()
        };
        if parts.len() == 1 {
            let scores = score(&fit.layers, &parts[0].held);
            return Ok(Some((fit, scores.into())));
        }
        let of_part = |part: &Part| {
            let Watch::HeldOut(held) = options.watch(part.train.nrows()) else { return None };
            let own = Self::layer_by_layer(part.train.view(), held, &options, stream, &mut |_, _| ()).ok()?;
            Some(score(&own.layers, &part.held))
        };
        let scores: Option<Vec<Vec<f64>>> = parts.par_iter().map(of_part).collect();
        Ok(scores.map(|scores| (fit, scores.concat().into())))
    }

    /// The stages of one of `tried` maps fitted to all points; none where no stage has anything to do there.
    fn refitted(
        x: ArrayView2<f64>,
        chosen: &Candidate,
        tried: usize,
        options: &GaussianizeOptions,
        stream: &Stream,
    ) -> Result<Option<Self>, GaussianizeError> {
        let x = x.to_owned();
        let prefixes = prefixes(chosen);
        let mut state = State::new(x.clone(), Array2::zeros((0, x.ncols())), stream)?;
        let (mut layers, mut reports): (Vec<Layer>, Vec<LayerReport>) = (Vec::new(), Vec::new());
        let mut points = x.clone();
        let mut warnings = Vec::new();
        for (depth, stage) in chosen.stages.iter().enumerate() {
            let fitted = stage.fit(points.view(), options, &stage_stream(stream, depth))?;
            // What was worth a layer in every part may be worth none in all points.
            let Some(Fitted { layers: own, said }) = fitted else { continue };
            warnings.extend(said.map(|said| format!("stage {} is a mixture: {said}", depth + 1)));
            let last = own.len();
            for (i, layer) in own.into_iter().enumerate() {
                let value = if i + 1 == last { prefixes[depth] } else { f64::NAN };
                reports.push(state.push(&layer, layers.len() + 1, value));
                layers.push(layer);
            }
            points = state.train.t().as_standard_layout().into_owned();
        }
        if layers.is_empty() {
            return Ok(None);
        }
        if let Some(last) = reports.last_mut() {
            last.log_likelihood = chosen.mean();
        }
        let stopped =
            StopReason::Selected { chosen: chosen.name(), candidates: tried, parts: chosen.parts.len() };
        let held_out = if chosen.parts.len() == 1 { chosen.scores.len() } else { 0 };
        Ok(Some(Self { layers, reports, stopped, warnings, train: x, held_out, candidates: Vec::new() }))
    }
}

/// The best candidate; one normal distribution where the choice is worse than it at points that had no say in it, and what is
/// to be said then.
fn guarded(
    candidates: &[Candidate],
    (best, plain): (usize, usize),
    sizes: &[usize],
) -> (usize, Option<String>) {
    let blocks = if sizes.len() > 1 { sizes.to_vec() } else { even(sizes[0]) };
    let honest = honest(candidates, &blocks);
    let (gain, error) = paired(&honest, &candidates[plain].scores, &blocks);
    if gain >= -error {
        return (best, None);
    }
    let said = format!(
        "the choice among {} maps is worse than one normal distribution at points that had no say in it (by {:.3} ± {error:.3} nat), so the map is that of the normal distribution",
        candidates.len(),
        -gain
    );
    (plain, Some(said))
}

/// The best candidate or the joint map of `d` columns, which another must beat by a margin.
fn against_joint(
    candidates: &[Candidate],
    best: usize,
    joint: &Array1<f64>,
    (sizes, d): (&[usize], usize),
) -> Choice {
    if candidates.iter().flat_map(|c| &c.parts).any(|part| part.heavy) {
        return Choice::Candidate(best);
    }
    // The tails of a mixture are normal ones, which a few held-out points may not show; those of pairs are the joint map's.
    let in_pairs =
        |i: usize| candidates[i].stages.iter().all(|s| matches!(s, Stage::Pairs | Stage::Marginals));
    let beats = |own: &usize| {
        let (gain, error) = paired(&candidates[*own].scores, joint, sizes);
        gain > if in_pairs(*own) { LEAST_GAIN.max(error) } else { JOINT_MARGIN * d as f64 }
    };
    let pairs = (0..candidates.len()).filter(|i| in_pairs(*i));
    let pairs = pairs.max_by(|a, b| candidates[*a].mean().total_cmp(&candidates[*b].mean()));
    [Some(best), pairs].into_iter().flatten().find(beats).map_or(Choice::Joint, Choice::Candidate)
}

/// The mean score after each stage.
fn prefixes(chosen: &Candidate) -> Vec<f64> {
    let depth = chosen.stages.len();
    let mut means = vec![f64::NAN; depth];
    means[depth - 1] = chosen.mean();
    means
}

/// Five parts of nearly equal sizes.
fn even(n: usize) -> Vec<usize> {
    (0..FOLDS).map(|k| (k + 1) * n / FOLDS - k * n / FOLDS).collect()
}

fn numerical(reason: &str) -> GaussianizeError {
    GaussianizeError::Numerical { layer: 0, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_has_nothing_to_do_at_all_points_is_none() {
        let stream = Stream::new(3, 0, "select");
        let x = stream.standard_normal(0, 2500, 2);
        let parts = parts(x.view(), 250, &stream).unwrap();
        let of = |stages: &[Stage]| Candidate::new(stages.to_vec(), parts.clone()).unwrap();
        let fit = |stages: &[Stage]| {
            Fit::refitted(x.view(), &of(stages), 1, &GaussianizeOptions::default(), &stream).unwrap()
        };
        assert!(fit(&[Stage::Pairs]).is_none(), "independent columns have no pairs");
        assert_eq!(fit(&[Stage::Normal]).unwrap().layers.len(), 1);
        assert_eq!(fit(&[Stage::Normal, Stage::Pairs]).unwrap().layers.len(), 1);
    }
}
