//! Sorting points into the leaves of a k-d tree, with the bounding box of every node.

use rayon::join;
use std::cmp::Ordering;

use crate::numeric::simd::LANES;

/// Subtrees of at most this many points are built by one thread.
const BUILD_ALONE: usize = 2048;

/// Points in the order of their leaves; see [`PointTree`](super::tree::PointTree) for the fields.
pub(super) struct Leaves {
    pub order: Vec<usize>,
    pub coordinates: Vec<f64>,
    pub boxes: Vec<f64>,
    /// Number of leaves.
    pub count: usize,
}

/// A point and its row. Points of few dimensions are moved themselves, which is faster than to look them up.
#[derive(Clone, Copy)]
struct Item<P> {
    point: P,
    row: usize,
}

/// Sorts points of `d` coordinates, stored row after row, into leaves of `leaf_points`; all must be finite.
pub(super) fn sort_into_leaves(points: &[f64], d: usize, leaf_points: usize) -> Leaves {
    match d {
        1 => sort_arrays::<1>(points, leaf_points),
        2 => sort_arrays::<2>(points, leaf_points),
        3 => sort_arrays::<3>(points, leaf_points),
        4 => sort_arrays::<4>(points, leaf_points),
        5 => sort_arrays::<5>(points, leaf_points),
        _ => sort(points.chunks_exact(d), d, leaf_points),
    }
}

fn sort_arrays<const D: usize>(points: &[f64], leaf_points: usize) -> Leaves {
    sort(points.as_chunks::<D>().0.iter().copied(), D, leaf_points)
}

fn sort<P: AsRef<[f64]> + Copy + Send>(
    points: impl Iterator<Item = P>,
    d: usize,
    leaf_points: usize,
) -> Leaves {
    let mut items: Vec<Item<P>> = points.enumerate().map(|(row, point)| Item { point, row }).collect();
    let count = items.len().div_ceil(leaf_points);
    let mut boxes = vec![0.0; count.saturating_mul(2).saturating_sub(1) * 2 * d];
    if count > 0 {
        split(d, leaf_points, count, &mut items, &mut boxes);
    }
    let mut coordinates = vec![0.0; items.len().div_ceil(LANES) * d * LANES];
    for (packet, items) in coordinates.chunks_exact_mut(d * LANES).zip(items.chunks(LANES)) {
        for lane in 0..LANES {
            let item = &items[lane.min(items.len() - 1)];
            for (c, value) in item.point.as_ref().iter().enumerate() {
                packet[c * LANES + lane] = *value;
            }
        }
    }
    Leaves { order: items.iter().map(|item| item.row).collect(), coordinates, boxes, count }
}

/// Splits the points of a node at a multiple of the leaf size along the widest side of its box, down
/// to the leaves. `boxes` is the section of the table that belongs to the node and all under it.
fn split<P: AsRef<[f64]> + Copy + Send>(
    d: usize,
    leaf_points: usize,
    leaves: usize,
    items: &mut [Item<P>],
    boxes: &mut [f64],
) {
    let (corners, below) = boxes.split_at_mut(2 * d);
    let (lower, upper) = corners.split_at_mut(d);
    let (mut widest, mut width) = (0, f64::NEG_INFINITY);
    for c in 0..d {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for item in items.iter() {
            let value = item.point.as_ref()[c];
            low = if value < low { value } else { low };
            high = if value > high { value } else { high };
        }
        (lower[c], upper[c]) = (low, high);
        if high - low > width {
            (widest, width) = (c, high - low);
        }
    }
    if leaves < 2 {
        return;
    }
    let left_leaves = leaves / 2;
    let middle = left_leaves * leaf_points;
    items.select_nth_unstable_by(middle, |a, b| order(a.point.as_ref()[widest], b.point.as_ref()[widest]));
    let together = items.len() > BUILD_ALONE;
    let (left, right) = items.split_at_mut(middle);
    let (left_boxes, right_boxes) = below.split_at_mut((2 * left_leaves - 1) * 2 * d);
    let split_left = || split(d, leaf_points, left_leaves, left, left_boxes);
    let split_right = || split(d, leaf_points, leaves - left_leaves, right, right_boxes);
    if together {
        join(split_left, split_right);
    } else {
        let (mut split_left, mut split_right) = (split_left, split_right);
        split_left();
        split_right();
    }
}

/// The order of two finite numbers.
#[inline(always)]
fn order(a: f64, b: f64) -> Ordering {
    if a < b {
        Ordering::Less
    } else if a > b {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}
