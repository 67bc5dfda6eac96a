//! The gap between two boxes, such that no point is missed by rounding.
//!
//! Squared distances are summed in the order of the coordinates, and so is the squared gap; since
//! rounding is monotone, the gap cannot exceed the squared distance of any two points in the boxes.

use crate::numeric::simd::{LANES, Lanes};

/// The squared distance between two boxes of `d` sides, each given by its lower and then its upper
/// corner: never more than the rounded squared distance of a point of one to a point of the other.
/// `D` is the dimension, or 0 when it is only known at run time.
#[inline(always)]
pub(super) fn squared_gap<const D: usize>(a: &[f64], b: &[f64], d: usize) -> f64 {
    let gap = |lower_a: f64, upper_a: f64, lower_b: f64, upper_b: f64| {
        let (below, above) = (lower_b - upper_a, lower_a - upper_b);
        let gap = if below < above { above } else { below };
        if gap < 0.0 { 0.0 } else { gap }
    };
    let d = if D == 0 { d } else { D };
    let ((lower_a, upper_a), (lower_b, upper_b)) = (a.split_at(d), b.split_at(d));
    if D > 0 {
        let mut sum = 0.0;
        for c in 0..d {
            let side = gap(lower_a[c], upper_a[c], lower_b[c], upper_b[c]);
            sum += side * side;
        }
        return sum;
    }
    // Summed in eight parts, which is faster; so leave room for the other order of rounding.
    let mut parts = [0.0; LANES];
    let whole = d - d % LANES;
    for c in (0..whole).step_by(LANES) {
        let (la, ua) = (Lanes::load(&lower_a[c..]), Lanes::load(&upper_a[c..]));
        let (lb, ub) = (Lanes::load(&lower_b[c..]), Lanes::load(&upper_b[c..]));
        for (l, part) in parts.iter_mut().enumerate() {
            let side = gap(la.0[l], ua.0[l], lb.0[l], ub.0[l]);
            *part += side * side;
        }
    }
    for c in whole..d {
        let side = gap(lower_a[c], upper_a[c], lower_b[c], upper_b[c]);
        parts[c - whole] += side * side;
    }
    let sum: f64 = parts.iter().sum();
    (sum * (1.0 - 4.0 * d as f64 * f64::EPSILON)).min(f64::MAX)
}
