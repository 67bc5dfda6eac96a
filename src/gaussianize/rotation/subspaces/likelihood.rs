//! Axes turned to the largest likelihood, where the axes of each group have a density of their own.
//!
//! `log p(x) = sum_g log p_g(w_g x)` with orthonormal `W`: independent component analysis by maximum likelihood where each
//! group is one axis (Pham & Garat 1997), independent subspace analysis where a group has two. Each `p_g` is a Gaussian
//! mixture, fitted again after each turn. A turn is one Newton step in the angles between axes of different groups, with the
//! curvature that independent groups have (Ablin, Cardoso & Gramfort 2018).

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::gaussianize::joint::gmm_em::{self, Cluster};
use crate::gaussianize::thin::thin_columns;
use crate::numeric::orthogonal::orthonormalize;
use crate::numeric::random::Stream;

/// Components of a mixture, of one axis and of two.
const COMPONENTS: [usize; 2] = [6, 12];
/// Points from which a mixture is searched; all go on from there.
const SEARCHED: usize = 3072;
/// Most turns, and halvings of one.
const TURNS: usize = 6;
const HALVINGS: usize = 4;
/// Largest angle of a turn, and the one below which the axes have come to rest.
const LARGEST_ANGLE: f64 = 0.3;
const AT_REST: f64 = 2e-3;
/// Least curvature of the log-likelihood in an angle: two normal axes have none.
const LEAST_CURVATURE: f64 = 0.3;

/// What the mixture of one group says of all points.
struct Scores {
    /// `-d log p / d s` of each axis of the group, `(axes, n)`.
    slopes: Array2<f64>,
    /// The mean of `-d^2 log p / d s^2` for each axis.
    bends: Vec<f64>,
}

/// The rows of `w` turned against each other until the likelihood of the whitened points `x` `(d, n)` is largest; `groups`
/// are ranges of one or two rows.
///
/// # Errors
/// A sentence when a factorization fails.
pub(super) fn turned(
    x: ArrayView2<f64>,
    mut w: Array2<f64>,
    groups: &[Range<usize>],
    stream: &Stream,
) -> Result<Array2<f64>, String> {
    let mut mixtures: Vec<Vec<Cluster>> = Vec::new();
    for _ in 0..TURNS {
        let sources = w.dot(&x);
        let fit = |(g, rows): (usize, &Range<usize>)| {
            let (own, size) = (points(sources.view(), rows), COMPONENTS[rows.len() - 1]);
            let before = match mixtures.get(g) {
                Some(before) => before.clone(),
                None => {
                    let some = points(thin_columns(sources.view(), SEARCHED).view(), rows);
                    gmm_em::of_size(&some, rows.len(), size, &stream.child(&g.to_string()))
                }
            };
            gmm_em::refine(&own, rows.len(), before)
        };
        mixtures = groups.par_iter().enumerate().map(fit).collect();
        if mixtures.iter().any(Vec::is_empty) {
            break;
        }
        let angles = newton(sources.view(), groups, &mixtures);
        let largest = angles.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        if !largest.is_finite() || largest < AT_REST {
            break;
        }
        let angles = angles * (LARGEST_ANGLE / largest).min(1.0);
        let here = likelihood(sources.view(), groups, &mixtures);
        let mut better = None;
        for halving in 0..=HALVINGS {
            let trial = orthonormalize(&(&w + &(&angles * 0.5_f64.powi(halving as i32)).dot(&w)))?;
            if likelihood(trial.dot(&x).view(), groups, &mixtures) > here {
                better = Some(trial);
                break;
            }
        }
        let Some(trial) = better else { break };
        w = trial;
    }
    Ok(w)
}

/// The coordinates `rows` of each point, point after point.
fn points(sources: ArrayView2<f64>, rows: &Range<usize>) -> Vec<f64> {
    sources.axis_iter(Axis(1)).flat_map(|s| rows.clone().map(move |j| s[j])).collect()
}

fn likelihood(sources: ArrayView2<f64>, groups: &[Range<usize>], mixtures: &[Vec<Cluster>]) -> f64 {
    let of = |(rows, own): (&Range<usize>, &Vec<Cluster>)| {
        gmm_em::log_densities(&points(sources, rows), rows.len(), own).iter().sum::<f64>()
    };
    groups.iter().zip(mixtures).map(of).sum()
}

/// The Newton step: `theta_ij = (E[phi_j s_i] - E[phi_i s_j]) / (c_i + c_j)`, `phi` the slopes and
/// `c_i = E[d phi_i / d s_i] - E[phi_i s_i]`; 0 within a group.
fn newton(sources: ArrayView2<f64>, groups: &[Range<usize>], mixtures: &[Vec<Cluster>]) -> Array2<f64> {
    let (d, n) = sources.dim();
    let pairs: Vec<(&Range<usize>, &Vec<Cluster>)> = groups.iter().zip(mixtures).collect();
    let scored: Vec<Scores> =
        pairs.par_iter().map(|(rows, own)| scores(&points(sources, rows), rows.len(), own)).collect();
    let mut slopes = Array2::zeros((d, n));
    let mut bends = Array1::zeros(d);
    for (rows, own) in groups.iter().zip(scored) {
        slopes.slice_mut(ndarray::s![rows.clone(), ..]).assign(&own.slopes);
        bends.slice_mut(ndarray::s![rows.clone()]).assign(&Array1::from(own.bends));
    }
    let products = slopes.dot(&sources.t()) / n as f64;
    let curvature = &bends - &products.diag();
    let mut angles = Array2::from_shape_fn((d, d), |(i, j)| {
        (products[[j, i]] - products[[i, j]]) / (curvature[i] + curvature[j]).max(LEAST_CURVATURE)
    });
    for rows in groups {
        angles.slice_mut(ndarray::s![rows.clone(), rows.clone()]).fill(0.0);
    }
    angles
}

/// Slopes and curvature of a mixture's log-density at points of `d` numbers each.
fn scores(points: &[f64], d: usize, clusters: &[Cluster]) -> Scores {
    let n = points.len() / d;
    // The diagonals of the inverse covariances: squared Mahalanobis lengths of unit vectors.
    let precision = |cluster: &Cluster, axis: usize| {
        let mut at = cluster.gaussian.mean.clone();
        at[axis] += 1.0;
        cluster.gaussian.whiten(&at[..], &mut vec![0.0; d])
    };
    let precisions: Vec<Vec<f64>> =
        clusters.iter().map(|c| (0..d).map(|axis| precision(c, axis)).collect()).collect();
    let mut slopes = Array2::zeros((d, n));
    let mut bends = vec![0.0; d];
    let mut pulls = vec![0.0; clusters.len() * d];
    let mut logs = vec![0.0; clusters.len()];
    for (i, x) in points.chunks_exact(d).enumerate() {
        for ((cluster, pull), log) in clusters.iter().zip(pulls.chunks_exact_mut(d)).zip(&mut logs) {
            *log = cluster.weight.ln() - cluster.gaussian.log_det - 0.5 * cluster.gaussian.whiten(x, pull);
            cluster.gaussian.whiten_transposed(pull);
        }
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        logs.iter_mut().for_each(|log| *log = (*log - top).exp());
        let total: f64 = logs.iter().sum();
        for axis in 0..d {
            let (mut slope, mut squares) = (0.0, 0.0);
            for ((share, pull), precision) in logs.iter().zip(pulls.chunks_exact(d)).zip(&precisions) {
                slope += share * pull[axis];
                squares += share * (pull[axis] * pull[axis] - precision[axis]);
            }
            let (slope, squares) = (slope / total, squares / total);
            slopes[[axis, i]] = slope;
            bends[axis] += (slope * slope - squares) / n as f64;
        }
    }
    Scores { slopes, bends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_and_curvature_of_a_mixture_are_its_finite_differences() {
        let stream = Stream::new(4, 0, "scores");
        let z = stream.standard_normal(0, 600, 2);
        let x: Vec<f64> =
            z.rows().into_iter().flat_map(|z| [z[0], 0.7 * (z[0] * z[0] - 1.0) + 0.4 * z[1]]).collect();
        for d in [1, 2] {
            let clusters = gmm_em::of_size(&x, d, 4, &stream);
            let Scores { slopes, bends } = scores(&x, d, &clusters);
            let h = 1e-4;
            let mut mean = vec![0.0; d];
            for (i, at) in x.chunks_exact(d).enumerate() {
                for axis in 0..d {
                    let log = |by: f64| {
                        let mut moved = at.to_vec();
                        moved[axis] += by;
                        gmm_em::log_densities(&moved, d, &clusters)[0]
                    };
                    let (up, here, down) = (log(h), log(0.0), log(-h));
                    let slope = -(up - down) / (2.0 * h);
                    let error = (slope - slopes[[axis, i]]).abs();
                    assert!(
                        error < 1e-4 * (1.0 + slope.abs()),
                        "{d} {i} {axis}: {slope} {}",
                        slopes[[axis, i]]
                    );
                    mean[axis] -= (up - 2.0 * here + down) / (h * h) / (x.len() / d) as f64;
                }
            }
            for (numerical, own) in mean.iter().zip(bends) {
                assert!((numerical - own).abs() < 1e-3 * (1.0 + own.abs()), "{numerical} {own}");
            }
        }
    }
}
