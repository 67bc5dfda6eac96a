//! The two-dimensional sets of the second paper (its section 7.1) and the field's usual ones.
//!
//! The authors draw fixed numbers of points for each part of a set; here each point chooses its part at
//! random with the same share, so that any number of points comes from one distribution.

use crate::numeric::random::Stream;
use ndarray::{Array2, Axis, parallel::prelude::*};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};
use std::f64::consts::PI;

/// Points that share one random sub-stream.
const CHUNK_ROWS: usize = 1024;

/// A set of points in the plane. U is uniform on [0, 1), N standard normal, E exponential with mean 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `a = 1.5 pi (1 + 2 U)`, `(a cos a, a sin a) + noise N`: columns 0 and 2 of the 3-D roll.
    SwissRoll,
    /// The upper crescent `(cos a, sin a) + noise N`, `a = pi U`; a share `extra` of the points is moved by
    /// another `0.3 N` on each axis.
    ScatteredMoon,
    /// The upper crescent; a share `extra` lies in two discs at `(+-1, -0.75)`: angle uniform, radius
    /// `0.2 sqrt(U) + 0.05 N`.
    MoonTwoCircles,
    /// `a = E / 4`, `r = exp(-0.6 a) (1 + 2 sin a)`, `(r cos a, r sin a)` and on each axis a uniform offset of
    /// full width `0.3 (1 - r / 2)`; a share `extra` lies in a blob: `a = pi / 3 + 0.1 N`, `r = 0.5 + 0.2 U`,
    /// `(r cos a - 0.5 + 0.06 N, r sin a - 0.25 + 0.06 N)`.
    CentralBanana,
    /// Two crescents, `(cos a, sin a)` and `(1 - cos a, 1/2 - sin a)`, `a = pi U`, `+ noise N`.
    TwoMoons,
    /// Five spiral arms: `(1 + 0.3 N, 0.1 N)` turned by `2 pi k / 5 + exp(x) / 4`, times 2
    /// (Johnson et al. 2016).
    Pinwheel,
    /// The black squares of a 4 x 4 board on [-4, 4]^2.
    Checkerboard,
    /// Circles of radius 1 and 1/2, `+ noise N`.
    Circles,
    /// `a = 3 pi (U - 1/2)`, `(sin a, sign(a) (cos a - 1)) + noise N`: columns 0 and 2 of the 3-D S.
    SCurve,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SwissRoll,
        Self::ScatteredMoon,
        Self::MoonTwoCircles,
        Self::CentralBanana,
        Self::TwoMoons,
        Self::Pinwheel,
        Self::Checkerboard,
        Self::Circles,
        Self::SCurve,
    ];

    /// The name used in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::SwissRoll => "swiss_roll",
            Self::ScatteredMoon => "scattered_moon",
            Self::MoonTwoCircles => "moon_two_circles",
            Self::CentralBanana => "central_banana",
            Self::TwoMoons => "two_moons",
            Self::Pinwheel => "pinwheel",
            Self::Checkerboard => "checkerboard",
            Self::Circles => "circles",
            Self::SCurve => "s_curve",
        }
    }

    /// The `noise` of the formula where the spec gives none; none where the formula has no such number.
    pub fn usual_noise(self) -> Option<f64> {
        match self {
            Self::SwissRoll | Self::ScatteredMoon | Self::MoonTwoCircles | Self::SCurve => Some(0.1),
            Self::TwoMoons | Self::Circles => Some(0.05),
            Self::CentralBanana | Self::Pinwheel | Self::Checkerboard => None,
        }
    }

    /// The `extra` share where the spec gives none (the authors' numbers out of 5,000 points); none where
    /// the formula has no such part.
    pub fn usual_extra(self) -> Option<f64> {
        match self {
            Self::ScatteredMoon | Self::CentralBanana => Some(0.1),
            Self::MoonTwoCircles => Some(0.2),
            _ => None,
        }
    }
}

/// A shape with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapeSource {
    /// Which shape.
    pub shape: Shape,
    /// Its noise, 0 or more; not used by shapes without.
    pub noise: f64,
    /// Its extra share in [0, 1]; not used by shapes without.
    pub extra: f64,
}

impl ShapeSource {
    /// The shape with its usual numbers.
    pub fn usual(shape: Shape) -> Self {
        Self { shape, noise: shape.usual_noise().unwrap_or(0.0), extra: shape.usual_extra().unwrap_or(0.0) }
    }

    /// `n` independent points, shape `(n, 2)`. The first points do not depend on `n`.
    pub fn sample(&self, n: usize, stream: &Stream) -> Array2<f64> {
        let mut out = Array2::zeros((n, 2));
        out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS).into_par_iter().enumerate().for_each(
            |(chunk, mut block)| {
                let mut rng = stream.at(chunk as u64);
                for mut row in block.rows_mut() {
                    let point = self.point(&mut rng);
                    (row[0], row[1]) = point;
                }
            },
        );
        out
    }

    fn point(&self, rng: &mut impl Rng) -> (f64, f64) {
        match self.shape {
            Shape::SwissRoll => {
                let a = 1.5 * PI * (1.0 + 2.0 * uniform(rng));
                self.blurred((a * a.cos(), a * a.sin()), rng)
            }
            Shape::ScatteredMoon => {
                let scattered = uniform(rng) < self.extra;
                let (x, y) = self.crescent(rng);
                if scattered { (x + 0.3 * normal(rng), y + 0.3 * normal(rng)) } else { (x, y) }
            }
            Shape::MoonTwoCircles => {
                let part = uniform(rng);
                if part >= self.extra {
                    return self.crescent(rng);
                }
                let centre = if part < 0.5 * self.extra { -1.0 } else { 1.0 };
                let a = 2.0 * PI * uniform(rng);
                let r = 0.2 * uniform(rng).sqrt() + 0.05 * normal(rng);
                (centre + r * a.cos(), r * a.sin() - 0.75)
            }
            Shape::CentralBanana if uniform(rng) < self.extra => {
                let a = PI / 3.0 + 0.1 * normal(rng);
                let r = 0.5 + 0.2 * uniform(rng);
                (r * a.cos() - 0.5 + 0.06 * normal(rng), r * a.sin() - 0.25 + 0.06 * normal(rng))
            }
            Shape::CentralBanana => {
                let e: f64 = Exp1.sample(rng);
                let a = 0.25 * e;
                let r = (-0.6 * a).exp() * (1.0 + 2.0 * a.sin());
                let width = 0.3 * (1.0 - 0.5 * r);
                (r * a.cos() + width * (uniform(rng) - 0.5), r * a.sin() + width * (uniform(rng) - 0.5))
            }
            Shape::TwoMoons => {
                let upper = uniform(rng) < 0.5;
                let a = PI * uniform(rng);
                let point = if upper { (a.cos(), a.sin()) } else { (1.0 - a.cos(), 0.5 - a.sin()) };
                self.blurred(point, rng)
            }
            Shape::Pinwheel => {
                let arm = 0.4 * PI * f64::from(rng.random_range(0..5_u32));
                let (x, y) = (1.0 + 0.3 * normal(rng), 0.1 * normal(rng));
                let (sin, cos) = (arm + 0.25 * x.exp()).sin_cos();
                (2.0 * (cos * x - sin * y), 2.0 * (sin * x + cos * y))
            }
            Shape::Checkerboard => {
                let (column, row) = (rng.random_range(0..4_u32), 2 * rng.random_range(0..2_u32));
                let low = |index: u32| 2.0 * f64::from(index) - 4.0;
                (low(column) + 2.0 * uniform(rng), low(row + column % 2) + 2.0 * uniform(rng))
            }
            Shape::Circles => {
                let r = if uniform(rng) < 0.5 { 1.0 } else { 0.5 };
                let a = 2.0 * PI * uniform(rng);
                self.blurred((r * a.cos(), r * a.sin()), rng)
            }
            Shape::SCurve => {
                let a = 3.0 * PI * (uniform(rng) - 0.5);
                self.blurred((a.sin(), a.signum() * (a.cos() - 1.0)), rng)
            }
        }
    }

    fn crescent(&self, rng: &mut impl Rng) -> (f64, f64) {
        let a = PI * uniform(rng);
        self.blurred((a.cos(), a.sin()), rng)
    }

    fn blurred(&self, (x, y): (f64, f64), rng: &mut impl Rng) -> (f64, f64) {
        (x + self.noise * normal(rng), y + self.noise * normal(rng))
    }
}

fn uniform(rng: &mut impl Rng) -> f64 {
    rng.random()
}

fn normal(rng: &mut impl Rng) -> f64 {
    StandardNormal.sample(rng)
}
