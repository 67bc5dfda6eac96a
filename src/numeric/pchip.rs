//! Monotone interpolation by piecewise cubic Hermite polynomials (PCHIP).
//!
//! Between two knots the interpolant is the cubic with the given values and with derivatives that never let it overshoot
//! (Fritsch & Carlson 1980), which are the weighted harmonic means of Fritsch & Butland 1984. So it is monotone where the
//! values are, and its derivative is continuous.

/// The interpolant of values at increasing knots.
///
/// # Formula
///
/// With `h_k = x_{k+1} - x_k` and `m_k = (y_{k+1} - y_k) / h_k`, the derivative at an inner knot is 0 where `m_{k-1}` and
/// `m_k` differ in sign or one is 0, else `(w_1 + w_2) / (w_1 / m_{k-1} + w_2 / m_k)` with `w_1 = 2 h_k + h_{k-1}` and
/// `w_2 = h_k + 2 h_{k-1}`. At an end it is the three-point formula, limited so that the shape is kept; with two knots the
/// interpolant is a straight line.
///
/// # Examples
///
/// ```
/// let p = gdiff::numeric::pchip::Pchip::new(&[0.0, 1.0, 2.0], &[0.0, 1.0, 4.0]);
/// assert_eq!(p.value(2.0), 4.0);
/// assert!(p.value(0.5) > 0.0 && p.value(0.5) < p.value(0.6));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pchip {
    x: Vec<f64>,
    y: Vec<f64>,
    derivatives: Vec<f64>,
}

impl Pchip {
    /// The interpolant of at least two knots, `x` strictly increasing and as many `y`; it panics on others.
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        assert!(x.len() >= 2 && x.len() == y.len(), "an interpolant needs two knots, and a value for each");
        assert!(x.windows(2).all(|pair| pair[0] < pair[1]), "the knots must increase");
        Self { x: x.to_vec(), y: y.to_vec(), derivatives: derivatives(x, y) }
    }

    /// As [`new`](Self::new), with given derivatives at both ends, limited to between 0 and three times the slope of the
    /// secant there, within which the interpolant of increasing values increases.
    pub fn with_ends(x: &[f64], y: &[f64], first: f64, last: f64) -> Self {
        let mut p = Self::new(x, y);
        let secant = |k: usize| (y[k + 1] - y[k]) / (x[k + 1] - x[k]);
        let end = x.len() - 1;
        p.derivatives[0] = first.clamp(0.0, 3.0 * secant(0));
        p.derivatives[end] = last.clamp(0.0, 3.0 * secant(end - 1));
        p
    }

    /// The value at `x`; beyond the knots that of the first or last cubic.
    pub fn value(&self, x: f64) -> f64 {
        let k = self.piece(x);
        let h = self.x[k + 1] - self.x[k];
        let s = (x - self.x[k]) / h;
        // In Bernstein's form: sums of products of one sign where the values increase, and exact at the knots.
        let (first, last) = (self.y[k], self.y[k + 1]);
        let (second, third) =
            (first + h * self.derivatives[k] / 3.0, last - h * self.derivatives[k + 1] / 3.0);
        let r = 1.0 - s;
        r * r * r * first + 3.0 * r * r * s * second + 3.0 * r * s * s * third + s * s * s * last
    }

    /// The derivative at `x`.
    pub fn derivative(&self, x: f64) -> f64 {
        let k = self.piece(x);
        let h = self.x[k + 1] - self.x[k];
        let s = (x - self.x[k]) / h;
        let slope = (self.y[k + 1] - self.y[k]) / h;
        let (first, last) = (self.derivatives[k], self.derivatives[k + 1]);
        let middle = 3.0 * slope - first - last;
        let r = 1.0 - s;
        r * r * first + 2.0 * r * s * middle + s * s * last
    }

    /// The place in which values that strictly decrease reach `y`, to rounding; the first or last knot for a `y` beyond them.
    pub fn inverse_decreasing(&self, y: f64) -> f64 {
        let last = self.x.len() - 1;
        let above = self.y.partition_point(|value| *value > y);
        if above == 0 || above > last {
            return self.x[above.min(last)];
        }
        let (mut low, mut high) = (self.x[above - 1], self.x[above]);
        loop {
            let middle = low + 0.5 * (high - low);
            if middle <= low || middle >= high {
                return high;
            }
            if self.value(middle) > y { low = middle } else { high = middle }
        }
    }

    /// The cubic for `x`.
    fn piece(&self, x: f64) -> usize {
        self.x.partition_point(|knot| *knot <= x).clamp(1, self.x.len() - 1) - 1
    }
}

fn derivatives(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let h: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let m: Vec<f64> = y.windows(2).zip(&h).map(|(pair, h)| (pair[1] - pair[0]) / h).collect();
    if n == 2 {
        return vec![m[0]; 2];
    }
    let inner = |k: usize| {
        if m[k - 1] * m[k] <= 0.0 {
            return 0.0;
        }
        let (w1, w2) = (2.0 * h[k] + h[k - 1], h[k] + 2.0 * h[k - 1]);
        (w1 + w2) / (w1 / m[k - 1] + w2 / m[k])
    };
    let first = at_end((h[0], m[0]), (h[1], m[1]));
    let last = at_end((h[n - 2], m[n - 2]), (h[n - 3], m[n - 3]));
    std::iter::once(first).chain((1..n - 1).map(inner)).chain([last]).collect()
}

/// The derivative at an end, from the piece there and the one beside it, each with its length and slope.
fn at_end((h0, m0): (f64, f64), (h1, m1): (f64, f64)) -> f64 {
    let d = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1);
    if d * m0 <= 0.0 {
        0.0
    } else if m0 * m1 <= 0.0 && d.abs() > 3.0 * m0.abs() {
        3.0 * m0
    } else {
        d
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scipy's `PchipInterpolator`: see scripts/oracles/pchip.py.
    const ORACLE: &str = include_str!("../../tests/oracles/pchip.json");

    /// Knots, values, places, and there the interpolant and its derivative.
    type Case = (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>);

    #[test]
    fn it_is_scipys_interpolant() {
        let cases: Vec<Case> = serde_json::from_str(ORACLE).unwrap();
        assert!(cases.len() > 5);
        for (x, y, places, values, slopes) in cases {
            let p = Pchip::new(&x, &y);
            let scale = y.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            for ((place, value), slope) in places.iter().zip(&values).zip(&slopes) {
                assert!((p.value(*place) - value).abs() < 1e-13 * scale, "{x:?} at {place}");
                assert!((p.derivative(*place) - slope).abs() < 1e-11 * scale, "{x:?} at {place}");
            }
        }
    }

    #[test]
    fn what_decreases_is_inverted_and_its_ends_are_kept() {
        let (x, y) = ([0.0, 1.0, 2.0, 4.0], [0.0, -1e-4, -3.0, -3.5]);
        let p = Pchip::new(&x, &y);
        for i in 0..=400 {
            let at = 0.01 * f64::from(i);
            let back = p.inverse_decreasing(p.value(at));
            assert!((p.value(back) - p.value(at)).abs() < 1e-14, "{at}");
            // Where the interpolant is flat, at both ends, a value of so many digits says half as many of the place.
            assert!((back - at).abs() < if p.derivative(at) < -1e-3 { 1e-12 } else { 1e-7 }, "{at}");
            assert!(p.derivative(at) <= 0.0);
        }
        assert_eq!((p.inverse_decreasing(1.0), p.inverse_decreasing(-9.0)), (0.0, 4.0));
        x.iter().zip(y).for_each(|(x, y)| assert_eq!(p.value(*x), y));
    }
}
