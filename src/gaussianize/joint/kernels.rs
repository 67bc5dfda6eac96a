//! A kernel density whose kernels have the covariance of the cluster that they lie in, scaled, and preserve it.
//!
//! Each point belongs to one cluster (mean `m`, covariance `S`). Its kernel has covariance `k^2 S` and sits at
//! `m + sqrt(1 - k^2) (x_i - m)`, so that the cluster as a whole keeps the covariance `S` exactly: a plain
//! kernel estimate inflates it by `1 + h^2`, which costs about `h^2 d / 2` nats per sample. `k` near 0 gives the
//! empirical distribution and `k = 1` the Gaussian mixture; values between follow any shape. `k` is chosen for each
//! cluster by the log-likelihood of held-out points.

use ndarray::ArrayView2;
use pulp::Arch;
use rayon::prelude::*;

use super::gmm_em::{self, Cluster};
use super::mixture::MixtureMap;
use crate::numeric::exp_log::exp;
use crate::numeric::normal::LOG_SQRT_2PI;
use crate::numeric::random::Stream;
use crate::numeric::simd::{LANES, Lanes};

/// Most points for the pilot.
const MOST_POINTS: usize = 3072;
/// Most points for the choice of `k`.
const CHOICE_POINTS: usize = 2048;
/// One point in this many is held out and scores the kernels of the others.
const HELD_OUT: usize = 5;
/// Kernel widths tried, in units of the cluster's standard deviation.
const WIDTHS: [f64; 9] = [0.06, 0.1, 0.16, 0.25, 0.36, 0.5, 0.68, 0.85, 0.97];
/// Weight, in held-out points, of the whole data's mean score in the choice of each cluster.
const SHARED: f64 = 10.0;
/// Mahalanobis distance from a cluster's mean beyond which its kernels are left out.
const AWAY: f64 = 10.0;

/// Points with their clusters and kernel widths.
pub(crate) struct Kernels {
    /// Weight, mean and covariance of each cluster.
    pub clusters: Vec<Cluster>,
    /// `k` of each cluster.
    pub widths: Vec<f64>,
    /// The points of each cluster in its whitened coordinates `L^-1 (x - m)`, one after another.
    pub points: Vec<Vec<f64>>,
}

impl Kernels {
    /// Fits clusters and kernel widths to pairs of numbers; `factor` multiplies the
    /// widths chosen. `None` for too few points.
    pub fn fit(points: &[f64], factor: f64, stream: &Stream) -> Option<Self> {
        let d = 2;
        let n = points.len() / d;
        if n < 8 * d {
            return None;
        }
        let some = subset(points, d, stream, MOST_POINTS);
        let pilot = gmm_em::fit(&some, d, &stream.child("clusters"));
        if pilot.is_empty() {
            return None;
        }
        let (mut learn, mut held_out) = (Vec::new(), Vec::new());
        for (i, x) in some.chunks_exact(d).take(CHOICE_POINTS).enumerate() {
            if i % HELD_OUT == 0 { held_out.extend_from_slice(x) } else { learn.extend_from_slice(x) }
        }
        let mut trial = Self::split(&learn, d, &pilot)?;
        // Neighbours side by side, so that points which are all too far away are passed over together.
        for points in &mut trial.points {
            points.as_chunks_mut::<2>().0.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
        }
        let chosen = trial.choose(&held_out, d);
        // An optimal bandwidth shrinks with the number of points as n^(-1/(d + 4)).
        let fewer = (learn.len() as f64 / points.len() as f64).powf(1.0 / (d as f64 + 4.0));
        let widths: Vec<f64> = chosen.into_iter().map(|k| narrowed(k, fewer, factor)).collect();
        trial.over(points, d, &widths)
    }

    /// The kernels of other points of the same law, with these clusters and with widths for that many points.
    pub fn of_points(&self, points: &[f64]) -> Option<Self> {
        let d = 2;
        let own: usize = self.points.iter().map(Vec::len).sum();
        let fewer = (own as f64 / points.len() as f64).powf(1.0 / (d as f64 + 4.0));
        let widths: Vec<f64> = self.widths.iter().map(|k| narrowed(*k, fewer, 1.0)).collect();
        self.over(points, d, &widths)
    }

    /// Points by these clusters, of which each has its width.
    fn over(&self, points: &[f64], d: usize, widths: &[f64]) -> Option<Self> {
        let mut all = Self::split(points, d, &self.clusters)?;
        // Clusters without points are gone, so the width of each one left is looked up by its mean.
        let mut y = vec![0.0; d];
        all.widths = all
            .clusters
            .iter()
            .map(|c| widths[gmm_em::nearest(&self.clusters, &c.gaussian.mean, &mut y)])
            .collect();
        Some(all)
    }

    /// The points by their most likely cluster, and each cluster's mean and covariance from its own points.
    fn split(points: &[f64], d: usize, pilot: &[Cluster]) -> Option<Self> {
        let n = (points.len() / d) as f64;
        let label = |x: &[f64]| {
            let mut y = vec![0.0; d];
            gmm_em::nearest(pilot, x, &mut y)
        };
        let labels: Vec<usize> = points.par_chunks_exact(d).map(label).collect();
        let mut groups = vec![Vec::new(); pilot.len()];
        for (x, label) in points.chunks_exact(d).zip(labels) {
            groups[label].extend_from_slice(x);
        }
        let mut kernels = Self { clusters: Vec::new(), widths: Vec::new(), points: Vec::new() };
        for (group, pilot) in groups.into_iter().zip(pilot).filter(|(group, _)| !group.is_empty()) {
            let share = group.len() as f64 / d as f64 / n;
            let cluster = Cluster::from_points(&group, d, n)
                .unwrap_or_else(|| Cluster { weight: share, ..pilot.clone() });
            let mut own = vec![0.0; group.len()];
            for (x, y) in group.chunks_exact(d).zip(own.chunks_exact_mut(d)) {
                cluster.gaussian.whiten(x, y);
            }
            kernels.clusters.push(cluster);
            kernels.widths.push(1.0);
            kernels.points.push(own);
        }
        (!kernels.clusters.is_empty()).then_some(kernels)
    }

    /// The kernel width of each cluster with the largest log-likelihood of the points `held_out`; all clusters are tried
    /// with one width at a time.
    fn choose(&self, held_out: &[f64], d: usize) -> Vec<f64> {
        let n = self.points.iter().map(Vec::len).sum::<usize>() as f64 / d as f64;
        let scores: Vec<(usize, [f64; WIDTHS.len()])> = held_out
            .par_chunks_exact(d)
            .map(|x| {
                let mut y = vec![0.0; d];
                let label = gmm_em::nearest(&self.clusters, x, &mut y);
                (label, self.log_densities(x, d, n))
            })
            .collect();
        let mut own = vec![[0.0; WIDTHS.len()]; self.clusters.len()];
        let mut whole = [0.0; WIDTHS.len()];
        for (label, logs) in &scores {
            for (w, log) in logs.iter().enumerate() {
                own[*label][w] += log;
                whole[w] += log / scores.len() as f64;
            }
        }
        let best = |own: &[f64; WIDTHS.len()]| {
            let score = |w: usize| own[w] + SHARED * whole[w];
            (0..WIDTHS.len()).max_by(|a, b| score(*a).total_cmp(&score(*b))).map_or(0.5, |w| WIDTHS[w])
        };
        own.iter().map(best).collect()
    }

    /// Log-density of `x` for each of [`WIDTHS`], over a floor.
    fn log_densities(&self, x: &[f64], d: usize, n: f64) -> [f64; WIDTHS.len()] {
        let mut densities = [0.0; WIDTHS.len()];
        let mut y = vec![0.0; d];
        for (cluster, points) in self.clusters.iter().zip(&self.points) {
            if cluster.gaussian.whiten(x, &mut y) > AWAY * AWAY {
                continue;
            }
            for (k, density) in WIDTHS.iter().zip(&mut densities) {
                let (shrink, scale) = ((1.0 - k * k).sqrt(), -0.5 / (k * k));
                let sum = Arch::new().dispatch(|| sum_of_kernels(points, [y[0], y[1]], shrink, scale));
                *density += sum * (-cluster.gaussian.log_det - d as f64 * (k.ln() + LOG_SQRT_2PI)).exp();
            }
        }
        // A floor as small as the broad component of the final density.
        densities.map(|density| (density / n + 1e-3 / n).ln())
    }
}

/// `sum_i exp(scale |y - shrink p_i|^2)` over points of two coordinates, without terms below `exp(-30)`.
#[inline(always)]
fn sum_of_kernels(points: &[f64], y: [f64; 2], shrink: f64, scale: f64) -> f64 {
    let mut sum = Lanes::splat(0.0);
    for points in points.chunks(2 * LANES) {
        // Lanes without a point have no term.
        let mut exponent = Lanes::splat(f64::NEG_INFINITY);
        for (exponent, point) in exponent.0.iter_mut().zip(points.as_chunks::<2>().0) {
            let (u, v) = (y[0] - shrink * point[0], y[1] - shrink * point[1]);
            *exponent = scale * (u * u + v * v);
        }
        if !Lanes::splat(-30.0).any_less(exponent) {
            continue;
        }
        let kernels = exp(exponent);
        for l in 0..LANES {
            sum.0[l] += if exponent.0[l] > -30.0 { kernels.0[l] } else { 0.0 };
        }
    }
    sum.0.iter().sum()
}

/// The map of a Gaussian mixture of all components `(d, n)`: its number of clusters is chosen on a subset, and the mixture
/// is refined on all points. `None` for too few points.
pub(crate) fn mixture(sources: ArrayView2<f64>, stream: &Stream) -> Option<MixtureMap> {
    let (d, n) = sources.dim();
    let points: Vec<f64> = sources.t().iter().copied().collect();
    if n < 8 * d {
        return None;
    }
    let pilot = gmm_em::fit(&subset(&points, d, stream, MOST_POINTS), d, &stream.child("clusters"));
    MixtureMap::from_clusters(&gmm_em::refine(&points, d, pilot), d, n as f64)
}

/// The `k` of kernels for more points, by whose numbers the width is multiplied by `fewer`, and of a user's `factor`.
fn narrowed(k: f64, fewer: f64, factor: f64) -> f64 {
    let h = k / (1.0 - k * k).sqrt() * fewer * factor;
    h / (1.0 + h * h).sqrt()
}

/// Up to `most` of the points, drawn by the stream.
pub(super) fn subset(points: &[f64], d: usize, stream: &Stream, most: usize) -> Vec<f64> {
    let n = points.len() / d;
    let keys = stream.child("subset").standard_normal(0, n, 1);
    let mut order: Vec<usize> = (0..n).collect();
    if n > most {
        order.select_nth_unstable_by(most, |a, b| keys[[*a, 0]].total_cmp(&keys[[*b, 0]]));
        order.truncate(most);
    }
    order.sort_unstable_by(|a, b| keys[[*a, 0]].total_cmp(&keys[[*b, 0]]));
    order.iter().flat_map(|i| &points[i * d..(i + 1) * d]).copied().collect()
}
