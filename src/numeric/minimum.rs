//! Golden-section search for the minimum of a unimodal function.

/// The point between `low` and `high` where a unimodal `cost` has its minimum, to within `width`.
pub fn golden_minimum(cost: impl Fn(f64) -> f64, mut low: f64, mut high: f64, width: f64) -> f64 {
    const SHRINK: f64 = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (high - SHRINK * (high - low), low + SHRINK * (high - low));
    let (mut at_a, mut at_b) = (cost(a), cost(b));
    while high - low > width {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - SHRINK * (high - low);
            at_a = cost(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + SHRINK * (high - low);
            at_b = cost(b);
        }
    }
    0.5 * (low + high)
}
