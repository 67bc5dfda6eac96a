//! When a curve has arrived.

/// The first step from which a curve stays within `tolerance` of its final climb, or within `floor` of its end.
///
/// # Formula
///
/// With `v_first` the first and `v_final` the last value: the first `s` such that
/// `|v_u - v_final| <= max(tolerance |v_final - v_first|, floor)` for all `u >= s`. The papers' curves are
/// read with `tolerance = 0.05`; `floor` keeps a curve that begins where it ends from being judged by its
/// sampling noise. Falling curves count like rising ones.
///
/// A constant curve has arrived at its first step. A curve that leaves and returns to exactly where it
/// began has no climb to measure by, and has arrived once it moves no more.
///
/// Values that are not finite are never within the tolerance; a curve that begins with some is measured
/// from its first finite value.
///
/// `None` when there are no values, the lengths differ, the last value is not finite, or the tolerance
/// or the floor is negative or NaN.
///
/// # Examples
///
/// ```
/// let steps = [0, 10, 20, 30, 40];
/// let step = gdiff::metrics::plateau_step(&steps, &[-100.0, -50.0, -4.0, -1.0, 0.0], 0.05, 0.0);
/// assert_eq!(step, Some(20));
/// ```
pub fn plateau_step(steps: &[usize], values: &[f64], tolerance: f64, floor: f64) -> Option<usize> {
    let last = values.last().copied().filter(|last| last.is_finite())?;
    let first = values.iter().copied().find(|value| value.is_finite())?;
    if steps.len() != values.len() || !(tolerance >= 0.0 && floor >= 0.0) {
        return None;
    }
    let band = (tolerance * (last - first).abs()).max(floor);
    let settled = values.iter().rev().take_while(|value| (*value - last).abs() <= band).count();
    steps.get(steps.len() - settled).copied()
}
