//! Distances to the k-th nearest other point, for all points of a set.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

use super::distances::{Pairs, compare};
use super::tree::{Node, PointTree, Search};
use crate::numeric::simd::{LANES, Lanes};

/// Leaves that one task works through.
const LEAVES_PER_TASK: usize = 16;

/// Squared distance of every point to its `k`-th nearest other point, in tree order.
///
/// The point itself is left out by its index, so that a point with `k` duplicates gets 0. The last
/// packet's unused positions hold what the last point would get.
pub(super) fn squared_radii(tree: &PointTree, k: usize) -> Vec<f64> {
    let mut radii = vec![0.0; tree.padded_len()];
    radii.par_chunks_mut(LEAVES_PER_TASK * tree.leaf_points()).enumerate().for_each(|(task, radii)| {
        let first = task * LEAVES_PER_TASK;
        let leaves = first..(first + LEAVES_PER_TASK).min(tree.leaves);
        let task = Task { tree, leaves, k, radii };
        match (tree.d, k) {
            (1, _) => Arch::new().dispatch(SizedRadii::<1, 0>(task)),
            (2, 5) => Arch::new().dispatch(SizedRadii::<2, 5>(task)),
            (2, _) => Arch::new().dispatch(SizedRadii::<2, 0>(task)),
            (3, _) => Arch::new().dispatch(SizedRadii::<3, 0>(task)),
            (4, _) => Arch::new().dispatch(SizedRadii::<4, 0>(task)),
            (5, _) => Arch::new().dispatch(SizedRadii::<5, 0>(task)),
            _ => Arch::new().dispatch(SizedRadii::<0, 0>(task)),
        }
    });
    radii
}

/// The points of some leaves, whose radii are asked for.
struct Task<'a> {
    tree: &'a PointTree,
    leaves: Range<usize>,
    k: usize,
    radii: &'a mut [f64],
}

/// A task compiled for dimension `D` and `K` neighbours (0: known at run time only).
struct SizedRadii<'a, const D: usize, const K: usize>(Task<'a>);

impl<const D: usize, const K: usize> WithSimd for SizedRadii<'_, D, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Task { tree, leaves, k, radii } = self.0;
        let k = if K == 0 { k } else { K };
        let mut pending = Vec::with_capacity(64);
        let mut nearest = vec![Lanes::splat(f64::INFINITY); tree.leaf_points() / LANES * k];
        for (leaf, radii) in leaves.zip(radii.chunks_mut(tree.leaf_points())) {
            nearest.fill(Lanes::splat(f64::INFINITY));
            let own = tree.packets_of_leaf(leaf);
            let mut search =
                Nearest::<S, D, K> { tree, own, k, simd, nearest: &mut nearest, limit: f64::INFINITY };
            tree.walk::<D>(tree.corners_of_leaf(leaf), &mut pending, &mut search);
            for (radii, nearest) in radii.chunks_exact_mut(LANES).zip(nearest.chunks_exact(k)) {
                radii.copy_from_slice(&nearest[k - 1].0);
            }
        }
    }
}

/// The `k` smallest squared distances found so far from each point of the packets `own`.
struct Nearest<'a, S, const D: usize, const K: usize> {
    tree: &'a PointTree,
    own: Range<usize>,
    k: usize,
    simd: S,
    /// Per packet `k` ascending rows of eight lanes.
    nearest: &'a mut [Lanes],
    /// The largest of the k-th distances.
    limit: f64,
}

impl<S: Simd, const D: usize, const K: usize> Search for Nearest<'_, S, D, K> {
    #[inline(always)]
    fn limit(&self, _: Node) -> f64 {
        self.limit
    }

    #[inline(always)]
    fn visit(&mut self, leaf: Node) {
        let (tree, own, k) = (self.tree, self.own.clone(), if K == 0 { self.k } else { K });
        compare::<S, D>(self.simd, (tree, own), (tree, tree.packets_of(leaf)), self);
        let farthest = self.nearest.chunks_exact(k).map(|nearest| nearest[k - 1]);
        self.limit = farthest.take(self.own.len()).fold(Lanes::splat(0.0), Lanes::max).largest();
    }
}

impl<S: Simd, const D: usize, const K: usize> Pairs for Nearest<'_, S, D, K> {
    #[inline(always)]
    fn limits(&self, own: usize) -> Lanes {
        self.nearest[(own - self.own.start + 1) * self.k - 1]
    }

    #[inline(always)]
    fn candidate_limits(&self, _: usize) -> Lanes {
        Lanes::splat(f64::NEG_INFINITY)
    }

    #[inline(always)]
    fn take(&mut self, own: usize, packet: usize, j: usize, mut squared: Lanes) {
        let k = if K == 0 { self.k } else { K };
        if packet == own {
            squared.0[j] = f64::INFINITY;
        }
        let first = (own - self.own.start) * k;
        let nearest = &mut self.nearest[first..first + k];
        if squared.any_less(nearest[k - 1]) {
            insert(nearest, squared);
        }
    }
}

/// Puts a distance into each lane's ascending list, which loses its largest.
#[inline(always)]
fn insert(nearest: &mut [Lanes], squared: Lanes) {
    let mut carried = squared;
    for row in nearest.iter_mut() {
        let (smaller, larger) = (carried.min(*row), carried.max(*row));
        *row = smaller;
        carried = larger;
    }
}
