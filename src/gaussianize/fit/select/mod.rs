//! `coupling = "auto"`: candidates of several kinds, judged by the density of points that they were not fitted to.
//!
//! | file | idea |
//! | --- | --- |
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
mod stage;

use std::collections::BTreeMap;

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
use candidate::{Candidate, PLENTY, Part, honest, parts, stage_stream};
use stage::{Fitted, Stage};

/// Density, in nats per column, by which a mixture must be better than the joint map of one or two columns.
const JOINT_MARGIN: f64 = 5e-3;
/// Smallest gain of a further stage, nats, and the most further stages.
const LEAST_GAIN: f64 = 5e-4;
const FURTHER: usize = 4;
/// Fewest points for further stages; most columns for those with a search for axes.
const FEWEST_FOR_FURTHER: usize = 400;
const MOST_ROTATED: usize = 20;

/// What mixtures may follow; what is tried in any case, the simplest first.
const PLAIN: [&[Stage]; 5] = [
    &[Stage::Normal],
    &[Stage::Marginals],
    &[Stage::Radial],
    &[Stage::Pairs],
    &[Stage::Marginals, Stage::Pairs],
];
/// What may follow.
const NEXT: [Stage; 5] = [Stage::Marginals, Stage::Pairs, Stage::Radial, Stage::Stack, Stage::Rotated];

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
        let parts = parts(x, held, stream)?;
        let start = Candidate::new(Vec::new(), parts).ok_or_else(|| numerical("no point can be scored"))?;
        let total = PLAIN.len() + 4 + FURTHER;
        let mut known: BTreeMap<&[Stage], Candidate> = BTreeMap::new();
        for (done, stages) in PLAIN.into_iter().enumerate() {
            progress(done * options.layers / total, options.layers);
            let (last, before) = stages.split_last().expect("a recipe has a stage");
            let before = if before.is_empty() { Some(&start) } else { known.get(before) };
            let own = before.and_then(|before| before.with(*last, options, stream));
            known.extend(own.map(|own| (stages, own)));
        }
        let mean = |stages: &[Stage]| known.get(stages).map_or(f64::NEG_INFINITY, Candidate::mean);
        // A mixture takes most of the time, so it follows on what it can be expected to add to.
        let mut bases = vec![&start];
        bases.extend(known.get(&[Stage::Marginals][..]));
        let radial = mean(&[Stage::Radial]);
        if PLAIN.iter().all(|stages| mean(stages) <= radial) || n < PLENTY {
            bases.extend(known.get(&[Stage::Radial][..]));
        }
        let couples = [&[Stage::Pairs][..], &[Stage::Marginals, Stage::Pairs]];
        let couple = couples.into_iter().max_by(|a, b| mean(a).total_cmp(&mean(b)));
        bases.extend(couple.and_then(|stages| known.get(stages)));
        let stacked = |(done, base): (usize, &&Candidate)| {
            progress((PLAIN.len() + done) * options.layers / total, options.layers);
            base.with(Stage::Stack, options, stream)
        };
        let stacked: Vec<Candidate> = bases.iter().enumerate().filter_map(stacked).collect();
        let mut candidates: Vec<Candidate> = known.into_values().chain(stacked).collect();
        candidates.sort_by_key(|c| (c.stages.len(), c.stages.clone()));
        let plain = candidates.iter().position(|c| c.stages == [Stage::Normal]);
        let plain =
            plain.ok_or_else(|| numerical("one normal distribution could not be fitted in some part"))?;
        candidates.swap(0, plain);
        let sizes: Vec<usize> = start.parts.iter().map(|part| part.held.nrows()).collect();
        let best_of = |candidates: &[Candidate]| {
            (0..candidates.len())
                .max_by(|a, b| candidates[*a].mean().total_cmp(&candidates[*b].mean()))
                .unwrap_or(0)
        };
        let mut best = best_of(&candidates);
        if n >= FEWEST_FOR_FURTHER {
            for done in 0..FURTHER {
                progress((PLAIN.len() + 4 + done) * options.layers / total, options.layers);
                let from = &candidates[best];
                let allowed = |stage: &Stage| {
                    from.stages.last() != Some(stage) && (*stage != Stage::Rotated || d <= MOST_ROTATED)
                };
                let next =
                    NEXT.into_iter().filter(allowed).filter_map(|stage| from.with(stage, options, stream));
                let next: Vec<Candidate> = next.collect();
                let further = next.into_iter().filter(|own| {
                    let (gain, error) = paired(&own.scores, &from.scores, &sizes);
                    gain > LEAST_GAIN.max(2.0 * error)
                });
                let Some(own) = further.max_by(|a, b| a.mean().total_cmp(&b.mean())) else { break };
                candidates.push(own);
                best = candidates.len() - 1;
            }
        }
        let mut warnings = Vec::new();
        // The guard.
        let blocks = if sizes.len() > 1 { sizes.clone() } else { even(sizes[0]) };
        let honest = honest(&candidates, &blocks);
        let (gain, error) = paired(&honest, &candidates[0].scores, &blocks);
        if gain < -error {
            best = 0;
            warnings.push(format!(
                "the choice among {} maps is worse than one normal distribution at points that had no say in it (by {:.3} ± {error:.3} nat), so the map is that of the normal distribution",
                candidates.len(), -gain
            ));
        }
        // The joint map of one or two columns, as it is without a selection.
        let joint = match options.watch(n) {
            Watch::HeldOut(held) if d <= 2 => Self::joint(x, held, &start, options, stream, progress)?,
            _ => None,
        };
        let preferred = joint.filter(|(_, scores)| scores.iter().all(|v| v.is_finite()));
        // The tails of a mixture are normal ones, which a few held-out points may not show; those of pairs are the joint map's.
        let in_pairs = |c: &Candidate| c.stages.iter().all(|s| matches!(s, Stage::Pairs | Stage::Marginals));
        let beats = |own: &usize, scores: &Array1<f64>| {
            let (gain, error) = paired(&candidates[*own].scores, scores, &sizes);
            let least =
                if in_pairs(&candidates[*own]) { LEAST_GAIN.max(error) } else { JOINT_MARGIN * d as f64 };
            gain > least
        };
        let heavy = candidates.iter().flat_map(|c| &c.parts).any(|part| part.heavy);
        let mut wins = false;
        if let Some((_, scores)) = preferred.as_ref().filter(|_| !heavy) {
            let pairs = (0..candidates.len()).filter(|i| in_pairs(&candidates[*i]));
            let pairs = pairs.max_by(|a, b| candidates[*a].mean().total_cmp(&candidates[*b].mean()));
            match [Some(best), pairs].into_iter().flatten().find(|own| beats(own, scores)) {
                Some(own) => best = own,
                None => wins = true,
            }
        }
        let judged = |name: String, scores: &Array1<f64>, chosen: bool| {
            let (below, error) = paired(&candidates[best].scores, scores, &sizes);
            CandidateReport { name, log_likelihood: scores.sum() / scores.len() as f64, below, error, chosen }
        };
        let mut reports: Vec<CandidateReport> = candidates
            .iter()
            .enumerate()
            .map(|(i, c)| judged(c.name(), &c.scores, i == best && !wins))
            .collect();
        if let Some((_, scores)) = &preferred {
            reports.push(judged("joint".into(), scores, wins));
        }
        reports.sort_by(|a, b| b.log_likelihood.total_cmp(&a.log_likelihood));
        let mean = |scores: &Array1<f64>| scores.sum() / scores.len() as f64;
        let better = preferred.as_ref().is_some_and(|(_, own)| wins || mean(own) > candidates[0].mean());
        let preferred = preferred.filter(|_| better);
        if !wins {
            let said = (reports.clone(), warnings.clone());
            if let Some(fit) = Self::refitted(x, &candidates[best], said, options, stream)? {
                return Ok(fit);
            }
            // Dependence that a part of the points showed by chance: the next choice is a map that asks for none.
            warnings.push(format!(
                "the chosen map ({}) has nothing to do at all points, though it had in a part of them, so the map is that of {}",
                candidates[best].name(),
                if preferred.is_some() { "\"joint\"" } else { "one normal distribution" }
            ));
        }
        let name = if preferred.is_some() { "joint".to_string() } else { candidates[0].name() };
        reports.iter_mut().for_each(|report| report.chosen = report.name == name);
        if let Some((mut fit, _)) = preferred {
            // Of the other maps nothing need be said where the joint one is preferred to all of them.
            if !wins {
                fit.warnings.extend(warnings);
            }
            return Ok(Self { candidates: reports, ..fit });
        }
        let plain = Self::refitted(x, &candidates[0], (reports, warnings), options, stream)?;
        plain.ok_or_else(|| numerical("one normal distribution could not be fitted to all points"))
    }

    /// The joint map of today and its scores at the scored points.
    fn joint(
        x: ArrayView2<f64>,
        held: usize,
        start: &Candidate,
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
        if start.parts.len() == 1 {
            let scores = score(&fit.layers, &start.parts[0].held);
            return Ok(Some((fit, scores.into())));
        }
        let of_part = |part: &Part| {
            let Watch::HeldOut(held) = options.watch(part.train.nrows()) else { return None };
            let own = Self::layer_by_layer(part.train.view(), held, &options, stream, &mut |_, _| ()).ok()?;
            Some(score(&own.layers, &part.held))
        };
        let scores: Option<Vec<Vec<f64>>> = start.parts.par_iter().map(of_part).collect();
        Ok(scores.map(|scores| (fit, scores.concat().into())))
    }

    /// The chosen stages fitted to all points; none where no stage has anything to do there.
    fn refitted(
        x: ArrayView2<f64>,
        chosen: &Candidate,
        (candidates, mut warnings): (Vec<CandidateReport>, Vec<String>),
        options: &GaussianizeOptions,
        stream: &Stream,
    ) -> Result<Option<Self>, GaussianizeError> {
        let x = x.to_owned();
        let prefixes = prefixes(chosen);
        let mut state = State::new(x.clone(), Array2::zeros((0, x.ncols())), stream)?;
        let (mut layers, mut reports): (Vec<Layer>, Vec<LayerReport>) = (Vec::new(), Vec::new());
        let mut points = x.clone();
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
        let stopped = StopReason::Selected {
            chosen: chosen.name(),
            candidates: candidates.len(),
            parts: chosen.parts.len(),
        };
        let held_out = if chosen.parts.len() == 1 { chosen.scores.len() } else { 0 };
        Ok(Some(Self { layers, reports, stopped, warnings, train: x, held_out, candidates }))
    }
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
            let said = (Vec::new(), Vec::new());
            Fit::refitted(x.view(), &of(stages), said, &GaussianizeOptions::default(), &stream).unwrap()
        };
        assert!(fit(&[Stage::Pairs]).is_none(), "independent columns have no pairs");
        assert_eq!(fit(&[Stage::Normal]).unwrap().layers.len(), 1);
        assert_eq!(fit(&[Stage::Normal, Stage::Pairs]).unwrap().layers.len(), 1);
    }
}
