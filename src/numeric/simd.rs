//! Eight numbers side by side, which the compiler turns into vector instructions.
//!
//! All comparisons are written so that NaN counts as "not smaller", and no operation is fused, so
//! every lane holds exactly what scalar code would.

/// Points that are handled together.
pub const LANES: usize = 8;

/// One number for each of eight points.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Lanes(pub [f64; LANES]);

impl Lanes {
    /// The same number in every lane.
    #[inline(always)]
    pub fn splat(value: f64) -> Self {
        Self([value; LANES])
    }

    /// The first eight numbers of a slice; zeros where it is shorter.
    #[inline(always)]
    pub fn load(from: &[f64]) -> Self {
        match from.first_chunk() {
            Some(lanes) => Self(*lanes),
            None => Self::splat(0.0),
        }
    }

    /// `self + (a - b)^2`, each operation rounded.
    #[inline(always)]
    pub fn plus_square_of_difference(self, a: Self, b: f64) -> Self {
        let mut sum = self;
        for l in 0..LANES {
            let gap = a.0[l] - b;
            sum.0[l] += gap * gap;
        }
        sum
    }

    /// `self + other`, lane by lane.
    #[inline(always)]
    pub fn plus(self, other: Self) -> Self {
        let mut sum = self;
        for l in 0..LANES {
            sum.0[l] += other.0[l];
        }
        sum
    }

    /// `self + sqrt(squared)`, lane by lane, both operations rounded.
    #[inline(always)]
    pub fn plus_root(self, squared: Self) -> Self {
        let mut sum = self;
        for l in 0..LANES {
            sum.0[l] += squared.0[l].sqrt();
        }
        sum
    }

    /// The first `count` lanes, and zeros in the others.
    #[inline(always)]
    pub fn first(self, count: usize) -> Self {
        let mut out = self;
        out.0.iter_mut().skip(count).for_each(|lane| *lane = 0.0);
        out
    }

    /// The smaller of both in each lane.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        let mut out = other;
        for l in 0..LANES {
            out.0[l] = if self.0[l] < other.0[l] { self.0[l] } else { other.0[l] };
        }
        out
    }

    /// The larger of both in each lane; on a tie or NaN the first.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        let mut out = other;
        for l in 0..LANES {
            out.0[l] = if self.0[l] < other.0[l] { other.0[l] } else { self.0[l] };
        }
        out
    }

    /// Whether any lane is smaller than the same lane of `other`.
    #[inline(always)]
    pub fn any_less(self, other: Self) -> bool {
        let mut any = false;
        for l in 0..LANES {
            any |= self.0[l] < other.0[l];
        }
        any
    }

    /// The largest lane.
    #[inline(always)]
    pub fn largest(self) -> f64 {
        let larger = |a: f64, b: f64| if a < b { b } else { a };
        let v = self.0;
        let half = [larger(v[0], v[4]), larger(v[1], v[5]), larger(v[2], v[6]), larger(v[3], v[7])];
        larger(larger(half[0], half[2]), larger(half[1], half[3]))
    }
}
