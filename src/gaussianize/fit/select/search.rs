//! Which maps are tried: recipes of stages, mixtures after them, and the best one extended while a further stage gains.

use std::collections::BTreeMap;

use super::candidate::{Candidate, PLENTY, Part};
use super::stage::Stage;
use crate::gaussianize::fit::gain::paired;
use crate::gaussianize::options::GaussianizeOptions;
use crate::numeric::random::Stream;

/// Smallest gain of a further stage, nats, and the most further stages.
pub(super) const LEAST_GAIN: f64 = 5e-4;
const FURTHER: usize = 4;
/// Fewest points for further stages; most columns for those with a search for axes.
const FEWEST_FOR_FURTHER: usize = 400;
const MOST_ROTATED: usize = 20;

/// What mixtures may follow; what is tried in any case, the simplest first.
const PLAIN: [&[Stage]; 6] = [
    &[Stage::Normal],
    &[Stage::Marginals],
    &[Stage::Radial],
    &[Stage::Pairs],
    &[Stage::Marginals, Stage::Pairs],
    &[Stage::Independent],
];
/// Most mixtures that follow them.
const MIXTURES: usize = 4;
/// What may follow.
const NEXT: [Stage; 6] =
    [Stage::Marginals, Stage::Pairs, Stage::Radial, Stage::Stack, Stage::Rotated, Stage::Independent];

/// The search, on the parts of `n` points.
pub(super) struct Search<'a> {
    pub n: usize,
    pub parts: Vec<Part>,
    pub options: &'a GaussianizeOptions,
    pub stream: &'a Stream,
}

impl Search<'_> {
    /// Points that judge, in each part.
    pub fn sizes(&self) -> Vec<usize> {
        self.parts.iter().map(|part| part.held.nrows()).collect()
    }

    /// All maps that were tried, and which of them is the best; none where no point can be scored.
    pub fn run(&self, progress: &mut dyn FnMut(usize, usize)) -> Option<(Vec<Candidate>, usize)> {
        let layers = self.options.layers;
        let total = PLAIN.len() + MIXTURES + FURTHER;
        let mut told = |done: usize| progress(done * layers / total, layers);
        let mut candidates = self.recipes(&mut told)?;
        let means = candidates.iter().map(Candidate::mean).enumerate();
        let mut best = means.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(best, _)| best);
        if self.n >= FEWEST_FOR_FURTHER {
            for done in 0..FURTHER {
                told(PLAIN.len() + MIXTURES + done);
                let Some(own) = self.extended(&candidates[best]) else { break };
                candidates.push(own);
                best = candidates.len() - 1;
            }
        }
        Some((candidates, best))
    }

    /// The recipes, and mixtures after some of them.
    fn recipes(&self, told: &mut dyn FnMut(usize)) -> Option<Vec<Candidate>> {
        let start = Candidate::new(Vec::new(), self.parts.clone())?;
        let mut known: BTreeMap<&[Stage], Candidate> = BTreeMap::new();
        for (done, stages) in PLAIN.into_iter().enumerate() {
            told(done);
            let (last, before) = stages.split_last().expect("a recipe has a stage");
            let before = if before.is_empty() { Some(&start) } else { known.get(before) };
            let own = before.and_then(|before| before.with(*last, self.options, self.stream));
            known.extend(own.map(|own| (stages, own)));
        }
        let mean = |stages: &[Stage]| known.get(stages).map_or(f64::NEG_INFINITY, Candidate::mean);
        // A mixture takes most of the time, so it follows on what it can be expected to add to.
        let mut bases = vec![&start];
        bases.extend(known.get(&[Stage::Marginals][..]));
        let radial = mean(&[Stage::Radial]);
        if PLAIN.iter().all(|stages| mean(stages) <= radial) || self.n < PLENTY {
            bases.extend(known.get(&[Stage::Radial][..]));
        }
        let couples = [&[Stage::Pairs][..], &[Stage::Marginals, Stage::Pairs]];
        let couple = couples.into_iter().max_by(|a, b| mean(a).total_cmp(&mean(b)));
        bases.extend(couple.and_then(|stages| known.get(stages)));
        let mut stacked = Vec::new();
        for (done, base) in bases.into_iter().enumerate() {
            told(PLAIN.len() + done);
            stacked.extend(base.with(Stage::Stack, self.options, self.stream));
        }
        let mut candidates: Vec<Candidate> = known.into_values().chain(stacked).collect();
        candidates.sort_by_key(|c| (c.stages.len(), c.stages.clone()));
        Some(candidates)
    }

    /// The candidate with the further stage that gains most, more than twice its standard error.
    fn extended(&self, from: &Candidate) -> Option<Candidate> {
        let (sizes, d) = (self.sizes(), self.parts[0].held.ncols());
        let allowed = |stage: &Stage| {
            from.stages.last() != Some(stage) && (*stage != Stage::Rotated || d <= MOST_ROTATED)
        };
        let next = NEXT.into_iter().filter(allowed);
        let next = next.filter_map(|stage| from.with(stage, self.options, self.stream)).filter(|own| {
            let (gain, error) = paired(&own.scores, &from.scores, &sizes);
            gain > LEAST_GAIN.max(2.0 * error)
        });
        next.max_by(|a, b| a.mean().total_cmp(&b.mean()))
    }
}
