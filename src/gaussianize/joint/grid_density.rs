//! The kernel density of a pair of components on a regular grid, by splatting.
//!
//! The kernel centres of each cluster are splatted (distributed bilinearly) on a coarse mesh of grid nodes, and every
//! occupied mesh node adds its weight times one copy of the kernel to the grid. Splatting, and the bilinear
//! interpolation of the grid afterwards, widen the density by known variances, which are subtracted from the kernel's
//! covariance beforehand.

use rayon::prelude::*;

use super::kernels::Kernels;
use super::pair::{Axis, PairMap};
use crate::numeric::random::Stream;

/// Most nodes on one side.
const MOST_NODES: usize = 360;
/// Fewest nodes on one side.
const FEWEST_NODES: usize = 48;
/// Nodes per standard deviation of the narrowest kernel.
pub(super) const PER_KERNEL: f64 = 1.1;
/// Standard deviations beyond which a kernel is cut off.
const REACH: f64 = 5.0;
/// Mass of the broad component, and twice the mass of each tail, in units of one point.
const BROAD_SHARE: f64 = 0.1;
/// Largest range of a component, in its standard deviations, that a regular grid can resolve.
const WIDEST: f64 = 24.0;

/// The joint map of a pair, and the kernel widths behind it.
pub(crate) struct PairFit {
    pub map: PairMap,
    /// Root mean squared kernel width along each component.
    pub bandwidths: [f64; 2],
}

/// A symmetric 2 x 2 matrix: variance of a, covariance, variance of b.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub aa: f64,
    pub ab: f64,
    pub bb: f64,
}

impl Shape {
    /// Of a lower triangular factor, row by row, times the square of `scale`.
    pub fn of(factor: &[f64], scale: f64) -> Self {
        let (l, k2) = (factor, scale * scale);
        Self { aa: k2 * l[0] * l[0], ab: k2 * l[0] * l[2], bb: k2 * (l[2] * l[2] + l[3] * l[3]) }
    }

    /// The smaller eigenvalue.
    pub fn narrowest(self) -> f64 {
        let half = 0.5 * (self.aa - self.bb);
        let lower = 0.5 * (self.aa + self.bb) - half.hypot(self.ab);
        // The determinant over the larger eigenvalue loses no digits.
        let determinant = self.aa * self.bb - self.ab * self.ab;
        let upper = 0.5 * (self.aa + self.bb) + half.hypot(self.ab);
        if upper > 0.0 { (determinant / upper).max(lower).max(0.0) } else { 0.0 }
    }

    /// With more variance along both components.
    pub fn plus(self, variance: f64) -> Self {
        Self { aa: self.aa + variance, ab: self.ab, bb: self.bb + variance }
    }
}

/// The kernel of one cluster on the grid: its covariance without the variance that splatting and interpolation add, and
/// the spacing, in grid nodes, of the coarse mesh that its centres are splatted on.
struct SplatKernel {
    shape: Shape,
    stride: usize,
}

/// Fits the joint density of two components with spread 1. `None` when they are too few or one of them is
/// so heavy-tailed that a regular grid cannot show its bulk; marginal maps serve better then.
pub(crate) fn fit(a: &[f64], b: &[f64], factor: f64, stream: &Stream) -> Option<PairFit> {
    let points: Vec<f64> = a.iter().zip(b).flat_map(|(a, b)| [*a, *b]).collect();
    spans(&points)?;
    of_kernels(&Kernels::fit(&points, factor, stream)?, &points)
}

/// The ends of both components; none where a regular grid cannot resolve them.
pub(super) fn spans(points: &[f64]) -> Option<[(f64, f64); 2]> {
    let ends = |of: usize| {
        let fold = |(lo, hi): (f64, f64), x: &f64| (lo.min(*x), hi.max(*x));
        points.iter().skip(of).step_by(2).fold((f64::INFINITY, f64::NEG_INFINITY), fold)
    };
    let spans = [ends(0), ends(1)];
    spans.iter().all(|(low, high)| high - low <= WIDEST).then_some(spans)
}

/// The density of kernels at their points, pair after pair. `None` as [`fit`].
pub(super) fn of_kernels(kernels: &Kernels, points: &[f64]) -> Option<PairFit> {
    let n = (points.len() / 2) as f64;
    let [span_a, span_b] = spans(points)?;
    let shapes: Vec<Shape> = kernels
        .clusters
        .iter()
        .zip(&kernels.widths)
        .map(|(c, k)| Shape::of(&c.gaussian.factor, *k))
        .collect();
    let widest = |of: fn(&Shape) -> f64| shapes.iter().map(of).fold(0.0, f64::max).sqrt();
    let (wide_a, wide_b) = (widest(|s| s.aa), widest(|s| s.bb));
    let narrowest = shapes.iter().map(|s| s.narrowest()).fold(f64::INFINITY, f64::min).sqrt();
    let axis = |(lo, hi): (f64, f64), wide: f64| {
        let margin = (REACH * wide).min(1.0);
        let range = hi - lo + 2.0 * margin;
        let nodes = (range / narrowest * PER_KERNEL).ceil().clamp(FEWEST_NODES as f64, MOST_NODES as f64);
        Axis { low: lo - margin, step: range / (nodes - 1.0), nodes: nodes as usize }
    };
    let (axis_a, axis_b) = (axis(span_a, wide_a), axis(span_b, wide_b));
    let step = axis_a.step.max(axis_b.step);
    let splats: Vec<SplatKernel> = shapes
        .iter()
        .map(|shape| {
            // Kernels narrower than the grid can show are widened to it.
            let least = (step / PER_KERNEL).powi(2);
            let shape = shape.plus((1.001 * least - shape.narrowest()).max(0.0));
            let stride = ((shape.narrowest().sqrt() * PER_KERNEL / step) as usize).max(1);
            let mesh = stride as f64;
            let added = |s: f64| s * s * (1.0 + mesh * mesh) / 6.0;
            let shape =
                Shape { aa: shape.aa - added(axis_a.step), ab: shape.ab, bb: shape.bb - added(axis_b.step) };
            SplatKernel { shape, stride }
        })
        .collect();
    let mut density = vec![0.0; axis_a.nodes * axis_b.nodes];
    let densities: Vec<Vec<f64>> = kernels
        .clusters
        .par_iter()
        .zip(&splats)
        .enumerate()
        .map(|(k, (cluster, kernel))| {
            let shrink = (1.0 - kernels.widths[k].powi(2)).sqrt();
            let (m, l) = (&cluster.gaussian.mean, &cluster.gaussian.factor);
            let centres = kernels.points[k].chunks_exact(2).map(|y| {
                let (u, v) = (shrink * y[0], shrink * y[1]);
                (m[0] + l[0] * u, m[1] + l[2] * u + l[3] * v)
            });
            kernel.splat(axis_a, axis_b, centres)
        })
        .collect();
    for own in &densities {
        density.iter_mut().zip(own).for_each(|(d, s)| *d += s);
    }
    let cell = axis_a.step * axis_b.step;
    let own: f64 = density.iter().sum::<f64>() * cell;
    let share = BROAD_SHARE / (n + 1.0);
    let map = with_broad((axis_a, axis_b), share, (density, own))?;
    let mean = |of: fn(&Shape) -> f64| {
        kernels.clusters.iter().zip(&shapes).map(|(c, s)| c.weight * of(s)).sum::<f64>().sqrt()
    };
    Some(PairFit { map, bandwidths: [mean(|s| s.aa), mean(|s| s.bb)] })
}

/// The map of a density at the nodes of a grid, whose integral is `total`, with the share of a broad component, which keeps
/// every node above 0.
pub(super) fn with_broad(
    (a, b): (Axis, Axis),
    share: f64,
    (mut density, total): (Vec<f64>, f64),
) -> Option<PairMap> {
    for (node, d) in density.iter_mut().enumerate() {
        let (i, j) = (node / b.nodes, node % b.nodes);
        let (x, y) = (a.low + i as f64 * a.step, b.low + j as f64 * b.step);
        let broad = (1.0 + 0.5 * (x * x + y * y)).powi(-2) / (2.0 * std::f64::consts::PI);
        *d = (1.0 - share) * *d / total + share * broad;
    }
    PairMap::new(a, b, 0.5 * share, density)
}

impl SplatKernel {
    /// The sum over `centres` of this kernel, at all nodes of the grid.
    fn splat(&self, a: Axis, b: Axis, centres: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
        let stride = self.stride;
        let mesh = (a.nodes / stride + 2, b.nodes / stride + 2);
        let mut counts = vec![0.0; mesh.0 * mesh.1];
        for (x, y) in centres {
            let u = ((x - a.low) / (a.step * stride as f64)).clamp(0.0, mesh.0 as f64 - 1.001);
            let v = ((y - b.low) / (b.step * stride as f64)).clamp(0.0, mesh.1 as f64 - 1.001);
            let (i, j) = (u as usize, v as usize);
            let (s, t) = (u - i as f64, v - j as f64);
            let at = i * mesh.1 + j;
            counts[at] += (1.0 - s) * (1.0 - t);
            counts[at + 1] += (1.0 - s) * t;
            counts[at + mesh.1] += s * (1.0 - t);
            counts[at + mesh.1 + 1] += s * t;
        }
        let mut density = vec![0.0; a.nodes * b.nodes];
        let Shape { aa, ab, bb } = self.shape;
        let (regression, rest) = (ab / aa, (bb - ab * ab / aa).max(1e-3 * b.step * b.step).sqrt());
        let head = 1.0 / (aa.sqrt() * rest * 2.0 * std::f64::consts::PI);
        let reach = (REACH * aa.sqrt() / a.step).ceil() as i64;
        for offset in -reach..=reach {
            // One row of the kernel, at this distance along a.
            let da = offset as f64 * a.step;
            let row_head = head * (-0.5 * da * da / aa).exp();
            let from = ((regression * da - REACH * rest) / b.step).floor() as i64;
            let to = ((regression * da + REACH * rest) / b.step).ceil() as i64;
            let row: Vec<f64> = (from..=to)
                .map(|o| {
                    let t = (o as f64 * b.step - regression * da) / rest;
                    row_head * (-0.5 * t * t).exp()
                })
                .collect();
            for i in 0..mesh.0 {
                let target = (i * stride) as i64 + offset;
                if target < 0 || target >= a.nodes as i64 {
                    continue;
                }
                let line = &mut density[target as usize * b.nodes..(target as usize + 1) * b.nodes];
                for j in 0..mesh.1 {
                    let count = counts[i * mesh.1 + j];
                    if count == 0.0 {
                        continue;
                    }
                    let start = (j * stride) as i64 + from;
                    let skip = (-start).max(0) as usize;
                    let end = row.len().min((b.nodes as i64 - start).max(0) as usize);
                    if skip < end {
                        let at = (start + skip as i64) as usize;
                        let out = &mut line[at..at + end - skip];
                        out.iter_mut().zip(&row[skip..end]).for_each(|(o, r)| *o += count * r);
                    }
                }
            }
        }
        density
    }
}
