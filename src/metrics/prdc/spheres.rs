//! Spheres: every sphere has a point of a tree as its centre and a radius of its own, and holds the points strictly
//! closer than that.

use super::f32_prefilter::Frame;
use super::neighbours::squared_radii;
use super::tree::{Node, PointTree};
use crate::numeric::simd::{LANES, Lanes};

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
