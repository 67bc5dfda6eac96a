//! Wasserstein-2 distances of samples on a line, where the optimal coupling is that of the quantiles:
//! `W2^2(F, G) = integral over u in (0, 1) of (F^-1(u) - G^-1(u))^2`.

use super::normal;
use super::sort::sort_ascending;

/// `Phi^-1((i + 1/2) / n)` for `i = 0..n`: the quantiles of N(0, 1) that a sorted sample of `n` points is compared with.
pub fn normal_quantiles(n: usize) -> Vec<f64> {
    let at = |i: usize| (i as f64 + 0.5) / n as f64;
    (0..n).map(|i| normal::quantile(at(i), at(n - 1 - i))).collect()
}

/// Mean squared difference of the sorted `values` and as many `quantiles`: the squared Wasserstein-2 distance of the
/// sample to the distribution of the quantiles. Sorts `values`.
pub fn squared_w2(values: &mut [f64], quantiles: &[f64]) -> f64 {
    sort_ascending(values, &mut Vec::new());
    let sum: f64 = values.iter().zip(quantiles).map(|(v, q)| (v - q) * (v - q)).sum();
    sum / values.len().max(1) as f64
}

/// Squared Wasserstein-2 distance of two samples on a line, `a` of `n` and `b` of `m` ascending values, both not empty.
///
/// # Formula
///
/// The quantile function of a sample of `n` is the step function with the value `a_(i)` on `((i - 1)/n, i/n]`. So the
/// distance is `1/n sum_i (a_(i) - b_(i))^2` for `n = m`; else the integral is summed over the pieces between the steps
/// of both, whose lengths are exact multiples of `1/(n m)`.
pub fn squared_w2_of_sorted(a: &[f64], b: &[f64]) -> f64 {
    if a.len() == b.len() {
        return sum_of_squared_differences(a, b) / a.len() as f64;
    }
    let (n, m) = (a.len() as u64, b.len() as u64);
    // Positions between 0 and 1 in units of 1/(n m); a step of one sample ends every m units, of the other every n.
    let (mut at, mut sum) = (0, 0.0);
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (end_a, end_b) = ((i as u64 + 1) * m, (j as u64 + 1) * n);
        let end = end_a.min(end_b);
        sum += (end - at) as f64 * ((x - y) * (x - y));
        at = end;
        i += usize::from(end_a == end);
        j += usize::from(end_b == end);
    }
    sum / (n as f64 * m as f64)
}

/// `sum_i (a_i - b_i)^2` in eight partial sums, so that additions need not wait for each other.
fn sum_of_squared_differences(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sums[l] += (a[l] - b[l]) * (a[l] - b[l]);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(rest_a).zip(rest_b) {
        *sum += (a - b) * (a - b);
    }
    sums.iter().sum()
}
