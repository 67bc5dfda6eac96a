//! Clipping of the predicted data `x0` to the box of the training points.
//!
//! `x0 = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t)` multiplies an error of `eps` by `1 / sqrt(abar_t)`, which is
//! 20,000 at the last step of the cosine schedule. Ho et al. clip the x0 of images to [-1, 1]; here the box is that of
//! the training points in the space of the diffusion.

use super::{Sampler, Step};
use crate::diffusion::{DiffusionError, Schedule};
use ndarray::{Array2, ArrayView2, Zip};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `abar` at the first step visited under which [`Clip::Auto`] clips: there an error of the predicted noise is
/// multiplied by more than 1000.
const SMALL_ALPHA_BAR: f64 = 1e-6;

/// Whether the predicted `x0` is clipped to the box of the training points in the pipeline's space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clip {
    /// A network's prediction, where abar at the first step visited is under 1e-6. The exact denoiser's x0 is a
    /// conditional mean without an error that could be multiplied, so it stays as it is.
    Auto,
    /// Always, whatever predicts the noise.
    Data,
    /// Never.
    None,
}

impl Clip {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Data, Self::None];

    /// Whether a reverse process is clipped whose first step has this `abar`; `is_trained` says whether a network
    /// predicts the noise.
    pub fn applies(self, first_alpha_bar: f64, is_trained: bool) -> bool {
        match self {
            Self::Auto => is_trained && first_alpha_bar < SMALL_ALPHA_BAR,
            Self::Data => true,
            Self::None => false,
        }
    }
}

/// The smallest box with edges along the axes that holds given points.
#[derive(Clone, Debug, PartialEq)]
pub struct DataBox {
    /// Smallest and largest value of each coordinate.
    sides: Vec<(f64, f64)>,
}

impl DataBox {
    /// The box of points `(n, d)`, `n >= 1`.
    pub fn of(points: ArrayView2<f64>) -> Self {
        let side = |(low, high): (f64, f64), v: &f64| (low.min(*v), high.max(*v));
        let empty = (f64::INFINITY, f64::NEG_INFINITY);
        Self { sides: points.columns().into_iter().map(|column| column.iter().fold(empty, side)).collect() }
    }

    /// The nearest point of the box, for each row of `x`. NaN stays NaN.
    pub fn clip(&self, x: &mut Array2<f64>) {
        for mut row in x.rows_mut() {
            row.iter_mut().zip(&self.sides).for_each(|(v, (low, high))| *v = v.clamp(*low, *high));
        }
    }
}

/// The clipped `x0` and the noise that belongs to it: `eps = (x_t - sqrt(abar_t) x0) / sqrt(1 - abar_t)`.
pub struct Clipped {
    /// Within the box, `(n, d)`.
    pub x0: Array2<f64>,
    /// `(n, d)`.
    pub eps: Array2<f64>,
}

impl Clipped {
    /// Of points `x` `(n, d)` at a step with `abar`, from the noise `eps` `(n, d)` that was predicted there.
    pub fn new(bounds: &DataBox, x: &Array2<f64>, eps: &Array2<f64>, abar: f64) -> Self {
        let (signal, noise) = (abar.sqrt(), (1.0 - abar).sqrt());
        let mut x0 = Zip::from(x).and(eps).map_collect(|x, eps| (x - noise * eps) / signal);
        bounds.clip(&mut x0);
        let eps = Zip::from(x).and(&x0).map_collect(|x, x0| (x - signal * x0) / noise);
        Self { x0, eps }
    }
}

/// A sampler whose predicted `x0` is clipped to a box; as it is where there is none.
pub fn within(bounds: Option<DataBox>, sampler: Box<dyn Sampler>) -> Box<dyn Sampler> {
    match bounds {
        Some(bounds) => Box::new(WithinBox { sampler, bounds }),
        None => sampler,
    }
}

struct WithinBox {
    sampler: Box<dyn Sampler>,
    bounds: DataBox,
}

impl Sampler for WithinBox {
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        self.sampler.times(schedule)
    }

    fn calls_per_step(&self) -> usize {
        self.sampler.calls_per_step()
    }

    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError> {
        self.sampler.step(&Step { bounds: Some(&self.bounds), ..*at }, x)
    }
}
