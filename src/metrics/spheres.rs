//! Which points lie in which spheres: every sphere has a point of a tree as its centre and a radius of
//! its own, and holds the points strictly closer than that.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

use super::distances::{Pairs, compare};
use super::lanes::{LANES, Lanes};
use super::neighbours::squared_radii;
use super::screen::Frame;
use super::tree::{Node, PointTree, Search};

/// Leaves that one task works through.
const LEAVES_PER_TASK: usize = 16;

/// The points of a set with the spheres that reach to their k-th nearest neighbours.
pub(super) struct Spheres {
    pub tree: PointTree,
    /// Squared radius at every tree position.
    pub squared_radii: Vec<f64>,
    /// Per node the largest squared radius under it: a node whose box is no nearer holds nothing.
    largest: Vec<f64>,
}

/// How many of the real points lie in the other side's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reached {
    /// Points within at least one of the other set's spheres.
    pub recalled: usize,
    /// Points whose own sphere holds at least one point of the other set.
    pub covered: usize,
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
    fn squared_radii_of(&self, packet: usize) -> Lanes {
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
                    _ => Arch::new().dispatch(SizedCount::<0>(task)),
                }
            },
        );
        counts.truncate(points.len());
        counts
    }

    /// How many centres of these spheres lie within `others`, and how many of these spheres hold a
    /// centre of `others`.
    pub fn reached_by(&self, others: &Spheres) -> Reached {
        let tasks = self.tree.leaves.div_ceil(LEAVES_PER_TASK);
        let reached = (0..tasks).into_par_iter().map(|task| {
            let task = ReachTask { real: self, others, leaves: task_leaves(&self.tree, task) };
            match self.tree.d {
                1 => Arch::new().dispatch(SizedReach::<1>(task)),
                2 => Arch::new().dispatch(SizedReach::<2>(task)),
                3 => Arch::new().dispatch(SizedReach::<3>(task)),
                4 => Arch::new().dispatch(SizedReach::<4>(task)),
                _ => Arch::new().dispatch(SizedReach::<0>(task)),
            }
        });
        reached.reduce(Reached::default, |a, b| Reached {
            recalled: a.recalled + b.recalled,
            covered: a.covered + b.covered,
        })
    }
}

/// The leaves of one task.
fn task_leaves(tree: &PointTree, task: usize) -> Range<usize> {
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

/// Real points that ask whether they are recalled and covered.
struct ReachTask<'a> {
    real: &'a Spheres,
    others: &'a Spheres,
    leaves: Range<usize>,
}

/// A task compiled for dimension `D` (0: known at run time only).
struct SizedReach<'a, const D: usize>(ReachTask<'a>);

impl<const D: usize> WithSimd for SizedReach<'_, D> {
    type Output = Reached;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Reached {
        let ReachTask { real, others, leaves } = self.0;
        let mut pending = Vec::with_capacity(64);
        let mut state = vec![Margins::default(); real.tree.leaf_points() / LANES];
        let mut reached = Reached::default();
        for leaf in leaves {
            state.fill(Margins::default());
            let own = real.tree.packets_of_leaf(leaf);
            let own_packets = own.clone();
            let mut search = Reach::<S, D> {
                real,
                others,
                own: own_packets,
                simd,
                margins: &mut state,
                cover: 0.0,
                recall: true,
            };
            search.update();
            others.tree.walk::<D>(real.tree.corners_of_leaf(leaf), &mut pending, &mut search);
            for (packet, margins) in own.zip(&state) {
                let radii = real.squared_radii_of(packet);
                for l in 0..real.tree.points_in(packet) {
                    reached.recalled += usize::from(margins.recall.0[l] < 0.0);
                    reached.covered += usize::from(margins.nearest.0[l] < radii.0[l]);
                }
            }
        }
        reached
    }
}

/// For eight real points, what is known so far.
#[derive(Clone, Copy)]
struct Margins {
    /// The least `|R - F_j|^2 - f_j^2`: negative once a sphere holds the point.
    recall: Lanes,
    /// The least `|R - F_j|^2`.
    nearest: Lanes,
}

impl Default for Margins {
    fn default() -> Self {
        Self { recall: Lanes::splat(f64::INFINITY), nearest: Lanes::splat(f64::INFINITY) }
    }
}

/// Looks, for each real point of the packets `own`, for a sphere around it and a point in its own.
struct Reach<'a, S, const D: usize> {
    real: &'a Spheres,
    others: &'a Spheres,
    own: Range<usize>,
    simd: S,
    margins: &'a mut [Margins],
    /// The largest squared radius of a real point that is not covered yet.
    cover: f64,
    /// Whether a real point is not recalled yet.
    recall: bool,
}

impl<S: Simd, const D: usize> Reach<'_, S, D> {
    /// Finds out what is still open.
    #[inline(always)]
    fn update(&mut self) {
        let mut cover = Lanes::splat(0.0);
        let mut recall = Lanes::splat(-1.0);
        for (packet, margins) in self.own.clone().zip(self.margins.iter()) {
            let radii = self.real.squared_radii_of(packet);
            recall = recall.max(margins.recall);
            for l in 0..LANES {
                let open = if margins.nearest.0[l] < radii.0[l] { 0.0 } else { radii.0[l] };
                cover.0[l] = if cover.0[l] < open { open } else { cover.0[l] };
            }
        }
        self.cover = cover.largest();
        self.recall = recall.largest() >= 0.0;
    }
}

impl<S: Simd, const D: usize> Search for Reach<'_, S, D> {
    #[inline(always)]
    fn limit(&self, node: usize) -> f64 {
        let largest = self.others.largest[node];
        if self.recall && self.cover < largest { largest } else { self.cover }
    }

    #[inline(always)]
    fn visit(&mut self, packets: Range<usize>) {
        let (real, others, own) = (&self.real.tree, &self.others.tree, self.own.clone());
        compare::<S, D>(self.simd, (real, own), (others, packets), self);
        self.update();
    }
}

impl<S: Simd, const D: usize> Pairs for Reach<'_, S, D> {
    #[inline(always)]
    fn limits(&self, own: usize) -> Lanes {
        let mut radii = self.real.squared_radii_of(own);
        let nearest = self.margins[own - self.own.start].nearest;
        for l in 0..LANES {
            radii.0[l] = if nearest.0[l] < radii.0[l] { f64::NEG_INFINITY } else { radii.0[l] };
        }
        radii
    }

    #[inline(always)]
    fn candidate_limits(&self, packet: usize) -> Lanes {
        if self.recall { self.others.squared_radii_of(packet) } else { Lanes::splat(f64::NEG_INFINITY) }
    }

    #[inline(always)]
    fn take(&mut self, own: usize, packet: usize, j: usize, squared: Lanes) {
        let margins = &mut self.margins[own - self.own.start];
        let mut margin = squared;
        for l in 0..LANES {
            margin.0[l] -= self.others.squared_radii[packet * LANES + j];
        }
        margins.recall = margin.min(margins.recall);
        margins.nearest = squared.min(margins.nearest);
    }
}
