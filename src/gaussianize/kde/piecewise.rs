//! A strictly increasing piecewise polynomial of degree 11, and its exact inverse.
//!
//! The exact kernel sums cost thousands of operations per point, so each marginal *is defined as* a
//! piecewise polynomial that interpolates them at Chebyshev-Lobatto nodes. Pieces share their end
//! values, hence the function is continuous; its derivative, needed by the log-determinant, is the
//! analytic derivative of the same polynomial; and the inverse runs Newton's method on that very
//! polynomial, inside a bracket, so that the inverse inverts this function to rounding error.

use super::interval_index::IntervalIndex;
use crate::numeric::chebyshev::{GUESS, NODES, chebyshev, monomial, nodes, tables};

/// Relative size of the last Chebyshev coefficients above which a piece is halved.
const RESOLVED: f64 = 2e-14;
/// How often a piece may be halved.
const MAX_SPLITS: u32 = 6;

/// One piece: on `lo..hi` the polynomial `sum_k c[k] t^k`, t from -1 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Lower and upper end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// Value at the lower end.
    pub z_lo: f64,
    /// Value at the upper end.
    pub z_hi: f64,
    /// Coefficients in `t`.
    pub c: [f64; NODES],
    /// Coefficients of a polynomial in the relative height `v` (-1 to 1) that starts the inverse.
    guess: [f64; GUESS],
}

impl Piece {
    /// A piece from its ends and coefficients; `None` unless all is finite and the ends ascend.
    pub fn new(lo: f64, hi: f64, z_lo: f64, z_hi: f64, c: [f64; NODES]) -> Option<Self> {
        let finite = [lo, hi, z_lo, z_hi].iter().chain(&c).all(|v| v.is_finite());
        if !finite || lo >= hi || z_lo > z_hi {
            return None;
        }
        let mut piece = Self { lo, hi, z_lo, z_hi, c, guess: [0.0; GUESS] };
        piece.guess[1] = 1.0;
        let (middle, half) = (0.5 * (z_lo + z_hi), 0.5 * (z_hi - z_lo));
        let at_nodes = tables().guess_nodes.map(|v| piece.solve(middle + half * v, v));
        piece.guess =
            std::array::from_fn(|i| tables().guess[i].iter().zip(&at_nodes).map(|(a, b)| a * b).sum());
        Some(piece)
    }

    fn from_values(lo: f64, hi: f64, z: &[f64; NODES]) -> Option<Self> {
        let (z_lo, z_hi) = (z[0], z[NODES - 1].max(z[0]));
        let curved = Self::new(lo, hi, z_lo, z_hi, monomial(&chebyshev(z)))?;
        let rising = (0..=32).all(|i| curved.derivative_in_t(f64::from(i) / 16.0 - 1.0) > 0.0);
        if rising {
            return Some(curved);
        }
        // Flat to rounding: a straight line keeps the order of the points.
        let mut c = [0.0; NODES];
        c[0] = 0.5 * (z_lo + z_hi);
        c[1] = 0.5 * (z_hi - z_lo);
        Self::new(lo, hi, z_lo, z_hi, c)
    }

    /// Value at `t`, even and odd powers apart so that the processor can run them side by side.
    #[inline]
    fn value(&self, t: f64) -> f64 {
        let (c, t2) = (&self.c, t * t);
        let even = c[0] + t2 * (c[2] + t2 * (c[4] + t2 * (c[6] + t2 * (c[8] + t2 * c[10]))));
        let odd = c[1] + t2 * (c[3] + t2 * (c[5] + t2 * (c[7] + t2 * (c[9] + t2 * c[11]))));
        even + t * odd
    }

    /// Derivative at `t` with respect to `t`.
    #[inline]
    fn derivative_in_t(&self, t: f64) -> f64 {
        let (c, t2) = (&self.c, t * t);
        let odd =
            2.0 * c[2] + t2 * (4.0 * c[4] + t2 * (6.0 * c[6] + t2 * (8.0 * c[8] + t2 * (10.0 * c[10]))));
        let even = c[1]
            + t2 * (3.0 * c[3]
                + t2 * (5.0 * c[5] + t2 * (7.0 * c[7] + t2 * (9.0 * c[9] + t2 * (11.0 * c[11])))));
        even + t * odd
    }

    #[inline]
    fn parameter(&self, s: f64) -> f64 {
        ((s - self.lo) - (self.hi - s)) / (self.hi - self.lo)
    }

    #[inline]
    fn forward(&self, s: f64) -> f64 {
        self.value(self.parameter(s)).clamp(self.z_lo, self.z_hi)
    }

    #[inline]
    fn derivative(&self, s: f64) -> f64 {
        (self.derivative_in_t(self.parameter(s)) * 2.0 / (self.hi - self.lo)).max(f64::MIN_POSITIVE)
    }

    #[inline]
    fn inverse(&self, z: f64) -> f64 {
        let rise = self.z_hi - self.z_lo;
        if rise <= 0.0 {
            return 0.5 * (self.lo + self.hi);
        }
        let v = ((z - self.z_lo) - (self.z_hi - z)) / rise;
        let (g, v2) = (&self.guess, v * v);
        let even = g[0] + v2 * (g[2] + v2 * (g[4] + v2 * g[6]));
        let odd = g[1] + v2 * (g[3] + v2 * (g[5] + v2 * g[7]));
        let t = self.solve(z, (even + v * odd).clamp(-1.0, 1.0));
        let middle = 0.5 * (self.lo + self.hi);
        (middle + 0.5 * (self.hi - self.lo) * t).clamp(self.lo, self.hi)
    }

    /// Newton's method for `value(t) = z` from `t`, falling back to bisection.
    #[inline]
    fn solve(&self, z: f64, mut t: f64) -> f64 {
        let (mut below, mut above) = (-1.0 - 1e-9, 1.0 + 1e-9);
        for _ in 0..100 {
            let miss = self.value(t) - z;
            if miss > 0.0 {
                above = t;
            } else {
                below = t;
            }
            let newton = t - miss / self.derivative_in_t(t);
            if newton >= below && newton <= above {
                let step = (newton - t).abs();
                t = newton;
                // Newton squares the error, times half the curvature over the derivative.
                if step < 1e-8 {
                    break;
                }
            } else if miss == 0.0 || above - below < 1e-15 {
                break;
            } else {
                t = 0.5 * (below + above);
            }
        }
        t
    }
}

/// Pieces end to end, with tables that find the piece of a point or of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseMap {
    pieces: Vec<Piece>,
    by_point: IntervalIndex,
    by_value: IntervalIndex,
}

impl PiecewiseMap {
    /// The map over `pieces`; `None` when there is none or they do not join.
    pub fn new(pieces: Vec<Piece>) -> Option<Self> {
        let joined = pieces.windows(2).all(|w| w[0].hi == w[1].lo && w[0].z_hi <= w[1].z_lo);
        if !joined {
            return None;
        }
        let by_point = IntervalIndex::new(pieces.iter().map(|p| p.lo), pieces.last()?.hi);
        let by_value = IntervalIndex::new(pieces.iter().map(|p| p.z_lo), pieces.last()?.z_hi);
        Some(Self { pieces, by_point, by_value })
    }

    /// The pieces, ascending.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// First piece.
    pub fn first(&self) -> &Piece {
        &self.pieces[0]
    }

    /// Last piece.
    pub fn last(&self) -> &Piece {
        &self.pieces[self.pieces.len() - 1]
    }

    /// Value at `s`, which lies within the pieces.
    #[inline]
    pub fn forward(&self, s: f64) -> f64 {
        self.piece_at(s).forward(s)
    }

    /// Value and derivative at `s`, which lies within the pieces.
    #[inline]
    pub fn forward_with_derivative(&self, s: f64) -> (f64, f64) {
        let piece = self.piece_at(s);
        (piece.forward(s), piece.derivative(s))
    }

    #[inline]
    fn piece_at(&self, s: f64) -> &Piece {
        let (from, to) = self.by_point.range(s);
        let at = from + self.pieces[from..to].partition_point(|p| p.lo <= s);
        &self.pieces[at.max(1) - 1]
    }

    /// The point with value `z`, which lies within the values of the pieces.
    #[inline]
    pub fn inverse(&self, z: f64) -> f64 {
        let (from, to) = self.by_value.range(z);
        let at = from + self.pieces[from..to].partition_point(|p| p.z_lo <= z);
        self.pieces[at.max(1) - 1].inverse(z)
    }
}

/// Builds pieces from left to right, halving where the polynomial does not resolve the function.
pub struct PieceBuilder<F: Fn(f64) -> f64> {
    exact: F,
    pieces: Vec<Piece>,
    /// How many pieces were still unresolved at the smallest size.
    pub unresolved: usize,
}

impl<F: Fn(f64) -> f64> PieceBuilder<F> {
    /// A builder for the function `exact`.
    pub fn new(exact: F) -> Self {
        Self { exact, pieces: Vec::new(), unresolved: 0 }
    }

    /// Appends `lo..hi`, the values at its nodes already known.
    pub fn push_values(&mut self, lo: f64, hi: f64, values: &[f64; NODES]) {
        self.push(lo, hi, values, MAX_SPLITS);
    }

    /// Appends `lo..hi` as one piece.
    pub fn push_once(&mut self, lo: f64, hi: f64, values: &[f64; NODES]) {
        self.push(lo, hi, values, 0);
    }

    /// Appends `lo..hi`.
    pub fn push_interval(&mut self, lo: f64, hi: f64) {
        let values = self.sample(lo, hi);
        self.push(lo, hi, &values, 3 * MAX_SPLITS);
    }

    /// The finished map, `None` when it has no piece.
    pub fn finish(self) -> Option<PiecewiseMap> {
        PiecewiseMap::new(self.pieces)
    }

    fn sample(&self, lo: f64, hi: f64) -> [f64; NODES] {
        let (middle, half) = (0.5 * (lo + hi), 0.5 * (hi - lo));
        let mut values = nodes().map(|t| (self.exact)(middle + half * t));
        values[0] = (self.exact)(lo);
        values[NODES - 1] = (self.exact)(hi);
        values
    }

    fn push(&mut self, lo: f64, hi: f64, values: &[f64; NODES], splits: u32) {
        let mut values = *values;
        if let Some(previous) = self.pieces.last() {
            values[0] = previous.z_hi;
        }
        let coefficients = chebyshev(&values);
        let scale = values[0].abs().max(values[NODES - 1].abs()).max(1.0);
        let tail = coefficients[NODES - 1].abs() + coefficients[NODES - 2].abs();
        let middle = 0.5 * (lo + hi);
        if tail > RESOLVED * scale && splits > 0 && lo < middle && middle < hi {
            for (lo, hi) in [(lo, middle), (middle, hi)] {
                let values = self.sample(lo, hi);
                self.push(lo, hi, &values, splits - 1);
            }
            return;
        }
        self.unresolved += usize::from(tail > RESOLVED * scale);
        self.pieces.extend(Piece::from_values(lo, hi, &values));
    }
}
