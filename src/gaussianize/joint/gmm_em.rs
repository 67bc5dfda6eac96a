//! A Gaussian mixture by expectation maximisation, with the number of clusters chosen by BIC.
//!
//! A *cluster* is one normal distribution of the mixture (a *component* is one axis of the rotated data). In
//! [`super::kernels`] the mixture is a pilot estimate: its covariances give the kernels their shape in each region, and
//! the kernel widths are chosen there.

use pulp::Arch;
use rand::RngExt;
use rayon::prelude::*;

use crate::numeric::exp_log::{exp, ln};
use crate::numeric::gaussian::Gaussian;
use crate::numeric::normal::LOG_SQRT_2PI;
use crate::numeric::random::Stream;
use crate::numeric::simd::{LANES, Lanes};

/// Numbers of clusters tried, in this order.
const SIZES: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24];
/// The largest of them.
const LARGEST: usize = 24;
/// Sizes in a row that may fail to lower the BIC before the search ends.
const PATIENCE: usize = 3;
/// Starts per size.
const STARTS: u64 = 2;
/// Most steps of expectation maximisation in the search.
const STEPS: usize = 60;
/// Most steps over all points after the search.
const REFINEMENTS: usize = 20;
/// Gain of the log-likelihood per point below which the iteration has converged.
const CONVERGED: f64 = 1e-4;
/// Added to every variance; components are whitened.
const RIDGE: f64 = 1e-7;
/// Points per parallel task.
const CHUNK: usize = 512;

/// One normal distribution of the mixture.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// Fraction of the points.
    pub weight: f64,
    /// Its mean and the factor of its covariance.
    pub gaussian: Gaussian,
}

impl Cluster {
    /// From sums over its points: `total` weight, `sum` and `squares` (row by row) about the origin.
    fn from_sums(total: f64, n: f64, sum: &[f64], squares: &[f64]) -> Option<Self> {
        let d = sum.len();
        let mean: Vec<f64> = sum.iter().map(|s| s / total).collect();
        let mut factor = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let ridge = if i == j { RIDGE } else { 0.0 };
                let own = squares[i * d + j] / total - mean[i] * mean[j] + ridge;
                let known: f64 = (0..j).map(|k| factor[i * d + k] * factor[j * d + k]).sum();
                factor[i * d + j] = if i == j {
                    // A direction without spread keeps the ridge's.
                    (own - known).max(0.1 * RIDGE).sqrt()
                } else {
                    (own - known) / factor[j * d + j]
                };
            }
        }
        let gaussian = Gaussian::new(mean, factor);
        (total > 0.0 && gaussian.log_det.is_finite()).then_some(Self { weight: total / n, gaussian })
    }

    /// From its points, one after another in `points`; `None` for fewer than `d + 2`.
    pub fn from_points(points: &[f64], d: usize, n: f64) -> Option<Self> {
        let count = points.len() / d;
        let mut sums = Sums::new(1, d);
        points.chunks_exact(d).for_each(|x| sums.add(0, 1.0, x));
        if count < d + 2 { None } else { Self::from_sums(sums.total[0], n, &sums.sum, &sums.squares) }
    }
}

/// Index of the cluster that `x` most likely belongs to; 0 for an empty list.
pub(crate) fn nearest(clusters: &[Cluster], x: &[f64], y: &mut [f64]) -> usize {
    let mut best = (f64::NEG_INFINITY, 0);
    for (k, cluster) in clusters.iter().enumerate() {
        let score = cluster.weight.ln() - cluster.gaussian.log_det - 0.5 * cluster.gaussian.whiten(x, y);
        if score > best.0 {
            best = (score, k);
        }
    }
    best.1
}

/// Weighted sums of points per cluster.
struct Sums {
    total: Vec<f64>,
    sum: Vec<f64>,
    squares: Vec<f64>,
    log_likelihood: f64,
}

impl Sums {
    fn new(k: usize, d: usize) -> Self {
        Self {
            total: vec![0.0; k],
            sum: vec![0.0; k * d],
            squares: vec![0.0; k * d * d],
            log_likelihood: 0.0,
        }
    }

    fn add(&mut self, k: usize, weight: f64, x: &[f64]) {
        let d = x.len();
        self.total[k] += weight;
        for i in 0..d {
            let term = weight * x[i];
            self.sum[k * d + i] += term;
            let row = &mut self.squares[(k * d + i) * d..][..=i];
            row.iter_mut().zip(x).for_each(|(s, v)| *s += term * v);
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        let add = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.total, &other.total);
        add(&mut self.sum, &other.sum);
        add(&mut self.squares, &other.squares);
        self.log_likelihood += other.log_likelihood;
        self
    }

    fn clusters(&self, d: usize, n: f64) -> Vec<Cluster> {
        let cluster = |k: usize| {
            let (sum, squares) = (&self.sum[k * d..(k + 1) * d], &self.squares[k * d * d..(k + 1) * d * d]);
            // Fewer points than this say nothing about a covariance.
            if self.total[k] < (2 * d + 2) as f64 {
                return None;
            }
            Cluster::from_sums(self.total[k], n, sum, squares)
        };
        (0..self.total.len()).filter_map(cluster).collect()
    }
}

/// Sums over all points in parallel chunks, merged in order so that threads do not matter; `each` gets up to eight points at
/// a time.
fn gather(points: &[f64], d: usize, k: usize, each: impl Fn(&[f64], &mut Sums) + Sync) -> Sums {
    let partial: Vec<Sums> = points
        .par_chunks(CHUNK * d)
        .map(|chunk| {
            let mut sums = Sums::new(k, d);
            chunk.chunks(LANES * d).for_each(|some| each(some, &mut sums));
            sums
        })
        .collect();
    partial.iter().fold(Sums::new(k, d), Sums::merge)
}

/// The mixture of lowest BIC over `points`, each `d` numbers; never empty for at least `2 d + 2` points.
pub(crate) fn fit(points: &[f64], d: usize, stream: &Stream) -> Vec<Cluster> {
    let n = (points.len() / d) as f64;
    let mut best = (f64::INFINITY, Vec::new());
    let mut in_vain = 0;
    for (attempt, size) in SIZES.into_iter().enumerate() {
        let mut improved = false;
        for start in 0..if size == 1 { 1 } else { STARTS } {
            let seeds = seeds(points, d, size, &mut stream.at(attempt as u64 * STARTS + start));
            let (clusters, log_likelihood) = climb(points, d, &seeds);
            let free = clusters.len() * (1 + d + d * (d + 1) / 2) - 1.min(clusters.len());
            let bic = free as f64 * n.ln() - 2.0 * log_likelihood;
            if !clusters.is_empty() && bic < best.0 {
                best = (bic, clusters);
                improved = true;
            }
        }
        in_vain = if improved { 0 } else { in_vain + 1 };
        if in_vain == PATIENCE {
            break;
        }
    }
    refine(points, d, best.1)
}

/// A mixture of at most `size` clusters, up to 24: those of too few points are gone.
pub(crate) fn of_size(points: &[f64], d: usize, size: usize, stream: &Stream) -> Vec<Cluster> {
    let seeds = seeds(points, d, size.min(LARGEST), &mut stream.at(size as u64));
    climb(points, d, &seeds).0
}

/// Log-density of points under a mixture, nats.
pub(crate) fn log_densities(points: &[f64], d: usize, clusters: &[Cluster]) -> Vec<f64> {
    let heads = heads(clusters, d);
    let of_chunk = |chunk: &[f64]| -> Vec<f64> {
        let of_lanes = |some: &[f64]| {
            with_shares(some, d, (clusters, &heads), |logs, _| logs.0[..some.len() / d].to_vec())
        };
        chunk.chunks(LANES * d).flat_map(of_lanes).collect()
    };
    points.par_chunks(CHUNK * d).map(of_chunk).collect::<Vec<_>>().concat()
}

/// `log w - d/2 log 2 pi - log det L` of each cluster.
fn heads(clusters: &[Cluster], d: usize) -> Vec<f64> {
    clusters.iter().map(|c| c.weight.ln() - c.gaussian.log_det - d as f64 * LOG_SQRT_2PI).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Greedy k-means++: each seed is the best of a few drawn in proportion to the squared distance.
pub(super) fn seeds(points: &[f64], d: usize, size: usize, rng: &mut impl RngExt) -> Vec<f64> {
    let n = points.len() / d;
    let at = |i: usize| &points[i * d..(i + 1) * d];
    let mut chosen = at(rng.random_range(0..n)).to_vec();
    let mut nearest: Vec<f64> = (0..n).map(|i| distance(at(i), &chosen)).collect();
    while chosen.len() < size * d {
        let total: f64 = nearest.iter().sum();
        let mut best: Option<(f64, Vec<f64>, usize)> = None;
        for _ in 0..3 + size.ilog2() {
            let mut left = rng.random::<f64>() * total;
            let drawn = nearest.iter().position(|w| {
                left -= w;
                left < 0.0
            });
            let drawn = drawn.unwrap_or(n - 1);
            let after: Vec<f64> =
                nearest.iter().enumerate().map(|(i, w)| w.min(distance(at(i), at(drawn)))).collect();
            let cost = after.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, after, drawn));
            }
        }
        let Some((_, after, drawn)) = best else { break };
        nearest = after;
        chosen.extend_from_slice(at(drawn));
    }
    chosen
}

/// Expectation maximisation from `seeds`; the mixture and its log-likelihood.
fn climb(points: &[f64], d: usize, seeds: &[f64]) -> (Vec<Cluster>, f64) {
    let n = (points.len() / d) as f64;
    let mut seeds = seeds.to_vec();
    let assign = |seeds: &[f64]| {
        gather(points, d, seeds.len() / d, |some, sums| {
            for x in some.chunks_exact(d) {
                let order = |a: &&[f64], b: &&[f64]| distance(x, a).total_cmp(&distance(x, b));
                let nearest = seeds.chunks_exact(d).enumerate().min_by(|a, b| order(&a.1, &b.1));
                sums.add(nearest.map_or(0, |(k, _)| k), 1.0, x);
            }
        })
    };
    let mut sums = assign(&seeds);
    for _ in 0..4 {
        for (k, total) in sums.total.iter().enumerate().filter(|(_, total)| **total > 0.0) {
            (0..d).for_each(|i| seeds[k * d + i] = sums.sum[k * d + i] / total);
        }
        sums = assign(&seeds);
    }
    expect(points, d, sums.clusters(d, n), STEPS, CONVERGED)
}

/// The mixture after some more steps over all `points`.
pub(crate) fn refine(points: &[f64], d: usize, clusters: Vec<Cluster>) -> Vec<Cluster> {
    expect(points, d, clusters, REFINEMENTS, 0.1 * CONVERGED).0
}

/// Steps of expectation maximisation; the mixture and its log-likelihood.
fn expect(
    points: &[f64],
    d: usize,
    mut clusters: Vec<Cluster>,
    steps: usize,
    converged: f64,
) -> (Vec<Cluster>, f64) {
    let n = (points.len() / d) as f64;
    let mut last = f64::NEG_INFINITY;
    for step in 0..=if clusters.is_empty() { 0 } else { steps } {
        let heads = heads(&clusters, d);
        let sums = gather(points, d, clusters.len(), |some, sums| {
            with_shares(some, d, (&clusters, &heads), |log_densities, shares| {
                for (lane, x) in some.chunks_exact(d).enumerate() {
                    sums.log_likelihood += log_densities.0[lane];
                    for (k, share) in shares.iter().enumerate().filter(|(_, share)| share.0[lane] > 0.0) {
                        sums.add(k, share.0[lane], x);
                    }
                }
            });
        });
        let here = sums.log_likelihood - last < converged * n;
        last = sums.log_likelihood;
        if here || step == steps {
            break;
        }
        clusters = sums.clusters(d, n);
        if clusters.is_empty() {
            break;
        }
    }
    (clusters, last)
}

/// Gives `work` the log-density of up to eight points and the share of each cluster in it, as [`responsibilities`] has them.
fn with_shares<R>(
    some: &[f64],
    d: usize,
    (clusters, heads): (&[Cluster], &[f64]),
    work: impl FnOnce(Lanes, &[Lanes]) -> R,
) -> R {
    let mut shares = [Lanes::splat(0.0); LARGEST];
    let shares = &mut shares[..clusters.len()];
    let log_densities = Arch::new().dispatch(|| responsibilities(some, d, (clusters, heads), shares));
    work(log_densities, shares)
}

/// The log-density of up to eight points, and the share of each cluster in it; `heads` are the logarithms of the clusters'
/// densities at their means, times their weights. Shares below `exp(-40)` of the largest are 0.
#[inline(always)]
fn responsibilities(
    some: &[f64],
    d: usize,
    (clusters, heads): (&[Cluster], &[f64]),
    shares: &mut [Lanes],
) -> Lanes {
    let mut points = vec![Lanes::splat(0.0); d];
    let mut y = points.clone();
    for (lane, x) in some.chunks_exact(d).enumerate() {
        points.iter_mut().zip(x).for_each(|(point, value)| point.0[lane] = *value);
    }
    let mut top = Lanes::splat(f64::NEG_INFINITY);
    for ((log, cluster), head) in shares.iter_mut().zip(clusters).zip(heads) {
        let squared = cluster.gaussian.whiten_lanes(&points, &mut y);
        (0..LANES).for_each(|l| log.0[l] = head - 0.5 * squared.0[l]);
        top = top.max(*log);
    }
    let mut total = Lanes::splat(0.0);
    for log in shares.iter_mut() {
        (0..LANES).for_each(|l| log.0[l] -= top.0[l]);
        let density = exp(*log);
        (0..LANES).for_each(|l| log.0[l] = if log.0[l] < -40.0 { 0.0 } else { density.0[l] });
        total = total.plus(*log);
    }
    for share in shares {
        (0..LANES).for_each(|l| share.0[l] /= total.0[l]);
    }
    top.plus(ln(total))
}
