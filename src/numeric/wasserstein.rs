//! Wasserstein-2 distances on a line, where the optimal coupling is that of the quantiles.

use super::normal;

/// `Phi^-1((i + 1/2) / n)` for `i = 0..n`: the quantiles of N(0, 1) that a sorted sample of `n` points is compared with.
pub fn normal_quantiles(n: usize) -> Vec<f64> {
    let at = |i: usize| (i as f64 + 0.5) / n as f64;
    (0..n).map(|i| normal::quantile(at(i), at(n - 1 - i))).collect()
}

/// Mean squared difference of the sorted `values` and as many `quantiles`: the squared Wasserstein-2 distance of the
/// sample to the distribution of the quantiles. Sorts `values`.
pub fn squared_w2(values: &mut [f64], quantiles: &[f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let sum: f64 = values.iter().zip(quantiles).map(|(v, q)| (v - q) * (v - q)).sum();
    sum / values.len().max(1) as f64
}
