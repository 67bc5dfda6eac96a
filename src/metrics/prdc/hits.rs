//! Which points of two sets lie in whose spheres, in one walk of the tree of real points for every leaf of generated
//! points. A pair at distance `|F_j - R_i|` below `r_i` counts for density and covers `R_i`; one below `f_j` recalls `R_i`.
//!
//! A real point that is recalled stays so. Nodes in which all points are recalled are noted, and generated spheres no
//! longer bring a walk there. Which walk notes it first depends on the threads; the counts do not.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::counts::PrdcCounts;
use super::distances::{Pairs, compare};
use super::spheres::Spheres;
use super::tree::{Node, PointTree, Search};
use crate::numeric::simd::{LANES, Lanes};

/// Leaves that one task works through.
const LEAVES_PER_TASK: usize = 16;

impl Spheres {
    /// For each point of `points`, in its tree order, the number of these spheres that hold it.
    pub fn count_around(&self, points: &PointTree) -> Vec<u32> {
        self.hits(points, None)
    }

    /// What these spheres, the real ones, and the generated ones hold of each other's centres; the counts of the
    /// generated centres are in their tree order.
    pub fn counts(&self, generated: &Spheres) -> PrdcCounts {
        let found = Found {
            recalled: zeros(self.tree.packets()),
            covered: zeros(self.tree.packets()),
            all_recalled: (0..self.largest.len()).map(|_| AtomicBool::new(false)).collect(),
        };
        let holding = self.hits(&generated.tree, Some((generated, &found)));
        PrdcCounts { holding, recalled: ones(&found.recalled), covered: ones(&found.covered) }
    }

    /// For each point of `points` the number of these spheres that hold it; `others` are the spheres around those points,
    /// and where it is noted what both hold.
    fn hits(&self, points: &PointTree, others: Option<(&Spheres, &Found)>) -> Vec<u32> {
        let mut counts = vec![0; points.padded_len()];
        counts.par_chunks_mut(LEAVES_PER_TASK * points.leaf_points()).enumerate().for_each(
            |(task, counts)| {
                let first = task * LEAVES_PER_TASK;
                let leaves = first..(first + LEAVES_PER_TASK).min(points.leaves);
                let task = Task { real: self, points, others, leaves, counts };
                match points.d {
                    1 => Arch::new().dispatch(SizedTask::<1>(task)),
                    2 => Arch::new().dispatch(SizedTask::<2>(task)),
                    3 => Arch::new().dispatch(SizedTask::<3>(task)),
                    4 => Arch::new().dispatch(SizedTask::<4>(task)),
                    5 => Arch::new().dispatch(SizedTask::<5>(task)),
                    _ => Arch::new().dispatch(SizedTask::<0>(task)),
                }
            },
        );
        counts.truncate(points.len());
        counts
    }
}

/// What is found of the real points, by all tasks together.
struct Found {
    /// Per packet a bit for each point: whether a generated sphere holds it.
    recalled: Vec<AtomicU8>,
    /// Per packet a bit for each point: whether its sphere holds a generated point.
    covered: Vec<AtomicU8>,
    /// Per node whether all points under it are known to be recalled.
    all_recalled: Vec<AtomicBool>,
}

impl Found {
    /// Whether all points under a node are known to be recalled; noted once both children are.
    #[inline(always)]
    fn all_recalled(&self, node: Node) -> bool {
        let known = |node: Node| self.all_recalled[node.id].load(Ordering::Relaxed);
        if known(node) {
            return true;
        }
        let all = node.children().is_some_and(|(left, right)| known(left) && known(right));
        if all {
            self.all_recalled[node.id].store(true, Ordering::Relaxed);
        }
        all
    }
}

fn zeros(packets: usize) -> Vec<AtomicU8> {
    (0..packets).map(|_| AtomicU8::new(0)).collect()
}

fn ones(bits: &[AtomicU8]) -> usize {
    bits.iter().map(|bits| bits.load(Ordering::Relaxed).count_ones() as usize).sum()
}

/// Sets bits; returns all that are set.
#[inline(always)]
fn set(bits: &AtomicU8, more: u8) -> u8 {
    let before = bits.load(Ordering::Relaxed);
    // Most bits are set already, and a load is cheap.
    if more & !before == 0 { before } else { bits.fetch_or(more, Ordering::Relaxed) | more }
}

/// The generated points of some leaves, about which real points are asked.
struct Task<'a> {
    real: &'a Spheres,
    points: &'a PointTree,
    others: Option<(&'a Spheres, &'a Found)>,
    leaves: Range<usize>,
    counts: &'a mut [u32],
}

/// A task compiled for dimension `D` (0: known at run time only).
struct SizedTask<'a, const D: usize>(Task<'a>);

impl<const D: usize> WithSimd for SizedTask<'_, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Task { real, points, others, leaves, counts } = self.0;
        let mut pending = Vec::with_capacity(64);
        let nothing = OfPacket { held: Lanes::splat(0.0), radii: Lanes::splat(f64::NEG_INFINITY) };
        let mut state = vec![nothing; points.leaf_points() / LANES];
        for (leaf, counts) in leaves.zip(counts.chunks_mut(points.leaf_points())) {
            state.fill(nothing);
            let own = points.packets_of_leaf(leaf);
            let mut reach = f64::NEG_INFINITY;
            if let Some((others, _)) = others {
                for (packet, state) in own.clone().zip(&mut state) {
                    state.radii = others.squared_radii_of(packet);
                    reach = reach.max(state.radii.largest());
                }
            }
            let found = others.map(|(_, found)| found);
            let mut search = Hits::<S, D> {
                real,
                points,
                found,
                own,
                simd,
                state: &mut state,
                reach,
                recalls: false,
                recalled: 0,
                covered: 0,
            };
            real.tree.walk::<D>(points.corners_of_leaf(leaf), &mut pending, &mut search);
            for (count, held) in counts.iter_mut().zip(state.iter().flat_map(|state| &state.held.0)) {
                *count = *held as u32;
            }
        }
    }
}

/// Of eight generated points.
#[derive(Clone, Copy)]
struct OfPacket {
    /// The real spheres found so far that hold the point.
    held: Lanes,
    /// The squared radius of the point's own sphere; `-inf` where it has none.
    radii: Lanes,
}

/// Looks, for the generated points of the packets `own`, for real points in their spheres and real spheres around them.
struct Hits<'a, S, const D: usize> {
    real: &'a Spheres,
    points: &'a PointTree,
    found: Option<&'a Found>,
    own: Range<usize>,
    simd: S,
    state: &'a mut [OfPacket],
    /// The largest squared radius of the spheres around `own`.
    reach: f64,
    /// Whether a point of the leaf that is visited may not be recalled yet.
    recalls: bool,
    /// What is found of the packet that is visited, a bit for each point.
    recalled: u8,
    covered: u8,
}

impl<S: Simd, const D: usize> Hits<'_, S, D> {
    /// Whether a real point under the node is still to be recalled, as far as is known.
    #[inline(always)]
    fn recalls(&self, node: Node) -> bool {
        self.found.is_some_and(|found| !found.all_recalled(node))
    }
}

impl<S: Simd, const D: usize> Search for Hits<'_, S, D> {
    #[inline(always)]
    fn limit(&self, node: Node) -> f64 {
        let largest = self.real.largest[node.id];
        if largest < self.reach && self.recalls(node) { self.reach } else { largest }
    }

    #[inline(always)]
    fn visit(&mut self, leaf: Node) {
        let (real, points) = (&self.real.tree, self.points);
        self.recalls = self.recalls(leaf);
        let mut all_recalled = true;
        for packet in real.packets_of(leaf) {
            (self.recalled, self.covered) = (0, 0);
            compare::<S, D>(self.simd, (points, self.own.clone()), (real, packet..packet + 1), self);
            if let Some(found) = self.found {
                set(&found.covered[packet], self.covered);
                let recalled = set(&found.recalled[packet], self.recalled);
                all_recalled &= recalled.count_ones() as usize == real.points_in(packet);
            }
        }
        if let Some(found) = self.found.filter(|_| self.recalls && all_recalled) {
            found.all_recalled[leaf.id].store(true, Ordering::Relaxed);
        }
    }
}

impl<S: Simd, const D: usize> Pairs for Hits<'_, S, D> {
    #[inline(always)]
    fn limits(&self, own: usize) -> Lanes {
        if self.recalls { self.state[own - self.own.start].radii } else { Lanes::splat(f64::NEG_INFINITY) }
    }

    #[inline(always)]
    fn candidate_limits(&self, packet: usize) -> Lanes {
        self.real.squared_radii_of(packet)
    }

    #[inline(always)]
    fn take(&mut self, own: usize, packet: usize, j: usize, squared: Lanes) {
        let radius = self.real.squared_radii[packet * LANES + j];
        let state = &mut self.state[own - self.own.start];
        for l in 0..LANES {
            state.held.0[l] += if squared.0[l] < radius { 1.0 } else { 0.0 };
        }
        self.covered |= u8::from(squared.any_less(Lanes::splat(radius))) << j;
        self.recalled |= u8::from(squared.any_less(state.radii)) << j;
    }
}
