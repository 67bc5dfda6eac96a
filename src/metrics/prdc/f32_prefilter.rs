//! In high dimension: a prefilter in single precision that finds the pairs of points whose squared distance needs to be
//! computed in double precision.
//!
//! With `|a - b|^2 = |a|^2 + |b|^2 - 2 a.b`, one fused multiply-add per coordinate on 16 lanes replaces three operations
//! on 8. The rounding error of this form is bounded, and the bound is subtracted: a pair is left out only if its squared
//! distance, however it is rounded, reaches the limit. So the prefilter changes the time and never the result.
//!
//! The bound, for points moved and scaled by a [`Frame`]: rounding the coordinates to `f32` and summing
//! `d` products onto the half norms errs by at most `(d + 5) u (|a|^2 + |b|^2 + limit / 2)`,
//! `u = 2^-24` (Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1), which
//! [`slack`] doubles and rounds up; underflow by less than [`TINY`] a coordinate.

use pulp::Simd;

use crate::numeric::simd::{LANES, Lanes};

/// Points that the prefilter compares at once.
pub(super) const WIDE: usize = 2 * LANES;

/// More than any underflow of one coordinate's product.
pub(super) const TINY: f64 = 1.0 / (1u128 << 110) as f64;

/// Points with a coordinate beyond this many times the frame's unit always pass the prefilter.
pub(super) const FAR: f64 = (1u64 << 30) as f64;

/// With a unit beyond this (or below its inverse) every pair passes the prefilter.
const EXTREME: f64 = 1e100;

/// The origin and the unit of the single-precision coordinates: those of the real points.
pub(super) struct Frame {
    pub(super) centre: Vec<f64>,
    /// Units per 1; 0 where single precision cannot hold the points, so that every pair passes.
    pub(super) scale: f64,
}

impl Frame {
    /// Centred at the mean of the points, stored row after row; the farthest coordinate becomes 1.
    pub fn of(points: &[f64], d: usize) -> Self {
        let centre = mean(points, d);
        let mut farthest_of = vec![0.0; d];
        for point in points.chunks_exact(d) {
            for ((farthest, value), centre) in farthest_of.iter_mut().zip(point).zip(&centre) {
                *farthest = f64::max(*farthest, (value - centre).abs());
            }
        }
        let farthest = farthest_of.into_iter().fold(0.0, f64::max);
        let usable = (1.0 / EXTREME..EXTREME).contains(&farthest) && centre.iter().all(|c| c.is_finite());
        Self { centre, scale: if usable { 1.0 / farthest } else { 0.0 } }
    }
}

/// The mean of points stored row after row, coordinate by coordinate.
pub(super) fn mean(points: &[f64], d: usize) -> Vec<f64> {
    let share = 1.0 / (points.len() / d) as f64;
    let mut mean = vec![0.0; d];
    for point in points.chunks_exact(d) {
        mean.iter_mut().zip(point).for_each(|(sum, value)| *sum += value * share);
    }
    mean
}

/// The points of a tree in single precision.
pub(super) struct F32Prefilter {
    d: usize,
    scale: f64,
    slack: f64,
    /// Scaled coordinates: sixteen points after sixteen points, coordinate after coordinate.
    coordinates_f32: Vec<f32>,
    /// Per position `-(1 - slack) |a|^2 / 2`; `+inf` for points that always need a full comparison.
    half_norms: Vec<f32>,
}

/// A bound on the error of a prefiltered value, as a fraction of norms and limits.
pub(super) fn slack(d: usize) -> f64 {
    (2 * d + 32) as f64 * f64::from(f32::EPSILON)
}

impl F32Prefilter {
    /// Of packets of eight points as the tree stores them.
    pub fn new(packets: &[f64], d: usize, frame: &Frame) -> Self {
        let groups = packets.len().div_ceil(d * WIDE);
        let (mut coordinates_f32, mut half_norms) =
            (vec![0.0; groups * d * WIDE], vec![f32::NEG_INFINITY; groups * WIDE]);
        let slack = slack(d);
        for (packet, coordinates) in packets.chunks_exact(d * LANES).enumerate() {
            let first = packet * LANES;
            let group = &mut coordinates_f32[first / WIDE * d * WIDE..];
            for lane in 0..LANES {
                let column = (first + lane) % WIDE;
                let (mut norm, mut far) = (0.0, frame.scale == 0.0);
                for c in 0..d {
                    let value = (coordinates[c * LANES + lane] - frame.centre[c]) * frame.scale;
                    norm += value * value;
                    far |= value.is_nan() || value.abs() >= FAR;
                    group[c * WIDE + column] = value as f32;
                }
                half_norms[first + lane] = (-0.5 * (1.0 - slack) * norm) as f32;
                if far {
                    half_norms[first + lane] = f32::INFINITY;
                    (0..d).for_each(|c| group[c * WIDE + column] = 0.0);
                }
            }
        }
        // Without a usable frame every half norm is infinite, whatever the unit.
        let scale = if frame.scale == 0.0 { 1.0 } else { frame.scale };
        Self { d, scale, slack, coordinates_f32, half_norms }
    }

    /// Half of a squared distance in the units of the prefilter, rounded up.
    #[inline(always)]
    fn half_limit(&self, limit: f64) -> f32 {
        (0.5 * (1.0 + self.slack) * (limit * self.scale * self.scale) + TINY * self.d as f64) as f32
    }

    /// For eight candidates (those of packet `packet` of `candidates`), bit `l` of the mask is set if
    /// query `l` of the sixteen from packet `own` on may be nearer than its limit or the candidate's.
    #[inline(always)]
    pub fn masks<S: Simd>(
        &self,
        simd: S,
        (own, limits): (usize, [Lanes; 2]),
        candidates: &F32Prefilter,
        (packet, candidate_limits): (usize, Lanes),
    ) -> [u16; LANES] {
        let (mut half_norms, mut open) = ([0.0; WIDE], [0.0; WIDE]);
        for l in 0..WIDE {
            half_norms[l] = self.half_norms[own * LANES + l];
            open[l] = self.half_limit(limits[l / LANES].0[l % LANES]);
        }
        let query = self.group(own).chunks_exact(WIDE);
        let column = packet * LANES % WIDE;
        let mut masks = [0; LANES];
        for part in 0..WIDE / S::F32_LANES {
            let row = |lanes: &[f32]| S::as_simd_f32s(lanes).0[part];
            let (half_norm, open) = (row(&half_norms), row(&open));
            let half_norms_of_candidates = &candidates.half_norms[packet * LANES..(packet + 1) * LANES];
            let mut sums = [half_norm; LANES];
            for (sum, other) in sums.iter_mut().zip(half_norms_of_candidates) {
                *sum = simd.add_f32s(*sum, simd.splat_f32s(*other));
            }
            for (q, c) in query.clone().zip(candidates.group(packet).chunks_exact(WIDE)) {
                let (q, c) = (row(q), &c[column..column + LANES]);
                for (sum, c) in sums.iter_mut().zip(c) {
                    *sum = simd.mul_add_e_f32s(q, simd.splat_f32s(*c), *sum);
                }
            }
            for j in 0..LANES {
                let limit = simd.splat_f32s(self.half_limit(candidate_limits.0[j]));
                let excess = simd.add_f32s(sums[j], simd.max_f32s(open, limit));
                let near = simd.greater_than_f32s(excess, simd.splat_f32s(0.0));
                if simd.first_true_m32s(near) < S::F32_LANES {
                    let mut lanes = [0.0f32; WIDE];
                    if let Some(lanes) = S::as_mut_simd_f32s(&mut lanes).0.first_mut() {
                        *lanes = excess;
                    }
                    for (l, excess) in lanes.iter().enumerate() {
                        masks[j] |= u16::from(*excess > 0.0) << ((part * S::F32_LANES + l) % WIDE);
                    }
                }
            }
        }
        masks
    }

    /// The coordinates of the sixteen points that packet `packet` is one half of.
    #[inline(always)]
    fn group(&self, packet: usize) -> &[f32] {
        let group = packet * LANES / WIDE;
        &self.coordinates_f32[group * self.d * WIDE..(group + 1) * self.d * WIDE]
    }
}
