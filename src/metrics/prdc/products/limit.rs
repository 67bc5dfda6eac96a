//! Squared radii in single precision.

use super::super::f32_prefilter::{Frame, TINY, slack};

/// A squared radius in the units of half squared distances in single precision: a pair whose lower bound is not below
/// `outside` is outside, one whose upper bound is below `inside` is inside.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub outside: f32,
    pub inside: f32,
}

/// The limits of a squared radius.
pub(super) fn limit(squared: f64, d: usize, frame: &Frame) -> Limit {
    // Nothing is nearer than 0, and without a unit nothing is known.
    if squared == 0.0 || frame.scale == 0.0 {
        let outside = if squared == 0.0 { f32::NEG_INFINITY } else { f32::INFINITY };
        return Limit { outside, inside: f32::NEG_INFINITY };
    }
    let (half, slack, tiny) = (0.5 * squared * frame.scale * frame.scale, slack(d), TINY * d as f64);
    let inside = (1.0 - slack) * half - tiny;
    Limit {
        outside: ((1.0 + slack) * half + tiny) as f32 * (1.0 + f32::EPSILON),
        inside: if inside > 0.0 { inside as f32 * (1.0 - f32::EPSILON) } else { f32::NEG_INFINITY },
    }
}
