//! Several Gaussian mixtures and kernel densities as one mixture, weighted by held-out density (Smyth & Wolpert 1999).
//!
//! One normal distribution, mixtures whose covariances are full, diagonal or equal, and kernel densities with equal or with
//! shaped kernels are all Gaussian mixtures, and so is a weighted sum of them. The settings of each (its size, its width, how
//! much of the correlations it keeps) are those of largest density at points left out, and the weights maximise the density
//! of these points under the sum: whichever suits the data gets the weight, and where several are half right, the sum is
//! better than each. Thin broad components keep points far outside from a density of practically zero.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::family::{Family, Kind, Pooled, cholesky, moments};
use super::gmm_em::seeds;
use super::mixture::MixtureMap;
use crate::gaussianize::fit::prepare::{dealt, shuffled};
use crate::gaussianize::options::FOLDS;
use crate::numeric::log_sum_exp::log_sum_exp;
use crate::numeric::random::Stream;

/// Most points with which kernel densities are tried.
const MOST_KERNELS: usize = 2000;
/// Most points times squared columns for them: what it costs to map one point.
const MOST_WORK: usize = 2_000_000;
/// Up to so many points, settings are judged by cross-validation; more are split once.
const FOLDED: usize = 1500;
/// Most points of that one split, and the part that is left out.
const SPLIT_POINTS: usize = 4000;
const LEFT_OUT: usize = 4;
/// From so many columns on, fewer points.
const MANY: usize = 24;
const FEWER_POINTS: usize = 2500;
/// Sizes of mixtures, in this order.
const SIZES: [usize; 11] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// Most numbers in the covariances of a mixture, which bounds the time of a fit.
const LARGEST: usize = 16 * 1024;
/// Sizes in a row that may fail to gain before the search ends.
const PATIENCE: usize = 1;
/// How strongly the full covariances of few points are drawn to that of all, one search of sizes each; the first is that
/// of all other mixtures.
const STRENGTHS: [f64; 3] = [1.0, 0.1, 0.01];
/// Gain below which a size has not gained, nats.
const GAIN: f64 = 1e-3;
/// Factors on correlations.
const KEPT: [f64; 7] = [1.0, 0.98, 0.95, 0.9, 0.75, 0.5, 0.0];
/// Kernel widths, in standard deviations.
const WIDTHS: [f64; 12] = [0.08, 0.12, 0.17, 0.22, 0.28, 0.35, 0.43, 0.52, 0.62, 0.75, 0.9, 1.1];
/// Weight below which a part is left out.
const LEAST: f64 = 0.02;
/// Steps of expectation maximisation, up to so many columns; with more, whose steps take longer, fewer.
const STEPS: usize = 40;
const STEPPED: usize = 16;
const FEWEST_STEPS: usize = 8;
/// Gain of a step, per point, below which it ends: in the search, and over all points.
const SEARCHED: f64 = 4e-4;
const CONVERGED: f64 = 1e-4;
/// Standard deviations of the broad components, and the mass of the first of them in units of one point. That of the others
/// falls with the third power of the standard deviation, as for tails of three degrees of freedom: points far outside have
/// some density, and samples have no variance to speak of from there.
const BROAD: [f64; 5] = [2.0, 5.0, 15.0, 50.0, 200.0];
const BROAD_SHARE: f64 = 0.02;

/// The masses of the broad components of a fit to `n` points.
fn broad_shares(n: usize) -> [f64; 5] {
    BROAD.map(|std| BROAD_SHARE / (n as f64 + 1.0) * (BROAD[0] / std).powi(3))
}

/// A density before it is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// One normal distribution that keeps this much of the correlations.
    Normal(f64),
    /// A mixture of so many normal distributions, whose covariances are drawn to that of all points so strongly.
    Mixture { kind: Kind, size: usize, strength: f64 },
    /// Kernels of this width: those of the covariance that keeps so much of the correlations.
    Kernels { kept: f64, width: f64 },
}

/// A part with its fit to points of the first fold, and the log-density of the points left out.
struct Tried {
    part: Part,
    family: Family,
    scores: Array1<f64>,
}

/// The mixture, and a sentence on what it is made of.
pub(crate) struct Stack {
    pub map: MixtureMap,
    pub made_of: String,
}

/// Fits to components `(d, n)` with standard deviations near 1. `None` for fewer than 4 points.
pub(crate) fn fit(sources: ArrayView2<f64>, stream: &Stream) -> Option<Stack> {
    let x = sources.t().as_standard_layout().into_owned();
    let (n, d) = x.dim();
    if n < 4 {
        return None;
    }
    let folds = folds(&x, stream);
    let fitted = (folds.iter().map(|(learn, _)| learn.nrows()).sum::<usize>() / folds.len()).max(1);
    let score = |part: Part| -> (Family, Array1<f64>) {
        let mut parts: Vec<(Family, Vec<f64>)> = folds
            .par_iter()
            .map(|(learn, out)| {
                let family = part.fit(learn.view(), stream);
                let scores = family.log_density(out.view()).to_vec();
                (family, scores)
            })
            .collect();
        let scores: Vec<f64> = parts.iter().flat_map(|(_, scores)| scores).copied().collect();
        (parts.swap_remove(0).0, scores.into())
    };
    // Of each sort the best setting, with its density at the points left out.
    let best_of = |parts: &mut dyn Iterator<Item = Part>, patience: usize| {
        let mut best: Option<Tried> = None;
        let mut in_vain = 0;
        for part in parts {
            let (family, scores) = score(part);
            let least = |best: &Tried| best.scores.sum() + GAIN * scores.len() as f64;
            let gained = best.as_ref().is_none_or(|best| scores.sum() > least(best));
            if gained {
                best = Some(Tried { part, family, scores });
            }
            in_vain = if gained { 0 } else { in_vain + 1 };
            if in_vain > patience {
                break;
            }
        }
        best
    };
    let enough = |size: usize, per: usize| size * per <= fitted;
    let kept = if n > 50 * d { &KEPT[..1] } else { &KEPT[..] };
    let normal = best_of(&mut kept.iter().map(|kept| Part::Normal(*kept)), 2)?;
    let Part::Normal(kept) = normal.part else { return None };
    let mut parts = vec![normal];
    // With many points, equal covariances have nothing that full ones lack.
    let kinds =
        if n > FOLDED && d <= 8 { &[Kind::Full][..] } else { &[Kind::Full, Kind::Diagonal, Kind::Tied] };
    for kind in kinds.iter().copied() {
        let per = if kind == Kind::Full { (d / 2).max(4) } else { 4 };
        let most = if kind == Kind::Full { LARGEST } else { 32 * LARGEST };
        let sizes = SIZES.into_iter().filter(|size| enough(*size, per) && size * d * d <= most);
        let first = (kind == Kind::Diagonal && kept > 0.0 && d > 1).then_some(Part::Normal(0.0));
        let strengths = if n <= FOLDED && kind == Kind::Full { &STRENGTHS[..] } else { &STRENGTHS[..1] };
        for strength in strengths.iter().copied() {
            let mixtures = sizes.clone().map(|size| Part::Mixture { kind, size, strength });
            parts.extend(best_of(&mut first.into_iter().chain(mixtures), PATIENCE));
        }
    }
    if n <= MOST_KERNELS && n * d * d <= MOST_WORK {
        let kinds = if kept > 0.0 && d > 1 { vec![0.0, kept] } else { vec![0.0] };
        for kept in kinds {
            let widths = WIDTHS.into_iter().rev().map(|width| Part::Kernels { kept, width });
            parts.extend(best_of(&mut widths.into_iter(), 3));
        }
    }
    let scores: Vec<&Array1<f64>> = parts.iter().map(|tried| &tried.scores).collect();
    let mut weights = stacked(&scores);
    if weights.iter().any(|w| *w < LEAST) {
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        let chosen: Vec<usize> = (0..parts.len()).filter(|i| weights[*i] >= LEAST.min(heaviest)).collect();
        let own: Vec<&Array1<f64>> = chosen.iter().map(|i| scores[*i]).collect();
        let again = stacked(&own);
        weights.fill(0.0);
        chosen.iter().zip(again).for_each(|(i, w)| weights[*i] = w);
    }
    let chosen: Vec<(Tried, f64)> = parts.into_iter().zip(weights).filter(|(_, w)| *w > 0.0).collect();
    let made_of = chosen.iter().map(|(tried, w)| format!("{:.0} % {}", 100.0 * w, tried.part.name()));
    let made_of = made_of.collect::<Vec<_>>().join(", ");
    // Kernels of more points are narrower.
    let shrink = (fitted as f64 / n as f64).powf(1.0 / (d as f64 + 4.0));
    let mut pooled = pooled(x.view());
    let families = chosen.into_iter().map(|(tried, weight)| {
        let family = match tried.part {
            Part::Kernels { kept, width } => {
                Part::Kernels { kept, width: width * shrink }.fit(x.view(), stream)
            }
            Part::Mixture { strength, .. } => {
                // What a split found goes on from there; the folds' clusters are those of a part of few points.
                let begun = if n > FOLDED { tried.family } else { tried.part.fit(x.view(), stream) };
                pooled.strength = strength;
                begun.climb(x.view(), &pooled, steps(d), CONVERGED)
            }
            Part::Normal(_) => tried.part.fit(x.view(), stream),
        };
        (family, weight)
    });
    Some(Stack { map: assemble(families, d, n)?, made_of })
}

fn steps(d: usize) -> usize {
    (STEPS * STEPPED / d).clamp(FEWEST_STEPS, STEPS)
}

/// What all points say, with the weight of Fraley & Raftery.
fn pooled(x: ArrayView2<f64>) -> Pooled {
    let (mean, mut covariance) = moments(x);
    covariance.diag_mut().mapv_inplace(|v| v.max(1e-12));
    Pooled { count: x.nrows() as f64, mean, covariance, strength: 1.0 }
}

/// Points to learn from and points left out.
fn folds(x: &Array2<f64>, stream: &Stream) -> Vec<(Array2<f64>, Array2<f64>)> {
    let (n, d) = x.dim();
    let order = shuffled(n, &stream.child("folds"));
    if n > FOLDED {
        let some = x.select(Axis(0), &order[..n.min(if d > MANY { FEWER_POINTS } else { SPLIT_POINTS })]);
        let out = some.nrows() / LEFT_OUT;
        return vec![(some.slice(s![out.., ..]).to_owned(), some.slice(s![..out, ..]).to_owned())];
    }
    let part = |fold: usize| {
        let (rest, out) = dealt(&order, fold);
        (x.select(Axis(0), &rest), x.select(Axis(0), &out))
    };
    (0..FOLDS.min(n)).map(part).collect()
}

/// The weights on the simplex that maximise the density of the points left out, with one point's worth spread evenly.
pub(super) fn stacked(scores: &[&Array1<f64>]) -> Vec<f64> {
    let (parts, n) = (scores.len(), scores[0].len());
    let mut weights = vec![1.0 / parts as f64; parts];
    let tops: Vec<f64> =
        (0..n).map(|i| scores.iter().fold(f64::NEG_INFINITY, |top, s| top.max(s[i]))).collect();
    let densities: Vec<Vec<f64>> =
        scores.iter().map(|s| s.iter().zip(&tops).map(|(s, top)| (s - top).exp()).collect()).collect();
    for _ in 0..300 {
        let mut next = vec![1.0 / parts as f64; parts];
        for i in 0..n {
            let total: f64 = weights.iter().zip(&densities).map(|(w, own)| w * own[i]).sum();
            if total > 0.0 {
                let shares = weights.iter().zip(&densities).map(|(w, own)| w * own[i] / total);
                next.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            }
        }
        let total: f64 = next.iter().sum();
        weights = next.into_iter().map(|w| w / total).collect();
    }
    weights
}

impl Part {
    fn name(self) -> String {
        match self {
            Self::Normal(0.0) => "one normal distribution without correlations".into(),
            Self::Normal(_) => "one normal distribution".into(),
            Self::Mixture { kind, size, .. } => {
                let kind = match kind {
                    Kind::Full => "full",
                    Kind::Diagonal => "diagonal",
                    Kind::Tied => "equal",
                };
                format!("{size} normal distributions with {kind} covariances")
            }
            Self::Kernels { kept: 0.0, width } => format!("kernels of width {width:.2}"),
            Self::Kernels { width, .. } => format!("kernels of width {width:.2} in the shape of the data"),
        }
    }

    /// Fits to points `(n, d)`.
    fn fit(self, x: ArrayView2<f64>, stream: &Stream) -> Family {
        let (n, d) = x.dim();
        let mut pooled = pooled(x);
        let shaped = |kept: f64| {
            let mut shrunk = pooled.covariance.mapv(|v| v * kept);
            shrunk.diag_mut().assign(&pooled.covariance.diag());
            cholesky(&shrunk)
        };
        match self {
            Self::Normal(kept) => {
                let fresh = ((n as f64 + 1.0) / (n as f64 - 1.0).max(1.0)).sqrt();
                Family::one(pooled.mean.clone(), shaped(kept) * fresh)
            }
            Self::Kernels { kept, width } => Family {
                kind: Kind::Tied,
                log_weights: vec![-(n as f64).ln(); n],
                means: x.to_owned(),
                factors: vec![shaped(kept) * width],
            },
            Self::Mixture { kind, size, strength } => {
                pooled.strength = strength;
                let flat: Vec<f64> = x.iter().copied().collect();
                let centres = seeds(&flat, d, size, &mut stream.child("seeds").at(size as u64));
                let labels = clustered(&flat, d, centres);
                Family::of_labels(x, &labels, size, kind, &pooled).climb(x, &pooled, steps(d), SEARCHED)
            }
        }
    }
}

/// The cluster of each point after a few of Lloyd's iterations.
fn clustered(flat: &[f64], d: usize, mut centres: Vec<f64>) -> Vec<usize> {
    let nearest = |centres: &[f64]| -> Vec<usize> {
        let one = |x: &[f64]| {
            let distance = |c: &[f64]| x.iter().zip(c).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            let all = centres.chunks_exact(d).map(distance).enumerate();
            all.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(k, _)| k)
        };
        flat.par_chunks_exact(d).map(one).collect()
    };
    let mut labels = nearest(&centres);
    for _ in 0..5 {
        let size = centres.len() / d;
        let (mut sums, mut counts) = (vec![0.0; centres.len()], vec![0.0; size]);
        for (x, k) in flat.chunks_exact(d).zip(&labels) {
            counts[*k] += 1.0;
            sums[k * d..(k + 1) * d].iter_mut().zip(x).for_each(|(sum, v)| *sum += v);
        }
        for (k, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            (0..d).for_each(|i| centres[k * d + i] = sums[k * d + i] / count);
        }
        labels = nearest(&centres);
    }
    labels
}

/// One map of weighted mixtures and the broad components.
fn assemble(families: impl Iterator<Item = (Family, f64)>, d: usize, n: usize) -> Option<MixtureMap> {
    let shares = broad_shares(n);
    let (mut logs, mut means, mut factors, mut factor_of) = (vec![], vec![], vec![], vec![]);
    let mut kinds = 0;
    for (std, share) in BROAD.into_iter().zip(shares) {
        logs.push(share.ln());
        means.extend(std::iter::repeat_n(0.0, d));
        factors.extend(Array2::<f64>::from_diag_elem(d, std));
        factor_of.push(kinds);
        kinds += 1;
    }
    for (family, weight) in families {
        let head = (weight * (1.0 - shares.iter().sum::<f64>())).ln()
            - log_sum_exp(family.log_weights.iter().copied());
        for (k, (log, mean)) in family.log_weights.iter().zip(family.means.outer_iter()).enumerate() {
            logs.push(head + log);
            means.extend(mean);
            factor_of.push(kinds + k.min(family.factors.len() - 1));
        }
        family.factors.iter().for_each(|factor| factors.extend(factor));
        kinds += family.factors.len();
    }
    MixtureMap::shared(d, logs, means, factors, factor_of)
}
