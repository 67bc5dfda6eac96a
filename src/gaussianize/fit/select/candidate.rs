//! A map of some stages, and what it makes of the points that judge it.

use super::stage::Stage;
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::fit::prepare;
use crate::gaussianize::kde::tail::Tail;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::map::Gaussianizer;
use crate::gaussianize::options::{FOLDS, GaussianizeOptions};
use crate::numeric::normal as gauss;
use crate::numeric::random::Stream;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// From so many points on, the held-out ones judge alone.
pub(super) const PLENTY: usize = 2000;

/// Points to fit to and points to score, both after the layers so far.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) train: Array2<f64>,
    pub(super) held: Array2<f64>,
    pub(super) log_det: Array1<f64>,
    /// Whether some column has the tail of a Pareto law.
    pub(super) heavy: bool,
}

/// A candidate on all parts.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) stages: Vec<Stage>,
    pub(super) parts: Vec<Part>,
    /// Log-density of every scored point.
    pub(super) scores: Array1<f64>,
}

impl Part {
    pub(super) fn after(&self, fitted: Vec<Layer>) -> Self {
        let map = Gaussianizer { dim: self.train.ncols(), layers: fitted };
        let train = map.forward(self.train.view());
        let (held, log_det) = map.forward_with_log_det(self.held.view());
        let heavy_tail = |tail: &Tail| matches!(tail, Tail::Pareto { shape, .. } if *shape > 0.0);
        let mut marginals = map.layers.iter().flat_map(|layer| layer.marginals.iter().flatten());
        let heavy = self.heavy || marginals.any(|own| heavy_tail(&own.lower) || heavy_tail(&own.upper));
        Self { train, held, log_det: &self.log_det + &log_det, heavy }
    }

    pub(super) fn scores(&self) -> Array1<f64> {
        let own = self.held.map_axis(Axis(1), |z| z.iter().map(|v| gauss::log_pdf(*v)).sum::<f64>());
        own + &self.log_det
    }
}

impl Candidate {
    pub(super) fn new(stages: Vec<Stage>, parts: Vec<Part>) -> Option<Self> {
        let scores: Vec<f64> = parts.iter().flat_map(|part| part.scores().to_vec()).collect();
        scores.iter().all(|v| v.is_finite()).then(|| Self { stages, parts, scores: scores.into() })
    }

    pub(super) fn name(&self) -> String {
        name(&self.stages)
    }

    /// With one more stage; none where it has nothing to do, or cannot be fitted, in some part.
    pub(super) fn with(&self, stage: Stage, options: &GaussianizeOptions, stream: &Stream) -> Option<Self> {
        let stream = stage_stream(stream, self.stages.len());
        let one = |part: &Part| {
            let fitted = stage.fit(part.train.view(), options, &stream).ok()??;
            Some(part.after(fitted.layers))
        };
        let parts: Option<Vec<Part>> = self.parts.par_iter().map(one).collect();
        let stages = self.stages.iter().copied().chain([stage]).collect();
        Self::new(stages, parts?)
    }

    pub(super) fn mean(&self) -> f64 {
        mean(&self.scores)
    }
}

pub(super) fn mean(scores: &Array1<f64>) -> f64 {
    scores.sum() / scores.len() as f64
}

fn name(stages: &[Stage]) -> String {
    stages.iter().map(|stage| stage.name()).collect::<Vec<_>>().join(", then ")
}

pub(super) fn stage_stream(stream: &Stream, depth: usize) -> Stream {
    stream.child("auto").child(&depth.to_string())
}

/// The parts of the points: one with the held-out ones, or five of which each is left out once.
pub(super) fn parts(x: ArrayView2<f64>, held: usize, stream: &Stream) -> Result<Vec<Part>, GaussianizeError> {
    let part = |train: Array2<f64>, held: Array2<f64>| {
        let log_det = Array1::zeros(held.nrows());
        Part { train, held, log_det, heavy: false }
    };
    let n = x.nrows();
    if n >= PLENTY {
        let (train, held) = prepare::split(x, held, stream)?;
        return Ok(vec![part(train, held)]);
    }
    let order = prepare::held_out_order(n, stream);
    let one = |fold: usize| {
        let (mut rest, mut out) = prepare::dealt(&order, fold);
        rest.sort_unstable();
        out.sort_unstable();
        part(x.select(Axis(0), &rest), x.select(Axis(0), &out))
    };
    Ok((0..FOLDS.min(n)).map(one).collect())
}

/// The score of each point under the candidate that is best on the blocks that it is not in.
pub(super) fn honest(candidates: &[Candidate], blocks: &[usize]) -> Array1<f64> {
    let mut begin = 0;
    let mut scores = Vec::new();
    for size in blocks {
        let own = begin..begin + size;
        let others = |c: &Candidate| c.scores.sum() - own.clone().map(|i| c.scores[i]).sum::<f64>();
        let best = candidates.iter().max_by(|a, b| others(a).total_cmp(&others(b)));
        scores.extend(own.clone().map(|i| best.map_or(f64::NAN, |c| c.scores[i])));
        begin += size;
    }
    scores.into()
}
