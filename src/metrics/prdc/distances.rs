//! Squared distances between the points of two leaves, exactly as `sum_c (a_c - b_c)^2` is rounded when
//! summed in the order of the coordinates.

use pulp::Simd;
use std::ops::Range;

use super::f32_prefilter::{F32Prefilter, WIDE};
use super::tree::PointTree;
use crate::numeric::simd::{LANES, Lanes};

/// What is done with the distances of query points to candidates.
pub(super) trait Pairs {
    /// For each point of a query packet: candidates at least this far (squared) do not matter to it.
    fn limits(&self, own: usize) -> Lanes;
    /// For each point of a candidate packet: query points at least this far (squared) do not matter.
    /// A pair is left out only if it matters to neither.
    fn candidate_limits(&self, packet: usize) -> Lanes;
    /// The squared distances of all points of the query packet `own` to candidate `j` of `packet`.
    fn take(&mut self, own: usize, packet: usize, j: usize, squared: Lanes);
}

/// Compares the packets `own` of `query` with the packets `packets` of `candidates`; pairs that do not
/// matter may be left out. `D` is the dimension, or 0 when it is only known at run time.
#[inline(always)]
pub(super) fn compare<S: Simd, const D: usize>(
    simd: S,
    (query, own): (&PointTree, Range<usize>),
    (candidates, packets): (&PointTree, Range<usize>),
    pairs: &mut impl Pairs,
) {
    if let (0, Some(prefilter), Some(other)) = (D, &query.prefilter, &candidates.prefilter) {
        return compare_prefiltered(simd, (query, prefilter, own), (candidates, other, packets), pairs);
    }
    for own in own {
        for packet in packets.clone() {
            for j in 0..candidates.points_in(packet) {
                let squared =
                    squared_distances::<D>(query.packet(own), candidates.packet(packet), query.d, j);
                pairs.take(own, packet, j, squared);
            }
        }
    }
}

/// [`compare`] for pairs that pass the prefilter.
#[inline(always)]
fn compare_prefiltered<S: Simd>(
    simd: S,
    (query, prefilter, own): (&PointTree, &F32Prefilter, Range<usize>),
    (candidates, other, packets): (&PointTree, &F32Prefilter, Range<usize>),
    pairs: &mut impl Pairs,
) {
    for first in own.clone().step_by(WIDE / LANES) {
        for packet in packets.clone() {
            let second = (first + 1).min(own.end - 1);
            let limits = [pairs.limits(first), pairs.limits(second)];
            let others = (packet, pairs.candidate_limits(packet));
            let masks = prefilter.masks(simd, (first, limits), other, others);
            for (j, mask) in masks.into_iter().enumerate().take(candidates.points_in(packet)) {
                for (own, mask) in [(first, mask & 0xff), (first + 1, mask >> 8)] {
                    if mask != 0 && own < query.packets() {
                        let (a, b) = (query.packet(own), candidates.packet(packet));
                        pairs.take(own, packet, j, squared_distances::<0>(a, b, query.d, j));
                    }
                }
            }
        }
    }
}

/// Squared distances of the eight points of packet `query` to point `j` of packet `candidates`.
#[inline(always)]
fn squared_distances<const D: usize>(query: &[f64], candidates: &[f64], d: usize, j: usize) -> Lanes {
    let d = if D == 0 { d } else { D };
    let (query, candidates) = (&query[..d * LANES], &candidates[..d * LANES]);
    let mut sum = Lanes::splat(0.0);
    for c in 0..d {
        sum = sum
            .plus_square_of_difference(Lanes::load(&query[c * LANES..]), candidates[c * LANES + j % LANES]);
    }
    sum
}

/// The squared distance of two points, rounded in the same way.
pub(super) fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}
