//! The energy distance on a line, where it is an integral over the difference of two distribution functions.

/// The U-statistic of the squared energy distance of two samples on a line, `a` of `n` and `b` of `m` ascending values;
/// none where one has fewer than two.
///
/// # Formula
///
/// With `F` and `G` the empirical distribution functions, `E|X - Y| = integral F (1 - G) + G (1 - F)` and
/// `E|X - X'| = 2 n/(n - 1) integral F (1 - F)`, so that the distance is
/// `2 integral (F - G)^2 - F (1 - F) / (n - 1) - G (1 - G) / (m - 1)`: no large means are subtracted.
pub(super) fn energy_distance_of_sorted(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    // Values of each sample up to where the line has been walked.
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    let mut at = a[0].min(b[0]);
    loop {
        let next = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) => *x,
            (None, Some(y)) => *y,
            (None, None) => break,
        };
        let (below_a, below_b) = (i as f64, j as f64);
        let difference = (below_a * m - below_b * n) / (n * m);
        let own = below_a * (n - below_a) / (n * n * (n - 1.0));
        let other = below_b * (m - below_b) / (m * m * (m - 1.0));
        sum += (next - at) * (difference * difference - own - other);
        at = next;
        i += a[i..].iter().take_while(|value| **value == next).count();
        j += b[j..].iter().take_while(|value| **value == next).count();
    }
    Some(2.0 * sum)
}
