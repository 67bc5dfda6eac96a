//! The Gaussian late start (Raya & Ambrogioni 2024): the reverse process begins at a step `t_s` below `T`, from a normal
//! distribution with the moments that the noised data have there; the `T - t_s` steps before it are saved.

use crate::diffusion::{DiffusionError, Schedule};
use crate::numeric::gaussian::Gaussian;
use crate::numeric::word_or_number::{WordOrNumber, word_or_number};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_linalg::{Cholesky, Eigh, UPLO};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From where the reverse process begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Pure noise at the last step `T`.
    #[default]
    Noise,
    /// At `start_step`, a normal distribution with the moments that the noised training points have there.
    Late,
}

/// At which step a late start begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartStep {
    /// At this step `t`; 0 is the data themselves, so that nothing is left of the process but the normal distribution.
    At(usize),
    /// At the smallest step at which the noised training points cannot be told from that normal distribution.
    Auto,
}

impl WordOrNumber for StartStep {
    const WORDS: &'static [(&'static str, &'static str)] = &[(
        "auto",
        "the smallest step at which the noised training points cannot be told from that normal distribution (sliced W2 against 20 pairs of its own draws)",
    )];
    const SMALLEST: usize = 0;

    fn of_word(word: &str) -> Option<Self> {
        (word == "auto").then_some(Self::Auto)
    }

    fn of_number(number: usize) -> Self {
        Self::At(number)
    }

    fn written(self) -> Result<&'static str, usize> {
        match self {
            Self::Auto => Ok("auto"),
            Self::At(t) => Err(t),
        }
    }
}

word_or_number!(StartStep);

/// Mean `m` and covariance `C` of points.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `m`, `d` numbers.
    pub mean: Array1<f64>,
    /// `C`, `(d, d)`, with divisor `n - 1`; 0 for a single point.
    pub covariance: Array2<f64>,
}

impl Moments {
    /// Those of points `(n, d)`.
    ///
    /// # Errors
    /// If there is no point.
    pub fn of(points: ArrayView2<f64>) -> Result<Self, DiffusionError> {
        let mean = points.mean_axis(Axis(0)).filter(|_| points.nrows() > 0);
        let mean = mean.ok_or_else(|| DiffusionError::Option("no points to take the moments of".into()))?;
        let centred = &points - &mean;
        let covariance = centred.t().dot(&centred) / (points.nrows().max(2) - 1) as f64;
        Ok(Self { mean, covariance })
    }

    /// The normal distribution of these moments noised to step `t`: `N(sqrt(abar_t) m, abar_t C + (1 - abar_t) I)`.
    ///
    /// # Errors
    /// If the covariance has no eigenvalues in the range of numbers.
    pub fn noised(&self, schedule: &Schedule, t: usize) -> Result<NoisedNormal, DiffusionError> {
        let (mean, covariance) = self.noised_moments(schedule.alpha_bar(t));
        let failed = |what: String| DiffusionError::Option(format!("the moments of the late start: {what}"));
        let (values, vectors) = covariance.eigh(UPLO::Lower).map_err(|e| failed(e.to_string()))?;
        if !values.iter().all(|v| v.is_finite()) {
            return Err(failed("a variance is out of the range of numbers".to_string()));
        }
        // The symmetric root: with it points of the same z at two steps are near each other, and at abar = 0 it is z.
        let root = (&vectors * &values.mapv(|v| v.max(0.0).sqrt())).dot(&vectors.t());
        Ok(NoisedNormal { mean, root })
    }

    /// `sqrt(abar) m` and `abar C + (1 - abar) I`.
    fn noised_moments(&self, abar: f64) -> (Array1<f64>, Array2<f64>) {
        let covariance = &self.covariance * abar + Array2::<f64>::eye(self.mean.len()) * (1.0 - abar);
        (&self.mean * abar.sqrt(), covariance)
    }
}

/// A normal distribution by the symmetric root of its covariance.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisedNormal {
    mean: Array1<f64>,
    root: Array2<f64>,
}

impl NoisedNormal {
    /// The points `m + S^(1/2) z` of standard normal `z` `(n, d)`.
    pub fn points(&self, z: ArrayView2<f64>) -> Array2<f64> {
        z.dot(&self.root) + &self.mean
    }
}

/// A late start of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct LateStart {
    /// The step `t_s`.
    pub t: usize,
    /// The moments of the training points in the run's space.
    pub moments: Moments,
}

impl LateStart {
    /// The density of the points at which the reverse process begins.
    ///
    /// # Errors
    /// If the covariance is singular, as that of points in a plane at `t = 0`.
    pub fn density(&self, schedule: &Schedule) -> Result<Gaussian, DiffusionError> {
        let (mean, covariance) = self.moments.noised_moments(schedule.alpha_bar(self.t));
        let factor = covariance.cholesky(UPLO::Lower).map_err(|e| {
            DiffusionError::Option(format!(
                "the covariance of the late start at t = {} is singular: {e}",
                self.t
            ))
        })?;
        Ok(Gaussian::new(mean.to_vec(), factor.iter().copied().collect()))
    }

    /// The points at which the reverse process begins, of standard normal `z` `(n, d)`.
    ///
    /// # Errors
    /// As [`Moments::noised`].
    pub fn points(&self, schedule: &Schedule, z: ArrayView2<f64>) -> Result<Array2<f64>, DiffusionError> {
        Ok(self.moments.noised(schedule, self.t)?.points(z))
    }
}
