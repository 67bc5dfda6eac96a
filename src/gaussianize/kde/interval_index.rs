//! An index of equal intervals over ascending knots, which finds the knot at or below a number in constant time.

/// Equal intervals over ascending knots, each knowing the knots it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IntervalIndex {
    low: f64,
    per_unit: f64,
    /// `starts[b]`: the number of knots in the intervals before `b`.
    starts: Vec<u32>,
}

impl IntervalIndex {
    pub(crate) fn new(knots: impl ExactSizeIterator<Item = f64> + Clone, high: f64) -> Self {
        let low = knots.clone().next().unwrap_or(0.0);
        let count = 2 * knots.len();
        let per_unit = if high > low { count as f64 / (high - low) } else { 0.0 };
        let mut index = Self { low, per_unit, starts: vec![0; count + 1] };
        for knot in knots {
            let slot = index.slot(knot) + 1;
            index.starts[slot] += 1;
        }
        for b in 1..=count {
            index.starts[b] += index.starts[b - 1];
        }
        index
    }

    #[inline]
    fn slot(&self, at: f64) -> usize {
        (((at - self.low) * self.per_unit) as usize).min(self.starts.len() - 2)
    }

    /// Knots that may be the last one at or below `at`: those of its interval, all before are below.
    #[inline]
    pub(crate) fn range(&self, at: f64) -> (usize, usize) {
        let slot = self.slot(at);
        (self.starts[slot] as usize, self.starts[slot + 1] as usize)
    }
}
