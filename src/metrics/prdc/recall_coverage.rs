//! Recall and coverage in one walk of the tree: which real points lie in generated spheres, and which real spheres
//! hold generated points. Both are questions about the same pairs of points, and the first pair that answers one of
//! them for a real point ends the search for it.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

use super::distances::{Pairs, compare};
use super::spheres::{LEAVES_PER_TASK, Spheres, task_leaves};
use super::tree::Search;
use crate::numeric::simd::{LANES, Lanes};

/// Counts over the real points, the numerators of recall and coverage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RecallCoverage {
    /// Points within at least one of the other set's spheres.
    pub recalled: usize,
    /// Points whose own sphere holds at least one point of the other set.
    pub covered: usize,
}

impl Spheres {
    /// How many centres of these spheres lie within `others`, and how many of these spheres hold a
    /// centre of `others`.
    pub fn recall_and_coverage(&self, others: &Spheres) -> RecallCoverage {
        let tasks = self.tree.leaves.div_ceil(LEAVES_PER_TASK);
        let counts = (0..tasks).into_par_iter().map(|task| {
            let task = RecallCoverageTask { real: self, others, leaves: task_leaves(&self.tree, task) };
            match self.tree.d {
                1 => Arch::new().dispatch(SizedRecallCoverage::<1>(task)),
                2 => Arch::new().dispatch(SizedRecallCoverage::<2>(task)),
                3 => Arch::new().dispatch(SizedRecallCoverage::<3>(task)),
                4 => Arch::new().dispatch(SizedRecallCoverage::<4>(task)),
                5 => Arch::new().dispatch(SizedRecallCoverage::<5>(task)),
                _ => Arch::new().dispatch(SizedRecallCoverage::<0>(task)),
            }
        });
        counts.reduce(RecallCoverage::default, |a, b| RecallCoverage {
            recalled: a.recalled + b.recalled,
            covered: a.covered + b.covered,
        })
    }
}

/// The real points of some leaves, for which recall and coverage are decided.
struct RecallCoverageTask<'a> {
    real: &'a Spheres,
    others: &'a Spheres,
    leaves: Range<usize>,
}

/// A task compiled for dimension `D` (0: known at run time only).
struct SizedRecallCoverage<'a, const D: usize>(RecallCoverageTask<'a>);

impl<const D: usize> WithSimd for SizedRecallCoverage<'_, D> {
    type Output = RecallCoverage;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> RecallCoverage {
        let RecallCoverageTask { real, others, leaves } = self.0;
        let mut pending = Vec::with_capacity(64);
        let mut state = vec![Margins::default(); real.tree.leaf_points() / LANES];
        let mut counts = RecallCoverage::default();
        for leaf in leaves {
            state.fill(Margins::default());
            let own = real.tree.packets_of_leaf(leaf);
            let own_packets = own.clone();
            let mut search = FirstHits::<S, D> {
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
                    counts.recalled += usize::from(margins.recall.0[l] < 0.0);
                    counts.covered += usize::from(margins.nearest.0[l] < radii.0[l]);
                }
            }
        }
        counts
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
struct FirstHits<'a, S, const D: usize> {
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

impl<S: Simd, const D: usize> FirstHits<'_, S, D> {
    /// Updates what is undecided from the margins.
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

impl<S: Simd, const D: usize> Search for FirstHits<'_, S, D> {
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

impl<S: Simd, const D: usize> Pairs for FirstHits<'_, S, D> {
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
