//! Sums of numbers that are known by their logarithms.

use super::exp_log::{exp, ln};
use super::simd::{LANES, Lanes};

/// `log sum_k exp(a_k)`, without overflow.
pub fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.map(|t| (t - largest).exp()).sum::<f64>().ln()
}

/// `log sum_k exp(a_k)` in each lane, without overflow; minus infinity for no terms.
#[inline(always)]
pub fn log_sum_exp_of_lanes(terms: &[Lanes]) -> Lanes {
    let mut largest = Lanes::splat(f64::NEG_INFINITY);
    for term in terms {
        largest = largest.max(*term);
    }
    let mut sum = Lanes::splat(0.0);
    for term in terms {
        let mut lower = *term;
        (0..LANES).for_each(|l| lower.0[l] -= largest.0[l]);
        sum = sum.plus(exp(lower));
    }
    let mut out = ln(sum).plus(largest);
    for l in 0..LANES {
        out.0[l] = if largest.0[l] == f64::NEG_INFINITY { largest.0[l] } else { out.0[l] };
    }
    out
}
