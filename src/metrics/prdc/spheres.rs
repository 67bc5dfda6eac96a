//! Which points lie in which spheres: every sphere has a point of a tree as its centre and a radius of
//! its own, and holds the points strictly closer than that.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

use super::distances::{Pairs, compare};
use super::f32_prefilter::Frame;
use super::neighbours::squared_radii;
use super::tree::{Node, PointTree, Search};
use crate::numeric::simd::{LANES, Lanes};

/// Leaves that one task works through.
pub(super) const LEAVES_PER_TASK: usize = 16;

/// The points of a set with the spheres that reach to their k-th nearest neighbours.
pub(super) struct Spheres {
    pub tree: PointTree,
    /// Squared radius at every tree position.
    pub squared_radii: Vec<f64>,
    /// Per node the largest squared radius under it: a node whose box is no nearer holds nothing.
    pub largest: Vec<f64>,
}

impl Spheres {
    /// Spheres to the `k`-th nearest other point of each of the points, stored row after row.
    pub fn new(points: &[f64], d: usize, k: usize, frame: &Frame) -> Self {
        let tree = PointTree::new(points, d, frame);
        let squared_radii = squared_radii(&tree, k);
        let mut largest = vec![0.0; 2 * tree.leaves - 1];
        fill_largest(&tree, tree.root(), &squared_radii, &mut largest);
        Self { tree, squared_radii, largest }
    }

    /// The squared radii of one packet.
    #[inline(always)]
    pub fn squared_radii_of(&self, packet: usize) -> Lanes {
        Lanes::load(&self.squared_radii[packet * LANES..])
    }

    /// For each point of `points`, in its tree order, the number of spheres that hold it.
    pub fn count_around(&self, points: &PointTree) -> Vec<u32> {
        let mut counts = vec![0; points.padded_len()];
        counts.par_chunks_mut(LEAVES_PER_TASK * points.leaf_points()).enumerate().for_each(
            |(task, counts)| {
                let leaves = task_leaves(points, task);
                let task = CountTask { spheres: self, points, leaves, counts };
                match points.d {
                    1 => Arch::new().dispatch(SizedCount::<1>(task)),
                    2 => Arch::new().dispatch(SizedCount::<2>(task)),
                    3 => Arch::new().dispatch(SizedCount::<3>(task)),
                    4 => Arch::new().dispatch(SizedCount::<4>(task)),
                    5 => Arch::new().dispatch(SizedCount::<5>(task)),
                    _ => Arch::new().dispatch(SizedCount::<0>(task)),
                }
            },
        );
        counts.truncate(points.len());
        counts
    }
}

/// The leaves of one task.
pub(super) fn task_leaves(tree: &PointTree, task: usize) -> Range<usize> {
    let first = task * LEAVES_PER_TASK;
    first..(first + LEAVES_PER_TASK).min(tree.leaves)
}

/// Fills in the largest squared radius under `node` and every node below it.
fn fill_largest(tree: &PointTree, node: Node, squared_radii: &[f64], largest: &mut [f64]) -> f64 {
    let value = match node.children() {
        Some((left, right)) => fill_largest(tree, left, squared_radii, largest).max(fill_largest(
            tree,
            right,
            squared_radii,
            largest,
        )),
        None => {
            let packets = tree.packets_of(node);
            squared_radii[packets.start * LANES..packets.end * LANES].iter().copied().fold(0.0, f64::max)
        }
    };
    largest[node.id] = value;
    value
}

/// Points that ask how many spheres hold them.
struct CountTask<'a> {
    spheres: &'a Spheres,
    points: &'a PointTree,
    leaves: Range<usize>,
    counts: &'a mut [u32],
}

/// A task compiled for dimension `D` (0: known at run time only).
struct SizedCount<'a, const D: usize>(CountTask<'a>);

impl<const D: usize> WithSimd for SizedCount<'_, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let CountTask { spheres, points, leaves, counts } = self.0;
        let mut pending = Vec::with_capacity(64);
        let mut held = vec![Lanes::splat(0.0); points.leaf_points() / LANES];
        for (leaf, counts) in leaves.zip(counts.chunks_mut(points.leaf_points())) {
            held.fill(Lanes::splat(0.0));
            let own = points.packets_of_leaf(leaf);
            let mut search = Count::<S, D> { spheres, points, own, simd, held: &mut held };
            spheres.tree.walk::<D>(points.corners_of_leaf(leaf), &mut pending, &mut search);
            for (count, held) in counts.iter_mut().zip(held.iter().flat_map(|lanes| &lanes.0)) {
                *count = *held as u32;
            }
        }
    }
}

/// Counts, for each point of the packets `own`, the spheres that hold it.
struct Count<'a, S, const D: usize> {
    spheres: &'a Spheres,
    points: &'a PointTree,
    own: Range<usize>,
    simd: S,
    held: &'a mut [Lanes],
}

impl<S: Simd, const D: usize> Search for Count<'_, S, D> {
    #[inline(always)]
    fn limit(&self, node: usize) -> f64 {
        self.spheres.largest[node]
    }

    #[inline(always)]
    fn visit(&mut self, packets: Range<usize>) {
        let (spheres, points, own) = (self.spheres, self.points, self.own.clone());
        compare::<S, D>(self.simd, (points, own), (&spheres.tree, packets), self);
    }
}

impl<S: Simd, const D: usize> Pairs for Count<'_, S, D> {
    #[inline(always)]
    fn limits(&self, _: usize) -> Lanes {
        Lanes::splat(f64::NEG_INFINITY)
    }

    #[inline(always)]
    fn candidate_limits(&self, packet: usize) -> Lanes {
        self.spheres.squared_radii_of(packet)
    }

    #[inline(always)]
    fn take(&mut self, own: usize, packet: usize, j: usize, squared: Lanes) {
        let radius = self.spheres.squared_radii[packet * LANES + j];
        let held = &mut self.held[own - self.own.start];
        for l in 0..LANES {
            held.0[l] += if squared.0[l] < radius { 1.0 } else { 0.0 };
        }
    }
}
